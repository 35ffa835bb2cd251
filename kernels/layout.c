#include "kernels/layout.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"
#include "kernels/status.h"

enum { ALIGN = 64 };

typedef struct {
    size_t  bytes, offset;
    int32_t first, last;        /* calls; first -1: no live call reads it */
    int32_t over[2];            /* wishes, the first that can be granted wins */
    int32_t root;               /* the slot whose place it shares; itself: its own */
    int32_t tenant;             /* of a root: the last slot in that place */
    SlotPurpose purpose;
    bool    result, read;
} Slot;

struct Layout {
    Slot       *slot;
    LayoutCall *call;
    bool       *live;
    int32_t     n_slots, slot_cap, n_calls, call_cap;
    int32_t     next_slot, next_call;        /* of the step that runs */
    size_t      bytes;
    double      flops;
    char       *arena;
    bool        measuring;
};

Layout *layout_open(void)
{
    Layout *layout = memory_new(1, sizeof *layout);
    layout->measuring = true;
    return layout;
}

void layout_close(Layout *layout)
{
    if (!layout) return;
    free(layout->slot);
    free(layout->call);
    free(layout->live);
    free(layout);
}

bool layout_measuring(const Layout *layout) { return layout->measuring; }

void layout_begin(Layout *layout)
{
    CHECK(!layout->measuring || !layout->n_calls, "a layout is measured once, then placed");
    layout->next_slot = layout->next_call = 0;
}

int32_t layout_take(Layout *layout, SlotPurpose purpose, size_t bytes)
{
    int32_t i = layout->next_slot++;
    bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    if (layout->measuring) {
        MEMORY_PUSH(layout->slot, layout->n_slots, layout->slot_cap) =
            (Slot){ .bytes = bytes, .first = -1, .over = { NO_SLOT, NO_SLOT }, .root = i, .tenant = i, .purpose = purpose };
        return i;
    }
    CHECK(i < layout->n_slots && layout->slot[i].purpose == purpose, "slot %d of %d: another sequence", i, layout->n_slots);
    CHECK(bytes <= layout->slot[i].bytes, "slot %d: %zu bytes, laid out for %zu", i, bytes, layout->slot[i].bytes);
    return i;
}

void layout_over(Layout *layout, int32_t slot, int32_t under)
{
    if (!layout->measuring || slot == NO_SLOT || under == NO_SLOT) return;
    int32_t *over = layout->slot[slot].over;
    CHECK(over[1] == NO_SLOT, "slot %d: a third wish", slot);
    over[over[0] != NO_SLOT] = under;
}

static bool same_slots(int32_t n, const int32_t *a, int32_t m, const int32_t *b)
{
    return n == m && !memcmp(a, b, (size_t)n * sizeof *a);
}

bool layout_call(Layout *layout, const LayoutCall *call)
{
    int32_t i = layout->next_call++;
    if (layout->measuring) {
        MEMORY_PUSH(layout->call, layout->n_calls, layout->call_cap) = *call;
        return false;
    }
    CHECK(i < layout->n_calls, "call %d of %d: another sequence", i, layout->n_calls);
    const LayoutCall *was = &layout->call[i];
    CHECK(call->op == was->op && call->bwd == was->bwd && call->effect == was->effect &&
              same_slots(call->n_reads, call->read, was->n_reads, was->read) && same_slots(call->n_writes, call->write, was->n_writes, was->write),
          "call %d: another sequence", i);
    return layout->live[i];
}

void layout_result(Layout *layout, int32_t slot)
{
    CHECK(slot != NO_SLOT, "a result has a place of its own");
    if (layout->measuring) layout->slot[slot].result = true;
    CHECK(layout->slot[slot].result, "slot %d: measured as no result", slot);
}

/* From the last call to the first: live if it has an effect or wrote what is read later. */
static void find_live(Layout *layout)
{
    layout->live = memory_new((size_t)layout->n_calls, sizeof *layout->live);
    for (int32_t i = 0; i < layout->n_slots; i++) layout->slot[i].read = layout->slot[i].result;
    for (int32_t c = layout->n_calls - 1; c >= 0; c--) {
        const LayoutCall *call = &layout->call[c];
        bool live = call->effect;
        for (int i = 0; i < call->n_writes; i++) live = live || layout->slot[call->write[i]].read;
        layout->live[c] = live;
        if (!live) continue;
        layout->flops += call->flops;
        for (int i = 0; i < call->n_reads; i++) layout->slot[call->read[i]].read = true;
    }
}

