#include "train/run/plan.h"

#include <string.h>

#include "kernels/memory.h"
#include "train/run/placement.h"

/* Code, libraries and their buffers, thread stacks, the tokenizer: what a process holds besides. Measured, see README. */
enum { PROGRAM_BYTES = 24 << 20 };

int64_t plan_bytes(const Plan *p) { return p->weights + p->state + p->step + p->tables + p->data + p->program; }

static int64_t batch_bytes(const Batch *b)
{
    return (b->n_rows * 2 + b->n_scored * 3) * (int64_t)sizeof(int32_t) + b->n_documents * (int64_t)sizeof(Span);
}

static int64_t examples_bytes(const Examples *e) { return e->n ? e->begin[e->n] * 2 * (int64_t)sizeof(int32_t) + e->n * 3 * (int64_t)sizeof(int64_t) : 0; }

/* What a step must take: its largest micro-batch, and how many of them. */
typedef struct { Batch batch; int64_t accumulation; } Load;

typedef struct { int64_t bytes; double flops; } Measured;

static Measured measure(const Trainer *t, const Batch *capacity, bool training, int n_recomputed)
{
    Step step;
    Forward f = trainer_forward(t, capacity, training);
    f.n_recomputed = n_recomputed;
    step_init(&step, &t->backend, &f, trainer_step_kind(t, training));
    Measured measured = { (int64_t)layout_bytes(step.layout), layout_flops(step.layout) };
    step_free(&step);
    return measured;
}

/* Of a device's memory: weights that are placed, parameters and their gradients, a batch. The optimizer and the examples stay on the host. */
static void only_the_devices(const Trainer *t, Plan *plan)
{
    plan->weights = placement_model_bytes(&t->model, &t->adapter);
    plan->state = 2 * t->state.n * (int64_t)sizeof(float);
    plan->program = 0;
}

static Plan plan_for(const Trainer *t, const Load *load, int n_recomputed)
{
    const Batch *capacity = &load->batch;
    Measured train = measure(t, capacity, true, n_recomputed);
    Plan plan = { .weights = model_weight_bytes(&t->model) + model_copied_bytes(&t->model), .state = state_bytes(&t->state), .step = train.bytes, .program = PROGRAM_BYTES,
                  .n_recomputed = n_recomputed, .flops = train.flops };
    int64_t longest = capacity->longest;
    plan.data = examples_bytes(&t->train) + examples_bytes(&t->eval) + batch_bytes(capacity) * load->accumulation;
    if (t->eval.n) {
        Batch eval = batch_capacity(&t->eval, t->recipe.per_device_eval_batch_size, t->eval_padding);
        Measured evaluation = measure(t, &eval, false, 0);
        if (evaluation.bytes > plan.step) plan.step = evaluation.bytes;
        if (eval.longest > longest) longest = eval.longest;
        plan.data += batch_bytes(&eval);
    }
    plan.tables = model_table_bytes(&t->model, longest);
    if (t->backend.memory) only_the_devices(t, &plan);
    return plan;
}

/* The fewest recomputed layers that fit; all of them where even that does not. */
static Plan fit(const Trainer *t, const Load *load, Checkpointing allowed, int64_t available)
{
    int layers = (int)t->model.config.num_hidden_layers, fits = layers, too_few = 0;
    if (allowed == CHECKPOINTING_NEVER) return plan_for(t, load, 0);
    if (allowed == CHECKPOINTING_ALWAYS) return plan_for(t, load, layers);
    Plan plan = plan_for(t, load, 0);
    if (plan_bytes(&plan) <= available) return plan;
    while (fits - too_few > 1) {
        int n = (fits + too_few) / 2;
        plan = plan_for(t, load, n);
        if (plan_bytes(&plan) <= available) fits = n;
        else too_few = n;
    }
    return plan_for(t, load, fits);
}

static double megabytes(int64_t bytes) { return (double)bytes / 1e6; }

static void suggest(Buffer *out, const Plan *plan, int64_t available, const char *keys)
{
    if (plan_bytes(plan) <= available) buffer_format(out, "%s%s (%.0f MB)", out->len ? ", or " : "", keys, megabytes(plan_bytes(plan)));
}

/* At most what the examples, cut to `length`, would give. */
static Load shortened(const Trainer *t, const Load *load, int32_t length)
{
    Load shorter = *load;
    Batch *b = &shorter.batch;
    int64_t most = t->recipe.per_device_train_batch_size * length;
    b->longest = length;
    if (b->n_rows > most) b->n_rows = most;
    if (b->n_scored > b->n_rows) b->n_scored = b->n_rows;
    return shorter;
}

