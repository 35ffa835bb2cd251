"""Tiny models of every family beside llama: two or more of each, so that every flag of its configuration stands both ways.

    SPECS["gemma2-plain"]    keys of the configuration, with model_type, for models.write_model

`json` is what config.json holds beside that or in place of it (None: the key is not there): the spellings of older versions,
which transformers must read as the same configuration. `bare` saves the tensors without the name of the base model in front.
Windows, and contexts that a scaling starts from, are shorter than the rows that the models are trained on. Dropouts are 0."""

SMALL = dict(vocab_size=384, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=256, bos_token_id=0, eos_token_id=2, pad_token_id=0)
GPT2 = dict(vocab_size=384, n_embd=32, n_layer=2, n_head=4, n_positions=256, bos_token_id=0, eos_token_id=2, pad_token_id=0,
            attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0)
WINDOW = dict(sliding_window=6)
FULL, SLIDING = "full_attention", "sliding_attention"
LONG = dict(short_factor=[1.0, 1.1, 1.3, 1.6], long_factor=[1.2, 2.0, 4.0, 9.0])
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16, beta_fast=4.0)
LLAMA3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)


def rope(kind="default", theta=10000.0, **options):
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=theta, **options))


def rope_of_types(full, sliding):
    return dict(rope_parameters={FULL: dict(rope_type="default") | full, SLIDING: dict(rope_type="default") | sliding})


def images(**vision):
    """What a multimodal folder holds beside the text; ids of images lie above the vocabulary, so no row has one."""
    return dict(image_token_index=500, vision_config=dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                                                          num_attention_heads=1, image_size=8, patch_size=4, **vision))


