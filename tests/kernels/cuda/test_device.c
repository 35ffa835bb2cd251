/* The C face of a device: what it says when there is none, memory and placed arrays, and the first fault with the name of who met it. */
#include "tests/kernels/aborts.h"

#include "kernels/cuda/device.h"
#include "kernels/cuda/emulator/fake_device.h"
#include "kernels/memory.h"

static const FakeDevice card = { .n_devices = 2, .driver = 13000, .runtime = 13000, .major = 8, .minor = 9, .multiprocessors = 128,
                                 .memory = (size_t)1 << 30, .shared = 99 << 10 };

static void assert_none(FakeDevice pretended, const char *visible, const char *expected)
{
    char why[256];
    fake_device(pretended);
    assert_int_equal(device_count(visible, why), 0);
    assert_string_equal(why, expected);
}

static void says_why_there_is_none(void **state)
{
    (void)state;
    char why[256];
    assert_none((FakeDevice){ .runtime = 13000, .count_error = cudaErrorInsufficientDriver }, NULL, "no NVIDIA driver found");
    assert_none((FakeDevice){ .driver = 12040, .runtime = 13000, .count_error = cudaErrorInsufficientDriver }, NULL,
                "driver supports CUDA 12.4, this build needs 13.0 (driver 580 or newer)");
    assert_none((FakeDevice){ .driver = 11080, .runtime = 12080, .count_error = cudaErrorInsufficientDriver }, NULL,
                "driver supports CUDA 11.8, this build needs 12.8 (driver 525 or newer)");
    assert_none((FakeDevice){ .driver = 13000, .runtime = 13000, .count_error = cudaErrorNoDevice }, "", "driver present, no GPU visible (CUDA_VISIBLE_DEVICES=)");
    assert_none((FakeDevice){ .driver = 13000, .runtime = 13000 }, NULL, "driver present, no GPU visible (CUDA_VISIBLE_DEVICES is not set)");
    assert_none((FakeDevice){ .driver = 13000, .runtime = 13000, .count_error = cudaErrorUnknown }, NULL, "CUDA: unknown error");
    fake_device(card);
    assert_int_equal(device_count(NULL, why), 2);
    assert_string_equal(why, "");
}

static void refuses_what_it_cannot_use(void **state)
{
    (void)state;
    Device *d;
    FakeDevice old = card;
    fake_device(card);
    assert_fails(STATUS_INPUT, "device 2: there are 2, counted from 0", device_open(&d, 2));
    assert_null(d);
    old.major = 7;
    old.minor = 5;
    fake_device(old);
    assert_fails(STATUS_INPUT, "device 0, Emulated sm_75, has compute capability 7.5; 8.0 or newer is needed", device_open(&d, 0));
    assert_null(d);
    fake_device(card);
    assert_ok(device_open(&d, 1));
    assert_string_equal(device_properties(d)->name, "Emulated sm_89");
    assert_int_equal(device_properties(d)->multiprocessors, 128);
    assert_true(device_properties(d)->memory_bytes == card.memory && device_properties(d)->shared_bytes == card.shared);
    device_close(d);
    device_close(NULL);
}

/* More than the staging holds, twice; the caller's bytes change at once. */
static void copies_of_any_length(void **state)
{
    (void)state;
    enum { MOST = 5 << 20 };
    static const size_t length[] = { 0, 1, 255, 256, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, MOST };
    unsigned char *from = memory_new(1, MOST), *back = memory_new(1, MOST);
    Device *d;
    fake_device(card);
    assert_ok(device_open(&d, 0));
    for (size_t i = 0; i < sizeof length / sizeof *length; i++) {
        void *there;
        size_t n = length[i];
        assert_ok(device_take(d, n, &there));
        for (int round = 0; round < 2; round++) {
            for (size_t k = 0; k < n; k++) from[k] = (unsigned char)(k * 31 + i + (size_t)round);
            device_write(d, there, from, n);
            memset(from, 0xEE, n);
            assert_ok(device_read(d, back, there, n));
            for (size_t k = 0; k < n; k++) assert_int_equal(back[k], (unsigned char)(k * 31 + i + (size_t)round));
        }
        device_clear(d, there, n);
        assert_ok(device_read(d, back, there, n));
        for (size_t k = 0; k < n; k++) assert_int_equal(back[k], 0);
        device_give(d, there);
    }
    device_close(d);
    free(from);
    free(back);
}

static void memory_that_is_not_there(void **state)
{
    (void)state;
    FakeDevice small = card;
    Device *d;
    void *a, *b;
    size_t left;
    small.memory = 10000;
    fake_device(small);
    assert_ok(device_open(&d, 0));
    assert_ok(device_take(d, 6000, &a));
    assert_fails(STATUS_INPUT, "the device has no room for 4001 bytes more", device_take(d, 4001, &b));
    assert_null(b);
    assert_fails(STATUS_INPUT, "the device has no room for 4001 bytes more", device_place(d, &small, 4001));
    assert_ok(device_free_bytes(d, &left));
    assert_int_equal(left, 4000);
    assert_ok(device_sync(d));
    device_give(d, a);
    assert_ok(device_take(d, 10000, &b));
    device_close(d);
    assert_int_equal(fake_device_used(), 0);
}

