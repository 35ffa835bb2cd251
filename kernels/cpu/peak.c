#include "kernels/cpu/peak.h"

#include "kernels/cpu/decode.h"
#include "kernels/memory.h"
#include "kernels/profile.h"

#include <stdlib.h>

enum { LANES = 4, REGISTERS = 12, WARM_ROUNDS = 1 << 16 };
static const double SECONDS = 0.01;

typedef float Lanes __attribute__((vector_size(LANES * sizeof(float))));

/* Four lanes, as every machine has them. */
static float run_four_lanes(int64_t rounds)
{
    Lanes sum[REGISTERS], x = { 0.5f, 0.5f, 0.5f, 0.5f }, all = {0};
    for (int i = 0; i < REGISTERS; i++) sum[i] = x * (float)i;
    for (int64_t r = 0; r < rounds; r++)
#pragma GCC unroll 12
        for (int i = 0; i < REGISTERS; i++) sum[i] = sum[i] * x + x;
    for (int i = 0; i < REGISTERS; i++) all += sum[i];
    return all[0] + all[1] + all[2] + all[3];
}

typedef struct { PeakRounds rounds; int64_t n; float *sum; } Run;

static void run_task(const void *ctx, int task, int worker)
{
    (void)worker;
    const Run *run = ctx;
    run->sum[task] = run->rounds.run(run->n);
}

static PeakRounds widest(void)
{
    if (peak_neon.run) return peak_neon;
    return peak_avx2.run && decode_has_avx2() ? peak_avx2 : (PeakRounds){ run_four_lanes, 2.0 * LANES * REGISTERS };
}

static double seconds(const Backend *backend, const Run *run)
{
    double start = profile_now();
    pool_run(backend->pool, pool_workers(backend->pool), run_task, run);
    return profile_now() - start;
}

/* As many rounds as fill SECONDS, found by doubling; the last and longest try is what counts. */
double cpu_peak(const Backend *backend)
{
    int workers = pool_workers(backend->pool);
    PeakRounds rounds = widest();
    Run run = { rounds, WARM_ROUNDS, memory_new((size_t)workers, sizeof(float)) };
    double taken = seconds(backend, &run);
    while (taken < SECONDS) {
        run.n *= 2;
        taken = seconds(backend, &run);
    }
    free(run.sum);
    return rounds.flops * (double)run.n * workers / taken;
}
