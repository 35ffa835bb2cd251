"""No key of a configuration is ignored: for every family, every key that its class knows gets other values, and so do keys of other
families, of older versions and of TRL.

    family_keys.py GRAFT [FAMILY...]      GRAFT is the binary; a FAMILY is a model_type or a pattern such as 'gemma*'
    family_keys.py GRAFT --list FAMILY    every value with what became of it
    family_keys.py GRAFT --share N        every N-th value only, from another one on in each family

transformers reads the changed folder with the same tensors. Where it computes logits, graft must give the same (within 1e-5 of their
range) or refuse the configuration by the name of the key. Where transformers fails, or finds no tensor for a part, graft must refuse.
Factors of the head that TRL reads from every configuration change only the training, and are to be refused though the logits stay.
Dropouts change it too, and graft trains with them (dropout_parity.py): here they leave the logits as they are."""
import argparse
import dataclasses
import fnmatch
import subprocess
import sys
import tempfile
from pathlib import Path

import peers
import models
import torch
import transformers
from families import FAMILIES, FULL, SLIDING, SPECS
from safetensors.torch import load_file
from transformers import AutoConfig, PreTrainedConfig
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

# The variant with the most parts, where it is not the first.
BASES = {"qwen2": "qwen2-window", "qwen3": "qwen3-window", "gemma": "gemma-bias", "gemma3_text": "gemma3_text-bias", "phi3": "phi3-longrope",
         "smollm3": "smollm3-window", "olmo3": "olmo3-bias", "cohere": "cohere-bias", "cohere2": "cohere2-bias", "stablelm": "stablelm-heads",
         "phi": "phi-norms", "nemotron": "nemotron-bias", "exaone4": "exaone4-pattern"}
# Not of the function that a model computes: ids, the order in which float32 is upcast, and what other tasks and callers read.
OTHER = {"reorder_and_upcast_attn", "vocab_size", "initializer_range", "use_cache", "bos_token_id", "eos_token_id", "pad_token_id", "text_config",
         "vision_config",
         "summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels", "summary_first_dropout", "classifier_dropout",
         "is_decoder", "boi_token_index", "eoi_token_index", "image_token_index", "mm_tokens_per_image", "projector_hidden_act",
         "vision_feature_layer", "multimodal_projector_bias", "spatial_merge_size"} | {field.name for field in dataclasses.fields(PreTrainedConfig)}
NO_EFFECT = {("embd_pdrop", "phi3"), ("reorder_and_upcast_attn", "gpt2")}      # in float32
TRL_HEAD = {"logit_scale": [0.5], "logits_scaling": [2.0], "final_logit_softcapping": [3.0], "output_multiplier": [0.5], "lm_head_multiplier": [0.5]}
LINEAR = dict(rope_type="linear", factor=2.0)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16)
LONGROPE = dict(rope_type="longrope", short_factor=[1.0] * 4, long_factor=[2.0] * 4, original_max_position_embeddings=9)
ROPES = [LINEAR, dict(rope_type="default", rope_theta=77.0), YARN, LONGROPE, dict(rope_type="default", partial_rotary_factor=0.5),
         dict(rope_type="proportional", partial_rotary_factor=0.5, rope_theta=77.0), {FULL: LINEAR | dict(rope_theta=77.0)},
         {FULL: LINEAR | dict(rope_theta=77.0), SLIDING: dict(rope_type="default", rope_theta=9.0)}]
ACTS = ["gelu", "gelu_pytorch_tanh", "gelu_new", "relu", "relu2", "silu", "swish", "quick_gelu", "sigmoid"]
# Values beside those that follow from a key's kind. The first one also for families whose class does not know the key.
VALUES = {
    "rope_parameters": ROPES, "rope_scaling": ROPES, "rope_theta": [77.0], "partial_rotary_factor": [0.5, 1.0], "rotary_pct": [0.5],
    "rotary_emb_base": [77.0], "rope_local_base_freq": [77.0], "original_max_position_embeddings": [9],
    "hidden_act": ACTS, "hidden_activation": ACTS, "activation_function": ACTS,
    "sliding_window": [3, 0, None], "sliding_window_pattern": [1, 2, "LG", None], "use_sliding_window": [True, False], "max_window_layers": [0],
    "layer_types": [[FULL, FULL], [SLIDING, SLIDING], [SLIDING, FULL], [FULL, "linear_attention"], [FULL]],
    "no_rope_layers": [[0, 0], [1, 0], [1]], "no_rope_layer_interval": [1],
    "head_dim": [4, 16, None], "num_key_value_heads": [1, 3, None], "hidden_size": [64], "n_inner": [20, None],
    "attention_bias": [True, False], "mlp_bias": [True, False], "use_qkv_bias": [True], "use_bias": [False],
    "use_qk_norm": [True], "qk_layernorm": [True], "use_parallel_residual": [True, False], "use_bidirectional_attention": [True],
    "query_pre_attn_scalar": [3], "attn_logit_softcapping": [2.0, None], "clip_qkv": [0.1], "scale_attn_weights": [False],
    "attention_multiplier": [0.5], "residual_multiplier": [0.5], "embedding_multiplier": [2.0],
    "attention_dropout": [0.1], "hidden_dropout": [0.1], "resid_pdrop": [0.1], "embd_pdrop": [0.1], "attn_pdrop": [0.1],
    "residual_dropout": [0.1], "embedding_dropout": [0.1],
    "layer_norm_eps": [0.1], "rms_norm_eps": [0.1], "norm_eps": [0.1], "norm_epsilon": [0.1], "layer_norm_epsilon": [0.1],
    "pretraining_tp": [2], "tie_word_embeddings": [True, False], **TRL_HEAD,
}
OLD = {"rope_scaling", "rope_theta", "partial_rotary_factor", "head_dim", "tie_word_embeddings"}      # read without being declared


