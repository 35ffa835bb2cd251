/* SentencePiece files against SentencePiece itself (tests/peers/golden_sentencepiece.py), and what stands around the model. */
#include "tests/data/text/opened.h"

#include "data/file/json.h"
#include "data/file/mapped.h"
#include "data/file/output.h"
#include "kernels/memory.h"

static const char *const names[] = { "bpe", "bpe_no_prefix", "unigram" };
enum { MODELS = sizeof names / sizeof *names };

static Tokenizer *golden(const char *name)
{
    char dir[1024];
    snprintf(dir, sizeof dir, GRAFT_GOLDEN "/sentencepiece/%s", name);
    return opened(dir);
}

static bool check_case(const Tokenizer *t, const Json *item)
{
    const char *text = json_string(json_at(item, 0)), *decoded = json_string(json_at(item, 2));
    const Json *id = json_first(json_at(item, 1));
    Tokens tokens = {0};
    Buffer out = {0};
    assert_ok(tokenizer_encode(t, text, strlen(text), false, &tokens));
    bool same = tokens.n == json_count(json_at(item, 1));
    for (int64_t i = 0; same && i < tokens.n; i++, id = json_next(id)) same = tokens.id[i] == json_integer(id);
    tokenizer_decode(t, tokens.id, tokens.n, false, &out);
    buffer_add(&out, "", 0);
    same = same && !strcmp(out.data, decoded);
    if (!same) print_error("\"%s\" became %d tokens, decoded \"%s\"\n", text, (int)tokens.n, out.data);
    buffer_free(&out);
    tokens_free(&tokens);
    return same;
}

static int check_cases(const Tokenizer *t, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, GRAFT_GOLDEN "/sentencepiece/%s/cases.json", name);
    Json *cases = NULL;
    assert_ok(json_read(&cases, path));
    assert_true(json_count(cases) > 50);
    int bad = 0;
    for (const Json *item = json_first(cases); item; item = json_next(item)) bad += !check_case(t, item);
    json_free(cases);
    return bad;
}

static void equals_sentencepiece(void **state)
{
    (void)state;
    for (int i = 0; i < MODELS; i++) {
        Tokenizer *tokenizer = golden(names[i]);
        assert_int_equal(check_cases(tokenizer, names[i]), 0);
        tokenizer_close(tokenizer);
    }
}

/* A folder with a model and perhaps a config. */
static char *folder(const void *model, size_t n, const char *config)
{
    char *dir = memory_string("/tmp/graft-pieces-XXXXXX");
    assert_non_null(mkdtemp(dir));
    char *path = memory_format("%s/tokenizer.model", dir), *config_path = memory_format("%s/tokenizer_config.json", dir);
    if (model) assert_ok(output_save(path, model, n));
    if (config) assert_ok(output_save(config_path, config, strlen(config)));
    free(path);
    free(config_path);
    return dir;
}

static void saved_as_a_folder_is_equal(void **state)
{
    (void)state;
    for (int i = 0; i < MODELS; i++) {
        char *dir = folder(NULL, 0, NULL);
        Tokenizer *from = golden(names[i]);
        assert_ok(tokenizer_save(from, dir));
        Tokenizer *to = opened(dir);
        assert_int_equal(check_cases(to, names[i]), 0);
        assert_string_equal(tokenizer_part(to, TOKEN_EOS), tokenizer_part(from, TOKEN_EOS));
        tokenizer_close(from);
        tokenizer_close(to);
        assert_ok(output_remove(dir));
        free(dir);
    }
}

static void assert_around(const char *dir, int32_t first, int32_t last)
{
    Tokenizer *tokenizer = opened(dir);
    Tokens tokens = {0};
    assert_ok(tokenizer_encode(tokenizer, "a", 1, true, &tokens));
    assert_int_equal(tokens.id[0] < 3 ? tokens.id[0] : -1, first);
    assert_int_equal(tokens.id[tokens.n - 1] < 3 ? tokens.id[tokens.n - 1] : -1, last);
    tokens_free(&tokens);
    tokenizer_close(tokenizer);
}

