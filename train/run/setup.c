/* From the recipe to the first step: everything that can be wrong with the input is found here. */
#include "train/run/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "kernels/memory.h"
#include "train/adapter/folder.h"
#include "train/adapter/trained.h"
#include "train/run/fingerprint.h"
#include "train/run/placement.h"
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
    adapter_initialize(&t->adapter, (uint64_t)t->recipe.seed);
    return STATUS_OK;
}

/* `train`: what was found in the training rows, for the evaluation's; `found` as dataset_read fills it. */
static Status open_split(Trainer *t, const DataMix *mix, bool packing, const Findings *train, Findings *found, Examples *out, DatasetCounts *counts)
{
    DatasetOptions options = rows_input_options(&t->text, &t->recipe, t->model.config.vocab_size, packing);
    options.train = train;
    return dataset_read(mix, &options, t->pool, &t->notices, found, out, counts);
}

static Status open_train(Trainer *t, Findings *found)
{
    DataSource *source;
    DataMix mix = recipe_train_data(&t->recipe, &source);
    Status status = open_split(t, &mix, t->recipe.packing, NULL, found, &t->train, &t->train_counts);
    free(source);
    return status;
}

/* eval_dataset_name, held out rows, or the test split of what has splits; nothing where no evaluation is asked for. */
static Status open_eval(Trainer *t, const Findings *train)
{
    const Recipe *r = &t->recipe;
    DataSource *source;
    bool wanted = r->eval_strategy != STRATEGY_NO || r->eval_on_start;
    if (!wanted) return STATUS_OK;
    if (!recipe_has_eval_data(r))
        return fail(STATUS_INPUT, "evaluation needs examples of its own: give eval_dataset_name or test_split_size, or as dataset_name a folder with the splits "
                                  "%s and %s", r->dataset_train_split, r->dataset_test_split);
    DataMix mix = recipe_eval_data(r, &source);
    Status status = open_split(t, &mix, r->eval_packing == MAYBE_YES, train, NULL, &t->eval, &t->eval_counts);
    free(source);
    return status;
}

static Status open_rows(Trainer *t)
{
    Findings train = {0};
    TRY(open_train(t, &train), "%s", json_count(t->recipe.datasets) ? "datasets" : "dataset_name");
    Status status = open_eval(t, &train);
    findings_free(&train);
    TRY(status, "eval_dataset_name");
    return STATUS_OK;
}

static Status open_data(Trainer *t)
{
    const Recipe *r = &t->recipe;
    TRY(open_rows(t));
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
    int64_t trained = state_trainable(&t->state) - trained_uncounted(&t->adapter);
    t->flos_per_token = 6.0 * (double)(model_parameters(m) - model_embedding_parameters(m) + trained);
    t->inputs = (RunInputs){ fingerprint_outline(model_tensors(m)), fingerprint_examples(&t->train), fingerprint_examples(&t->eval) };
}

Forward trainer_forward(const Trainer *t, const Batch *batch, bool training)
{
    Forward f = { .model = &t->model, .batch = batch, .adapter = &t->adapter, .training = training, .n_recomputed = t->plan.n_recomputed };
    if (t->recipe.neftune_noise_alpha > 0)
        f.noise = (float)(t->recipe.neftune_noise_alpha / sqrt((double)(batch->padded_length * t->model.config.hidden_size)));
    return f;
}

StepKind trainer_step_kind(const Trainer *t, bool training)
{
    return (StepKind){ .smoothing = (float)t->recipe.label_smoothing_factor, .gradient = training, .keep_bf16 = t->recipe.bf16 };
}

int64_t trainer_most_batches(const Trainer *t)
{
    int64_t asked = t->recipe.gradient_accumulation_steps, there = sampler_batches(&t->sampler);
    return asked < there ? asked : there;
}

