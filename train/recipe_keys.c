/* Every key of trl sft (ScriptArguments, SFTConfig, ModelConfig; trl 1.16, transformers 5.23), PEFT's LoraConfig (0.21)
 * and graft's own: what graft does with it. tests/peers/check_recipe_keys.py compares this table with the installed peers. */
#include "train/recipe_keys.h"

#include "optim/schedule.h"
#include "train/key_rows.h"
#include "train/recipe.h"

static const char *const false_true_gaussian[] = { [LORA_INIT_FALSE] = "false", [LORA_INIT_TRUE] = "true", [LORA_INIT_GAUSSIAN] = "gaussian", NULL };
static const char *const biases[] = { [TRAIN_BIAS_NONE] = "none", [TRAIN_BIAS_ALL] = "all", [TRAIN_BIAS_LORA_ONLY] = "lora_only", NULL };
static const char *const checkpointings[] = { [CHECKPOINTING_NEVER] = "false", [CHECKPOINTING_ALLOWED] = "true", [CHECKPOINTING_ALWAYS] = "recompute", NULL };
static const char *const strategies[] = { [STRATEGY_NO] = "no", [STRATEGY_STEPS] = "steps", [STRATEGY_EPOCH] = "epoch", NULL };
static const char *const save_strategies[] = { [STRATEGY_NO] = "no", [STRATEGY_STEPS] = "steps", [STRATEGY_EPOCH] = "epoch", [STRATEGY_BEST] = "best", NULL };
static const char *const samplings[] = { [SAMPLER_RANDOM] = "random", [SAMPLER_SEQUENTIAL] = "sequential", [SAMPLER_GROUP_BY_LENGTH] = "group_by_length", NULL };
static const char *const packings[] = { [PACKING_BFD] = "bfd", [PACKING_BFD_SPLIT] = "bfd_split", [PACKING_WRAPPED] = "wrapped", NULL };
static const char *const truncations[] = { [TRUNCATE_KEEP_START] = "keep_start", [TRUNCATE_KEEP_END] = "keep_end", NULL };
static const char *const losses[] = { [LOSS_NLL] = "nll", NULL };
static const char *const optimizers[] = { [OPTIM_ADAMW_TORCH_FUSED] = "adamw_torch_fused", [OPTIM_ADAMW_TORCH] = "adamw_torch", NULL };
static const char *const metrics[] = { [BEST_LOSS] = "loss", NULL };
static const char *const reports[] = { [REPORT_NONE] = "none", [REPORT_TENSORBOARD] = "tensorboard", NULL };

