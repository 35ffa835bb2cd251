/* Whole runs on very small models against what transformers, PEFT and TRL computed (tests/peers/golden_model.py): logits, the
 * gradient of every adapter tensor, ten steps of training. Tolerances are the project's for float32: TRL against itself under
 * another attention kernel and thread count differs by 2e-7, 2e-7 and 7e-6. Then: recomputing layers and the number of
 * threads change no bit, with the base model's dropouts at work or not; and these are none of evaluation's. */
#include "tests/testing.h"

#include <glob.h>
#include <math.h>
#include <sys/mman.h>

#include "data/file/safetensors.h"
#include "kernels/layout.h"
#include "kernels/memory.h"
#include "train/adapter/folder.h"
#include "tests/kernels/cpu/emulated.h"
#include "train/run/step.h"
#include "optim/adamw.h"

static const double loss_tolerance = 2e-6, grad_norm_tolerance = 1e-5, adapter_tolerance = 1e-4, logits_tolerance = 1e-5;

typedef struct {
    char       *dir;
    Json       *expected;
    Safetensors tensors;
    Model       model;
    State       state;
    Adapter     adapter;
    Examples    examples;
    Batch       batch;
    Pool       *pool;
    Backend     backend;
    Step        step;
    void       *arena;
} Golden;

static char *in(const char *dir, const char *name) { return memory_format("%s/%s", dir, name); }

static void open_files(Golden *g)
{
    char *expected = in(g->dir, "expected.json"), *tensors = in(g->dir, "expected.safetensors"), *adapter = in(g->dir, "adapter_in");
    Notices notices = {0};
    assert_ok(json_read(&g->expected, expected));
    assert_ok(safetensors_open(&g->tensors, tensors));
    assert_ok(model_open(&g->model, g->dir));
    assert_ok(adapter_folder_open(&g->adapter, &g->state, &g->model, adapter, &notices));
    notices_free(&notices);
    free(expected);
    free(tensors);
    free(adapter);
}

/* Both documents in one batch, as the peers' padded pair: every token is trained. */
static void make_batch(Golden *g)
{
    for (const Json *document = json_first(json_get(g->expected, "documents")); document; document = json_next(document)) {
        int64_t n = json_count(document), i = 0;
        int32_t *ids = memory_new((size_t)n, sizeof *ids);
        for (const Json *id = json_first(document); id; id = json_next(id)) ids[i++] = (int32_t)json_integer(id);
        examples_add(&g->examples, ids, ids, n);
        free(ids);
    }
    Batch capacity = batch_capacity(&g->examples, g->examples.n, (Padding){0});
    int64_t index[] = { 0, 1 };
    batch_init(&g->batch, &capacity);
    batch_collate(&g->batch, &g->examples, index, 2, (Padding){0});
}

/* How a golden model is run, beside what its files say: dropout in every place that the family has; isa NULL: the widest. */
typedef struct { int n_recomputed, n_threads; double dropout; const Instructions *isa; } How;

static void open_golden(Golden *g, const char *dir, How how)
{
    *g = (Golden){ .dir = memory_string(dir), .pool = pool_open(how.n_threads) };
    g->backend = cpu_backend(g->pool);
    if (how.isa) g->backend.isa = how.isa;
    open_files(g);
    for (DropKind kind = 0; kind < DROP_KINDS; kind++)
        if (family_dropout(g->model.config.family, kind)) g->model.config.dropout[kind] = how.dropout;
    make_batch(g);
    Forward f = { .model = &g->model, .batch = &g->batch, .adapter = &g->adapter, .training = true, .n_recomputed = how.n_recomputed };
    step_init(&g->step, &g->backend, &f, (StepKind){ .gradient = true });
    g->arena = memory_try(layout_bytes(g->step.layout));
    layout_place(g->step.layout, g->arena);
    model_reserve_positions(&g->model, g->batch.longest);
}

static void close_golden(Golden *g)
{
    step_free(&g->step);
    free(g->arena);
    batch_free(&g->batch);
    examples_free(&g->examples);
    adapter_free(&g->adapter);
    state_free(&g->state);
    model_close(&g->model);
    safetensors_close(&g->tensors);
    json_free(g->expected);
    pool_close(g->pool);
    free(g->dir);
}

