#include "train/adapter/forward.h"

static const Adapted *at(const Adapter *active, int module)
{
    static const Adapted bare = { .weight = NO_PARAM, .bias = NO_PARAM, .tokens = NO_PARAM };
    return active ? &active->at[module] : &bare;
}

Var adapter_param(Tape *tape, const Adapter *adapter, int param)
{
    const Param *p = &adapter->state->param[param];
    const State *state = adapter->state;
    return tape_param(tape, (Tensor){ state->kernel_value + p->offset, p->rows, p->cols }, (Tensor){ state->kernel_grad + p->offset, p->rows, p->cols });
}

Var adapter_embedding(Tape *tape, const Adapter *active, const Weight *w, int module, const int32_t *ids, int64_t n)
{
    const Adapted *here = at(active, module);
    if (here->weight != NO_PARAM) return op_gather(tape, adapter_param(tape, active, here->weight), ids, n, false);
    if (here->tokens != NO_PARAM) return op_gather_some(tape, adapter_param(tape, active, here->tokens), active->token_row, w, ids, n);
    Var y = op_embedding(tape, w, ids, n);
    return here->n ? active->method->embedding(tape, active, &active->modules.item[module], ids, n, y) : y;
}

Var adapter_linear(Tape *tape, const Adapter *active, const Site *site, SiteContext context, Var x)
{
    const Adapted *here = at(active, site->module);
    const float *b = here->bias == NO_PARAM ? site->b : NULL;
    if (here->weight != NO_PARAM) x = op_dense(tape, x, adapter_param(tape, active, here->weight), active->model->config.family->conv1d);
    else if (here->n) x = active->method->linear(tape, active, &active->modules.item[site->module], b, context, x);
    else x = op_linear(tape, x, &site->w, b, NULL, 0);
    return here->bias == NO_PARAM ? x : op_add_row(tape, x, adapter_param(tape, active, here->bias));
}

/* A parameter, or a vector that stays as it is. */
static Var vector(Tape *tape, const Adapter *active, int param, float *frozen, int64_t n)
{
    return param == NO_PARAM ? tape_const(tape, (Tensor){ frozen, 1, n }) : adapter_param(tape, active, param);
}

Var adapter_norm(Tape *tape, const Adapter *active, const Norm *norm, const OpArgs *args, Var x)
{
    const Adapted *here = at(active, norm->module);
    if (here->weight == NO_PARAM && here->bias == NO_PARAM) return op_norm(tape, x, args);
    OpArgs trained = *args;
    trained.norm.w = trained.norm.b = NULL;
    if (here->weight != NO_PARAM) trained.norm.offset = active->model->config.family->norm_offset;      /* in a GGUF file it is in w */
    Var w = vector(tape, active, here->weight, norm->w, norm->n);
    if (!norm->b) return op_norm_trained(tape, x, w, NULL, &trained);
    Var b = vector(tape, active, here->bias, norm->b, norm->n);
    return op_norm_trained(tape, x, w, &b, &trained);
}

static const Adapted *at_head(const Adapter *active) { return at(active, active ? active->modules.n - 1 : 0); }

/* The gradient of a trained head is made in backward. */
Scores adapter_head(Tape *tape, const Adapter *active, const Model *model, const OpArgs *args, Var x)
{
    const Adapted *here = at_head(active);
    bool weight = here->weight != NO_PARAM, bias = here->bias != NO_PARAM;
    OpArgs own = *args;
    own.head.w = weight ? NULL : &model->head;
    own.head.b = bias ? NULL : model->head_bias;
    if (!weight && !bias) return op_head(tape, x, &own);
    own.head.gradient = false;
    Var w, b;
    if (weight) w = adapter_param(tape, active, here->weight);
    if (bias) b = adapter_param(tape, active, here->bias);
    return op_head_trained(tape, x, weight ? &w : NULL, bias ? &b : NULL, &own);
}

Var adapter_logits(Tape *tape, const Adapter *active, const Model *model, Var x)
{
    const Adapted *here = at_head(active);
    const float *b = here->bias == NO_PARAM ? model->head_bias : NULL;
    if (here->weight == NO_PARAM) x = op_linear(tape, x, &model->head, b, NULL, 0);
    else x = op_dense(tape, x, adapter_param(tape, active, here->weight), false);
    if (b && here->weight != NO_PARAM) return op_add_row(tape, x, tape_const(tape, (Tensor){ model->head_bias, 1, model->head.rows }));
    return here->bias == NO_PARAM ? x : op_add_row(tape, x, adapter_param(tape, active, here->bias));
}
