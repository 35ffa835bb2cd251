"""Tiny random models with a tokenizer, saved as transformers saves them.

    write_model(folder, SPECS["gqa"])        config.json, model.safetensors (or shards), tokenizer files, chat_template.jinja
    write_adapter(folder, model, ...)        a PEFT LoRA adapter with B != 0, so that the first step tests A as well
    load_base(model)                         the class that config.json names, in float32, as TRL loads it

Weights come from a seeded generator with a width that keeps every part of the model at work: logits of size one, attention
that is not flat, norm weights that are not neutral. The specs here are llama's, as the difference from BASE; those with a
model_type (families.py) are whole. `old_rope`, `shard`, `store`, `json` and `bare` are ours."""
import copy
import re

import torch
import transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, PreTrainedTokenizerFast
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
from transformers.pytorch_utils import Conv1D

import families
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

SPECS |= families.SPECS

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
    owners, tied = dict(model.named_modules()), model.config.tie_word_embeddings
    for name, weight in sorted(model.named_parameters()):
        module, leaf = name.rpartition(".")[::2]
        weight.data.copy_(values_of(name, leaf, owners[module], tied, torch.randn(weight.shape, generator=random)))


def values_of(name, leaf, module, tied, noise):
    kind = type(module).__name__
    if "Norm" in kind and leaf == "weight":
        return ("Gemma" not in kind and "1P" not in kind) + 0.2 * noise      # those two multiply by 1 + weight
    if leaf == "bias":
        return 0.1 * noise
    if isinstance(module, torch.nn.Embedding) and not tied:
        return noise
    gain = 2.0 if "lm_head" in name or isinstance(module, torch.nn.Embedding) else 1.5 if re.search(r"[qk]_proj|qkv|c_attn|query_key", name) else 1.0
    fan_in = noise.shape[0] if isinstance(module, Conv1D) else noise.shape[-1]
    return gain * noise / fan_in ** 0.5


def make_model(spec):
    if "model_type" not in spec:
        spec = {"model_type": "llama", **BASE, **spec}
    config = AutoConfig.for_model(**spec)
    table = MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING if hasattr(config, "text_config") else MODEL_FOR_CAUSAL_LM_MAPPING
    return table[type(config)](config)


def write_model(folder, spec, seed=1, template=CHATML):
    spec = dict(spec)
    old_rope, shard, store = spec.pop("old_rope", False), spec.pop("shard", "5GB"), spec.pop("store", "float32")
    json, bare = spec.pop("json", {}), spec.pop("bare", False)
    model = make_model(spec)
    randomise(model, seed)
    model.to(getattr(torch, store)).save_pretrained(folder, max_shard_size=shard)
    make_tokenizer(template).save_pretrained(folder)
    if old_rope:
        write_old_rope(folder / "config.json")
    if json:
        write_keys(folder / "config.json", json)
    if bare:
        write_bare(folder / "model.safetensors", model.base_model_prefix + ".")


def write_keys(path, keys):
    """Other spellings of the same configuration."""
    before = AutoConfig.from_pretrained(path.parent).to_dict()
    config = read_json(path) | keys
    write_json(path, {key: value for key, value in config.items() if key not in keys or value is not None})
    after = AutoConfig.from_pretrained(path.parent).to_dict()
    apart = {key for key in before if before[key] != after.get(key)}
    assert apart <= {"rope_parameters"} and tables(before) == tables(after), (apart, before, after)


def tables(config):
    """rope_parameters without the names of older versions."""
    rope = config.get("rope_parameters") or {}
    return {key: value for key, value in rope.items() if key != "type"}


def write_bare(path, prefix):
    save_file({name.removeprefix(prefix): tensor for name, tensor in load_file(path).items()}, path, metadata={"format": "pt"})


def write_old_rope(path):
    """The keys of transformers before 5: rope_theta beside rope_scaling."""
    config = read_json(path)
    options = config.pop("rope_parameters")
    config["rope_theta"] = options.pop("rope_theta")
    config["rope_scaling"] = options if options["rope_type"] != "default" else None
    write_json(path, config)


def load_base(model, **options):
    architecture = AutoConfig.from_pretrained(model).architectures[0]
    return getattr(transformers, architecture).from_pretrained(model, dtype=torch.float32, **options)


def write_adapter(folder, model, base_name=None, seed=7, size=0.5, **options):
    """PEFT's own initial A; B random, of a size that moves the outputs about as much as `size` times the base does. What else is trained is
    moved a little from where it starts."""
    torch.manual_seed(seed)
    options = {"r": 8, "lora_alpha": 16, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **copy.deepcopy(options)}    # PEFT changes its lists
    wrapped = get_peft_model(load_base(model), LoraConfig(**options))
    for name, weight in wrapped.named_parameters():
        if "lora_B" in name and weight.dim() == 2:
            weight.data.normal_(std=size / weight.shape[1])
        elif weight.requires_grad and "lora_A" not in name:
            weight.data.add_(torch.randn(weight.shape), alpha=0.1 * size)
    wrapped.peft_config["default"].base_model_name_or_path = str(base_name or model)
    wrapped.save_pretrained(folder)
