/* What a run of `graft sft` shall do: one checked struct, filled from flags and a JSON or YAML file.
 *
 * Keys have the names and defaults of `trl sft` (ScriptArguments, SFTConfig, ModelConfig of trl 1.16, TrainingArguments
 * of transformers 5.23); PEFT's spellings of the LoRA keys are accepted too. Field names are key names. The table of
 * keys is recipe_keys.c, the mechanism keys.h. What the peers derive from other keys is derived here (recipe_parse),
 * so that a Recipe says what will happen: bf16, data_seed, eval_steps, eval_packing, padding_free, metric_for_best_model
 * and greater_is_better are never left open. */
#ifndef TRAIN_RECIPE_H
#define TRAIN_RECIPE_H
#include "data/set/mixture.h"
#include "data/set/packing.h"
#include "data/set/sampler.h"
#include "kernels/backend.h"
#include "optim/schedule.h"
#include "train/keys.h"

typedef enum { STRATEGY_NO, STRATEGY_STEPS, STRATEGY_EPOCH, STRATEGY_BEST } Strategy;     /* best: only for saving */
typedef enum { LORA_INIT_FALSE, LORA_INIT_TRUE, LORA_INIT_GAUSSIAN } LoraInit;
typedef enum { TRAIN_BIAS_NONE, TRAIN_BIAS_ALL, TRAIN_BIAS_LORA_ONLY } TrainBias;
typedef enum { CHECKPOINTING_NEVER, CHECKPOINTING_ALLOWED, CHECKPOINTING_ALWAYS } Checkpointing;   /* false, true, "recompute" */
typedef enum { REPORT_NONE, REPORT_TENSORBOARD } ReportTo;
typedef enum { BEST_LOSS, BEST_NONE } BestMetric;                                         /* eval_loss, or null */
typedef enum { OPTIM_ADAMW_TORCH_FUSED, OPTIM_ADAMW_TORCH } Optim;                        /* the same numbers */
typedef enum { LOSS_NLL } LossType;

/* One dataset of a mixture, as TRL's DatasetConfig; what its fields mean is said in data/set/data_files.h and mixture.h. */
typedef struct {
    char   *path, *data_dir, *split, *field;     /* NULL where null; path and split never are */
    Json   *data_files, *columns, *column_mapping;
    double  fraction;                            /* 0: null */
} DatasetEntry;

