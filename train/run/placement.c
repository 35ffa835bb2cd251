#include "train/run/placement.h"

/* Told of every array: placing and counting are two visitors of one list. */
typedef Status Visit(void *ctx, const void *host, int64_t bytes);
typedef struct { Visit *visit; void *ctx; } Visitor;

static Status floats(const Visitor *v, const float *x, int64_t n) { return x ? v->visit(v->ctx, x, n * (int64_t)sizeof *x) : STATUS_OK; }
static Status ints(const Visitor *v, const int32_t *x, int64_t n) { return x ? v->visit(v->ctx, x, n * (int64_t)sizeof *x) : STATUS_OK; }

static Status module(const Visitor *v, const Module *m)
{
    if (m->w) TRY(v->visit(v->ctx, m->w->bytes, m->w->rows * dtype_row_bytes(m->w->dtype, m->w->cols)), "%s", m->path);
    if (m->norm) {
        TRY(floats(v, m->norm->w, m->norm->n), "%s", m->path);
        TRY(floats(v, m->norm->b, m->norm->n), "%s", m->path);
    }
    return m->w ? floats(v, m->b, m->n) : STATUS_OK;
}

static Status model(const Visitor *v, const Model *m, const Adapter *adapter)
{
    for (int i = 0; i < m->modules.n; i++) TRY(module(v, &m->modules.item[i]));
    return ints(v, adapter->token_row, m->config.vocab_size);
}

static Status place(void *ctx, const void *host, int64_t bytes)
{
    const Backend *b = ctx;
    return b->memory->place(b->device, host, (size_t)bytes);
}

Status placement_model(const Backend *backend, const Model *m, const Adapter *adapter)
{
    if (!backend->memory) return STATUS_OK;
    return model(&(Visitor){ place, (void *)backend }, m, adapter);
}

static Status count(void *ctx, const void *host, int64_t bytes)
{
    (void)host;
    *(int64_t *)ctx += bytes;
    return STATUS_OK;
}

int64_t placement_model_bytes(const Model *m, const Adapter *adapter)
{
    int64_t bytes = 0;
    Status status = model(&(Visitor){ count, &bytes }, m, adapter);
    CHECK(status == STATUS_OK);
    return bytes;
}

static Status tables(const Visitor *v, const Rope *rope)
{
    int64_t n = rope->capacity * rope->parameters.rotary_dim / 2;
    TRY(floats(v, rope->cos, n));
    TRY(floats(v, rope->sin, n));
    if (rope->query_cos == rope->cos) return STATUS_OK;
    TRY(floats(v, rope->query_cos, n));
    return floats(v, rope->query_sin, n);
}

Status placement_batch(const Backend *backend, const Forward *f, const float *coef)
{
    if (!backend->memory) return STATUS_OK;
    const Batch *b = f->batch;
    Visitor v = { place, (void *)backend };
    TRY(ints(&v, b->ids, b->n_rows));
    TRY(ints(&v, b->position, b->n_rows));
    TRY(ints(&v, b->scored_row, b->n_scored));
    TRY(ints(&v, b->target, b->n_scored));
    TRY(floats(&v, coef, b->n_scored));
    TRY(place(v.ctx, b->span, b->n_documents * (int64_t)sizeof *b->span));
    for (int i = 0; i < MAX_ROPES; i++) TRY(tables(&v, &f->model->rope[i]));
    return STATUS_OK;
}