static SftResult run(Golden *g, int n_recomputed)
{
    Forward f = { .model = &g->model, .batch = &g->batch, .adapter = &g->adapter, .training = true, .n_recomputed = n_recomputed };
    state_zero_grad(&g->state, &g->backend);
    model_meet(&g->model, g->batch.longest);
    SftResult result;
    assert_ok(step_run(&g->step, &f, batch_trained_tokens(&g->batch, 1, g->model.config.family->counts_first_labels), &result));
    return result;
}

static const float *tensor(const Golden *g, const char *prefix, const char *name, int64_t n)
{
    char *key = memory_format("%s%s", prefix, name);
    const TensorEntry *t = tensors_find(&g->tensors.tensors, key);
    assert_non_null(t);
    assert_int_equal(t->n_bytes, n * 4);
    free(key);
    return t->bytes;
}

static void assert_near(double found, double expected, double tolerance, const char *what, const char *dir)
{
    if (fabs(found - expected) <= tolerance) return;
    print_error("%s: %s: found %.9g, expected %.9g, off by %.2g, allowed %.2g\n", dir, what, found, expected, fabs(found - expected), tolerance);
    assert_true(false);
}

/* |x - y| / |y| over a tensor. */
static double distance(const float *x, const float *y, int64_t n)
{
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < n; i++) {
        difference += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
        norm += (double)y[i] * (double)y[i];
    }
    return sqrt(difference / norm);
}

static void check_tensors(const Golden *g, const char *prefix, const float *found, double tolerance)
{
    for (int i = 0; i < g->state.n_params; i++) {
        const Param *p = &g->state.param[i];
        int64_t n = p->rows * p->cols;
        assert_near(distance(found + p->offset, tensor(g, prefix, p->name, n), n), 0, tolerance, p->name, g->dir);
    }
}

/* Logits of every row: the head as a plain linear, without gradient. */
static void check_logits(Golden *g)
{
    Forward f = { .model = &g->model, .batch = &g->batch, .adapter = &g->adapter };
    Layout *layout = layout_open();
    Tape tape;
    void *arena = NULL;
    Var logits;
    model_meet(&g->model, g->batch.longest);
    tape_init(&tape, &g->backend, layout, 1000, 1000);
    for (int pass = 0; pass < 2; pass++) {
        tape_begin(&tape, TAPE_OFF);
        logits = decoder_logits(&tape, &f);
        tape_result(&tape, logits);
        tape_end(&tape);
        if (!pass) layout_place(layout, arena = memory_try(layout_bytes(layout)));
    }
    Tensor found = tape_value(&tape, logits);
    assert_near(distance(found.data, tensor(g, "", "logits", found.rows * found.cols), found.rows * found.cols), 0, logits_tolerance, "logits", g->dir);
    tape_free(&tape);
    layout_close(layout);
    free(arena);
}

static Schedule schedule_of(const Golden *g)
{
    const Json *recipe = json_get(g->expected, "recipe");
    Schedule schedule;
    ScheduleKind kind = SCHEDULE_LINEAR;
    for (int i = 0; i < SCHEDULE_COUNT; i++)
        if (!strcmp(schedule_names[i], json_string(json_get(recipe, "lr_scheduler_type")))) kind = (ScheduleKind)i;
    int64_t total = json_integer(json_get(recipe, "max_steps"));
    assert_ok(schedule_init(&schedule, kind, json_number(json_get(recipe, "learning_rate")),
                            schedule_warmup(json_number(json_get(recipe, "warmup_steps")), total), total, schedule_options));
    return schedule;
}

static void check_training(Golden *g)
{
    const Json *recipe = json_get(g->expected, "recipe");
    AdamW adamw = { 0.9, 0.999, 1e-8, json_number(json_get(recipe, "weight_decay")), 0 };
    Schedule schedule = schedule_of(g);
    for (int k = 0; k < json_count(json_get(g->expected, "losses")); k++) {
        SftResult result = run(g, 0);
        double loss = json_number(json_at(json_get(g->expected, "losses"), k)), norm = json_number(json_at(json_get(g->expected, "grad_norms"), k));
        double found = state_grad_norm(&g->state, g->pool);
        assert_near(result.loss, loss, loss_tolerance * fmax(1, loss), "loss", g->dir);
        assert_near(found, norm, grad_norm_tolerance * norm, "grad_norm", g->dir);
        adamw_step(&adamw, &g->state, schedule_lr(&schedule, k), adamw_clip(found, json_number(json_get(recipe, "max_grad_norm"))), g->pool);
    }
    check_tensors(g, "final.", g->state.value, adapter_tolerance);
}