static void arrays_are_found_by_their_host_address(void **state)
{
    (void)state;
    enum { ARRAYS = 40, N = 100 };
    float host[ARRAYS][N], back[N];
    Device *d;
    fake_device(card);
    assert_ok(device_open(&d, 0));
    assert_null(device_at(d, NULL));
    for (int k = 0; k < ARRAYS; k++) {
        int i = k * 17 % ARRAYS;
        for (int j = 0; j < N; j++) host[i][j] = (float)(i * 1000 + j);
        assert_ok(device_place(d, host[i], sizeof host[i]));
    }
    for (int i = 0; i < ARRAYS; i++) {
        assert_ok(device_read(d, back, device_at(d, host[i]), sizeof back));
        assert_memory_equal(back, host[i], sizeof back);
        assert_true((char *)device_at(d, &host[i][N - 1]) == (char *)device_at(d, host[i]) + sizeof back - sizeof(float));
    }
    void *before = device_at(d, host[3]);
    host[3][5] = -1;
    assert_ok(device_place(d, host[3], 10 * sizeof(float)));
    assert_ptr_equal(device_at(d, host[3]), before);
    assert_ok(device_read(d, back, before, sizeof back));
    assert_memory_equal(back, host[3], sizeof back);
    size_t used = fake_device_used();
    for (int i = 0; i < ARRAYS; i++) device_unplace(d, host[i]);
    device_unplace(d, host[0]);
    device_unplace(d, NULL);
    assert_int_equal(fake_device_used(), used - sizeof host);
    device_close(d);
    assert_int_equal(fake_device_used(), 0);
}

/* --- faults */

enum { ROWS = 3, COLS = 5 };

/* y = a + b by way of everything that a step does. */
static Status a_step(bool careful)
{
    float host[ROWS * COLS] = {0}, back[ROWS * COLS];
    Device *d = NULL;
    void *a = NULL, *b = NULL, *y = NULL;
    Status status = device_open(&d, 0);
    if (status == STATUS_OK) status = device_take(d, sizeof host, &a);
    if (status == STATUS_OK) status = device_take(d, sizeof host, &b);
    if (status == STATUS_OK) status = device_take(d, sizeof host, &y);
    if (status == STATUS_OK) status = device_place(d, host, sizeof host);
    if (status == STATUS_OK) {
        Backend backend = cuda_backend(d);
        OpArgs args = { .add = { 1 } };
        OpCall c = { .op = OP_ADD, .n_in = 2, .n_out = 1, .args = &args, .in = { { a, ROWS, COLS }, { b, ROWS, COLS } }, .out = { { y, ROWS, COLS } } };
        device_careful(d, careful);
        device_write(d, a, host, sizeof host);
        device_clear(d, b, sizeof host);
        backend.op[OP_ADD].fwd(&backend, &c);
        backend.op[OP_ADD].fwd(&backend, &c);
        device_give(d, b);
        status = device_sync(d);
        if (status == STATUS_OK) status = device_read(d, back, y, sizeof back);
    }
    device_close(d);
    return status;
}

/* An error in each call, once and for good: a status other than OK with words of CUDA's, nothing leaked, nothing run on. Only an error of the
 * calls that give back at the very end is nobody's any more. */
static void every_call_may_fail(void **state)
{
    (void)state;
    for (int careful = 0; careful < 2; careful++) {
        fake_device(card);
        assert_ok(a_step(careful));
        int64_t calls = fake_device_calls(), closing = 0;
        assert_true(calls > 20);
        for (int stays = 0; stays < 2; stays++)
            for (int64_t call = 1; call <= calls; call++) {
                fake_device(card);
                fake_device_fail(call, cudaErrorLaunchFailure, stays);
                Status status = a_step(careful);
                if (status == STATUS_OK) closing++;
                else assert_non_null(strstr(status_message(), "unspecified launch failure"));
                assert_int_equal(fake_device_used(), 0);
            }
        /* Of closing: waiting, 2 takings and a placing to free, 2 events, 2 halves, the stream. */
        assert_int_equal(closing, 2 * 9);
    }
    fake_device(card);
}

/* The number of the launch among a step's calls: the first after which the fault has the operation's name. */
static void the_first_fault_has_the_operation_s_name(void **state)
{
    (void)state;
    static const char *const expected[] = { "CUDA, running kernels: an illegal memory access was encountered",
                                            "CUDA, add (kernel add_sum): an illegal memory access was encountered" };
    int named[2] = {0}, unnamed[2] = {0};
    for (int careful = 0; careful < 2; careful++) {
        fake_device(card);
        assert_ok(a_step(careful));
        int64_t calls = fake_device_calls();
        for (int64_t call = 1; call <= calls; call++) {
            fake_device(card);
            fake_device_fail(call, cudaErrorIllegalAddress, 1);
            if (a_step(careful) == STATUS_OK) continue;
            named[careful] += !strcmp(status_message(), expected[1]);
            unnamed[careful] += !strcmp(status_message(), expected[0]);
        }
    }
    assert_int_equal(named[0], 2);                /* two launches */
    assert_int_equal(named[1], 4);                /* and, careful, the wait after each */
    assert_true(unnamed[0] > 0 && unnamed[1] > 0);
    fake_device(card);
}

static void not_placed(void *host)
{
    Device *d;
    assert_ok(device_open(&d, 0));
    assert_ok(device_place(d, host, 16));
    device_at(d, (char *)host + 16);
}

static void placed_over(void *host)
{
    Device *d;
    assert_ok(device_open(&d, 0));
    assert_ok(device_place(d, (char *)host + 8, 16));
    device_place(d, host, 16);
}

static void mistakes_are_checked(void **state)
{
    (void)state;
    char host[32] = {0};
    fake_device(card);
    assert_aborts("an array that was not placed", not_placed, host);
    assert_aborts("an array lies over another that is placed", placed_over, host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_why_there_is_none), cmocka_unit_test(refuses_what_it_cannot_use), cmocka_unit_test(copies_of_any_length),
        cmocka_unit_test(memory_that_is_not_there), cmocka_unit_test(arrays_are_found_by_their_host_address), cmocka_unit_test(every_call_may_fail),
        cmocka_unit_test(the_first_fault_has_the_operation_s_name), cmocka_unit_test(mistakes_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
