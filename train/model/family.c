#include "train/model/family.h"

#include <string.h>

const char ALWAYS[] = "always";

#define LLAMA_NAMES { .base = "model", .embedding = "embed_tokens", .layers = "layers", .norm = "norm", .head = "lm_head" }
#define LLAMA_QKV { SITE_Q, "self_attn.q_proj", "attn_q" }, { SITE_K, "self_attn.k_proj", "attn_k" }, { SITE_V, "self_attn.v_proj", "attn_v" }
#define LLAMA_O { SITE_O, "self_attn.o_proj", "attn_output" }
#define LLAMA_UP_DOWN { SITE_UP, "mlp.up_proj", "ffn_up" }, { SITE_DOWN, "mlp.down_proj", "ffn_down" }
#define LLAMA_MLP { SITE_GATE, "mlp.gate_proj", "ffn_gate" }, LLAMA_UP_DOWN
#define FUSED_MLP { SITE_GATE_UP, "mlp.gate_up_proj", "ffn_up" }, { SITE_DOWN, "mlp.down_proj", "ffn_down" }
#define LLAMA_SITES { LLAMA_QKV, LLAMA_O, LLAMA_MLP }
#define INPUT_NORM { NORM_ATTENTION_IN, "input_layernorm", "attn_norm" }
#define LLAMA_NORMS INPUT_NORM, { NORM_MLP_IN, "post_attention_layernorm", "ffn_norm" }
#define POST_NORMS { NORM_ATTENTION_OUT, "post_attention_layernorm", "post_attention_norm" }, \
    { NORM_MLP_OUT, "post_feedforward_layernorm", "post_ffw_norm" }
#define SANDWICH_NORMS INPUT_NORM, { NORM_MLP_IN, "pre_feedforward_layernorm", "ffn_norm" }, POST_NORMS
#define QK_NORMS { NORM_Q, "self_attn.q_norm", "attn_q_norm" }, { NORM_K, "self_attn.k_norm", "attn_k_norm" }
#define QV_TARGETS { "q_proj", "v_proj" }

