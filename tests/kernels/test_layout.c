/* Random traces against what the comments of layout.h say, checked by brute force; and every CHECK of a replay. */
#include "tests/kernels/aborts.h"

#include <stdbool.h>

#include "kernels/layout.h"
#include "kernels/memory.h"
#include "kernels/random.h"

enum { MAX_SLOTS = 200, MAX_CALLS = 60 };

/* A step, as the tape would make it: before call c its new slots are taken. */
typedef struct {
    int n_slots, n_calls;
    struct { SlotPurpose purpose; size_t bytes; int call, over[2]; bool result; } slot[MAX_SLOTS];
    LayoutCall call[MAX_CALLS];
} Trace;

static int below(Random *random, int n) { return n > 0 ? (int)(random_u32(random) % (uint32_t)n) : 0; }

static int new_slot(Trace *t, Random *random, int call, SlotPurpose purpose)
{
    int s = t->n_slots++;
    t->slot[s].purpose = purpose;
    t->slot[s].bytes = (size_t)(below(random, 3) ? 64 * (1 + below(random, 3)) : below(random, 1000));
    t->slot[s].call = call;
    t->slot[s].over[0] = t->slot[s].over[1] = NO_SLOT;
    t->slot[s].result = purpose == SLOT_VALUE && !below(random, 12);
    return s;
}

static bool among(int n, const int32_t *list, int slot)
{
    for (int i = 0; i < n; i++)
        if (list[i] == slot) return true;
    return false;
}

/* Calls read a few older slots (mostly recent ones), write new ones, now and then add to an old one; a new slot may wish to
 * lie over one or two of those read. */
static Trace random_trace(Random *random)
{
    Trace t = {0};
    int n_calls = 1 + below(random, MAX_CALLS);
    for (t.n_calls = 0; t.n_calls < n_calls; t.n_calls++) {
        LayoutCall *c = &t.call[t.n_calls];
        c->op = below(random, 5);
        c->bwd = below(random, 2);
        c->effect = !below(random, 8);
        c->flops = below(random, 100);
        int before = t.n_slots;
        for (int i = below(random, 4); i > 0 && before; i--) {
            int s = below(random, 3) ? before - 1 - below(random, before < 6 ? before : 6) : below(random, before);
            if (t.slot[s].purpose != SLOT_SCRATCH && !among(c->n_reads, c->read, s)) c->read[c->n_reads++] = s;
        }
        int n_old = c->n_reads;
        if (n_old && !below(random, 6)) c->write[c->n_writes++] = c->read[0];
        for (int i = below(random, 3); i > 0; i--) {
            int s = c->write[c->n_writes++] = new_slot(&t, random, t.n_calls, below(random, 2) ? SLOT_VALUE : SLOT_GRADIENT);
            for (int k = 0; k < 2; k++)
                if (n_old && below(random, 3)) {
                    t.slot[s].over[k] = c->read[below(random, c->n_reads)];
                    if (below(random, 2)) t.slot[s].bytes = t.slot[t.slot[s].over[k]].bytes;
                }
            if (!below(random, 4)) c->read[c->n_reads++] = s;      /* as what is saved */
        }
        if (!below(random, 3)) c->read[c->n_reads++] = c->write[c->n_writes++] = new_slot(&t, random, t.n_calls, SLOT_SAVED);
        if (!below(random, 3)) c->read[c->n_reads++] = new_slot(&t, random, t.n_calls, SLOT_SCRATCH);
    }
    return t;
}

/* Makes the step's calls; `smaller` divides every size. Fills addresses and whether a call runs. */
static void play(Layout *layout, const Trace *t, size_t smaller, void *address[], bool runs[])
{
    layout_begin(layout);
    for (int c = 0, s = 0; c < t->n_calls; c++) {
        for (; s < t->n_slots && t->slot[s].call == c; s++) {
            int32_t slot = layout_take(layout, t->slot[s].purpose, t->slot[s].bytes / smaller);
            assert_int_equal(slot, s);
            for (int k = 0; k < 2; k++) layout_over(layout, slot, t->slot[s].over[k]);
            if (t->slot[s].result) layout_result(layout, slot);
            address[s] = layout_address(layout, slot);
        }
        runs[c] = layout_call(layout, &t->call[c]);
    }
    layout_end(layout);
}

