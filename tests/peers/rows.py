"""Training rows of every kind that a dataset may have, made from real text: the licence beside the sources for the tiny
models, the Devil's Dictionary (Debian package dict-devil) for the real one. The same seed gives the same rows."""
import gzip
import random
import re
from pathlib import Path

import peers

LICENCE = Path(__file__).resolve().parents[2] / "LICENSE"
DEVIL = Path("/usr/share/dictd/devil")
ODD = ["Caf\u00e9 na\u00efve \u2014 d\u00e9j\u00e0 vu!", "x  =  12 345;\n\ty = 6\n", "\u65e5\u672c\u8a9e \U0001f600 ok", "  leading, trailing  "]


def licence():
    """Sentences of the licence."""
    text = re.sub(r"\s+", " ", LICENCE.read_text(encoding="utf-8"))
    return [sentence.strip() for sentence in re.split(r"(?<=[.;:]) ", text) if len(sentence.strip()) > 8]


def pieces(n, seed, shortest=20, longest=200):
    """n pieces of text of different lengths; every eighth holds what tokenizers stumble over."""
    choose, text = random.Random(seed), " ".join(licence())
    for i in range(n):
        length = choose.randint(shortest, longest)
        start = choose.randrange(len(text) - length)
        yield text[start:start + length] + (ODD[i // 8 % len(ODD)] if i % 8 == 7 else "")


def text_rows(n, seed=0):
    return [{"text": piece} for piece in pieces(n, seed)]


def message_rows(n, seed=0):
    choose, rows = random.Random(seed + 1), []
    for piece in pieces(n, seed):
        words = piece.split(" ")
        turns = choose.choice([2, 2, 4])
        cut = [" ".join(words[k * len(words) // turns:(k + 1) * len(words) // turns]) for k in range(turns)]
        messages = [{"role": "system", "content": "Be brief."}] if choose.random() < 0.3 else []
        messages += [{"role": ("user", "assistant")[k % 2], "content": part} for k, part in enumerate(cut)]
        rows.append({"messages": messages})
    return rows


def prompt_rows(n, seed=0):
    rows = []
    for piece in pieces(n, seed):
        cut = piece.find(" ", len(piece) // 3)
        rows.append({"prompt": piece[:cut], "completion": piece[cut:]})
    return rows


def chat_prompt_rows(n, seed=0):
    return [{"prompt": [{"role": "user", "content": row["prompt"]}],
             "completion": [{"role": "assistant", "content": row["completion"].strip()}]} for row in prompt_rows(n, seed)]


def id_rows(n, seed=0, vocab=384, shortest=6, longest=60, labels=False):
    """Token ids that no tokenizer made: rows of a language with a strong habit (each id mostly decides the next), so that
    there is something to learn. With labels, a stretch of each row is not trained."""
    choose, rows = random.Random(seed), []
    follower = [choose.randrange(3, vocab) for _ in range(vocab)]
    for _ in range(n):
        ids = [choose.randrange(3, vocab)]
        for _ in range(choose.randint(shortest, longest) - 1):
            ids.append(follower[ids[-1]] if choose.random() < 0.7 else choose.randrange(3, vocab))
        row = {"input_ids": ids}
        if labels:
            start = choose.randrange(len(ids) // 2)
            stop = start + choose.randint(1, len(ids) // 3)
            row["labels"] = [-100 if start <= i < stop else token for i, token in enumerate(ids)]
        rows.append(row)
    return rows


def devil():
    """[(word, definition)]: dictd's index holds word, offset and length in base 64."""
    def number(digits):
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        value = 0
        for digit in digits:
            value = value * 64 + alphabet.index(digit)
        return value
    try:
        text = gzip.open(DEVIL.with_suffix(".dict.dz")).read()
        index = DEVIL.with_suffix(".index").read_text(encoding="utf-8")
    except OSError as error:
        raise SystemExit(f"{error.filename}: not found; install the Debian package dict-devil")
    entries = []
    for line in index.splitlines():
        word, offset, length = line.split("\t")
        if not word.startswith("00database"):
            entry = text[number(offset):number(offset) + number(length)].decode("utf-8", "replace")
            entries.append((word, re.sub(r"\s+", " ", entry).strip()))
    return entries


def devil_rows(n, seed=0, longest=400):
    entries = [entry for entry in devil() if len(entry[1]) <= longest]
    return [{"prompt": [{"role": "user", "content": f"Define {word}."}],
             "completion": [{"role": "assistant", "content": definition}]}
            for word, definition in random.Random(seed).sample(entries, n)]


def devil_message_rows(n, seed=0):
    return [{"messages": row["prompt"] + row["completion"]} for row in devil_rows(n, seed)]


def devil_id_rows(n, seed=0):
    """Definitions as the real model's own ids: the prompt is not trained."""
    from transformers import AutoTokenizer
    words = AutoTokenizer.from_pretrained(peers.cache() / "smollm2" / "f32")
    rows = []
    for row in devil_rows(n, seed):
        def ids(messages, **more):
            return words.apply_chat_template(messages, tokenize=True, return_dict=True, **more)["input_ids"]
        whole, prompt = ids(row["prompt"] + row["completion"]), ids(row["prompt"], add_generation_prompt=True)
        rows.append({"input_ids": whole, "labels": [-100] * len(prompt) + whole[len(prompt):]})
    return rows
