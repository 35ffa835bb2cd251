"""Folders with a byte-level vocabulary and no tokenizer.json, small, and the tokenizers that transformers builds from them.

For golden_tokenizer.py and check_bare_folders.py. FOLDERS has, by name, the files of a folder: "vocab" stands for vocab.json with
merges.txt, "tokenizer.model" and "tiktoken.model" for a tiktoken file of that name, both with the vocabulary of a trained tokenizer; the
other keys are files, written as JSON. tiktoken itself is not needed: its reader is the two lines of `load_tiktoken_bpe`."""
import base64
import json
import sys
import types

from transformers import AutoTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

TO_BYTE = {c: b for b, c in bytes_to_unicode().items()}


def token(content, special=True, **flags):
    return {"content": content, "special": special, "normalized": not special, "lstrip": False, "rstrip": False, "single_word": False, **flags}


def object_token(content, **flags):
    return {"__type": "AddedToken", **token(content, **flags)}


def of(model_type, tokenizer_class=None, **config):
    """config.json and tokenizer_config.json."""
    return {"config.json": {"model_type": model_type}, "tokenizer_config.json": {**config, **({"tokenizer_class": tokenizer_class} if tokenizer_class else {})}}


CHAT = {str(900 + i): token(t) for i, t in enumerate(["<|endoftext|>", "<|user|>", "<|end|>"])}
LLAMA3 = {"597": token("<s>"), "599": token("<|user|>", lstrip=True), "600": token("Norm", special=False), "602": token("<|end|>", rstrip=True)}
CLASSES = ["GPT2Tokenizer", "CodeGenTokenizer", "GPTNeoXTokenizerFast", "Qwen2TokenizerFast", "CohereTokenizerFast", "LlamaTokenizer", "PreTrainedTokenizerFast", "Unknown"]
MODEL_TYPES = ("llama mistral ministral3 mistral3 qwen2 qwen3 gemma gemma2 gemma3 gemma3_text phi3 smollm3 olmo2 olmo3 granite glm4 cohere cohere2 starcoder2 "
               "stablelm gpt2 gpt_neox phi nemotron exaone4").split()

FOLDERS = {
    "vocab_gpt2": {"vocab": True, **of("gpt2", add_prefix_space=True)},
    "vocab_starcoder2": {"vocab": True, **of("starcoder2", "GPT2Tokenizer", add_bos_token=True, add_eos_token=True, bos_token="<s>", eos_token="</s>",
                                            additional_special_tokens=["<|user|>", "<|end|>"])},
    "vocab_qwen2": {"vocab": True, **of("qwen2", "Qwen2Tokenizer", added_tokens_decoder=CHAT, pad_token="<|endoftext|>", eos_token="<|end|>")},
    "vocab_cohere": {"vocab": True, **of("cohere", add_bos_token=True)},
    "vocab_gpt_neox": {"vocab": True, **of("gpt_neox", add_eos_token=True)},
    "vocab_phi": {"vocab": True, **of("phi", "CodeGenTokenizer"), "added_tokens.json": {"    ": 902, "Norm": 900, "  ": 903, "<|user|>": 901}},
    "vocab_map": {"vocab": True, **of("gpt2", pad_token="<pad>", image_token="<mask>"),
                  "special_tokens_map.json": {"pad_token": token("<|end|>", lstrip=True), "extra_special_tokens": ["word"], "eos_token": "</s>"}},
    "vocab_flags": {"vocab": True, **of("llama", "GPT2Tokenizer", bos_token=None, unk_token=None, extra_special_tokens={"image_token": "<mask>"},
                                        additional_special_tokens=["<|user|>"], sep_token=object_token("<|end|>", rstrip=True), add_bos_token=True,
                                        pad_token="word", added_tokens_decoder={"7": token("word", special=False, single_word=True), "3": token("Norm", special=False)})},
    "tiktoken_llama3": {"tokenizer.model": True, "config.json": {"model_type": "llama"}},
    "tiktoken_reserved": {"tokenizer.model": True, **of("llama", "PreTrainedTokenizerFast", added_tokens_decoder=LLAMA3, bos_token="<s>", eos_token="<|end|>",
                                                       add_bos_token=True, extra_special_tokens=["word", "<|user|>"])},
    "tiktoken_class": {"tiktoken.model": True, **of("llama", "LlamaTokenizer", add_bos_token=True, add_eos_token=True)},
    "tiktoken_qwen2": {"tiktoken.model": True, **of("qwen2", additional_special_tokens=["<|user|>"], eos_token="<|end|>")},
    "tiktoken_low": {"tiktoken.model": True, **of("phi3", added_tokens_decoder={"2": token("word"), "1": token("Norm", special=False)}, bos_token="the",
                                                  add_bos_token=True)},
    "tiktoken_added": {"tokenizer.model": True, **of("llama", bos_token="<s>"), "added_tokens.json": {"<s>": 598, "Norm": 597},
                       "special_tokens_map.json": {"eos_token": object_token("</s>"), "additional_special_tokens": ["<|user|>"]}},
}


def crossed():
    """Every model_type with every kind of vocabulary and every class."""
    for kind in ("vocab", "tokenizer.model", "tiktoken.model"):
        for model_type in MODEL_TYPES:
            for tokenizer_class in (None, *CLASSES):
                yield f"{kind} {model_type} {tokenizer_class}", {kind: True, **of(model_type, tokenizer_class)}
    yield "config.json names the class", {"vocab": True, "config.json": {"model_type": "smollm3", "tokenizer_class": "GPT2Tokenizer"}}
    yield "tiktoken before vocab.json", {"vocab": True, "tiktoken.model": True, **of("gpt2")}


def byte_tokens(vocab):
    """The tokens of a trained byte-level vocabulary that are text, in order of rank."""
    return [t for t in sorted(vocab, key=vocab.get) if all(c in TO_BYTE for c in t) and not t.startswith("<") or t == "<"]


def write(path, files, vocabulary, merges):
    """`vocabulary`: tokens in order of rank."""
    path.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if name == "vocab":
            (path / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(vocabulary)}, ensure_ascii=False) + "\n")
            (path / "merges.txt").write_text("".join(f"{line}\n" for line in ["#version: 0.2", *(" ".join(m) for m in merges)]))
        elif name.endswith(".model"):
            lines = (f"{base64.b64encode(bytes(TO_BYTE[c] for c in t)).decode()} {i}\n" for i, t in enumerate(vocabulary))
            (path / name).write_text("".join(lines))
        else:
            (path / name).write_text(json.dumps(content, ensure_ascii=False) + "\n")


def load_tiktoken_bpe(path):
    with open(path, "rb") as file:
        return {base64.b64decode(t): int(rank) for t, rank in (line.split() for line in file if line.strip())}


def built(path):
    """What transformers builds; None where it fails, or where nothing of the vocabulary is in it."""
    sys.modules["tiktoken"] = types.ModuleType("tiktoken")
    sys.modules["tiktoken.load"] = types.ModuleType("tiktoken.load")
    sys.modules["tiktoken.load"].load_tiktoken_bpe = load_tiktoken_bpe
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
    except Exception:
        return None
    finally:
        del sys.modules["tiktoken"], sys.modules["tiktoken.load"]
    return tokenizer if tokenizer.vocab_size >= 256 else None
