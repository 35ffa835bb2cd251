/* tokenize_speed PATH THREADS: reads texts, one JSON string a line, tokenizes them all on THREADS threads and prints
 * {"seconds", "ids", "sum", "bytes"}: time without reading, how many ids, their sum (so that both sides can be seen to do the same),
 * and how far the resident size rose above that of the texts at its peak. For tests/bench/tokenize_speed.py. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "data/file/json.h"
#include "data/text/tokenizer.h"
#include "kernels/memory.h"
#include "kernels/pool.h"

enum { TEXTS_PER_TASK = 64 };

typedef struct { int32_t *id; int64_t n, cap; Status status; } Part;
typedef struct { const Tokenizer *tokenizer; char **text; int64_t n, cap; Part *part; } Work;

static void tokenize_part(const void *ctx, int task, int worker)
{
    (void)worker;
    const Work *work = ctx;
    Part *part = &work->part[task];
    Tokens tokens = {0};
    for (int64_t i = (int64_t)task * TEXTS_PER_TASK; i < work->n && i < (int64_t)(task + 1) * TEXTS_PER_TASK; i++) {
        tokens.n = 0;
        part->status = tokenizer_encode(work->tokenizer, work->text[i], strlen(work->text[i]), true, &tokens);
        for (int64_t k = 0; k < tokens.n; k++) MEMORY_PUSH(part->id, part->n, part->cap) = tokens.id[k];
    }
    tokens_free(&tokens);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* VmRSS or VmHWM of this process. */
static long status_bytes(const char *key)
{
    char line[256];
    long kilobytes = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, key, strlen(key))) kilobytes = atol(line + strlen(key) + 1);
    if (f) fclose(f);
    return kilobytes * 1024;
}

/* From here on VmHWM counts anew. */
static void forget_peak(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (!f) return;
    fputs("5", f);
    fclose(f);
}

static Status read_texts(Work *work)
{
    char *line = NULL;
    size_t room = 0;
    Status status = STATUS_OK;
    for (ssize_t n; status == STATUS_OK && (n = getline(&line, &room, stdin)) > 0;) {
        Json *json = NULL;
        status = json_parse(&json, "line", line, (size_t)n);
        if (status == STATUS_OK) MEMORY_PUSH(work->text, work->n, work->cap) = memory_string(json_string(json));
        json_free(json);
    }
    free(line);
    return status;
}

static Status tokenize(Work *work, int threads)
{
    int n_parts = (int)((work->n + TEXTS_PER_TASK - 1) / TEXTS_PER_TASK);
    Pool *pool = pool_open(threads);
    work->part = memory_new((size_t)n_parts, sizeof *work->part);
    malloc_trim(0);
    forget_peak();
    long before = status_bytes("VmRSS");
    double start = seconds();
    pool_run(pool, n_parts, tokenize_part, work);
    double took = seconds() - start;
    long long n = 0, sum = 0;
    Status status = STATUS_OK;
    for (int i = 0; i < n_parts; i++) {
        if (work->part[i].status != STATUS_OK) status = work->part[i].status;
        n += work->part[i].n;
        for (int64_t k = 0; k < work->part[i].n; k++) sum += work->part[i].id[k];
        free(work->part[i].id);
    }
    printf("{\"seconds\": %.6f, \"ids\": %lld, \"sum\": %lld, \"bytes\": %ld}\n", took, n, sum, status_bytes("VmHWM") - before);
    free(work->part);
    pool_close(pool);
    return status;
}

int main(int argc, char **argv)
{
    Tokenizer *tokenizer = NULL;
    Notices notices = {0};
    Work work = {0};
    Status status = argc == 3 ? tokenizer_open(&tokenizer, argv[1], &notices) : fail(STATUS_INPUT, "usage: tokenize_speed PATH THREADS");
    work.tokenizer = tokenizer;
    if (status == STATUS_OK) status = read_texts(&work);
    if (status == STATUS_OK) status = tokenize(&work, atoi(argv[2]));
    if (status != STATUS_OK) fprintf(stderr, "%s\n", status_message());
    for (int64_t i = 0; i < work.n; i++) free(work.text[i]);
    free(work.text);
    notices_free(&notices);
    tokenizer_close(tokenizer);
    return (int)status;
}
