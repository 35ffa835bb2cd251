#include "train/run/stop.h"

#include <unistd.h>

enum { N_SIGNALS = STOP_SIGNALS };
static const int signals[N_SIGNALS] = { SIGINT, SIGTERM, SIGHUP };

static volatile sig_atomic_t requested;

static void request(int number)
{
    static const char line[] = "\ngraft: stopping after this step; once more to end at once\n";
    (void)number;
    requested = 1;
    for (int i = 0; i < N_SIGNALS; i++) signal(signals[i], SIG_DFL);
    if (write(STDERR_FILENO, line, sizeof line - 1) < 0) return;      /* nobody reads it */
}

void stop_watch(StopWatch *watch)
{
    struct sigaction action = { .sa_handler = request, .sa_flags = SA_RESTART };
    requested = 0;
    watch->pipe = signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < N_SIGNALS; i++) {
        sigaction(signals[i], NULL, &watch->before[i]);
        if (watch->before[i].sa_handler != SIG_IGN) sigaction(signals[i], &action, NULL);
    }
}

void stop_unwatch(const StopWatch *watch)
{
    signal(SIGPIPE, watch->pipe);
    for (int i = 0; i < N_SIGNALS; i++) sigaction(signals[i], &watch->before[i], NULL);
}

bool stop_requested(void) { return requested; }
