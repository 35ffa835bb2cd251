"""Rows that graft reads against those of `datasets`, pandas and TRL's mixtures.

    python tests/peers/check_rows.py build/read_rows [--tables 400]

Folders of every layout, patterns, data_files, compressed files, JSON, text and mixtures are read by both; random tables go through
pandas' reader as `datasets` calls it, with every cell asked for as a string. A file that one side refuses must be refused by the other.
`.zst` is compared with the file inflated: the peers' reader of it is not installed. The last line is `N passed, N failed`.
"""
import argparse
import gzip
import io
import json
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import datasets
import pandas
import pyarrow
from trl.scripts.utils import DatasetConfig, DatasetMixtureConfig, get_dataset

datasets.disable_progress_bars()
datasets.logging.set_verbosity(datasets.logging.CRITICAL)
passed = failed = 0

LAYOUTS = [
    ["train.csv", "test.csv"], ["train.jsonl", "valid-dev.jsonl", "eval.jsonl"], ["a.jsonl", "b.jsonl"], ["train/b.csv", "train/a.csv", "test/x.csv", "other.csv"],
    ["data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl", "data/extra-00000-of-00001.jsonl", "data/test-00000-of-00001.jsonl"],
    ["train_train.csv"], ["mytrain.csv", "test.csv"], ["my-train-2.csv", "my.test.csv"], ["train.csv", ".hidden/train.csv", "__x/train.csv", "config.json"],
    ["train.csv", "train.txt"], ["notes.txt", "data.csv"], ["a.csv", "a.txt", "b.txt"], ["dev-val/x.csv", "train/x.csv"], ["train/test.csv"],
    ["sub/train.jsonl", "train.jsonl", "Train.jsonl"], ["train-test.jsonl"], ["config.json", "train.json"], ["train/a/b/c.csv", "test_1/y.csv"],
    ["evaluation.csv", "training.csv"], ["x.foo"], ["data/validation-00000-of-00001.csv", "data/a_b.c-00000-of-00001.csv"],
    ["train1.csv", "train 2.csv", "train10.csv"], ["train.jsonl", "test.jsonl", "foo.jsonl"], ["trainer.csv"], ["train.data/x.csv"], ["t/train.jsonl", "t/config.json"],
    ["my train.jsonl", "train.jsonl", "training-1.jsonl"], ["data/train-00000-of-00001-abc.csv"], ["train.tsv"], ["train.ndjson", "test.ndjson"],
    ["train.jsonl.gz", "test.jsonl.gz"], ["train.txt.gz"], ["__train.csv"], ["valid/a.csv", "validation/b.csv"], [".x/.y.csv", "a.csv"],
]
PATTERNS = ["*.jsonl", "**/*.jsonl", "**", "sub/*", "sub/**", "[ab].jsonl", "?.jsonl", "*", "b.jsonl", ["b.jsonl", "a.jsonl"], "[!a].jsonl", "./a.jsonl", "**/c.jsonl",
            "*/c.jsonl", ".h*", "zz*.jsonl", ["a.jsonl", "*.jsonl"], {"train": "a.jsonl", "test": ["b.jsonl", "sub/*"]}, "sub/**/e.jsonl", "**/d/*", "nowhere.jsonl"]


def report(name, good, *details):
    global passed, failed
    passed, failed = passed + good, failed + (not good)
    if not good:
        print("failed:", name, *details, sep="\n    ")


def graft(reader, request):
    run = subprocess.run([reader, json.dumps(request)], capture_output=True, text=True)
    if run.returncode not in (0, 2):
        raise SystemExit(f"read_rows ended with {run.returncode} on {request}: {run.stderr}")
    return [json.loads(line) for line in run.stdout.splitlines()] if run.returncode == 0 else None


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else pyarrow.Codec("zstd").compress(data, asbytes=True) if path.suffix == ".zst" else data)


def one_row(name):
    kind = next((part for part in reversed(name.split(".")) if part in ("csv", "tsv", "json", "jsonl", "ndjson")), "txt")
    return {"csv": "text\n%s\n", "tsv": "text\n%s\n", "txt": "%s\n"}.get(kind, '{"text": "%s"}\n') % name


