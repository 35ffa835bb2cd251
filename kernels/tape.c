#include "kernels/tape.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"
#include "kernels/status.h"

void tape_init(Tape *tape, const Backend *backend, Layout *layout, int max_nodes, int max_records)
{
    *tape = (Tape){ .backend = backend, .layout = layout, .max_nodes = max_nodes, .max_records = max_records };
    tape->node = memory_new((size_t)max_nodes, sizeof *tape->node);
    tape->record = memory_new((size_t)max_records, sizeof *tape->record);
}

void tape_free(Tape *tape)
{
    free(tape->node);
    free(tape->record);
    *tape = (Tape){0};
}

void tape_begin(Tape *tape, TapeMode mode)
{
    tape->n_nodes = tape->n_records = 0;
    tape->mode = mode;
    layout_begin(tape->layout);
}

void tape_end(Tape *tape) { layout_end(tape->layout); }

static Var add_node(Tape *tape, Node node)
{
    CHECK(tape->n_nodes < tape->max_nodes, "the tape is full");
    tape->node[tape->n_nodes] = node;
    return (Var){ tape->n_nodes++ };
}

/* What kernels read of the caller's memory. */
static float *placed(const Tape *tape, const float *host)
{
    const Backend *b = tape->backend;
    return b->memory && !layout_measuring(tape->layout) ? b->memory->at(b->device, host) : (float *)host;
}

Var tape_const(Tape *tape, Tensor value)
{
    value.data = placed(tape, value.data);
    return add_node(tape, (Node){ .value = value, .value_slot = NO_SLOT, .grad_slot = NO_SLOT, .kept_slot = NO_SLOT, .producer = -1 });
}

Var tape_param(Tape *tape, Tensor value, Tensor grad)
{
    return add_node(tape, (Node){ .value = value, .grad = grad, .value_slot = NO_SLOT, .grad_slot = NO_SLOT, .kept_slot = NO_SLOT, .producer = -1,
                                  .needs_grad = tape->mode != TAPE_OFF, .is_param = true });
}

static void reads_slot(LayoutCall *call, int32_t slot)
{
    CHECK(call->n_reads < CALL_MAX_SLOTS);
    if (slot != NO_SLOT) call->read[call->n_reads++] = slot;
}

static void writes_slot(LayoutCall *call, int32_t slot)
{
    CHECK(call->n_writes < CALL_MAX_SLOTS);
    if (slot != NO_SLOT) call->write[call->n_writes++] = slot;
}

/* A slot for `tensor`, whose data becomes its address. */
static int32_t take(Tape *tape, SlotPurpose purpose, Tensor *tensor)
{
    int32_t slot = layout_take(tape->layout, purpose, (size_t)tensor->rows * (size_t)tensor->cols * sizeof(float));
    tensor->data = layout_address(tape->layout, slot);
    return slot;
}

static void take_scratch(Tape *tape, OpCall *call, LayoutCall *trace, bool bwd)
{
    const Kernels *kernels = &tape->backend->op[call->op];
    if (!kernels->scratch) return;
    call->scratch_bytes = kernels->scratch(tape->backend, call, bwd);
    int32_t slot = layout_take(tape->layout, SLOT_SCRATCH, call->scratch_bytes);
    call->scratch = layout_address(tape->layout, slot);
    reads_slot(trace, slot);
}

/* What was begun at `start` is done. */
static void count(Tape *tape, const LayoutCall *call, double start)
{
    if (tape->profile) profile_add(tape->profile, call->op, call->bwd, profile_now() - start, call->flops);
}

static double start(const Tape *tape) { return tape->profile ? profile_now() : 0; }

/* Runs the call in its direction, unless it is dead or the layout is only measuring. */
static void run_call(Tape *tape, const LayoutCall *trace, const OpCall *call)
{
    if (!layout_call(tape->layout, trace)) return;
    const Kernels *kernels = &tape->backend->op[call->op];
    double began = start(tape);
    (trace->bwd ? kernels->bwd : kernels->fwd)(tape->backend, call);
    count(tape, trace, began);
}