static void prepare_step(Trainer *t, Step *step, const Batch *capacity, bool training)
{
    Forward f = trainer_forward(t, capacity, training);
    step_init(step, &t->backend, &f, trainer_step_kind(t, training));
    CHECK((int64_t)layout_bytes(step->layout) <= t->plan.step, "the plan says less than the step needs");
    layout_place(step->layout, t->arena);
    step->tape.profile = &t->profile;
    model_reserve_positions(&t->model, capacity->longest);
}

static Status take_arena(Trainer *t)
{
    if (t->backend.memory) return t->backend.memory->take(t->backend.device, (size_t)t->plan.step, &t->arena);
    t->arena = mmap(NULL, (size_t)t->plan.step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (t->arena == MAP_FAILED) return fail(STATUS_INPUT, "no memory for a step of %lld bytes", (long long)t->plan.step);
    madvise(t->arena, (size_t)t->plan.step, MADV_HUGEPAGE);      /* products walk down columns, a page a row; refused, it is only slower */
    return STATUS_OK;
}

static void give_arena(Trainer *t)
{
    if (t->backend.memory) t->backend.memory->give(t->backend.device, t->arena);
    else if (t->arena && t->arena != MAP_FAILED) munmap(t->arena, (size_t)t->plan.step);
}

/* Everything that a step needs, allocated as the plan says. */
static Status prepare(Trainer *t)
{
    const Recipe *r = &t->recipe;
    TRY(take_arena(t), "memory of a step");
    TRY(placement_model(&t->backend, &t->model, &t->adapter));
    TRY(state_place(&t->state, &t->backend));
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

/* Learned positions end: no document may be longer. */
static Status check_lengths(const Trainer *t)
{
    TRY(model_check_length(&t->model, batch_capacity(&t->train, 1, t->padding).longest), "dataset_name");
    if (t->eval.n) TRY(model_check_length(&t->model, batch_capacity(&t->eval, 1, t->eval_padding).longest), "eval_dataset_name");
    return STATUS_OK;
}

/* Not everybody knows that a base model brings its own. */
static void mention_dropouts(Trainer *t)
{
    Buffer list = {0};
    config_dropouts(&t->model.config, &list);
    if (list.len) notice(&t->notices, "the base model's dropouts are at work in training, as in TRL's: %s in its config.json; 0 there switches them off", list.data);
    buffer_free(&list);
}

static Status open_run(Trainer *t, const Resume *resume)
{
    const Recipe *r = &t->recipe;
    t->pool = pool_open(r->threads ? (int)r->threads : pool_default_workers());
    TRY(run_device_open(&t->device, r->device, r->cpu_isa, r->bf16 ? PRECISION_BF16 : PRECISION_F32, t->pool));
    t->backend = t->device.backend;
    if (r->profile && t->device.device) device_careful(t->device.device, true);      /* a launch returns before its kernel has run */
    t->log_history = json_new_array();
    t->adamw = (AdamW){ r->adam_beta1, r->adam_beta2, r->adam_epsilon, r->weight_decay, 0 };
    TRY(model_open(&t->model, r->model_name_or_path), "model_name_or_path");
    mention_dropouts(t);
    TRY(open_adapter(t));
    TRY(rows_input_open(&t->text, r, &t->notices));
    TRY(open_data(t));
    TRY(check_lengths(t));
    describe_inputs(t);
    if (resume->dir) TRY(resume_apply(resume, t));
    int64_t available;
    TRY(run_device_memory(&t->device, &available));
    TRY(plan_make(t, available));
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
    give_arena(t);
    sampler_free(&t->sampler);
    examples_free(&t->train);
    examples_free(&t->eval);
    adapter_free(&t->adapter);
    state_free(&t->state);
    model_close(&t->model);
    run_device_close(&t->device);
    pool_close(t->pool);
    rows_input_close(&t->text);
    tensorboard_close(&t->board);
    report_close(&t->report);
    json_free(t->log_history);
    json_free(t->callbacks);
    free(t->best_model_checkpoint);
    recipe_free(&t->recipe);
    notices_free(&t->notices);
    *t = (Trainer){0};
}
