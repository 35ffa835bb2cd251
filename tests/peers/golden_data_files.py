"""Which files and rows `datasets` and TRL choose -> tests/golden/data_files.json, for tests/data/set/test_mixture.c.

    python tests/peers/golden_data_files.py

Written with datasets 5.2.0 and trl 1.16.0. `layouts`: the files of a folder, each with one row that names it, and the rows of every
split in order. `mixtures`: numbers of rows, fractions, and what is kept, held out and left of them; a row is [dataset, number].
"""
import json
import random
import tempfile
from pathlib import Path

import check_rows
from trl.scripts.utils import DatasetConfig, DatasetMixtureConfig, get_dataset


def layout(names):
    folder = check_rows.folder_of(names)
    found = check_rows.peer(str(folder)) or {}
    return {"files": names, "splits": {split: [row["text"] for row in rows] for split, rows in found.items()}}


def mixture(choose, number):
    folder, configs = Path(tempfile.mkdtemp()), []
    sizes = [choose.randint(1, 12) for _ in range(choose.randint(1, 4))]
    fractions = [choose.choice([0.1, 0.25, 0.3, 0.5, 1, 2, 3]) if number % 2 else None for _ in sizes]
    for k, (size, fraction) in enumerate(zip(sizes, fractions)):
        check_rows.write(folder / str(k) / "train.jsonl", "".join(json.dumps({"text": json.dumps([k, i])}) + "\n" for i in range(size)))
        configs.append(DatasetConfig(path=str(folder / str(k)), fraction=fraction))
    whole = get_dataset(DatasetMixtureConfig(datasets=configs))["train"]
    case = {"sizes": sizes, "fractions": fractions, "rows": [json.loads(text) for text in whole["text"]]}
    if len(whole) > 1:
        case["seed"], case["test_split_size"] = choose.randrange(1000), choose.choice([0.1, 0.5, 0.33, 1, len(whole) - 1])
        split = whole.train_test_split(test_size=case["test_split_size"], seed=case["seed"])
        case.update({name: [json.loads(text) for text in rows["text"]] for name, rows in split.items()})
    return case


def main():
    layouts = [layout(names) for names in check_rows.LAYOUTS if not any(name.endswith(".gz") for name in names)]
    choose = random.Random(11)
    golden = {"layouts": layouts, "mixtures": [mixture(choose, number) for number in range(24)]}
    text = json.dumps(golden).replace('{"files"', '\n{"files"').replace('{"sizes"', '\n{"sizes"')
    (Path(__file__).parents[1] / "golden" / "data_files.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