/* The value as it is now, kept as bfloat16: a call that does not happen where nobody reads it later. */
static void keep_narrow(Tape *tape, Node *node)
{
    LayoutCall trace = { .op = OP_NARROW };
    node->kept_slot = layout_take(tape->layout, SLOT_VALUE, (size_t)node->value.rows * (size_t)node->value.cols * sizeof(uint16_t));
    reads_slot(&trace, node->value_slot);
    writes_slot(&trace, node->kept_slot);
    if (!layout_call(tape->layout, &trace)) return;
    double began = start(tape);
    tape->backend->narrow(tape->backend, node->value, layout_address(tape->layout, node->kept_slot));
    count(tape, &trace, began);
}

/* What is kept of a value, as float32 in node->value_slot. */
static void widen(Tape *tape, Node *node)
{
    LayoutCall trace = { .op = OP_WIDEN };
    reads_slot(&trace, node->kept_slot);
    writes_slot(&trace, node->value_slot);
    if (!layout_call(tape->layout, &trace)) return;
    double began = start(tape);
    tape->backend->widen(tape->backend, layout_address(tape->layout, node->kept_slot), node->value);
    count(tape, &trace, began);
}

static double flops(const OpCall *call, bool bwd)
{
    return op_rows[call->op].flops ? op_rows[call->op].flops(call, bwd) : 0;
}

static void check_distinct(OpId op, const Var in[], int n_in)
{
    for (int i = 0; i < n_in; i++)
        for (int j = 0; j < i; j++) CHECK(in[i].id != in[j].id, "%s: the same Var twice", op_rows[op].name);
}

void tape_op(Tape *tape, OpId op, const Var in[], int n_in, const OpArgs *args, Var out[])
{
    const OpRow *row = &op_rows[op];
    check_distinct(op, in, n_in);
    OpCall call = { .op = op, .n_in = n_in, .args = args };
    LayoutCall trace = { .op = op, .effect = row->external };
    bool needs_grad = false;
    for (int i = 0; i < n_in; i++) {
        const Node *node = &tape->node[in[i].id];
        call.in[i] = node->value;
        needs_grad = needs_grad || node->needs_grad;
        reads_slot(&trace, node->value_slot);
    }
    CHECK(!needs_grad || !row->no_bwd, "%s: no gradient passes through it", row->name);
    row->shape(&call);

    Record record = { .op = op, .n_in = (int8_t)n_in, .n_out = (int8_t)call.n_out, .n_saved = (int8_t)call.n_saved, .args = *args };
    int32_t out_slot[OP_MAX_OUT];
    for (int i = 0; i < call.n_out; i++) {
        out_slot[i] = row->external ? NO_SLOT : take(tape, SLOT_VALUE, &call.out[i]);
        writes_slot(&trace, out_slot[i]);
    }
    for (int i = 0; i < n_in; i++)
        if (row->out_over >> i & 1) layout_over(tape->layout, out_slot[0], tape->node[in[i].id].value_slot);
    for (int i = 0; i < call.n_saved; i++) {
        record.saved_slot[i] = take(tape, SLOT_SAVED, &call.saved[i]);
        record.saved[i] = call.saved[i];
        writes_slot(&trace, record.saved_slot[i]);
        reads_slot(&trace, record.saved_slot[i]);
    }
    take_scratch(tape, &call, &trace, false);
    trace.flops = flops(&call, false);
    run_call(tape, &trace, &call);

    bool recorded = needs_grad && tape->mode == TAPE_RECORD;
    for (int i = 0; i < call.n_out; i++)
        record.out[i] = out[i] = add_node(tape, (Node){ .value = call.out[i], .value_slot = out_slot[i], .grad_slot = NO_SLOT, .kept_slot = NO_SLOT,
                                                        .producer = recorded ? tape->n_records : -1, .needs_grad = needs_grad });
    for (int i = 0; tape->keep_bf16 && tape->mode != TAPE_OFF && !row->external && i < call.n_out; i++) keep_narrow(tape, &tape->node[out[i].id]);
    if (!recorded) return;
    memcpy(record.in, in, (size_t)n_in * sizeof *in);
    CHECK(tape->n_records < tape->max_records, "the tape is full");
    tape->record[tape->n_records++] = record;
}