static const Family families[] = {
    {
        .model_type = "llama", .architecture = "llama", .gguf_pairs_heads = true, .default_targets = QV_TARGETS,
        .name = LLAMA_NAMES, .site = LLAMA_SITES, .norm = { LLAMA_NORMS },
        .defaults = "{\"attention_bias\": false, \"mlp_bias\": false}",
        .gguf_only = "{\"attention.sliding_window\": 0}",
        .qkv_bias = "attention_bias", .o_bias = "attention_bias", .mlp_bias = "mlp_bias",
    },
    {
        .model_type = "mistral", .text_of = "mistral3", .default_targets = QV_TARGETS,
        .name = LLAMA_NAMES, .site = LLAMA_SITES, .norm = { LLAMA_NORMS },
        .defaults = "{\"max_position_embeddings\": 131072, \"num_key_value_heads\": 8, \"sliding_window\": 4096}",
        .window = WINDOW_ALL,
    },
    {
        .model_type = "ministral3", .text_of = "mistral3", .architecture = "mistral3", .gguf_pairs_heads = true,
        .name = LLAMA_NAMES, .site = LLAMA_SITES, .norm = { LLAMA_NORMS },
        .defaults = "{\"max_position_embeddings\": 262144, \"num_key_value_heads\": 8, \"head_dim\": 128, \"rms_norm_eps\": 1e-5, \"sliding_window\": null, "
                    "\"rope_parameters\": {\"rope_type\": \"yarn\", \"rope_theta\": 1e6, \"factor\": 16, \"original_max_position_embeddings\": 16384, "
                    "\"mscale\": 1, \"mscale_all_dim\": 1, \"llama_4_scaling_beta\": 0.1}}",
        .gguf_only = "{\"attention.sliding_window\": 0}",
        .window = WINDOW_ALL, .query_scaling = true,
    },
    {
        .model_type = "qwen2", .architecture = "qwen2", .default_targets = QV_TARGETS,
        .name = LLAMA_NAMES, .site = LLAMA_SITES, .norm = { LLAMA_NORMS },
        .defaults = "{\"max_position_embeddings\": 32768, \"use_sliding_window\": false, \"sliding_window\": 4096, \"max_window_layers\": 28, "
                    "\"layer_types\": null}",
        .qkv_bias = ALWAYS, .window = WINDOW_UPPER,
    },
    {
        .model_type = "qwen3", .architecture = "qwen3", .default_targets = QV_TARGETS,
        .name = LLAMA_NAMES, .site = LLAMA_SITES, .norm = { LLAMA_NORMS, QK_NORMS },
        .defaults = "{\"max_position_embeddings\": 32768, \"head_dim\": 128, \"attention_bias\": false, \"use_sliding_window\": false, "
                    "\"sliding_window\": 4096, \"max_window_layers\": 28, \"layer_types\": null}",
        .qkv_bias = "attention_bias", .o_bias = "attention_bias", .window = WINDOW_UPPER,
    },
    {
        .model_type = "gemma", .architecture = "gemma", .default_targets = QV_TARGETS,
        .name = LLAMA_NAMES, .site = LLAMA_SITES, .norm = { LLAMA_NORMS },
        .defaults = "{\"max_position_embeddings\": 8192, \"num_key_value_heads\": 16, \"head_dim\": 256, \"hidden_act\": \"gelu_pytorch_tanh\", "
                    "\"tie_word_embeddings\": true, \"attention_bias\": false, \"use_bidirectional_attention\": null}",
        .only = "{\"use_bidirectional_attention\": false}",
        .qkv_bias = "attention_bias", .o_bias = "attention_bias", .norm_offset = 1, .scaled_embedding = true, .gelu_means_tanh = true,
    },
    {
        .model_type = "gemma2", .architecture = "gemma2", .gguf_wide_scale_layers = 46, .default_targets = QV_TARGETS,
        .name = LLAMA_NAMES, .site = LLAMA_SITES, .norm = { SANDWICH_NORMS },
        .key = { { "hidden_act", "hidden_activation" }, { "-", "hidden_act" }, { "-", "sliding_window_pattern" } },
        .defaults = "{\"max_position_embeddings\": 8192, \"num_key_value_heads\": 4, \"head_dim\": 256, \"hidden_act\": \"gelu_pytorch_tanh\", "
                    "\"tie_word_embeddings\": true, \"attention_bias\": false, \"use_bidirectional_attention\": null, \"query_pre_attn_scalar\": 256, "
                    "\"sliding_window\": 4096, \"layer_types\": null, \"sliding_window_pattern\": 2, \"final_logit_softcapping\": 30.0, "
                    "\"attn_logit_softcapping\": 50.0}",
        .only = "{\"use_bidirectional_attention\": false}", .gguf = "{\"query_pre_attn_scalar\": null, \"rope_theta_of_windows\": null}",
        .qkv_bias = "attention_bias", .o_bias = "attention_bias", .norm_offset = 1, .scaled_embedding = true, .window = WINDOW_PATTERN,
    },
    {
        .model_type = "gemma3_text", .text_of = "gemma3", .architecture = "gemma3", .gguf_wide_scale_layers = 62, .default_targets = QV_TARGETS,
        .name = LLAMA_NAMES, .site = LLAMA_SITES, .norm = { SANDWICH_NORMS, QK_NORMS },
        .key = { { "hidden_act", "hidden_activation" }, { "-", "hidden_act" } },
        .defaults = "{\"vocab_size\": 262208, \"hidden_size\": 2304, \"intermediate_size\": 9216, \"num_hidden_layers\": 26, \"num_attention_heads\": 8, "
                    "\"max_position_embeddings\": 131072, \"num_key_value_heads\": 4, \"head_dim\": 256, \"hidden_act\": \"gelu_pytorch_tanh\", "
                    "\"tie_word_embeddings\": true, \"attention_bias\": false, \"use_bidirectional_attention\": null, \"query_pre_attn_scalar\": 256, "
                    "\"sliding_window\": 4096, \"layer_types\": null, \"sliding_window_pattern\": 6, \"final_logit_softcapping\": null, "
                    "\"rope_theta\": 1000000, \"rope_local_base_freq\": 10000}",
        .only = "{\"use_bidirectional_attention\": false}", .gguf = "{\"query_pre_attn_scalar\": null, \"sliding_window\": null}",
        .qkv_bias = "attention_bias", .o_bias = "attention_bias", .norm_offset = 1, .scaled_embedding = true, .window = WINDOW_PATTERN,
        .rope_by_layer_type = true,
    },
    {
        /* llama.cpp knows the window of a GGUF and does not apply it; the model has it. */
        .model_type = "phi3", .architecture = "phi3",
        .name = LLAMA_NAMES, .site = { LLAMA_O, { SITE_QKV, "self_attn.qkv_proj", "attn_qkv" }, FUSED_MLP }, .norm = { LLAMA_NORMS },
        .defaults = "{\"max_position_embeddings\": 4096, \"original_max_position_embeddings\": 4096, \"rms_norm_eps\": 1e-5, \"resid_pdrop\": 0, "
                    "\"sliding_window\": null}",
        .dropout = { [DROP_ATTENTION_OUT] = "resid_pdrop", [DROP_MLP_OUT] = "resid_pdrop" }, .gguf = "{\"original_max_position_embeddings\": null}",
        .window = WINDOW_ALL, .partial_rotary = true, .only_longrope = true,
    },
    {
        .model_type = "smollm3", .architecture = "smollm3", .gguf_pairs_heads = true,
        .name = LLAMA_NAMES, .site = LLAMA_SITES, .norm = { LLAMA_NORMS },
        .defaults = "{\"max_position_embeddings\": 32768, \"num_key_value_heads\": 4, \"rope_theta\": 2000000, \"tie_word_embeddings\": true, "
                    "\"attention_bias\": false, \"mlp_bias\": false, \"use_sliding_window\": false, \"sliding_window\": null, \"layer_types\": null, "
                    "\"no_rope_layers\": null, \"no_rope_layer_interval\": 4}",
        .gguf_only = "{\"attention.sliding_window\": 0}",
        .qkv_bias = "attention_bias", .o_bias = "attention_bias", .mlp_bias = "mlp_bias", .window = WINDOW_NO_ROPE, .rope = ROPE_LISTED,
    },
    {
        .model_type = "olmo2", .architecture = "olmo2",
        .name = LLAMA_NAMES, .site = LLAMA_SITES, .norm = { POST_NORMS, QK_NORMS }, .qk_norm = QK_NORM_WHOLE,
        .defaults = "{\"rms_norm_eps\": 1e-5, \"attention_bias\": false}",
        .qkv_bias = "attention_bias", .o_bias = "attention_bias",
    },
    {
        .model_type = "granite", .architecture = "granite", .gguf_pairs_heads = true,
        .name = LLAMA_NAMES, .site = LLAMA_SITES, .norm = { LLAMA_NORMS },
        .defaults = "{\"attention_bias\": false, \"mlp_bias\": false, \"embedding_multiplier\": 1.0, \"logits_scaling\": 1.0, "
                    "\"residual_multiplier\": 1.0, \"attention_multiplier\": 1.0}",
        .gguf = "{\"attention_multiplier\": null}", .gguf_only = "{\"rope.scaling.finetuned\": true, \"deepstack_mapping\": -1}",
        .qkv_bias = "attention_bias", .o_bias = "attention_bias", .mlp_bias = "mlp_bias",
    },
    {
        .model_type = "cohere", .architecture = "command-r",
        .name = LLAMA_NAMES, .site = LLAMA_SITES, .norm = { INPUT_NORM, QK_NORMS }, .qk_norm = QK_NORM_EACH, .qk_norm_key = "use_qk_norm",
        .key = { { "rms_norm_eps", "layer_norm_eps" } },
        .defaults = "{\"max_position_embeddings\": 8192, \"rms_norm_eps\": 1e-5, \"rope_theta\": 500000, \"tie_word_embeddings\": true, "
                    "\"attention_bias\": false, \"use_qk_norm\": false, \"logit_scale\": 0.0625}",
        .gguf = "{\"logit_scale\": null}",
        .qkv_bias = "attention_bias", .o_bias = "attention_bias", .layer_norm = true, .parallel_residual = ALWAYS, .rope_interleaved = true,
    },
    {
        .model_type = "cohere2", .architecture = "cohere2",
        .name = LLAMA_NAMES, .site = LLAMA_SITES, .norm = { INPUT_NORM },
        .key = { { "rms_norm_eps", "layer_norm_eps" } },
        .defaults = "{\"max_position_embeddings\": 8192, \"rms_norm_eps\": 1e-5, \"tie_word_embeddings\": true, \"attention_bias\": false, "
                    "\"logit_scale\": 0.0625, \"sliding_window\": 4096, \"layer_types\": null, \"sliding_window_pattern\": 4}",
        .qkv_bias = "attention_bias", .o_bias = "attention_bias", .layer_norm = true, .parallel_residual = ALWAYS,
        .window = WINDOW_PATTERN, .rope = ROPE_WINDOWS, .rope_interleaved = true,
    },
    {
        .model_type = "stablelm", .architecture = "stablelm", .default_targets = QV_TARGETS,
        .name = LLAMA_NAMES, .site = LLAMA_SITES,
        .norm = { LLAMA_NORMS, { NORM_Q, "self_attn.q_layernorm.norms.%d", "attn_q_norm" }, { NORM_K, "self_attn.k_layernorm.norms.%d", "attn_k_norm" } },
        .qk_norm = QK_NORM_EACH, .qk_norm_key = "qk_layernorm",
        .key = { { "rms_norm_eps", "layer_norm_eps" } },
        .defaults = "{\"max_position_embeddings\": 4096, \"rms_norm_eps\": 1e-5, \"partial_rotary_factor\": 0.25, \"use_qkv_bias\": false, "
                    "\"qk_layernorm\": false, \"use_parallel_residual\": false, \"hidden_dropout\": 0}",
        .dropout = { [DROP_MLP_OUT] = "hidden_dropout" },
        .qkv_bias = "use_qkv_bias", .layer_norm = true, .norm_bias = true, .parallel_residual = "use_parallel_residual", .one_norm_if_parallel = true,
        .head_dim_follows = true, .partial_rotary = true,
    },
    {
        .model_type = "gpt2", .architecture = "gpt2", .default_targets = { "c_attn" },
        .name = { .base = "transformer", .embedding = "wte", .positions = "wpe", .layers = "h", .norm = "ln_f", .head = "lm_head" },
        .site = { { SITE_QKV, "attn.c_attn", "attn_qkv" }, { SITE_O, "attn.c_proj", "attn_output" }, { SITE_UP, "mlp.c_fc", "ffn_up" },
                  { SITE_DOWN, "mlp.c_proj", "ffn_down" } },
        .norm = { { NORM_ATTENTION_IN, "ln_1", "attn_norm" }, { NORM_MLP_IN, "ln_2", "ffn_norm" } },
        .key = { { "hidden_size", "n_embd" }, { "num_hidden_layers", "n_layer" }, { "num_attention_heads", "n_head" }, { "max_position_embeddings", "n_positions" },
                 { "hidden_size", "hidden_size" }, { "num_hidden_layers", "num_hidden_layers" }, { "num_attention_heads", "num_attention_heads" },
                 { "max_position_embeddings", "max_position_embeddings" },
                 { "intermediate_size", "n_inner" }, { "hidden_act", "activation_function" }, { "rms_norm_eps", "layer_norm_epsilon" },
                 { "attention_dropout", "attn_pdrop" }, { "-", "num_key_value_heads" }, { "-", "head_dim" } },
        .defaults = "{\"max_position_embeddings\": 1024, \"hidden_act\": \"gelu_new\", \"rms_norm_eps\": 1e-5, \"tie_word_embeddings\": true, "
                    "\"attention_dropout\": 0.1, \"resid_pdrop\": 0.1, \"embd_pdrop\": 0.1, \"scale_attn_weights\": true, "
                    "\"scale_attn_by_inverse_layer_idx\": false, \"add_cross_attention\": false}",
        .only = "{\"add_cross_attention\": false}",
        .dropout = { [DROP_EMBEDDING] = "embd_pdrop", [DROP_ATTENTION_OUT] = "resid_pdrop", [DROP_MLP_OUT] = "resid_pdrop" },
        .gguf = "{\"attention_dropout\": 0, \"resid_pdrop\": 0, \"embd_pdrop\": 0}",
        .qkv_bias = ALWAYS, .o_bias = ALWAYS, .mlp_bias = ALWAYS, .conv1d = true, .intermediate_times_hidden = 4, .layer_norm = true, .norm_bias = true,
        .rope = ROPE_NONE, .counts_first_labels = true,
    },
    {
        /* A GGUF does not say which GELU; llama.cpp takes the tanh form, the models that are trained were made with erf's. */
        .model_type = "gpt_neox", .architecture = "gptneox", .default_targets = { "query_key_value" },
        .name = { .base = "gpt_neox", .embedding = "embed_in", .layers = "layers", .norm = "final_layer_norm", .head = "lm_head", .head_tensor = "embed_out" },
        .site = { { SITE_QKV, "attention.query_key_value", "attn_qkv" }, { SITE_O, "attention.dense", "attn_output" },
                  { SITE_UP, "mlp.dense_h_to_4h", "ffn_up" }, { SITE_DOWN, "mlp.dense_4h_to_h", "ffn_down" } },
        .norm = { LLAMA_NORMS },
        .key = { { "rms_norm_eps", "layer_norm_eps" }, { "rope_theta", "rotary_emb_base" }, { "-", "rope_theta" }, { "partial_rotary_factor", "rotary_pct" },
                 { "-", "partial_rotary_factor" }, { "-", "num_key_value_heads" } },
        .defaults = "{\"hidden_act\": \"gelu\", \"rms_norm_eps\": 1e-5, \"partial_rotary_factor\": 0.25, \"use_parallel_residual\": true, "
                    "\"attention_bias\": true, \"hidden_dropout\": 0}",
        .dropout = { [DROP_EMBEDDING] = "hidden_dropout", [DROP_ATTENTION_OUT] = "hidden_dropout", [DROP_MLP_OUT] = "hidden_dropout" },
        .qkv_bias = "attention_bias", .o_bias = "attention_bias", .mlp_bias = ALWAYS, .qkv_by_head = true, .layer_norm = true, .norm_bias = true,
        .parallel_residual = "use_parallel_residual", .head_dim_follows = true, .partial_rotary = true,
    },
    {
        .model_type = "phi", .architecture = "phi2", .default_targets = { "q_proj", "v_proj", "fc1", "fc2" },
        .name = { .base = "model", .embedding = "embed_tokens", .layers = "layers", .norm = "final_layernorm", .head = "lm_head" },
        .site = { LLAMA_QKV, { SITE_O, "self_attn.dense", "attn_output" }, { SITE_UP, "mlp.fc1", "ffn_up" }, { SITE_DOWN, "mlp.fc2", "ffn_down" } },
        .norm = { INPUT_NORM, { NORM_Q, "self_attn.q_layernorm", "attn_q_norm" }, { NORM_K, "self_attn.k_layernorm", "attn_k_norm" } },
        .qk_norm_key = "qk_layernorm", .qk_norm_bias = true,
        .key = { { "rms_norm_eps", "layer_norm_eps" } },
        .defaults = "{\"hidden_act\": \"gelu_new\", \"rms_norm_eps\": 1e-5, \"partial_rotary_factor\": 0.5, \"qk_layernorm\": false, \"resid_pdrop\": 0, "
                    "\"embd_pdrop\": 0}",
        .dropout = { [DROP_EMBEDDING] = "embd_pdrop", [DROP_ATTENTION_OUT] = "resid_pdrop", [DROP_MLP_OUT] = "resid_pdrop" },
        .qkv_bias = ALWAYS, .o_bias = ALWAYS, .mlp_bias = ALWAYS, .head_bias = true, .layer_norm = true, .norm_bias = true, .parallel_residual = ALWAYS,
        .partial_rotary = true,
    },
    {
        .model_type = "olmo3", .architecture = "olmo2",
        .name = LLAMA_NAMES, .site = LLAMA_SITES, .norm = { POST_NORMS, QK_NORMS }, .qk_norm = QK_NORM_WHOLE,
        .key = { { "-", "rope_local_base_freq" }, { "-", "sliding_window_pattern" } },
        .defaults = "{\"rms_norm_eps\": 1e-5, \"attention_bias\": false, \"sliding_window\": 4096, \"layer_types\": null, \"sliding_window_pattern\": 4, "
                    "\"rope_theta\": 500000, \"rope_local_base_freq\": 500000}",
        .gguf = "{\"rope_local_base_freq\": null, \"rope_theta_of_windows\": null}",
        .qkv_bias = "attention_bias", .o_bias = "attention_bias", .window = WINDOW_PATTERN, .rope_by_layer_type = true,
    },
    {
        .model_type = "glm4", .architecture = "glm4",
        .name = LLAMA_NAMES, .site = { LLAMA_QKV, LLAMA_O, FUSED_MLP },
        .norm = { INPUT_NORM, { NORM_MLP_IN, "post_attention_layernorm", "ffn_norm" }, { NORM_ATTENTION_OUT, "post_self_attn_layernorm", "post_attention_norm" },
                  { NORM_MLP_OUT, "post_mlp_layernorm", "post_ffw_norm" } },
        .defaults = "{\"max_position_embeddings\": 131072, \"num_key_value_heads\": 2, \"head_dim\": 128, \"rms_norm_eps\": 1.5625e-7, "
                    "\"partial_rotary_factor\": 0.5, \"attention_bias\": true}",
        .gguf_only = "{\"rope.dimension_sections\": 0}",
        .qkv_bias = "attention_bias", .rope_interleaved = true, .partial_rotary = true,
    },
    {
        .model_type = "starcoder2", .architecture = "starcoder2",
        .name = LLAMA_NAMES, .site = { LLAMA_QKV, LLAMA_O, { SITE_UP, "mlp.c_fc", "ffn_up" }, { SITE_DOWN, "mlp.c_proj", "ffn_down" } },
        .norm = { LLAMA_NORMS },
        .key = { { "rms_norm_eps", "norm_epsilon" } },
        .defaults = "{\"max_position_embeddings\": 4096, \"num_key_value_heads\": 2, \"hidden_act\": \"gelu_pytorch_tanh\", \"rms_norm_eps\": 1e-5, "
                    "\"tie_word_embeddings\": true, \"sliding_window\": null, \"use_bias\": true, \"residual_dropout\": 0, \"embedding_dropout\": 0}",
        .dropout = { [DROP_EMBEDDING] = "embedding_dropout", [DROP_ATTENTION_OUT] = "residual_dropout", [DROP_MLP_OUT] = "residual_dropout" },
        .gguf_only = "{\"attention.sliding_window\": 0}",
        .qkv_bias = "use_bias", .o_bias = "use_bias", .mlp_bias = "use_bias", .layer_norm = true, .norm_bias = true, .window = WINDOW_ALL,
    },
    {
        .model_type = "nemotron", .architecture = "nemotron",
        .name = LLAMA_NAMES, .site = { LLAMA_QKV, LLAMA_O, LLAMA_UP_DOWN }, .norm = { LLAMA_NORMS },
        .key = { { "rms_norm_eps", "norm_eps" } },
        .defaults = "{\"max_position_embeddings\": 4096, \"hidden_act\": \"relu2\", \"rms_norm_eps\": 1e-5, \"partial_rotary_factor\": 0.5, "
                    "\"attention_bias\": false, \"mlp_bias\": false}",
        .qkv_bias = "attention_bias", .o_bias = "attention_bias", .mlp_bias = "mlp_bias", .layer_norm = true, .norm_bias = true, .norm_offset = 1,
        .partial_rotary = true,
    },
    {
        .model_type = "exaone4", .architecture = "exaone4", .gguf_window_layers = 64,
        .name = LLAMA_NAMES, .site = LLAMA_SITES, .norm = { POST_NORMS, QK_NORMS },
        .defaults = "{\"num_key_value_heads\": 32, \"rms_norm_eps\": 1e-5, \"sliding_window\": 4096, \"sliding_window_pattern\": 4, \"layer_types\": null}",
        .window = WINDOW_PATTERN, .rope = ROPE_WINDOWS_IF_ANY,
    },
};
enum { N_FAMILIES = sizeof families / sizeof *families };

