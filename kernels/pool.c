#include "kernels/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/memory.h"
#include "kernels/status.h"

/* Workers spin a little before they sleep: in a training step the next call comes within microseconds. */
enum { SPINS = 2000 };

struct Pool {
    int n_workers;
    pthread_t *thread;
    PoolFn *fn;
    const void *ctx;
    int n_tasks;
    atomic_int next, pending;          /* next task to take; workers that have not finished this call */
    atomic_uint call;                  /* counts calls; a change wakes workers */
    atomic_bool stop;
    bool running;
    pthread_mutex_t lock;
    pthread_cond_t wake, idle;
};

typedef struct { Pool *pool; int worker; } Start;

static void work(Pool *pool, int worker)
{
    for (int task; (task = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed)) < pool->n_tasks;)
        pool->fn(pool->ctx, task, worker);
}

static void pause_cpu(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    __asm__ volatile("yield");
#endif
}

static void await_call(Pool *pool, unsigned seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&pool->call, memory_order_acquire) != seen) return;
        pause_cpu();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load_explicit(&pool->call, memory_order_acquire) == seen) pthread_cond_wait(&pool->wake, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

static void *worker_main(void *arg)
{
    Start start = *(Start *)arg;
    free(arg);
    Pool *pool = start.pool;
    for (unsigned seen = 0;; seen++) {
        await_call(pool, seen);
        if (atomic_load(&pool->stop)) return NULL;
        work(pool, start.worker);
        if (atomic_fetch_sub_explicit(&pool->pending, 1, memory_order_acq_rel) == 1) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->idle);
            pthread_mutex_unlock(&pool->lock);
        }
    }
}

static void announce(Pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add_explicit(&pool->call, 1, memory_order_release);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

static void await_workers(Pool *pool)
{
    for (int i = 0; i < SPINS; i++) {
        if (!atomic_load_explicit(&pool->pending, memory_order_acquire)) return;
        pause_cpu();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load_explicit(&pool->pending, memory_order_acquire)) pthread_cond_wait(&pool->idle, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

Pool *pool_open(int n_workers)
{
    CHECK(n_workers >= 1);
    Pool *pool = memory_new(1, sizeof *pool);
    pool->n_workers = n_workers;
    pool->thread = memory_new((size_t)n_workers, sizeof *pool->thread);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->idle, NULL);
    for (int i = 1; i < n_workers; i++) {
        Start *start = memory_new(1, sizeof *start);
        *start = (Start){ pool, i };
        CHECK(!pthread_create(&pool->thread[i], NULL, worker_main, start), "starting thread %d of %d", i, n_workers);
    }
    return pool;
}

void pool_close(Pool *pool)
{
    if (!pool) return;
    atomic_store(&pool->stop, true);
    announce(pool);
    for (int i = 1; i < pool->n_workers; i++) pthread_join(pool->thread[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->idle);
    pthread_mutex_destroy(&pool->lock);
    free(pool->thread);
    free(pool);
}

int pool_workers(const Pool *pool) { return pool->n_workers; }

void pool_run(Pool *pool, int n_tasks, PoolFn *fn, const void *ctx)
{
    CHECK(!pool->running, "pool calls do not nest");
    pool->running = true;
    pool->fn = fn;
    pool->ctx = ctx;
    pool->n_tasks = n_tasks;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    bool shared = pool->n_workers > 1 && n_tasks > 1;
    if (shared) {
        atomic_store_explicit(&pool->pending, pool->n_workers - 1, memory_order_relaxed);
        announce(pool);
    }
    work(pool, 0);
    if (shared) await_workers(pool);
    pool->running = false;
}

/* The quota a container sets in cgroup v2, in cores rounded up; 0 when there is none. */
static int cgroup_cores(void)
{
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "r");
    if (!f) return 0;
    double quota = 0, period = 0;
    int n = fscanf(f, "%lf %lf", &quota, &period);
    fclose(f);
    return n == 2 && period > 0 ? (int)((quota + period - 1) / period) : 0;
}

int pool_default_workers(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    int quota = cgroup_cores();
    return quota > 0 && quota < n ? quota : n;
}