typedef struct { bool live[MAX_CALLS], read[MAX_SLOTS]; int first[MAX_SLOTS], last[MAX_SLOTS]; } Facts;

/* By the definition, until nothing changes. */
static Facts find_facts(const Trace *t)
{
    Facts f = {0};
    for (bool changed = true; changed;) {
        changed = false;
        for (int c = 0; c < t->n_calls; c++) {
            bool live = t->call[c].effect;
            for (int i = 0; i < t->call[c].n_writes; i++) {
                int s = t->call[c].write[i];
                live = live || t->slot[s].result;
                for (int later = c + 1; later < t->n_calls; later++) live = live || (f.live[later] && among(t->call[later].n_reads, t->call[later].read, s));
            }
            if (live && !f.live[c]) f.live[c] = changed = true;
        }
    }
    for (int s = 0; s < t->n_slots; s++) {
        f.first[s] = -1;
        f.read[s] = t->slot[s].result;
        for (int c = 0; c < t->n_calls; c++) f.read[s] = f.read[s] || (f.live[c] && among(t->call[c].n_reads, t->call[c].read, s));
        for (int c = 0; c < t->n_calls; c++) {
            if (!f.live[c] || !(among(t->call[c].n_reads, t->call[c].read, s) || among(t->call[c].n_writes, t->call[c].write, s))) continue;
            if (f.first[s] < 0) f.first[s] = c;
            f.last[s] = t->slot[s].result ? t->n_calls : c;
        }
        if (!f.read[s]) f.first[s] = -1;
    }
    return f;
}

/* Slot b may lie over a: b asked for it, a's last use is b's first, and a is older. */
static bool granted(const Trace *t, const Facts *f, int a, int b)
{
    bool asked = t->slot[b].over[0] == a || t->slot[b].over[1] == a;
    return asked && f->last[a] == f->first[b] && f->first[a] < f->first[b];
}

static size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

static void check_places(const Trace *t, const Facts *f, char *arena, size_t arena_bytes, void *const address[])
{
    size_t used = 0;
    for (int b = 0; b < t->n_slots; b++) {
        assert_int_equal(address[b] != NULL, f->first[b] >= 0);
        if (!address[b]) continue;
        char *at = address[b];
        size_t end = (size_t)(at - arena) + rounded(t->slot[b].bytes);
        assert_true(at >= arena && end <= arena_bytes && (size_t)(at - arena) % 64 == 0);
        if (end > used) used = end;
        for (int a = 0; a < t->n_slots; a++) {
            if (a == b || !address[a] || !t->slot[a].bytes || !t->slot[b].bytes || f->first[a] > f->first[b]) continue;
            char *other = address[a];
            bool overlap = at < other + t->slot[a].bytes && other < at + t->slot[b].bytes;
            if (!overlap || f->last[a] < f->first[b]) continue;
            if (!granted(t, f, a, b) || other != at)
                print_error("slot %d (calls %d to %d) lies over slot %d (calls %d to %d)\n", b, f->first[b], f->last[b], a, f->first[a], f->last[a]);
            assert_true(granted(t, f, a, b) && other == at);
        }
    }
    assert_int_equal(used, arena_bytes);
}

/* A wish that can be granted is, to one of those that ask. */
static void check_wishes(const Trace *t, const Facts *f, void *const address[])
{
    for (int a = 0; a < t->n_slots; a++) {
        bool wished = false, given = false;
        for (int b = 0; b < t->n_slots; b++) {
            if (!address[a] || !address[b] || !granted(t, f, a, b) || rounded(t->slot[a].bytes) != rounded(t->slot[b].bytes)) continue;
            int other = t->slot[b].over[0] == a ? t->slot[b].over[1] : t->slot[b].over[0];
            bool elsewhere = other != NO_SLOT && other != a && address[other] == address[b] && granted(t, f, other, b);
            wished = wished || !elsewhere;
            given = given || address[a] == address[b];
        }
        assert_true(!wished || given || !rounded(t->slot[a].bytes));
    }
}

