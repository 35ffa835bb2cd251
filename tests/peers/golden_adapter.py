"""Makes tests/golden/adapter.json: which modules PEFT adapts on a tiny llama, with which rank and scaling, and the
adapter_config.json it saves, for every rule of selection.

    golden_adapter.py

A case holds the number of layers, the options as adapter_config.json spells them, the adapted modules in the order of
named_modules as [path, r, scaling], and the saved config (target_modules in order of name: PEFT keeps a set)."""
import tempfile

import peers
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

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
}
HIDDEN, MLP, VOCABULARY = 16, 24, 64


def base(layers):
    return LlamaForCausalLM(LlamaConfig(vocab_size=VOCABULARY, hidden_size=HIDDEN, intermediate_size=MLP, num_hidden_layers=layers,
                                        num_attention_heads=2, num_key_value_heads=2))


def run(layers, options):
    model = get_peft_model(base(layers), LoraConfig(task_type="CAUSAL_LM", **options))
    adapted = [[name.removeprefix("base_model.model."), module.r["default"], module.scaling["default"]]
               for name, module in model.named_modules() if hasattr(module, "lora_A")]
    model.peft_config["default"].base_model_name_or_path = "base"
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        saved = peers.read_json(f"{folder}/adapter_config.json")
    if isinstance(saved["target_modules"], list):
        saved["target_modules"].sort()
    if isinstance(saved["exclude_modules"], list):
        saved["exclude_modules"].sort()
    return dict(layers=layers, options=options, adapted=adapted, saved=saved)


def main():
    cases = {name: run(*case) for name, case in CASES.items()}
    peers.write_json(peers.HERE.parent / "golden" / "adapter.json", dict(cases=cases, versions=peers.versions()))


if __name__ == "__main__":
    main()
