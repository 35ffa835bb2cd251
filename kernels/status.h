/* What can go wrong, and how it is said.
 *
 * A Status is the exit code that `main` will return. A function that meets the world (files, memory, the user's
 * input) returns one; the cause is recorded once with `fail`, and each caller on the way up adds its line with `TRY`:
 *
 *     if (bytes < 8) return fail(STATUS_INPUT, "%s: %zu bytes, a safetensors header needs 8", path, bytes);
 *     TRY(safetensors_open(&file, path), "loading base %s", dir);
 *
 * `main` prints the chain, outermost line first. A message says what, where, found, expected, and what to do.
 * The chain belongs to the thread; nothing below train/ prints. Our own bugs are CHECKs: file, line and abort. */
#ifndef KERNELS_STATUS_H
#define KERNELS_STATUS_H

typedef enum {
    STATUS_OK = 0,
    STATUS_FAULT = 1,       /* ours, or a failing device, or no memory for something small */
    STATUS_INPUT = 2,       /* the user's input, or a plan that does not fit */
    STATUS_WRITE = 3,       /* writing failed */
    STATUS_STOPPED = 130,   /* stopped by a signal after saving */
} Status;

/* Starts a new chain with one line; returns `code`. */
Status fail(Status code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts a line before the chain unless it is empty; returns `code`. */
Status status_context(Status code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The chain, outermost line first, joined by ": " and newline-free; "" when nothing failed. Valid until the next fail. */
const char *status_message(void);

/* Return what `expression` returned unless it is STATUS_OK; an optional format adds a line. */
#define TRY(expression, ...)                                                                   \
    do {                                                                                       \
        Status status_ = (expression);                                                         \
        if (status_ != STATUS_OK) return status_context(status_, "" __VA_ARGS__);              \
    } while (0)

/* The same for functions that must clean up: sets `status` and goes to `label`. */
#define TRY_GOTO(label, status, expression, ...)                                               \
    do {                                                                                       \
        (status) = (expression);                                                               \
        if ((status) != STATUS_OK) { status_context(status, "" __VA_ARGS__); goto label; }     \
    } while (0)

/* A bug of ours: says where, and aborts; also in release builds. */
#define CHECK(condition, ...)                                                                  \
    do {                                                                                       \
        if (__builtin_expect(!(condition), 0)) check_failed(__FILE__, __LINE__, #condition, "" __VA_ARGS__); \
    } while (0)
void check_failed(const char *file, int line, const char *condition, const char *format, ...)
    __attribute__((noreturn, format(printf, 4, 5)));

#endif
