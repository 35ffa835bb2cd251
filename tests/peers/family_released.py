"""Configurations as the models of every family were released with, older spellings and keys of their own code included, read alike.

    family_released.py GRAFT [NAME...]      GRAFT is the binary; a NAME is a model or a pattern such as 'gemma*'

The keys are those of the released config.json; only what makes a model large is small: sizes, windows, the contexts that longrope and
query scaling start from. transformers makes a random model of each and reads it back from that config.json; graft's logits are within
1e-5 of their range."""
import argparse
import fnmatch
import sys
import tempfile
from pathlib import Path

import models
import peers
import torch
import transformers
from families import FULL, SLIDING, images
from family_keys import graft_logits, peer_logits

TINY = dict(vocab_size=384, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4, bos_token_id=0, eos_token_id=2,
            initializer_range=0.02, use_cache=True, torch_dtype="bfloat16", transformers_version="4.40.0")
RELEASED = {
    "Llama-3.2-1B": dict(TINY, eos_token_id=[1, 2, 3], num_key_value_heads=2, model_type="llama", architectures=["LlamaForCausalLM"],
        attention_bias=False, attention_dropout=0.0, head_dim=16, hidden_act="silu", max_position_embeddings=131072, mlp_bias=False,
        pretraining_tp=1, rms_norm_eps=1e-05,
        rope_scaling=dict(factor=32.0, high_freq_factor=4.0, low_freq_factor=1.0, original_max_position_embeddings=8192,
            rope_type="llama3"),
        rope_theta=500000.0, tie_word_embeddings=True),
    "Llama-2-7b": dict(TINY, num_key_value_heads=2, model_type="llama", architectures=["LlamaForCausalLM"], hidden_act="silu",
        max_position_embeddings=4096, pretraining_tp=1, rms_norm_eps=1e-05, rope_scaling=None, tie_word_embeddings=False,
        _name_or_path="x"),
    "deepseek-coder": dict(TINY, num_key_value_heads=2, model_type="llama", architectures=["LlamaForCausalLM"], hidden_act="silu",
        max_position_embeddings=16384, pretraining_tp=1, rms_norm_eps=1e-06, rope_scaling=dict(factor=4.0, type="linear"),
        rope_theta=100000, tie_word_embeddings=False),
    "Qwen2.5-0.5B": dict(TINY, num_key_value_heads=2, model_type="qwen2", architectures=["Qwen2ForCausalLM"], attention_dropout=0.0,
        hidden_act="silu", max_position_embeddings=32768, max_window_layers=24, rms_norm_eps=1e-06, rope_theta=1000000.0,
        sliding_window=32768, tie_word_embeddings=True, use_mrope=False, use_sliding_window=False),
    "Qwen2.5-yarn": dict(TINY, num_key_value_heads=2, model_type="qwen2", architectures=["Qwen2ForCausalLM"], attention_dropout=0.0,
        hidden_act="silu", max_position_embeddings=32768, max_window_layers=28, rms_norm_eps=1e-06, rope_theta=1000000.0,
        sliding_window=131072, tie_word_embeddings=False, use_sliding_window=False,
        rope_scaling=dict(factor=4.0, original_max_position_embeddings=32768, type="yarn")),
    "Qwen3-0.6B": dict(TINY, num_key_value_heads=2, model_type="qwen3", architectures=["Qwen3ForCausalLM"], attention_bias=False,
        attention_dropout=0.0, head_dim=32, hidden_act="silu", max_position_embeddings=40960, max_window_layers=28, rms_norm_eps=1e-06,
        rope_scaling=None, rope_theta=1000000, sliding_window=None, tie_word_embeddings=True, use_sliding_window=False),
    "Mistral-7B-v0.1": dict(TINY, num_key_value_heads=2, model_type="mistral", architectures=["MistralForCausalLM"], hidden_act="silu",
        max_position_embeddings=32768, rms_norm_eps=1e-05, rope_theta=10000.0, sliding_window=7, tie_word_embeddings=False),
    "Mistral-7B-v0.3": dict(TINY, num_key_value_heads=2, model_type="mistral", architectures=["MistralForCausalLM"],
        attention_dropout=0.0, hidden_act="silu", max_position_embeddings=32768, rms_norm_eps=1e-05, rope_theta=1000000.0,
        sliding_window=None, tie_word_embeddings=False),
    "Mistral-Nemo": dict(TINY, num_key_value_heads=2, model_type="mistral", architectures=["MistralForCausalLM"], attention_dropout=0.0,
        head_dim=12, hidden_act="silu", max_position_embeddings=131072, rms_norm_eps=1e-05, rope_theta=1000000.0, sliding_window=None,
        tie_word_embeddings=False),
    "gemma-2b": dict(TINY, num_key_value_heads=1, model_type="gemma", architectures=["GemmaForCausalLM"], attention_bias=False,
        attention_dropout=0.0, head_dim=24, hidden_act="gelu", max_position_embeddings=8192, rms_norm_eps=1e-06, rope_scaling=None,
        rope_theta=10000.0, pad_token_id=0),
    "gemma-1.1-2b": dict(TINY, num_key_value_heads=1, model_type="gemma", architectures=["GemmaForCausalLM"], attention_bias=False,
        attention_dropout=0.0, head_dim=24, hidden_act="gelu_pytorch_tanh", hidden_activation="gelu_pytorch_tanh",
        max_position_embeddings=8192, rms_norm_eps=1e-06, rope_scaling=None, rope_theta=10000.0, pad_token_id=0),
    "gemma-2-2b": dict(TINY, num_key_value_heads=2, model_type="gemma2", architectures=["Gemma2ForCausalLM"], attention_bias=False,
        attention_dropout=0.0, attn_logit_softcapping=50.0, cache_implementation="hybrid", final_logit_softcapping=30.0, head_dim=32,
        hidden_act="gelu_pytorch_tanh", hidden_activation="gelu_pytorch_tanh", max_position_embeddings=8192, query_pre_attn_scalar=32,
        rms_norm_eps=1e-06, rope_theta=10000.0, sliding_window=7, pad_token_id=0),
    "gemma-3-1b": dict(TINY, num_hidden_layers=7, num_key_value_heads=1, model_type="gemma3_text", architectures=["Gemma3ForCausalLM"],
        attention_bias=False, attention_dropout=0.0, attn_logit_softcapping=None, cache_implementation="hybrid",
        final_logit_softcapping=None, head_dim=32, hidden_activation="gelu_pytorch_tanh", max_position_embeddings=32768,
        query_pre_attn_scalar=32, rms_norm_eps=1e-06, rope_local_base_freq=10000, rope_scaling=None, rope_theta=1000000, sliding_window=7,
        sliding_window_pattern=6, pad_token_id=0),
    "gemma-3-270m": dict(TINY, num_hidden_layers=7, num_key_value_heads=1, model_type="gemma3_text", architectures=["Gemma3ForCausalLM"],
        _sliding_window_pattern=6, attention_bias=False, attention_dropout=0.0, attn_logit_softcapping=None, final_logit_softcapping=None,
        head_dim=32, hidden_activation="gelu_pytorch_tanh", layer_types=[SLIDING, SLIDING, SLIDING, SLIDING, SLIDING, FULL, SLIDING],
        max_position_embeddings=32768, query_pre_attn_scalar=32, rms_norm_eps=1e-06, rope_local_base_freq=10000.0, rope_scaling=None,
        rope_theta=1000000.0, sliding_window=7, use_bidirectional_attention=False, pad_token_id=0),
    "Phi-3-mini-4k": dict(TINY, num_key_value_heads=4, model_type="phi3", architectures=["Phi3ForCausalLM"], attention_bias=False,
        attention_dropout=0.0, auto_map=dict(AutoConfig="x.y"), embd_pdrop=0.0, hidden_act="silu", max_position_embeddings=4096,
        original_max_position_embeddings=4096, resid_pdrop=0.0, rms_norm_eps=1e-05, rope_scaling=None, rope_theta=10000.0,
        sliding_window=7, tie_word_embeddings=False, pad_token_id=0),
    "Phi-3-mini-128k": dict(TINY, num_key_value_heads=4, model_type="phi3", architectures=["Phi3ForCausalLM"], attention_bias=False,
        attention_dropout=0.0, embd_pdrop=0.0, hidden_act="silu", max_position_embeddings=1024, original_max_position_embeddings=32,
        resid_pdrop=0.0, rms_norm_eps=1e-05,
        rope_scaling=dict(long_factor=[1.1, 1.2, 1.5, 2, 3, 4, 5, 6], short_factor=[1, 1, 1.1, 1.1, 1.2, 1.2, 1.3, 1.4], type="longrope"),
        rope_theta=10000.0, sliding_window=None, tie_word_embeddings=False, pad_token_id=0),
    "Phi-4-mini": dict(TINY, num_key_value_heads=2, model_type="phi3", architectures=["Phi3ForCausalLM"], attention_bias=False,
        attention_dropout=0.0, embd_pdrop=0.0, full_attn_mod=1, hidden_act="silu", interpolate_factor=1, lm_head_bias=False,
        max_position_embeddings=1024, mlp_bias=False, original_max_position_embeddings=32, partial_rotary_factor=0.75, resid_pdrop=0.0,
        rms_norm_eps=1e-05,
        rope_scaling=dict(long_factor=[1.1, 1.2, 1.5, 2, 3, 4], short_factor=[1, 1, 1.1, 1.1, 1.2, 1.2], type="longrope"),
        rope_theta=10000.0, sliding_window=262144, tie_word_embeddings=True, pad_token_id=0),
    "SmolLM3-3B": dict(TINY, num_hidden_layers=4, num_key_value_heads=2, model_type="smollm3", architectures=["SmolLM3ForCausalLM"],
        attention_bias=False, attention_dropout=0.0, hidden_act="silu", layer_types=[FULL, FULL, FULL, FULL],
        max_position_embeddings=65536, max_window_layers=28, mlp_bias=False, no_rope_layer_interval=4, no_rope_layers=[1, 1, 1, 0],
        pretraining_tp=2, rms_norm_eps=1e-06, rope_scaling=None, rope_theta=5000000.0, sliding_window=None, use_sliding_window=False,
        pad_token_id=0),
    "OLMo-2-1B": dict(TINY, num_key_value_heads=4, model_type="olmo2", architectures=["Olmo2ForCausalLM"], attention_bias=False,
        attention_dropout=0.0, hidden_act="silu", max_position_embeddings=4096, rms_norm_eps=1e-06, rope_scaling=None, rope_theta=500000,
        tie_word_embeddings=False, pad_token_id=0),
    "Olmo-3-7B": dict(TINY, num_hidden_layers=4, num_key_value_heads=4, model_type="olmo3", architectures=["Olmo3ForCausalLM"],
        attention_bias=False, attention_dropout=0.0, hidden_act="silu", layer_types=[SLIDING, SLIDING, SLIDING, FULL],
        max_position_embeddings=65536, rms_norm_eps=1e-06,
        rope_scaling=dict(attention_factor=1.2079441541679836, beta_fast=32.0, beta_slow=1.0, factor=8.0,
            original_max_position_embeddings=8192, rope_type="yarn"),
        rope_theta=500000, sliding_window=7, tie_word_embeddings=False, pad_token_id=0),
    "granite-3.3-2b": dict(TINY, num_key_value_heads=2, model_type="granite", architectures=["GraniteForCausalLM"], attention_bias=False,
        attention_dropout=0.0, attention_multiplier=0.015625, embedding_multiplier=12.0, hidden_act="silu", logits_scaling=8.0,
        max_position_embeddings=131072, mlp_bias=False, residual_multiplier=0.22, rms_norm_eps=1e-05, rope_scaling=None,
        rope_theta=10000000.0, tie_word_embeddings=True, pad_token_id=0),
    "GLM-4-9B-0414": dict(TINY, eos_token_id=[1, 2], num_key_value_heads=2, model_type="glm4", architectures=["Glm4ForCausalLM"],
        attention_bias=False, attention_dropout=0.0, head_dim=16, hidden_act="silu", max_position_embeddings=32768,
        partial_rotary_factor=0.5, rms_norm_eps=1e-05, rope_theta=10000.0, tie_word_embeddings=False, pad_token_id=0),
    "aya-expanse-8b": dict(TINY, num_key_value_heads=2, model_type="cohere", architectures=["CohereForCausalLM"], attention_bias=False,
        attention_dropout=0.0, hidden_act="silu", layer_norm_eps=1e-05, logit_scale=0.125, max_position_embeddings=8192, rope_theta=10000,
        use_qk_norm=False, pad_token_id=0),
    "command-r-v01": dict(TINY, num_key_value_heads=4, model_type="cohere", architectures=["CohereForCausalLM"], attention_bias=False,
        attention_dropout=0.0, hidden_act="silu", layer_norm_eps=1e-05, logit_scale=0.0625, max_position_embeddings=8192,
        model_max_length=131072, pretraining_tp=1, rope_theta=8000000.0, tie_word_embeddings=True, pad_token_id=0),
    "command-r7b": dict(TINY, num_hidden_layers=4, num_key_value_heads=2, model_type="cohere2", architectures=["Cohere2ForCausalLM"],
        _sliding_window_pattern=4, attention_bias=False, attention_dropout=0.0, cache_implementation="hybrid", head_dim=16,
        hidden_act="silu", layer_norm_eps=1e-05, layer_switch=4, logit_scale=0.25, max_position_embeddings=8192,
        order_of_interleaved_layers="local_attn_first", position_embedding_type="rope_gptj", rope_scaling=None, rope_theta=50000,
        rotary_pct=1.0, sliding_window=7, sliding_window_pattern=4, use_embedding_sharing=True, use_gated_activation=True,
        use_parallel_block=True, use_parallel_embedding=True, pad_token_id=0),
    "starcoder2-3b": dict(TINY, initializer_range=0.018042, num_key_value_heads=2, model_type="starcoder2",
        architectures=["Starcoder2ForCausalLM"], activation_function="gelu", attention_dropout=0.1, attention_softmax_in_fp32=True,
        embedding_dropout=0.1, hidden_act="gelu_pytorch_tanh", layer_norm_epsilon=1e-05, max_position_embeddings=16384,
        mlp_type="default", norm_epsilon=1e-05, norm_type="layer_norm", residual_dropout=0.1, rope_theta=999999.4420358813,
        scale_attention_softmax_in_fp32=True, scale_attn_weights=True, sliding_window=7, use_bias=True),
    "stablelm-2-1_6b": dict(TINY, num_key_value_heads=4, model_type="stablelm", architectures=["StableLmForCausalLM"], hidden_act="silu",
        layer_norm_eps=1e-05, max_position_embeddings=4096, partial_rotary_factor=0.25, rope_theta=10000, tie_word_embeddings=False,
        use_qkv_bias=True),
    "stablelm-2-12b": dict(TINY, num_key_value_heads=2, model_type="stablelm", architectures=["StableLmForCausalLM"],
        attention_dropout=0.0, hidden_act="silu", hidden_dropout=0.0, layer_norm_bias=False, layer_norm_eps=1e-05,
        max_position_embeddings=4096, partial_rotary_factor=0.25, qk_layernorm=True, rope_scaling=None, rope_theta=10000,
        rotary_scaling_factor=1.0, tie_word_embeddings=False, use_parallel_residual=True, use_qkv_bias=False),
    "stablelm-3b-4e1t": dict(TINY, num_key_value_heads=4, model_type="stablelm", architectures=["StableLmForCausalLM"], hidden_act="silu",
        layer_norm_eps=1e-05, max_position_embeddings=4096, rope_theta=10000, rope_pct=0.25, norm_eps=1e-05, partial_rotary_factor=0.25,
        tie_word_embeddings=False),
    "gpt2": dict(vocab_size=384, bos_token_id=0, eos_token_id=2, model_type="gpt2", architectures=["GPT2LMHeadModel"],
        activation_function="gelu_new", attn_pdrop=0.1, embd_pdrop=0.1, initializer_range=0.02, layer_norm_epsilon=1e-05, n_ctx=1024,
        n_embd=64, n_head=4, n_layer=2, n_positions=1024, resid_pdrop=0.1, summary_activation=None, summary_first_dropout=0.1,
        summary_proj_to_labels=True, summary_type="cls_index", summary_use_proj=True,
        task_specific_params={"text-generation": dict(do_sample=True, max_length=50)}),
    "distilgpt2": dict(vocab_size=384, bos_token_id=0, eos_token_id=2, model_type="gpt2", architectures=["GPT2LMHeadModel"],
        _num_labels=1, activation_function="gelu_new", attn_pdrop=0.1, embd_pdrop=0.1, id2label={"0": "LABEL_0"}, initializer_range=0.02,
        label2id=dict(LABEL_0=0), layer_norm_epsilon=1e-05, n_ctx=1024, n_embd=64, n_head=4, n_layer=2, n_positions=1024,
        resid_pdrop=0.1),
    "pythia-70m": dict(TINY, model_type="gpt_neox", architectures=["GPTNeoXForCausalLM"], hidden_act="gelu", layer_norm_eps=1e-05,
        max_position_embeddings=2048, rotary_emb_base=10000, rotary_pct=0.25, tie_word_embeddings=False, use_parallel_residual=True),
    "dolly-v2": dict(TINY, model_type="gpt_neox", architectures=["GPTNeoXForCausalLM"], custom_pipelines=dict(a=dict()),
        attention_bias=True, attention_dropout=0.0, classifier_dropout=0.1, hidden_act="gelu", hidden_dropout=0.0, layer_norm_eps=1e-05,
        max_position_embeddings=2048, rope_scaling=None, rotary_emb_base=10000, rotary_pct=0.25, tie_word_embeddings=False,
        use_parallel_residual=True),
    "phi-1_5": dict(TINY, bos_token_id=None, eos_token_id=None, model_type="phi", architectures=["PhiForCausalLM"], attention_dropout=0.0,
        embd_pdrop=0.0, hidden_act="gelu_new", layer_norm_eps=1e-05, max_position_embeddings=2048, num_key_value_heads=None,
        partial_rotary_factor=0.5, qk_layernorm=False, resid_pdrop=0.0, rope_scaling=None, rope_theta=10000.0, tie_word_embeddings=False),
    "phi-2": dict(TINY, num_key_value_heads=4, model_type="phi", architectures=["PhiForCausalLM"], attention_dropout=0.0, embd_pdrop=0.0,
        hidden_act="gelu_new", layer_norm_eps=1e-05, max_position_embeddings=2048, partial_rotary_factor=0.5, qk_layernorm=False,
        resid_pdrop=0.0, rope_scaling=None, rope_theta=10000.0, tie_word_embeddings=False),
    "Minitron-4B": dict(TINY, initializer_range=0.0134, num_key_value_heads=2, model_type="nemotron",
        architectures=["NemotronForCausalLM"], attention_bias=False, attention_dropout=0.0, head_dim=16, hidden_act="relu2",
        max_position_embeddings=4096, mlp_bias=False, norm_eps=1e-05, partial_rotary_factor=0.5, rope_theta=10000.0, rope_scaling=None,
        tie_word_embeddings=False),
    "Nemotron-mini-rope": dict(TINY, num_key_value_heads=2, model_type="nemotron", architectures=["NemotronForCausalLM"],
        attention_bias=False, attention_dropout=0.0, hidden_act="relu2", kv_channels=16, max_position_embeddings=4096, mlp_bias=False,
        norm_eps=1e-05, rope_percent=0.5, partial_rotary_factor=0.5, rope_theta=10000.0, tie_word_embeddings=False),
    "EXAONE-4.0-1.2B": dict(TINY, num_key_value_heads=2, model_type="exaone4", architectures=["Exaone4ForCausalLM"],
        attention_dropout=0.0, head_dim=16, hidden_act="silu", layer_types=[FULL, FULL, FULL], max_position_embeddings=65536,
        rms_norm_eps=1e-05,
        rope_scaling=dict(factor=16.0, high_freq_factor=4.0, low_freq_factor=1.0, original_max_position_embeddings=8192,
            rope_type="llama3"),
        rope_theta=1000000, sliding_window=None, sliding_window_pattern=None, tie_word_embeddings=True, pad_token_id=0),
    "EXAONE-4.0-32B": dict(TINY, num_hidden_layers=4, num_key_value_heads=2, model_type="exaone4", architectures=["Exaone4ForCausalLM"],
        attention_dropout=0.0, head_dim=16, hidden_act="silu", layer_types=[SLIDING, SLIDING, SLIDING, FULL],
        max_position_embeddings=131072, rms_norm_eps=1e-05,
        rope_scaling=dict(factor=16.0, high_freq_factor=4.0, low_freq_factor=1.0, original_max_position_embeddings=8192,
            rope_type="llama3"),
        rope_theta=1000000, sliding_window=7, sliding_window_pattern="LLLG", tie_word_embeddings=False, pad_token_id=0),
    "gemma-3-4b": dict(model_type="gemma3", architectures=["Gemma3ForConditionalGeneration"], boi_token_index=501, eoi_token_index=502,
        eos_token_id=[1, 106], mm_tokens_per_image=4,
        text_config=TINY | dict(num_hidden_layers=7, num_key_value_heads=2, model_type="gemma3_text", head_dim=32, sliding_window=7,
            rope_scaling=dict(factor=8.0, rope_type="linear"), query_pre_attn_scalar=256),
        **images(model_type="siglip_vision_model", vision_use_head=False)),
    "Ministral-3-3B": dict(model_type="mistral3", architectures=["Mistral3ForConditionalGeneration"], multimodal_projector_bias=False,
        projector_hidden_act="gelu", spatial_merge_size=2, vision_feature_layer=-1, tie_word_embeddings=True,
        text_config=TINY | dict(model_type="ministral3", attention_dropout=0.0, head_dim=16, hidden_act="silu",
            max_position_embeddings=262144, num_hidden_layers=2, num_key_value_heads=2, rms_norm_eps=1e-05,
            rope_parameters=dict(beta_fast=32.0, beta_slow=1.0, factor=16.0, llama_4_scaling_beta=0.1, mscale=1.0, mscale_all_dim=1.0,
            original_max_position_embeddings=8, rope_theta=1000000.0, rope_type="yarn", type="yarn"), sliding_window=None,
            tie_word_embeddings=True),
        **images(model_type="pixtral", head_dim=8)),
    "Mistral-Small-3.1": dict(model_type="mistral3", architectures=["Mistral3ForConditionalGeneration"], multimodal_projector_bias=False,
        projector_hidden_act="gelu", spatial_merge_size=2, vision_feature_layer=-1, tie_word_embeddings=False,
        text_config=TINY | dict(model_type="mistral", attention_dropout=0.0, head_dim=16, hidden_act="silu",
            max_position_embeddings=131072, num_hidden_layers=2, num_key_value_heads=2, rms_norm_eps=1e-05, rope_theta=1000000000.0,
            sliding_window=None),
        **images(model_type="pixtral", head_dim=8)),
}


