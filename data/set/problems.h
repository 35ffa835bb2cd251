/* What can be wrong with a row without any error being raised, and turns up weeks later as a model that never stops, answers with
 * its prompt or has seen its own test: one row of a table for each. `graft lint` reports them and every run says them at its start.
 *
 * A check looks at the row as it was written (in_row, while it is encoded) or at its tokens (in_tokens, before they are packed).
 * What has neither is found by comparing rows (findings.h). Adding a problem is a row here and a check. */
#ifndef DATA_SET_PROBLEMS_H
#define DATA_SET_PROBLEMS_H
#include <stdbool.h>
#include <stdint.h>

#include "data/set/encoder.h"

typedef enum {
    PROBLEM_INVALID_UTF8, PROBLEM_UNREADABLE, PROBLEM_NO_TRAINED_TOKEN, PROBLEM_END_UNTRAINED, PROBLEM_DOUBLE_BOS,
    PROBLEM_EMPTY_ANSWER, PROBLEM_TRUNCATED_ANSWER, PROBLEM_PROMPT_TRAINED, PROBLEM_PROMPT_SPLIT, PROBLEM_TEMPLATE_PREFIX, PROBLEM_TURN_UNTRAINED,
    PROBLEM_ROLES, PROBLEM_DUPLICATE, PROBLEM_OVERLAP, PROBLEMS,
} Problem;

/* Error: a run would stop at the row, or learns nothing or the wrong thing from it. Warning: worth a look. */
typedef enum { SEVERITY_WARNING, SEVERITY_ERROR } Severity;

/* One row that was, or was not, encoded. */
typedef struct {
    const Encoder *encoder;
    const Row     *row;                      /* NULL: it could not be read */
    const Encoded *encoded;                  /* what was found out on the way; ids and labels only where `message` is NULL */
    const char    *message;                  /* why it could not be read or encoded; NULL: it was */
} RowView;

/* Its tokens; of them [from, to) stay when the row is cut. */
typedef struct {
    const int32_t *id, *label;
    int64_t        n, from, to;
    int32_t        bos;                      /* -1: the tokenizer names none, or there is no tokenizer */
    const int32_t *end;                      /* [n_ends] the tokens that end an answer; n_ends 0: not known */
    int            n_ends;
} TokenView;

typedef struct {
    const char *name;
    Severity    severity;
    const char *text;                        /* said behind "N rows (lines …): " */
    bool      (*in_row)(const RowView *);
    bool      (*in_tokens)(const TokenView *);
} ProblemKind;

extern const ProblemKind problem_kinds[PROBLEMS];

/* Sets of problems, a bit for each. */
uint32_t problems_in_row(const RowView *);
uint32_t problems_in_tokens(const TokenView *);

#endif