static void the_config_says_what_stands_around_a_text(void **state)
{
    (void)state;
    static const struct { const char *model, *config; int32_t first, last; } cases[] = {
        { "bpe", NULL, 1, -1 }, { "unigram", NULL, -1, 1 },
        { "bpe", "{\"add_bos_token\": false, \"add_eos_token\": true}", -1, 2 }, { "unigram", "{\"add_eos_token\": false}", -1, -1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[1024];
        snprintf(path, sizeof path, GRAFT_GOLDEN "/sentencepiece/%s/tokenizer.model", cases[i].model);
        Mapped file = {0};
        assert_ok(mapped_open(&file, path));
        char *dir = folder(file.bytes, file.n_bytes, cases[i].config);
        assert_around(dir, cases[i].first, cases[i].last);
        mapped_close(&file);
        assert_ok(output_remove(dir));
        free(dir);
    }
}

static void assert_refused(const void *model, size_t n, const char *config, const char *message)
{
    char *dir = folder(model, n, config), *expected = memory_format("%s/tokenizer.model: %s", dir, message);
    Tokenizer *tokenizer = NULL;
    Notices notices = {0};
    assert_fails(STATUS_INPUT, expected, tokenizer_open(&tokenizer, dir, &notices));
    notices_free(&notices);
    assert_ok(output_remove(dir));
    free(expected);
    free(dir);
}

static void refuses_what_it_cannot_do(void **state)
{
    (void)state;
    static const char piece[] = "\x0a\x03\x0a\x01""a", word[] = "\x0a\x03\x0a\x01""a\x12\x02\x18\x03", suffix[] = "\x0a\x03\x0a\x01""a\x12\x03\xc0\x01\x01";
    assert_refused("\xff", 1, NULL, "not a SentencePiece model (its protocol buffer is damaged)");
    assert_refused("", 0, NULL, "not a SentencePiece model (it has no pieces)");
    assert_refused(piece, 4, NULL, "not a SentencePiece model (its protocol buffer is damaged)");
    assert_refused("\x0a\x03\x0a\x01\xff", 5, NULL, "piece 0 is not UTF-8 text");
    assert_refused(word, sizeof word - 1, NULL, "a SentencePiece model of type 3; graft knows unigram (1) and bpe (2)");
    assert_refused(suffix, sizeof suffix - 1, NULL, "it writes blanks behind words (treat_whitespace_as_suffix), which graft does not know");
    assert_refused(piece, sizeof piece - 1, "{\"tokenizer_class\": \"XLMRobertaTokenizer\"}",
                   "a XLMRobertaTokenizer has other ids than its SentencePiece file; save it once with transformers to get a tokenizer.json");
}

/* Bytes change and lengths lie: a tokenizer or a message, nothing else (the sanitizer builds watch). */
static void survives_damage(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int run = 0; run < 600; run++) {
        char path[1024];
        snprintf(path, sizeof path, GRAFT_GOLDEN "/sentencepiece/%s/tokenizer.model", names[run % MODELS]);
        Mapped file = {0};
        assert_ok(mapped_open(&file, path));
        char *bytes = memory_copy(file.bytes, file.n_bytes, 1);
        size_t n = run % 5 ? file.n_bytes : (size_t)(run * 16) % file.n_bytes;
        for (int i = 0; n && i < 1 + run % 4; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[(seed >> 8) % n] ^= (char)(1 << (seed >> 5 & 7));
        }
        char *dir = folder(bytes, n, NULL);
        Tokenizer *tokenizer = NULL;
        Notices notices = {0};
        Tokens tokens = {0};
        Status status = tokenizer_open(&tokenizer, dir, &notices);
        assert_true(status == STATUS_OK || (status == STATUS_INPUT && status_message()[0]));
        if (status == STATUS_OK) tokenizer_encode(tokenizer, "a b\xc3\xa9  <s> 12", 13, true, &tokens);
        tokens_free(&tokens);
        tokenizer_close(tokenizer);
        notices_free(&notices);
        assert_ok(output_remove(dir));
        free(dir);
        free(bytes);
        mapped_close(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_sentencepiece), cmocka_unit_test(saved_as_a_folder_is_equal), cmocka_unit_test(the_config_says_what_stands_around_a_text),
        cmocka_unit_test(refuses_what_it_cannot_do), cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