def write_released(folder, config):
    models.make_tokenizer(models.CHATML).save_pretrained(folder)
    peers.write_json(folder / "config.json", config)
    model = getattr(transformers, config["architectures"][0])(transformers.AutoConfig.from_pretrained(folder)).float()
    models.randomise(model, seed=1)
    model.save_pretrained(folder)
    peers.write_json(folder / "config.json", config)


def missed(graft, config, work):
    """How far graft's logits are from transformers', of their range, or why there are none."""
    write_released(work / "model", config)
    found, message = graft_logits(graft, work / "model", work / "logits.safetensors")
    if found is None:
        return message.strip()
    theirs = peer_logits(work / "model", found["input_ids"].long().reshape(1, -1))
    if theirs is None:
        return "transformers cannot read it"
    return ((found["logits"] - theirs).abs().max() / (theirs.max() - theirs.min())).item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graft", type=Path)
    parser.add_argument("names", nargs="*", default=["*"])
    arguments = parser.parse_args()
    transformers.logging.set_verbosity(transformers.logging.CRITICAL)
    chosen = [name for name in RELEASED if any(fnmatch.fnmatch(name, pattern) for pattern in arguments.names)]
    failed = 0
    for name in chosen:
        with tempfile.TemporaryDirectory() as work:
            apart = missed(arguments.graft.resolve(), RELEASED[name], Path(work))
        good = isinstance(apart, float) and apart <= 1e-5
        failed += not good
        print(f"{name:20} {apart if isinstance(apart, str) else f'{apart:.1e}'}  {'passed' if good else 'FAILED'}", flush=True)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    sys.exit(failed > 0 or not chosen)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
