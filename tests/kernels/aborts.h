/* A CHECK that must fire: the call runs in a child, whose message must contain `text`. */
#ifndef TESTS_KERNELS_ABORTS_H
#define TESTS_KERNELS_ABORTS_H
#include "tests/testing.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void assert_aborts(const char *text, void (*call)(void *), void *arg)
{
    int end[2], status;
    char message[2048];
    size_t n = 0;
    assert_int_equal(pipe(end), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_CORE, &none);
        dup2(end[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        call(arg);
        _exit(0);
    }
    close(end[1]);
    for (ssize_t got; n < sizeof message - 1 && (got = read(end[0], message + n, sizeof message - 1 - n)) > 0;) n += (size_t)got;
    message[n] = 0;
    close(end[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT || !strstr(message, text))
        print_error("expected an abort with \"%s\", got status %x with \"%s\"\n", text, (unsigned)status, message);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(message, text));
}

#endif
