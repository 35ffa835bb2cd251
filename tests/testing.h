/* What every test includes first: cmocka and what it wants before it. cmocka's own `fail()` gives way to ours. */
#ifndef TESTS_TESTING_H
#define TESTS_TESTING_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#undef fail
#include "kernels/status.h"

/* A call that must succeed; prints the chain when it does not. */
#define assert_ok(expression)                                                    \
    do {                                                                         \
        Status status_ = (expression);                                           \
        if (status_ != STATUS_OK) print_error("%s\n", status_message());         \
        assert_int_equal(status_, STATUS_OK);                                    \
    } while (0)

/* A call that must fail with this code and exactly this message. */
#define assert_fails(code, message, expression)                                  \
    do {                                                                         \
        assert_int_equal(expression, code);                                      \
        assert_string_equal(status_message(), message);                          \
    } while (0)

#endif
