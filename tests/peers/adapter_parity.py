"""Trains what PEFT's LoRA config can ask for beside plain linears with graft and with TRL + PEFT, as parity.py does.

    adapter_parity.py GRAFT [NAME...]     and the other options of parity.py

Cases that continue start from an adapter whose every trained weight is off the base's, so that a copy is told from what it replaces;
cases that begin from the seed compare the first values bit for bit. PEFT reads what graft wrote, and its logits are graft's."""
import parity
import torch
from cases import Case
from family_parity import logits_missed

TARGETS = ["q_proj", "up_proj"]


def continued(name, model="gqa", rows=("prompt_rows", 50), **options):
    return Case("scope-" + name, model, rows, dict(lr_scheduler_type="cosine", warmup_steps=2), dict(target_modules=TARGETS) | options)


def family(name, model=None, **options):
    return continued("family-" + name, model or name, **options)


def begun(name, model="gqa", **recipe):
    given = dict(lora_target_modules=TARGETS, train_sampling_strategy="random", warmup_steps=0.1)
    return Case("scope-begun-" + name, model, ("prompt_rows", 30), given | recipe, adapter=None)


CASES = [
    continued("head", modules_to_save=["lm_head"]),
    continued("head-of-tied", "tied", modules_to_save=["lm_head"]),
    continued("embedding", modules_to_save=["embed_tokens"]),
    continued("embedding-of-tied", "tied", modules_to_save=["embed_tokens"]),
    continued("both-of-tied", "tied", modules_to_save=["embed_tokens", "lm_head"]),
    continued("both-as-one", "tied", modules_to_save=["embed_tokens", "lm_head"], ensure_weight_tying=True),
    continued("norms", modules_to_save=["norm"]),
    continued("linears", "bias", modules_to_save=["down_proj", "layers.0.self_attn.q_proj"]),
    continued("part", "bias", modules_to_save=["layers.0.mlp"]),
    continued("layer", "bias", modules_to_save=["layers.1"]),
    continued("all-linear", "bias", target_modules="all-linear", modules_to_save=["lm_head", "norm", "layers.2.mlp.up_proj"]),
    continued("lora-on-embedding", target_modules=["embed_tokens", "v_proj"]),
    continued("lora-on-embedding-of-tied", "tied", target_modules=["embed_tokens", "v_proj"], use_rslora=True),
    continued("lora-on-embedding-alone", target_modules=".*embed_tokens"),
    continued("tokens", trainable_token_indices=[0, 2, 40, 97, 32]),
    continued("tokens-by-name", trainable_token_indices={"embed_tokens": [7, 300, 97]}, modules_to_save=["lm_head"]),
    continued("tokens-twice", trainable_token_indices=[97, 32, 97]),
    continued("bias-all", "bias", bias="all"),
    continued("bias-lora-only", "bias", bias="lora_only"),
    continued("bias-lora-only-and-whole", "bias", bias="lora_only", modules_to_save=["down_proj"]),
    continued("lora-bias", "bias", lora_bias=True),
    continued("lora-bias-without-bias", lora_bias=True, use_rslora=True),
    continued("replicated", layer_replication=[[0, 2], [1, 3]]),
    continued("replicated-once", "bias", layer_replication=[[2, 3], [0, 1], [2, 3]], modules_to_save=["layers.2.input_layernorm"]),
    # Families whose modules are other ones: scaled embeddings and (1 + w), learned positions and LayerNorm, norms of heads, fused matrices.
    family("gemma2", modules_to_save=["norm"]),
    family("gemma2-embedding", "gemma2", target_modules=["embed_tokens", "q_proj"]),
    family("gemma2-embedding-whole", "gemma2", target_modules="all-linear", modules_to_save=["embed_tokens"], ensure_weight_tying=True),
    family("gpt2-norms", "gpt2", modules_to_save=["ln_1", "ln_f", "wpe"], target_modules="all-linear"),
    family("gpt2-embeddings", "gpt2", target_modules=["wte", "wpe", "c_attn"]),
    family("gpt2-bias", "gpt2", target_modules=["c_attn", "c_fc"], bias="all"),
    family("gpt_neox-whole", "gpt_neox", target_modules=["dense_h_to_4h"], modules_to_save=["query_key_value", "final_layer_norm", "embed_out"]),
    family("gpt2-whole", "gpt2", target_modules=["c_attn"], modules_to_save=["mlp.c_proj", "c_fc"]),
    family("phi-bias", "phi", target_modules=["q_proj", "fc1"], bias="lora_only"),
    family("phi-bias-all", "phi", target_modules=["q_proj", "fc1"], bias="all"),
    family("phi-head", "phi", target_modules=["q_proj", "fc1"], modules_to_save=["lm_head"]),
    family("cohere-norms", "cohere", target_modules=["q_proj"], modules_to_save=["norm"]),
    family("olmo2-norms", "olmo2", target_modules="all-linear", modules_to_save=["norm"]),
    family("phi3-whole", "phi3", target_modules=["o_proj"], modules_to_save=["qkv_proj", "gate_up_proj"]),
    begun("head", lora_modules_to_save=["lm_head"]),
    begun("head-as-one", "tied", lora_modules_to_save=["lm_head"], ensure_weight_tying=True),
    begun("norms", lora_modules_to_save=["layernorm"], lora_target_modules="all-linear"),
    begun("lora-on-embedding", lora_target_modules=["embed_tokens", "q_proj"], init_lora_weights="gaussian"),
    begun("lora-on-embedding-random", lora_target_modules=["model.embed_tokens", "q_proj"], init_lora_weights=False),
    begun("tokens", trainable_token_indices=[5, 2, 9]),
    begun("bias", "bias", bias="all"),
    begun("lora-bias", lora_bias=True),
    begun("lora-bias-random", "bias", lora_bias=True, init_lora_weights=False, bias="lora_only"),
    begun("fan-in-fan-out", fan_in_fan_out=True),
    begun("replicated", layer_replication=[[0, 2], [1, 3]], lora_target_modules=["q_proj", "lm_head_that_is_none"]),
]

if __name__ == "__main__":
    torch.set_num_threads(1)
    parity.main(CASES, logits_missed)
