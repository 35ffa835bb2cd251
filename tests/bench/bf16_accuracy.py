"""How far losses in bfloat16 are from float64's: graft's `bf16 true` beside PEFT's two ways of it.

    bf16_accuracy.py GRAFT [--steps 50] [--seeds 3] [--length 128]

A random llama whose weights are bfloat16, LoRA r 16 on all linears from one initial adapter, rows of real text, AdamW. The figure is the
root mean square over the steps of (loss - float64's loss), the median over the seeds. The bar is half of PEFT's with everything in
bfloat16, the floor as much as it."""
import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import models  # noqa: E402
import peers  # noqa: E402
import rows  # noqa: E402

SPEC = dict(store="bfloat16", hidden_size=256, intermediate_size=704, num_hidden_layers=6, num_attention_heads=8, num_key_value_heads=4)
RATE, BATCH = 1e-3, 4


def base(folder, dtype):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa")


def write_adapter(folder, model, seed):
    torch.manual_seed(seed)
    config = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
    get_peft_model(base(model, torch.float32), config).save_pretrained(folder)


def write_data(path, model, n_rows, length):
    ids = AutoTokenizer.from_pretrained(model)("\n".join(rows.licence()))["input_ids"]
    peers.write_rows(path, [{"input_ids": [ids[(i * length + k) % len(ids)] for k in range(length)]} for i in range(n_rows)])


def peft_losses(model, adapter, data, steps, dtype, adapters_float32):
    peft = PeftModel.from_pretrained(base(model, dtype), adapter, is_trainable=True, autocast_adapter_dtype=adapters_float32)
    if dtype == torch.float64:
        peft.to(dtype)
    trained = [weight for weight in peft.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.0)
    losses = []
    for step in range(steps):
        ids = torch.tensor([row["input_ids"] for row in data[step * BATCH:(step + 1) * BATCH]])
        loss = peft(input_ids=ids, labels=ids, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def graft_losses(binary, model, adapter, data, steps, out, bf16):
    recipe = dict(model_name_or_path=str(model), adapter_name_or_path=str(adapter), dataset_name=str(data), output_dir=str(out), bf16=bf16,
                  overwrite_output_dir=True, max_steps=steps, per_device_train_batch_size=BATCH, gradient_accumulation_steps=1, learning_rate=RATE,
                  lr_scheduler_type="constant", warmup_steps=0, weight_decay=0.0, max_grad_norm=1.0, logging_steps=1, save_strategy="no",
                  train_sampling_strategy="sequential", max_length=None)
    peers.write_json(out.parent / "recipe.json", recipe)
    subprocess.run([binary, "sft", "--config", out.parent / "recipe.json"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return [entry["loss"] for entry in peers.read_json(out / "trainer_state.json")["log_history"] if "loss" in entry]


def distance(losses, exact):
    return (sum((a - b) ** 2 for a, b in zip(losses, exact, strict=True)) / len(exact)) ** 0.5


def one_seed(binary, work, options, seed):
    model, adapter, data = work / "model", work / f"adapter-{seed}", work / "data.jsonl"
    write_adapter(adapter, model, seed)
    read = peers.read_rows(data)
    exact = peft_losses(model, adapter, read, options.steps, torch.float64, False)
    sides = {
        "graft float32": graft_losses(binary, model, adapter, data, options.steps, work / "out", False),
        "graft bf16": graft_losses(binary, model, adapter, data, options.steps, work / "out", True),
        "PEFT bf16": peft_losses(model, adapter, read, options.steps, torch.bfloat16, False),
        "PEFT bf16, adapters float32": peft_losses(model, adapter, read, options.steps, torch.bfloat16, True),
    }
    return {side: distance(losses, exact) for side, losses in sides.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graft")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--length", type=int, default=128)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        models.write_model(work / "model", SPEC)
        write_data(work / "data.jsonl", work / "model", options.steps * BATCH, options.length)
        seeds = [one_seed(options.graft, work, options, seed) for seed in range(options.seeds)]
    middle = {side: statistics.median(seed[side] for seed in seeds) for side in seeds[0]}
    print(f"{'RMS of loss - float64 loss':32}{'median':>10}{'of PEFT bf16':>14}   each seed")
    for side, figure in middle.items():
        print(f"{side:32}{figure:10.2e}{figure / middle['PEFT bf16']:13.2f}x   " + " ".join(f"{seed[side]:.2e}" for seed in seeds))
    return middle["graft bf16"] > 0.5 * middle["PEFT bf16"]


if __name__ == "__main__":
    sys.exit(main())