def folder_of(names):
    folder = Path(tempfile.mkdtemp()) / "base"
    for name in names:
        write(folder / name, one_row(name))
    return folder


def peer(*args, **options):
    try:
        return datasets.load_dataset(*args, cache_dir=tempfile.mkdtemp(), **options)
    except Exception:
        return None


def check_layouts(reader):
    for names in LAYOUTS:
        folder = folder_of(names)
        found = peer(str(folder)) or {}
        for split in ("train", "validation", "test", "extra", "a_b.c"):
            expected = found[split].to_list() if split in found else None
            rows = graft(reader, {"datasets": [{"path": str(folder), "split": split}]})
            report(f"{names} {split}", rows == expected, f"graft {rows}", f"peer  {expected}")


def check_patterns(reader):
    names = ["a.jsonl", "b.jsonl", "sub/c.jsonl", "sub/d/e.jsonl", ".h.jsonl"]
    folder = folder_of(names)
    for pattern in PATTERNS:
        for split in ("train", "test"):
            found = peer(str(folder), data_files=pattern) or {}
            expected = found[split].to_list() if split in found else None
            rows = graft(reader, {"datasets": [{"path": str(folder), "data_files": pattern, "split": split}]})
            report(f"data_files {pattern} {split}", rows == expected, f"graft {rows}", f"peer  {expected}")
        if isinstance(pattern, str):
            found = peer("json", data_files=f"{folder}/{pattern}", split="train")
            expected = found.to_list() if found else None
            rows = graft(reader, {"datasets": [{"path": f"{folder}/{pattern}"}]})
            report(f"path {pattern}", rows == expected, f"graft {rows}", f"peer  {expected}")
            rows = graft(reader, {"datasets": [{"path": "json", "data_files": f"{folder}/{pattern}"}]})
            report(f"json {pattern}", rows == expected, f"graft {rows}", f"peer  {expected}")
    rows = graft(reader, {"datasets": [{"path": str(folder), "data_dir": "sub"}]})
    report("data_dir", rows == peer(str(folder), data_dir="sub")["train"].to_list(), rows)


def check_zstd(reader):
    for name in ("train.csv", "train.jsonl", "train.txt"):
        plain, packed = folder_of([name]), folder_of([name + ".zst"])
        expected, rows = peer(str(plain), split="train").to_list(), graft(reader, {"datasets": [{"path": str(packed)}]})
        report(f"{name}.zst", rows == [{"text": row["text"].replace(name, name + ".zst")} for row in expected], f"graft {rows}")


def check_mixtures(reader):
    choose = random.Random(5)
    for number in range(30):
        folder, configs, requests = Path(tempfile.mkdtemp()), [], []
        shares = number % 2 == 0
        for k in range(choose.randint(1, 4)):
            path = folder / f"{k}" / "train.jsonl"
            rows = [{"prompt": f"{k} {i}", "completion": str(i), "id": str(i)} for i in range(choose.randint(1, 40))]
            write(path, "".join(json.dumps(row) + "\n" for row in rows))
            more = {"fraction": choose.choice([0.1, 0.25, 0.3, 0.5, 1, 2, 3])} if shares else {}
            if choose.random() < 0.5:
                more["columns"] = ["prompt", "completion"]
            configs.append(DatasetConfig(path=str(path.parent), **more))
            requests.append({"path": str(path.parent), **more})
        whole = get_dataset(DatasetMixtureConfig(datasets=configs))["train"]
        bare = [{key: value for key, value in row.items() if value is not None} for row in whole.to_list()]
        rows = graft(reader, {"datasets": requests})
        report(f"mixture {requests}", (rows or []) == bare, f"graft {rows}", f"peer  {bare}")
        if len(whole) < 2:
            continue
        seed, size = choose.randrange(1000), choose.choice([0.1, 0.5, 0.33, 1, len(whole) - 1])
        split = whole.train_test_split(test_size=size, seed=seed)
        for test in (False, True):
            held = {"datasets": requests, "test_split_size": size, "seed": seed, "test": test}
            bare = [{key: value for key, value in row.items() if value is not None} for row in split["test" if test else "train"].to_list()]
            rows = graft(reader, held)
            report(f"split {held}", rows == bare, f"graft {rows}", f"peer  {bare}")
        first = graft(reader, {"datasets": requests, "max_samples": 3})
        report("max_samples", first == [{k: v for k, v in row.items() if v is not None} for row in whole.select(range(min(3, len(whole)))).to_list()])
        renamed = graft(reader, {"datasets": [{"path": requests[0]["path"], "column_mapping": {"prompt": "question", "completion": "prompt"}}]})
        expected = peer(requests[0]["path"], split="train").rename_columns({"completion": "x", "prompt": "question"}).rename_columns({"x": "prompt"}).to_list()
        report("column_mapping", renamed == expected, renamed, expected)


