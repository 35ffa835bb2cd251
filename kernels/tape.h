/* The tape: forward records operations as plain structs, one reverse walk calls the backward beside each.
 *
 *   node    a tensor of the step (Var is its index): value, gradient, their slots, needs_grad, which record made it
 *   record  one operation call: ids and arguments by value, no pointer into anybody's stack
 *
 * Recorded is only what leads to a trainable tensor. Modes: RECORD; PROPAGATE (forward of a recomputed segment: nothing is
 * recorded, but needs_grad still travels, so that the outputs know); OFF (reference model, evaluation, generation).
 *
 * The reverse walk starts from seeds (value, gradient): per-row scores with their coefficients. For each record from the
 * last to the first:
 *   - no output has a gradient: skip it (a dead branch costs nothing)
 *   - values its wanted gradients read (op_rows[].reads) are brought back if a *light* operation made them: its forward
 *     runs once more, into a slot that lives only for the readers
 *   - a gradient's first writer gets beta 0, later ones beta 1; parameters always 1
 *
 * A segment is a pure function of (in, key, weights): no counters, metrics or streams inside. KEEP calls it and records
 * inside. RECOMPUTE records one segment; the walk calls it again in RECORD mode on the same input Vars, hands the outputs'
 * gradients over to the new outputs, walks the inner records and drops them. Nothing else may tell the two apart: the bits
 * are equal. Its outputs are distinct Vars made inside it; other Vars made in it end with it. A segment that does not pass
 * needs_grad on is a CHECK at the seed.
 *
 * With `keep_bf16`, what forward made and the reverse walk reads is kept as bfloat16 in between: narrowed where it was made, float32
 * again for the readers. Forward itself sees float32, except that no more goes into a segment or comes out of one than what is kept of
 * it, so that KEEP and RECOMPUTE stay equal to the bit, and evaluation to training. Saved tensors (statistics, rank-sized products) stay float32.
 *
 * The tape allocates its nodes and records once (tape_init); tensors live where the layout put them. */
#ifndef KERNELS_TAPE_H
#define KERNELS_TAPE_H
#include "kernels/backend.h"
#include "kernels/layout.h"
#include "kernels/op.h"
#include "kernels/profile.h"

typedef enum { TAPE_RECORD, TAPE_PROPAGATE, TAPE_OFF } TapeMode;
typedef enum { SEGMENT_KEEP, SEGMENT_RECOMPUTE } SegmentPolicy;

typedef struct {
    Tensor  value, grad;
    int32_t value_slot, grad_slot;      /* NO_SLOT: lives elsewhere (parameter, constant, seed) or not there yet */
    int32_t kept_slot;                  /* of the value as bfloat16; NO_SLOT: it is not kept so */
    int32_t producer;                   /* record; -1: none */
    bool    needs_grad, is_param, grad_written;
    bool    seeded, result;
    bool    rounded;                    /* goes into a segment or comes out of one: no more than what is kept of it */
    bool    back;                       /* the value was made again, or widened, in this reverse walk */
} Node;

typedef struct {
    OpId     op;
    int8_t   n_in, n_out, n_saved;
    Var      in[OP_MAX_IN], out[OP_MAX_OUT];
    Tensor   saved[OP_MAX_SAVED];
    int32_t  saved_slot[OP_MAX_SAVED];
    OpArgs   args;
} Record;

struct Tape {
    const Backend *backend;
    Layout  *layout;
    Node    *node;
    Record  *record;
    int32_t  n_nodes, max_nodes, n_records, max_records;
    TapeMode mode;
    bool     keep_bf16;                 /* set before the first step */
    Profile *profile;                   /* the caller's; NULL: nothing is timed */
    bool     keep_light;                /* keep light values instead of making them again; for tests */
};

void tape_init(Tape *, const Backend *, Layout *, int max_nodes, int max_records);
void tape_free(Tape *);
void tape_begin(Tape *, TapeMode);      /* a new micro-batch: no nodes, no records, the layout rewound */
void tape_end(Tape *);                  /* the step is over; results may be read until a step begins in the same arena */

Var  tape_const(Tape *, Tensor value);                    /* not ours, no gradient; where the backend has a memory, placed there (backend.h) */
Var  tape_param(Tape *, Tensor value, Tensor grad);       /* not ours, gradient adds into `grad` */
void tape_op(Tape *, OpId, const Var in[], int n_in, const OpArgs *, Var out[]);
void tape_segment(Tape *, SegmentPolicy, SegmentFn *, const SegmentKey *, const Var in[], int n_in, Var out[], int n_out);
void tape_seed(Tape *, Var, const float *grad);           /* d objective / d var, shape of var; memory as tape_const's; nobody else reads var */
void tape_result(Tape *, Var);                            /* will be read after the step; said before tape_backward */
void tape_backward(Tape *);                               /* adds into every parameter's gradient that was reached */

static inline Tensor tape_value(const Tape *t, Var v) { return t->node[v.id].value; }

/* What model, adapter and objective code calls. */
typedef struct { Var a, b; float scale; Dropout drop; } LowRank;      /* + scale * b (a drop(x)) */
typedef struct { Var score, entropy, correct; } Scores;
Var op_embedding(Tape *, const Weight *, const int32_t *ids, int64_t n);
Var op_noise(Tape *, Var x, float m, PhiloxKey key);
Var op_dropout(Tape *, Var x, Dropout);
Var op_norm(Tape *, Var x, const OpArgs *);
Var op_norm_trained(Tape *, Var x, Var w, const Var *b, const OpArgs *);                /* b NULL: what args say */
Var op_linear(Tape *, Var x, const Weight *, const float *b, const LowRank[], int n_terms);
Var op_rope(Tape *, Var x, const OpArgs *);
Var op_attention(Tape *, Var q, Var k, Var v, const OpArgs *);
Var op_gate(Tape *, Act, Var g, Var u);
Var op_gate_packed(Tape *, Act, Var gu);
Var op_act(Tape *, Act, Var x);
Var op_add(Tape *, Var a, Var b);
Var op_add_scaled(Tape *, Var a, Var b, float s);                     /* a + s b */
Var op_scale(Tape *, Var x, float s);
Var op_softcap(Tape *, Var x, float cap);
Var op_columns(Tape *, Var x, int64_t at, int64_t n, int64_t group);
Var op_append(Tape *, Var x, float *cache, int64_t at, int64_t capacity);
Scores op_head(Tape *, Var x, const OpArgs *);
Scores op_head_trained(Tape *, Var x, const Var *w, const Var *b, const OpArgs *);      /* NULL: what args say */
Var op_dense(Tape *, Var x, Var w, bool transposed);
Var op_gather(Tape *, Var table, const int32_t *ids, int64_t n, bool transposed);
Var op_gather_some(Tape *, Var table, const int32_t *row, const Weight *others, const int32_t *ids, int64_t n);
Var op_add_row(Tape *, Var x, Var b);

#endif
