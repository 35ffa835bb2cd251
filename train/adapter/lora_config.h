/* adapter_config.json of a LoRA adapter, as PEFT 0.21.2 reads and writes it. */
#ifndef TRAIN_ADAPTER_LORA_CONFIG_H
#define TRAIN_ADAPTER_LORA_CONFIG_H
#include "train/recipe.h"

typedef struct {
    char    *base_model_name_or_path;
    int64_t  r;
    double   lora_alpha, lora_dropout;
    bool     use_rslora, lora_bias, ensure_weight_tying, fan_in_fan_out;
    LoraInit init;
    TrainBias bias;
    Words    target_modules, exclude_modules, layers_pattern, modules_to_save;
    Integers layers_to_transform;
    Json    *rank_pattern, *alpha_pattern;       /* objects, or NULL */
    Json    *trainable_token_indices, *layer_replication;      /* as given, checked by adapter_attach; or NULL */
} LoraConfig;

void   lora_config_from_recipe(LoraConfig *, const Recipe *);
Status lora_config_read(LoraConfig *, const char *path);         /* refuses what graft cannot continue, by its key; {0} on failure */
Status lora_config_from_json(LoraConfig *, const Json *, const char *path);       /* the same, parsed; path for messages */
Status lora_config_check(const LoraConfig *, const char *path, const Recipe *);   /* refuses keys of the recipe that say otherwise */
Json  *lora_config_to_json(const LoraConfig *);                  /* every key PEFT writes */
void   lora_config_free(LoraConfig *);

#endif
