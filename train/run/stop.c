#include "train/run/stop.h"

#include <unistd.h>

static const int signals[2] = { SIGINT, SIGTERM };

static volatile sig_atomic_t requested;

static void request(int number)
{
    static const char line[] = "\ngraft: stopping after this step; once more to end at once\n";
    (void)number;
    requested = 1;
    for (int i = 0; i < 2; i++) signal(signals[i], SIG_DFL);
    if (write(STDERR_FILENO, line, sizeof line - 1) < 0) return;      /* nobody reads it */
}

void stop_watch(StopWatch *watch)
{
    struct sigaction action = { .sa_handler = request, .sa_flags = SA_RESTART };
    requested = 0;
    for (int i = 0; i < 2; i++) {
        sigaction(signals[i], NULL, &watch->before[i]);
        if (watch->before[i].sa_handler != SIG_IGN) sigaction(signals[i], &action, NULL);
    }
}

void stop_unwatch(const StopWatch *watch)
{
    for (int i = 0; i < 2; i++) sigaction(signals[i], &watch->before[i], NULL);
}

bool stop_requested(void) { return requested; }
