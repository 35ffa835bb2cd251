/* From the recipe to the first step: everything that can be wrong with the input is found here. */
#include "train/run/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "data/file/path.h"
#include "kernels/memory.h"
#include "train/adapter/folder.h"
#include "train/run/available_memory.h"
#include "train/run/fingerprint.h"
#include "train/run/plan.h"
#include "train/run/resume.h"
#include "train/run/run_folder.h"

/* The given adapter, whose config decides; keys of the recipe may only repeat it. */
static Status continue_adapter(Trainer *t)
{
    const char *dir = t->recipe.adapter_name_or_path;
    TRY(adapter_folder_open(&t->adapter, &t->state, &t->model, dir, &t->notices), "adapter_name_or_path");
    LoraConfig *config = &t->adapter.config;
    free(config->base_model_name_or_path);
    config->base_model_name_or_path = memory_string(t->recipe.model_name_or_path);
    return lora_config_check(config, dir, &t->recipe);
}

static Status open_adapter(Trainer *t)
{
    if (t->recipe.adapter_name_or_path) return continue_adapter(t);
    LoraConfig config;
    lora_config_from_recipe(&config, &t->recipe);
    TRY(adapter_attach(&t->adapter, &t->state, &t->model, &config, &t->notices));
    TRY(state_allocate(&t->state));
    adapter_initialize(&t->adapter, &t->model, (uint64_t)t->recipe.seed);
    return STATUS_OK;
}

/* A GGUF file may name a tokenizer that is not known here; rows of tokens need none. */
static Status open_tokenizer(Trainer *t)
{
    const char *model = t->recipe.model_name_or_path;
    char *file = memory_format("%s/tokenizer.json", model);
    bool folder = path_is_folder(model), missing = folder && access(file, F_OK);
    free(file);
    if (missing) return STATUS_OK;
    Status status = tokenizer_open(&t->tokenizer, model, &t->notices);
    if (folder || status == STATUS_OK) return status;
    notice(&t->notices, "%s: its tokenizer cannot be used: %s", model, status_message());
    return STATUS_OK;
}

/* A template's file, or a folder that has one. */
static Status read_template(const char *path, char **source)
{
    Mapped file = {0};
    Buffer text = {0};
    char *in_folder = memory_format("%s/chat_template.jinja", path);
    Status status = mapped_open(&file, path_is_folder(path) ? in_folder : path);
    free(in_folder);
    TRY(status, "chat_template_path");
    buffer_add(&text, file.bytes, file.n_bytes);
    *source = buffer_take(&text);
    mapped_close(&file);
    return STATUS_OK;
}

static Status open_text(Trainer *t)
{
    const char *path = t->recipe.chat_template_path, *eos = t->recipe.eos_token;
    char *source = NULL;
    TRY(open_tokenizer(t));
    if (eos && t->tokenizer && tokenizer_id(t->tokenizer, eos) < 0)
        return fail(STATUS_INPUT, "eos_token \"%s\" is no token of this model's vocabulary", eos);
    if (path) TRY(read_template(path, &source));
    else if (t->tokenizer) source = memory_string(tokenizer_chat_template(t->tokenizer));
    t->chat_template_source = path ? memory_string(source) : NULL;
    Status status = source ? chat_template_open(&t->chat_template, path ? path : "the model's chat template", source) : STATUS_OK;
    free(source);
    const char *tool_use = t->tokenizer && !path ? tokenizer_tool_template(t->tokenizer) : NULL;
    if (status != STATUS_OK || !t->chat_template || !tool_use) return status;
    return chat_template_add_tool_use(t->chat_template, "the model's chat template tool_use", tool_use);
}

static CompletionLoss completion_loss(Maybe only)
{
    return only == MAYBE_UNSET ? COMPLETION_LOSS_AUTO : only == MAYBE_YES ? COMPLETION_LOSS_ONLY : COMPLETION_LOSS_ALL;
}

