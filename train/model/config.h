/* What a model is: the numbers of config.json, or of a GGUF file's metadata, checked. Names are config.json's as llama spells them. */
#ifndef TRAIN_MODEL_CONFIG_H
#define TRAIN_MODEL_CONFIG_H
#include <stdbool.h>
#include <stdint.h>

#include "data/file/gguf.h"
#include "data/file/json.h"
#include "kernels/op.h"
#include "kernels/status.h"
#include "train/model/family.h"

typedef enum { ROPE_TYPE_DEFAULT, ROPE_TYPE_LINEAR, ROPE_TYPE_DYNAMIC, ROPE_TYPE_LLAMA3, ROPE_TYPE_YARN, ROPE_TYPE_LONGROPE, ROPE_TYPES } RopeType;

extern const char *const rope_type_names[ROPE_TYPES];                /* "default", … */

/* rope_parameters. What a type does not use is 0. */
typedef struct {
    RopeType type;
    double theta, factor;
    int64_t rotary_dim;                                              /* columns of a head that turn */
    double low_freq_factor, high_freq_factor;                        /* llama3 */
    double original_max_position_embeddings;                         /* llama3, yarn, longrope */
    double attention_factor, beta_fast, beta_slow;                   /* yarn, longrope; attention_factor < 0: derived from the factor */
    double mscale, mscale_all_dim;                                   /* yarn; 0: not given */
    bool   truncate;                                                 /* yarn */
    double query_scaling_beta;                                       /* queries times 1 + beta log(1 + floor(position / original)); 0: none */
    float *short_factor, *long_factor;                               /* longrope: [rotary_dim / 2] */
} RopeParameters;

enum { MAX_ROPES = 2, NO_ROPE = -1 };

/* window 0: none; rope: index into `rope`, or NO_ROPE */
typedef struct { int32_t window, rope; double attention_scale; } LayerConfig;

typedef struct {
    const Family *family;
    bool    gguf;                                                    /* names and what converters changed are llama.cpp's */
    bool    multimodal;                                              /* the text part of a larger model */
    int64_t vocab_size, hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, num_key_value_heads, head_dim;
    int64_t max_position_embeddings;
    double  norm_eps;
    Act     act;
    bool    tie_word_embeddings, qkv_bias, o_bias, mlp_bias, qk_norm, parallel_residual;
    double  attention_softcap, logit_softcap;                        /* 0: none */
    double  embedding_scale, embedding_multiplier;                   /* within the embedding's module, and behind it */
    double  residual_multiplier, logit_multiplier;
    double  dropout[DROP_KINDS];                                     /* in training; none in a GGUF file, which does not say */
    RopeParameters rope[MAX_ROPES];
    int          n_ropes;
    LayerConfig *layer;                                              /* [num_hidden_layers] */
} ModelConfig;

Status config_from_json(ModelConfig *, const Json *, const char *path);      /* {0} on failure */
Status config_from_gguf(ModelConfig *, const Gguf *);
void   config_dropouts(const ModelConfig *, Buffer *out);                    /* "attn_pdrop 0.1, …": those that are not 0, each key once */
void   config_free(ModelConfig *);                                           /* accepts {0} */

#endif
