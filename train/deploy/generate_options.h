/* What `graft generate` is asked for. Keys are those of transformers' GenerationConfig and of `graft sft`; the table
 * mechanism is keys.h. Without do_sample, giving temperature, top_k or top_p means sampling; otherwise the likeliest
 * token is taken each time. */
#ifndef TRAIN_DEPLOY_GENERATE_OPTIONS_H
#define TRAIN_DEPLOY_GENERATE_OPTIONS_H
#include "kernels/backend.h"
#include "train/keys.h"

typedef struct {
    char   *model_name_or_path;          /* a folder or a GGUF file; NULL: the one that the adapter names */
    char   *adapter_name_or_path;        /* NULL: the base alone */
    char   *prompt, *messages;           /* text, or a JSON file of messages: exactly one is given */
    bool    raw;                         /* prompt is text to go on from */
    char   *chat_template_path;
    int64_t max_new_tokens;
    bool    sample;                      /* settled from do_sample and the three below */
    Maybe   do_sample;
    double  temperature;
    int64_t top_k;                       /* 0: all */
    double  top_p, repetition_penalty;
    int64_t seed;
    int64_t threads;                     /* 0: every core */
    Isa     cpu_isa;                     /* ISA_COUNT: the widest that the machine has */
    char   *logits_file;
    Json   *given;
} GenerateOptions;

Status generate_options_parse(GenerateOptions *, int argc, char **argv, Notices *);
void   generate_options_help(FILE *);
void   generate_options_free(GenerateOptions *);

#endif
