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
    void    *copy;               /* w's bytes where they are not the file's; else NULL */
    int      module;             /* index into the model's modules */
} Site;

/* `width` columns are normalised together; w, b have as many elements, or those of all heads where `each`. w NULL: there is none. */
typedef struct { char *path; float *w, *b; int64_t width, n; bool each; int module; } Norm;

typedef struct { Norm norm[NORM_KINDS]; Site site[SITE_KINDS]; } Layer;      /* a site that the family has not: path NULL */

/* A module that holds weights, as adapters address it. The order is that of named_modules() for all that PEFT draws initial values for:
 * the embedding is the first, then positions and the linears of each layer; the head is the last. */
typedef enum { MODULE_EMBEDDING, MODULE_LINEAR, MODULE_NORM, MODULE_HEAD } ModuleKind;
typedef struct {
    ModuleKind    kind;
    int           index, layer;      /* layer -1: in none */
    const char   *path;
    const Weight *w;                 /* NULL: a norm */
    const Norm   *norm;
    const float  *b;                 /* [n], or NULL */
    int64_t       n;                 /* rows of w, or elements of the norm */
    bool          turned;            /* transformers keeps the weight as [cols, rows]: Conv1D */
} Module;
typedef struct { Module *item; int n, cap; } Modules;

typedef struct Model {
    char       *path;
    ModelConfig config;
    char       *base;                /* of its modules' names: "model" */
    const char *tensor_base;         /* the same in the file */
    char       *embedding_path, *positions_path, *head_path;
    Weight      embedding, head;     /* [vocab_size, hidden_size]; the same where tied */
    Weight      positions;           /* learned: [max_position_embeddings, hidden_size]; bytes NULL: none */
    float      *head_bias;           /* [vocab_size], or NULL */
    Norm        norm;                /* the last */
    Layer      *layer, *source;      /* source: the file's layers that those of the model replicate, or NULL */
    int         n_sites, n_sources, positions_module;
    Modules     modules;
    Rope        rope[MAX_ROPES];
    Safetensors folder;              /* one of both holds the bytes */
    Gguf        gguf;
    bool       *tensor_read;         /* of its files' tensors: what is part of the model */
} Model;

Status  model_open(Model *, const char *path);       /* a folder, or a .gguf file */
void    model_close(Model *);                        /* accepts {0} */
Site   *model_site(const Model *, int index);

/* The model with these layers in place of its own, before anything was made from it. Ranges are within its layers. */
typedef struct { int64_t begin, end; } LayerRange;
Status  model_replicate(Model *, const LayerRange *, int n);

void    modules_list(Model *);                       /* fills `modules` again, and the numbers that point there */
void    modules_free(Model *);
void    module_weight(const Model *, const Module *, float *out);            /* in float32, [rows, cols] or [n], as transformers has it */
void    module_weight_row(const Module *, int64_t row, float *out);          /* one row of w */

int64_t model_parameters(const Model *);             /* elements; a tied head counts once */
int64_t model_embedding_parameters(const Model *);   /* of these, what embeds tokens and positions */

/* Positions, for all tables at once: see rope.h. `seen` is the same for all. */
Status  model_check_length(const Model *, int64_t longest);      /* learned positions end */
int64_t model_table_bytes(const Model *, int64_t positions);     /* of the tables for so many */
void    model_reserve_positions(Model *, int64_t positions);
void    model_meet(Model *, int64_t longest);
int64_t model_seen(const Model *);
void    model_restore_seen(Model *, int64_t seen);
const Tensors *model_tensors(const Model *);         /* of its files */
int64_t model_weight_bytes(const Model *);           /* as stored */
int64_t model_copied_bytes(const Model *);           /* of these, what was turned round into memory */
void    model_dtypes(const Model *, Buffer *);       /* "BF16", or "Q4_1, F32, Q8_0": by bytes, largest first */

#endif
