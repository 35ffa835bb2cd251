"""The real model of the tests as Hugging Face folders: smollm2.py FILE.gguf FOLDER makes FOLDER/f32 and FOLDER/bf16.

transformers' import of a GGUF tokenizer ignores tokenizer.ggml.pre: the split of digits is put back."""
import sys
import warnings
from pathlib import Path

import peers

def tokenizer(file):
    from tokenizers import pre_tokenizers
    from transformers import AutoTokenizer
    made = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    made.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    assert made.tokenize("a  12") == ["a", "\u0120\u0120", "1", "2"], made.tokenize("a  12")
    return made


def make(file, folder):
    import torch
    import gguf_base
    file, folder = Path(file), Path(folder)
    model = gguf_base.load(file)
    words = tokenizer(file)
    for name, dtype in (("f32", torch.float32), ("bf16", torch.bfloat16)):
        model.to(dtype).save_pretrained(folder / name)
        words.save_pretrained(folder / name)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    make(*sys.argv[1:])
