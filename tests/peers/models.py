"""Tiny random `llama` models with a tokenizer, saved as transformers saves them.

    write_model(folder, SPECS["gqa"])        config.json, model.safetensors (or shards), tokenizer files, chat_template.jinja
    write_adapter(folder, model, ...)        a PEFT LoRA adapter with B != 0, so that the first step tests A as well

Weights come from a seeded generator with a width that keeps every part of the model at work: logits of size one, attention
that is not flat, norm weights that are not 1. A spec is the difference from BASE; `old_rope` and `shard`, `store` are ours."""
import re

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from peers import read_json, write_json
from rows import licence

BASE = dict(vocab_size=384, hidden_size=64, intermediate_size=160, num_hidden_layers=3, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=256, rms_norm_eps=1e-5, tie_word_embeddings=False,
            attention_bias=False, mlp_bias=False, bos_token_id=0, eos_token_id=2, pad_token_id=0)


def rope(kind, theta=10000.0, **options):
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=theta, **options))


SPECS = {
    "gqa": {},
    "tied": dict(tie_word_embeddings=True, num_key_value_heads=4),
    "bias": dict(attention_bias=True, mlp_bias=True, num_key_value_heads=1),
    "tied-bias": dict(tie_word_embeddings=True, attention_bias=True),
    "head-dim": dict(head_dim=24, hidden_size=80, num_attention_heads=5, num_key_value_heads=1, **rope("default", 500000.0)),
    "wide": dict(hidden_size=128, intermediate_size=320, num_attention_heads=8, num_key_value_heads=2, num_hidden_layers=2),
    "sharded": dict(shard="120KB"),
    "f16": dict(store="float16"),
    "bf16": dict(store="bfloat16", tie_word_embeddings=True),
    "rope-linear": rope("linear", factor=4.0),
    "rope-dynamic": dict(max_position_embeddings=32, **rope("dynamic", factor=2.0)),
    "rope-llama3": rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64),
    "rope-yarn": rope("yarn", factor=4.0, original_max_position_embeddings=64),
    "rope-yarn-attention": rope("yarn", factor=4.0, original_max_position_embeddings=64, attention_factor=0.8),
    "rope-yarn-beta": rope("yarn", factor=8.0, original_max_position_embeddings=128, beta_fast=16.0, beta_slow=2.0, truncate=False),
    "rope-yarn-mscale": rope("yarn", factor=4.0, original_max_position_embeddings=64, mscale=1.3, mscale_all_dim=0.7),
    "old-theta": dict(old_rope=True, **rope("default", 50000.0)),
    "old-linear": dict(old_rope=True, **rope("linear", factor=2.0)),
    "old-dynamic": dict(old_rope=True, max_position_embeddings=32, **rope("dynamic", factor=3.0)),
    "old-llama3": dict(old_rope=True, **rope("llama3", 500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                             original_max_position_embeddings=64)),
    "old-yarn": dict(old_rope=True, **rope("yarn", factor=4.0, original_max_position_embeddings=64)),
}

CHATML = """\
{%- for message in messages %}
    {{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""
CHATML_MARKED = """\
{%- for message in messages %}
    {{- '<|im_start|>' + message['role'] + '\\n' }}
    {%- if message['role'] == 'assistant' %}
        {%- generation %}
            {{- message['content'] + '<|im_end|>' }}
        {%- endgeneration %}
        {{- '\\n' }}
    {%- else %}
        {{- message['content'] + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""


def make_tokenizer(template=CHATML):
    """Byte-level BPE trained on the licence text: 3 special tokens, 256 bytes, the rest merges."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(licence(), trainers.BpeTrainer(
        vocab_size=BASE["vocab_size"], special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<|endoftext|>", eos_token="<|im_end|>",
                                   pad_token="<|endoftext|>", chat_template=template)


def randomise(model, seed):
    """Every weight from one generator, in the order of their names."""
    random = torch.Generator().manual_seed(seed)
    tied = model.config.tie_word_embeddings
    for name, weight in sorted(model.named_parameters()):
        noise = torch.randn(weight.shape, generator=random)
        if "norm" in name:
            values = 1 + 0.2 * noise
        elif name.endswith("bias"):
            values = 0.1 * noise
        elif "embed_tokens" in name and not tied:
            values = noise
        else:
            gain = 2.0 if "lm_head" in name or "embed" in name else 1.5 if re.search("[qk]_proj", name) else 1.0
            values = gain * noise / weight.shape[1] ** 0.5
        weight.data.copy_(values)


def write_model(folder, spec, seed=1, template=CHATML):
    spec = {**BASE, **spec}
    old_rope, shard, store = spec.pop("old_rope", False), spec.pop("shard", "5GB"), spec.pop("store", "float32")
    model = LlamaForCausalLM(LlamaConfig(**spec))
    randomise(model, seed)
    model.to(getattr(torch, store)).save_pretrained(folder, max_shard_size=shard)
    make_tokenizer(template).save_pretrained(folder)
    if old_rope:
        write_old_rope(folder / "config.json")


def write_old_rope(path):
    """The keys of transformers before 5: rope_theta beside rope_scaling."""
    config = read_json(path)
    options = config.pop("rope_parameters")
    config["rope_theta"] = options.pop("rope_theta")
    config["rope_scaling"] = options if options["rope_type"] != "default" else None
    write_json(path, config)


def write_adapter(folder, model, base_name=None, seed=7, size=0.5, **options):
    """PEFT's own initial A; B random, of a size that moves the outputs about as much as `size` times the base does."""
    torch.manual_seed(seed)
    options = {"r": 8, "lora_alpha": 16, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **options}
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    wrapped = get_peft_model(base, LoraConfig(**options))
    for name, weight in wrapped.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(std=size / weight.shape[1])
    wrapped.peft_config["default"].base_model_name_or_path = str(base_name or model)
    wrapped.save_pretrained(folder, save_embedding_layers=False)
