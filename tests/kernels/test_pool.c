/* The pool: every task once, whoever takes it, call after call; what tasks wrote is there when the call returns. */
#include "tests/testing.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "kernels/memory.h"
#include "kernels/pool.h"

enum { TASKS = 1000, WORKERS = 8 };
typedef struct { int *done; int *by_worker; int n_workers; } Work;

/* Plain memory on purpose: a task that ran twice, or two of one worker at once, is a race that a sanitizer sees. */
static void count(const void *ctx, int task, int worker)
{
    const Work *work = ctx;
    work->done[task]++;
    if (worker < 0 || worker >= work->n_workers) abort();
    work->by_worker[worker]++;
}

static void run_and_check(Pool *pool, int n_tasks)
{
    int done[TASKS] = {0}, by_worker[WORKERS] = {0}, total = 0;
    pool_run(pool, n_tasks, count, &(Work){ done, by_worker, pool_workers(pool) });
    for (int i = 0; i < TASKS; i++) assert_int_equal(done[i], i < n_tasks);
    for (int i = 0; i < WORKERS; i++) total += by_worker[i];
    assert_int_equal(total, n_tasks);
}

static void every_task_runs_once(void **state)
{
    (void)state;
    static const int n_tasks[] = { 0, 1, 2, 3, 7, 64, TASKS };
    for (int n = 1; n <= WORKERS; n++) {
        Pool *pool = pool_open(n);
        assert_int_equal(pool_workers(pool), n);
        for (int i = 0; i < 7; i++) run_and_check(pool, n_tasks[i]);
        pool_close(pool);
    }
}

/* The results of one call are the input of the next. */
static void add_one(const void *ctx, int task, int worker)
{
    (void)worker;
    int *values = *(int *const *)ctx;
    values[task] = values[(task + 1) % 16 + 16] + 1;
}

static void copy_back(const void *ctx, int task, int worker)
{
    (void)worker;
    int *values = *(int *const *)ctx;
    values[16 + task] = values[task];
}

static void many_calls(void **state)
{
    (void)state;
    for (int n = 1; n <= WORKERS; n += n < 4 ? 1 : 4) {
        Pool *pool = pool_open(n);
        int values[32] = {0}, *ctx = values;
        for (int i = 0; i < 300; i++) {
            pool_run(pool, 16, add_one, &ctx);
            pool_run(pool, 16, copy_back, &ctx);
        }
        for (int i = 0; i < 16; i++) assert_int_equal(values[i], 300);
        pool_close(pool);
    }
}

/* Between calls workers go to sleep; the next call wakes them. A slow task lets the caller sleep too. */
static void slow(const void *ctx, int task, int worker)
{
    (void)worker;
    nanosleep(&(struct timespec){ .tv_nsec = task ? 2000000 : 0 }, NULL);
    (*(int *const *)ctx)[task]++;
}

static void sleepers_wake(void **state)
{
    (void)state;
    Pool *pool = pool_open(3);
    int done[3] = {0}, *ctx = done;
    for (int i = 0; i < 10; i++) {
        nanosleep(&(struct timespec){ .tv_nsec = 3000000 }, NULL);
        pool_run(pool, 3, slow, &ctx);
    }
    for (int i = 0; i < 3; i++) assert_int_equal(done[i], 10);
    pool_close(pool);
}

/* Each of two tasks waits for the other: one worker alone would wait for ever (here: ten seconds). */
static void meet(const void *ctx, int task, int worker)
{
    (void)task, (void)worker;
    atomic_int *present = *(atomic_int *const *)ctx;
    atomic_fetch_add(present, 1);
    for (int i = 0; i < 10000 && atomic_load(present) < 2; i++) nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    if (atomic_load(present) < 2) abort();
}

static void tasks_run_at_the_same_time(void **state)
{
    (void)state;
    Pool *pool = pool_open(2);
    for (int i = 0; i < 20; i++) {
        atomic_int present = 0, *ctx = &present;
        pool_run(pool, 2, meet, &ctx);
    }
    pool_close(pool);
}

static void pools_that_never_ran_close(void **state)
{
    (void)state;
    pool_close(NULL);
    for (int i = 0; i < 20; i++) pool_close(pool_open(1 + i % 4));
    assert_true(pool_default_workers() >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once), cmocka_unit_test(many_calls), cmocka_unit_test(sleepers_wake),
        cmocka_unit_test(tasks_run_at_the_same_time), cmocka_unit_test(pools_that_never_ran_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
