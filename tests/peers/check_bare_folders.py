"""Random texts through graft and through what transformers builds from folders without a tokenizer.json (bare_folders.py).

    python tests/peers/check_bare_folders.py BUILD [--seed N] [--texts N]

Every folder of FOLDERS, and every model_type with every class: ids, ranges, decoded text, bos, eos, pad and unk; where transformers builds
none, graft must refuse. What graft saves must be the same tokenizer to transformers. Exits 1 when anything differs."""
import argparse
import json
import logging
import pathlib
import random
import subprocess
import sys
import tempfile

import bare_folders
from check_tokenizer import answers, reference, text
from transformers import AutoTokenizer

VOCABULARY = pathlib.Path(__file__).parent.parent / "golden" / "tokenizer" / "gpt2" / "tokenizer.json"


def with_added(rng, built, texts):
    """Texts with added tokens between their words."""
    added = [t.content for t in built._tokenizer.get_added_tokens_decoder().values()]
    pieces = lambda t: (piece for word in t.split(" ") for piece in (word, rng.choice(["", " ", "  "]), rng.choice(added), rng.choice(["", " "])))
    return texts + ["".join(pieces(t)) for t in texts] if added else texts


def differences(driver, path, texts, rng):
    """What differs, a line each."""
    built = bare_folders.built(path)
    with tempfile.TemporaryDirectory() as saved:
        run = subprocess.run([driver, path, "--save", saved], input="", capture_output=True, text=True)
        if built is None:
            return [] if run.returncode == 2 and str(path) in run.stderr else [f"not refused: {run.returncode} {run.stderr}"]
        if run.returncode:
            return [f"refused: {run.stderr}"]
        again = AutoTokenizer.from_pretrained(saved)
    texts = with_added(rng, built, texts)
    bad = [f"{key}: saved {getattr(again, key)}, expected {getattr(built, key)}" for key in ("bos_token", "eos_token", "pad_token", "unk_token", "bos_token_id", "eos_token_id")
           if getattr(again, key) != getattr(built, key)]
    for sample, found in zip(texts, answers([driver, path], texts), strict=True):
        for name, other in (("", found), ("saved: ", reference(again._tokenizer, sample))):
            expected = reference(built._tokenizer, sample)
            if other != expected:
                which = next(i for i in range(5) if other[i] != expected[i])
                bad.append(f"{name}{ascii(sample)}\n  found    {ascii(other[which])}\n  expected {ascii(expected[which])}")
    return bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--texts", type=int, default=1000)
    args = parser.parse_args()
    logging.disable(logging.ERROR)
    rng = random.Random(args.seed)
    texts = [text(rng) for _ in range(args.texts)]
    model = json.loads(VOCABULARY.read_text())["model"]
    vocabulary = bare_folders.byte_tokens(model["vocab"])
    failed = passed = 0
    cases = [*((n, f, texts) for n, f in bare_folders.FOLDERS.items()), *((n, f, texts[:20]) for n, f in bare_folders.crossed())]
    for name, files, some in cases:
        with tempfile.TemporaryDirectory() as folder:
            bare_folders.write(pathlib.Path(folder), files, vocabulary, model["merges"])
            bad = differences(args.build / "tokenize_texts", pathlib.Path(folder), some, rng)
        failed, passed = failed + bool(bad), passed + (not bad)
        if bad:
            print(f"{name}: {len(bad)} differences", *bad[:2], sep="\n")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
