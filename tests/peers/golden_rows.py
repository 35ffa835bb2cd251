"""What TRL makes of rows, for tests/data/set. Written with trl 1.16.0, transformers 5.23.0, datasets, torch 2.13.0 (CPU).

    python tests/peers/golden_rows.py tests/golden/rows

Writes two small tokenizers, the JSONL files, and
    examples.json   per case: options and what SFTTrainer's preparation yields (lengths, document lengths of packed rows, ids, labels;
                    of the many rows of tokens.jsonl only the CRC-32 of all ids and labels as little-endian int32)
    orders.json     per case: the rows that each micro-batch of a real run took, per epoch
    batches.json    per case: what the collator yields, and the labels that Trainer counts
"""
import itertools
import json
import random
import struct
import sys
import tempfile
import zlib
from pathlib import Path

import datasets
import torch
from peft import LoraConfig
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer

datasets.disable_progress_bars()
CHATML = (
    "{%- for m in messages %}{{- '<|im_start|>' + m['role'] + (' ' + m.name if m.name is defined else '') + '\\n' }}"
    "{%- if m['role'] == 'assistant' %}{% generation %}{{- m['content'] + '<|im_end|>\\n' }}{% endgeneration %}"
    "{%- else %}{{- m['content'] + '<|im_end|>\\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
BARE = CHATML.replace("{{- m['content'] + '<|im_end|>\\n' }}{% endgeneration %}", "{{- m['content'] }}{% endgeneration %}{{- '<|im_end|>\\n' }}")
BOS = (
    "{{- bos_token }}{%- if tools %}{{- 'tools: ' + tools[0]['name'] + '\\n' }}{%- endif %}{%- for m in messages %}"
    "{{- '[' + m['role'] + '] ' + m['content'] + '</s>' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '[assistant] ' }}{%- if not quiet %}{{- '...' }}{%- endif %}{%- endif %}"
)
WORDS = ("the cat sat on a mat while rain fell softly over old stone houses and nobody asked why seven blue boats "
         "waited at harbour café naïve 12 345 = 7 + 8 é ü 漢字 🙂").split()


def sentence(rng: random.Random, n: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(n))


def byte_level(rng: random.Random, special: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator([sentence(rng, 30) for _ in range(100)], trainer)
    return tokenizer


def make_tokenizers(out: Path) -> dict:
    rng = random.Random(1)
    chatml = PreTrainedTokenizerFast(tokenizer_object=byte_level(rng, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]),
                                     eos_token="<|im_end|>", pad_token="<|endoftext|>")
    chatml.chat_template = CHATML
    bare = PreTrainedTokenizerFast(tokenizer_object=chatml.backend_tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    bare.chat_template = BARE      # only the words are the assistant's: spans end inside tokens of half a character
    inner = byte_level(rng, ["<s>", "</s>"])
    inner.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 0)])
    bos = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>")
    bos.chat_template = BOS
    made = {"chatml": chatml, "bare": bare, "bos": bos}
    for name, tokenizer in made.items():
        tokenizer.save_pretrained(out / name)
    return made


