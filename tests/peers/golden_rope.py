"""Makes tests/golden/rope.json: for each way config.json can say rope, the tables that transformers computes.

    golden_rope.py

A case holds config.json's own text as an object, and steps: the length of a micro-batch that is met, then cosines and sines of
its last position (half of head_dim each; transformers repeats them). For `dynamic` the steps grow, stay, shrink and reset."""
import json

import peers
import torch
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

BASE = dict(model_type="llama", vocab_size=64, hidden_size=64, intermediate_size=96, num_hidden_layers=1, num_attention_heads=4,
            max_position_embeddings=32)


def new(kind, theta=10000.0, **options):
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=theta, **options))


def old(kind, theta=10000.0, name="rope_type", **options):
    return dict(rope_theta=theta, rope_scaling={name: kind, **options})


LLAMA3 = dict(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)
CASES = {
    "nothing": {},
    "theta": dict(rope_theta=500000.0),
    "default": new("default", 25000.0),
    "head_dim": dict(head_dim=24, **new("default")),
    "linear": new("linear", factor=4.0),
    "linear old": old("linear", name="type", factor=2.5),
    "dynamic": new("dynamic", factor=2.0),
    "dynamic old": old("dynamic", 50000.0, factor=3.5),
    "llama3": dict(max_position_embeddings=512, **new("llama3", 500000.0, **LLAMA3)),
    "llama3 old": dict(max_position_embeddings=512, **old("llama3", **{**LLAMA3, "low_freq_factor": 1.5, "factor": 32.0})),
    "yarn": dict(max_position_embeddings=128, **new("yarn", factor=4.0, original_max_position_embeddings=32)),
    "yarn old": dict(max_position_embeddings=128, **old("yarn", factor=4.0, original_max_position_embeddings=32)),
    "yarn without original": new("yarn", factor=4.0),
    "yarn attention_factor": new("yarn", factor=4.0, original_max_position_embeddings=16, attention_factor=0.8),
    "yarn beta": dict(max_position_embeddings=1024, **new("yarn", factor=8.0, original_max_position_embeddings=128, beta_fast=16.0, beta_slow=2.0)),
    "yarn untruncated": dict(max_position_embeddings=1024, **new("yarn", factor=8.0, original_max_position_embeddings=128, truncate=False)),
    "yarn mscale": new("yarn", factor=4.0, original_max_position_embeddings=16, mscale=1.3, mscale_all_dim=0.7),
    "yarn one mscale": new("yarn", factor=4.0, original_max_position_embeddings=16, mscale=1.3),
}
STEPS = {"dynamic": [5, 32, 40, 33, 32, 31, 100, 64, 31, 48], "other": [1, 2, 33, 1000]}


def tables(rotary, length):
    cos, sin = rotary(torch.zeros(1), torch.arange(length)[None])
    half = cos.shape[-1] // 2
    return cos[0, -1, :half].tolist(), sin[0, -1, :half].tolist()


def steps(options):
    config = LlamaConfig(**json.loads(json.dumps(options)))
    rotary = LlamaRotaryEmbedding(config)
    lengths = STEPS["dynamic" if rotary.rope_type == "dynamic" else "other"]
    return [dict(zip(("length", "cos", "sin"), (length, *tables(rotary, length)))) for length in lengths]


def main():
    cases = {name: dict(config=BASE | options, steps=steps(BASE | options)) for name, options in CASES.items()}
    path = peers.HERE.parent / "golden" / "rope.json"
    path.write_text(json.dumps(dict(cases=cases, versions=peers.versions()), indent=1) + "\n")


if __name__ == "__main__":
    main()
