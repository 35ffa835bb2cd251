/* One pool of threads. `pool_run` calls fn(ctx, task, worker) for every task in 0..n_tasks-1 and returns when all are done.
 *
 * Tasks are cut by shape and write disjoint memory, so who takes which cannot be seen in the result: bits do not depend
 * on the number of threads. Partial sums are one per task, added in task order. `worker` (0..n_workers-1) only picks
 * scratch. Calls do not nest. BLAS is called from inside tasks, single-threaded. */
#ifndef KERNELS_POOL_H
#define KERNELS_POOL_H

typedef struct Pool Pool;
typedef void PoolFn(const void *ctx, int task, int worker);

Pool *pool_open(int n_workers);              /* >= 1; the caller of pool_run is worker 0 */
void  pool_close(Pool *);                    /* accepts NULL */
int   pool_workers(const Pool *);
void  pool_run(Pool *, int n_tasks, PoolFn *fn, const void *ctx);
int   pool_default_workers(void);            /* cores this process may use: affinity and cgroup quota */

#endif