/* Calls `check` for every model of the golden folder: FAMILY/NAME. */
static void each_model(void (*check)(const char *dir))
{
    glob_t found;
    assert_int_equal(glob(GRAFT_GOLDEN "/*/*/expected.safetensors", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 7);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        *strrchr(found.gl_pathv[i], '/') = '\0';
        check(found.gl_pathv[i]);
    }
    globfree(&found);
}

static void equals_by(const char *dir, const Instructions *isa)
{
    Golden g;
    open_golden(&g, dir, (How){ .n_threads = 1, .isa = isa });
    check_logits(&g);
    SftResult first = run(&g, 0);
    double loss = json_number(json_get(g.expected, "loss"));
    assert_near(first.loss, loss, loss_tolerance * fmax(1, loss), "first loss", g.dir);
    check_tensors(&g, "grad.", g.state.grad, grad_norm_tolerance);
    check_training(&g);
    close_golden(&g);
}

/* By every set of instructions that is here, and by those that are emulated. */
static void equals_the_peers(const char *dir)
{
    for (const Instructions *isa = instruction_sets; isa <= instructions_widest(); isa++) equals_by(dir, isa);
    for (int i = 0; i < n_emulated; i++) equals_by(dir, &emulated[i].isa);
}

static void models_equal_the_peers(void **state)
{
    (void)state;
    each_model(equals_the_peers);
}

static void same_bits(const char *dir, double dropout)
{
    Golden reference, g;
    open_golden(&reference, dir, (How){ .n_threads = 1, .dropout = dropout });
    SftResult expected = run(&reference, 0);
    for (int variant = 1; variant < 6; variant++) {
        How how = { .n_recomputed = variant % 3, .n_threads = 1 + variant % 3, .dropout = dropout };
        open_golden(&g, dir, how);
        SftResult found = run(&g, how.n_recomputed);
        assert_memory_equal(&found, &expected, sizeof found);
        assert_memory_equal(g.state.grad, reference.state.grad, (size_t)g.state.n * sizeof(float));
        close_golden(&g);
    }
    close_golden(&reference);
}

static void without_dropouts(const char *dir) { same_bits(dir, 0); }
static void with_dropouts(const char *dir) { same_bits(dir, 0.2); }

/* By emulated instructions too; on tiles where the weights are bfloat16. */
static void emulated_instructions_give_the_same_bits(const char *dir)
{
    for (int i = 0; i < n_emulated; i++) {
        Golden reference, g;
        open_golden(&reference, dir, (How){ .n_threads = 1, .isa = &emulated[i].isa });
        SftResult expected = run(&reference, 0);
        open_golden(&g, dir, (How){ .n_threads = 3, .n_recomputed = 1, .isa = &emulated[i].isa });
        SftResult found = run(&g, 1);
        assert_memory_equal(&found, &expected, sizeof found);
        assert_memory_equal(g.state.grad, reference.state.grad, (size_t)g.state.n * sizeof(float));
        close_golden(&g);
        close_golden(&reference);
    }
}

static void recomputing_and_threads_change_no_bit(void **state)
{
    (void)state;
    each_model(without_dropouts);
    each_model(with_dropouts);
    each_model(emulated_instructions_give_the_same_bits);
}

/* The same logits without training, another loss with it. */
static void only_training_drops(const char *dir)
{
    Golden g;
    open_golden(&g, dir, (How){ .n_threads = 2, .dropout = 0.2 });
    double loss = json_number(json_get(g.expected, "loss")), first = run(&g, 0).loss;
    check_logits(&g);
    assert_true(fabs(first - loss) > 1e-4 && fabs(first - loss) < 1);
    close_golden(&g);
}

static void evaluation_drops_nothing(void **state)
{
    (void)state;
    each_model(only_training_drops);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(models_equal_the_peers), cmocka_unit_test(recomputing_and_threads_change_no_bit), cmocka_unit_test(evaluation_drops_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