static Status open_examples(Trainer *t, const char *path, bool packing, bool shuffle, Examples *out, DatasetCounts *counts)
{
    const Recipe *r = &t->recipe;
    DatasetOptions options = {
        .encode = { .tokenizer = t->tokenizer, .chat_template = t->chat_template, .eos_token = r->eos_token, .date = r->chat_template_date,
                    .vocabulary = (int32_t)t->model.config.vocab_size, .completion_only_loss = completion_loss(r->completion_only_loss),
                    .assistant_only_loss = r->assistant_only_loss },
        .text_field = r->dataset_text_field, .max_length = r->max_length, .truncation = r->truncation_mode, .packing = packing,
        .packing_strategy = r->packing_strategy, .n_processes = r->dataset_num_proc, .shuffle = shuffle, .seed = (uint64_t)r->seed };
    return dataset_read(path, &options, t->pool, &t->notices, out, counts);
}

/* A file, or in a folder the file of a split: DIR/train.jsonl. */
static char *split_path(const char *name, const char *split)
{
    return path_is_folder(name) ? memory_format("%s/%s.jsonl", name, split) : memory_string(name);
}

static Status open_split(Trainer *t, const char *name, const char *split, bool packing, Examples *out, DatasetCounts *counts)
{
    char *path = split_path(name, split);
    Status status = open_examples(t, path, packing, t->recipe.shuffle_dataset, out, counts);
    free(path);
    return status;
}

/* eval_dataset_name, or the test split of a folder that holds both; nothing where no evaluation is asked for. */
static Status open_eval(Trainer *t)
{
    const Recipe *r = &t->recipe;
    const char *name = r->eval_dataset_name ? r->eval_dataset_name : r->dataset_name;
    bool wanted = r->eval_strategy != STRATEGY_NO || r->eval_on_start;
    if (!wanted) return STATUS_OK;
    if (!r->eval_dataset_name && !path_is_folder(name))
        return fail(STATUS_INPUT, "evaluation needs examples of its own: give eval_dataset_name, or as dataset_name a folder with %s.jsonl and %s.jsonl",
                    r->dataset_train_split, r->dataset_test_split);
    return open_split(t, name, r->dataset_test_split, r->eval_packing == MAYBE_YES, &t->eval, &t->eval_counts);
}

static Status open_data(Trainer *t)
{
    const Recipe *r = &t->recipe;
    TRY(open_split(t, r->dataset_name, r->dataset_train_split, r->packing, &t->train, &t->train_counts), "dataset_name");
    TRY(open_eval(t), "eval_dataset_name");
    t->padding = (Padding){ .padding_free = r->padding_free };
    t->eval_padding = t->padding;
    sampler_init(&t->sampler, &t->train, (SamplerOptions){
        .strategy = r->train_sampling_strategy, .seed = (uint64_t)r->seed, .data_seed = (uint64_t)r->data_seed,
        .drop_last = r->dataloader_drop_last, .batch_size = r->per_device_train_batch_size, .accumulation = r->gradient_accumulation_steps });
    t->steps_per_epoch = sampler_steps(&t->sampler);
    bool none = !t->steps_per_epoch, none_to_evaluate = r->dataloader_drop_last && t->eval.n && t->eval.n < r->per_device_eval_batch_size;
    if (none || none_to_evaluate)
        return fail(STATUS_INPUT, "dataloader_drop_last leaves nothing to %s: %lld examples make no batch of %lld", none ? "train on" : "evaluate",
                    (long long)(none ? t->train.n : t->eval.n), (long long)(none ? r->per_device_train_batch_size : r->per_device_eval_batch_size));
    t->max_steps = r->max_steps > 0 ? r->max_steps : (int64_t)ceil(r->num_train_epochs * (double)t->steps_per_epoch);
    t->logging_steps = recipe_interval(r->logging_steps, t->max_steps);
    t->eval_steps = recipe_interval(r->eval_steps, t->max_steps);
    t->save_steps = recipe_interval(r->save_steps, t->max_steps);
    return recipe_schedule(r, t->max_steps, &t->schedule);
}

/* Trainer counts every parameter that is no embedding; a tied head is one. */
static void describe_inputs(Trainer *t)
{
    const Model *m = &t->model;
    int64_t embedding = m->config.vocab_size * m->config.hidden_size;
    t->flos_per_token = 6.0 * (double)(model_parameters(m) - embedding + state_trainable(&t->state));
    t->inputs = (RunInputs){ fingerprint_outline(model_tensors(m)), fingerprint_examples(&t->train), fingerprint_examples(&t->eval) };
}

