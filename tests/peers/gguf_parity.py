"""Trains on GGUF base models with graft, and with TRL on the same weights dequantised by the gguf package.

    gguf_parity.py GRAFT [NAME...]      options as in parity.py

A random model in every block type, mixtures as llama.cpp makes them, and SmolLM2 in Q4_1."""
from cases import Case
from parity import main

SIMPLE = "F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q4_K Q5_K Q6_K".split()
MIXED = {"": "Q4_K", "token_embd": "Q6_K", "attn_v": "Q6_K", "ffn_down": "Q5_K", "output.": "Q8_0"}


def rope(kind, theta=10000.0, **options):
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=theta, **options))


def case(name, blocks, spec=None, **recipe):
    return Case("gguf-" + name.lower(), "gguf", ("id_rows", 40), dict(learning_rate=2e-3, warmup_steps=2) | recipe,
                dict(size=0.3), gguf=(blocks, spec or {}))


CASES = [case(kind, kind) for kind in SIMPLE] + [
    case("mixed-bias", MIXED, dict(attention_bias=True, mlp_bias=True), train_sampling_strategy="random"),
    case("tied", {"": "Q4_0", "token_embd": "Q8_0"}, dict(tie_word_embeddings=True, num_key_value_heads=8)),
    case("rope-linear", "Q8_0", rope("linear", 50000.0, factor=4.0)),
    case("rope-llama3", "Q8_0", rope("llama3", 500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                     original_max_position_embeddings=64)),
    case("rope-yarn", "Q8_0", rope("yarn", factor=4.0, original_max_position_embeddings=64)),
    Case("gguf-smollm2", "smollm2-f32", ("devil_id_rows", 40), dict(learning_rate=2e-4, warmup_steps=2, max_steps=10),
         dict(r=16, lora_alpha=32, size=0.02), gguf=("SmolLM2", {})),
]

if __name__ == "__main__":
    main(CASES)
