/* Tokenizers from vocab.json, an object of ids, and merges.txt, a merge a line in order of rank: how GPT-2 came. The rest is what the
 * folder's class in transformers does with them; other classes do not read them. */
#include <stdlib.h>
#include <string.h>

#include "data/file/mapped.h"
#include "data/text/bare_vocabulary.h"
#include "data/text/bpe.h"
#include "data/text/scanner.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

static Status read_vocabulary(TokenModel *model, const char *file)
{
    Json *root = NULL;
    TRY(json_read(&root, file));
    Status status = token_model_read_vocabulary(model, root, "the vocabulary", file);
    json_free(root);
    return status;
}

static Status read_merge(TokenModel *model, const char *line, size_t n, int i_line, const char *file)
{
    static const char version[] = "#version";
    if (n >= strlen(version) && !memcmp(line, version, strlen(version))) return STATUS_OK;
    const char *blank = memchr(line, ' ', n);
    size_t n_left = blank ? (size_t)(blank - line) : n, n_right = blank ? n - n_left - 1 : 0;
    if (!blank || memchr(blank + 1, ' ', n_right)) return fail(STATUS_INPUT, "%s: line %d is not two tokens with a blank between them", file, i_line);
    return bpe_add_merge(model, line, n_left, blank + 1, n_right, file);
}

static Status read_lines(TokenModel *model, const char *text, size_t n, const char *file)
{
    size_t broken;
    if (utf8_valid(text, n, &broken) < n) return fail(STATUS_INPUT, "%s: not UTF-8 text", file);
    int i_line = 1;
    for (size_t at = 0, length; at < n; at += length + 1, i_line++) {
        const char *line = text + at, *newline = memchr(line, '\n', n - at);
        length = newline ? (size_t)(newline - line) : n - at;
        size_t n_line = newline && length && line[length - 1] == '\r' ? length - 1 : length;
        TRY(read_merge(model, line, n_line, i_line, file));
    }
    return STATUS_OK;
}

static Status read_merges(TokenModel *model, const char *dir)
{
    char *path = memory_format("%s/merges.txt", dir);
    Mapped file = {0};
    Status status = mapped_open(&file, path);
    if (status == STATUS_OK) status = read_lines(model, file.bytes ? (const char *)file.bytes : "", file.n_bytes, path);
    if (status == STATUS_OK) status = bpe_finish(model, path);
    mapped_close(&file);
    free(path);
    return status;
}

static Json *digits(void)
{
    Json *out = spec_component("Digits", NULL);
    json_set(out, "individual_digits", json_new_bool(true));
    return out;
}

static Json *split(ClassSplit kind, bool prefix)
{
    if (kind == CLASS_SPLIT_GPT2) return spec_byte_level(true, prefix, true);
    Json *steps = json_new_array();
    json_push(steps, kind == CLASS_SPLIT_QWEN2 ? spec_split(scanner_qwen2) : digits());
    json_push(steps, spec_byte_level(true, prefix, kind == CLASS_SPLIT_DIGITS));
    return spec_sequence("pretokenizers", steps);
}

Status tokenizer_open_vocab_merges(Tokenizer *t, const char *path, const FolderConfig *folder, Notices *notices)
{
    const TokenizerClass *class = folder->class;
    if (!class->split)
        return fail(STATUS_INPUT, "%s: the folder has neither tokenizer.json, tekken.json, tokenizer.model nor tiktoken.model, and of vocab.json and merges.txt a %s, which its"
                    " tokenizer_class and model_type stand for, makes no tokenizer; save it once with the class that it was made for to get a tokenizer.json", path, class->name);
    TRY(read_vocabulary(&t->model, path));
    bpe_start(&t->model, (BpeOptions){0});
    TRY(read_merges(&t->model, folder->dir));
    bool prefix = json_bool(json_get(folder->tokenizer, "add_prefix_space"));
    return bare_vocabulary_finish(t, folder, (BarePipeline){ .normalizer = class->nfc ? spec_component("NFC", NULL) : NULL, .pre_tokenizer = split(class->split, prefix) }, path, notices);
}
