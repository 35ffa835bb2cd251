#include "kernels/cuda/emulator/emulator.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <map>

#include "kernels/cuda/emulator/fiber.h"

#ifdef SANITIZE_ADDRESS
#include <sanitizer/asan_interface.h>
#endif

enum { MOST_THREADS = 1024, LANES = 32, MOST_ARRAYS = 64, RED_ZONE = 128, SHARED_ROOM = 512 << 10, MOST_COPIES = 1024 };
enum { STATIC_SHARED_MOST = 48 << 10, MOST_GRID_Y = 65535 };
static const unsigned char red_byte = 0xA5;

enum State { READY, AT_TOGETHER, AT_BARRIER, RETURNED };

/* `seen` comes first: the running thread is found from what it sees of itself. */
struct Thread {
    EmulatorThread seen;
    Fiber fiber;
    State state;
    const EmulatorCollective *together;
    unsigned mask;
    const void *in;
    void *out;
    unsigned n_warp_barriers;
    int first_copy, n_copies, open_group;
    EmulatorCopy copy[MOST_COPIES];
};

/* Keys of ThreadSanitizer for one block. A barrier has two, taken in turn: with one, a thread that is late would be ordered
 * behind what others do after the barrier. A lane has two of its own for __syncwarp. They lie in the block's shared memory and go with
 * it, so that nothing orders a block after another. */
struct Keys { uint64_t barrier[2], lane[MOST_THREADS][2]; };
struct Array { const void *key; char *at; size_t bytes; };

/* The machine: there is one, on one OS thread, and kernels must find it without being told. */
static struct {
    Thread *thread[MOST_THREADS], *made[MOST_THREADS];      /* of the running block by number; all ever made */
    int     n_made, n_threads, n_live, n_at_barrier, barrier_turn;
    unsigned waiting[MOST_THREADS / LANES], returned[MOST_THREADS / LANES];      /* lanes of each warp: at a collective; gone */
    int     queue[MOST_THREADS], first_ready, n_ready;
    const char *barrier_site;
    Fiber   host;
    const EmulatorLaunch *launch;
    const std::function<void()> *body;
    EmulatorSchedule schedule;
    uint64_t seed, random;
    char   *room;                                           /* keys, then shared memory */
    Array   array[MOST_ARRAYS];
    int     n_arrays;
    size_t  room_used, static_shared;
    bool    room_touched;
    uint64_t launch_key, end_key;
} machine;

EmulatorThread *emulator_thread;
static std::map<const void *, size_t> &allowed_shared()
{
    static std::map<const void *, size_t> *map = new std::map<const void *, size_t>;
    return *map;
}

static Thread *running() { return (Thread *)emulator_thread; }
static const char *const schedule_name[] = { "forward", "reverse", "random" };

