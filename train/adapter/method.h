/* The seam between decoder and adapters.
 *
 * The decoder calls site_forward at every linear and knows no method. A method is a row: which parameters a site gets, how
 * they start, and its forward, written in operations. Which adapter is active is an argument of a forward; NULL is the
 * bare model, so the reference model of DPO is the same call. Tensors of one site are registered in the State, which owns
 * their values and gradients. */
#ifndef TRAIN_ADAPTER_METHOD_H
#define TRAIN_ADAPTER_METHOD_H
#include "kernels/random.h"
#include "kernels/tape.h"
#include "optim/state.h"
#include "train/adapter/lora_config.h"
#include "train/model/model.h"

enum { SITE_MAX_PARAMS = 4 };

/* One site's parameters: indices into the State. n 0: the site is bare. */
typedef struct { int param[SITE_MAX_PARAMS], n; int64_t rank; float scale; } SiteParams;

typedef struct Method Method;
typedef struct Adapter {
    const Method *method;
    LoraConfig    config;
    State        *state;
    SiteParams   *at;            /* [model's sites] */
    int           n_sites, n_adapted;
} Adapter;

/* What a forward at a site may depend on besides x. */
typedef struct { PhiloxKey random; bool training; } SiteContext;

struct Method {
    const char *name;                                                                      /* PEFT's peft_type */
    void (*attach)(Adapter *, const Site *);                                               /* registers one site's parameters */
    void (*initialize)(const Adapter *, const Site *, Random *);                           /* their values, drawing as PEFT does */
    Var  (*forward)(Tape *, const Adapter *, const Site *, SiteContext, Var x);            /* x [rows, in] -> [rows, out] */
};
extern const Method lora;

Var site_forward(Tape *, const Adapter *active, const Site *, SiteContext, Var x);

/* Chooses the sites as PEFT does and registers their parameters; the state is allocated after. `config` is taken over (its lists of
 * targets as PEFT would save them). Fails when nothing matches: names what was asked for and what there is. */
Status adapter_attach(Adapter *, State *, const Model *, LoraConfig *config, Notices *);
void   adapter_initialize(const Adapter *, const Model *, uint64_t seed);                  /* as PEFT after set_seed(seed) */
void   adapter_free(Adapter *);                                                            /* not the state */

#endif
