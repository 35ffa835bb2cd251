/* Every schedule against transformers' get_scheduler, rate by rate; warm-up rounding; what is refused. */
#include "tests/testing.h"

#include <math.h>

#include "data/file/json.h"
#include "optim/schedule.h"

static const struct { const char *name; size_t offset; } reals[] = {
    { "num_cycles", offsetof(ScheduleOptions, num_cycles) }, { "power", offsetof(ScheduleOptions, power) },
    { "lr_end", offsetof(ScheduleOptions, lr_end) }, { "min_lr", offsetof(ScheduleOptions, min_lr) },
    { "min_lr_rate", offsetof(ScheduleOptions, min_lr_rate) }, { "warmup_lr_rate", offsetof(ScheduleOptions, warmup_lr_rate) },
    { "min_lr_ratio", offsetof(ScheduleOptions, min_lr_ratio) }, { "factor", offsetof(ScheduleOptions, factor) },
    { "threshold", offsetof(ScheduleOptions, threshold) }, { "eps", offsetof(ScheduleOptions, eps) },
}, counts[] = {
    { "timescale", offsetof(ScheduleOptions, timescale) }, { "num_decay_steps", offsetof(ScheduleOptions, num_decay_steps) },
    { "num_stable_steps", offsetof(ScheduleOptions, num_stable_steps) }, { "patience", offsetof(ScheduleOptions, patience) },
    { "cooldown", offsetof(ScheduleOptions, cooldown) },
};

static ScheduleShape shape(const Json *name, ScheduleShape otherwise)
{
    if (!name) return otherwise;
    return !strcmp(json_string(name), "linear") ? SHAPE_LINEAR : !strcmp(json_string(name), "cosine") ? SHAPE_COSINE : SHAPE_ONE_MINUS_SQRT;
}

static ScheduleOptions options_of(const Json *kwargs)
{
    ScheduleOptions o = schedule_options;
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        if (json_get(kwargs, reals[i].name)) *(double *)((char *)&o + reals[i].offset) = json_number(json_get(kwargs, reals[i].name));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (json_get(kwargs, counts[i].name)) *(int64_t *)((char *)&o + counts[i].offset) = json_integer(json_get(kwargs, counts[i].name));
    o.warmup_type = shape(json_get(kwargs, "warmup_type"), o.warmup_type);
    o.decay_type = shape(json_get(kwargs, "decay_type"), o.decay_type);
    const char *mode = json_string(json_get(kwargs, "mode")), *threshold = json_string(json_get(kwargs, "threshold_mode"));
    if (mode && !strcmp(mode, "max")) o.mode = PLATEAU_MAX;
    if (threshold && !strcmp(threshold, "abs")) o.threshold_mode = THRESHOLD_ABS;
    return o;
}

static ScheduleKind kind_of(const char *name)
{
    int kind = 0;
    while (kind < SCHEDULE_COUNT - 1 && strcmp(schedule_names[kind], name)) kind++;
    assert_string_equal(schedule_names[kind], name);
    return (ScheduleKind)kind;
}

static Json *golden(void)
{
    Json *json = NULL;
    assert_ok(json_read(&json, GRAFT_GOLDEN "/schedule.json"));
    return json;
}

static void equals_the_peer(void **state)
{
    (void)state;
    Json *json = golden();
    int kinds[SCHEDULE_COUNT] = {0};
    double worst = 0;
    for (const Json *c = json_first(json_get(json, "cases")); c; c = json_next(c)) {
        Schedule s;
        ScheduleKind kind = kind_of(json_string(json_get(c, "type")));
        kinds[kind]++;
        assert_ok(schedule_init(&s, kind, json_number(json_get(c, "lr")), json_integer(json_get(c, "warmup")), json_integer(json_get(c, "total")),
                                options_of(json_get(c, "kwargs"))));
        const Json *metric = json_first(json_get(c, "metrics"));
        int64_t k = 0;
        for (const Json *rate = json_first(json_get(c, "rates")); rate; rate = json_next(rate), k++) {
            double expected = json_number(rate), lr = schedule_lr(&s, k), error = fabs(lr - expected) / fmax(fabs(expected), 1e-300);
            if (lr == expected) error = 0;
            if (error > 1e-15) print_error("%s, step %d: %.17g, expected %.17g\n", schedule_names[kind], (int)k, lr, expected);
            worst = fmax(worst, error);
            if (metric) {
                schedule_observe(&s, json_number(metric));
                metric = json_next(metric);
            }
        }
    }
    print_message("worst relative difference %.2g\n", worst);
    assert_true(worst <= 1e-15);
    for (int i = 0; i < SCHEDULE_COUNT; i++) assert_true(kinds[i] > 0);
    json_free(json);
}

static void warmup_is_rounded_as_trainer_does(void **state)
{
    (void)state;
    Json *json = golden();
    for (const Json *w = json_first(json_get(json, "warmups")); w; w = json_next(w))
        assert_int_equal(schedule_warmup(json_number(json_get(w, "warmup_steps")), json_integer(json_get(w, "total"))), json_integer(json_get(w, "steps")));
    json_free(json);
}

static void refuses_what_cannot_be(void **state)
{
    (void)state;
    Schedule s;
    ScheduleOptions o = schedule_options;
    assert_fails(STATUS_INPUT, "lr_scheduler_kwargs: cosine_with_min_lr needs min_lr or min_lr_rate, found neither",
                 schedule_init(&s, SCHEDULE_COSINE_WITH_MIN_LR, 1, 0, 8, o));
    o.min_lr = o.min_lr_rate = 0.1;
    assert_fails(STATUS_INPUT, "lr_scheduler_kwargs: cosine_warmup_with_min_lr needs min_lr or min_lr_rate, found both",
                 schedule_init(&s, SCHEDULE_COSINE_WARMUP_WITH_MIN_LR, 1, 0, 8, o));
    assert_fails(STATUS_INPUT, "lr_scheduler_kwargs: warmup_stable_decay needs num_decay_steps",
                 schedule_init(&s, SCHEDULE_WARMUP_STABLE_DECAY, 1, 0, 8, schedule_options));
    assert_fails(STATUS_INPUT, "lr_scheduler_kwargs: lr_end is 1e-07, which must be less than learning_rate 1e-08",
                 schedule_init(&s, SCHEDULE_POLYNOMIAL, 1e-8, 0, 8, schedule_options));
}

static void a_plateau_goes_on_from_its_saved_state(void **state)
{
    (void)state;
    const double metrics[] = { 1, 2, 3, 0.5, 4, 5, 6, 7 };
    ScheduleOptions o = schedule_options;
    o.patience = 1;
    Schedule whole, resumed;
    assert_ok(schedule_init(&whole, SCHEDULE_REDUCE_LR_ON_PLATEAU, 0.1, 0, 8, o));
    for (int i = 0; i < 5; i++) schedule_observe(&whole, metrics[i]);
    assert_ok(schedule_init(&resumed, SCHEDULE_REDUCE_LR_ON_PLATEAU, 0.1, 0, 8, o));
    resumed.plateau = whole.plateau;
    for (int i = 5; i < 8; i++) schedule_observe(&whole, metrics[i]), schedule_observe(&resumed, metrics[i]);
    assert_true(schedule_lr(&whole, 8) == schedule_lr(&resumed, 8) && schedule_lr(&whole, 8) < 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_peer), cmocka_unit_test(warmup_is_rounded_as_trainer_does),
        cmocka_unit_test(refuses_what_cannot_be), cmocka_unit_test(a_plateau_goes_on_from_its_saved_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
