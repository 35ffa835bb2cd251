/* The emulator and the fake device see what they are for: each mistake planted here must end the program with its sentence, in the builds
 * that can see it, and the same things done right must pass in all of them, whatever the schedule. */
extern "C" {
#include "tests/kernels/aborts.h"
}
#include "kernels/cuda/dev.h"

#if defined(__SANITIZE_ADDRESS__)
enum { BUILD = 1 };
#elif defined(__SANITIZE_THREAD__)
enum { BUILD = 2 };
#else
enum { BUILD = 0 };
#endif

/* What a sanitizer finds ends the program as the rest does. */
extern "C" {
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
const char *__tsan_default_options(void);
const char *__asan_default_options(void) { return "abort_on_error=1"; }
const char *__ubsan_default_options(void) { return "abort_on_error=1:halt_on_error=1"; }
const char *__tsan_default_options(void) { return "abort_on_error=1:halt_on_error=1"; }
}

enum { N = 64 };
static cudaStream_t new_stream(void)
{
    cudaStream_t s;
    assert_int_equal(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking), cudaSuccess);
    return s;
}

static float *new_floats(size_t n)
{
    void *p;
    assert_int_equal(cudaMalloc(&p, n * sizeof(float)), cudaSuccess);
    return (float *)p;
}

static void get(cudaStream_t s, float *to, const float *from, size_t n)
{
    assert_int_equal(cudaMemcpyAsync(to, from, n * sizeof *to, cudaMemcpyDeviceToHost, s), cudaSuccess);
    assert_int_equal(cudaStreamSynchronize(s), cudaSuccess);
}

static void put(cudaStream_t s, float *to, const float *from, size_t n)
{
    assert_int_equal(cudaMemcpyAsync(to, from, n * sizeof *to, cudaMemcpyHostToDevice, s), cudaSuccess);
    assert_int_equal(cudaStreamSynchronize(s), cudaSuccess);
}

static void say_if(bool wrong)
{
    if (!wrong) return;
    fprintf(stderr, "wrong values\n");
    abort();
}

/* --- done right: a sum over a block by shuffles, shared memory and barriers, of what two buffers of cp.async bring in turn */

DEVICE float sum_of_warp(float v)
{
    for (int bits = WARP / 2; bits; bits /= 2) v += __shfl_xor_sync(FULL_WARP, v, bits);
    return v;
}

enum { TILE = 4 * N, TILES = 5 };
static __global__ void sum_of_tiles(const float *x, float *y)
{
    SHARED(float, tile, [2][TILE]);
    SHARED(float, part, [N / WARP]);
    int i = (int)threadIdx.x;
    const float *mine = x + (size_t)blockIdx.x * TILES * TILE + 4 * i;
    float sum = 0;
    cp_async(&tile[0][4 * i], mine, true);
    cp_async_commit();
    for (int t = 0; t < TILES; t++) {
        cp_async(&tile[(t + 1) % 2][4 * i], mine + (t + 1) * TILE, t + 1 < TILES);
        cp_async_commit();
        cp_async_wait<1>();
        __syncthreads();
        for (int k = 0; k < 4; k++) sum += tile[t % 2][(4 * i + 37 + k) % TILE];
        __syncthreads();
    }
    cp_async_wait<0>();
    sum = sum_of_warp(sum);
    if (i % WARP == 0) part[i / WARP] = sum;
    __syncthreads();
    if (i == 0) y[blockIdx.x] = part[0] + part[1];
}

static void what_is_right_passes(void **state)
{
    (void)state;
    enum { BLOCKS = 3, ALL = BLOCKS * TILES * TILE };
    static float x[ALL];
    for (int i = 0; i < ALL; i++) x[i] = (float)(i % 100);
    cudaStream_t s = new_stream();
    float *dx = new_floats(ALL), *dy = new_floats(BLOCKS), y[BLOCKS];
    put(s, dx, x, ALL);
    for (uint64_t seed = 0; seed < 5; seed++) {
        emulator_schedule(seed < 3 ? (EmulatorSchedule)seed : EMULATOR_RANDOM, seed);
        LAUNCH(sum_of_tiles, BLOCKS, N, 0, s, dx, dy);
        get(s, y, dy, BLOCKS);
        for (int b = 0; b < BLOCKS; b++) {
            float expected = 0;
            for (int i = 0; i < TILES * TILE; i++) expected += x[b * TILES * TILE + i];
            assert_true(y[b] == expected);
        }
    }
    cudaFree(dx);
    cudaFree(dy);
    cudaStreamDestroy(s);
    assert_int_equal(fake_device_used(), 0);
}

