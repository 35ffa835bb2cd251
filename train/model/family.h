/* Model families: rows that say how each differs from the plain decoder. There is one decoder (decoder.h); adding a family is
 * adding a row, its names and a golden file, and where that needs an `if`, a column is missing.
 *
 * The plain decoder, which a row of names alone describes, is llama's: RMSNorm before attention and before the MLP, separate
 * q, k, v, rotary positions on the halves of whole heads, a gated MLP, sequential residuals.
 * Source of every row: the configuration and modeling files of its family in transformers 5.23, and llama.cpp for GGUF. */
#ifndef TRAIN_MODEL_FAMILY_H
#define TRAIN_MODEL_FAMILY_H
#include <stdbool.h>

#include "kernels/buffer.h"

/* The linears of a layer. QKV and GATE_UP stand for several in one matrix. */
typedef enum { SITE_Q, SITE_K, SITE_V, SITE_QKV, SITE_O, SITE_GATE, SITE_UP, SITE_GATE_UP, SITE_DOWN, SITE_KINDS } SiteKind;

/* The norms of a layer: on what attention or the MLP reads, on what they give, on the heads of q and k. */
typedef enum { NORM_ATTENTION_IN, NORM_ATTENTION_OUT, NORM_MLP_IN, NORM_MLP_OUT, NORM_Q, NORM_K, NORM_KINDS } NormKind;

/* "self_attn.q_proj" below a layer's module; "attn_q" below blk.N. in GGUF, NULL where llama.cpp has no such family. */
typedef struct { SiteKind kind; const char *module, *gguf; } SiteName;
typedef struct { NormKind kind; const char *module, *gguf; } NormName;       /* a module with %d: one of each head */

typedef enum {
    QK_NORM_HEAD,       /* each head on its own, one weight for all */
    QK_NORM_EACH,       /* each head on its own, each with its own weight */
    QK_NORM_WHOLE,      /* the heads together */
} QkNormKind;

/* Which layers have a sliding window where config.json gives no layer_types. */
typedef enum {
    WINDOW_NONE,
    WINDOW_ALL,         /* every layer, and layer_types is not read */
    WINDOW_PATTERN,     /* all but every sliding_window_pattern-th */
    WINDOW_UPPER,       /* from max_window_layers on */
    WINDOW_NO_ROPE,     /* the layers without rotary positions */
} WindowRule;

/* Which layers have rotary positions. */
typedef enum {
    ROPE_ALL,
    ROPE_NONE,
    ROPE_LISTED,        /* no_rope_layers: 1 where there are; else all but every no_rope_layer_interval-th */
    ROPE_WINDOWS,       /* those with a window */
    ROPE_WINDOWS_IF_ANY /* the same, but all where the model has no window */
} RopeRule;

/* Where training drops: the embeddings with positions, the output of attention, that of the MLP, attention's probabilities. */
typedef enum { DROP_EMBEDDING, DROP_ATTENTION_OUT, DROP_MLP_OUT, DROP_PROBABILITIES, DROP_KINDS } DropKind;

enum { FAMILY_SITES = 7, FAMILY_NORMS = 6, FAMILY_KEYS = 14, FAMILY_TARGETS = 5 };

