/* CUDA's part of C++ on the host, as far as dev.h offers it: a kernel compiled by the host's compiler runs here, one fiber for
 * each of its threads, so that tests see wrong values, races and misuse where there is no GPU.
 *
 * One OS thread. Blocks run one after another; inside a block a thread runs until it waits for others: at a barrier, or at a
 * warp's collective, where each lane leaves its operands and the last to arrive does the work for all. In which order is the
 * schedule's choice: results must not depend on it.
 *
 * It is stricter than hardware. Shared memory starts as NaNs and lies between red zones. What cp.async brings is NaN from the
 * copy's issue to the wait for it, since it may land at any time between. A barrier is one line of the source for all
 * threads of a block. A mask names the caller and lanes that are there. Under ThreadSanitizer a fiber is a thread: a
 * barrier orders a block's threads, __syncwarp the lanes of its mask, a shuffle nothing, and blocks are not ordered at all.
 *
 * Whatever is not allowed ends the program with the kernel, the block, the thread and the schedule. */
#ifndef KERNELS_CUDA_EMULATOR_EMULATOR_H
#define KERNELS_CUDA_EMULATOR_EMULATOR_H
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <functional>
#include <tuple>
#include <type_traits>

#include "kernels/cuda/emulator/fake_device.h"

struct uint3 { unsigned x, y, z; };
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
static inline float2 make_float2(float x, float y) { return { x, y }; }
static inline float4 make_float4(float x, float y, float z, float w) { return { x, y, z, w }; }
static inline uint2 make_uint2(unsigned x, unsigned y) { return { x, y }; }
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return { x, y, z, w }; }

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

/* --- what the running thread sees of itself */

struct EmulatorThread { uint3 thread, block; dim3 block_size, grid_size; int lane, warp; };
extern EmulatorThread *emulator_thread;
#define threadIdx (emulator_thread->thread)
#define blockIdx (emulator_thread->block)
#define blockDim (emulator_thread->block_size)
#define gridDim (emulator_thread->grid_size)

#define EMULATOR_TEXT_(x) #x
#define EMULATOR_TEXT(x) EMULATOR_TEXT_(x)
#define EMULATOR_SITE __FILE__ ":" EMULATOR_TEXT(__LINE__)

[[noreturn]] void emulator_stop(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- waiting for each other */

void emulator_barrier(const char *site);
#define __syncthreads() emulator_barrier(EMULATOR_SITE)

/* What the lanes of a mask do together: `in` and `out` are what each of them brought, NULL for lanes outside. */
struct EmulatorCollective { const char *name; void (*run)(unsigned mask, const void *const in[32], void *const out[32]); };
void emulator_together(const EmulatorCollective *, unsigned mask, const void *in, void *out);
void emulator_sync_warp(unsigned mask);
static inline void __syncwarp(unsigned mask = 0xFFFFFFFFu) { emulator_sync_warp(mask); }

struct EmulatorShuffle { uint32_t words[4]; int from; };
struct EmulatorMma { uint32_t a[4], b[2]; float c[4]; };
extern const EmulatorCollective emulator_shuffle, emulator_ballot, emulator_mma_16816, emulator_ldsm_x4, emulator_ldsm_x4_t;

/* A lane outside the mask, or none: NaN. */
template <class T> static inline T emulator_shuffle_from(unsigned mask, T value, int from)
{
    static_assert(sizeof(T) <= 16 && std::is_trivially_copyable<T>::value, "a shuffle moves up to 16 bytes");
    EmulatorShuffle in = {};
    uint32_t out[4];
    memcpy(in.words, &value, sizeof value);
    in.from = from;
    emulator_together(&emulator_shuffle, mask, &in, out);
    memcpy(&value, out, sizeof value);
    return value;
}

static inline int emulator_segment(int width) { return emulator_thread->lane & ~(width - 1); }
template <class T> static inline T __shfl_sync(unsigned mask, T value, int from, int width = 32)
{
    return emulator_shuffle_from(mask, value, emulator_segment(width) | (from & (width - 1)));
}
template <class T> static inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32)
{
    int from = emulator_thread->lane ^ bits;
    return emulator_shuffle_from(mask, value, from < emulator_segment(width) + width ? from : emulator_thread->lane);
}
template <class T> static inline T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32)
{
    int from = emulator_thread->lane + (int)by;
    return emulator_shuffle_from(mask, value, from < emulator_segment(width) + width ? from : emulator_thread->lane);
}
template <class T> static inline T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32)
{
    int from = emulator_thread->lane - (int)by;
    return emulator_shuffle_from(mask, value, from >= emulator_segment(width) ? from : emulator_thread->lane);
}
static inline unsigned __ballot_sync(unsigned mask, int predicate)
{
    unsigned out;
    emulator_together(&emulator_ballot, mask, &predicate, &out);
    return out;
}
static inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
static inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, !predicate) == 0; }

/* Relaxed, as on the device. Of floats there is none: sums would depend on the order of arrival. */
static inline int atomicAdd(int *at, int value) { return __atomic_fetch_add(at, value, __ATOMIC_RELAXED); }
static inline unsigned atomicAdd(unsigned *at, unsigned value) { return __atomic_fetch_add(at, value, __ATOMIC_RELAXED); }

/* --- memory */

void *emulator_shared(const void *key, size_t bytes);       /* the block's array of the declaration with this key; 128-byte aligned */
void *emulator_dynamic_shared(void);                        /* as many bytes as the launch asked for */

static inline void emulator_aligned(const void *address, size_t bytes, const char *what)
{
    if ((uintptr_t)address % bytes) emulator_stop("%s: address %p is not aligned to %zu bytes", what, address, bytes);
}

/* cp.async: queued for the running thread; `emulator_copy_due` gives back, oldest first, the copies that a wait for all but the last
 * `left` groups must end. */
struct EmulatorCopy { void *to; const void *from; int group; };      /* from NULL: zeros */
void emulator_copy_issue(void *to, const void *from);
void emulator_copy_commit(void);
bool emulator_copy_due(int left, EmulatorCopy *);

/* --- launching */

struct EmulatorLaunch { const char *kernel; const void *code; dim3 grid, block; size_t shared; };
void emulator_run(const EmulatorLaunch *, const std::function<void()> &body);       /* now; called by the fake device */
void emulator_queue(const EmulatorLaunch *, cudaStream_t, std::function<void()> body);
void emulator_allow_shared(const void *code, size_t bytes);
uint64_t emulator_random_below(uint64_t n);
size_t emulator_device_shared(void);                        /* the most that a block of the pretended card may have */
void emulator_check_pointer(const char *kernel, int argument, const void *pointer);      /* device memory, or NULL */

template <class T> static inline void emulator_check_argument(const char *kernel, int argument, const T &value)
{
    if constexpr (std::is_pointer<T>::value) emulator_check_pointer(kernel, argument, (const void *)value);
    else (void)kernel, (void)argument, (void)value;
}

/* Arguments are converted and captured by value at the call, as on the device. */
template <class... P, class... A>
static inline void emulator_launch(const char *name, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, cudaStream_t stream, A... given)
{
    std::tuple<P...> arguments(static_cast<P>(given)...);
    int i = 0;
    std::apply([&](const auto &...value) { (emulator_check_argument(name, i++, value), ...); }, arguments);
    EmulatorLaunch launch = { name, (const void *)kernel, grid, block, shared };
    emulator_queue(&launch, stream, [=] { std::apply(kernel, arguments); });
}

#endif
