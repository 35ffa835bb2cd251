#include "data/set/encode_key.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "data/file/digest.h"
#include "data/set/example_cache.h"
#include "data/text/tokenizer_identity.h"
#include "kernels/memory.h"

enum { LEAST_BYTES = 1 << 20 };      /* of data: some hundredths of a second to encode */

static void add_json(Digest *digest, const Json *json)
{
    Buffer text = {0};
    if (json) json_print(&text, json, (JsonStyle){0});
    digest_add_text(digest, text.data);
    buffer_free(&text);
}

/* Adds one file and which of its rows are taken; returns its size, or -1 when it cannot be read. */
static int64_t add_piece(Digest *digest, const MixturePiece *piece)
{
    Mapped file = {0};
    if (mapped_open(&file, piece->file.path) != STATUS_OK) return -1;
    int64_t n = (int64_t)file.n_bytes;
    digest_add(digest, file.bytes ? file.bytes : (const uint8_t *)"", file.n_bytes);
    mapped_close(&file);
    digest_add_text(digest, piece->file.format->name);
    digest_add_text(digest, piece->source->field);
    digest_add_number(digest, piece->first);
    digest_add_number(digest, piece->n);
    add_json(digest, piece->source->columns);
    add_json(digest, piece->source->column_mapping);
    return n;
}

/* The sum of the files' sizes, or -1. */
static int64_t add_rows(Digest *digest, const Rows *rows)
{
    const Mixture *from = &rows->from;
    int64_t sum = 0;
    for (int i = 0; i < from->n_pieces; i++) {
        int64_t n = add_piece(digest, &from->piece[i]);
        if (n < 0) return -1;
        sum += n;
    }
    digest_add_number(digest, from->n);
    if (from->order) digest_add(digest, from->order, (size_t)from->n * sizeof *from->order);
    digest_add_text(digest, rows->text_field);
    return sum;
}

static void add_template(Digest *digest, const ChatTemplate *template, const char *date)
{
    const char *source = template ? chat_template_source(template) : NULL, *tool_use = template ? chat_template_tool_use_source(template) : NULL;
    bool dated = (source && strstr(source, "strftime_now")) || (tool_use && strstr(tool_use, "strftime_now"));
    char today[16] = "";
    time_t now = time(NULL);
    struct tm local;
    if (dated && !date && localtime_r(&now, &local)) strftime(today, sizeof today, "%Y-%m-%d", &local);
    digest_add_text(digest, source);
    digest_add_text(digest, tool_use);
    digest_add_text(digest, date ? date : today);
}

static void add_options(Digest *digest, const EncodeOptions *options)
{
    digest_add_text(digest, options->eos_token);
    digest_add_number(digest, options->vocabulary);
    digest_add_number(digest, options->completion_only_loss);
    digest_add_number(digest, options->assistant_only_loss);
    digest_add_number(digest, options->prompt_is_meant);
    digest_add_number(digest, options->no_eos);
    digest_add_number(digest, options->add_generation_prompt);
}

char *encode_cache_entry(const Rows *rows, const EncodeOptions *options)
{
    char key[DIGEST_TEXT];
    if (!options->cache_for || options->keep_going || rows->n > INT32_MAX) return NULL;
    Digest *digest = digest_new();
    digest_add_text(digest, GRAFT_VERSION);
    int64_t size = add_rows(digest, rows);
    bool known = size >= LEAST_BYTES && tokenizer_identify(options->cache_for, digest);
    add_template(digest, options->chat_template, options->date);
    add_options(digest, options);
    digest_finish(digest, key);
    return known ? example_cache_path(key) : NULL;
}