def make_files(out: Path) -> None:
    rng = random.Random(2)

    def turn(role):
        named = {"name": rng.choice([None, "bob"])} if role != "assistant" and rng.random() < 0.3 else {}      # null is as good as absent
        return {"role": role, "content": sentence(rng, rng.randint(1, 12)), **named}

    def chat(n):
        return [turn("system")] * rng.randint(0, 1) + [turn(r) for _ in range(n) for r in ("user", "assistant")]

    tokens, masked = [], []
    for _ in range(2300):
        n = rng.choice([0, 1, 2, 3, 5, 8, 8, 8, 13, 20, 21, 40])
        tokens.append({"input_ids": [rng.randint(3, 99) for _ in range(n)]})
    for _ in range(40):
        n = rng.randint(1, 30)
        cut = rng.randint(0, n)
        masked.append({"input_ids": [rng.randint(3, 99) for _ in range(n)], "completion_mask": [int(t >= cut) for t in range(n)],
                       "assistant_masks": [int(rng.random() < 0.7) for _ in range(n)]})
    labelled = [{"input_ids": m["input_ids"], "labels": [i if c else -100 for i, c in zip(m["input_ids"], m["completion_mask"])]} for m in masked]
    pairs = [{"prompt": sentence(rng, rng.randint(1, 20)) + rng.choice(["", " ", "\n"]), "completion": rng.choice(["", " "]) + sentence(rng, rng.randint(1, 9))
              + rng.choice(["", "<|im_end|>"])} for _ in range(24)]
    chats = [{"messages": chat(rng.randint(1, 3))} for _ in range(24)]
    files = {
        "tokens": tokens,
        "masked": masked,
        "labelled": labelled,
        "text": [{"body": sentence(rng, rng.randint(1, 30)) + rng.choice(["", "</s>", " </s>"])} for _ in range(24)],
        "pairs": pairs,
        "chats": chats,
        "share": [{"conversations": [{"from": m["role"], "value": m["content"], "name": m.get("name")} for m in c["messages"]]} for c in chats],
        "pair_chats": [{"prompt": chat(1)[:-1], "completion": [turn("assistant")], "tools": [{"name": rng.choice(WORDS)}],
                        "chat_template_kwargs": {"quiet": bool(k % 2)}} for k in range(24)],
        "turns": [{"prompt": c["messages"][:-1], "completion": c["messages"][-1:]} for c in chats],
    }
    for name, rows in files.items():
        (out / f"{name}.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


CASES = [
    ("tokens", "chatml", {"max_length": None}),
    ("tokens", "chatml", {"max_length": 8}),
    ("tokens", "chatml", {"max_length": 8, "truncation_mode": "keep_end"}),
    ("tokens", "chatml", {"max_length": 20, "packing": True, "packing_strategy": "bfd"}),
    ("tokens", "chatml", {"max_length": 20, "packing": True, "packing_strategy": "bfd_split"}),
    ("tokens", "chatml", {"max_length": 13, "packing": True, "packing_strategy": "bfd_split"}),
    ("tokens", "chatml", {"max_length": 20, "packing": True, "packing_strategy": "wrapped"}),
    ("tokens", "chatml", {"max_length": 33, "packing": True, "packing_strategy": "bfd", "dataset_num_proc": 2}),
    ("tokens", "chatml", {"max_length": 33, "packing": True, "packing_strategy": "bfd", "shuffle_dataset": True, "seed": 7}),
    ("masked", "chatml", {"max_length": 12, "shuffle_dataset": True}),
    ("masked", "chatml", {"max_length": 12, "completion_only_loss": True}),
    ("masked", "chatml", {"max_length": 12, "completion_only_loss": True, "truncation_mode": "keep_end"}),
    ("masked", "chatml", {"max_length": 12, "completion_only_loss": True, "packing": True, "packing_strategy": "bfd"}),
    ("labelled", "chatml", {"max_length": 12}),
    ("text", "bos", {"max_length": None, "dataset_text_field": "body"}),
    ("text", "bos", {"max_length": 16, "dataset_text_field": "body"}),
    ("pairs", "chatml", {"max_length": None}),
    ("pairs", "chatml", {"max_length": 24}),
    ("pairs", "chatml", {"max_length": None, "completion_only_loss": False}),
    ("pairs", "bos", {"max_length": None}),
    ("chats", "chatml", {"max_length": None}),
    ("chats", "chatml", {"max_length": None, "assistant_only_loss": True}),
    ("chats", "chatml", {"max_length": 40, "assistant_only_loss": True}),
    ("chats", "bare", {"max_length": None, "assistant_only_loss": True}),
    ("chats", "bos", {"max_length": None}),
    ("share", "chatml", {"max_length": None}),
    ("pair_chats", "bos", {"max_length": None}),
    ("pair_chats", "chatml", {"max_length": None, "assistant_only_loss": True}),
    ("turns", "chatml", {"max_length": None}),
    ("turns", "chatml", {"max_length": None, "assistant_only_loss": True, "completion_only_loss": False}),
]
ORDERS = [
    {"train_sampling_strategy": "random"},
    {"train_sampling_strategy": "random", "data_seed": 7},
    {"train_sampling_strategy": "sequential"},
    {"train_sampling_strategy": "group_by_length"},
    {"train_sampling_strategy": "group_by_length", "per_device_train_batch_size": 1, "gradient_accumulation_steps": 1, "data_seed": 7},
    {"train_sampling_strategy": "random", "dataloader_drop_last": True, "gradient_accumulation_steps": 3},
]
BATCHES = [
    ("tokens", {"max_length": None, "padding_free": True}, 4, 0),
    ("tokens", {"max_length": 24}, 4, 0),
    ("tokens", {"max_length": 24, "pad_to_multiple_of": 8}, 4, 0),
    ("masked", {"max_length": 24, "completion_only_loss": True}, 3, 5),
    ("masked", {"max_length": 24, "completion_only_loss": True, "packing": True}, 3, 2),
    ("tokens", {"max_length": 40, "packing": True, "pad_to_multiple_of": 16}, 2, 7),
    ("tokens", {"max_length": 40, "packing": True, "packing_strategy": "wrapped"}, 2, 1),
]


def tiny_model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, vocab_size=512))


