/* SIGINT, SIGTERM and SIGHUP (a closed terminal) while a run trains: the first asks it to stop where it can be resumed, the
 * second ends it at once. A reader of its output that goes away (SIGPIPE) ends nothing.
 *
 * A signal has no argument to carry a value in, so the wish is the one variable of stop.c; who must know asks. Handlers
 * stand only between stop_watch and stop_unwatch, and a signal that was ignored before stays ignored. */
#ifndef TRAIN_RUN_STOP_H
#define TRAIN_RUN_STOP_H
#include <signal.h>
#include <stdbool.h>

enum { STOP_SIGNALS = 3 };
typedef struct { struct sigaction before[STOP_SIGNALS]; void (*pipe)(int); } StopWatch;

void stop_watch(StopWatch *);            /* forgets a wish of before */
void stop_unwatch(const StopWatch *);    /* puts the handlers of before back; the wish stays known */
bool stop_requested(void);

#endif
