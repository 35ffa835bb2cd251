/* The logits that llama.cpp computes: llama_logits MODEL.gguf CONTEXT < ids > logits
 * The ids of one text come as decimal numbers; logits go out as float32, one row of the vocabulary's size for each id. CONTEXT is the
 * size of its context, which chooses between the two tables of longrope. Keys and values are kept in float32. Built by llama_cpp.sh. */
#include <stdio.h>
#include <stdlib.h>

#include "llama.h"

enum { MOST = 1024 };

static void only_errors(enum ggml_log_level level, const char *text, void *user)
{
    (void)user;
    if (level >= GGML_LOG_LEVEL_ERROR) fputs(text, stderr);
}

static struct llama_context *open_context(const struct llama_model *model, uint32_t context_size)
{
    struct llama_context_params options = llama_context_default_params();
    options.n_ctx = context_size;
    options.n_batch = options.n_ubatch = MOST;
    options.n_threads = options.n_threads_batch = 1;
    options.type_k = options.type_v = GGML_TYPE_F32;
    options.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    options.swa_full = true;
    return llama_init_from_model((struct llama_model *)model, options);
}

static struct llama_batch read_ids(void)
{
    struct llama_batch batch = llama_batch_init(MOST, 0, 1);
    for (int *n = &batch.n_tokens; *n < MOST && scanf("%d", &batch.token[*n]) == 1; (*n)++) {
        batch.pos[*n] = *n;
        batch.n_seq_id[*n] = 1;
        batch.seq_id[*n][0] = 0;
        batch.logits[*n] = 1;
    }
    return batch;
}

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    llama_log_set(only_errors, NULL);
    struct llama_model *model = llama_model_load_from_file(argv[1], llama_model_default_params());
    struct llama_context *context = model ? open_context(model, (uint32_t)atoi(argv[2])) : NULL;
    struct llama_batch batch = read_ids();
    if (!context || llama_decode(context, batch)) return 1;
    int32_t vocab = llama_vocab_n_tokens(llama_model_get_vocab(model));
    for (int i = 0; i < batch.n_tokens; i++) fwrite(llama_get_logits_ith(context, i), sizeof(float), (size_t)vocab, stdout);
    llama_batch_free(batch);
    llama_free(context);
    llama_model_free(model);
    return 0;
}