def random_table(choose, separator):
    pieces = [separator, separator, "\n", "\n", "\r\n", "\r", '"', '""', '"', "a", "bc", " ", "\t", ",", "NA", "null", "1", "2.5", "\u00e9", "\u65e5", "x y", "#", "\\"]
    def cell():
        text = "".join(choose.choice(pieces[6:]) for _ in range(choose.randint(0, 3))).replace('"', "").replace(separator, "")
        return '"' + text.replace("x", '""').replace("b", choose.choice(["\n", "\r\n", separator, "b"])) + '"' if choose.random() < 0.3 else text
    n = choose.randint(1, 4)
    lines = [separator.join(cell() for _ in range(n if choose.random() < 0.9 else choose.randint(1, n))) for _ in range(choose.randint(1, 6))]
    text = choose.choice(["\n", "\r\n", "\r"]).join(lines) + choose.choice(["", "\n", "\r\n"])
    for _ in range(choose.choice([0, 0, 0, 1, 2, 4])):
        at = choose.randint(0, len(text))
        text = text[:at] + choose.choice(pieces) + text[at + choose.choice([0, 0, 1]):]
    return text


def pandas_rows(text, separator):
    """As datasets' csv reader, with strings for cells; None where it fails or makes an index of the first column."""
    try:
        frame = pandas.read_csv(io.BytesIO(text.encode()), sep=separator, dtype=str)
    except Exception:
        return None
    if not isinstance(frame.index, pandas.RangeIndex) or not len(frame):
        return None
    return [{name: None if pandas.isna(value) else value for name, value in zip(frame.columns, row)} for row in frame.itertuples(index=False, name=None)]


def without_lost_separators(text, separator):
    """What pandas reads in place of `text`: behind a blank line that ends with \\r alone, it swallows a separator (EAT_CRNL_NOP in its
    tokenizer.c), and every cell of that row moves one column to the left. graft keeps the cells where they are."""
    return re.sub(rf"((?:^|[\r\n])[ \t]*\r){separator}", r"\1", text)


def check_tables(reader, count):
    choose = random.Random(7)
    refused = moved = 0
    for number in range(count):
        separator = "\t" if number % 4 == 0 else ","
        text = random_table(choose, separator)
        path = Path(tempfile.mkdtemp()) / ("t.tsv" if separator == "\t" else "t.csv")
        write(path, text)
        expected, rows = pandas_rows(text, separator), graft(reader, {"datasets": [{"path": str(path)}]})
        refused += expected is None
        mended = without_lost_separators(text, separator)
        if rows != expected and mended != text:
            write(path, mended)
            rows = graft(reader, {"datasets": [{"path": str(path)}]})
            moved += 1
        report(f"table {text!r}", rows == expected, f"graft {rows}", f"peer  {expected}")
    print(f"{count} random tables, {refused} of them refused; in {moved} pandas moves cells behind a blank line, as expected")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("reader")
    options.add_argument("--tables", type=int, default=400)
    options = options.parse_args()
    check_layouts(options.reader)
    check_patterns(options.reader)
    check_zstd(options.reader)
    check_mixtures(options.reader)
    check_tables(options.reader, options.tables)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
