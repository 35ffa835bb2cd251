"""Tiny random GGUF models in any block type that graft reads: write(folder, spec, blocks) makes
    folder/model.gguf    what graft trains on
    folder/model         the same numbers as a Hugging Face folder, read back from the file by the gguf package

`blocks` is one type for all matrices, or {part of a GGUF name: type} with "" for the rest. The gguf package quantises the simple
types; for the K types, which it only reads, blocks are random bits with scales that give the weights a sensible size, so every
bit of every field is at work."""
import json
import math

import gguf
import numpy
from gguf import GGMLQuantizationType
from transformers import LlamaConfig, LlamaForCausalLM

import gguf_base
import models

WIDE = dict(hidden_size=256, intermediate_size=512, num_hidden_layers=2, num_attention_heads=8, num_key_value_heads=2)
# type: (bytes of a block, where d lies, where dmin lies, how much larger dmin must be to centre the values)
K_BLOCKS = {"Q4_K": (144, 0, 2, 7.5), "Q5_K": (176, 0, 2, 15.5), "Q6_K": (210, 208, None, 0)}


def random_blocks(kind, shape, std, random):
    size, d_at, dmin_at, centre = K_BLOCKS[kind]
    blocks = random.integers(0, 256, (shape[0] * shape[1] // 256, size), dtype=numpy.uint8)

    def scale(unit):
        spread = random.uniform(0.7, 1.3, (len(blocks), 2))
        for at, value in ((d_at, unit * spread[:, :1]), (dmin_at, unit * centre * spread[:, 1:])):
            if at is not None:
                blocks[:, at:at + 2] = value.astype(numpy.float16).view(numpy.uint8)
    scale(1.0)
    scale(std / gguf.quants.dequantize(blocks, GGMLQuantizationType[kind]).std())
    return blocks.reshape(shape[0], -1)


def quantised(kind, weight, random):
    if kind in K_BLOCKS:
        return random_blocks(kind, weight.shape, float(weight.std()), random)
    return gguf.quants.quantize(weight, GGMLQuantizationType[kind])


def kind_of(name, blocks):
    if isinstance(blocks, str):
        return blocks
    return blocks[max((part for part in blocks if part in name), key=len)]


def add_config(writer, config):
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    rope = config.rope_parameters
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_rope_dimension_count(config.head_dim)
    if rope["rope_type"] == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_factors(config))
    elif rope["rope_type"] != "default":
        writer.add_rope_scaling_type(gguf.RopeScalingType(rope["rope_type"]))
        writer.add_rope_scaling_factor(rope["factor"])
        if "original_max_position_embeddings" in rope:
            writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])


def llama3_factors(config):
    """What each frequency is divided by, as the converter of llama.cpp writes it."""
    rope, length = config.rope_parameters, config.rope_parameters["original_max_position_embeddings"]
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    factors = []
    for k in range(0, config.head_dim, 2):
        wave = 2 * math.pi * rope["rope_theta"] ** (k / config.head_dim)
        smooth = min(1.0, max(0.0, (length / wave - low) / (high - low)))
        factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return numpy.array(factors, dtype=numpy.float32)


def add_tokenizer(writer, words):
    vocab = sorted(words.get_vocab(), key=words.get_vocab().get)
    special = set(words.all_special_ids) | {words.convert_tokens_to_ids("<|im_start|>")}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(vocab)
    writer.add_token_types([3 if i in special else 1 for i in range(len(vocab))])
    writer.add_token_merges([" ".join(pair) for pair in json.loads(words.backend_tokenizer.to_str())["model"]["merges"]])
    writer.add_bos_token_id(words.bos_token_id)
    writer.add_eos_token_id(words.eos_token_id)
    writer.add_pad_token_id(words.pad_token_id)
    writer.add_chat_template(words.chat_template)


def write(folder, spec, blocks, seed=3):
    model = LlamaForCausalLM(LlamaConfig(**{**models.BASE, **WIDE, **spec}))
    models.randomise(model, seed)
    config, random, words = model.config, numpy.random.default_rng(seed), models.make_tokenizer()
    writer = gguf.GGUFWriter(folder / "model.gguf", "llama")
    add_config(writer, config)
    add_tokenizer(writer, words)
    for name, weight in model.named_parameters():
        name, weight = gguf_base.gguf_name(name), weight.detach()
        for part, heads in ((".attn_q.", config.num_attention_heads), (".attn_k.", config.num_key_value_heads)):
            if part in name:
                weight = gguf_base.permuted(weight, heads)
        values = weight.contiguous().numpy()
        kind = "F32" if values.ndim == 1 else kind_of(name, blocks)
        data = quantised(kind, values, random)
        writer.add_tensor(name, data, raw_dtype=GGMLQuantizationType[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    same = gguf_base.load(folder / "model.gguf")
    same.config.rope_parameters = config.rope_parameters
    same.save_pretrained(folder / "model")
    words.save_pretrained(folder / "model")
