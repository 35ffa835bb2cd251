/* Model families: rows that say how each differs from the plain decoder. There is one decoder; adding a family is adding a
 * row, and where that needs an `if`, a column is missing. */
#ifndef TRAIN_MODEL_FAMILY_H
#define TRAIN_MODEL_FAMILY_H
#include <stdbool.h>

#include "kernels/buffer.h"

/* The linears of a layer, in the order in which transformers declares them (named_modules): PEFT draws initial values so. */
typedef enum { SITE_Q, SITE_K, SITE_V, SITE_O, SITE_GATE, SITE_UP, SITE_DOWN, SITE_KINDS } SiteKind;

typedef struct {
    const char *module;      /* "self_attn.q_proj", below model.layers.N. */
    const char *gguf;        /* "attn_q", below blk.N. */
} SiteName;

typedef struct {
    const char *model_type;              /* config.json */
    const char *architecture;            /* GGUF general.architecture */
    bool        gguf_pairs_heads;        /* the GGUF converter interleaves the halves of q's and k's heads */
    const char *default_targets[4];      /* PEFT's target_modules when none are given; NULL-terminated */
    SiteName    site[SITE_KINDS];
} Family;

const Family *family_of_model_type(const char *model_type);          /* NULL: not supported */
const Family *family_of_architecture(const char *architecture);
void          family_list(Buffer *, bool gguf);                      /* "llama, …", for messages */

#endif
