"""Generates with graft and with transformers + PEFT, and compares logits and greedy text.

    generate_parity.py GRAFT [NAME...]      GRAFT is the binary; a NAME is a case of this file or a pattern such as 'rope-*'
    generate_parity.py --list

Random models: graft trains an adapter, PEFT loads the folder without a warning, and both read the same prompts: a question in the
chat template, plain text, plain text longer than the trained context of the dynamic models, and once with repetition_penalty.
SmolLM2 stands there as float32 folder and as GGUF, bare and with an adapter that PEFT wrote. Logits of every prompt position agree
within 1e-4, or are no farther from a float64 model's than the peers' float32 ones are (`as good`), and the texts are equal; else
a row ends in `failed` and the exit code is 1."""
import fnmatch
import subprocess
import sys
import tempfile
from pathlib import Path

import peers
import adapter_loads
import cases
import torch
from gguf_parity import CASES as GGUF_CASES
from parity import Failure, run_graft
from rows import licence
from safetensors.torch import load_file
from transformers import AutoTokenizer

MODELS = {case.name.removeprefix("model-"): case for case in cases.MODELS}
SMOLLM2 = {"smollm2-f32": next(case for case in cases.REAL if case.name == "smollm2-definitions"),
           "smollm2-gguf": next(case for case in GGUF_CASES if case.name == "gguf-smollm2")}
LONG = " ".join(licence())[:160]
PROMPTS = [("What is a licence?", []), ("The Work", ["--raw"]), (LONG, ["--raw"]), ("Grant of", ["--raw", "--repetition_penalty", "1.3"])]
NEW_TOKENS = 40


def generate(binary, model, adapter, prompt, more, logits, new_tokens=NEW_TOKENS):
    command = [binary, "generate", "--model_name_or_path", model, "--prompt", prompt, "--max_new_tokens", new_tokens, "--logits_file", logits, *more]
    command += ["--adapter_name_or_path", adapter] if adapter else []
    done = subprocess.run([str(word) for word in command], capture_output=True, timeout=600)
    if done.returncode:
        raise Failure(f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-600:]}")
    return done.stdout.decode("utf-8").removesuffix("\n")


def expected(loaded, tokenizer, prompt, more):
    text = prompt if "--raw" in more else tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True)
    ids = tokenizer(text, return_tensors="pt", add_special_tokens="--raw" in more).input_ids
    penalty = float(more[more.index("--repetition_penalty") + 1]) if "--repetition_penalty" in more else 1.0
    with torch.no_grad():
        out = loaded.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=NEW_TOKENS, do_sample=False, repetition_penalty=penalty)
    return tokenizer.decode(out[0, ids.shape[1]:], skip_special_tokens=True, clean_up_tokenization_spaces=False)


def logits_of(loaded, ids):
    with torch.no_grad():
        return loaded(ids.long().reshape(1, -1)).logits[0]


def compare(binary, case, adapter, out):
    """(largest difference of logits, whether graft's are as near to float64 as the peers', texts that differ)"""
    ours, theirs = case.models(cases.ensure(case))
    tokenizer = AutoTokenizer.from_pretrained(theirs)
    loaded = adapter_loads.load_with_peft(theirs, adapter) if adapter else adapter_loads.load_base(theirs).eval()
    read, different = [], []
    for prompt, more in PROMPTS:
        got = generate(binary, ours, adapter, prompt, more, out / "logits.safetensors")
        logits = load_file(out / "logits.safetensors")
        read.append((logits["input_ids"], logits["logits"], logits_of(loaded, logits["input_ids"])))
        want = expected(loaded, tokenizer, prompt, more)
        if got != want:
            different.append(f"{prompt[:30]!r} {' '.join(more)}\n      graft {got!r}\n      peers {want!r}")
    apart = max((graft - peer).abs().max().item() for _, graft, peer in read)
    return apart, apart > adapter_loads.BAR and as_good(loaded.double(), read), different


def as_good(exact, read):
    truths = [logits_of(exact, ids) for ids, _, _ in read]
    graft, peer = (max((each[i] - truth).abs().max().item() for each, truth in zip(read, truths)) for i in (1, 2))
    print(f"{'':24} from float64: graft {graft:.1e}, peers {peer:.1e}")
    return graft <= peer


def check(binary, name, out):
    if name in MODELS:
        ids = cases.ensure(cases.IDS[0]) / "data.jsonl"      # any rows do: all of these models have the same vocabulary
        run_graft(binary, cases.ensure(MODELS[name]), out / "run", "--dataset_name", ids, "--max_steps", "5")
        return compare(binary, MODELS[name], out / "run", out)
    bare = name.endswith("-bare")
    case = SMOLLM2[name.removesuffix("-bare")]
    return compare(binary, case, None if bare else cases.ensure(case) / "adapter_in", out)


def main(words):
    names = [*MODELS, *SMOLLM2, *(name + "-bare" for name in SMOLLM2)]
    if words == ["--list"]:
        return print("\n".join(names))
    binary, patterns = Path(words[0]).resolve(), words[1:] or ["*"]
    chosen, failed = [name for name in names if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)], 0
    for name in chosen:
        with tempfile.TemporaryDirectory() as out:
            try:
                apart, near, notes = check(binary, name, Path(out))
                good = not notes and (near or apart <= adapter_loads.BAR)
                verdict = "failed" if not good else "as good" if near else "ok"
                print(f"{name:24} logits {apart:.1e}  texts {len(PROMPTS) - len(notes)} of {len(PROMPTS)}  {verdict}", flush=True)
            except (Failure, AssertionError, OSError, ValueError) as error:
                good, notes = False, [f"{type(error).__name__}: {error}"]
                print(f"{name:24} failed", flush=True)
        for note in notes:
            print("    " + note)
        failed += not good
    print(f"{len(chosen) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1:])
