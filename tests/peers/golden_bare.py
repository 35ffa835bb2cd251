"""Writes tests/golden/tokenizer/vocab_* and tiktoken_*: folders without a tokenizer.json (bare_folders.py).

    python tests/peers/golden_bare.py

The vocabulary is that of tests/golden/tokenizer/gpt2; cases.json is what golden_tokenizer.py writes, of the tokenizer that transformers
builds, and added.json has the ids of its added tokens."""
import json
import logging

import bare_folders
from check_tokenizer import GOLDEN, reference


def main():
    logging.disable(logging.ERROR)
    model = json.loads((GOLDEN / "gpt2" / "tokenizer.json").read_text())["model"]
    texts = json.loads((GOLDEN / "texts.json").read_text())["texts"]
    for name, files in bare_folders.FOLDERS.items():
        bare_folders.write(GOLDEN / name, files, bare_folders.byte_tokens(model["vocab"]), model["merges"])
        tokenizer = bare_folders.built(GOLDEN / name)._tokenizer
        (GOLDEN / name / "added.json").write_text(json.dumps({t.content: i for i, t in tokenizer.get_added_tokens_decoder().items()}, ensure_ascii=False) + "\n")
        (GOLDEN / name / "cases.json").write_text(json.dumps([reference(tokenizer, t) for t in texts], ensure_ascii=False, separators=(",", ":")) + "\n")


main()