#define RECORD Recipe
static const Key sft[] = {
    { .group = "Model and adapter", FIELD(model_name_or_path, KEY_STRING, "null"), OR_NULL(0),
      .meaning = "the base model: a folder with config.json and safetensors, or a GGUF file" },
    { FIELD(adapter_name_or_path, KEY_STRING, "null"), OR_NULL(0), .meaning = "go on from this adapter folder; its adapter_config.json decides about LoRA" },
    { FIELD(lora_r, KEY_INTEGER, "16"), .min = 1, .max = 65536, .meaning = "rank of A and B" },
    { FIELD(lora_alpha, KEY_NUMBER, "32"), MORE_THAN(0), .meaning = "the adapter is scaled by lora_alpha / lora_r" },
    { FIELD(lora_dropout, KEY_NUMBER, "0.05"), .min = 0, .max = 1, .below = true, .meaning = "share of A's input that is dropped" },
    { FIELD(lora_target_modules, KEY_PATTERN, "null"), OR_NULL(0),
      .meaning = "modules that get an adapter: ends of their paths (q_proj v_proj), all-linear, or one regular expression for the whole path. "
                 "Not given: PEFT's choice for the family" },
    { FIELD(exclude_modules, KEY_PATTERN, "null"), OR_NULL(0), .meaning = "modules that get none, written likewise" },
    { FIELD(layers_to_transform, KEY_INTEGERS, "null"), .min = 0, .max = 1 << 20, OR_NULL(0), .meaning = "only these layers" },
    { FIELD(layers_pattern, KEY_WORDS, "null"), OR_NULL(0), .meaning = "the name before a layer's index, where it is not found by itself" },
    { FIELD(rank_pattern, KEY_INTEGER_MAP, "{}"), .min = 1, .max = 65536, OR_NULL(0), .meaning = "other ranks by module: {\"v_proj\": 4}; names are regular expressions" },
    { FIELD(alpha_pattern, KEY_REAL_MAP, "{}"), MORE_THAN(0), OR_NULL(0), .meaning = "other alphas by module" },
    { FIELD(use_rslora, KEY_BOOL, "false"), .meaning = "scale by lora_alpha / sqrt(lora_r)" },
    { FIELD(init_lora_weights, KEY_ENUM, "true"), .names = false_true_gaussian,
      .later = "pissa|olora|corda|eva|lora_ga|loftq|orthogonal|mica", .why = "only inits that leave the base alone are built in",
      .meaning = "start of the adapter; true: B is zero, A as torch draws it from the seed" },
    { FIELD(lora_bias, KEY_BOOL, "false"), .meaning = "give B a bias" },
    { FIELD(lora_modules_to_save, KEY_WORDS, "null"), OR_NULL(0),
      .meaning = "modules that are trained whole and saved with the adapter: ends of their paths (lm_head, embed_tokens, norm), or of those of what they are in" },
    { FIELD(ensure_weight_tying, KEY_BOOL, "false"), .meaning = "where the base ties its head to its embedding: train one copy for both" },
    { FIELD(trainable_token_indices, KEY_JSON, "null"), OR_NULL(0), .meaning = "tokens whose rows of the embedding are trained: a list of ids, or {\"embed_tokens\": [ids]}" },
    { FIELD(bias, KEY_ENUM, "\"none\""), .names = biases, .meaning = "biases of the base that are trained: none, all, or those of adapted modules" },
    { FIELD(fan_in_fan_out, KEY_BOOL, "false"), .meaning = "weights are stored [in, out]; corrected where the family says otherwise" },
    { FIELD(layer_replication, KEY_JSON, "null"), OR_NULL(0), .meaning = "a deeper model of the same layers: [[0, 4], [2, 5]] is layers 0 1 2 3 2 3 4, each adapted on its own" },

    { .group = "Data", FIELD(dataset_name, KEY_STRING, "null"), OR_NULL(0),
      .meaning = "training rows: a file (JSON Lines, JSON, CSV, TSV or text, also .gz and .zst, or Parquet), a pattern of files, or a folder of splits; a row has text, "
                 "messages, prompt and completion, instruction and output, or input_ids" },
    { FIELD(eval_dataset_name, KEY_STRING, "null"), OR_NULL(0), .meaning = "evaluation rows. Not given: dataset_test_split of dataset_name" },
    { FIELD(dataset_train_split, KEY_STRING, "\"train\""), .meaning = "name of the training split" },
    { FIELD(dataset_test_split, KEY_STRING, "\"test\""), .meaning = "name of the evaluation split" },
    { FIELD(dataset_field, KEY_STRING, "null"), OR_NULL(0), .meaning = "in a JSON file that is one object: the member that is the list of rows" },
    { FIELD(column_mapping, KEY_OBJECT, "null"), OR_NULL(0), .meaning = "new names of columns: {\"question\": \"prompt\", \"answer\": \"completion\"}" },
    { FIELD(datasets, KEY_JSON, "[]"), OR_NULL(0),
      .meaning = "several datasets instead of dataset_name: a list of objects with path, and data_dir, data_files, split, columns, fraction as in TRL, field, column_mapping" },
    { FIELD(load_from_cache_file, KEY_BOOL, "true"), .meaning = "keep rows of 1 MB or more as tokens in ~/.cache/graft/examples (or $XDG_CACHE_HOME), and take them from there" },
    { FIELD(max_samples, KEY_INTEGER, "null"), .min = 1, .max = 4294967295.0, OR_NULL(0), .meaning = "read only so many rows, the first ones, to train and to evaluate on" },
    { FIELD(test_split_size, KEY_NUMBER, "null"), .min = 0, .max = 4294967295.0, .above = true, OR_NULL(0),
      .meaning = "hold out this share of the training rows, or from 1 on so many, to evaluate on; drawn by seed" },
    { FIELD(dataset_text_field, KEY_STRING, "\"text\""), .meaning = "column that holds plain text" },
    { FIELD(chat_template_path, KEY_STRING, "null"), OR_NULL(0), .meaning = "a Jinja file, or a folder with a tokenizer, in place of the model's chat template" },
    { FIELD(chat_template_date, KEY_STRING, "null"), OR_NULL(0), .meaning = "YYYY-MM-DD, for chat templates that write today's date. Not given: today" },
    { FIELD(eos_token, KEY_STRING, "null"), OR_NULL(0), .meaning = "token that ends a text. Not given: the tokenizer's" },
    { FIELD(max_length, KEY_INTEGER, "1024"), .min = 1, .max = 1 << 30, OR_NULL(0), .meaning = "tokens kept of each row, or the length of packed rows; null: all" },
    { FIELD(truncation_mode, KEY_ENUM, "\"keep_start\""), .names = truncations, .meaning = "which end of a long row is kept" },
    { FIELD(packing, KEY_BOOL, "false"), .meaning = "fill rows of max_length with several documents; attention stays within each" },
    { FIELD(packing_strategy, KEY_ENUM, "\"bfd\""), .names = packings, .same = "bfd-requeue=bfd_split|ffd=bfd", .meaning = "best fit (what is too long is cut, or split), or one stream cut anywhere" },
    { FIELD(eval_packing, KEY_MAYBE, "null"), OR_NULL(0), .meaning = "pack evaluation rows. Not given: as packing" },
    { FIELD(dataset_num_proc, KEY_INTEGER, "null"), .min = 1, .max = 65536, OR_NULL(0), .meaning = "with packing: parts of the rows that are packed apart, as the peers' processes do" },
    { FIELD(padding_free, KEY_BOOL, "false"), .meaning = "a batch is one row of documents, without padding; needs max_length null unless packing" },
    { FIELD(completion_only_loss, KEY_MAYBE, "null"), OR_NULL(0), .meaning = "train only the completion. Not given: where rows have prompt and completion" },
    { FIELD(assistant_only_loss, KEY_BOOL, "false"), .meaning = "train only what the assistant says" },
    { FIELD(shuffle_dataset, KEY_BOOL, "false"), .meaning = "shuffle the rows once, before packing" },
    { FIELD(train_sampling_strategy, KEY_ENUM, "\"random\""), .names = samplings,
      .later = "batch_rebalance", .why = "it spreads rows over several devices", .meaning = "order of the rows in each epoch" },
    { FIELD(dataloader_drop_last, KEY_BOOL, "false"), .meaning = "leave out an epoch's last batch when it is not full" },

    { .group = "Training", FIELD(output_dir, KEY_STRING, "\"trainer_output\""), .meaning = "where the adapter, checkpoints and logs are written" },
    { FIELD(overwrite_output_dir, KEY_BOOL, "false"), .meaning = "replace the run that the folder holds, checkpoints too" },
    { FIELD(per_device_train_batch_size, KEY_INTEGER, "8"), .min = 1, .max = 1 << 20, .meaning = "rows of one batch" },
    { FIELD(gradient_accumulation_steps, KEY_INTEGER, "1"), .min = 1, .max = 1 << 20, .meaning = "batches of one optimizer step" },
    { FIELD(num_train_epochs, KEY_NUMBER, "3"), .min = 0, .max = 1e6, .above = true, .meaning = "passes over the rows; a fraction is allowed" },
    { FIELD(max_steps, KEY_INTEGER, "-1"), .min = -1, .max = 1 << 30, .meaning = "optimizer steps, instead of epochs; -1: as many as the epochs give" },
    { FIELD(bf16, KEY_BOOL, "true"), OR_NULL(1), .meaning = "keep activations for the backward pass in bfloat16, and multiply in it on processors with AMX; false: float32" },
    { FIELD(gradient_checkpointing, KEY_ENUM, "true"), .names = checkpointings,
      .later = "offload", .why = "activations are kept or computed again, not moved",
      .meaning = "compute activations again in the backward pass instead of keeping them; true: where memory is short" },
    { FIELD(loss_type, KEY_ENUM, "\"nll\""), .names = losses, .same = "chunked_nll=nll", .later = "dft", .why = "dynamic fine-tuning is not built in",
      .meaning = "the loss: negative log-likelihood" },
    { FIELD(label_smoothing_factor, KEY_NUMBER, "0.0"), .min = 0, .max = 1, .meaning = "share of the target spread evenly over the vocabulary" },
    { FIELD(neftune_noise_alpha, KEY_NUMBER, "null"), .min = 0, .max = 1e6, OR_NULL(0), .meaning = "noise on the embeddings while training (NEFTune); null or 0: none" },
    { FIELD(seed, KEY_INTEGER, "42"), .min = 0, .max = 4294967295.0, .meaning = "of the adapter's start, dropout and noise" },
    { FIELD(data_seed, KEY_INTEGER, "null"), .min = 0, .max = 4294967295.0, OR_NULL(-1), .meaning = "of the order of the rows. Not given: seed" },
    { FIELD(threads, KEY_INTEGER, "null"), .min = 1, .max = 1024, OR_NULL(0), .meaning = "worker threads. Not given: one per core. Results do not depend on it" },
    { FIELD(device, KEY_STRING, "\"cpu\""), .meaning = "cpu, cuda, cuda:N for the N-th GPU, or auto: a GPU where there is one" },
    { FIELD(cpu_isa, KEY_ENUM, "null"), .names = isa_names, OR_NULL(ISA_COUNT), .meaning = "by which of the processor's instructions matrix products are made on the CPU, for comparisons. Not given: the widest that it has" },
    { FIELD(plan, KEY_BOOL, "false"), .meaning = "print memory plan and cost, run nothing" },
    { FIELD(profile, KEY_BOOL, "false"), .meaning = "print the time that each operation took, at the end" },

    { .group = "Optimizer and schedule", FIELD(optim, KEY_ENUM, "\"adamw_torch_fused\""), .names = optimizers, .same = "adamw_hf=adamw_torch",
      .later = "adamw_torch_xla|adamw_torch_npu_fused|adafactor|adamw_anyprecision|adamw_torch_4bit|adamw_torch_8bit|ademamix|sgd|adagrad|adamw_bnb_8bit|adamw_8bit|"
               "ademamix_8bit|lion_8bit|lion_32bit|paged_adamw_32bit|paged_adamw_8bit|paged_ademamix_32bit|paged_ademamix_8bit|paged_lion_32bit|paged_lion_8bit|"
               "rmsprop|rmsprop_bnb|rmsprop_bnb_8bit|rmsprop_bnb_32bit|galore_adamw|galore_adamw_8bit|galore_adafactor|galore_adamw_layerwise|"
               "galore_adamw_8bit_layerwise|galore_adafactor_layerwise|lomo|adalomo|grokadamw|schedule_free_radam|schedule_free_adamw|schedule_free_sgd|"
               "apollo_adamw|apollo_adamw_layerwise|stable_adamw",
      .why = "AdamW in float32 is the optimizer that is built in", .meaning = "the optimizer; both are AdamW and the same numbers" },
    { FIELD(learning_rate, KEY_REAL, "2e-5"), .min = 0, .max = 1e3, .meaning = "the highest rate of the schedule" },
    { FIELD(lr_scheduler_type, KEY_ENUM, "\"linear\""), .names = schedule_names, .same = "wsd=warmup_stable_decay",
      .later = "greedy", .why = "it is the one schedule of transformers that is not built in",
      .meaning = "course of the learning rate" },
    { FIELD(lr_scheduler_kwargs, KEY_OBJECT, "null"), OR_NULL(0), .meaning = "what the schedule takes, as JSON: {\"num_cycles\": 0.5}" },
    { FIELD(warmup_steps, KEY_NUMBER, "0"), .min = 0, .max = 1 << 30, .meaning = "steps that climb to learning_rate; below 1: a share of the run" },
    { FIELD(weight_decay, KEY_NUMBER, "0.0"), .min = 0, .max = 1e3, .meaning = "AdamW's decay of weights, not of biases and norms" },
    { FIELD(adam_beta1, KEY_REAL, "0.9"), .min = 0, .max = 1, .below = true, .meaning = "memory of the gradient's mean" },
    { FIELD(adam_beta2, KEY_REAL, "0.999"), .min = 0, .max = 1, .below = true, .meaning = "memory of the gradient's square" },
    { FIELD(adam_epsilon, KEY_REAL, "1e-8"), .min = 0, .max = 1, .meaning = "added to the root of the square" },
    { FIELD(max_grad_norm, KEY_NUMBER, "1.0"), .min = -1, .max = 1e30, .meaning = "gradients are scaled down to this norm; 0: never" },

    { .group = "Evaluation", FIELD(eval_strategy, KEY_ENUM, "\"no\""), .names = strategies, .meaning = "when to evaluate" },
    { FIELD(eval_steps, KEY_NUMBER, "null"), .min = 0, .max = 1 << 30, OR_NULL(0), .meaning = "steps between evaluations; below 1: a share of the run. Not given: logging_steps" },
    { FIELD(eval_delay, KEY_NUMBER, "0"), .min = 0, .max = 1 << 30, .meaning = "steps or epochs before the first evaluation" },
    { FIELD(eval_on_start, KEY_BOOL, "false"), .meaning = "evaluate once before training" },
    { FIELD(per_device_eval_batch_size, KEY_INTEGER, "8"), .min = 1, .max = 1 << 20, .meaning = "rows of one evaluation batch" },
    { FIELD(metric_for_best_model, KEY_ENUM, "null"), .names = metrics, .same = "eval_loss=loss", OR_NULL(BEST_NONE), .meaning = "loss: what best and early stopping go by" },
    { FIELD(greater_is_better, KEY_MAYBE, "null"), OR_NULL(0), .meaning = "direction of that metric. Not given: false" },
    { FIELD(early_stopping_patience, KEY_INTEGER, "null"), .min = 1, .max = 1 << 30, OR_NULL(0), .meaning = "stop after this many evaluations without a better metric" },
    { FIELD(early_stopping_threshold, KEY_NUMBER, "0.0"), .min = 0, .max = 1e30, .meaning = "by how much it must be better" },

    { .group = "Saving and resuming", FIELD(save_strategy, KEY_ENUM, "\"steps\""), .names = save_strategies, .meaning = "when to write a checkpoint; best: after an evaluation better than all before" },
    { FIELD(save_steps, KEY_NUMBER, "500"), .min = 0, .max = 1 << 30, .meaning = "steps between checkpoints; below 1: a share of the run" },
    { FIELD(save_total_limit, KEY_INTEGER, "null"), .min = 1, .max = 1 << 30, OR_NULL(0), .meaning = "checkpoints kept. Not given: all" },
    { FIELD(save_only_model, KEY_BOOL, "false"), .meaning = "checkpoints without optimizer state: smaller, and nothing resumes from them" },
    { FIELD(load_best_model_at_end, KEY_BOOL, "false"), .meaning = "end with the best checkpoint's adapter instead of the last" },
    { FIELD(resume_from_checkpoint, KEY_STRING, "null"), OR_NULL(0), .path_or_true = true, .meaning = "go on from a checkpoint folder; true: the newest in output_dir" },

    { .group = "Logging", FIELD(logging_strategy, KEY_ENUM, "\"steps\""), .names = strategies, .meaning = "when to log" },
    { FIELD(logging_steps, KEY_NUMBER, "10"), .min = 0, .max = 1 << 30, .meaning = "steps between lines; below 1: a share of the run" },
    { FIELD(logging_first_step, KEY_BOOL, "false"), .meaning = "log the first step too" },
    { FIELD(logging_nan_inf_filter, KEY_BOOL, "true"), .meaning = "in the log, put the mean so far for a loss that is not finite" },
    { FIELD(report_to, KEY_ENUM, "\"none\""), .names = reports, .same = "all=tensorboard",
      .later = "wandb|mlflow|comet_ml|clearml|dagshub|dvclive|flyte|neptune|swanlab|trackio|azure_ml|codecarbon|kubeflow", .why = "event files for TensorBoard are the one report it writes",
      .meaning = "event files in output_dir" },
    { FIELD(disable_tqdm, KEY_MAYBE, "null"), OR_NULL(0), .meaning = "no progress bar. Not given: a bar on a terminal" },
    { FIELD(run_name, KEY_STRING, "null"), OR_NULL(0), .meaning = "title of the model card" },

    { .group = "Recipe", .name = "config", .status = KEY_CONFIG, .type = KEY_STRING, .meaning = "a JSON or YAML file of these keys; flags override it" },

    /* PEFT's spellings */
    ALIAS("r", "lora_r"), ALIAS("target_modules", "lora_target_modules"), ALIAS("lora_exclude_modules", "exclude_modules"),
    ALIAS("lora_rank_pattern", "rank_pattern"), ALIAS("lora_alpha_pattern", "alpha_pattern"), ALIAS("lora_use_rslora", "use_rslora"),
    ALIAS("lora_init_lora_weights", "init_lora_weights"), ALIAS("modules_to_save", "lora_modules_to_save"), ALIAS("target_parameters", "lora_target_parameters"),
    ALIAS("task_type", "lora_task_type"), ALIAS("activation_checkpointing", "gradient_checkpointing"), ALIAS("activation_checkpointing_kwargs", "gradient_checkpointing_kwargs"),

    /* Names of earlier versions */
    OLD("max_seq_length", "max_length"), OLD("max_seq_len", "max_length"), OLD("evaluation_strategy", "eval_strategy"), OLD("no_cuda", "use_cpu"),
    OLD("torch_dtype", "dtype"), OLD("per_gpu_train_batch_size", "per_device_train_batch_size"), OLD("per_gpu_eval_batch_size", "per_device_eval_batch_size"),
    OLD("lora_rank", "lora_r"),
    { .name = "warmup_ratio", .status = KEY_OLD, .type = KEY_NUMBER, .min = 0, .max = 1, .below = true, .to = "warmup_steps" },
    { .name = "group_by_length", .status = KEY_OLD, .type = KEY_BOOL, .same = "true=group_by_length|false=random", .to = "train_sampling_strategy" },

    /* Accepted: nothing here depends on them */
    IGNORED("dtype", "\"float32\"|\"auto\"|null", "the base stays in the format of its file, adapters are float32"),
    IGNORED("attn_implementation", "null", "there is one attention"),
    IGNORED("trust_remote_code", "false", "code of a model is never run"),
    IGNORED("pad_token", "null", "padding is never computed"),
    IGNORED("pad_to_multiple_of", "\"auto\"|null", "padding is never computed"),
    IGNORED("dataset_batch_size", "1000", "rows are packed in groups of 1000, TRL's default"),
    IGNORED("length_column_name", "\"length\"", "lengths are counted"),
    IGNORED("remove_unused_columns", "true", "columns that are not used are not read"),
    IGNORED("ignore_bias_buffers", "false", "nothing is distributed"),
    IGNORED("use_cpu", "true|false", "the device is the CPU"),
    IGNORED("use_cache", "false", "training needs no cache"),
    IGNORED("use_liger_kernel", "false", "the head is always fused with the loss"),
    IGNORED("liger_kernel_config", "null", "the head is always fused with the loss"),
    IGNORED("gradient_checkpointing_kwargs", "null", "segments are the decoder's layers"),
    IGNORED("tf32", "null|false", "it is a format of GPUs"),
    IGNORED("torch_compile", "false", "nothing is compiled at run time"),
    IGNORED("torch_compile_backend", "null", "nothing is compiled at run time"),
    IGNORED("torch_compile_mode", "null", "nothing is compiled at run time"),
    IGNORED("torch_empty_cache_steps", "null", "memory is laid out once"),
    IGNORED("average_tokens_across_devices", "true", "there is one process"),
    IGNORED("dataloader_num_workers", "0", "batches are ready before they are needed"),
    IGNORED("dataloader_pin_memory", "true|false", "batches are ready before they are needed"),
    IGNORED("dataloader_persistent_workers", "false", "batches are ready before they are needed"),
    IGNORED("dataloader_prefetch_factor", "null", "batches are ready before they are needed"),
    IGNORED("dataloader_multiprocessing_context", "null", "batches are ready before they are needed"),
    IGNORED("dataloader_in_order", "true", "batches come in order"),
    IGNORED("full_determinism", "false|true", "every run is deterministic"),
    IGNORED("log_on_each_node", "true|false", "there is one process"),
    IGNORED("log_level", "\"passive\"", "the log is written in full"),
    IGNORED("log_level_replica", "\"warning\"", "there is one process"),
    IGNORED("logging_dir", "null", "logs are in output_dir"),
    IGNORED("include_num_input_tokens_seen", "\"no\"|false", "tokens are always counted"),
    IGNORED("include_tokens_per_second", "false", "tokens are always counted"),
    IGNORED("project", "\"huggingface\"", "there is no tracker"),
    IGNORED("trackio_space_id", "null", "there is no tracker"),
    IGNORED("trackio_bucket_id", "null", "there is no tracker"),
    IGNORED("trackio_static_space_id", "null|false", "there is no tracker"),
    IGNORED("prediction_loss_only", "false|true", "evaluation keeps no predictions"),
    IGNORED("eval_do_concat_batches", "true", "evaluation keeps no predictions"),
    IGNORED("eval_use_gather_object", "false", "evaluation keeps no predictions"),
    IGNORED("eval_accumulation_steps", "null", "evaluation keeps no predictions"),
    IGNORED("include_for_metrics", "[]|null", "evaluation keeps no predictions"),
    IGNORED("batch_eval_metrics", "false", "evaluation keeps no predictions"),
    IGNORED("save_on_each_node", "false", "there is one process"),
    IGNORED("save_safetensors", "true", "adapters are always safetensors"),
    IGNORED("enable_jit_checkpoint", "false", "SIGTERM always saves before it ends"),
    IGNORED("restore_callback_states_from_checkpoint", "false", "early stopping always goes on from a checkpoint"),
    IGNORED("hub_token", "null", "nothing is pushed"),
    IGNORED("hub_private_repo", "null", "nothing is pushed"),
    IGNORED("hub_model_id", "null", "nothing is pushed"),
    IGNORED("hub_strategy", "\"every_save\"", "nothing is pushed"),
    IGNORED("hub_always_push", "false", "nothing is pushed"),
    IGNORED("hub_revision", "null", "nothing is pushed"),
    IGNORED("ddp_find_unused_parameters", "null", "there is one process"),
    IGNORED("ddp_bucket_cap_mb", "null", "there is one process"),
    IGNORED("ddp_broadcast_buffers", "null", "there is one process"),
    IGNORED("ddp_static_graph", "null", "there is one process"),
    IGNORED("ddp_backend", "null", "there is one process"),
    IGNORED("ddp_timeout", "1800", "there is one process"),
    IGNORED("local_rank", "-1|0", "there is one process"),
    IGNORED("fsdp_config", "null", "there is one process"),
    IGNORED("half_precision_backend", "\"auto\"", "it chose between two libraries"),
    IGNORED("bnb_4bit_quant_type", "\"nf4\"", "the base stays in the format of its file"),
    IGNORED("bnb_4bit_quant_storage", "null", "the base stays in the format of its file"),
    IGNORED("bnb_4bit_compute_dtype", "null", "the base stays in the format of its file"),
    IGNORED("use_bnb_nested_quant", "false", "the base stays in the format of its file"),
    IGNORED("do_train", "true|false", "graft sft trains"),
    IGNORED("do_eval", "true|false", "eval_strategy decides"),
    IGNORED("skip_memory_metrics", "true", "the plan is printed in any case"),
    IGNORED("debug", "\"\"|[]", "see the log"),
    IGNORED("inference_mode", "false|true", "an adapter that is trained is not frozen"),
    IGNORED("peft_type", "\"LORA\"", "graft sft trains LoRA"),
    IGNORED("peft_version", "null", "it is written, never read"),
    IGNORED("auto_mapping", "null", "it is written, never read"),
    IGNORED("base_model_name_or_path", "null", "model_name_or_path says it"),
    IGNORED("runtime_config", "null", "it is for the Python library"),
    IGNORED("revision", "null", "a local model has no revisions"),

    /* Refused: a run would not be what its recipe says */
    REFUSED("use_peft", "true", "it always trains an adapter, never the whole model"),
    REFUSED("use_dora", "false", "of LoRA's variants it has rsLoRA"),
    REFUSED("lora_target_parameters", "null|[]", "adapters stand on modules"),
    REFUSED("lora_task_type", "\"CAUSAL_LM\"", "it trains causal language models"),
    REFUSED("loftq_config", "null|{}", "only inits that leave the base alone are built in"),
    REFUSED("eva_config", "null", "only inits that leave the base alone are built in"),
    REFUSED("corda_config", "null", "only inits that leave the base alone are built in"),
    REFUSED("lora_ga_config", "null", "only inits that leave the base alone are built in"),
    REFUSED("use_qalora", "false", "of LoRA's variants it has rsLoRA"),
    REFUSED("qalora_group_size", "16", "of LoRA's variants it has rsLoRA"),
    REFUSED("use_bdlora", "null", "of LoRA's variants it has rsLoRA"),
    REFUSED("velora_config", "null", "of LoRA's variants it has rsLoRA"),
    REFUSED("kasa_config", "null", "of LoRA's variants it has rsLoRA"),
    REFUSED("monteclora_config", "null", "of LoRA's variants it has rsLoRA"),
    REFUSED("arrow_config", "null", "of LoRA's variants it has rsLoRA"),
    REFUSED("alora_invocation_tokens", "null", "of LoRA's variants it has rsLoRA"),
    REFUSED("megatron_config", "null", "there is one process"),
    REFUSED("megatron_core", "\"megatron.core\"", "there is one process"),
    REFUSED("load_in_8bit", "false", "it trains on the file as it is; give a Q8_0 GGUF file instead"),
    REFUSED("load_in_4bit", "false", "it trains on the file as it is; give a Q4_K or Q4_0 GGUF file instead"),
    REFUSED("model_revision", "\"main\"|null", "a local model has no revisions"),
    REFUSED("model_init_kwargs", "null|{}", "models are read from their config.json as it is"),
    REFUSED("router_aux_loss_coef", "null", "it has no mixture of experts"),
    REFUSED("dataset_config", "null", "data are files, not datasets of the Hub"),
    REFUSED("dataset_streaming", "false", "rows are tokenised before training, so that their number is known"),
    REFUSED("dataset_kwargs", "null|{}", "rows with input_ids are taken as they are without it"),
    REFUSED("streaming", "false", "rows are tokenised before training, so that their number is known"),
    REFUSED("env", "null|{}", "set environment variables before the start"),
    REFUSED("label_names", "null", "labels are made from the rows"),
    REFUSED("fp16", "false", "float16 needs a GPU; bf16 false trains in float32"),
    REFUSED("fp16_full_eval", "false", "evaluation computes as training does"),
    REFUSED("bf16_full_eval", "false", "evaluation computes as training does"),
    REFUSED("activation_offloading", "false", "activations are kept or computed again, not moved"),
    REFUSED("auto_find_batch_size", "false", "the memory plan says before the start what fits"),
    REFUSED("optim_args", "null", "AdamW takes adam_beta1, adam_beta2 and adam_epsilon"),
    REFUSED("optim_target_modules", "null", "AdamW trains every adapter"),
    REFUSED("push_to_hub", "false", "upload output_dir afterwards"),
    REFUSED("ignore_data_skip", "false", "a resumed run sees the rows that the stopped one had left"),
    REFUSED("do_predict", "false", "use graft generate"),
    REFUSED("fsdp", "null|\"\"|[]|false", "there is one process"),
    REFUSED("deepspeed", "null", "there is one process"),
    REFUSED("accelerator_config", "null", "there is one process"),
    REFUSED("parallelism_config", "null", "there is one process"),
};
#undef RECORD

