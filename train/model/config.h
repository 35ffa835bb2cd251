/* What a model is: the numbers of config.json, or of a GGUF file's metadata, checked. Names are config.json's. */
#ifndef TRAIN_MODEL_CONFIG_H
#define TRAIN_MODEL_CONFIG_H
#include <stdbool.h>
#include <stdint.h>

#include "data/file/gguf.h"
#include "data/file/json.h"
#include "kernels/status.h"
#include "train/model/family.h"

typedef enum { ROPE_DEFAULT, ROPE_LINEAR, ROPE_DYNAMIC, ROPE_LLAMA3, ROPE_YARN } RopeType;

/* rope_parameters. What a type does not use is 0. */
typedef struct {
    RopeType type;
    double theta, factor;
    double low_freq_factor, high_freq_factor;                        /* llama3 */
    double original_max_position_embeddings;                         /* llama3, yarn */
    double attention_factor, beta_fast, beta_slow;                   /* yarn; attention_factor < 0: derived from the factor */
    double mscale, mscale_all_dim;                                   /* yarn; 0: not given */
    bool   truncate;                                                 /* yarn */
} RopeParameters;

typedef struct {
    const Family *family;
    int64_t vocab_size, hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, num_key_value_heads, head_dim;
    int64_t max_position_embeddings;
    double  rms_norm_eps;
    bool    attention_bias, mlp_bias, tie_word_embeddings;
    RopeParameters rope;
} ModelConfig;

Status config_from_json(ModelConfig *, const Json *, const char *path);
Status config_from_gguf(ModelConfig *, const Gguf *);

#endif
