"""Base models' own dropouts against TRL's. Masks cannot be torch's, so what is compared is how losses and gradients are spread.

    dropout_parity.py GRAFT [NAME...]     a NAME is a case or a pattern such as 'gpt2*'

Both train on one row again and again at a rate that changes nothing: each step is a draw of masks. Over STEPS of them the means of
loss and gradient norm must be within BAR of their standard errors of each other, and so must the variances, to which each place that
drops adds. `without`: how many standard errors the loss with no dropouts is from TRL's mean."""
import argparse
import fnmatch
import statistics
import sys
import tempfile
from pathlib import Path

import families
import models
import peers
import rows
import torch
import trl_run
from parity import run_graft

STEPS, BAR = 400, 4.5
GPT2 = dict(attn_pdrop=0.0, embd_pdrop=0.0, resid_pdrop=0.0)
CASES = {
    "gpt2": ("gpt2", dict(attn_pdrop=0.1, embd_pdrop=0.1, resid_pdrop=0.1)),
    "gpt2-attention": ("gpt2", GPT2 | dict(attn_pdrop=0.3)),
    "gpt2-embedding": ("gpt2", GPT2 | dict(embd_pdrop=0.1)),
    "gpt2-residual": ("gpt2", GPT2 | dict(resid_pdrop=0.1)),
    "llama": ("gqa", dict(attention_dropout=0.3)),
    "gemma2-capped": ("gemma2", dict(attention_dropout=0.3)),
    "starcoder2": ("starcoder2", dict(attention_dropout=0.1, embedding_dropout=0.1, residual_dropout=0.2)),
    "stablelm": ("stablelm", dict(hidden_dropout=0.2)),
    "stablelm-parallel": ("stablelm-parallel", dict(hidden_dropout=0.2, attention_dropout=0.1)),
    "gpt_neox": ("gpt_neox", dict(hidden_dropout=0.1)),
    "gpt_neox-sequential": ("gpt_neox-sequential", dict(hidden_dropout=0.1, attention_dropout=0.1)),
    "phi": ("phi", dict(embd_pdrop=0.1, resid_pdrop=0.2)),
    "phi3": ("phi3", dict(resid_pdrop=0.2, embd_pdrop=0.5)),
}
# An adapter whose B is not zero from the start, so that the gradient of A is seen too.
RECIPE = dict(learning_rate=1e-12, weight_decay=0.0, max_steps=STEPS, lr_scheduler_type="constant", per_device_train_batch_size=2,
              gradient_accumulation_steps=1, max_grad_norm=1e9, logging_steps=1, save_strategy="no", seed=42, bf16=False, use_peft=True,
              train_sampling_strategy="sequential", lora_r=8, lora_alpha=4, lora_dropout=0.0, lora_target_modules="all-linear", init_lora_weights=False)


def draws(folder):
    """Losses and gradient norms of every step."""
    log = [entry for entry in peers.read_json(folder / "trainer_state.json")["log_history"] if "loss" in entry]
    return {key: [entry[key] for entry in log] for key in ("loss", "grad_norm")}


def apart(ours, theirs):
    """How far means and variances are apart, in standard errors of their difference."""
    means = statistics.fmean(ours) - statistics.fmean(theirs)
    spreads = statistics.pvariance(ours) - statistics.pvariance(theirs)
    return tuple(abs(value) / error if error else float("inf") for value, error in ((means, error_of(ours, theirs, 1)), (spreads, error_of(ours, theirs, 2))))


def error_of(ours, theirs, power):
    def own(values):
        mean = statistics.fmean(values)
        return statistics.pvariance([(value - mean) ** power for value in values]) / len(values)
    return (own(ours) + own(theirs)) ** 0.5


def prepare(folder, spec, dropouts):
    models.write_model(folder / "model", spec | dropouts)
    peers.write_rows(folder / "data.jsonl", rows.id_rows(1, 0, 384, 30, 40) * (2 * STEPS))
    recipe = RECIPE | dict(model_name_or_path=str(folder / "model"), dataset_name=str(folder / "data.jsonl"), output_dir=str(folder / "out"))
    peers.write_json(folder / "recipe.json", recipe)
    return recipe


def switch_off(folder, dropouts):
    config = peers.read_json(folder / "model" / "config.json")
    peers.write_json(folder / "model" / "config.json", config | {key: 0.0 for key in dropouts})


def passes(name, graft, folder):
    model, dropouts = CASES[name]
    recipe = prepare(folder, models.SPECS[model], dropouts)
    trl_run.run(recipe, folder / "trl")
    run_graft(graft, folder, folder / "graft")
    switch_off(folder, dropouts)
    run_graft(graft, folder, folder / "without", "--max_steps", "2")
    theirs, ours, without = (draws(folder / out) for out in ("trl", "graft", "without"))
    figures = {key: apart(ours[key], theirs[key]) for key in ours}
    effect = abs(statistics.fmean(theirs["loss"]) - without["loss"][0]) / (statistics.pstdev(theirs["loss"]) / STEPS ** 0.5)
    good = max(max(pair) for pair in figures.values()) <= BAR
    print(f"{name:20}" + "".join(f"{value:11.2f}" for pair in figures.values() for value in pair) + f"{effect:10.1f}  {'passed' if good else 'failed'}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graft", type=Path)
    parser.add_argument("names", nargs="*", default=["*"])
    arguments = parser.parse_args()
    chosen = [name for name in CASES if any(fnmatch.fnmatch(name, pattern) for pattern in arguments.names)]
    print(f"{'in standard errors':20}" + "".join(f"{word:>11}" for word in ("loss", "its spread", "grad_norm", "its spread")) + f"{'without':>10}")
    failed = 0
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            failed += not passes(name, arguments.graft.resolve(), Path(folder))
    print(f"{len(chosen) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