void emulator_stop(const char *format, ...)
{
    fprintf(stderr, "emulator: kernel %s", machine.launch ? machine.launch->kernel : "(none)");
    if (emulator_thread)
        fprintf(stderr, ", block (%u, %u, %u), thread (%u, %u, %u)", emulator_thread->block.x, emulator_thread->block.y, emulator_thread->block.z,
                emulator_thread->thread.x, emulator_thread->thread.y, emulator_thread->thread.z);
    fprintf(stderr, ", schedule %s %llu: ", schedule_name[machine.schedule], (unsigned long long)machine.seed);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

/* --- the order of things */

void emulator_schedule(EmulatorSchedule schedule, uint64_t seed)
{
    machine.schedule = schedule;
    machine.seed = seed;
    machine.random = seed * 0xD1342543DE82EF95u + 0x9E3779B97F4A7C15u;
}

uint64_t emulator_random_below(uint64_t n)
{
    if (!machine.random) emulator_schedule(EMULATOR_FORWARD, 0);
    machine.random ^= machine.random << 13;
    machine.random ^= machine.random >> 7;
    machine.random ^= machine.random << 17;
    return (machine.random >> 11) % n;
}

static void make_ready(int i)
{
    machine.thread[i]->state = READY;
    machine.queue[(machine.first_ready + machine.n_ready++) % MOST_THREADS] = i;
}

static int next_ready()
{
    if (machine.schedule == EMULATOR_RANDOM) {
        int other = (machine.first_ready + (int)emulator_random_below((uint64_t)machine.n_ready)) % MOST_THREADS, i = machine.queue[other];
        machine.queue[other] = machine.queue[machine.first_ready];
        machine.queue[machine.first_ready] = i;
    }
    int i = machine.queue[machine.first_ready];
    machine.first_ready = (machine.first_ready + 1) % MOST_THREADS;
    machine.n_ready--;
    return i;
}

static void wait_for_others() { fiber_switch(&running()->fiber, &machine.host); }
static int number(const Thread *t) { return t->seen.warp * LANES + t->seen.lane; }

/* --- shared memory */

static Keys *keys() { return (Keys *)machine.room; }

/* Bytes that nobody wrote: 0xFF, which is a NaN. By volatile words, as the sanitizers would take memset for an access. */
static void fill(char *at, size_t bytes, unsigned char byte)
{
    for (size_t i = 0; i < bytes; i++) ((volatile unsigned char *)at)[i] = byte;
}

/* A block's memory is new to the sanitizers: pages that come again have no history for ThreadSanitizer. */
static void renew_room()
{
    enum { BYTES = sizeof(Keys) + SHARED_ROOM };
    if (machine.room && !machine.room_touched) return;
#ifdef SANITIZE_THREAD
    if (machine.room) munmap(machine.room, BYTES);
    machine.room = NULL;
#endif
    if (!machine.room) machine.room = (char *)mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (machine.room == MAP_FAILED) emulator_stop("no memory for a block's shared memory");
#ifdef SANITIZE_ADDRESS
    __asan_poison_memory_region(machine.room + sizeof(Keys), SHARED_ROOM);
#endif
    machine.room_touched = false;
}

static size_t shared_limit()
{
    auto allowed = allowed_shared().find(machine.launch->code);
    return allowed == allowed_shared().end() ? (size_t)STATIC_SHARED_MOST : allowed->second;
}

static void *new_array(const void *key, size_t bytes)
{
    size_t at = (machine.room_used + RED_ZONE + 127) & ~(size_t)127;
    if (machine.n_arrays == MOST_ARRAYS) emulator_stop("more than %d shared arrays", MOST_ARRAYS);
    if (at + bytes + RED_ZONE > SHARED_ROOM) emulator_stop("shared memory of %zu bytes is more than any device has", bytes);
    char *array = machine.room + sizeof(Keys) + at;
    machine.room_touched = true;
    machine.room_used = at + bytes;
    machine.array[machine.n_arrays++] = Array{ key, array, bytes };
#ifdef SANITIZE_ADDRESS
    __asan_unpoison_memory_region(array, bytes);
#else
    fill(array - RED_ZONE, RED_ZONE, red_byte);
    fill(array + bytes, RED_ZONE, red_byte);
#endif
    fill(array, bytes, 0xFF);
    return array;
}

static void *find_or_make(const void *key, size_t bytes)
{
    for (int i = 0; i < machine.n_arrays; i++)
        if (machine.array[i].key == key) return machine.array[i].at;
    return new_array(key, bytes);
}

void *emulator_shared(const void *key, size_t bytes)
{
    int n = machine.n_arrays;
    void *array = find_or_make(key, bytes);
    if (machine.n_arrays > n) machine.static_shared += bytes;
    if (machine.static_shared > STATIC_SHARED_MOST) emulator_stop("%zu bytes of static shared memory, more than %d", machine.static_shared, STATIC_SHARED_MOST);
    if (machine.static_shared + machine.launch->shared > shared_limit())
        emulator_stop("%zu bytes of shared memory, allowed are %zu", machine.static_shared + machine.launch->shared, shared_limit());
    return array;
}

void *emulator_dynamic_shared(void)
{
    static const char key = 0;
    return find_or_make(&key, machine.launch->shared);
}

/* What AddressSanitizer sees at once the other builds see at the block's end, if it was written. */
static void check_red_zones()
{
#ifndef SANITIZE_ADDRESS
    for (int i = 0; i < machine.n_arrays; i++)
        for (int k = 0; k < RED_ZONE; k++) {
            const Array *a = &machine.array[i];
            if ((unsigned char)a->at[a->bytes + (size_t)k] != red_byte) emulator_stop("shared array of %zu bytes: written %d bytes behind its end", a->bytes, k);
            if ((unsigned char)a->at[-1 - k] != red_byte) emulator_stop("shared array of %zu bytes: written %d bytes before it", a->bytes, k + 1);
        }
#endif
}

void emulator_allow_shared(const void *code, size_t bytes)
{
    if (bytes > emulator_device_shared()) emulator_stop("%zu bytes of shared memory asked for, the card has %zu for a block", bytes, emulator_device_shared());
    allowed_shared()[code] = bytes;
}

/* --- waiting for each other */

void emulator_barrier(const char *site)
{
    Thread *t = running();
    if (machine.n_at_barrier && strcmp(machine.barrier_site, site))
        emulator_stop("waits at the __syncthreads of %s while others wait at that of %s", site, machine.barrier_site);
    if (machine.n_live < machine.n_threads) emulator_stop("waits at the __syncthreads of %s, but a thread of the block has returned", site);
    machine.barrier_site = site;
    machine.room_touched = true;
    uint64_t *key = &keys()->barrier[machine.barrier_turn];
    fiber_release(key);
    t->state = AT_BARRIER;
    if (++machine.n_at_barrier == machine.n_live) {
        machine.n_at_barrier = 0;
        machine.barrier_turn ^= 1;
        for (int i = 0; i < machine.n_threads; i++) make_ready(machine.schedule == EMULATOR_REVERSE ? machine.n_threads - 1 - i : i);
    }
    wait_for_others();
    fiber_acquire(key);
}

static int lanes_of_warp(int warp)
{
    int n = machine.n_threads - warp * LANES;
    return n < LANES ? n : LANES;
}

static void check_mask(const Thread *t, const char *name, unsigned mask)
{
    int n = lanes_of_warp(t->seen.warp);
    if (!(mask >> t->seen.lane & 1)) emulator_stop("%s: the mask %08x does not name the calling lane %d", name, mask, t->seen.lane);
    if (n < LANES && mask >> n) emulator_stop("%s: the mask %08x names lanes that a warp of %d has not", name, mask, n);
    unsigned gone = mask & machine.returned[t->seen.warp];
    if (gone) emulator_stop("%s: the mask %08x names lane %d, which has returned", name, mask, __builtin_ctz(gone));
}

/* All lanes of the mask are here: the same operation with the same mask, done for all by the last. */
static void run_together(Thread *t, const EmulatorCollective *together, unsigned mask)
{
    const void *in[LANES] = {};
    void *out[LANES] = {};
    for (int lane = 0; lane < LANES; lane++) {
        if (!(mask >> lane & 1)) continue;
        const Thread *other = machine.thread[t->seen.warp * LANES + lane];
        if (other->together != together) emulator_stop("%s: lane %d is at %s", together->name, lane, other->together->name);
        if (other->mask != mask) emulator_stop("%s: the mask is %08x here and %08x in lane %d", together->name, mask, other->mask, lane);
        in[lane] = other->in;
        out[lane] = other->out;
    }
    together->run(mask, in, out);
}

void emulator_together(const EmulatorCollective *together, unsigned mask, const void *in, void *out)
{
    Thread *t = running();
    int warp = t->seen.warp;
    check_mask(t, together->name, mask);
    t->together = together;
    t->mask = mask;
    t->in = in;
    t->out = out;
    t->state = AT_TOGETHER;
    machine.waiting[warp] |= 1u << t->seen.lane;
    if ((machine.waiting[warp] & mask) != mask) {
        wait_for_others();
        return;
    }
    run_together(t, together, mask);
    machine.waiting[warp] &= ~mask;
    for (int lane = 0; lane < LANES; lane++)
        if (mask >> lane & 1 && lane != t->seen.lane) make_ready(warp * LANES + lane);
    t->state = READY;
    if (machine.schedule != EMULATOR_RANDOM) return;
    make_ready(number(t));
    wait_for_others();
}

#ifdef SANITIZE_THREAD
/* Each lane brings its own key and takes those of all. */
static void exchange_keys(unsigned mask, const void *const in[32], void *const out[32])
{
    for (int lane = 0; lane < LANES; lane++)
        if (mask >> lane & 1) memcpy(out[lane], in, LANES * sizeof *in);
}
static const EmulatorCollective warp_barrier = { "__syncwarp", exchange_keys };

void emulator_sync_warp(unsigned mask)
{
    Thread *t = running();
    uint64_t *key = &keys()->lane[number(t)][t->n_warp_barriers++ & 1];
    uint64_t *other[LANES];
    machine.room_touched = true;
    fiber_release(key);
    emulator_together(&warp_barrier, mask, key, other);
    for (int lane = 0; lane < LANES; lane++)
        if (other[lane]) fiber_acquire(other[lane]);
}
#else
static void nothing(unsigned, const void *const[32], void *const[32]) { }
static const EmulatorCollective warp_barrier = { "__syncwarp", nothing };
void emulator_sync_warp(unsigned mask) { emulator_together(&warp_barrier, mask, NULL, NULL); }
#endif

/* --- cp.async */

void emulator_copy_issue(void *to, const void *from)
{
    Thread *t = running();
    if (t->n_copies == MOST_COPIES) emulator_stop("more than %d copies of cp.async in flight", MOST_COPIES);
    t->copy[(t->first_copy + t->n_copies++) % MOST_COPIES] = EmulatorCopy{ to, from, t->open_group };
}

void emulator_copy_commit(void) { running()->open_group++; }

bool emulator_copy_due(int left, EmulatorCopy *copy)
{
    Thread *t = running();
    if (!t->n_copies || t->copy[t->first_copy].group >= t->open_group - left) return false;
    *copy = t->copy[t->first_copy];
    t->first_copy = (t->first_copy + 1) % MOST_COPIES;
    t->n_copies--;
    return true;
}

/* --- running */

static void thread_returns(Thread *t)
{
    if (t->n_copies) emulator_stop("returns while %d copies of cp.async are not waited for", t->n_copies);
    if (machine.n_at_barrier) emulator_stop("returns while others wait at the __syncthreads of %s", machine.barrier_site);
    t->state = RETURNED;
    machine.returned[t->seen.warp] |= 1u << t->seen.lane;
    machine.n_live--;
}

/* A fiber runs one thread after another, a kernel's after another's. */
static void thread_body(Fiber *)
{
    for (;;) {
        fiber_acquire(&machine.launch_key);
        (*machine.body)();
        fiber_release(&machine.end_key);
        thread_returns(running());
        wait_for_others();
    }
}

static void make_threads(int n)
{
    while (machine.n_made < n) {
        Thread *t = (Thread *)calloc(1, sizeof *t);
        if (!t) emulator_stop("no memory for a thread");
        fiber_open(&t->fiber, thread_body);
        machine.made[machine.n_made++] = t;
    }
}

/* From block to block a thread's number moves to another fiber: with the same one, ThreadSanitizer would take thread 0 of every block for one. */
static void start_threads(uint3 block, uint64_t which)
{
    enum { STEP = 7 };
    dim3 size = machine.launch->block;
    int n = machine.n_threads;
    for (int i = 0; i < n; i++) {
        unsigned u = (unsigned)i;
        Thread *t = machine.thread[i] = machine.made[(which * STEP + u) % (uint64_t)n];
        t->seen = EmulatorThread{ { u % size.x, u / size.x % size.y, u / size.x / size.y }, block, size, machine.launch->grid, i % LANES, i / LANES };
        t->n_copies = t->first_copy = t->open_group = 0;
        t->n_warp_barriers = 0;
    }
    for (int i = 0; i < n; i++) make_ready(machine.schedule == EMULATOR_REVERSE ? n - 1 - i : i);
}

static void check_all_returned()
{
    for (int i = 0; i < machine.n_threads; i++) {
        Thread *t = machine.thread[i];
        if (t->state == RETURNED) continue;
        emulator_thread = &t->seen;
        if (t->state == AT_TOGETHER) emulator_stop("waits for ever at %s, mask %08x: not all of its lanes come", t->together->name, t->mask);
        emulator_stop("waits for ever at the __syncthreads of %s", machine.barrier_site);
    }
}

static void run_block(uint3 block, uint64_t which)
{
    renew_room();
    machine.n_arrays = 0;
    machine.room_used = machine.static_shared = 0;
    machine.n_live = machine.n_threads;
    machine.n_at_barrier = machine.barrier_turn = machine.first_ready = machine.n_ready = 0;
    memset(machine.waiting, 0, sizeof machine.waiting);
    memset(machine.returned, 0, sizeof machine.returned);
    start_threads(block, which);
    fiber_release(&machine.launch_key);
    while (machine.n_ready) {
        Thread *t = machine.thread[next_ready()];
        emulator_thread = &t->seen;
        fiber_switch(&machine.host, &t->fiber);
    }
    check_all_returned();
    check_red_zones();
    emulator_thread = NULL;
}

static uint64_t common_divisor(uint64_t a, uint64_t b) { return b ? common_divisor(b, a % b) : a; }

/* Blocks in order, from the last, or by steps of a random number that has no divisor in common with theirs. */
static void run_blocks()
{
    dim3 grid = machine.launch->grid;
    uint64_t n = (uint64_t)grid.x * grid.y * grid.z, start = 0, step = 1;
    if (machine.schedule == EMULATOR_RANDOM) {
        start = emulator_random_below(n);
        do step = 1 + emulator_random_below(n); while (common_divisor(step, n) != 1);
    }
    for (uint64_t k = 0; k < n; k++) {
        uint64_t i = machine.schedule == EMULATOR_REVERSE ? n - 1 - k : (start + k * step) % n;
        run_block(uint3{ (unsigned)(i % grid.x), (unsigned)(i / grid.x % grid.y), (unsigned)(i / grid.x / grid.y) }, k);
    }
}

static void check_launch(const EmulatorLaunch *launch)
{
    dim3 grid = launch->grid, block = launch->block;
    uint64_t threads = (uint64_t)block.x * block.y * block.z;
    if (!threads || threads > MOST_THREADS || block.z > 64) emulator_stop("a block of %u x %u x %u threads", block.x, block.y, block.z);
    if (!grid.x || !grid.y || !grid.z || grid.x > INT32_MAX || grid.y > MOST_GRID_Y || grid.z > MOST_GRID_Y)
        emulator_stop("a grid of %u x %u x %u blocks", grid.x, grid.y, grid.z);
    if (launch->shared > shared_limit()) emulator_stop("%zu bytes of dynamic shared memory, allowed are %zu", launch->shared, shared_limit());
}

void emulator_run(const EmulatorLaunch *launch, const std::function<void()> &body)
{
    machine.launch = launch;
    machine.body = &body;
    check_launch(launch);
    machine.n_threads = (int)(launch->block.x * launch->block.y * launch->block.z);
    fiber_of_caller(&machine.host);
    make_threads(machine.n_threads);
    run_blocks();
    fiber_acquire(&machine.end_key);
    machine.launch = NULL;
    machine.body = NULL;
}
