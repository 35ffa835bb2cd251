/* A tokenizer that opens without anything to say. */
#ifndef TESTS_DATA_TEXT_OPENED_H
#define TESTS_DATA_TEXT_OPENED_H
#include "tests/testing.h"

#include "data/text/tokenizer.h"

static inline Tokenizer *opened(const char *dir)
{
    Tokenizer *tokenizer = NULL;
    Notices notices = {0};
    assert_ok(tokenizer_open(&tokenizer, dir, &notices));
    assert_int_equal(notices.n, 0);
    notices_free(&notices);
    return tokenizer;
}

#endif
