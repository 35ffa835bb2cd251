"""Makes tests/golden/adapter.json: which modules PEFT adapts on a tiny llama, with which rank and scaling, and the
adapter_config.json it saves, for every rule of selection; which weights it trains, saves, and lets decay.

    golden_adapter.py

A case holds the number of layers, the options as adapter_config.json spells them, the adapted modules in the order of
named_modules as [path, r, scaling], the saved config (target_modules in order of name: PEFT keeps a set), the shapes of the
saved tensors, and those of them that are in Trainer's weight-decay group."""
import copy
import json
import tempfile

import peers
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM, Trainer

TIED, BIASED = dict(tie_word_embeddings=True), dict(attention_bias=True, mlp_bias=True)
CASES = {
    "default": (2, {}),
    "suffixes": (2, dict(target_modules=["q_proj", "mlp.down_proj"])),
    "components are whole": (2, dict(target_modules=["proj", "v_proj", "elf_attn.q_proj"])),
    "full paths": (2, dict(target_modules=["model.layers.1.mlp.up_proj", "layers.0.self_attn.k_proj"])),
    "expression": (3, dict(target_modules=r".*\.layers\.[12]\..*(q|v)_proj")),
    "expression matches all of it": (2, dict(target_modules=r"model\.layers\.0\.self_attn\.q|.*gate_proj")),
    "anchors": (2, dict(target_modules=r"^model\.layers\.\d\.mlp\.(?!up)\w+_proj$")),
    "all-linear": (2, dict(target_modules="all-linear")),
    "all-linear in capitals": (2, dict(target_modules="All-Linear")),
    "all-linear of three layers": (3, dict(target_modules="all-linear")),
    "all-linear without some": (3, dict(target_modules="all-linear", exclude_modules=["q_proj", "layers.1.mlp.up_proj"])),
    "exclude by suffix": (2, dict(target_modules=["q_proj", "v_proj"], exclude_modules=["layers.0.self_attn.q_proj"])),
    "exclude by expression": (2, dict(target_modules=["q_proj", "v_proj"], exclude_modules=r".*\.1\..*v_proj")),
    "exclude nothing": (2, dict(target_modules=["q_proj"], exclude_modules=["k_proj"])),
    "layers": (4, dict(target_modules=["q_proj"], layers_to_transform=[0, 3])),
    "one layer": (4, dict(target_modules=["q_proj"], layers_to_transform=2)),
    "no layers": (2, dict(target_modules=["q_proj"], layers_to_transform=[])),
    "layers beyond": (2, dict(target_modules=["q_proj"], layers_to_transform=[1, 9])),
    "layers and a full path": (3, dict(target_modules=["q_proj", "model.layers.2.mlp.up_proj"], layers_to_transform=[0])),
    "layers_pattern": (3, dict(target_modules=["q_proj"], layers_to_transform=[1], layers_pattern="layers")),
    "layers_pattern of two": (3, dict(target_modules=["q_proj"], layers_to_transform=[1, 2], layers_pattern=["h", "layers"])),
    "layers_pattern with a prefix": (3, dict(target_modules=["q_proj"], layers_to_transform=[1], layers_pattern=[r"model\.layers"])),
    "layers_pattern empty": (3, dict(target_modules=["q_proj"], layers_to_transform=[1], layers_pattern=[])),
    "rank_pattern": (2, dict(target_modules=["q_proj", "v_proj"], r=4, lora_alpha=16, rank_pattern={"v_proj": 2})),
    "rank_pattern first wins": (2, dict(target_modules=["q_proj", "v_proj"], rank_pattern={"layers.0.self_attn.q_proj": 2, "q_proj": 3})),
    "rank_pattern expression": (3, dict(target_modules=["q_proj", "v_proj"], rank_pattern={r"^model\.layers\.[12]\..*": 5, "roj": 1})),
    "alpha_pattern": (2, dict(target_modules=["q_proj", "v_proj"], lora_alpha=16, alpha_pattern={r"0\.self_attn\.\w+": 3, "v_proj": 1.5})),
    "patterns with rslora": (2, dict(target_modules=["q_proj", "v_proj"], r=4, lora_alpha=5, use_rslora=True, rank_pattern={"v_proj": 9},
                                     alpha_pattern={"v_proj": 7})),
    "rslora": (2, dict(target_modules=["q_proj"], r=8, lora_alpha=16, use_rslora=True)),
    "dropout and gaussian": (2, dict(target_modules=["q_proj"], lora_dropout=0.05, lora_alpha=0.5, init_lora_weights="gaussian")),
    "init false": (2, dict(target_modules=["q_proj"], init_lora_weights=False)),
    "head whole": (2, dict(modules_to_save=["lm_head"])),
    "embedding whole": (2, dict(modules_to_save=["embed_tokens"])),
    "embedding of tied": (2, dict(modules_to_save=["embed_tokens"]), TIED),
    "both of tied": (2, dict(modules_to_save=["lm_head", "embed_tokens"]), TIED),
    "both as one": (2, dict(modules_to_save=["lm_head", "embed_tokens"], ensure_weight_tying=True), TIED),
    "head as one": (2, dict(modules_to_save=["lm_head"], ensure_weight_tying=True), TIED),
    "head as one by path": (2, dict(modules_to_save=["model.embed_tokens", "norm"], ensure_weight_tying=True), TIED),
    "nothing to tie": (2, dict(modules_to_save=["lm_head"], ensure_weight_tying=True)),
    "norms by an ending": (2, dict(modules_to_save=["norm"])),
    "the last norm": (2, dict(modules_to_save=["model.norm"])),
    "linears whole": (2, dict(modules_to_save=["up_proj", "layers.0.self_attn.q_proj"]), BIASED),
    "a part whole": (2, dict(modules_to_save=["layers.0.mlp"], target_modules="all-linear"), BIASED),
    "a layer whole": (2, dict(modules_to_save=["layers.1"], target_modules="all-linear")),
    "nothing whole": (2, dict(modules_to_save=["classifier"])),
    "embedding": (2, dict(target_modules=["embed_tokens", "q_proj"], r=3)),
    "embedding by path": (2, dict(target_modules=["model.embed_tokens", "q_proj"])),
    "embedding by expression": (2, dict(target_modules=r"model\.embed_tokens|.*v_proj")),
    "embedding alone": (2, dict(target_modules=["embed_tokens"], rank_pattern={"embed_tokens": 5}), TIED),
    "tokens": (2, dict(trainable_token_indices=[5, 2, 9])),
    "tokens by name": (2, dict(trainable_token_indices={"embed_tokens": [3, 3]})),
    "bias all": (2, dict(bias="all"), BIASED),
    "bias all without biases": (2, dict(bias="all")),
    "bias lora_only": (2, dict(bias="lora_only"), BIASED),
    "bias lora_only and whole": (2, dict(bias="lora_only", modules_to_save=["down_proj"]), BIASED),
    "lora_bias": (2, dict(lora_bias=True), BIASED),
    "fan_in_fan_out": (2, dict(fan_in_fan_out=True)),
    "fan_in_fan_out without linears": (2, dict(fan_in_fan_out=True, target_modules=["embed_tokens"])),
    "replicated": (2, dict(layer_replication=[[0, 2], [1, 2]], target_modules="all-linear", modules_to_save=["layers.2.input_layernorm"])),
}
HIDDEN, MLP, VOCABULARY = 16, 24, 64


