/* A frozen base model: its numbers, its weights where they lie in the mapped file, and the sites where an adapter may sit.
 * Opened from a Hugging Face folder (config.json, model.safetensors or shards) or a GGUF file; nothing large is copied. */
#ifndef TRAIN_MODEL_MODEL_H
#define TRAIN_MODEL_MODEL_H
#include "data/file/gguf.h"
#include "data/file/safetensors.h"
#include "kernels/op.h"
#include "train/model/config.h"
#include "train/model/rope.h"

/* One linear. `path` is its module's name in transformers: model.layers.3.mlp.up_proj. */
typedef struct {
    char    *path;
    SiteKind kind;
    int      layer, index;       /* index: into the model's sites, in the order of named_modules */
    Weight   w;
    float   *b;                  /* [w.rows] float32, or NULL */
} Site;

typedef struct { float *input_norm, *post_norm; Site site[SITE_KINDS]; } Layer;      /* norms [hidden_size], float32 */

typedef struct Model {
    char       *path;
    ModelConfig config;
    Weight      embedding, head;     /* [vocab_size, hidden_size]; the same where tied */
    float      *norm;
    Layer      *layer;
    int         n_sites;
    Rope        rope;
    Safetensors folder;              /* one of both holds the bytes */
    Gguf        gguf;
} Model;

Status  model_open(Model *, const char *path);       /* a folder, or a .gguf file */
void    model_close(Model *);                        /* accepts {0} */
Site   *model_site(const Model *, int index);
int64_t model_parameters(const Model *);             /* elements; a tied head counts once */
const Tensors *model_tensors(const Model *);         /* of its files */
int64_t model_weight_bytes(const Model *);           /* as stored */
void    model_dtypes(const Model *, Buffer *);       /* "BF16", or "Q4_1, F32, Q8_0": by bytes, largest first */

#endif