typedef struct {
    /* Model and adapter. Strings are NULL when null. */
    char    *model_name_or_path;         /* a folder or a GGUF file; required */
    char    *adapter_name_or_path;       /* continue from this adapter: its adapter_config decides */
    int64_t  lora_r;
    double   lora_alpha, lora_dropout;
    Words    lora_target_modules;        /* empty: PEFT's default for the family; pattern: a regular expression or all-linear */
    Words    exclude_modules;
    Integers layers_to_transform;
    Words    layers_pattern;
    Json    *rank_pattern, *alpha_pattern;       /* objects name -> number, or NULL */
    bool     use_rslora;
    LoraInit init_lora_weights;
    bool     lora_bias;                  /* B has a bias */
    Words    lora_modules_to_save;       /* trained whole */
    bool     ensure_weight_tying;
    Json    *trainable_token_indices;    /* a list, or an object of lists by module; NULL: none */
    TrainBias bias;
    bool     fan_in_fan_out;             /* only repeated in the config: a family knows */
    Json    *layer_replication;          /* a list of [begin, end), or NULL */

    /* Data */
    char    *dataset_name;               /* NULL only where `datasets` says what is read */
    char    *eval_dataset_name;
    char    *dataset_train_split, *dataset_test_split;
    char    *dataset_field;
    Json    *column_mapping;             /* new names by old ones, or NULL; of these two names, not of `datasets` */
    Json    *datasets;                   /* as given, or NULL; read into: */
    DatasetEntry *dataset;               /* [n_datasets] the mixture that is trained on: `datasets`, or dataset_name alone */
    int      n_datasets;
    int64_t  max_samples;                /* 0: all */
    bool     load_from_cache_file;
    double   test_split_size;            /* 0: nothing is held out; below 1 a share, else rows */
    char    *dataset_text_field;
    char    *chat_template_path, *chat_template_date, *eos_token;
    int64_t  max_length;                 /* tokens; 0: no truncation */
    Truncation truncation_mode;
    bool     packing;
    Maybe    eval_packing;               /* packing where null: never unset */
    PackingStrategy packing_strategy;
    int64_t  dataset_num_proc;           /* 0: one */
    bool     padding_free;               /* also set by packing with bfd or bfd_split */
    Maybe    completion_only_loss;       /* unset: true iff the first row has prompt and completion */
    bool     assistant_only_loss;
    bool     shuffle_dataset;
    SamplerStrategy train_sampling_strategy;
    bool     dataloader_drop_last;

    /* Training */
    char    *output_dir;
    bool     overwrite_output_dir;
    int64_t  per_device_train_batch_size, gradient_accumulation_steps;
    double   num_train_epochs;
    int64_t  max_steps;                  /* -1: as many as the epochs give */
    bool     bf16;
    Checkpointing gradient_checkpointing;
    LossType loss_type;
    double   label_smoothing_factor;
    double   neftune_noise_alpha;        /* 0: off */
    int64_t  seed, data_seed;            /* data_seed: seed where null */
    int64_t  threads;                    /* 0: every core */
    char    *device;                     /* run/device.h */
    Isa      cpu_isa;                    /* ISA_COUNT: the widest that the machine has */
    bool     plan;                       /* print the plan, run nothing */
    bool     profile;                    /* print the time of each operation at the end */

    /* Optimizer and schedule */
    Optim    optim;
    double   learning_rate, weight_decay, adam_beta1, adam_beta2, adam_epsilon;
    double   max_grad_norm;              /* <= 0: no clipping */
    ScheduleKind lr_scheduler_type;
    Json    *lr_scheduler_kwargs;        /* as given, or NULL; read into: */
    ScheduleOptions schedule_options;
    double   warmup_steps;               /* below 1: a share */

    /* Evaluation. Step counts below 1 are shares of the run: recipe_interval. */
    Strategy eval_strategy;
    double   eval_steps, eval_delay;
    bool     eval_on_start;
    int64_t  per_device_eval_batch_size;
    BestMetric metric_for_best_model;
    Maybe    greater_is_better;          /* unset only without a metric */
    int64_t  early_stopping_patience;    /* evaluations; 0: off */
    double   early_stopping_threshold;

    /* Saving and resuming */
    Strategy save_strategy;
    double   save_steps;
    int64_t  save_total_limit;           /* 0: keep all */
    bool     save_only_model, load_best_model_at_end;
    char    *resume_from_checkpoint;     /* NULL: no; "true": the newest complete one in output_dir; else a path */

    /* Logging */
    Strategy logging_strategy;
    double   logging_steps;
    bool     logging_first_step, logging_nan_inf_filter;
    ReportTo report_to;
    Maybe    disable_tqdm;               /* unset: a progress bar on a terminal */
    char    *run_name;

    Json    *given;                      /* the keys set by file or flags, under their names here: json_get(given, "lora_r") */
} Recipe;

/* Everything that can be checked without opening a model or data is checked. `recipe` was {0} or freed; on failure it is {0}. */
Status recipe_parse(Recipe *, int argc, char **argv, Notices *);
/* What is trained on, and what is evaluated on: `source`, the caller's to free, points into the recipe. */
DataMix recipe_train_data(const Recipe *, DataSource **source);
bool    recipe_has_eval_data(const Recipe *);            /* they are named somewhere; whether they are there shows when they are opened */
DataMix recipe_eval_data(const Recipe *, DataSource **source);
const char *recipe_train_name(const Recipe *);                /* for messages */
const char *recipe_eval_name(const Recipe *);

void   recipe_help(FILE *);
Json  *recipe_to_json(const Recipe *);           /* what --config would read to the same recipe */
void   recipe_free(Recipe *);

/* For commands that only read rows: a Recipe that keys_parse has filled, checked and settled where it concerns data. */
Status recipe_settle_rows(Recipe *, Notices *);

/* The schedule of a run of `total` optimizer steps. */
Status  recipe_schedule(const Recipe *, int64_t total, Schedule *);

/* logging_steps, eval_steps, save_steps in optimizer steps: a value below 1 is a share of `total`, rounded up. */
int64_t recipe_interval(double steps, int64_t total);

#endif
