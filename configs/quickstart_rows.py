"""The Devil's Dictionary, as Debian's package dict-devil installs it for dictd, as training rows: quickstart_rows.py FOLDER makes
    train.jsonl, test.jsonl    {"prompt": [system, user], "completion": [assistant]}, each a message with role and content; every 20th word is for the test
    ask-WORD.json              the messages that quickstart.sh puts to the model, for words that are in test.jsonl

An entry is its prose: the verses that follow many are left out, and so are entries of verses only and the longest ones. Words
are written as the book writes them. The same package gives the same files."""
import gzip
import json
import re
import sys
from pathlib import Path

DICTIONARY = Path("/usr/share/dictd/devil")
ASKED = "dentist", "friendship", "happiness", "year"
SHORTEST, LONGEST = 30, 390
DIGITS = {digit: value for value, digit in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")}


def number(digits):
    """A number of dictd's index: base 64, most significant digit first."""
    value = 0
    for digit in digits:
        value = value * 64 + DIGITS[digit]
    return value


def prose(entry):
    """The paragraphs before the first that is indented, on one line."""
    paragraphs = re.split(r"\n\s*\n", entry.strip("\n"))
    verses = next((i for i, paragraph in enumerate(paragraphs) if paragraph.startswith(" ")), len(paragraphs))
    return " ".join(" ".join(paragraphs[:verses]).split())


def entries():
    """{word: definition} in the order of the book; the index names some entries twice, under two spellings."""
    text = gzip.open(DICTIONARY.with_suffix(".dict.dz")).read()
    seen, found = set(), {}
    for line in DICTIONARY.with_suffix(".index").read_text(encoding="utf-8").splitlines():
        word, offset, length = line.split("\t")
        definition = prose(text[number(offset):number(offset) + number(length)].decode("utf-8", "replace"))
        if not word.startswith("00database") and SHORTEST <= len(definition) <= LONGEST and definition not in seen:
            seen.add(definition)
            found[word] = definition
    return found


def question(word):
    return [{"role": "system", "content": "You are a dictionary."}, {"role": "user", "content": f"Define {word}."}]


def write_rows(path, pairs):
    rows = ({"prompt": question(word), "completion": [{"role": "assistant", "content": definition}]} for word, definition in pairs)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    pairs = list(entries().items())
    held_out = {word for i, (word, _) in enumerate(pairs) if i % 20 == 0} | set(ASKED)
    write_rows(folder / "train.jsonl", [pair for pair in pairs if pair[0] not in held_out])
    write_rows(folder / "test.jsonl", [pair for pair in pairs if pair[0] in held_out])
    for word in ASKED:
        (folder / f"ask-{word}.json").write_text(json.dumps(question(word)) + "\n", encoding="utf-8")
    print(f"{len(pairs) - len(held_out)} entries to train on, {len(held_out)} held out")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}. The dictionary comes with the Debian package dict-devil")