const Keys recipe_keys = {
    .command = "graft sft",
    .usage = "graft sft trains a LoRA adapter for a language model and writes it as a folder that PEFT loads.\n\n"
             "usage: graft sft --model_name_or_path DIR|FILE.gguf --dataset_name train.jsonl\n"
             "                 --output_dir out [--config recipe.json|yaml] [--key value ...]\n\n"
             "Keys have the names and defaults of trl sft. A list is a b c, a,b,c or JSON. [default]\n",
    .key = sft, .n = sizeof sft / sizeof *sft,
};

static const char *const shapes[] = { [SHAPE_LINEAR] = "linear", [SHAPE_COSINE] = "cosine", [SHAPE_ONE_MINUS_SQRT] = "1-sqrt", NULL };
static const char *const modes[] = { [PLATEAU_MIN] = "min", [PLATEAU_MAX] = "max", NULL };
static const char *const threshold_modes[] = { [THRESHOLD_REL] = "rel", [THRESHOLD_ABS] = "abs", NULL };

#define RECORD ScheduleOptions
static const Key kwargs[] = {
    { FIELD(num_cycles, KEY_REAL, "null"), AT_LEAST(0), OR_NULL(NAN), .meaning = "waves of the cosine" },
    { FIELD(power, KEY_REAL, "1"), AT_LEAST(0), .meaning = "exponent of the polynomial" },
    { FIELD(lr_end, KEY_REAL, "1e-7"), AT_LEAST(0), .meaning = "rate at the end of the polynomial" },
    { FIELD(min_lr, KEY_REAL, "null"), AT_LEAST(0), OR_NULL(NAN), .meaning = "lowest rate" },
    { FIELD(min_lr_rate, KEY_REAL, "null"), AT_LEAST(0), OR_NULL(NAN), .meaning = "lowest rate, as a share of learning_rate" },
    { FIELD(warmup_lr_rate, KEY_REAL, "null"), AT_LEAST(0), OR_NULL(NAN), .meaning = "first rate, as a share of learning_rate" },
    { FIELD(timescale, KEY_INTEGER, "null"), AT_LEAST(1), OR_NULL(-1), .meaning = "steps in which the square root doubles" },
    { FIELD(num_decay_steps, KEY_INTEGER, "null"), AT_LEAST(0), OR_NULL(-1), .meaning = "steps of the decay" },
    { FIELD(num_stable_steps, KEY_INTEGER, "null"), AT_LEAST(0), OR_NULL(-1), .meaning = "steps between warm-up and decay" },
    { FIELD(warmup_type, KEY_ENUM, "\"linear\""), .names = shapes, .meaning = "shape of the warm-up" },
    { FIELD(decay_type, KEY_ENUM, "\"cosine\""), .names = shapes, .meaning = "shape of the decay" },
    { FIELD(min_lr_ratio, KEY_REAL, "0"), .min = 0, .max = 1, .meaning = "lowest rate, as a share of learning_rate" },
    { FIELD(mode, KEY_ENUM, "\"min\""), .names = modes, .meaning = "which way the metric is better" },
    { FIELD(threshold_mode, KEY_ENUM, "\"rel\""), .names = threshold_modes, .meaning = "how threshold is measured" },
    { FIELD(factor, KEY_REAL, "0.1"), .min = 0, .max = 1, .below = true, .meaning = "of the rate at each reduction" },
    { FIELD(threshold, KEY_REAL, "1e-4"), AT_LEAST(0), .meaning = "by how much the metric must be better" },
    { FIELD(eps, KEY_REAL, "1e-8"), AT_LEAST(0), .meaning = "smaller reductions are left out" },
    { FIELD(patience, KEY_INTEGER, "10"), AT_LEAST(0), .meaning = "evaluations without a better metric before a reduction" },
    { FIELD(cooldown, KEY_INTEGER, "0"), AT_LEAST(0), .meaning = "evaluations after a reduction that do not count" },
};
#undef RECORD

