"""Trains every case of cases.py with graft and with TRL + PEFT, and prints how far they are apart.

    parity.py GRAFT [NAME...]     GRAFT is the binary; a NAME is a case or a pattern such as 'schedule-*'
    parity.py --self [NAME...]    TRL against itself: sdpa with one thread against eager with two. What float32 leaves open
    parity.py --prepare [NAME...] only makes what is missing in the cache
    parity.py --list

TRL's runs are kept in the cache folder, so only the first time is slow. A row ends in `as good` where a figure misses its bar but
is no farther from a float64 run than TRL's float32 run is. Exit 1 when a case failed."""
import argparse
import fnmatch
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import peers
import cases
from compare import BARS, compare, judge
from safetensors.numpy import load_file


# Tiny matrices on two threads of a busy machine: threads that spin for each other make a run take minutes instead of seconds.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class Failure(Exception):
    """A run that did not come to results."""


def run_graft(binary, folder, out, *more):
    command = [binary, "sft", "--config", folder / "recipe.json", "--output_dir", out, *more]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace", timeout=1800)
    if done.returncode != 0:
        raise Failure(f"exit {done.returncode}: {done.stderr.strip()[-600:]}")


def initial_differences(binary, case, out):
    """Elements of the adapter before the first step that are not PEFT's: what a step with rate 0 leaves unchanged."""
    run_graft(binary, cases.ensure(case), out, "--learning_rate", "0", "--max_steps", "1", "--warmup_steps", "0")
    ours = load_file(out / "adapter_model.safetensors")
    theirs = load_file(cases.results(case) / "initial" / "adapter_model.safetensors")
    if ours.keys() != theirs.keys():
        raise Failure("the initial adapter has other tensors than PEFT's")
    def slack(name):
        # The normal distribution goes through log, cos and sin, which differ between libraries by some units in the last place.
        normal = case.recipe.get("init_lora_weights") == "gaussian" or "lora_embedding" in name
        return 1e-6 if normal else 0.0
    return sum(int((abs(ours[name] - theirs[name]) > slack(name) * abs(theirs[name]).max()).sum()) for name in theirs)


def check(case, arguments, out, more):
    """(figures, notes, verdicts) of one case. `more(case, graft, out)` gives notes of its own about the run in out/run."""
    want = cases.results(case)
    if arguments.self:
        got = cases.results(case, "again")
    else:
        run_graft(arguments.graft, cases.ensure(case), out / "run")
        got = out / "run"
    figures, notes = compare(got, want)
    if case.adapter is None and not arguments.self:
        if different := initial_differences(arguments.graft, case, out / "initial"):
            notes.append(f"{different} elements of the initial adapter differ from PEFT's")
            figures["counts"] += 1
    if more and not arguments.self:
        missed = more(case, arguments.graft, out)
        notes += missed
        figures["counts"] += len(missed)
    verdicts = judge(figures, got, want, lambda: cases.results(case, "float64"))
    if case.adapter is None:
        # From B = 0 the first steps of AdamW divide small differences by small gradients: TRL is 7e-5 from itself. What counts is
        # that both begin with the same bits and see the same rows.
        del verdicts["adapter"]
    return figures, notes, verdicts


def print_row(name, cells, end):
    print(f"{name:27}" + "".join(f"{cell:>10}" for cell in cells) + f"  {end}", flush=True)


def passes(case, arguments, more):
    """Runs a case and prints its row; the output of a failed run is kept."""
    out = Path(tempfile.mkdtemp(prefix=f"parity-{case.name}-"))
    try:
        figures, notes, verdicts = check(case, arguments, out, more)
        verdict = next(word for word in ("failed", "as good", "passed") if word in verdicts.values())
        cells = [figures[name] if name == "counts" else f"{figures[name]:.1e}" for name in BARS]
    except (Failure, subprocess.TimeoutExpired, OSError, ValueError, KeyError) as error:
        verdict, cells, notes = "failed", ["-"] * len(BARS), [f"{type(error).__name__}: {error}"]
    print_row(case.name, cells, verdict)
    for note in notes[:5]:
        print("    " + note)
    if verdict == "failed" and not arguments.self:
        print(f"    kept: {out}")
    else:
        shutil.rmtree(out)
    return verdict != "failed"


def prepare(chosen):
    """What graft is compared with comes first; the other runs serve --self and figures that miss their bar."""
    for how in cases.HOW:
        for case in chosen:
            print(how, case.name, flush=True)
            cases.results(case, how)


def named(case, patterns):
    return any(fnmatch.fnmatch(case.name, pattern) for pattern in patterns)


def main(table, more=None):
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self", action="store_true")
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--without", action="append", default=[], metavar="PATTERN", help="leave these cases out")
    parser.add_argument("words", nargs="*", metavar="GRAFT | NAME")
    arguments = parser.parse_args()
    words = arguments.words
    if not (arguments.self or arguments.prepare or arguments.list):
        if not words:
            parser.error("which graft?")
        arguments.graft = Path(words.pop(0)).resolve()
    chosen = [case for case in table if named(case, words or ["*"]) and not named(case, arguments.without)]
    if not chosen:
        parser.error("no case has such a name; --list shows them")
    if arguments.list:
        return print("\n".join(case.name for case in chosen))
    if arguments.prepare:
        return prepare(chosen)
    print_row("case", BARS, "")
    print_row("bar", [f"{bar:g}" for bar in BARS.values()], "")
    failed = sum(not passes(case, arguments, more) for case in chosen)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main(cases.CASES)