/* The same examples in a step by smaller micro-batches, or some more where the sizes do not divide. */
static Load divided(const Trainer *t, int64_t size)
{
    const Recipe *r = &t->recipe;
    return (Load){ batch_capacity(&t->train, size, t->padding),
                   r->gradient_accumulation_steps * ((r->per_device_train_batch_size + size - 1) / size) };
}

/* Keys that would make it fit: checkpointing, a smaller batch with as much more accumulation, shorter examples; each alone, but
 * where checkpointing was forbidden and alone is not enough, with it. */
static Status refuse(const Trainer *t, const Load *load, const Plan *plan, int64_t available)
{
    const Recipe *r = &t->recipe;
    Buffer keys = {0};
    char text[160];
    Checkpointing allowed = r->gradient_checkpointing;
    const char *also = "";
    if (allowed == CHECKPOINTING_NEVER) {
        Plan other = fit(t, load, CHECKPOINTING_ALLOWED, available);
        suggest(&keys, &other, available, "gradient_checkpointing true");
        if (!keys.len) allowed = CHECKPOINTING_ALLOWED, also = "gradient_checkpointing true with ";
    }
    for (int64_t size = r->per_device_train_batch_size / 2; size >= 1 && !keys.len; size /= 2) {
        Load smaller = divided(t, size);
        Plan other = fit(t, &smaller, allowed, available);
        snprintf(text, sizeof text, "%sper_device_train_batch_size %lld with gradient_accumulation_steps %lld", also, (long long)size, (long long)smaller.accumulation);
        suggest(&keys, &other, available, text);
    }
    size_t before = keys.len;
    for (int32_t length = load->batch.longest / 2; length >= 16 && keys.len == before; length /= 2) {
        Load shorter = shortened(t, load, length);
        Plan other = fit(t, &shorter, allowed, available);
        snprintf(text, sizeof text, "%smax_length %d", also, length);
        suggest(&keys, &other, available, text);
    }
    Status status = fail(STATUS_INPUT, "the plan needs %.0f MB and %.0f MB are available: %.0f MB too much. %s%s", megabytes(plan_bytes(plan)),
                         megabytes(available), megabytes(plan_bytes(plan) - available), keys.len ? "It would fit with " : "No key of the recipe makes it fit on this machine",
                         keys.len ? keys.data : "");
    buffer_free(&keys);
    return status;
}

Status plan_make(Trainer *t, int64_t available)
{
    const Recipe *r = &t->recipe;
    Load load = { batch_capacity(&t->train, r->per_device_train_batch_size, t->padding), trainer_most_batches(t) };
    t->plan = fit(t, &load, r->gradient_checkpointing, available);
    t->plan.available = available;
    return plan_bytes(&t->plan) <= available ? STATUS_OK : refuse(t, &load, &t->plan, available);
}

static void line(FILE *out, const char *name, int64_t bytes, const char *what)
{
    fprintf(out, "  %-14s %10.1f MB  %s\n", name, megabytes(bytes), what);
}

void plan_print(const Trainer *t, FILE *out)
{
    const Plan *p = &t->plan;
    Batch capacity = batch_capacity(&t->train, t->recipe.per_device_train_batch_size, t->padding);
    Buffer dtypes = {0}, text = {0};
    model_dtypes(&t->model, &dtypes);
    fprintf(out, "memory plan\n");
    buffer_format(&text, "%.1f M parameters, %s, %s", (double)model_parameters(&t->model) / 1e6, dtypes.data,
                  t->backend.memory ? "on the device" : "mapped from the file");
    line(out, "base model", p->weights, text.data);
    buffer_clear(&text);
    buffer_format(&text, "%.2f M trained parameters, gradients%s", (double)state_trainable(&t->state) / 1e6,
                  t->backend.memory ? "; the moments of AdamW are on the host" : ", both moments of AdamW");
    line(out, "adapter", p->state, text.data);
    buffer_clear(&text);
    buffer_format(&text, "up to %lld tokens, the longest example %d; %d of %lld layers recomputed", (long long)capacity.n_rows, capacity.longest,
                  p->n_recomputed, (long long)t->model.config.num_hidden_layers);
    line(out, "step", p->step, text.data);
    line(out, "data", p->data + p->tables, "examples, batches, tables of positions");
    line(out, "program", p->program, "code, libraries, threads");
    buffer_clear(&text);
    buffer_format(&text, "of %.0f MB available", megabytes(p->available));
    line(out, "total", plan_bytes(p), text.data);
    fprintf(out, "cost\n  %.3g FLOP in the largest micro-batch, %lld optimizer steps of up to %lld micro-batches\n", p->flops, (long long)t->max_steps,
            (long long)t->recipe.gradient_accumulation_steps);
    buffer_free(&dtypes);
    buffer_free(&text);
}