/* What goes into a segment or comes out of one is no more than what is kept of it. */
static void round_border(Tape *tape, const Var var[], int n)
{
    for (int i = 0; tape->keep_bf16 && i < n; i++) {
        Node *node = &tape->node[var[i].id];
        if (node->rounded || node->value_slot == NO_SLOT) continue;
        if (node->kept_slot == NO_SLOT) keep_narrow(tape, node);
        widen(tape, node);
        node->rounded = true;
    }
}

static void run_segment(Tape *tape, SegmentFn *fn, const SegmentKey *key, const Var in[], Var out[], int n_out)
{
    int32_t n_nodes = tape->n_nodes;
    fn(tape, key, in, out);
    for (int i = 0; i < n_out; i++) {
        CHECK(out[i].id >= n_nodes, "a segment returns what was made outside it");
        for (int j = 0; j < i; j++) CHECK(out[i].id != out[j].id, "a segment returns the same Var twice");
    }
    round_border(tape, out, n_out);
}

void tape_segment(Tape *tape, SegmentPolicy policy, SegmentFn *fn, const SegmentKey *key, const Var in[], int n_in, Var out[], int n_out)
{
    round_border(tape, in, n_in);
    if (policy == SEGMENT_KEEP || tape->mode != TAPE_RECORD) {
        run_segment(tape, fn, key, in, out, n_out);
        return;
    }
    tape->mode = TAPE_PROPAGATE;
    run_segment(tape, fn, key, in, out, n_out);
    tape->mode = TAPE_RECORD;
    CHECK(tape->n_records < tape->max_records && n_in <= OP_MAX_IN && n_out <= OP_MAX_OUT, "the tape is full");
    Record *record = &tape->record[tape->n_records];
    *record = (Record){ .op = OP_SEGMENT, .n_in = (int8_t)n_in, .n_out = (int8_t)n_out, .args.segment = { fn, *key } };
    memcpy(record->in, in, (size_t)n_in * sizeof *in);
    memcpy(record->out, out, (size_t)n_out * sizeof *out);
    for (int i = 0; i < n_out; i++) tape->node[out[i].id].producer = tape->n_records;
    tape->n_records++;
}

void tape_seed(Tape *tape, Var var, const float *grad)
{
    Node *node = &tape->node[var.id];
    CHECK(node->needs_grad && !node->grad_written, "an objective that needs no gradient, or a second seed");
    node->grad = (Tensor){ placed(tape, grad), node->value.rows, node->value.cols };
    node->grad_written = node->seeded = true;
}

void tape_result(Tape *tape, Var var)
{
    Node *node = &tape->node[var.id];
    CHECK(!node->back, "a result is said before the reverse walk");
    node->result = true;
    layout_result(tape->layout, node->value_slot);
}

static void bring_back(Tape *, Var);

/* Makes a light operation's value again, with what it reads. */
static void run_again(Tape *tape, Node *node)
{
    const Record *record = &tape->record[node->producer];
    OpCall call = { .op = record->op, .n_in = record->n_in, .args = &record->args };
    LayoutCall trace = { .op = record->op };
    for (int i = 0; i < record->n_in; i++) {
        bring_back(tape, record->in[i]);
        call.in[i] = tape->node[record->in[i].id].value;
        reads_slot(&trace, tape->node[record->in[i].id].value_slot);
    }
    op_rows[record->op].shape(&call);
    node->value_slot = take(tape, SLOT_VALUE, &call.out[0]);
    writes_slot(&trace, node->value_slot);
    for (int i = 0; i < record->n_saved; i++) {
        call.saved[i] = record->saved[i];
        reads_slot(&trace, record->saved_slot[i]);
    }
    take_scratch(tape, &call, &trace, false);
    run_call(tape, &trace, &call);
    node->value = call.out[0];
}

