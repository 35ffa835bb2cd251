/* tokenize_texts PATH: reads texts, one JSON string a line, and prints what a tokenizer makes of each, one JSON list a line:
 * [ids, ranges in code points, ids with special tokens, decoded, decoded without special tokens], as in
 * tests/golden/tokenizer. For tests/peers/check_tokenizer.py. With --save DIR it saves the tokenizer there first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/file/json.h"
#include "data/text/tokenizer.h"
#include "data/text/utf8.h"

static Json *ids_of(const Tokens *tokens)
{
    Json *list = json_new_array();
    for (int64_t i = 0; i < tokens->n; i++) json_push(list, json_new_integer(tokens->id[i]));
    return list;
}

static Json *ranges_of(const Tokens *tokens, const char *text)
{
    Json *list = json_new_array();
    for (int64_t i = 0; i < tokens->n; i++) {
        json_push(list, json_new_integer((int64_t)utf8_count(text, tokens->begin[i])));
        json_push(list, json_new_integer((int64_t)utf8_count(text, tokens->end[i])));
    }
    return list;
}

static Json *decoded(const Tokenizer *t, const Tokens *tokens, bool skip)
{
    Buffer out = {0};
    tokenizer_decode(t, tokens->id, tokens->n, skip, &out);
    char *text = buffer_take(&out);
    Json *json = json_new_string(text);
    free(text);
    return json;
}

static Status answer(const Tokenizer *t, const char *line, size_t n)
{
    Json *json = NULL, *out = json_new_array();
    Tokens plain = {0}, special = {0};
    Buffer printed = {0};
    Status status = json_parse(&json, "line", line, n);
    const char *text = json_string(json);
    if (status == STATUS_OK) status = tokenizer_encode(t, text, strlen(text), false, &plain);
    if (status == STATUS_OK) status = tokenizer_encode(t, text, strlen(text), true, &special);
    if (status == STATUS_OK) {
        json_push(out, ids_of(&plain));
        json_push(out, ranges_of(&plain, text));
        json_push(out, ids_of(&special));
        json_push(out, decoded(t, &special, false));
        json_push(out, decoded(t, &special, true));
        json_print(&printed, out, (JsonStyle){ .ascii = true });
        puts(printed.data);
    }
    buffer_free(&printed);
    tokens_free(&plain);
    tokens_free(&special);
    json_free(json);
    json_free(out);
    return status;
}

static Status run(const char *path, const char *save)
{
    Tokenizer *t = NULL;
    Notices notices = {0};
    TRY(tokenizer_open(&t, path, &notices));
    for (int i = 0; i < notices.n; i++) fprintf(stderr, "%s\n", notices.line[i]);
    Status status = save ? tokenizer_save(t, save) : STATUS_OK;
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t n; status == STATUS_OK && (n = getline(&line, &cap, stdin)) > 0;) status = answer(t, line, (size_t)n);
    free(line);
    notices_free(&notices);
    tokenizer_close(t);
    return status;
}

int main(int argc, char **argv)
{
    Status status = argc == 2 ? run(argv[1], NULL) : argc == 4 && !strcmp(argv[2], "--save") ? run(argv[1], argv[3]) : fail(STATUS_INPUT, "usage: tokenize_texts PATH [--save DIR]");
    if (status != STATUS_OK) fprintf(stderr, "%s\n", status_message());
    return (int)status;
}
