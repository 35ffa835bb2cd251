/* Tokenizers against Hugging Face tokenizers: ids, ranges and decoded text of every family (tests/peers/golden_tokenizer.py). */
#include "tests/testing.h"

#include <dirent.h>
#include <unistd.h>

#include "data/file/json.h"
#include "data/text/tokenizer.h"
#include "kernels/memory.h"

static const char *const families[] = {
    "gpt2", "roberta", "neox", "smollm", "falcon", "llama3", "qwen2", "qwen35", "phi4", "gpt4o", "tekken", "deepseek_v3", "deepseek_coder", "tiny_aya",
    "superbpe", "kimi", "bloom", "llama2", "phi3", "gemma", "metaspace", "metaspace_always", "missing_bytes", "clip", "words", "flags",
};
enum { FAMILIES = sizeof families / sizeof *families };

static Tokenizer *opened(const char *dir)
{
    Tokenizer *tokenizer = NULL;
    Notices notices = {0};
    assert_ok(tokenizer_open(&tokenizer, dir, &notices));
    assert_int_equal(notices.n, 0);
    notices_free(&notices);
    return tokenizer;
}

static Json *golden(const char *file)
{
    char path[1024];
    snprintf(path, sizeof path, GRAFT_GOLDEN "/tokenizer/%s", file);
    Json *json = NULL;
    assert_ok(json_read(&json, path));
    return json;
}

/* The code point in which byte `at` lies; at the end, how many there are: the unit of the package's ranges. */
static int64_t code_point_of(const char *text, size_t n, uint32_t at)
{
    int64_t count = 0;
    for (size_t i = 0; i < n && i <= at; i++) count += ((uint8_t)text[i] & 0xC0) != 0x80;
    return at < n ? count - 1 : count;
}

static void show(const char *family, const char *text, const char *what, const Tokenizer *t, const Tokens *tokens, const Json *expected)
{
    print_error("%s: %s of \"%s\"\n  found   ", family, what, text);
    for (int64_t i = 0; i < tokens->n; i++) print_error(" %d(%s)[%u,%u)", (int)tokens->id[i], tokenizer_token(t, tokens->id[i]), tokens->begin[i], tokens->end[i]);
    print_error("\n  expected");
    for (const Json *item = json_first(expected); item; item = json_next(item)) print_error(" %d", (int)json_integer(item));
    print_error("\n");
}

static bool same_ids(const Tokens *tokens, const Json *expected)
{
    int64_t i = 0;
    for (const Json *item = json_first(expected); item; item = json_next(item), i++)
        if (i >= tokens->n || tokens->id[i] != json_integer(item)) return false;
    return i == tokens->n;
}

static bool same_ranges(const Tokens *tokens, const char *text, const Json *expected)
{
    const Json *item = json_first(expected);
    for (int64_t i = 0; i < tokens->n && item; i++) {
        if (code_point_of(text, strlen(text), tokens->begin[i]) != json_integer(item)) return false;
        item = json_next(item);
        if (code_point_of(text, strlen(text), tokens->end[i]) != json_integer(item)) return false;
        item = json_next(item);
    }
    return !item;
}

static bool check_decoded(const Tokenizer *t, const char *family, const char *text, const Tokens *tokens, bool skip, const char *expected)
{
    Buffer out = {0};
    tokenizer_decode(t, tokens->id, tokens->n, skip, &out);
    buffer_add(&out, "", 0);
    bool same = !strcmp(out.data, expected);
    if (!same) print_error("%s: decoding of \"%s\"%s\n  found    \"%s\"\n  expected \"%s\"\n", family, text, skip ? " without special tokens" : "", out.data, expected);
    buffer_free(&out);
    return same;
}

static int check_case(const Tokenizer *t, const char *family, const char *text, const Json *expected)
{
    int bad = 0;
    Tokens plain = {0}, special = {0};
    assert_ok(tokenizer_encode(t, text, strlen(text), false, &plain));
    assert_ok(tokenizer_encode(t, text, strlen(text), true, &special));
    if (!same_ids(&plain, json_at(expected, 0))) show(family, text, "ids", t, &plain, json_at(expected, 0)), bad++;
    else if (!same_ranges(&plain, text, json_at(expected, 1))) show(family, text, "ranges", t, &plain, json_at(expected, 1)), bad++;
    if (!same_ids(&special, json_at(expected, 2))) show(family, text, "ids with special tokens", t, &special, json_at(expected, 2)), bad++;
    bad += !check_decoded(t, family, text, &special, false, json_string(json_at(expected, 3)));
    bad += !check_decoded(t, family, text, &special, true, json_string(json_at(expected, 4)));
    tokens_free(&plain);
    tokens_free(&special);
    return bad;
}

static void equals_the_reference(void **state)
{
    (void)state;
    Json *texts = golden("texts.json");
    int bad = 0, n = 0;
    for (int i = 0; i < FAMILIES; i++) {
        char dir[1024], file[256];
        snprintf(dir, sizeof dir, GRAFT_GOLDEN "/tokenizer/%s", families[i]);
        snprintf(file, sizeof file, "%s/cases.json", families[i]);
        Tokenizer *tokenizer = opened(dir);
        Json *cases = golden(file);
        const Json *text = json_first(json_get(texts, "texts"));
        for (const Json *item = json_first(cases); item; item = json_next(item), text = json_next(text), n++)
            bad += check_case(tokenizer, families[i], json_string(text), item);
        assert_null(text);
        json_free(cases);
        tokenizer_close(tokenizer);
    }
    json_free(texts);
    assert_true(n > 1500);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(equals_the_reference) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