static bool is_light(const Tape *tape, const Node *node)
{
    if (tape->keep_light || node->rounded || node->producer < 0) return false;
    OpId op = tape->record[node->producer].op;
    return op < OP_COUNT && op_rows[op].light;
}

/* A value that the reverse walk reads: made again if it is light, widened if it was kept narrow, once a walk; else it is still there. */
static void bring_back(Tape *tape, Var var)
{
    Node *node = &tape->node[var.id];
    if (node->back || node->result) return;
    if (is_light(tape, node)) {
        run_again(tape, node);
    } else if (node->kept_slot != NO_SLOT) {
        node->value_slot = take(tape, SLOT_VALUE, &node->value);
        widen(tape, node);
    } else return;
    node->back = true;
}

static bool has_gradient(const Tape *tape, const Record *record)
{
    bool any = false;
    for (int i = 0; i < record->n_out; i++) any = any || tape->node[record->out[i].id].grad_written;
    return any;
}

/* Where the gradient of input i goes: a parameter's own memory, the place of an earlier writer, or a new slot. */
static void want(Tape *tape, const Record *record, int i, OpCall *call, LayoutCall *trace)
{
    Node *node = &tape->node[record->in[i].id];
    CHECK(!node->seeded, "%s: a seeded Var has no other reader", op_rows[record->op].name);
    call->beta[i] = node->is_param || node->grad_written ? 1.0f : 0.0f;
    if (node->is_param) {
        trace->effect = true;
    } else if (node->grad_written) {
        reads_slot(trace, node->grad_slot);
    } else {
        const OpRow *row = &op_rows[record->op];
        node->grad = (Tensor){ NULL, node->value.rows, node->value.cols };
        node->grad_slot = take(tape, SLOT_GRADIENT, &node->grad);
        node->grad_written = true;
        if (row->din_over_dout == 1 + i) layout_over(tape->layout, node->grad_slot, tape->node[record->out[0].id].grad_slot);
        if (row->din_over_saved == 1 + i && record->n_saved) layout_over(tape->layout, node->grad_slot, record->saved_slot[0]);
    }
    writes_slot(trace, node->grad_slot);
    call->din[i] = node->grad;
}

static void walk_op(Tape *tape, const Record *record)
{
    const OpRow *row = &op_rows[record->op];
    OpCall call = { .op = record->op, .n_in = record->n_in, .n_out = record->n_out, .n_saved = record->n_saved, .args = &record->args };
    LayoutCall trace = { .op = record->op, .bwd = true };
    for (int i = 0; i < record->n_in; i++) call.wanted |= (uint32_t)tape->node[record->in[i].id].needs_grad << i;
    uint32_t reads = row->reads ? row->reads(&record->args, call.wanted) : 0;
    for (int i = 0; i < record->n_in; i++) {
        if (reads >> i & 1) bring_back(tape, record->in[i]);
        const Node *node = &tape->node[record->in[i].id];
        call.in[i] = node->value;
        if (reads >> i & 1) reads_slot(&trace, node->value_slot);
        else call.in[i].data = NULL;
    }
    for (int i = 0; i < record->n_out; i++) {
        if (reads >> (16 + i) & 1) bring_back(tape, record->out[i]);
        const Node *node = &tape->node[record->out[i].id];
        call.out[i] = node->value;
        if (reads >> (16 + i) & 1) reads_slot(&trace, node->value_slot);
        else call.out[i].data = NULL;
        call.dout[i] = (Tensor){ node->grad_written ? node->grad.data : NULL, node->value.rows, node->value.cols };
        reads_slot(&trace, node->grad_slot);
    }
    for (int i = 0; i < record->n_saved; i++) {
        call.saved[i] = record->saved[i];
        reads_slot(&trace, record->saved_slot[i]);
    }
    for (int i = 0; i < record->n_in; i++)
        if (call.wanted >> i & 1) want(tape, record, i, &call, &trace);
    take_scratch(tape, &call, &trace, true);
    trace.flops = flops(&call, true);
    run_call(tape, &trace, &call);
}

