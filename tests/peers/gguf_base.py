"""A GGUF base model as a Hugging Face folder: weights dequantised by the gguf package, so that transformers trains on the very
numbers that graft reads from the blocks. Family `llama` only; its converter permuted the rows of q and k, undone here."""
import gguf
import torch
from transformers import LlamaConfig, LlamaForCausalLM

NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
         "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
         "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
         "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}


def hf_name(name):
    """blk.3.attn_q.weight -> model.layers.3.self_attn.q_proj.weight"""
    stem, suffix = name.rsplit(".", 1)
    if stem.startswith("blk."):
        _, layer, stem = stem.split(".")
        return f"model.layers.{layer}.{NAMES[stem]}.{suffix}"
    return f"{NAMES[stem]}.{suffix}"


def gguf_name(name):
    """The way back."""
    stem, suffix = name.rsplit(".", 1)
    back = {theirs: ours for ours, theirs in NAMES.items()}
    if stem.startswith("model.layers."):
        layer, stem = stem.removeprefix("model.layers.").split(".", 1)
        return f"blk.{layer}.{back[stem]}.{suffix}"
    return f"{back[stem]}.{suffix}"


def permuted(rows, heads):
    """Pairs of rope side by side, as ggml wants the rows of q and k (and their biases)."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def unpermuted(rows, heads):
    return rows.reshape(heads, rows.shape[0] // heads // 2, 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def config_of(reader):
    def value(key, default=None):
        field = reader.fields.get(key)
        return default if field is None else field.contents()
    names = {tensor.name for tensor in reader.tensors}
    rope = dict(rope_type="default", rope_theta=value("llama.rope.freq_base", 10000.0))
    if value("llama.rope.scaling.type", "none") != "none":
        rope.update(rope_type=value("llama.rope.scaling.type"), factor=value("llama.rope.scaling.factor"))
        if original := value("llama.rope.scaling.original_context_length"):
            rope.update(original_max_position_embeddings=original)
    heads = value("llama.attention.head_count")
    return LlamaConfig(
        vocab_size=value("llama.vocab_size"), hidden_size=value("llama.embedding_length"),
        intermediate_size=value("llama.feed_forward_length"), num_hidden_layers=value("llama.block_count"),
        num_attention_heads=heads, num_key_value_heads=value("llama.attention.head_count_kv", heads),
        head_dim=value("llama.attention.key_length", value("llama.embedding_length") // heads),
        max_position_embeddings=value("llama.context_length"), rms_norm_eps=value("llama.attention.layer_norm_rms_epsilon"),
        tie_word_embeddings="output.weight" not in names, attention_bias="blk.0.attn_q.bias" in names,
        mlp_bias="blk.0.ffn_up.bias" in names, rope_parameters=rope, bos_token_id=value("tokenizer.ggml.bos_token_id"),
        eos_token_id=value("tokenizer.ggml.eos_token_id"), pad_token_id=value("tokenizer.ggml.padding_token_id"))


def load(path):
    """LlamaForCausalLM with every tensor of the file, in float32."""
    reader = gguf.GGUFReader(path)
    config = config_of(reader)
    model = LlamaForCausalLM(config)
    state = {}
    for tensor in reader.tensors:
        if tensor.name == "rope_freqs.weight":      # what a llama3 rope_scaling makes of the frequencies
            continue
        values = torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type).copy()).float()
        if ".attn_q." in tensor.name:
            values = unpermuted(values, config.num_attention_heads)
        elif ".attn_k." in tensor.name:
            values = unpermuted(values, config.num_key_value_heads)
        state[hf_name(tensor.name)] = values.contiguous()
    if config.tie_word_embeddings:
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    model.load_state_dict(state)
    return model
