/* The seam between decoder and adapters.
 *
 * The decoder calls adapter_linear at every linear, adapter_embedding, adapter_norm, and the objective adapter_head, and none knows
 * a method. A method is a row: which parameters a module gets, how they start, and its forward, written in operations. Beside
 * it, and whatever it is, weights of the base may be trained themselves (trained.h). Which adapter is active is an argument of a
 * forward; NULL is the bare model, so the reference model of DPO is the same call. Tensors of one module are registered in the
 * State, which owns their values and gradients. */
#ifndef TRAIN_ADAPTER_METHOD_H
#define TRAIN_ADAPTER_METHOD_H
#include "kernels/random.h"
#include "kernels/tape.h"
#include "optim/state.h"
#include "train/adapter/lora_config.h"
#include "train/model/model.h"

enum { METHOD_MAX_PARAMS = 4, NO_PARAM = -1 };

/* What an adapter has at one module: indices into the State. */
typedef struct {
    int     param[METHOD_MAX_PARAMS], n;     /* the method's; n 0: it is not on this module */
    int64_t rank;
    float   scale;
    int     weight, bias, tokens;            /* the base's own, trained: the whole weight, the bias, some rows; or NO_PARAM */
} Adapted;

typedef struct Method Method;
typedef struct Adapter {
    const Method *method;
    LoraConfig    config;
    State        *state;
    const Model  *model;
    Modules       modules;       /* the model's */
    Adapted      *at;            /* [modules.n] */
    int           n_adapted;     /* modules that the method is on */
    int32_t      *token_row;     /* [vocab_size] of each token, its row in the trained ones, or -1; NULL: none is trained */
    bool          tied;          /* one trained weight is the embedding's and the head's */
} Adapter;

/* What a forward at a module may depend on besides x. */
typedef struct { PhiloxKey random; bool training; } SiteContext;

struct Method {
    const char *name;                                                                      /* PEFT's peft_type */
    Status (*attach)(Adapter *, const Module *);                                           /* registers one module's parameters, or refuses it */
    void   (*initialize)(const Adapter *, const Module *, Random *);                       /* their values, drawing as PEFT does */
    Var    (*linear)(Tape *, const Adapter *, const Module *, const float *b, SiteContext, Var x);       /* x [rows, in] -> [rows, out], with b */
    Var    (*embedding)(Tape *, const Adapter *, const Module *, const int32_t *ids, int64_t n, Var y);  /* y [n, C]: the base's rows */
};
extern const Method lora;

Var    adapter_param(Tape *, const Adapter *, int param);                                  /* a parameter on the tape, a vector as one row */

/* Chooses the modules as PEFT does and registers their parameters; the state is allocated after. Layers are replicated first. `config` is taken over (its lists of
 * targets as PEFT would save them). Fails when nothing matches: names what was asked for and what there is. */
Status adapter_attach(Adapter *, State *, Model *, LoraConfig *config, Notices *);
void   adapter_initialize(const Adapter *, uint64_t seed);                                 /* as PEFT after set_seed(seed) */
void   adapter_free(Adapter *);                                                            /* not the state */

#endif