static void walk(Tape *tape, int32_t lowest);

/* Runs the segment again, this time recorded, over the records that the walk is done with. */
static void walk_segment(Tape *tape, const Record *at, int32_t index)
{
    Record record = *at;
    Var out[OP_MAX_OUT];
    int32_t n_nodes = tape->n_nodes;
    tape->n_records = index;
    for (int i = 0; i < record.n_in; i++) bring_back(tape, record.in[i]);
    record.args.segment.fn(tape, &record.args.segment.key, record.in, out);
    for (int i = 0; i < record.n_out; i++) {
        const Node *old = &tape->node[record.out[i].id];
        Node *node = &tape->node[out[i].id];
        node->grad = old->grad;
        node->grad_slot = old->grad_slot;
        node->grad_written = old->grad_written;
        node->seeded = old->seeded;
    }
    walk(tape, index);
    tape->n_nodes = n_nodes;
}

static void walk(Tape *tape, int32_t lowest)
{
    for (int32_t i = tape->n_records - 1; i >= lowest; i--) {
        const Record *record = &tape->record[i];
        if (!has_gradient(tape, record)) continue;
        if (record->op == OP_SEGMENT) walk_segment(tape, record, i);
        else walk_op(tape, record);
    }
}

void tape_backward(Tape *tape) { walk(tape, 0); }

Var op_embedding(Tape *tape, const Weight *w, const int32_t *ids, int64_t n)
{
    Var out;
    tape_op(tape, OP_EMBEDDING, NULL, 0, &(OpArgs){ .embedding = { w, ids, n } }, &out);
    return out;
}

Var op_noise(Tape *tape, Var x, float m, PhiloxKey key)
{
    Var out;
    tape_op(tape, OP_NOISE, &x, 1, &(OpArgs){ .noise = { m, key } }, &out);
    return out;
}

Var op_dropout(Tape *tape, Var x, Dropout drop)
{
    Var out;
    tape_op(tape, OP_DROPOUT, &x, 1, &(OpArgs){ .dropout = drop }, &out);
    return out;
}

Var op_norm(Tape *tape, Var x, const OpArgs *args)
{
    Var out;
    tape_op(tape, OP_NORM, &x, 1, args, &out);
    return out;
}

Var op_norm_trained(Tape *tape, Var x, Var w, const Var *b, const OpArgs *args)
{
    Var in[3] = { x, w }, out;
    if (b) in[2] = *b;
    tape_op(tape, OP_NORM, in, b ? 3 : 2, args, &out);
    return out;
}

Var op_linear(Tape *tape, Var x, const Weight *w, const float *b, const LowRank terms[], int n_terms)
{
    CHECK(n_terms <= OP_MAX_TERMS, "%s: %d terms", w->name, n_terms);
    OpArgs args = { .linear = { .w = w, .b = b } };
    Var in[OP_MAX_IN] = { x }, out;
    for (int k = 0; k < n_terms; k++) {
        in[1 + 2 * k] = terms[k].a;
        in[2 + 2 * k] = terms[k].b;
        args.linear.scale[k] = terms[k].scale;
        args.linear.drop[k] = terms[k].drop;
    }
    tape_op(tape, OP_LINEAR, in, 1 + 2 * n_terms, &args, &out);
    return out;
}

Var op_rope(Tape *tape, Var x, const OpArgs *args)
{
    Var out;
    tape_op(tape, OP_ROPE, &x, 1, args, &out);
    return out;
}