/* The lanes of half a warp meet, then those of the whole. */
static __global__ void warp_barriers(float *y)
{
    SHARED(float, a, [WARP]);
    int i = (int)threadIdx.x;
    a[i] = (float)i;
    __syncwarp(i < 16 ? 0xFFFFu : 0xFFFF0000u);
    float other = a[i ^ 1];
    __syncwarp();
    a[i] = other;
    __syncwarp();
    y[i] = a[31 - i];
}

static void warps_meet(void **state)
{
    (void)state;
    cudaStream_t s = new_stream();
    float *dy = new_floats(WARP), y[WARP];
    for (int order = EMULATOR_FORWARD; order <= EMULATOR_RANDOM; order++) {
        emulator_schedule((EmulatorSchedule)order, 9);
        LAUNCH(warp_barriers, 1, WARP, 0, s, dy);
        get(s, y, dy, WARP);
        for (int i = 0; i < WARP; i++) assert_true(y[i] == (float)((31 - i) ^ 1));
    }
    cudaFree(dy);
    cudaStreamDestroy(s);
}

/* --- mistakes in kernels */

static __global__ void no_barrier(float *y)
{
    SHARED(float, a, [N]);
    a[threadIdx.x] = 1;
    y[threadIdx.x] = a[N - 1 - threadIdx.x];
}
static __global__ void shuffle_for_barrier(float *y)
{
    SHARED(float, a, [WARP]);
    a[threadIdx.x] = __shfl_sync(FULL_WARP, 1.0f, 3);
    y[threadIdx.x] = __shfl_sync(FULL_WARP, 1.0f, 3) + a[31 - threadIdx.x];
}
static __global__ void no_wait(const float *x, float *y)
{
    SHARED(float, a, [4 * N]);
    cp_async(&a[4 * threadIdx.x], x + 4 * threadIdx.x, true);
    cp_async_commit();
    y[threadIdx.x] = a[4 * threadIdx.x];
    cp_async_wait<0>();
}
static __global__ void no_barrier_before_the_next_copy(const float *x, float *y)
{
    SHARED(float, a, [4 * N]);
    cp_async(&a[4 * threadIdx.x], x + 4 * threadIdx.x, true);
    cp_async_commit();
    cp_async_wait<0>();
    __syncthreads();
    y[threadIdx.x] = a[4 * ((threadIdx.x + 1) % N)];
    cp_async(&a[4 * threadIdx.x], x + 4 * threadIdx.x, true);
    cp_async_commit();
    __syncthreads();
    cp_async_wait<0>();
}
static __global__ void never_waits(const float *x)
{
    SHARED(float, a, [4 * N]);
    cp_async(&a[4 * threadIdx.x], x + 4 * threadIdx.x, true);
    cp_async_commit();
}
static __global__ void shared_overrun(float *y)
{
    SHARED(float, a, [N]);
    float *first = a;
    first[threadIdx.x + 1] = y[0];
}
static __global__ void dynamic_overrun(float *y)
{
    DYNAMIC_SHARED(float, a);
    a[threadIdx.x + 1] = y[0];
}
static __global__ void global_overrun(float *y) { y[threadIdx.x + 1] = 1; }
static __global__ void blocks_race(float *y)
{
    if (threadIdx.x == 0) y[0] += 1;
}
static __global__ void misaligned_load(const float *x, float *y) { y[threadIdx.x] = load_4(x + threadIdx.x).x; }
static __global__ void misaligned_copy(const float *x)
{
    SHARED(float, a, [4 * N]);
    cp_async(&a[4 * threadIdx.x], x + 2 * threadIdx.x, true);
    cp_async_commit();
    cp_async_wait<0>();
}
static __global__ void early_return(float *y)
{
    if (threadIdx.x == 5) return;
    __syncthreads();
    y[threadIdx.x] = 1;
}
static __global__ void two_barriers(float *y)
{
    if (threadIdx.x < 32) __syncthreads();
    else
        __syncthreads();
    y[threadIdx.x] = 1;
}
static __global__ void mask_without_caller(float *y) { y[threadIdx.x] = __shfl_sync(0xFFFFu, 1.0f, 0); }
static __global__ void mask_of_returned(float *y)
{
    if (threadIdx.x < 16) y[threadIdx.x] = __shfl_sync(FULL_WARP, 1.0f, 0);
}
static __global__ void mask_of_absent(float *y) { y[threadIdx.x] = __shfl_sync(FULL_WARP, 1.0f, 0); }
static __global__ void two_masks(float *y) { y[threadIdx.x] = __shfl_sync(threadIdx.x < 16 ? FULL_WARP : 0xFFFF0000u, 1.0f, 0); }
static __global__ void two_collectives(float *y)
{
    if (threadIdx.x < 16) y[threadIdx.x] = __shfl_sync(FULL_WARP, 1.0f, 0);
    else y[threadIdx.x] = (float)__ballot_sync(FULL_WARP, 1);
}
static __global__ void waits_for_ever(float *y)
{
    if (threadIdx.x < 16) y[threadIdx.x] = __shfl_sync(FULL_WARP, 1.0f, 0);
    else __syncthreads();
}
static __global__ void outside_the_mask(float *y) { y[threadIdx.x] = __shfl_xor_sync(threadIdx.x < 16 ? 0xFFFFu : 0xFFFF0000u, 1.0f, 16); }
static __global__ void not_written(float *y)
{
    SHARED(float, a, [N]);
    y[threadIdx.x] = a[threadIdx.x];
}
static __global__ void too_much_shared(float *y)
{
    SHARED(float, a, [13000]);
    y[threadIdx.x] = a[threadIdx.x];
}
static __global__ void nothing(float *y) { (void)y; }