static void touch(Layout *layout, int32_t slot, int32_t call)
{
    Slot *s = &layout->slot[slot];
    if (!s->read) return;
    if (s->first < 0) s->first = call;
    s->last = s->result ? layout->n_calls : call;
}

static void find_lifetimes(Layout *layout)
{
    for (int32_t c = 0; c < layout->n_calls; c++) {
        if (!layout->live[c]) continue;
        const LayoutCall *call = &layout->call[c];
        for (int i = 0; i < call->n_reads; i++) touch(layout, call->read[i], c);
        for (int i = 0; i < call->n_writes; i++) touch(layout, call->write[i], c);
    }
}

/* A wish can be granted when the old tensor's last use is the call that first writes the new one, and nobody else took the
 * place. A tensor that this call also made is not old. */
static bool may_share(const Layout *layout, const Slot *slot, int32_t under)
{
    if (under == NO_SLOT) return false;
    const Slot *old = &layout->slot[under];
    return old->first >= 0 && old->first < slot->first && old->last == slot->first && old->bytes == slot->bytes &&
           layout->slot[old->root].tenant == under;
}

static void share_places(Layout *layout)
{
    for (int32_t i = 0; i < layout->n_slots; i++) {
        Slot *s = &layout->slot[i];
        if (s->first < 0) continue;
        int32_t under = may_share(layout, s, s->over[0]) ? s->over[0] : may_share(layout, s, s->over[1]) ? s->over[1] : NO_SLOT;
        if (under == NO_SLOT) continue;
        s->root = layout->slot[under].root;
        layout->slot[s->root].tenant = i;
    }
}

static int by_size(const void *a, const void *b, void *layout)
{
    const Slot *slot = ((Layout *)layout)->slot;
    int32_t i = *(const int32_t *)a, j = *(const int32_t *)b;
    return slot[i].bytes < slot[j].bytes ? 1 : slot[i].bytes > slot[j].bytes ? -1 : i < j ? -1 : 1;
}

static int by_offset(const void *a, const void *b)
{
    const Slot *x = *(const Slot *const *)a, *y = *(const Slot *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The last use of the place of a root. */
static int32_t until(const Layout *layout, const Slot *root) { return layout->slot[root->tenant].last; }

/* The lowest offset at which `slot` fits between those that live at the same time. */
static size_t lowest_gap(const Slot *slot, const Slot **busy, int n_busy)
{
    qsort(busy, (size_t)n_busy, sizeof *busy, by_offset);
    size_t at = 0;
    for (int i = 0; i < n_busy; i++) {
        if (busy[i]->offset >= at + slot->bytes) break;
        size_t end = busy[i]->offset + busy[i]->bytes;
        if (end > at) at = end;
    }
    return at;
}

static void place(Layout *layout)
{
    int32_t *order = memory_new((size_t)layout->n_slots, sizeof *order), n = 0;
    for (int32_t i = 0; i < layout->n_slots; i++)
        if (layout->slot[i].first >= 0 && layout->slot[i].root == i) order[n++] = i;
    qsort_r(order, (size_t)n, sizeof *order, by_size, layout);
    const Slot **busy = memory_new((size_t)n, sizeof *busy);
    for (int32_t k = 0; k < n; k++) {
        Slot *s = &layout->slot[order[k]];
        int n_busy = 0;
        for (int32_t j = 0; j < k; j++) {
            const Slot *other = &layout->slot[order[j]];
            if (other->first <= until(layout, s) && s->first <= until(layout, other)) busy[n_busy++] = other;
        }
        s->offset = lowest_gap(s, busy, n_busy);
        if (s->offset + s->bytes > layout->bytes) layout->bytes = s->offset + s->bytes;
    }
    free(busy);
    free(order);
}

void layout_end(Layout *layout)
{
    if (!layout->measuring) {
        CHECK(layout->next_call == layout->n_calls && layout->next_slot == layout->n_slots, "%d of %d calls: another sequence",
              layout->next_call, layout->n_calls);
        return;
    }
    find_live(layout);
    find_lifetimes(layout);
    share_places(layout);
    place(layout);
}

void *layout_address(const Layout *layout, int32_t slot)
{
    if (slot == NO_SLOT || !layout->arena || layout->slot[slot].first < 0) return NULL;
    return layout->arena + layout->slot[layout->slot[slot].root].offset;
}

size_t layout_bytes(const Layout *layout) { return layout->bytes; }
double layout_flops(const Layout *layout) { return layout->flops; }

void layout_place(Layout *layout, void *arena)
{
    CHECK(layout->live, "layout_end comes first");
    layout->arena = arena;
    layout->measuring = false;
}
