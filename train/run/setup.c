/* From the recipe to the first step: everything that can be wrong with the input is found here. */
#include "train/run/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "data/set/encode.h"
#include "kernels/memory.h"
#include "train/adapter/folder.h"
#include "train/run/fingerprint.h"
#include "train/run/resume.h"
#include "train/run/run_folder.h"

static Status open_adapter(Trainer *t)
{
    const Recipe *r = &t->recipe;
    LoraConfig config;
    lora_config_from_recipe(&config, r);
    if (r->adapter_name_or_path) {
        char *path = memory_format("%s/adapter_config.json", r->adapter_name_or_path);
        lora_config_free(&config);
        Status status = lora_config_read(&config, path);
        free(path);
        TRY(status);
    }
    TRY(adapter_attach(&t->adapter, &t->state, &t->model, &config, &t->notices));
    TRY(state_allocate(&t->state));
    if (r->adapter_name_or_path) return adapter_folder_load(&t->adapter, r->adapter_name_or_path);
    adapter_initialize(&t->adapter, &t->model, (uint64_t)r->seed);
    return STATUS_OK;
}

static Status open_examples(Trainer *t, const char *path, bool packing, Examples *out)
{
    const Recipe *r = &t->recipe;
    Rows rows = {0};
    EncodeCounts counts;
    Status status;
    TRY_GOTO(done, status, rows_open(&rows, path, r->dataset_text_field, &t->notices));
    EncodeOptions options = { .vocabulary = (int32_t)t->model.config.vocab_size, .max_length = r->max_length, .packing = packing,
                              .completion_only_loss = r->completion_only_loss == MAYBE_UNSET ? COMPLETION_LOSS_AUTO
                                                      : r->completion_only_loss == MAYBE_YES ? COMPLETION_LOSS_ONLY : COMPLETION_LOSS_ALL };
    TRY_GOTO(done, status, encode_rows(&rows, &options, t->pool, &t->notices, out, &counts));
done:
    rows_close(&rows);
    return status;
}

static Status open_data(Trainer *t)
{
    const Recipe *r = &t->recipe;
    TRY(open_examples(t, r->dataset_name, r->packing, &t->train), "dataset_name");
    if (r->eval_dataset_name) TRY(open_examples(t, r->eval_dataset_name, r->eval_packing == MAYBE_YES, &t->eval), "eval_dataset_name");
    t->padding = (Padding){ .padding_free = r->padding_free };
    t->eval_padding = t->padding;
    sampler_init(&t->sampler, &t->train, (SamplerOptions){
        .strategy = (SamplerStrategy)r->train_sampling_strategy, .seed = (uint64_t)r->seed, .data_seed = (uint64_t)r->data_seed, .has_data_seed = true,
        .drop_last = r->dataloader_drop_last, .batch_size = r->per_device_train_batch_size, .accumulation = r->gradient_accumulation_steps });
    t->steps_per_epoch = sampler_steps(&t->sampler);
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
    Forward f = { .model = &t->model, .batch = batch, .adapter = &t->adapter, .training = training };
    if (t->recipe.neftune_noise_alpha > 0)
        f.noise = (float)(t->recipe.neftune_noise_alpha / sqrt((double)(batch->padded_length * t->model.config.hidden_size)));
    return f;
}

/* Lays both kinds of step out at capacity, in one arena. */
static Status lay_out(Trainer *t)
{
    const Recipe *r = &t->recipe;
    Batch capacity = batch_capacity(&t->train, r->per_device_train_batch_size, t->padding);
    Forward f = trainer_forward(t, &capacity, true);
    step_init(&t->train_step, &t->backend, &f, (float)r->label_smoothing_factor, true);
    t->arena_bytes = layout_bytes(t->train_step.layout);
    t->batch = memory_new((size_t)r->gradient_accumulation_steps, sizeof *t->batch);
    for (int64_t i = 0; i < r->gradient_accumulation_steps; i++) batch_init(&t->batch[i], &capacity);
    int64_t longest = capacity.longest;
    if (t->eval.n) {
        Batch eval = batch_capacity(&t->eval, r->per_device_eval_batch_size, t->eval_padding);
        Forward e = trainer_forward(t, &eval, false);
        step_init(&t->eval_step, &t->backend, &e, (float)r->label_smoothing_factor, false);
        batch_init(&t->eval_batch, &eval);
        if (layout_bytes(t->eval_step.layout) > t->arena_bytes) t->arena_bytes = layout_bytes(t->eval_step.layout);
        if (eval.longest > longest) longest = eval.longest;
    }
    rope_reserve(&t->model.rope, longest);
    t->arena = mmap(NULL, t->arena_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (t->arena == MAP_FAILED) return fail(STATUS_INPUT, "no memory for a step of %zu bytes", t->arena_bytes);
    layout_place(t->train_step.layout, t->arena);
    if (t->eval.n) layout_place(t->eval_step.layout, t->arena);
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
    TRY(open_data(t));
    describe_inputs(t);
    if (resume->dir) TRY(resume_apply(resume, t));
    return lay_out(t);
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
    for (int64_t i = 0; t->batch && i < t->recipe.gradient_accumulation_steps; i++) batch_free(&t->batch[i]);
    free(t->batch);
    batch_free(&t->eval_batch);
    if (t->arena && t->arena != MAP_FAILED) munmap(t->arena, t->arena_bytes);
    sampler_free(&t->sampler);
    examples_free(&t->train);
    examples_free(&t->eval);
    adapter_free(&t->adapter);
    state_free(&t->state);
    model_close(&t->model);
    pool_close(t->pool);
    json_free(t->log_history);
    json_free(t->callbacks);
    free(t->best_model_checkpoint);
    recipe_free(&t->recipe);
    notices_free(&t->notices);
    *t = (Trainer){0};
}