typedef struct { cudaStream_t s; float *x, *y; } Memory;
static Memory memory(void)
{
    static float ones[8 * N];
    for (float &one : ones) one = 1;
    Memory m = { new_stream(), new_floats(8 * N), new_floats(N) };
    put(m.s, m.x, ones, 8 * N);
    return m;
}

static bool all_are(Memory m, int n, float value)
{
    float y[N];
    get(m.s, y, m.y, (size_t)n);
    for (int i = 0; i < n; i++)
        if (!(y[i] == value)) return false;
    return true;
}

/* A mistake shows itself in one schedule or the other. */
#define IN_EVERY_ORDER(n, value, ...)                                           \
    do {                                                                        \
        Memory m = memory();                                                    \
        for (int order_ = EMULATOR_FORWARD; order_ <= EMULATOR_RANDOM; order_++) {      \
            emulator_schedule((EmulatorSchedule)order_, 1);                     \
            __VA_ARGS__;                                                        \
            say_if(!all_are(m, n, value));                                      \
        }                                                                       \
    } while (0)
#define ONCE(...)                                                               \
    do {                                                                        \
        Memory m = memory();                                                    \
        __VA_ARGS__;                                                            \
        cudaStreamSynchronize(m.s);                                             \
    } while (0)

static void run_no_barrier(void *) { IN_EVERY_ORDER(N, 1, LAUNCH(no_barrier, 1, N, 0, m.s, m.y)); }
static void run_shuffle_for_barrier(void *) { IN_EVERY_ORDER(WARP, 2, LAUNCH(shuffle_for_barrier, 1, WARP, 0, m.s, m.y)); }
static void run_no_wait(void *) { IN_EVERY_ORDER(N, 1, LAUNCH(no_wait, 1, N, 0, m.s, m.x, m.y)); }
static void run_no_barrier_before_the_next_copy(void *) { IN_EVERY_ORDER(N, 1, LAUNCH(no_barrier_before_the_next_copy, 1, N, 0, m.s, m.x, m.y)); }
static void run_never_waits(void *) { ONCE(LAUNCH(never_waits, 1, N, 0, m.s, m.x)); }
static void run_shared_overrun(void *) { ONCE(LAUNCH(shared_overrun, 1, N, 0, m.s, m.y)); }
static void run_dynamic_overrun(void *) { ONCE(LAUNCH(dynamic_overrun, 1, N, N * sizeof(float), m.s, m.y)); }
static void run_global_overrun(void *) { ONCE(float *odd = new_floats(N + 1); LAUNCH(global_overrun, 1, N + 1, 0, m.s, odd); cudaFree(odd)); }
static void run_blocks_race(void *) { ONCE(LAUNCH(blocks_race, 4, 32, 0, m.s, m.y)); }
static void run_misaligned_load(void *) { ONCE(LAUNCH(misaligned_load, 1, N, 0, m.s, m.x, m.y)); }
static void run_misaligned_copy(void *) { ONCE(LAUNCH(misaligned_copy, 1, N, 0, m.s, m.x)); }
static void run_early_return(void *) { ONCE(LAUNCH(early_return, 1, N, 0, m.s, m.y)); }
static void run_two_barriers(void *) { ONCE(LAUNCH(two_barriers, 1, N, 0, m.s, m.y)); }
static void run_mask_without_caller(void *) { ONCE(LAUNCH(mask_without_caller, 1, WARP, 0, m.s, m.y)); }
static void run_mask_of_returned(void *) { ONCE(emulator_schedule(EMULATOR_REVERSE, 0); LAUNCH(mask_of_returned, 1, WARP, 0, m.s, m.y)); }
static void run_mask_of_absent(void *) { ONCE(LAUNCH(mask_of_absent, 1, 20, 0, m.s, m.y)); }
static void run_two_masks(void *) { ONCE(emulator_schedule(EMULATOR_REVERSE, 0); LAUNCH(two_masks, 1, WARP, 0, m.s, m.y)); }
static void run_two_collectives(void *) { ONCE(LAUNCH(two_collectives, 1, WARP, 0, m.s, m.y)); }
static void run_waits_for_ever(void *) { ONCE(LAUNCH(waits_for_ever, 1, WARP, 0, m.s, m.y)); }
static void run_outside_the_mask(void *) { IN_EVERY_ORDER(WARP, 1, LAUNCH(outside_the_mask, 1, WARP, 0, m.s, m.y)); }
static void run_not_written(void *) { IN_EVERY_ORDER(N, 0, LAUNCH(not_written, 1, N, 0, m.s, m.y)); }
static void run_too_much_shared(void *) { ONCE(LAUNCH(too_much_shared, 1, N, 0, m.s, m.y)); }
static void run_large_block(void *) { ONCE(LAUNCH(nothing, 1, 1025, 0, m.s, m.y)); }
static void run_large_grid(void *) { ONCE(LAUNCH(nothing, dim3(1, 65536), 1, 0, m.s, m.y)); }
static void run_much_dynamic(void *) { ONCE(LAUNCH(nothing, 1, 1, 49153, m.s, m.y)); }
static void run_more_than_the_card(void *) { ONCE(ALLOW_SHARED(nothing, 100 << 10)); }

