/* Tokenizers from a tiktoken file (tiktoken.model, or Llama 3's tokenizer.model): a line for every token, its bytes in base64 and
 * its rank, which is its id. Merges follow from the ranks. How text is split is not in the file: transformers takes the regex of
 * Llama 3 (convert_slow_tokenizer.py, TikTokenConverter). */
#include <string.h>

#include "data/file/mapped.h"
#include "data/text/bare_vocabulary.h"
#include "data/text/base64.h"
#include "data/text/byte_level.h"
#include "data/text/scanner.h"
#include "data/text/scored_merges.h"

typedef struct { const char *s; size_t n; } Line;

/* The next line, without its end; false: there is none. */
static bool take_line(Line *rest, Line *line)
{
    if (!rest->n) return false;
    *line = (Line){ rest->s, 0 };
    while (line->n < rest->n && rest->s[line->n] != '\n' && rest->s[line->n] != '\r') line->n++;
    size_t used = line->n + (line->n < rest->n);
    *rest = (Line){ rest->s + used, rest->n - used };
    return true;
}

/* -1: not a rank. */
static int32_t rank_of(Line digits)
{
    int32_t rank = digits.n ? 0 : -1;
    for (size_t i = 0; i < digits.n && rank >= 0; i++) {
        if (digits.s[i] < '0' || digits.s[i] > '9') return -1;
        rank = 10 * rank + (digits.s[i] - '0');
        if (rank > VOCABULARY_MAX_ID) return -1;
    }
    return rank;
}

static Status add_token(Vocabulary *vocabulary, Line line, int i_line, const char *file)
{
    const char *blank = memchr(line.s, ' ', line.n);
    size_t n = blank ? (size_t)(blank - line.s) : line.n;
    int32_t rank = blank ? rank_of((Line){ blank + 1, line.n - n - 1 }) : -1;
    Buffer spelling = {0};
    bool good = rank >= 0 && byte_level_spell(&spelling, line.s, n) && spelling.len, is_new = good && !vocabulary_token(vocabulary, rank, NULL);
    if (is_new) vocabulary_add(vocabulary, spelling.data, spelling.len, rank);
    buffer_free(&spelling);
    if (!good) return fail(STATUS_INPUT, "%s: line %d is not a token in base64, a blank and its rank", file, i_line);
    return is_new ? STATUS_OK : fail(STATUS_INPUT, "%s: line %d has the rank %d, as a token before it", file, i_line, (int)rank);
}

static Status read_tokens(Vocabulary *vocabulary, Line rest, const char *file)
{
    int i_line = 0;
    for (Line line; take_line(&rest, &line); i_line++)
        if (line.n) TRY(add_token(vocabulary, line, i_line + 1, file));
    return vocabulary->count ? STATUS_OK : fail(STATUS_INPUT, "%s: it has no tokens", file);
}

static Json *split(void)
{
    Json *steps = json_new_array();
    json_push(steps, spec_split(scanner_llama3));
    json_push(steps, spec_byte_level(true, false, false));
    return spec_sequence("pretokenizers", steps);
}

Status tokenizer_open_tiktoken(Tokenizer *t, const char *path, const FolderConfig *folder, Notices *notices)
{
    if (!folder->class->tiktoken)
        return fail(STATUS_INPUT, "%s: graft does not know what a %s makes of a tiktoken file; save it once with transformers to get a tokenizer.json", path, folder->class->name);
    Mapped file = {0};
    TRY(mapped_open(&file, path));
    Status status = read_tokens(&t->model.vocabulary, (Line){ (const char *)file.bytes, file.n_bytes }, path);
    mapped_close(&file);
    TRY(status);
    TRY(scored_merges_of_ranks(&t->model, 0, path));
    return bare_vocabulary_finish(t, folder, (BarePipeline){ .pre_tokenizer = split(), .tiktoken = true }, path, notices);
}

/* SentencePiece's protocol buffer begins with the number of a field, which no digit of base64 is. */
bool tokenizer_is_tiktoken(const char *path)
{
    Mapped file = {0};
    Buffer byte = {0};
    bool is = mapped_open(&file, path) == STATUS_OK && file.n_bytes >= 4 && base64_decode(&byte, (const char *)file.bytes, 4);
    buffer_free(&byte);
    mapped_close(&file);
    return is;
}