def declared(family):
    """The keys that a family's class knows, and those of its text_config."""
    inner = SPECS.get(family, {}).get("text_config")
    names = {field.name for field in dataclasses.fields(CONFIG_MAPPING[family])} - OTHER
    return names | declared(text_type(family)) if inner else names


def text_type(family):
    """Of a folder with images, the family of its language model."""
    return SPECS[family]["text_config"].get("model_type", family + "_text")


def derived(value):
    """Another value of the same kind."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value * 2]
    return [value * 1.5 + 0.1] if isinstance(value, float) else []


def changes(family, config):
    for key in sorted(declared(family) | VALUES.keys()):
        known, seen = VALUES.get(key, []), [config.get(key)]
        known = known + derived(seen[0]) + [None] * ((key, family) not in NO_EFFECT) if key in declared(family) else known if key in OLD else known[:1]
        for value in known:
            if value not in seen:
                seen.append(value)
                yield key, value


def peer_logits(folder, ids):
    """None: transformers cannot read it, or not with these tensors."""
    try:
        loaded, found = models.load_base(folder, output_loading_info=True, attn_implementation="eager")
        if found["missing_keys"] or found["mismatched_keys"]:
            return None
        with torch.no_grad():
            return loaded.eval()(ids, use_cache=False).logits[0]
    except Exception:       # whatever it is: a value that it does not mean to read
        return None


def graft_logits(graft, folder, out):
    """(what it wrote or None, message)"""
    out.unlink(missing_ok=True)
    done = subprocess.run([graft, "generate", "--model_name_or_path", folder, "--raw", "--prompt", "Licensed under the Apache License, Version 2.0",
                           "--max_new_tokens", "1", "--logits_file", out], capture_output=True, text=True, timeout=60)
    if done.returncode == 0:
        return load_file(out), ""
    return None, done.stderr if done.returncode == 2 else f"exit {done.returncode}: {done.stderr}"


def verdict(family, key, found, message, peers_read):
    """(whether it is as it must be, what became of it)"""
    if found is None and (message.startswith("exit") or key in message or (key.startswith("rope") and "rope_" in message)):
        return not message.startswith("exit"), "refused: " + message.strip()
    theirs = peers_read()
    if found is None:
        return theirs is None, "refused without its name: " + message.strip()
    if theirs is None:
        return False, "read, though transformers fails"
    if key in TRL_HEAD and key not in declared(family):
        return False, "read, though TRL trains another head"
    apart = ((found["logits"] - theirs).abs().max() / (theirs.max() - theirs.min())).item()
    return apart <= 1e-5, f"logits {apart:.1e} of their range apart"


def write_changed(base, folder, key, value):
    for path in base.iterdir():
        if path.name != "config.json" and not (folder / path.name).exists():
            (folder / path.name).symlink_to(path)
    config = peers.read_json(base / "config.json")
    inside = "text_config" in config and key != "tie_word_embeddings"
    (config["text_config"] if inside else config)[key] = value
    peers.write_json(folder / "config.json", config)


def check_family(family, graft, work, share, everything):
    base, folder = work / "base", work / "changed"
    model = "gqa" if family == "llama" else BASES.get(family, family)
    models.write_model(base, dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2) if family == "llama" else SPECS[model])
    folder.mkdir()
    found, message = graft_logits(graft, base, work / "logits.safetensors")
    if found is None:
        print(f"{family:14} cannot be read as it is: {message.strip()}", flush=True)
        return 0, 1
    ids = found["input_ids"].long().reshape(1, -1)
    passed = failed = 0
    for key, value in list(changes(family, AutoConfig.from_pretrained(base).get_text_config().to_dict()))[share]:
        write_changed(base, folder, key, value)
        found, message = graft_logits(graft, folder, work / "logits.safetensors")
        good, what = verdict(family, key, found, message, lambda: peer_logits(folder, ids))
        passed, failed = passed + good, failed + (not good)
        if everything or not good:
            print(f"{'ok    ' if good else 'FAILED'} {family} {key} = {value!r}: {what[-200:]}", flush=True)
    print(f"{family:14} {passed} values read alike or refused, {failed} not", flush=True)
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--share", type=int, default=1, metavar="N")
    parser.add_argument("graft", type=Path)
    parser.add_argument("families", nargs="*", default=["*"])
    arguments = parser.parse_args()
    transformers.logging.set_verbosity(transformers.logging.CRITICAL)
    total = [0, 0]
    for i, family in enumerate(["llama", *FAMILIES]):
        if any(fnmatch.fnmatch(family, pattern) for pattern in arguments.families):
            with tempfile.TemporaryDirectory() as work:
                counts = check_family(family, arguments.graft.resolve(), Path(work), slice(i % arguments.share, None, arguments.share), arguments.list)
            total = [a + b for a, b in zip(total, counts)]
    print(f"{total[0]} passed, {total[1]} failed")
    sys.exit(total[1] > 0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
