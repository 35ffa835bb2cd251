"""Makes tests/golden/FAMILY/NAME: very small random models with what the peers compute on them, for the tests that run without
Python. Some of llama, one of every other family.

    golden_model.py [FAMILY/NAME...]

A folder holds
    config.json, model.safetensors         the base, as transformers saves it
    adapter_in/                            a LoRA adapter with B != 0, as PEFT saves it
    expected.json                          documents (two lists of ids), loss, ten training losses, grad_norms and learning rates,
                                           the recipe, seed and versions, and how far TRL itself is from a float64 run
    expected.safetensors                   logits [rows of both documents, vocab], as the model gives them; grad.<adapter tensor> of the loss over both
                                           documents; final.<adapter tensor> after the ten steps

logits and gradients come from transformers' own loss on the padded pair, the training from TRL: two paths that must meet in
the first loss, which is checked here. (gpt2's class has no loss_type, and Trainer then divides by every label, those of first
tokens too, which nothing predicts; so does `loss` here.)"""
import random
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import peers
import families
import models
import torch
import trl_run
from compare import BARS, compare
from peft import PeftModel
from safetensors.torch import load_file, save_file

GOLDEN = peers.HERE.parent / "golden"
SMALL = dict(vocab_size=80, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=64)
LLAMA = {
    "gqa": {},
    "tied": dict(tie_word_embeddings=True, num_key_value_heads=4, attention_bias=True),
    "bias": dict(attention_bias=True, mlp_bias=True, num_key_value_heads=1, head_dim=12, store="bfloat16"),
    "linear": dict(store="float16", **models.rope("linear", factor=4.0)),
    "dynamic": dict(max_position_embeddings=16, old_rope=True, **models.rope("dynamic", factor=2.0)),
    "llama3": dict(shard="30KB", **models.rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                               original_max_position_embeddings=32)),
    "yarn": models.rope("yarn", factor=4.0, original_max_position_embeddings=32, beta_fast=8.0, mscale=1.3, mscale_all_dim=0.7),
}
TINY = dict(vocab_size=40, hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
            max_position_embeddings=64)
TINY_GPT2 = dict(vocab_size=40, n_embd=16, n_inner=20, n_layer=2, n_head=2, n_positions=64, json=dict(n_embd=None, hidden_size=16))
OTHERS = {
    "mistral/window": "mistral", "qwen2/window": "qwen2-types", "qwen3/window": "qwen3-window", "gemma/bias": "gemma-bias",
    "gemma2/softcaps": "gemma2", "gemma3_text/two-ropes": "gemma3_text-old", "gemma3/images": "gemma3", "phi3/longrope": "phi3-longrope",
    "smollm3/window": "smollm3-window", "olmo2/norms": "olmo2", "olmo3/yarn": "olmo3-bias", "granite/multipliers": "granite",
    "glm4/partial": "glm4", "cohere/heads": "cohere-bias", "cohere2/window": "cohere2-bias", "starcoder2/window": "starcoder2",
    "stablelm/heads": "stablelm-heads", "gpt2/layers": "gpt2-bare", "gpt_neox/parallel": "gpt_neox", "phi/norms": "phi-norms",
    "nemotron/bias": "nemotron-bias", "exaone4/window": "exaone4-pattern", "ministral3/window": "ministral3-window",
    "mistral3/images": "mistral3-ministral3",
}


def tiny(model):
    spec = families.SPECS[model]
    if "text_config" in spec:
        return spec | dict(text_config=spec["text_config"] | TINY)
    return spec | (TINY_GPT2 if spec["model_type"] == "gpt2" else TINY)


# {folder: (spec, options of the adapter)}
CASES = {f"llama/{name}": (SMALL | spec, dict(r=4, lora_alpha=8)) for name, spec in LLAMA.items()} | {
    folder: (tiny(model), dict(r=2, lora_alpha=4, target_modules=families.targets(model))) for folder, model in OTHERS.items()}
SEED = 11
RECIPE = dict(per_device_train_batch_size=2, gradient_accumulation_steps=1, max_steps=10, learning_rate=1e-2, weight_decay=0.1,
              max_grad_norm=1.0, lr_scheduler_type="cosine", warmup_steps=2, train_sampling_strategy="sequential", bf16=False)


def documents(spec):
    choose, vocab = random.Random(SEED), spec.get("text_config", spec)["vocab_size"]
    return [[choose.randrange(3, vocab) for _ in range(length)] for length in (11, 29)]


def padded(lists, filler):
    longest = max(len(each) for each in lists)
    return torch.tensor([each + [filler] * (longest - len(each)) for each in lists])


def forward(model, adapter, docs):
    """Logits of the real rows, loss over both documents, and the adapter's gradients."""
    wrapped = PeftModel.from_pretrained(models.load_base(model), adapter, is_trainable=True)
    mask = padded([[1] * len(doc) for doc in docs], 0)
    output = wrapped(input_ids=padded(docs, 0), attention_mask=mask, labels=padded(docs, -100))
    loss = output.loss
    if not wrapped.get_base_model().loss_type:
        loss = loss * (mask[:, 1:].sum() / mask.sum())
    loss.backward()
    gradients = {name.replace(".default", ""): weight.grad for name, weight in wrapped.named_parameters() if weight.requires_grad}
    return output.logits[mask.bool()].detach(), loss.item(), gradients


def training(model, adapter, docs, work):
    peers.write_rows(work / "data.jsonl", [{"input_ids": doc} for doc in docs])
    recipe = RECIPE | {"model_name_or_path": str(model), "adapter_name_or_path": str(adapter), "dataset_name": str(work / "data.jsonl")}
    trl_run.run(recipe, work / "trl")
    trl_run.run(recipe, work / "float64", float64=True)
    figures, _ = compare(work / "trl", work / "float64")
    steps = [entry for entry in peers.read_json(work / "trl" / "trainer_state.json")["log_history"] if "loss" in entry]
    return steps, load_file(work / "trl" / "adapter_model.safetensors"), {name: figures[name] for name in ("loss", "grad_norm", "adapter")}


def make(name, folder, work):
    spec, options = CASES[name]
    model, adapter, docs = work / "model", folder / "adapter_in", documents(spec)
    models.write_model(model, spec, seed=SEED)
    models.write_adapter(adapter, model, Path(name).name, seed=SEED, **options)
    (adapter / "README.md").unlink()
    for path in [model / "config.json", *model.glob("model*.safetensors*")]:
        shutil.copy(path, folder)
    logits, loss, gradients = forward(model, adapter, docs)
    steps, final, noise = training(model, adapter, docs, work)
    assert abs(loss - steps[0]["loss"]) < BARS["loss"] * loss, (loss, steps[0]["loss"])
    save_file({"logits": logits.contiguous()} | {f"grad.{k}": v for k, v in gradients.items()} | {f"final.{k}": v for k, v in final.items()},
              folder / "expected.safetensors")
    peers.write_json(folder / "expected.json", dict(
        documents=docs, loss=loss, losses=[step["loss"] for step in steps], grad_norms=[step["grad_norm"] for step in steps],
        learning_rates=[step["learning_rate"] for step in steps], trl_from_float64=noise, recipe=RECIPE, seed=SEED,
        made_by="tests/peers/golden_model.py", versions=peers.versions()))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for wanted in sys.argv[1:] or CASES:
        target = GOLDEN / wanted
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        with tempfile.TemporaryDirectory() as scratch:
            make(wanted, target, Path(scratch))
        print(f"{target}: {sum(p.stat().st_size for p in target.rglob('*') if p.is_file()) // 1024} KiB")