/* --- mistakes of the host */

static void run_host_argument(void *) { ONCE(float host[N]; LAUNCH(nothing, 1, N, 0, m.s, host)); }
static void run_null_stream(void *) { ONCE(LAUNCH(nothing, 1, N, 0, NULL, m.y)); }
static void run_wrong_direction(void *) { ONCE(float host[N]; cudaMemcpyAsync(host, m.y, sizeof host, cudaMemcpyHostToDevice, m.s)); }
static void run_long_copy(void *) { ONCE(float host[N + 1]; cudaMemcpyAsync(host, m.y, sizeof host, cudaMemcpyDeviceToHost, m.s)); }
static void run_freed_twice(void *) { ONCE(cudaFree(m.y); cudaFree(m.y)); }
static void run_buffer_used_too_early(void *)
{
    Memory m = memory();
    float host[N] = {0};
    cudaMemcpyAsync(m.y, host, sizeof host, cudaMemcpyHostToDevice, m.s);
    host[0] = 99;
    say_if(!all_are(m, N, 0));
}
static void run_capture_and_wait(void *) { ONCE(cudaStreamBeginCapture(m.s, cudaStreamCaptureModeGlobal)); }
static void run_no_event(void *)
{
    Memory m = memory();
    cudaStream_t other = new_stream();
    float y[N];
    for (uint64_t seed = 1; seed < 40; seed++) {
        emulator_schedule(EMULATOR_FORWARD, seed);
        cudaMemsetAsync(m.y, 0, sizeof y, m.s);
        cudaStreamSynchronize(m.s);
        LAUNCH(no_wait, 1, 1, 0, m.s, m.x, m.y);
        get(other, y, m.y, N);
        say_if(y[0] == 0);
        cudaStreamSynchronize(m.s);
    }
}

