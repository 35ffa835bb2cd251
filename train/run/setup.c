/* From the recipe to the first step: everything that can be wrong with the input is found here. */
#include "train/run/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "data/set/encode.h"
#include "kernels/memory.h"
#include "train/adapter/folder.h"
#include "train/run/available_memory.h"
#include "train/run/plan.h"

static Status open_adapter(Trainer *t)
{
    const Recipe *r = &t->recipe;
    if (r->adapter_name_or_path) return adapter_folder_open(&t->adapter, &t->state, &t->model, r->adapter_name_or_path, &t->notices);
    LoraConfig config;
    lora_config_from_recipe(&config, r);
    TRY(adapter_attach(&t->adapter, &t->state, &t->model, &config, &t->notices));
    TRY(state_allocate(&t->state));
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

Forward trainer_forward(const Trainer *t, const Batch *batch, bool training)
{
    Forward f = { .model = &t->model, .batch = batch, .adapter = &t->adapter, .training = training, .n_recomputed = t->plan.n_recomputed };
    if (t->recipe.neftune_noise_alpha > 0)
        f.noise = (float)(t->recipe.neftune_noise_alpha / sqrt((double)(batch->padded_length * t->model.config.hidden_size)));
    return f;
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
    Batch capacity = batch_capacity(&t->train, r->per_device_train_batch_size, t->padding);
    prepare_step(t, &t->train_step, &capacity, true);
    t->batch = memory_new((size_t)r->gradient_accumulation_steps, sizeof *t->batch);
    for (int64_t i = 0; i < r->gradient_accumulation_steps; i++) batch_init(&t->batch[i], &capacity);
    if (!t->eval.n) return STATUS_OK;
    capacity = batch_capacity(&t->eval, r->per_device_eval_batch_size, t->eval_padding);
    prepare_step(t, &t->eval_step, &capacity, false);
    batch_init(&t->eval_batch, &capacity);
    return STATUS_OK;
}

Status trainer_open(Trainer *t, int argc, char **argv)
{
    const Recipe *r = &t->recipe;
    TRY(recipe_parse(&t->recipe, argc, argv, &t->notices));
    t->pool = pool_open(r->threads ? (int)r->threads : pool_default_workers());
    t->backend = cpu_backend(t->pool);
    t->log_history = json_new_array();
    t->adamw = (AdamW){ r->adam_beta1, r->adam_beta2, r->adam_epsilon, r->weight_decay, 0 };
    TRY(model_open(&t->model, r->model_name_or_path), "model_name_or_path");
    TRY(open_adapter(t));
    TRY(open_data(t));
    TRY(plan_make(t, available_memory()));
    return r->plan ? STATUS_OK : prepare(t);
}

void trainer_close(Trainer *t)
{
    step_free(&t->train_step);
    step_free(&t->eval_step);
    for (int64_t i = 0; t->batch && i < t->recipe.gradient_accumulation_steps; i++) batch_free(&t->batch[i]);
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
    json_free(t->log_history);
    recipe_free(&t->recipe);
    notices_free(&t->notices);
    *t = (Trainer){0};
}
