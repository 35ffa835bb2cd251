/* The error chain: recorded once, lines added outermost first, and never longer than its room. */
#include "tests/testing.h"

#include "kernels/buffer.h"
#include "kernels/notices.h"

static Status inner(void) { return fail(STATUS_INPUT, "tensor %s: 3 bytes", "w"); }
static Status middle(void) { TRY(inner()); return STATUS_OK; }
static Status outer(void) { TRY(middle(), "loading base %s", "dir"); return STATUS_OK; }

static void chain_reads_outermost_first(void **state)
{
    (void)state;
    assert_int_equal(outer(), STATUS_INPUT);
    assert_string_equal(status_message(), "loading base dir: tensor w: 3 bytes");
}

static void a_new_failure_starts_a_new_chain(void **state)
{
    (void)state;
    outer();
    fail(STATUS_WRITE, "again: %s", status_message());      /* the old message as an argument */
    assert_string_equal(status_message(), "again: loading base dir: tensor w: 3 bytes");
}

static void long_messages_are_cut(void **state)
{
    (void)state;
    Buffer b = {0};
    for (int i = 0; i < 10000; i++) buffer_add_char(&b, 'x');
    fail(STATUS_INPUT, "%s", b.data);
    status_context(STATUS_INPUT, "%s", b.data);
    assert_true(strlen(status_message()) < 4096);
    buffer_free(&b);
}

static void notices_are_kept_once(void **state)
{
    (void)state;
    Notices notices = {0};
    for (int i = 0; i < 20; i++) notice(&notices, "line %d", i % 10);
    assert_int_equal(notices.n, 10);
    notices_free(&notices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chain_reads_outermost_first),
        cmocka_unit_test(a_new_failure_starts_a_new_chain),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(notices_are_kept_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