static void random_traces(void **state)
{
    (void)state;
    Random random;
    random_seed(&random, 11);
    for (int i = 0; i < 4000; i++) {
        Trace t = random_trace(&random);
        Facts f = find_facts(&t);
        void *address[MAX_SLOTS], *again[MAX_SLOTS];
        bool runs[MAX_CALLS];
        Layout *layout = layout_open();
        assert_true(layout_measuring(layout));
        play(layout, &t, 1, address, runs);
        for (int s = 0; s < t.n_slots; s++) assert_null(address[s]);
        double flops = 0;
        for (int c = 0; c < t.n_calls; c++) {
            assert_false(runs[c]);
            flops += f.live[c] ? t.call[c].flops : 0;
        }
        assert_true(layout_flops(layout) == flops);

        char *arena = memory_try(layout_bytes(layout));
        layout_place(layout, arena);
        assert_false(layout_measuring(layout));
        play(layout, &t, 1, address, runs);
        for (int c = 0; c < t.n_calls; c++) assert_int_equal(runs[c], f.live[c]);
        check_places(&t, &f, arena, layout_bytes(layout), address);
        check_wishes(&t, &f, address);
        play(layout, &t, 3, again, runs);
        assert_memory_equal(address, again, (size_t)t.n_slots * sizeof *address);
        free(arena);
        layout_close(layout);
    }
}

/* --- one trace by hand: x -> a -> b in place of a -> (effect), and c that nobody reads */

typedef struct { Layout *layout; int32_t x, a, b, c; } Chain;

static void first_call(Chain *s)
{
    layout_begin(s->layout);
    s->x = layout_take(s->layout, SLOT_VALUE, 256);
    s->a = layout_take(s->layout, SLOT_VALUE, 256);
    layout_call(s->layout, &(LayoutCall){ .op = 1, .n_reads = 0, .n_writes = 1, .write = { s->x } });
    layout_call(s->layout, &(LayoutCall){ .op = 2, .n_reads = 1, .read = { s->x }, .n_writes = 1, .write = { s->a } });
}

static void rest(Chain *s)
{
    s->b = layout_take(s->layout, SLOT_VALUE, 256);
    layout_over(s->layout, s->b, s->a);
    s->c = layout_take(s->layout, SLOT_VALUE, 1000);
    layout_call(s->layout, &(LayoutCall){ .op = 3, .n_reads = 1, .read = { s->a }, .n_writes = 2, .write = { s->b, s->c }, .flops = 5 });
    layout_call(s->layout, &(LayoutCall){ .op = 4, .effect = true, .n_reads = 2, .read = { s->b, s->x } });
}

static Chain measured(void)
{
    Chain s = { .layout = layout_open() };
    first_call(&s);
    rest(&s);
    layout_end(s.layout);
    return s;
}

static Chain placed(void *arena)
{
    Chain s = measured();
    layout_place(s.layout, arena);
    return s;
}

static void in_place_saves_the_bytes(void **state)
{
    (void)state;
    Chain s = measured();
    assert_int_equal(layout_bytes(s.layout), 512);      /* x, and a with b over it; c has none */
    char *arena = memory_try(512);
    layout_place(s.layout, arena);
    first_call(&s);
    rest(&s);
    layout_end(s.layout);
    assert_ptr_equal(layout_address(s.layout, s.a), layout_address(s.layout, s.b));
    assert_ptr_not_equal(layout_address(s.layout, s.a), layout_address(s.layout, s.x));
    assert_null(layout_address(s.layout, s.c));
    assert_null(layout_address(s.layout, NO_SLOT));
    free(arena);
    layout_close(s.layout);
}

/* A result keeps its place though its last reader would have let go of it. */
static void results_live_to_the_end(void **state)
{
    (void)state;
    char arena[1024] __attribute__((aligned(64)));
    Chain s = { .layout = layout_open() };
    for (int round = 0; round < 2; round++) {
        first_call(&s);
        layout_result(s.layout, s.a);
        rest(&s);
        layout_end(s.layout);
        if (!round) layout_place(s.layout, arena);
    }
    assert_int_equal(layout_bytes(s.layout), 768);
    assert_ptr_not_equal(layout_address(s.layout, s.a), layout_address(s.layout, s.b));
    layout_close(s.layout);
}

