/* The tokens that end an answer: a GGUF file's own, a folder's two files, and the tokenizer's eos. */
#include "tests/testing.h"

#include "train/deploy/end_tokens.h"

/* What stood on the stack before must not matter. */
static void fill_stack(void)
{
    volatile unsigned char garbage[4096];
    for (size_t i = 0; i < sizeof garbage; i++) garbage[i] = 0xA5;
}

static void a_gguf_file_names_them(void **state)
{
    (void)state;
    const char *path = GRAFT_GOLDEN "/tokenizer/llama3/tokenizer.gguf";
    EndTokens ends;
    Tokenizer *tokenizer = NULL;
    Notices notices = {0};
    assert_ok(tokenizer_open(&tokenizer, path, &notices));
    fill_stack();
    assert_ok(end_tokens_find(&ends, path, NULL));
    assert_int_equal(ends.n, 1);
    assert_int_equal(ends.id[0], tokenizer_part_id(tokenizer, TOKEN_EOS));
    end_tokens_free(&ends);
    assert_ok(end_tokens_find(&ends, path, tokenizer));
    assert_int_equal(ends.n, 1);
    end_tokens_free(&ends);
    notices_free(&notices);
    tokenizer_close(tokenizer);
}

static void a_folder_without_its_files_has_the_tokenizers(void **state)
{
    (void)state;
    EndTokens ends;
    assert_ok(end_tokens_find(&ends, GRAFT_GOLDEN "/tokenizer/llama2", NULL));
    assert_int_equal(ends.n, 0);
    end_tokens_free(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gguf_file_names_them), cmocka_unit_test(a_folder_without_its_files_has_the_tokenizers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