typedef struct { const char *name, *text[3]; void (*run)(void *); } Mistake;      /* text: plain, address and undefined, threads; NULL: not seen */
#define ALL(text) { text, text, text }
static const Mistake mistakes[] = {
    { "no barrier", { "wrong values", "wrong values", "data race" }, run_no_barrier },
    { "a shuffle for a barrier", { NULL, NULL, "data race" }, run_shuffle_for_barrier },
    { "no wait for cp.async", ALL("wrong values"), run_no_wait },
    { "no barrier before the next copy", { "wrong values", "wrong values", "data race" }, run_no_barrier_before_the_next_copy },
    { "cp.async never waited for", ALL("returns while 1 copies of cp.async are not waited for"), run_never_waits },
    { "shared overrun", { "shared array of 256 bytes: written 0 bytes behind its end", "use-after-poison", "written 0 bytes behind its end" }, run_shared_overrun },
    { "dynamic overrun", { "shared array of 256 bytes: written 0 bytes behind its end", "use-after-poison", "written 0 bytes behind its end" }, run_dynamic_overrun },
    { "global overrun", { "device memory was written behind its end", "heap-buffer-overflow", NULL }, run_global_overrun },
    { "blocks race", { NULL, NULL, "data race" }, run_blocks_race },
    { "misaligned load", ALL("load_4: address"), run_misaligned_load },
    { "misaligned copy", ALL("cp.async from global memory: address"), run_misaligned_copy },
    { "early return", ALL("returns while others wait at the __syncthreads of"), run_early_return },
    { "two barriers", ALL("while others wait at that of"), run_two_barriers },
    { "mask without caller", ALL("the mask 0000ffff does not name the calling lane 16"), run_mask_without_caller },
    { "mask of returned", ALL("the mask ffffffff names lane 16, which has returned"), run_mask_of_returned },
    { "mask of absent", ALL("the mask ffffffff names lanes that a warp of 20 has not"), run_mask_of_absent },
    { "two masks", ALL("which has returned"), run_two_masks },
    { "two collectives", ALL("lane 0 is at __shfl_sync"), run_two_collectives },
    { "waits for ever", ALL("waits for ever at __shfl_sync, mask ffffffff"), run_waits_for_ever },
    { "outside the mask", ALL("wrong values"), run_outside_the_mask },
    { "shared memory not written", ALL("wrong values"), run_not_written },
    { "too much shared memory", ALL("52000 bytes of static shared memory, more than 49152"), run_too_much_shared },
    { "large block", ALL("a block of 1025 x 1 x 1 threads"), run_large_block },
    { "large grid", ALL("a grid of 1 x 65536 x 1 blocks"), run_large_grid },
    { "much dynamic shared memory", ALL("49153 bytes of dynamic shared memory, allowed are 49152"), run_much_dynamic },
    { "more than the card", ALL("102400 bytes of shared memory asked for, the card has 101376"), run_more_than_the_card },
    { "host argument", ALL("kernel nothing: argument 0 is"), run_host_argument },
    { "null stream", ALL("the null stream"), run_null_stream },
    { "wrong direction", ALL("a copy whose direction or length does not fit"), run_wrong_direction },
    { "long copy", ALL("a copy whose direction or length does not fit"), run_long_copy },
    { "freed twice", ALL("memory is freed that was not allocated"), run_freed_twice },
    { "buffer used too early", ALL("wrong values"), run_buffer_used_too_early },
    { "waits while capturing", ALL("a stream is waited for while it is captured"), run_capture_and_wait },
    { "no event", ALL("wrong values"), run_no_event },
};

/* Each in a program of its own: after a fork of several fibers ThreadSanitizer watches no more. */
static void start_again(void *mistake)
{
    execl("/proc/self/exe", "test_emulator", ((const Mistake *)mistake)->name, (char *)NULL);
}

static void mistakes_are_seen(void **state)
{
    (void)state;
    for (const Mistake &m : mistakes) {
        if (!m.text[BUILD]) continue;
        print_message("%s\n", m.name);
        assert_aborts(m.text[BUILD], start_again, (void *)&m);
    }
}