static void other_op(void *arg)
{
    layout_call(((Chain *)arg)->layout, &(LayoutCall){ .op = 9, .effect = true });
}

static void other_slots(void *arg)
{
    Chain *s = arg;
    layout_take(s->layout, SLOT_VALUE, 256);
    layout_take(s->layout, SLOT_VALUE, 1000);
    layout_call(s->layout, &(LayoutCall){ .op = 3, .n_reads = 1, .read = { s->x }, .n_writes = 2, .write = { 2, 3 } });
}

static void other_writes(void *arg)
{
    Chain *s = arg;
    layout_take(s->layout, SLOT_VALUE, 256);
    layout_take(s->layout, SLOT_VALUE, 1000);
    layout_call(s->layout, &(LayoutCall){ .op = 3, .n_reads = 1, .read = { s->a }, .n_writes = 1, .write = { 2 } });
}

static void other_direction(void *arg)
{
    Chain *s = arg;
    layout_call(s->layout, &(LayoutCall){ .op = 3, .bwd = true, .n_reads = 1, .read = { s->a }, .n_writes = 2, .write = { 2, 3 } });
}

static void other_effect(void *arg)
{
    Chain *s = arg;
    layout_call(s->layout, &(LayoutCall){ .op = 3, .effect = true, .n_reads = 1, .read = { s->a }, .n_writes = 2, .write = { 2, 3 } });
}

static void other_purpose(void *arg) { layout_take(((Chain *)arg)->layout, SLOT_SAVED, 256); }
static void larger(void *arg) { layout_take(((Chain *)arg)->layout, SLOT_VALUE, 257); }
static void other_result(void *arg) { layout_result(((Chain *)arg)->layout, ((Chain *)arg)->a); }
static void no_result(void *arg) { layout_result(((Chain *)arg)->layout, NO_SLOT); }
static void ends_early(void *arg) { layout_end(((Chain *)arg)->layout); }

static void one_slot_more(void *arg)
{
    rest(arg);
    layout_take(((Chain *)arg)->layout, SLOT_VALUE, 1);
}

static void one_call_more(void *arg)
{
    rest(arg);
    layout_call(((Chain *)arg)->layout, &(LayoutCall){ .op = 4 });
}

static void a_replay_that_differs_aborts(void **state)
{
    (void)state;
    static const struct { const char *text; void (*call)(void *); } bad[] = {
        { "call 2: another sequence", other_op }, { "call 2: another sequence", other_slots }, { "call 2: another sequence", other_writes },
        { "call 2: another sequence", other_direction }, { "call 2: another sequence", other_effect },
        { "slot 2 of 4: another sequence", other_purpose }, { "slot 2: 320 bytes, laid out for 256", larger },
        { "slot 1: measured as no result", other_result }, { "a result has a place of its own", no_result },
        { "2 of 4 calls: another sequence", ends_early }, { "slot 4 of 4: another sequence", one_slot_more }, { "call 4 of 4: another sequence", one_call_more },
    };
    char arena[1024] __attribute__((aligned(64)));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Chain s = placed(arena);
        first_call(&s);
        assert_aborts(bad[i].text, bad[i].call, &s);
        rest(&s);
        layout_end(s.layout);
        layout_close(s.layout);
    }
}

static void place_unmeasured(void *arg) { layout_place(arg, NULL); }
static void measure_twice(void *arg) { layout_begin(((Chain *)arg)->layout); }

static void third_wish(void *arg)
{
    layout_take(arg, SLOT_VALUE, 64);
    for (int i = 0; i < 3; i++) layout_over(arg, 0, 0);
}

static void misuse_aborts(void **state)
{
    (void)state;
    Layout *layout = layout_open();
    layout_begin(layout);
    assert_aborts("layout_end comes first", place_unmeasured, layout);
    assert_aborts("slot 0: a third wish", third_wish, layout);
    layout_close(layout);
    layout_close(NULL);
    Chain s = measured();
    assert_aborts("a layout is measured once, then placed", measure_twice, &s);
    layout_close(s.layout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_traces), cmocka_unit_test(in_place_saves_the_bytes), cmocka_unit_test(results_live_to_the_end),
        cmocka_unit_test(a_replay_that_differs_aborts), cmocka_unit_test(misuse_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