const Family *family_at(int i) { return i >= 0 && i < N_FAMILIES ? &families[i] : NULL; }

const Family *family_of_model_type(const char *model_type)
{
    for (int i = 0; i < N_FAMILIES; i++)
        if (!strcmp(families[i].model_type, model_type)) return &families[i];
    return NULL;
}

const Family *family_of_text(const char *multimodal, const char *model_type)
{
    for (int i = 0; i < N_FAMILIES; i++) {
        const Family *f = &families[i];
        if (f->text_of && !strcmp(f->text_of, multimodal) && (!model_type || !strcmp(f->model_type, model_type))) return f;
    }
    return NULL;
}

const Family *family_of_architecture(const char *architecture, bool window)
{
    const Family *found = NULL;
    for (int i = 0; i < N_FAMILIES; i++) {
        const Family *f = &families[i];
        if (!f->architecture || strcmp(f->architecture, architecture)) continue;
        if (!found || (f->window != WINDOW_NONE) == window) found = f;
    }
    return found;
}

void family_list(Buffer *out, bool gguf)
{
    for (int i = 0; i < N_FAMILIES; i++) {
        const char *name = gguf ? families[i].architecture : families[i].model_type;
        if (name) buffer_format(out, "%s%s", out->len ? ", " : "", name);
    }
}

int family_sites(const Family *f)
{
    int n = 0;
    while (n < FAMILY_SITES && f->site[n].module) n++;
    return n;
}

const SiteName *family_site(const Family *f, SiteKind kind)
{
    for (int i = 0; i < family_sites(f); i++)
        if (f->site[i].kind == kind) return &f->site[i];
    return NULL;
}

const NormName *family_norm(const Family *f, NormKind kind)
{
    for (int i = 0; i < FAMILY_NORMS && f->norm[i].module; i++)
        if (f->norm[i].kind == kind) return &f->norm[i];
    return NULL;
}

const char *family_dropout(const Family *f, DropKind kind) { return kind == DROP_PROBABILITIES ? "attention_dropout" : f->dropout[kind]; }

const char *family_spelling(const Family *f, const char *key)
{
    for (int i = 0; i < FAMILY_KEYS && f->key[i].key; i++)
        if (!strcmp(f->key[i].key, key)) return f->key[i].here;
    return key;
}
