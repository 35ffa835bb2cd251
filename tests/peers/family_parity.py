"""Trains every family of families.py with graft and with TRL + PEFT, and reads the adapters that graft wrote with PEFT.

    family_parity.py GRAFT [NAME...]      options as in parity.py

Each model with a given adapter on all its linears; one model of each family from the seed, on the modules that PEFT adapts when
it is told none (all linears where it knows none). Of the runs with a given adapter also: PEFT loads the folder without a
warning and every tensor of it arrives; its logits on a long and a short prompt are graft's within 1e-5 of their range, or
graft's are as near to a float64 model's; and rows that are not padded give the same losses and the same adapter."""
from pathlib import Path

import adapter_loads
import torch
from cases import Case, ensure
from compare import BARS, compare
from families import FAMILIES, SPECS, targets
from generate_parity import LONG, generate, logits_of
from parity import main, run_graft
from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as DEFAULT_TARGETS
from safetensors.torch import load_file

ROWS = ("id_rows", 20, 0, 384, 4, 40)
RECIPE = dict(gradient_accumulation_steps=1, max_steps=10, warmup_steps=2)
EVALUATION = dict(eval_strategy="steps", eval_steps=2, per_device_eval_batch_size=2)
LOGITS_BAR = 1e-5


def given(model):
    return Case("family-" + model, model, ROWS, RECIPE, dict(target_modules=targets(model)))


def fresh(family):
    wanted = None if family in DEFAULT_TARGETS else targets(family)
    return Case("family-fresh-" + family, family, ROWS, RECIPE | dict(lora_target_modules=wanted, seed=7), None)


def stateful(name, model, recipe, rows=ROWS, **options):
    return Case("family-" + name, model, rows, RECIPE | recipe | dict(lora_target_modules=targets(model)), None, **options)


CASES = [given(model) for model in SPECS] + [fresh(family) for family in FAMILIES] + [
    Case("family-gpt2-unpadded", "gpt2", ROWS, RECIPE | dict(padding_free=True, max_length=None), {}),
    # tables that follow the micro-batch: evaluation meets lengths of its own between the steps, and packed rows hold short documents
    stateful("phi3-longrope-evaluation", "phi3-longrope", EVALUATION, eval_rows=("id_rows", 9, 5, 384, 4, 40)),
    stateful("gemma3_text-dynamic-evaluation", "gemma3_text-dynamic", EVALUATION, eval_rows=("id_rows", 9, 5, 384, 4, 40)),
    stateful("phi3-longrope-packed", "phi3-longrope", dict(packing=True, max_length=70), rows=("id_rows", 60, 0, 384, 4, 40))]


def logits_missed(case, graft, out):
    """What is wrong with the adapter in out/run as PEFT sees it."""
    model, _ = case.models(ensure(case))
    loaded = adapter_loads.load_with_peft(model, out / "run")
    notes = [f"{name}: not as graft wrote it" for name in adapter_loads.keys_apart(loaded, out / "run")]
    read = []
    for prompt in (LONG, "The Work"):
        generate(graft, model, out / "run", prompt, ["--raw"], out / "logits.safetensors", new_tokens=1)
        found = load_file(out / "logits.safetensors")
        read.append((found["input_ids"], found["logits"], logits_of(loaded, found["input_ids"])))
    apart = [((ours - theirs).abs().max() / (theirs.max() - theirs.min())).item() for _, ours, theirs in read]
    if max(apart) > LOGITS_BAR and not as_good(loaded.double(), read):
        notes.append(f"logits {apart[0]:.1e} and {apart[1]:.1e} of their range from PEFT's")
    return notes


def as_good(exact, read):
    truths = [logits_of(exact, ids) for ids, _, _ in read]
    ours, theirs = (max((each[i] - truth).abs().max() for each, truth in zip(read, truths)) for i in (1, 2))
    return ours <= theirs


def unpadded_missed(case, graft, out):
    if case.model.startswith("gpt2"):   # Trainer's divisor counts the first tokens of its padded rows; a case of its own below
        return []
    run_graft(graft, ensure(case), out / "unpadded", "--padding_free", "true", "--max_length", "null")
    figures, _ = compare(out / "unpadded", out / "run")
    return [f"without padding: {name} {figures[name]:.1e} apart" for name in ("loss", "adapter") if figures[name] > BARS[name]]


def missed(case, graft, out: Path):
    return [] if case.adapter is None or "padding_free" in case.recipe else logits_missed(case, graft, out) + unpadded_missed(case, graft, out)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(CASES, missed)
