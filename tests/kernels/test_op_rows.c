/* The tables: rows of op.c beside slots of a backend, and scratch that never grows when a batch shrinks. */
#include "tests/testing.h"

#include "kernels/backend.h"
#include "kernels/cuda/device.h"
#include "kernels/random.h"
#include "tests/kernels/cpu/emulated.h"

static void every_slot_is_filled(void **state)
{
    (void)state;
    Pool *pool = pool_open(1);
    Backend backend = cpu_backend(pool);
    assert_non_null(backend.name);
    for (OpId op = 0; op < OP_COUNT; op++) {
        assert_non_null(op_rows[op].name);
        assert_non_null(op_rows[op].shape);
        for (OpId other = 0; other < op; other++) assert_string_not_equal(op_rows[op].name, op_rows[other].name);
        assert_non_null(backend.op[op].fwd);
        assert_int_equal(backend.op[op].bwd == NULL, op_rows[op].no_bwd);
        if (op_rows[op].no_bwd) assert_true(!op_rows[op].reads && !op_rows[op].din_over_dout && !op_rows[op].din_over_saved && !op_rows[op].light);
        assert_true(op_rows[op].din_over_dout <= OP_MAX_IN && op_rows[op].din_over_saved <= OP_MAX_IN);
        assert_true(!op_rows[op].din_over_dout || !op_rows[op].din_over_saved);
    }
    pool_close(pool);
}

/* Forward and backward come together; what is not there yet is named. */
static void slots_of_cuda(void **state)
{
    (void)state;
    Backend backend = cuda_backend(NULL);
    assert_true(backend.name && backend.memory && backend.narrow && backend.widen);
    for (OpId op = 0; op < OP_COUNT; op++) {
        if (backend.op[op].fwd) assert_int_equal(backend.op[op].bwd == NULL, op_rows[op].no_bwd);
        else print_message("skipped: %s is not there on cuda yet\n", op_rows[op].name);
    }
}

/* What a batch may change. */
enum { ROWS, SCORED, LONGEST, SPANS, AT, SIZES };
typedef struct { int64_t size[SIZES]; } Batch;

/* What a recipe fixes. */
typedef struct { Weight w; int n_terms; float p; int n_heads, n_kv, head_dim, window; bool gradient, trained_head; } Recipe;

static size_t scratch(const Backend *backend, OpId op, const Recipe *recipe, const Batch *batch, bool bwd)
{
    int64_t rows = batch->size[ROWS], cols = recipe->w.cols;
    OpArgs args = {0};
    OpCall c = { .op = op, .n_in = 1, .in = { { NULL, rows, cols } }, .args = &args };
    if (op == OP_EMBEDDING) {
        c.n_in = 0;
        args.embedding.w = &recipe->w;
        args.embedding.n = rows;
    } else if (op == OP_LINEAR) {
        c.n_in = 1 + 2 * recipe->n_terms;
        args.linear.w = &recipe->w;
        for (int k = 0; k < recipe->n_terms; k++) {
            c.in[1 + 2 * k] = (Tensor){ NULL, 5 + k, cols };
            c.in[2 + 2 * k] = (Tensor){ NULL, recipe->w.rows, 5 + k };
            args.linear.drop[k].p = recipe->p;
        }
    } else if (op == OP_ATTENTION) {
        c.n_in = 3;
        args.attention.n_heads = recipe->n_heads;
        args.attention.n_kv = recipe->n_kv;
        args.attention.head_dim = recipe->head_dim;
        args.attention.window = recipe->window;
        args.attention.n_spans = (int)batch->size[SPANS];
        args.attention.longest = (int)batch->size[LONGEST];
        c.in[0].cols = recipe->n_heads * recipe->head_dim;
        c.in[1] = c.in[2] = (Tensor){ NULL, rows, recipe->n_kv * recipe->head_dim };
    } else if (op == OP_HEAD) {
        args.head.w = recipe->trained_head ? NULL : &recipe->w;
        args.head.n = batch->size[SCORED];
        args.head.gradient = recipe->gradient && !recipe->trained_head;
        c.n_in = 1 + recipe->trained_head;
        c.in[1] = (Tensor){ NULL, recipe->w.rows, cols };
    } else if (op == OP_NORM) {
        c.n_in = 1 + recipe->n_terms;
        c.in[1] = c.in[2] = (Tensor){ NULL, 1, cols };
        args.norm.center = recipe->n_terms;
    } else if (op == OP_GATE || op == OP_ADD) {
        c.n_in = op == OP_GATE && cols % 2 == 0 ? 1 : 2;
        c.in[1] = c.in[0];
    } else if (op == OP_ROPE) {
        args.rope.head_dim = args.rope.rotary_dim = recipe->head_dim;
        c.in[0].cols = recipe->n_heads * recipe->head_dim;
    } else if (op == OP_SOFTCAP) {
        args.softcap.cap = 1;
    } else if (op == OP_COLUMNS) {
        args.columns.n = cols;
    } else if (op == OP_DENSE || op == OP_ADD_ROW) {
        c.n_in = 2;
        c.in[1] = (Tensor){ NULL, op == OP_DENSE ? recipe->w.rows : 1, cols };
    } else if (op == OP_GATHER) {
        c.in[0].rows = recipe->w.rows;
        args.gather.n = rows;
    } else if (op == OP_APPEND) {
        args.append.at = batch->size[AT];
        args.append.capacity = batch->size[AT] + rows;
    }
    op_rows[op].shape(&c);
    c.wanted = (1u << c.n_in) - 1;
    return backend->op[op].scratch ? backend->op[op].scratch(backend, &c, bwd) : 0;
}