def base(layers, more):
    return LlamaForCausalLM(LlamaConfig(vocab_size=VOCABULARY, hidden_size=HIDDEN, intermediate_size=MLP, num_hidden_layers=layers,
                                        num_attention_heads=2, num_key_value_heads=2, **more))


def saved_name(name):
    return name.replace(".default", "").replace(".modules_to_save", "")


def run(layers, options, more={}):
    model = get_peft_model(base(layers, more), LoraConfig(task_type="CAUSAL_LM", **copy.deepcopy(options)))
    adapted = [[name.removeprefix("base_model.model."), module.r["default"], module.scaling["default"]]
               for name, module in model.named_modules() if getattr(module, "r", None)]
    model.peft_config["default"].base_model_name_or_path = "base"
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        saved = peers.read_json(f"{folder}/adapter_config.json")
        tensors = {name: list(tensor.shape) for name, tensor in load_file(f"{folder}/adapter_model.safetensors").items()}
    trained = {saved_name(name) for name, weight in model.named_parameters() if weight.requires_grad}
    decayed = sorted(trained & set(map(saved_name, Trainer.get_decay_parameter_names(None, model))))
    if isinstance(saved["target_modules"], list):
        saved["target_modules"].sort()
    if isinstance(saved["exclude_modules"], list):
        saved["exclude_modules"].sort()
    return dict(layers=layers, options=options, base=more, adapted=adapted, saved=saved, tensors=tensors, decayed=decayed)


def main():
    cases = {name: run(*case) for name, case in CASES.items()}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(case)}" for name, case in cases.items())
    path = peers.HERE.parent / "golden" / "adapter.json"
    path.write_text(f'{{"versions": {json.dumps(peers.versions())}, "cases": {{\n{lines}}}}}\n')


if __name__ == "__main__":
    main()
