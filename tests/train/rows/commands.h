/* Commands that read rows, run inside a test: the golden chatml tokenizer, rows in a file of their own, what comes out. */
#ifndef TESTS_TRAIN_ROWS_COMMANDS_H
#define TESTS_TRAIN_ROWS_COMMANDS_H
#include "tests/testing.h"

#include <unistd.h>

#include "kernels/memory.h"

#define CHATML GRAFT_GOLDEN "/rows/chatml"

typedef Status RowsCommand(int argc, char **argv, FILE *out, FILE *messages);

typedef struct { char path[32]; char *out, *messages; Status status; } Ran;

static inline void write_file(char path[32], const char *text)
{
    strcpy(path, "/tmp/graft-test-XXXXXX");
    FILE *file = fdopen(mkstemp(path), "w");
    fputs(text, file);
    fclose(file);
}

/* `words` up to NULL. */
static inline Ran run_words(RowsCommand *command, const char *const *words)
{
    Ran ran = {0};
    size_t n_out, n_messages;
    int argc = 0;
    char *argv[16];
    for (; words[argc]; argc++) argv[argc] = (char *)words[argc];
    FILE *out = open_memstream(&ran.out, &n_out), *messages = open_memstream(&ran.messages, &n_messages);
    ran.status = command(argc, argv, out, messages);
    fclose(out);
    fclose(messages);
    return ran;
}

/* The rows as file; two more words at most, each may be NULL. */
static inline Ran run_rows(RowsCommand *command, const char *rows, const char *a, const char *b)
{
    char path[32];
    write_file(path, rows);
    Ran ran = run_words(command, (const char *const[]){ "--model_name_or_path", CHATML, "--threads=2", path, a, a ? b : NULL, NULL });
    strcpy(ran.path, path);
    remove(path);
    return ran;
}

static inline void ran_free(Ran *ran)
{
    free(ran->out);
    free(ran->messages);
}

/* The text with the name of the rows' file taken off wherever it stands; the caller's to free. */
static inline char *without_path(const Ran *ran, const char *text)
{
    char *out = memory_string(text);
    size_t n = strlen(ran->path);
    for (char *at; (at = strstr(out, ran->path));) memmove(at, at + n, strlen(at + n) + 1);
    return out;
}

#endif