typedef struct Family {
    const char *model_type;                       /* config.json */
    const char *text_of;                          /* model_type of the multimodal models whose text_config is this; NULL: none */
    const char *architecture;                     /* GGUF general.architecture; NULL: llama.cpp does not know it */
    const char *default_targets[FAMILY_TARGETS];  /* PEFT's target_modules when none are given; none: they must be given */

    /* Names of modules in transformers; layers is followed by the index. `head` stands outside `base`; `head_tensor` is what files
     * call it, where that differs. */
    struct { const char *base, *embedding, *positions, *layers, *norm, *head, *head_tensor; } name;
    SiteName site[FAMILY_SITES];                  /* in the order of named_modules(), in which PEFT draws initial values */
    NormName norm[FAMILY_NORMS];

    /* config.json. `key`: what is called otherwise here than in the plain decoder, and under its plain name too only where that stands
     * here as well; "-": not read here. `defaults`, JSON: the keys that transformers' class
     * has beside the plain ones, with its defaults, and plain keys whose default differs; a key that is in neither is not read.
     * `only`, JSON: keys that must have this value, since another one means another function. `gguf`, JSON: what llama.cpp
     * fixes; `gguf_only`: as `only`, in GGUF's names. */
    struct { const char *key, *here; } key[FAMILY_KEYS];
    const char *defaults, *only, *gguf, *gguf_only;

    /* Norms. */
    bool  layer_norm;                             /* LayerNorm; else RMSNorm */
    bool  norm_bias;                              /* of all but those of q and k */
    float norm_offset;                            /* weights are stored less this: 1 for (1 + w) */
    QkNormKind  qk_norm;
    const char *qk_norm_key;                      /* the flag that switches them; NULL: they are there if `norm` names them */
    bool  qk_norm_bias;

    /* Linears. A bias is named by the flag that switches it: ALWAYS, or NULL for never. */
    const char *qkv_bias, *o_bias, *mlp_bias;
    bool  head_bias;
    bool  head_dim_follows;                       /* from hidden_size and the heads: config.json cannot give another */
    bool  conv1d;                                 /* matrices are stored [in, out] */
    bool  qkv_by_head;                            /* a fused matrix holds q, k, v of head 0, then of head 1, …; else all q, all k, all v */
    int   intermediate_times_hidden;              /* intermediate_size, where it is not given; 0: it must be */

    /* The layer. */
    const char *parallel_residual;                /* x + attention + mlp: the flag, ALWAYS or NULL */
    bool  one_norm_if_parallel;                   /* a parallel MLP reads what attention reads */
    bool  gelu_means_tanh;                        /* hidden_act "gelu" is gelu_pytorch_tanh */
    bool  scaled_embedding;                       /* times sqrt(hidden_size), within the embedding's module */
    const char *dropout[DROP_KINDS];              /* the keys; that of probabilities, attention_dropout, every family has */

    /* Positions and windows. */
    WindowRule window;
    RopeRule   rope;
    bool  rope_interleaved;                       /* pairs (2i, 2i + 1); else halves */
    bool  rope_by_layer_type;                     /* a table of its own for layers with a window */
    bool  partial_rotary;                         /* partial_rotary_factor is read */
    bool  only_longrope;                          /* beside default; older files call it su or yarn */
    bool  query_scaling;                          /* rope_parameters.llama_4_scaling_beta is read */
    bool  counts_first_labels;                    /* Trainer divides the loss by all labels of a padded row, also by the first, which is not scored */
    int   gguf_wide_scale_layers;                 /* a GGUF with so many layers scales attention by hidden_size / heads; 0: none */
    int   gguf_window_layers;                     /* only a GGUF with so many layers has windows; 0: that is no matter */
    bool  gguf_pairs_heads;                       /* the GGUF converter interleaves the halves of q's and k's heads */
} Family;

extern const char ALWAYS[];

const Family *family_at(int i);                                      /* the rows in their order; NULL behind the last */
const Family *family_of_model_type(const char *model_type);          /* NULL: not supported */
const Family *family_of_text(const char *multimodal, const char *model_type);   /* of its text part; model_type NULL: the usual one */
const Family *family_of_architecture(const char *architecture, bool window);     /* of two, the one for files with a window */
void          family_list(Buffer *, bool gguf);                      /* "llama, …", for messages */
int           family_sites(const Family *);                          /* linears of a layer */
const SiteName *family_site(const Family *, SiteKind);               /* NULL: it has none */
const NormName *family_norm(const Family *, NormKind);
const char     *family_dropout(const Family *, DropKind);            /* its key, as the plain decoder spells it; NULL: it has none */
const char     *family_spelling(const Family *, const char *key);    /* what config.json calls a key of the plain decoder */

#endif
