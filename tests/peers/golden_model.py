"""Makes tests/golden/llama: very small random models with what the peers compute on them, for the tests that run without Python.

    golden_model.py [NAME...]

A folder NAME holds
    config.json, model.safetensors         the base, as transformers saves it
    adapter_in/                            a LoRA adapter with B != 0, as PEFT saves it
    expected.json                          documents (two lists of ids), loss, ten training losses, grad_norms and learning rates,
                                           the recipe, seed and versions, and how far TRL itself is from a float64 run
    expected.safetensors                   logits [rows of both documents, vocab]; grad.<adapter tensor> of the loss over both
                                           documents; final.<adapter tensor> after the ten steps

logits and gradients come from transformers' own loss on the padded pair, the training from TRL: two paths that must meet in
the first loss, which is checked here."""
import random
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import peers
import models
import torch
import trl_run
from compare import BARS, compare
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

GOLDEN = peers.HERE.parent / "golden" / "llama"
SMALL = dict(vocab_size=80, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=64)
SPECS = {
    "gqa": {},
    "tied": dict(tie_word_embeddings=True, num_key_value_heads=4, attention_bias=True),
    "bias": dict(attention_bias=True, mlp_bias=True, num_key_value_heads=1, head_dim=12, store="bfloat16"),
    "linear": dict(store="float16", **models.rope("linear", factor=4.0)),
    "dynamic": dict(max_position_embeddings=16, old_rope=True, **models.rope("dynamic", factor=2.0)),
    "llama3": dict(shard="30KB", **models.rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                               original_max_position_embeddings=32)),
    "yarn": models.rope("yarn", factor=4.0, original_max_position_embeddings=32, beta_fast=8.0, mscale=1.3, mscale_all_dim=0.7),
}
SEED = 11
RECIPE = dict(per_device_train_batch_size=2, gradient_accumulation_steps=1, max_steps=10, learning_rate=1e-2, weight_decay=0.1,
              max_grad_norm=1.0, lr_scheduler_type="cosine", warmup_steps=2, train_sampling_strategy="sequential", bf16=False)


def documents():
    choose = random.Random(SEED)
    return [[choose.randrange(3, SMALL["vocab_size"]) for _ in range(length)] for length in (11, 29)]


def padded(lists, filler):
    longest = max(len(each) for each in lists)
    return torch.tensor([each + [filler] * (longest - len(each)) for each in lists])


def forward(model, adapter, docs):
    """Logits of the real rows, loss over both documents, and the adapter's gradients."""
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    wrapped = PeftModel.from_pretrained(base, adapter, is_trainable=True)
    mask = padded([[1] * len(doc) for doc in docs], 0)
    output = wrapped(input_ids=padded(docs, 0), attention_mask=mask, labels=padded(docs, -100))
    output.loss.backward()
    gradients = {name.replace(".default", ""): weight.grad for name, weight in wrapped.named_parameters() if weight.requires_grad}
    return output.logits[mask.bool()].detach(), output.loss.item(), gradients


def training(model, adapter, docs, work):
    peers.write_rows(work / "data.jsonl", [{"input_ids": doc} for doc in docs])
    recipe = RECIPE | {"model_name_or_path": str(model), "adapter_name_or_path": str(adapter), "dataset_name": str(work / "data.jsonl")}
    trl_run.run(recipe, work / "trl")
    trl_run.run(recipe, work / "float64", float64=True)
    figures, _ = compare(work / "trl", work / "float64")
    steps = [entry for entry in peers.read_json(work / "trl" / "trainer_state.json")["log_history"] if "loss" in entry]
    return steps, load_file(work / "trl" / "adapter_model.safetensors"), {name: figures[name] for name in ("loss", "grad_norm", "adapter")}


def make(name, folder, work):
    model, adapter, docs = work / "model", folder / "adapter_in", documents()
    models.write_model(model, {**SMALL, **SPECS[name]}, seed=SEED)
    models.write_adapter(adapter, model, name, seed=SEED, r=4, lora_alpha=8)
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
    for wanted in sys.argv[1:] or SPECS:
        target = GOLDEN / wanted
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        with tempfile.TemporaryDirectory() as scratch:
            make(wanted, target, Path(scratch))
        print(f"{target}: {sum(p.stat().st_size for p in target.rglob('*') if p.is_file()) // 1024} KiB")
