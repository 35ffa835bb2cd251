#include "train/model/family.h"

#include <string.h>

#define LLAMA_SITES                                                                                                             \
    {                                                                                                                           \
        [SITE_Q] = { "self_attn.q_proj", "attn_q" }, [SITE_K] = { "self_attn.k_proj", "attn_k" },                               \
        [SITE_V] = { "self_attn.v_proj", "attn_v" }, [SITE_O] = { "self_attn.o_proj", "attn_output" },                          \
        [SITE_GATE] = { "mlp.gate_proj", "ffn_gate" }, [SITE_UP] = { "mlp.up_proj", "ffn_up" },                                 \
        [SITE_DOWN] = { "mlp.down_proj", "ffn_down" },                                                                          \
    }

static const Family families[] = {
    { .model_type = "llama", .architecture = "llama", .gguf_pairs_heads = true, .default_targets = { "q_proj", "v_proj" }, .site = LLAMA_SITES },
};
enum { N_FAMILIES = sizeof families / sizeof *families };

const Family *family_of_model_type(const char *model_type)
{
    for (int i = 0; i < N_FAMILIES; i++)
        if (!strcmp(families[i].model_type, model_type)) return &families[i];
    return NULL;
}

const Family *family_of_architecture(const char *architecture)
{
    for (int i = 0; i < N_FAMILIES; i++)
        if (!strcmp(families[i].architecture, architecture)) return &families[i];
    return NULL;
}

void family_list(Buffer *out, bool gguf)
{
    for (int i = 0; i < N_FAMILIES; i++)
        buffer_format(out, "%s%s", i ? ", " : "", gguf ? families[i].architecture : families[i].model_type);
}
