/* Post-processors put special tokens around a text and may take blanks out of the tokens' ranges, as the "post_processor" of a
 * tokenizer.json says. */
#ifndef DATA_TEXT_POST_PROCESSOR_H
#define DATA_TEXT_POST_PROCESSOR_H
#include <stdbool.h>
#include <stdint.h>

#include "data/file/json.h"
#include "kernels/status.h"

typedef struct {
    int32_t *before, *after;                        /* special tokens around the text */
    int      n_before, cap_before, n_after, cap_after;
    bool     trim_offsets, add_prefix_space;        /* a token's blanks are not part of its range, but for one that was added in front */
} PostProcessor;

Status post_processor_read(PostProcessor *, const Json *spec, const char *file);      /* null: nothing is added */
void   post_processor_free(PostProcessor *);

/* The range in `text` without the blanks that begin and end `token`, one code point for each. A single blank in front of a text
 * is taken to be the added one and stays. */
void post_processor_trim(const PostProcessor *, const char *text, const char *token, size_t n, bool first, uint32_t *begin, uint32_t *end);

#endif