static int64_t below(Random *random, int64_t n) { return n ? random_u32(random) % n : 0; }

static Recipe random_recipe(Random *random)
{
    Recipe r = { .n_terms = (int)below(random, 3), .p = below(random, 2) ? 0.1f : 0, .gradient = below(random, 2), .trained_head = below(random, 2) };
    do r.w.dtype = (Dtype)below(random, DTYPE_COUNT); while (!dtype_rows[r.w.dtype].decode);
    r.w.name = "w";
    r.w.rows = 1 + below(random, below(random, 2) ? 100 : 5000);
    r.w.cols = dtype_rows[r.w.dtype].block * (1 + below(random, 5000 / dtype_rows[r.w.dtype].block));
    r.n_kv = 1 + (int)below(random, 4);
    r.n_heads = r.n_kv * (1 + (int)below(random, 4));
    r.window = below(random, 2) ? (int)below(random, 1500) : 0;
    r.head_dim = 2 * (1 + (int)below(random, 64));
    return r;
}

/* Random recipes; a capacity and a batch whose every size is at most the capacity's, near the cuts of the kernels too. */
static void check_monotone(const Backend *backend, Random *random)
{
    static const int64_t cuts[] = { 0, 1, 15, 16, 17, 64, 127, 128, 129, 255, 256, 257, 511, 512, 513 };
    for (int i = 0; i < 20000; i++) {
        Recipe recipe = random_recipe(random);
        Batch capacity, batch;
        for (int s = 0; s < SIZES; s++) {
            capacity.size[s] = below(random, 2) ? cuts[below(random, 15)] : below(random, 2000);
            batch.size[s] = below(random, capacity.size[s] + 1);
            int64_t cut = cuts[below(random, 15)];
            if (cut <= capacity.size[s]) batch.size[s] = below(random, 2) ? cut : batch.size[s];
        }
        for (OpId op = 0; op < OP_COUNT; op++)
            for (int bwd = 0; bwd <= !op_rows[op].no_bwd; bwd++)
                assert_true(scratch(backend, op, &recipe, &batch, bwd) <= scratch(backend, op, &recipe, &capacity, bwd));
    }
}

/* By emulated instructions too: tiles have scratch of their own, from some rows on. */
static void scratch_is_monotone(void **state)
{
    (void)state;
    Random random;
    random_seed(&random, 3);
    for (int workers = 1; workers <= 3; workers += 2) {
        Pool *pool = pool_open(workers);
        Backend backend = cpu_backend(pool);
        check_monotone(&backend, &random);
        for (int i = 0; i < n_emulated; i++)
            for (backend.precision = PRECISION_F32; backend.precision <= PRECISION_BF16; backend.precision++) {
                backend.isa = &emulated[i].isa;
                check_monotone(&backend, &random);
            }
        pool_close(pool);
    }
    Backend backend = cuda_backend(NULL);
    check_monotone(&backend, &random);
}

/* What backward reads, for a few sets of wanted gradients, as the comments of op.h say. */
static void operations_read_what_their_gradients_need(void **state)
{
    (void)state;
    enum { X = 1, A1 = 2, B1 = 4, A2 = 8, B2 = 16 };
    static const struct { uint32_t wanted, reads; } expected[] = {
        { B1, 0 }, { B1 | B2, 0 }, { A1, X | B1 }, { A2, X | B2 }, { X, A1 | B1 | A2 | B2 }, { X | A1, X | A1 | B1 | A2 | B2 }, { 0, 0 },
    };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_int_equal(op_rows[OP_LINEAR].reads(&(OpArgs){0}, expected[i].wanted) & 31, expected[i].reads);
    assert_int_equal(op_rows[OP_NORM].reads(&(OpArgs){0}, 1), 3);
    assert_int_equal(op_rows[OP_NORM].reads(&(OpArgs){0}, 2), 1);
    assert_int_equal(op_rows[OP_NORM].reads(&(OpArgs){0}, 4), 0);
    assert_int_equal(op_rows[OP_DENSE].reads(&(OpArgs){0}, 1), 2);
    assert_int_equal(op_rows[OP_DENSE].reads(&(OpArgs){0}, 2), 1);
    assert_int_equal(op_rows[OP_DENSE].reads(&(OpArgs){0}, 3), 3);
    assert_null(op_rows[OP_GATHER].reads);
    assert_null(op_rows[OP_ADD_ROW].reads);
    assert_null(op_rows[OP_ROPE].reads);
    assert_null(op_rows[OP_ADD].reads);
}

/* A head whose gradient is made already reads nothing. */
static void head_reads_what_its_gradients_need(void **state)
{
    (void)state;
    assert_int_equal(op_rows[OP_HEAD].reads(&(OpArgs){ .head.gradient = true }, 1), 0);
    assert_int_equal(op_rows[OP_HEAD].reads(&(OpArgs){0}, 1), READS(7, 0));
    assert_int_equal(op_rows[OP_HEAD].reads(&(OpArgs){0}, 2), READS(7, 0));
    assert_int_equal(op_rows[OP_HEAD].reads(&(OpArgs){0}, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_slot_is_filled), cmocka_unit_test(slots_of_cuda), cmocka_unit_test(scratch_is_monotone), cmocka_unit_test(operations_read_what_their_gradients_need),
        cmocka_unit_test(head_reads_what_its_gradients_need),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
