"""Speed and memory of `graft sft` against PEFT on the same real model, alternating, each run in a process of its own.

    sft_speed.py GRAFT [--rounds 3] [--steps 8] [--batch 4] [--length 512] [--peer peft|trl] [--model FOLDER] [--stored f32|bf16]
                       [--bf16 whole|adapters_float32] [--recompute]

SmolLM2-135M, LoRA r 16 on all linear layers, rows of real text, all exactly `length` ids long. The peer is the plain loop that people
write with transformers and PEFT, or TRL's trainer. Both compute in float32, or with --bf16 graft's `bf16 true` against a peer whose base is
bfloat16, its adapters too (PEFT's fastest) or float32 (PEFT's default); with --recompute both recompute every layer. Both sides use all cores.
Time is the training loop without loading, first step included: train_runtime of trainer_state.json for graft and TRL. Memory is
the largest resident size that the kernel saw (wait4). Start this on an idle machine: ratios are of neighbouring runs, but a busy
core hurts the two sides differently."""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import peers  # noqa: E402

RECIPE = dict(gradient_accumulation_steps=1, learning_rate=2e-4, max_grad_norm=1.0, logging_steps=1, save_strategy="no", bf16=False,
              train_sampling_strategy="sequential", lora_r=16, lora_alpha=32, lora_dropout=0.0, lora_target_modules="all-linear",
              use_peft=True, max_length=None, gradient_checkpointing=False)


def write_data(path, model, n_rows, length):
    from transformers import AutoTokenizer
    import rows
    text = "\n".join(definition for _, definition in rows.devil())
    ids = AutoTokenizer.from_pretrained(model)(text)["input_ids"]
    peers.write_rows(path, [{"input_ids": [ids[(i * length + k) % len(ids)] for k in range(length)]} for i in range(n_rows)])


def peft_loop(recipe, adapters_float32):
    """Seconds of the training loop."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM
    torch.set_num_threads(os.cpu_count())
    base = AutoModelForCausalLM.from_pretrained(recipe["model_name_or_path"], dtype=torch.bfloat16 if recipe["bf16"] else torch.float32)
    if recipe["gradient_checkpointing"]:
        base.gradient_checkpointing_enable()
        base.enable_input_require_grads()
    config = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(base, config, autocast_adapter_dtype=adapters_float32)
    model.train()
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=recipe["learning_rate"])
    data, batch = peers.read_rows(recipe["dataset_name"]), recipe["per_device_train_batch_size"]
    start = time.perf_counter()
    for step in range(recipe["max_steps"]):
        ids = torch.tensor([row["input_ids"] for row in data[step * batch:(step + 1) * batch]])
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, recipe["max_grad_norm"])
        optimizer.step()
        optimizer.zero_grad()
    return time.perf_counter() - start


def peer_process(kind, adapters_float32, recipe_path, out):
    """What the peer's process does: leaves its train_runtime where graft and TRL leave theirs."""
    recipe = peers.read_json(recipe_path)
    if kind == "trl":
        import trl_run
        trl_run.run(recipe, out, threads=os.cpu_count())
    else:
        Path(out).mkdir(parents=True)
        peers.write_json(Path(out) / "trainer_state.json", {"log_history": [{"train_runtime": peft_loop(recipe, adapters_float32)}]})


def measured(command, out):
    """(seconds of training, bytes at the peak) of one process."""
    shutil.rmtree(out, ignore_errors=True)
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{command[0]} failed:\n{errors[-2000:]}")
    history = peers.read_json(out / "trainer_state.json")["log_history"]
    return next(entry["train_runtime"] for entry in history if "train_runtime" in entry), usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graft", nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--peer", choices=["peft", "trl"], default="peft")
    parser.add_argument("--model", help="not SmolLM2-135M: a folder")
    parser.add_argument("--stored", choices=["f32", "bf16"], help="SmolLM2-135M's file; as computed if not given")
    parser.add_argument("--bf16", choices=["whole", "adapters_float32"])
    parser.add_argument("--recompute", action="store_true")
    parser.add_argument("--peer-process", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer_process:
        return peer_process(options.peer, options.bf16 != "whole", *options.peer_process)
    if not options.graft:
        parser.error("which graft?")
    model = options.model or str(peers.cache() / "smollm2" / (options.stored or ("bf16" if options.bf16 else "f32")))
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        write_data(work / "data.jsonl", model, options.steps * options.batch, options.length)
        peers.write_json(work / "recipe.json", RECIPE | dict(
            model_name_or_path=model, bf16=bool(options.bf16), gradient_checkpointing=options.recompute, dataset_name=str(work / "data.jsonl"), output_dir=str(work / "out"),
            per_device_train_batch_size=options.batch, max_steps=options.steps))
        out, tokens = work / "run", options.steps * options.batch * options.length
        sides = {"graft": [options.graft, "sft", "--config", work / "recipe.json", "--output_dir", out] +
                          (["--gradient_checkpointing", "recompute"] if options.recompute else []),
                 options.peer: [sys.executable, __file__, "--peer", options.peer] + (["--bf16", options.bf16] if options.bf16 else []) +
                               ["--peer-process", work / "recipe.json", out]}
        speeds, peaks = {side: [] for side in sides}, {side: [] for side in sides}
        computed = f"bf16, adapters {'float32' if options.bf16 != 'whole' else 'bf16'}" if options.bf16 else "float32"
        print(f"{model} in {computed}{', recomputed' if options.recompute else ''}, {options.batch}x{options.length}, {options.steps} steps, {os.cpu_count()} cores")
        print(f"{'round':8}" + "".join(f"{side + ' tok/s':>14}{side + ' MB':>12}" for side in sides) + f"{'speed':>9}{'memory':>9}")
        for i in range(options.rounds):
            for side, command in sides.items():
                seconds, peak = measured(command, out)
                speeds[side].append(tokens / seconds)
                peaks[side].append(peak / 1e6)
            print_row(i + 1, sides, {side: values[-1:] for side, values in speeds.items()}, {side: values[-1:] for side, values in peaks.items()})
        print_row("median", sides, speeds, peaks)


def print_row(name, sides, speeds, peaks):
    """Ratios are medians of the rounds' ratios, not ratios of medians: a round's two runs saw the same machine."""
    ours, theirs = sides
    speed = statistics.median(a / b for a, b in zip(speeds[ours], speeds[theirs]))
    memory = statistics.median(a / b for a, b in zip(peaks[ours], peaks[theirs]))
    cells = "".join(f"{statistics.median(speeds[side]):14.1f}{statistics.median(peaks[side]):12.0f}" for side in sides)
    print(f"{name!s:8}{cells}{speed:8.2f}x{memory:8.2f}x", flush=True)


if __name__ == "__main__":
    main()