FAMILIES = {
    "mistral": {
        "": dict(WINDOW, head_dim=12),
        "plain": dict(sliding_window=None, tie_word_embeddings=True, num_key_value_heads=1, **rope("linear", 50000.0, factor=2.0)),
    },
    "qwen2": {
        "": dict(num_key_value_heads=4),
        "window": dict(WINDOW, use_sliding_window=True, max_window_layers=1, tie_word_embeddings=True, num_hidden_layers=3),
        "types": dict(WINDOW, use_sliding_window=True, layer_types=[SLIDING, FULL], head_dim=12, **rope(theta=1000000.0)),
        "dynamic": dict(max_position_embeddings=24, **rope("dynamic", factor=2.0)),
    },
    "qwen3": {
        "": dict(head_dim=12),
        "window": dict(WINDOW, use_sliding_window=True, max_window_layers=1, attention_bias=True, tie_word_embeddings=True, head_dim=8),
        "yarn": dict(head_dim=8, rope_parameters=YARN | dict(rope_theta=1000000.0)),
    },
    "gemma": {
        "": dict(head_dim=12, json=dict(hidden_activation=None, rope_parameters=None, rope_theta=10000.0)),
        "bias": dict(head_dim=8, attention_bias=True, tie_word_embeddings=False, num_key_value_heads=1, json=dict(hidden_act="gelu")),
    },
    "gemma2": {
        "": dict(WINDOW, head_dim=12, query_pre_attn_scalar=5, attn_logit_softcapping=3.0, final_logit_softcapping=4.0,
                 num_hidden_layers=3, json=dict(hidden_act="gelu_pytorch_tanh", layer_types=None)),
        "plain": dict(WINDOW, head_dim=8, query_pre_attn_scalar=8, attn_logit_softcapping=None, final_logit_softcapping=None,
                      attention_bias=True, tie_word_embeddings=False, layer_types=[FULL, SLIDING], hidden_activation="gelu"),
    },
    "gemma3_text": {
        "": dict(WINDOW, head_dim=12, query_pre_attn_scalar=5, num_hidden_layers=3, sliding_window_pattern=3,
                 **rope_of_types(dict(rope_theta=100000.0), dict(rope_theta=100.0))),
        "bias": dict(WINDOW, head_dim=8, query_pre_attn_scalar=8, layer_types=[FULL, SLIDING], attention_bias=True, num_key_value_heads=4,
                     tie_word_embeddings=False, final_logit_softcapping=4.0, **rope_of_types(dict(rope_theta=5000.0), dict(rope_theta=5000.0))),
        "old": dict(WINDOW, head_dim=8, query_pre_attn_scalar=8, layer_types=[SLIDING, FULL],
                    **rope_of_types(dict(rope_type="linear", factor=8.0, rope_theta=50000.0), dict(rope_theta=200.0)),
                    json=dict(rope_parameters=None, layer_types=None, sliding_window_pattern=2, rope_theta=50000.0, rope_local_base_freq=200.0,
                              rope_scaling=dict(rope_type="linear", factor=8.0))),
        "dynamic": dict(WINDOW, head_dim=8, query_pre_attn_scalar=8, layer_types=[SLIDING, FULL], max_position_embeddings=24,
                        **rope_of_types(dict(rope_type="dynamic", factor=2.0, rope_theta=5000.0), dict(rope_theta=200.0))),
    },
    "gemma3": {
        "": dict(images(model_type="siglip_vision_model"), boi_token_index=501, eoi_token_index=502, mm_tokens_per_image=4, text_config=dict(
            SMALL | WINDOW, head_dim=8, query_pre_attn_scalar=8, layer_types=[SLIDING, FULL],
            **rope_of_types(dict(rope_theta=50000.0), dict(rope_theta=200.0)))),
    },
    "phi3": {
        "": dict(WINDOW, **rope(partial_rotary_factor=1.0)),
        "partial": dict(num_key_value_heads=4, tie_word_embeddings=True, **rope(theta=500.0, partial_rotary_factor=0.75),
                        json=dict(rope_parameters=None, rope_theta=500.0, partial_rotary_factor=0.75)),
        "longrope": dict(original_max_position_embeddings=24,
                         **rope("longrope", partial_rotary_factor=1.0, original_max_position_embeddings=24, **LONG)),
        "factor": dict(original_max_position_embeddings=24, max_position_embeddings=128,
                       **rope("longrope", partial_rotary_factor=1.0, factor=3.0, original_max_position_embeddings=24, **LONG)),
        "attention-factor": dict(original_max_position_embeddings=24, **rope(
            "longrope", partial_rotary_factor=1.0, attention_factor=1.2, original_max_position_embeddings=24, type="yarn", **LONG),
            json=dict(rope_parameters=None, rope_theta=10000.0, rope_scaling=dict(type="yarn", attention_factor=1.2, **LONG))),
    },
    "smollm3": {
        "": dict(no_rope_layer_interval=2, head_dim=12, json=dict(no_rope_layers=None, layer_types=None)),
        "window": dict(WINDOW, use_sliding_window=True, no_rope_layers=[1, 0, 1], num_hidden_layers=3, attention_bias=True, mlp_bias=True,
                       tie_word_embeddings=False, json=dict(layer_types=None)),
        "types": dict(WINDOW, use_sliding_window=False, no_rope_layers=[0, 1], layer_types=[FULL, SLIDING], **rope(theta=5000.0)),
    },
    "olmo2": {
        "": dict(head_dim=12),
        "bias": dict(attention_bias=True, tie_word_embeddings=True, num_key_value_heads=4, **rope("linear", 500000.0, factor=2.0)),
    },
    "olmo3": {
        "": dict(WINDOW, num_hidden_layers=4, **rope_of_types(dict(rope_theta=1000.0), dict(rope_theta=1000.0)), json=dict(layer_types=None)),
        "bias": dict(WINDOW, layer_types=[FULL, SLIDING], attention_bias=True, tie_word_embeddings=True,
                     **rope_of_types(YARN | dict(rope_theta=5000.0), dict(rope_theta=200.0))),
        # rope_theta of old configurations reaches the full layers only: the sliding ones are left with the default
        "old": dict(WINDOW, layer_types=[SLIDING, FULL], **rope_of_types(YARN | dict(rope_theta=1000.0), dict(rope_theta=500000.0)),
                    json=dict(rope_parameters=None, rope_theta=1000.0, rope_scaling=YARN)),
    },
    "granite": {
        "": dict(embedding_multiplier=3.0, residual_multiplier=0.4, attention_multiplier=0.2, logits_scaling=1.7, head_dim=12),
        "bias": dict(attention_bias=True, mlp_bias=True, tie_word_embeddings=True, attention_multiplier=0.35),
    },
    "glm4": {
        "": dict(head_dim=12, **rope(partial_rotary_factor=0.5)),
        "plain": dict(head_dim=8, attention_bias=False, tie_word_embeddings=True, num_key_value_heads=4,
                      **rope(theta=500.0, partial_rotary_factor=1.0)),
        "linear": dict(head_dim=8, **rope("linear", factor=4.0, partial_rotary_factor=0.5),
                       json=dict(rope_parameters=None, rope_scaling=dict(type="linear", factor=4.0), rope_theta=10000.0)),
    },
    "cohere": {
        "": dict(logit_scale=0.25, head_dim=12),
        "bias": dict(logit_scale=0.5, use_qk_norm=True, attention_bias=True, tie_word_embeddings=False,
                     rope_parameters=LLAMA3 | dict(rope_theta=1000.0)),
    },
    "cohere2": {
        "": dict(WINDOW, logit_scale=0.25, num_hidden_layers=4, json=dict(layer_types=None)),
        "bias": dict(WINDOW, logit_scale=0.5, layer_types=[FULL, SLIDING], attention_bias=True, tie_word_embeddings=False, head_dim=12),
        "old": dict(WINDOW, logit_scale=0.25, layer_types=[SLIDING, FULL], num_key_value_heads=4,
                    json=dict(layer_types=None, sliding_window_pattern=2)),
    },
    "starcoder2": {
        "": dict(WINDOW),
        "plain": dict(use_bias=False, tie_word_embeddings=False, hidden_act="gelu", head_dim=12, num_key_value_heads=1),
    },
    "stablelm": {
        "": rope(partial_rotary_factor=0.25),
        "heads": dict(use_qkv_bias=True, qk_layernorm=True, tie_word_embeddings=True, **rope(theta=500.0, partial_rotary_factor=0.5)),
        "parallel": dict(use_parallel_residual=True, num_key_value_heads=4, **rope(partial_rotary_factor=0.75),
                         json=dict(rope_parameters=None, rope_theta=10000.0, partial_rotary_factor=0.75)),
    },
    "gpt2": {
        "": {},
        "scaled": dict(scale_attn_weights=False, scale_attn_by_inverse_layer_idx=True, n_inner=40, tie_word_embeddings=False,
                       activation_function="relu"),
        "bare": dict(bare=True, scale_attn_by_inverse_layer_idx=True, reorder_and_upcast_attn=True, json=dict(n_embd=None, hidden_size=32)),
    },
    "gpt_neox": {
        "": dict(num_key_value_heads=4, **rope(partial_rotary_factor=0.25)),
        "sequential": dict(num_key_value_heads=4, use_parallel_residual=False, attention_bias=False, tie_word_embeddings=True, hidden_act="gelu_fast",
                           **rope(theta=500.0, partial_rotary_factor=0.75),
                           json=dict(rope_parameters=None, rotary_pct=0.75, rotary_emb_base=500.0)),
    },
    "phi": {
        "": dict(num_key_value_heads=4, **rope(partial_rotary_factor=0.5)),
        "norms": dict(qk_layernorm=True, tie_word_embeddings=True, hidden_act="gelu", **rope("linear", factor=2.0, partial_rotary_factor=0.25)),
    },
    "nemotron": {
        "": rope(partial_rotary_factor=0.5),
        "bias": dict(attention_bias=True, mlp_bias=True, tie_word_embeddings=True, head_dim=12, hidden_act="gelu", **rope(partial_rotary_factor=1.0)),
    },
    "exaone4": {
        "": dict(WINDOW, num_hidden_layers=4, json=dict(layer_types=None)),
        "global": dict(sliding_window=None, layer_types=[FULL, FULL], tie_word_embeddings=True, head_dim=12,
                       rope_parameters=LLAMA3 | dict(rope_theta=1000.0)),
        "pattern": dict(WINDOW, layer_types=[SLIDING, FULL], num_key_value_heads=4, sliding_window_pattern="LG"),
    },
    "ministral3": {
        "": dict(head_dim=12, rope_parameters=YARN | dict(rope_theta=1000000.0, llama_4_scaling_beta=0.5, mscale=1.0, mscale_all_dim=1.0)),
        "window": dict(WINDOW, head_dim=8, tie_word_embeddings=True, **rope(llama_4_scaling_beta=0.3, original_max_position_embeddings=10)),
    },
    "mistral3": {
        "": dict(images(model_type="pixtral", head_dim=8), text_config=dict(SMALL, model_type="mistral", head_dim=12, sliding_window=None)),
        "ministral3": dict(images(model_type="pixtral", head_dim=8), tie_word_embeddings=False, text_config=dict(
            SMALL, model_type="ministral3", head_dim=8, rope_parameters=YARN | dict(rope_theta=1000000.0, llama_4_scaling_beta=0.5))),
    },
}


def spec(family, keys):
    base = GPT2 if family == "gpt2" else {} if "text_config" in keys else SMALL
    return dict(base, model_type=family) | keys


def name(family, variant):
    return f"{family}-{variant}" if variant else family


def targets(model):
    """PEFT's target_modules for all linears that are trained: of a folder with images, those of the language model."""
    return r".*language_model.*_proj" if "text_config" in SPECS[model] else "all-linear"


SPECS = {name(family, variant): spec(family, keys) for family, variants in FAMILIES.items() for variant, keys in variants.items()}
