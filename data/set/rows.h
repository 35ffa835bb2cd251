/* Rows: examples as the user wrote them (mixture.h says where they come from, row_file.h in which formats), and what they are.
 *
 * Any number of threads can read rows at once, and no row stays in memory. Every complaint starts with `path:LINE`.
 *
 * The columns of the first row decide what all rows are, in this order, as TRL 1.16 decides:
 *
 *   input_ids (+ labels, completion_mask, assistant_masks)      already tokens
 *   prompt, completion                                          two strings, or two lists of messages
 *   messages, or conversations ({from, value} or {role, content})
 *   text (its name can be chosen)
 *
 * and, where TRL knows nothing of a row,
 *
 *   instruction, output, and maybe input      Alpaca's: its prompt is made of the first and the last, the output is the completion
 *
 *       Below is an instruction that describes a task, paired with an input that provides further context. Write a response that
 *       appropriately completes the request.
 *
 *       ### Instruction:
 *       {instruction}
 *
 *       ### Input:
 *       {input}
 *
 *       ### Response:
 *       {output}
 *
 *   (the first two lines are one). Without an input, or with an empty one, its part is left out and the first
 *   sentence is "Below is an instruction that describes a task. Write a response …". It is the `text` of tatsu-lab/alpaca.
 *
 * Any may carry `tools` (a list, or a list written as a string) and `chat_template_kwargs` (an object). A column that is null
 * counts as absent. Columns that nothing reads are named in a notice. JSON goes to the template as it stands: the peers'
 * `datasets` first gives every message and tool of a file the same keys, with null where they were absent. */
#ifndef DATA_SET_ROWS_H
#define DATA_SET_ROWS_H
#include <stdbool.h>
#include <stdint.h>

#include "data/file/json.h"
#include "data/set/mixture.h"
#include "kernels/notices.h"
#include "kernels/status.h"

typedef enum { ROW_TOKENS, ROW_PROMPT_COMPLETION, ROW_PROMPT_COMPLETION_MESSAGES, ROW_MESSAGES, ROW_TEXT } RowKind;

typedef struct {
    Mixture  from;
    int64_t  n;                  /* from.n */
    RowKind  kind;
    bool     alpaca;             /* prompt and completion are made of instruction, input and output */
    bool     has_labels, has_completion_mask, has_assistant_masks;      /* rows of tokens: all rows as the first */
    char    *text_field;
} Rows;

/* What one row says; which fields are set follows from the kind, the others are NULL. Messages are lists of objects with a
 * role, and a content that is a string or a list of parts (or absent beside tool_calls). */
typedef struct {
    const char *text, *prompt, *completion;
    const Json *messages, *prompt_messages, *completion_messages;
    const Json *ids, *labels, *completion_mask, *assistant_masks;      /* lists of integers, all as long as ids */
    const Json *tools, *template_kwargs;
    Json *document, *converted, *parsed_tools;                         /* what the above points into */
} Row;

/* `text_field` NULL: "text". Reads the first row. */
Status rows_open(Rows *, const DataMix *, const char *text_field, Notices *);
void   rows_close(Rows *);                                             /* accepts {0} */

Status rows_read(const Rows *, int64_t i, Row *);                      /* on error the row is {0} */
void   row_free(Row *);                                                /* accepts {0} */
RowPlace rows_place(const Rows *, int64_t i);
Status rows_fail(const Rows *, int64_t i, const char *format, ...) __attribute__((format(printf, 3, 4)));   /* "path:LINE: …" */

#endif