Forward trainer_forward(const Trainer *t, const Batch *batch, bool training)
{
    Forward f = { .model = &t->model, .batch = batch, .adapter = &t->adapter, .training = training, .n_recomputed = t->plan.n_recomputed };
    if (t->recipe.neftune_noise_alpha > 0)
        f.noise = (float)(t->recipe.neftune_noise_alpha / sqrt((double)(batch->padded_length * t->model.config.hidden_size)));
    return f;
}

int64_t trainer_most_batches(const Trainer *t)
{
    int64_t asked = t->recipe.gradient_accumulation_steps, there = sampler_batches(&t->sampler);
    return asked < there ? asked : there;
}

static void prepare_step(Trainer *t, Step *step, const Batch *capacity, bool training)
{
    Forward f = trainer_forward(t, capacity, training);
    step_init(step, &t->backend, &f, (float)t->recipe.label_smoothing_factor, training);
    CHECK((int64_t)layout_bytes(step->layout) <= t->plan.step, "the plan says less than the step needs");
    layout_place(step->layout, t->arena);
    rope_reserve(&t->model.rope, capacity->longest);
}

/* Everything that a step needs, allocated as the plan says. */
static Status prepare(Trainer *t)
{
    const Recipe *r = &t->recipe;
    t->arena = mmap(NULL, (size_t)t->plan.step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (t->arena == MAP_FAILED) return fail(STATUS_INPUT, "no memory for a step of %lld bytes", (long long)t->plan.step);
    madvise(t->arena, (size_t)t->plan.step, MADV_HUGEPAGE);      /* products walk down columns, a page a row; refused, it is only slower */
    Batch capacity = batch_capacity(&t->train, r->per_device_train_batch_size, t->padding);
    prepare_step(t, &t->train_step, &capacity, true);
    t->n_batches = trainer_most_batches(t);
    t->batch = memory_new((size_t)t->n_batches, sizeof *t->batch);
    for (int64_t i = 0; i < t->n_batches; i++) batch_init(&t->batch[i], &capacity);
    if (!t->eval.n) return STATUS_OK;
    capacity = batch_capacity(&t->eval, r->per_device_eval_batch_size, t->eval_padding);
    prepare_step(t, &t->eval_step, &capacity, false);
    batch_init(&t->eval_batch, &capacity);
    return STATUS_OK;
}

static Status open_run(Trainer *t, const Resume *resume)
{
    const Recipe *r = &t->recipe;
    t->pool = pool_open(r->threads ? (int)r->threads : pool_default_workers());
    t->backend = cpu_backend(t->pool);
    t->log_history = json_new_array();
    t->adamw = (AdamW){ r->adam_beta1, r->adam_beta2, r->adam_epsilon, r->weight_decay, 0 };
    TRY(model_open(&t->model, r->model_name_or_path), "model_name_or_path");
    TRY(open_adapter(t));
    TRY(open_text(t));
    TRY(open_data(t));
    describe_inputs(t);
    if (resume->dir) TRY(resume_apply(resume, t));
    TRY(plan_make(t, available_memory()));
    return r->plan ? STATUS_OK : prepare(t);
}

Status trainer_open(Trainer *t, int argc, char **argv)
{
    Resume resume = {0};
    Status status;
    TRY(recipe_parse(&t->recipe, argc, argv, &t->notices));
    TRY(run_folder_check(&t->recipe));
    TRY_GOTO(done, status, resume_open(&resume, &t->recipe, &t->notices));
    status = open_run(t, &resume);
done:
    resume_close(&resume);
    return status;
}

void trainer_close(Trainer *t)
{
    step_free(&t->train_step);
    step_free(&t->eval_step);
    for (int64_t i = 0; t->batch && i < t->n_batches; i++) batch_free(&t->batch[i]);
    free(t->batch);
    batch_free(&t->eval_batch);
    if (t->arena && t->arena != MAP_FAILED) munmap(t->arena, (size_t)t->plan.step);
    sampler_free(&t->sampler);
    examples_free(&t->train);
    examples_free(&t->eval);
    adapter_free(&t->adapter);
    state_free(&t->state);
    model_close(&t->model);
    pool_close(t->pool);
    tokenizer_close(t->tokenizer);
    chat_template_close(t->chat_template);
    free(t->chat_template_source);
    tensorboard_close(&t->board);
    report_close(&t->report);
    json_free(t->log_history);
    json_free(t->callbacks);
    free(t->best_model_checkpoint);
    recipe_free(&t->recipe);
    notices_free(&t->notices);
    *t = (Trainer){0};
}
