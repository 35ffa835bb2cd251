/* Norm, clip and AdamW on the emulated device against the formulas in double. */
#include "tests/testing.h"

#include <math.h>

#include "kernels/cuda/device.h"
#include "kernels/cuda/emulator/fake_device.h"
#include "kernels/cuda/update.h"
#include "kernels/memory.h"
#include "kernels/random.h"

enum { GRAD, VALUE, FIRST, SECOND, BUFFERS };
static const double beta1 = 0.9, beta2 = 0.99, eps = 1e-8, lr = 0.02, weight_decay = 0.1;

typedef struct { Device *device; Backend backend; int64_t n; float *host[BUFFERS], *there[BUFFERS]; double *exact[BUFFERS], *norm; void *scratch; } Trained;

static Trained trained_new(int64_t n)
{
    Trained t = { .n = n };
    Random random;
    random_seed(&random, 3);
    assert_ok(device_open(&t.device, 0));
    t.backend = cuda_backend(t.device);
    assert_ok(device_take(t.device, sizeof(double), (void **)&t.norm));
    assert_ok(device_take(t.device, update_norm_scratch(n) + 1, &t.scratch));
    for (int i = 0; i < BUFFERS; i++) {
        t.host[i] = memory_new((size_t)n + 16, sizeof(float));
        t.exact[i] = memory_new((size_t)n + 1, sizeof(double));
        if (i <= VALUE) random_normal(&random, 0, i == GRAD ? 0.1 : 1, n + 16, t.host[i]);
        for (int64_t e = 0; e < n; e++) t.exact[i][e] = (double)t.host[i][e];
        assert_ok(device_take(t.device, (size_t)n * sizeof(float) + 1, (void **)&t.there[i]));
        device_write(t.device, t.there[i], t.host[i], (size_t)n * sizeof(float));
    }
    return t;
}

static void trained_free(Trained *t)
{
    for (int i = 0; i < BUFFERS; i++) {
        free(t->host[i]);
        free(t->exact[i]);
    }
    device_close(t->device);
}

static double exact_norm(const Trained *t)
{
    double sum = 0;
    for (int64_t i = 0; i < t->n; i++) sum += t->exact[GRAD][i] * t->exact[GRAD][i];
    return sqrt(sum);
}

static void exact_step(Trained *t, int step, double max_norm)
{
    double clip = max_norm > 0 ? fmin(1, max_norm / (exact_norm(t) + 1e-6)) : 1;
    for (int64_t i = 0; i < t->n; i++) {
        double g = clip * t->exact[GRAD][i], *p = &t->exact[VALUE][i], *m = &t->exact[FIRST][i], *v = &t->exact[SECOND][i];
        *m = beta1 * *m + (1 - beta1) * g;
        *v = beta2 * *v + (1 - beta2) * g * g;
        *p = *p * (1 - lr * weight_decay) - lr * (*m / (1 - pow(beta1, step))) / (sqrt(*v / (1 - pow(beta2, step))) + eps);
    }
}

static UpdateFactors factors_of(int step)
{
    return (UpdateFactors){ .keep = (float)(1 - lr * weight_decay), .beta1_gap = (float)(1 - beta1), .beta2 = (float)beta2, .beta2_gap = (float)(1 - beta2),
                            .rate = (float)(lr / (1 - pow(beta1, step))), .root = (float)sqrt(1 - pow(beta2, step)), .eps = (float)eps };
}

static void assert_values_near(Trained *t, int buffer, double size)
{
    assert_ok(device_read(t->device, t->host[buffer], t->there[buffer], (size_t)t->n * sizeof(float)));
    for (int64_t i = 0; i < t->n; i++) {
        double error = fabs((double)t->host[buffer][i] - t->exact[buffer][i]);
        /* Ten steps of half a dozen roundings of 6e-8 of what is largest among what is added. */
        bool near = error <= 10 * 6 * 6e-8 * (fabs(t->exact[buffer][i]) + size);
        if (!near) print_error("buffer %d, element %lld is off by %.3g\n", buffer, (long long)i, error);
        assert_true(near);
    }
}

/* Fewer elements than a block of threads, whole parts of 2^14, a part of one element. */
static void ten_steps(int64_t n, double max_norm, EmulatorSchedule schedule)
{
    Trained t = trained_new(n);
    emulator_schedule(schedule, 1);
    for (int step = 1; step <= 10; step++) {
        UpdateFactors factors = factors_of(step);
        double norm;
        update_norm(&t.backend, t.there[GRAD], n, t.scratch, t.norm);
        update_adamw(&t.backend, &factors, t.norm, (float)max_norm, t.there[GRAD], n, t.there[VALUE], t.there[FIRST], t.there[SECOND]);
        exact_step(&t, step, max_norm);
        assert_ok(device_read(t.device, &norm, t.norm, sizeof norm));
        assert_true(fabs(norm - exact_norm(&t)) <= 1e-12 * norm);
    }
    assert_values_near(&t, VALUE, 1);
    assert_values_near(&t, FIRST, 0.1);
    assert_values_near(&t, SECOND, 0.01);
    trained_free(&t);
}

static void every_size(void **state)
{
    (void)state;
    static const int64_t n[] = { 0, 1, 255, 257, 1 << 14, (1 << 14) + 1, 40000 };
    for (int i = 0; i < 7; i++)
        for (int how = 0; how < 3; how++)
            ten_steps(n[i], (double[]){ 0, 0.5, 1e6 }[how], (EmulatorSchedule[]){ EMULATOR_FORWARD, EMULATOR_REVERSE, EMULATOR_RANDOM }[how]);
}

/* More parts than the block that adds them has threads. */
static void norm_of_many(void **state)
{
    (void)state;
    Trained t = trained_new((1 << 22) + 1);
    double norm;
    update_norm(&t.backend, t.there[GRAD], t.n, t.scratch, t.norm);
    assert_ok(device_read(t.device, &norm, t.norm, sizeof norm));
    assert_true(fabs(norm - exact_norm(&t)) <= 1e-12 * norm);
    trained_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_size), cmocka_unit_test(norm_of_many) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