Var op_attention(Tape *tape, Var q, Var k, Var v, const OpArgs *args)
{
    Var out;
    tape_op(tape, OP_ATTENTION, (Var[]){ q, k, v }, 3, args, &out);
    return out;
}

Var op_gate(Tape *tape, Act act, Var g, Var u)
{
    Var out;
    tape_op(tape, OP_GATE, (Var[]){ g, u }, 2, &(OpArgs){ .gate = { act } }, &out);
    return out;
}

Var op_gate_packed(Tape *tape, Act act, Var gu)
{
    Var out;
    tape_op(tape, OP_GATE, &gu, 1, &(OpArgs){ .gate = { act } }, &out);
    return out;
}

Var op_act(Tape *tape, Act act, Var x)
{
    Var out;
    tape_op(tape, OP_ACT, &x, 1, &(OpArgs){ .act = { act } }, &out);
    return out;
}

Var op_add(Tape *tape, Var a, Var b) { return op_add_scaled(tape, a, b, 1); }

Var op_add_scaled(Tape *tape, Var a, Var b, float s)
{
    Var out;
    tape_op(tape, OP_ADD, (Var[]){ a, b }, 2, &(OpArgs){ .add = { s } }, &out);
    return out;
}

Var op_scale(Tape *tape, Var x, float s)
{
    Var out;
    tape_op(tape, OP_SCALE, &x, 1, &(OpArgs){ .scale = { s } }, &out);
    return out;
}

Var op_softcap(Tape *tape, Var x, float cap)
{
    Var out;
    tape_op(tape, OP_SOFTCAP, &x, 1, &(OpArgs){ .softcap = { cap } }, &out);
    return out;
}

Var op_columns(Tape *tape, Var x, int64_t at, int64_t n, int64_t group)
{
    Var out;
    tape_op(tape, OP_COLUMNS, &x, 1, &(OpArgs){ .columns = { at, n, group } }, &out);
    return out;
}

Var op_append(Tape *tape, Var x, float *cache, int64_t at, int64_t capacity)
{
    Var out;
    tape_op(tape, OP_APPEND, &x, 1, &(OpArgs){ .append = { cache, at, capacity } }, &out);
    return out;
}

Scores op_head(Tape *tape, Var x, const OpArgs *args)
{
    Var out[3];
    tape_op(tape, OP_HEAD, &x, 1, args, out);
    return (Scores){ out[0], out[1], out[2] };
}

Scores op_head_trained(Tape *tape, Var x, const Var *w, const Var *b, const OpArgs *args)
{
    Var in[3] = { x }, out[3];
    int n_in = 1;
    if (w) in[n_in++] = *w;
    if (b) in[n_in++] = *b;
    OpArgs own = *args;
    own.head.trained_bias = b != NULL;
    tape_op(tape, OP_HEAD, in, n_in, &own, out);
    return (Scores){ out[0], out[1], out[2] };
}

Var op_dense(Tape *tape, Var x, Var w, bool transposed)
{
    Var out;
    tape_op(tape, OP_DENSE, (Var[]){ x, w }, 2, &(OpArgs){ .dense = { transposed } }, &out);
    return out;
}

Var op_gather_some(Tape *tape, Var table, const int32_t *row, const Weight *others, const int32_t *ids, int64_t n)
{
    Var out;
    tape_op(tape, OP_GATHER, &table, 1, &(OpArgs){ .gather = { .ids = ids, .n = n, .row = row, .w = others } }, &out);
    return out;
}

Var op_gather(Tape *tape, Var table, const int32_t *ids, int64_t n, bool transposed)
{
    Var out;
    tape_op(tape, OP_GATHER, &table, 1, &(OpArgs){ .gather = { .ids = ids, .n = n, .transposed = transposed } }, &out);
    return out;
}

Var op_add_row(Tape *tape, Var x, Var b)
{
    Var out;
    tape_op(tape, OP_ADD_ROW, (Var[]){ x, b }, 2, &(OpArgs){0}, &out);
    return out;
}
