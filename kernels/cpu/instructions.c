#include "kernels/cpu/instructions.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "kernels/status.h"

static bool always(void) { return true; }

/* F16C, which clang cannot ask for, is older than AVX2. */
bool instructions_avx2(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#else
    return false;
#endif
}

/* x86-64-v4. */
static bool has_avx512(void)
{
#if defined(__x86_64__)
    return instructions_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

/* Tiles and bfloat16 on them, and the kernel's leave to use them: asked for by any thread, it holds for all of the process, those that run
 * already included. A kernel that does not know tiles says no. */
static bool has_amx(void)
{
#if defined(__x86_64__)
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18, BF16 = 1 << 22, TILES = 1 << 24 };
    unsigned a, b, c, d;
    if (!has_avx512() || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & BF16) || !(d & TILES)) return false;
    return !syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA);
#else
    return false;
#endif
}

#if defined(__aarch64__)
#define BASELINE &gemm_neon, NULL, &peak_neon
#else
#define BASELINE &gemm_baseline, NULL, &peak_baseline
#endif

const Instructions instruction_sets[ISA_COUNT] = {
    [ISA_BASELINE] = { always, BASELINE },
    [ISA_AVX2] = { instructions_avx2, &gemm_avx2, NULL, &peak_avx2 },
    [ISA_AVX512] = { has_avx512, &gemm_avx512, NULL, &peak_avx512 },
    [ISA_AMX] = { has_amx, &gemm_avx512, &tiles_amx, &peak_amx },
};

const char *const isa_names[ISA_COUNT + 1] = { [ISA_BASELINE] = "baseline", [ISA_AVX2] = "avx2", [ISA_AVX512] = "avx512", [ISA_AMX] = "amx",
                                               [ISA_COUNT] = NULL };

const Instructions *instructions_widest(void)
{
    int isa = ISA_COUNT - 1;
    while (!instruction_sets[isa].here()) isa--;
    return &instruction_sets[isa];
}

Status cpu_backend_use(Backend *backend, Isa isa)
{
    const Instructions *widest = instructions_widest();
    if (isa == ISA_COUNT) isa = (Isa)(widest - instruction_sets);
    if (!instruction_sets[isa].here())
        return fail(STATUS_INPUT, "this machine does not have %s; the widest that it has is %s", isa_names[isa], isa_names[widest - instruction_sets]);
    backend->isa = &instruction_sets[isa];
    return STATUS_OK;
}

Isa cpu_backend_isa(const Backend *backend) { return (Isa)(backend->isa - instruction_sets); }
