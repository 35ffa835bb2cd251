/* Streamed text: whole characters only, and together the text of all tokens. */
#include "tests/testing.h"

#include "data/text/utf8.h"
#include "train/deploy/text_stream.h"

static const char *const texts[] = {
    "plain words, one after the other", "na\xc3\xafve \xe2\x82\xac 5", "\xf0\x9f\x98\x80\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80!", " leading and trailing ",
    "\xe6\xbc\xa2\xe5\xad\x97\xe3\x81\x8b\xe3\x81\xaa", "<|im_start|>user\nspecial<|im_end|>", "two\n\n\nlines\t", "",
};

static Tokenizer *open(const char *name)
{
    Tokenizer *t = NULL;
    Notices notices = {0};
    char path[256];
    snprintf(path, sizeof path, GRAFT_GOLDEN "/%s", name);
    assert_ok(tokenizer_open(&t, path, &notices));
    notices_free(&notices);
    return t;
}

static void check_text(const Tokenizer *t, const char *text)
{
    Tokens tokens = {0};
    TextStream stream = { .tokenizer = t };
    Buffer out = {0}, whole = {0};
    size_t broken;
    assert_ok(tokenizer_encode(t, text, strlen(text), false, &tokens));
    for (int64_t i = 0; i < tokens.n; i++) {
        text_stream_add(&stream, tokens.id[i], &out);
        assert_int_equal(utf8_valid(out.data ? out.data : "", out.len, &broken), out.len);
        assert_true(out.len < 3 || memcmp(out.data + out.len - 3, "\xef\xbf\xbd", 3));
    }
    text_stream_end(&stream, &out);
    tokenizer_decode(t, tokens.id, tokens.n, true, &whole);
    assert_int_equal(out.len, whole.len);
    if (whole.len) assert_memory_equal(out.data, whole.data, whole.len);
    buffer_free(&out);
    buffer_free(&whole);
    text_stream_free(&stream);
    tokens_free(&tokens);
}

static void adds_up_to_the_whole_text(void **state)
{
    (void)state;
    static const char *const names[] = { "rows/chatml", "tokenizer/llama2", "tokenizer/smollm", "tokenizer/gemma", "tokenizer/metaspace" };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        Tokenizer *t = open(names[k]);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) check_text(t, texts[i]);
        tokenizer_close(t);
    }
}

/* The euro sign byte by byte. */
static void holds_back_half_a_character(void **state)
{
    (void)state;
    Tokenizer *t = open("rows/chatml");
    TextStream stream = { .tokenizer = t };
    Buffer out = {0};
    const char *bytes[] = { "\xc3\xa2", "\xc4\xa4", "\xc2\xac" };      /* how byte-level BPE spells E2 82 AC */
    for (int i = 0; i < 3; i++) {
        assert_int_equal(out.len, 0);
        text_stream_add(&stream, tokenizer_id(t, bytes[i]), &out);
    }
    assert_string_equal(out.data, "\xe2\x82\xac");
    text_stream_add(&stream, tokenizer_id(t, bytes[0]), &out);
    assert_string_equal(out.data, "\xe2\x82\xac");
    text_stream_end(&stream, &out);
    assert_string_equal(out.data, "\xe2\x82\xac\xef\xbf\xbd");
    buffer_free(&out);
    text_stream_free(&stream);
    tokenizer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(adds_up_to_the_whole_text), cmocka_unit_test(holds_back_half_a_character) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