#define RECORD DatasetEntry
static const Key dataset[] = {
    { FIELD(path, KEY_STRING, "null"), OR_NULL(0), .meaning = "a file, a pattern, a folder, or with data_files the name of a format" },
    { FIELD(data_dir, KEY_STRING, "null"), OR_NULL(0), .meaning = "a folder in it" },
    { FIELD(data_files, KEY_JSON, "null"), OR_NULL(0), .meaning = "a pattern, a list of patterns, or an object from split to these" },
    { FIELD(split, KEY_STRING, "\"train\""), .meaning = "which split is read" },
    { FIELD(field, KEY_STRING, "null"), OR_NULL(0), .meaning = "in a JSON file that is one object: the member that is the list of rows" },
    { FIELD(columns, KEY_JSON, "null"), OR_NULL(0), .meaning = "a list: only these columns" },
    { FIELD(column_mapping, KEY_OBJECT, "null"), OR_NULL(0), .meaning = "new names of columns" },
    { FIELD(fraction, KEY_NUMBER, "null"), MORE_THAN(0), OR_NULL(0), .meaning = "share of the mixture" },
    REFUSED("name", "null", "data are files, not datasets of the Hub"),
};
#undef RECORD

const Keys dataset_keys = { .command = "graft sft", .usage = "", .key = dataset, .n = sizeof dataset / sizeof *dataset };

const Keys schedule_kwargs_keys = { .command = "graft sft", .usage = "", .key = kwargs, .n = sizeof kwargs / sizeof *kwargs };