/* --- the device */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static void the_host_cannot_read_device_memory(void **state)
{
    (void)state;
    float *y = new_floats(N);
    int status;
    pid_t child = fork();
    if (!child) {
        signal(SIGSEGV, SIG_DFL);
        struct rlimit none = {};
        setrlimit(RLIMIT_CORE, &none);
        _exit(*(volatile float *)y > 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    cudaFree(y);
}
#endif

static __global__ void add_one(float *y)
{
    y[threadIdx.x] += 1;
}

static void an_event_orders_streams(void **state)
{
    (void)state;
    Memory m = memory();
    cudaStream_t other = new_stream();
    cudaEvent_t e;
    cudaEventCreateWithFlags(&e, cudaEventDisableTiming);
    float y[N];
    for (uint64_t seed = 1; seed < 40; seed++) {
        emulator_schedule(EMULATOR_FORWARD, seed);
        cudaMemsetAsync(m.y, 0, sizeof y, m.s);
        LAUNCH(add_one, 1, N, 0, m.s, m.y);
        cudaEventRecord(e, m.s);
        cudaStreamWaitEvent(other, e, 0);
        get(other, y, m.y, N);
        assert_true(y[N - 1] == 1);
    }
    cudaEventDestroy(e);
    cudaStreamDestroy(other);
    cudaFree(m.x);
    cudaFree(m.y);
    cudaStreamDestroy(m.s);
}

static void a_graph_runs_again(void **state)
{
    (void)state;
    Memory m = memory();
    cudaGraph_t graph;
    cudaGraphExec_t ready;
    float zeros[N] = {0};
    put(m.s, m.y, zeros, N);
    assert_int_equal(cudaStreamBeginCapture(m.s, cudaStreamCaptureModeGlobal), cudaSuccess);
    LAUNCH(add_one, 1, N, 0, m.s, m.y);
    LAUNCH(add_one, 1, N, 0, m.s, m.y);
    assert_int_equal(cudaStreamEndCapture(m.s, &graph), cudaSuccess);
    assert_int_equal(cudaGraphInstantiate(&ready, graph, 0), cudaSuccess);
    assert_true(all_are(m, N, 0));
    for (int i = 0; i < 3; i++) assert_int_equal(cudaGraphLaunch(ready, m.s), cudaSuccess);
    assert_true(all_are(m, N, 6));
    cudaGraphExecDestroy(ready);
    cudaGraphDestroy(graph);
    cudaFree(m.x);
    cudaFree(m.y);
    cudaStreamDestroy(m.s);
}

static void memory_has_an_end(void **state)
{
    (void)state;
    FakeDevice small = { 1, 13000, 13000, 8, 9, 128, 10000, 99 << 10, cudaSuccess };
    fake_device(small);
    void *a, *b;
    size_t left, all;
    assert_int_equal(cudaMalloc(&a, 6000), cudaSuccess);
    assert_int_equal(cudaMalloc(&b, 4001), cudaErrorMemoryAllocation);
    assert_null(b);
    assert_int_equal(cudaGetLastError(), cudaErrorMemoryAllocation);
    assert_int_equal(cudaGetLastError(), cudaSuccess);
    assert_int_equal(cudaMemGetInfo(&left, &all), cudaSuccess);
    assert_int_equal(left, 4000);
    assert_int_equal(cudaMalloc(&b, 4000), cudaSuccess);
    cudaFree(a);
    cudaFree(b);
    assert_int_equal(fake_device_used(), 0);
    assert_int_equal(fake_device_most_used(), 10000);
    small.memory = (size_t)4 << 30;
    fake_device(small);
}

static void errors_come_when_asked_for(void **state)
{
    (void)state;
    Memory m = memory();
    fake_device_fail(2, cudaErrorLaunchFailure, 0);
    assert_int_equal(cudaMemsetAsync(m.y, 0, 4, m.s), cudaSuccess);
    LAUNCH(add_one, 1, N, 0, m.s, m.y);
    assert_int_equal(cudaGetLastError(), cudaErrorLaunchFailure);
    assert_int_equal(cudaStreamSynchronize(m.s), cudaSuccess);
    fake_device_fail(1, cudaErrorIllegalAddress, 1);
    for (int i = 0; i < 3; i++) assert_int_equal(cudaStreamSynchronize(m.s), cudaErrorIllegalAddress);
    fake_device_fail(0, cudaSuccess, 0);
    cudaFree(m.x);
    cudaFree(m.y);
    cudaStreamDestroy(m.s);
}

int main(int argc, char **argv)
{
    for (const Mistake &m : mistakes)
        if (argc > 1 && !strcmp(argv[1], m.name)) return m.run(NULL), 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_right_passes), cmocka_unit_test(warps_meet), cmocka_unit_test(mistakes_are_seen),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        cmocka_unit_test(the_host_cannot_read_device_memory),
#endif
        cmocka_unit_test(an_event_orders_streams), cmocka_unit_test(a_graph_runs_again), cmocka_unit_test(memory_has_an_end),
        cmocka_unit_test(errors_come_when_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