def rows_of(out: Path, name: str) -> datasets.Dataset:
    return datasets.Dataset.from_list([json.loads(line) for line in (out / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()])


def trainer(out: Path, tokenizer, rows: datasets.Dataset, options: dict, **more) -> SFTTrainer:
    with tempfile.TemporaryDirectory() as scratch:
        config = SFTConfig(scratch, report_to="none", use_cpu=True, bf16=False, save_strategy="no", logging_strategy="no", disable_tqdm=True, **options)
        return SFTTrainer(tiny_model(), config, train_dataset=rows, processing_class=PreTrainedTokenizerFast.from_pretrained(out / tokenizer), **more)


def examples(out: Path, name: str, tokenizer: str, options: dict) -> dict:
    data = trainer(out, tokenizer, rows_of(out, name), options).train_dataset
    ids, labels = (list(itertools.chain.from_iterable(data[column])) for column in ("input_ids", "labels"))
    content = {"ids": ids, "labels": labels}
    if name == "tokens":
        content = {f"{key}_crc": zlib.crc32(struct.pack(f"<{len(ids)}i", *values)) for key, values in content.items()}
    return {"rows": name, "tokenizer": tokenizer, "options": options, "lengths": [len(row) for row in data["input_ids"]],
            "documents": data["seq_lengths"][:] if "seq_lengths" in data.column_names else None, **content}


def order(out: Path, options: dict) -> dict:
    lengths = [3 + (7 * i) % 11 for i in range(70)]
    rows = datasets.Dataset.from_list([{"input_ids": [i + 3] * n} for i, n in enumerate(lengths)])
    options = {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 2, "num_train_epochs": 3, "seed": 42, **options}
    run = trainer(out, "chatml", rows, options, peft_config=LoraConfig(r=2, target_modules=["q_proj"]))
    collate, seen = run.data_collator, []
    run.data_collator = lambda batch: (seen.append([row["input_ids"][0] - 3 for row in batch]), collate(batch))[1]
    run.train()
    per_epoch = len(seen) // 3
    return {"options": options, "lengths": lengths, "epochs": [seen[e * per_epoch:(e + 1) * per_epoch] for e in range(3)]}


def batch(out: Path, name: str, options: dict, n: int, first: int) -> dict:
    run = trainer(out, "chatml", rows_of(out, name).filter(lambda row: len(row["input_ids"])), options)
    made = run.data_collator([run.train_dataset[first + k] for k in range(n)])
    counted = int((made["labels"][..., 1:] != -100).sum())
    keep = {key: value.tolist() for key, value in made.items() if key in ("input_ids", "labels", "position_ids", "attention_mask", "cu_seq_lens_q")}
    return {"rows": name, "options": options, "n": n, "first": first, "num_items_in_batch": counted, **keep}


def dump(path: Path, cases: list) -> None:
    path.write_text("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    make_tokenizers(out)
    make_files(out)
    dump(out / "orders.json", [order(out, options) for options in ORDERS])
    dump(out / "batches.json", [batch(out, *case) for case in BATCHES])
    dump(out / "examples.json", [examples(out, *case) for case in CASES])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
