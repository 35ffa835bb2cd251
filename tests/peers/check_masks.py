"""`graft tokenize` against TRL: every shape of a dataset, every option that says what is trained, row by row.

    python tests/peers/check_masks.py build/graft

Ids and labels must be those of SFTTrainer's prepared rows; --render must give the text and the {% generation %} ranges of
transformers. Where TRL refuses a file, graft must too. Templates are those of golden_rows.py, which exercise bos, generation
marks that end inside a token, and a prompt that renders otherwise alone; and the training templates that TRL brings, with their
marks.
"""
import datetime
import itertools
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import trl
from transformers.utils import chat_template_utils

import chat_templates
import golden_rows
import peers
from rows import ODD

ROOT = pathlib.Path(trl.__file__).parent / "chat_templates"
chat_template_utils.datetime = datetime.datetime  # chat_templates pins the date; here both sides ask for today
SPECIAL = ("bos_token", "eos_token", "pad_token", "unk_token")


def odd(rng, n):
    return golden_rows.sentence(rng, n) + rng.choice(["", "", *ODD])


def chats(rng, n_rows, system, tools=False):
    rows = []
    for _ in range(n_rows):
        messages = [{"role": "system", "content": odd(rng, 5)}] if system else []
        for _ in range(rng.randint(1, 3)):
            messages += [{"role": "user", "content": odd(rng, 6)}, {"role": "assistant", "content": odd(rng, 8)}]
            if tools:
                call = {"type": "function", "function": {"name": "get_weather", "arguments": {"place": odd(rng, 1)}}}
                messages[-1:] = [{"role": "assistant", "content": "", "tool_calls": [call]},
                                 {"role": "tool", "name": "get_weather", "content": odd(rng, 3)}, {"role": "assistant", "content": odd(rng, 4)}]
        rows.append({"messages": messages, **({"tools": json.dumps([chat_templates.WEATHER])} if tools else {})})
    return rows


def more_rows():
    """Files beside those of golden_rows.make_files."""
    rng = random.Random(3)
    plain, with_system, with_tools = chats(rng, 12, False), chats(rng, 8, True), chats(rng, 8, False, tools=True)
    return {
        "plain": plain, "system": with_system, "tools": with_tools,
        "tool_turns": [{"prompt": row["messages"][:-1], "completion": row["messages"][-1:], "tools": row["tools"]} for row in with_tools],
        "odd_text": [{"text": odd(rng, rng.randint(0, 12))} for _ in range(24)],
        "odd_pairs": [{"prompt": odd(rng, 4), "completion": odd(rng, 4)} for _ in range(24)],
        "no_assistant": plain[:3] + [{"messages": plain[0]["messages"][:1]}],
        "kwargs": [{**row, "chat_template_kwargs": {"enable_thinking": bool(k % 2), "quiet": k % 3 == 0}} for k, row in enumerate(plain)],
    }


def options(**values):
    """Every combination."""
    return [dict(zip(values, chosen)) for chosen in itertools.product(*values.values())]


# TRL ignores completion_only_loss on rows without completion, graft refuses it; TRL refuses assistant_only_loss where the template
# has no marks, as `bos`, graft finds the turns otherwise (encode.h): no case asks for these.
COMPLETION, ASSISTANT = [None, True, False], [False, True]
SHAPES = [
    ("text", ["chatml", "bos"], [{"dataset_text_field": "body"}]),
    ("odd_text", ["chatml", "bos"], [{}]),
    ("pairs", ["chatml", "bos"], options(completion_only_loss=COMPLETION)),
    ("odd_pairs", ["chatml", "bos"], options(completion_only_loss=COMPLETION)),
    ("chats", ["chatml", "bare"], options(assistant_only_loss=ASSISTANT)),
    ("chats", ["bos"], [{}]),
    ("share", ["chatml", "bare"], options(assistant_only_loss=ASSISTANT)),
    ("no_assistant", ["chatml"], options(assistant_only_loss=ASSISTANT)),
    ("pair_chats", ["chatml", "bare"], options(completion_only_loss=COMPLETION, assistant_only_loss=ASSISTANT)),
    ("pair_chats", ["bos"], options(completion_only_loss=COMPLETION)),
    ("turns", ["chatml", "bare"], options(completion_only_loss=COMPLETION, assistant_only_loss=ASSISTANT)),
    ("turns", ["bos"], options(completion_only_loss=COMPLETION)),
    ("kwargs", ["bos"], [{}]),
    ("tokens", ["chatml"], [{}]),
    ("masked", ["chatml"], options(completion_only_loss=COMPLETION)),
    ("labelled", ["chatml"], [{}]),
]
TRAINING = [("plain", options(assistant_only_loss=ASSISTANT)), ("system", [{"assistant_only_loss": True}]),
            ("tools", options(assistant_only_loss=ASSISTANT)), ("tool_turns", options(completion_only_loss=[None, False], assistant_only_loss=ASSISTANT)),
            ("kwargs", [{"assistant_only_loss": True}])]


def cases(training):
    for shape, tokenizers, chosen in SHAPES:
        yield from ((shape, tokenizer, option) for tokenizer in tokenizers for option in chosen)
    for shape, chosen in TRAINING:
        yield from ((shape, tokenizer, option) for tokenizer in training for option in chosen)


def make_training(out):
    """A tokenizer for each template with generation marks that TRL brings; what templates write becomes tokens like any text."""
    names = []
    for path in sorted(ROOT.glob("*_training.jinja")):
        tokenizer = golden_rows.PreTrainedTokenizerFast.from_pretrained(out / "chatml")
        tokenizer.bos_token = "<|endoftext|>"
        tokenizer.chat_template = path.read_text(encoding="utf-8")
        tokenizer.save_pretrained(out / path.stem)
        names.append(path.stem)
    return names


def expected_rows(out, shape, tokenizer, option):
    """[(input_ids, labels)], or the error's text."""
    # TRL asks whether rows are conversations before it has renamed `conversations`; `chats` are the same ones under the name it knows
    shape = "chats" if shape == "share" and option["assistant_only_loss"] else shape
    try:
        data = golden_rows.trainer(out, tokenizer, golden_rows.rows_of(out, shape), {"max_length": None, **option}).train_dataset
    except Exception as error:  # every kind of failure is one answer: the file is refused
        return f"{type(error).__name__}: {error}"
    return list(zip(data["input_ids"][:], data["labels"][:]))


def expected_text(tokenizer, row, add_generation_prompt):
    """The string that becomes tokens and the marked ranges, by transformers."""
    messages = row.get("messages") or row["prompt"] + row["completion"]
    messages = [{key: value for key, value in message.items() if value is not None} for message in messages]
    tools = row.get("tools")
    variables = {name: getattr(tokenizer, name) for name in SPECIAL if getattr(tokenizer, name)}
    rendered, marks = chat_template_utils.render_jinja_template(
        conversations=[messages], tools=json.loads(tools) if isinstance(tools, str) else tools, chat_template=tokenizer.chat_template,
        return_assistant_tokens_mask=True, add_generation_prompt=add_generation_prompt, **{**variables, **row.get("chat_template_kwargs", {})})
    text = rendered[0]
    return text, [[min(at, len(text)) for at in span] for span in marks[0]]


def tokenize(graft, out, shape, tokenizer, option, *flags):
    """[line], or the message with which graft refused."""
    chosen = [f"--{name}={json.dumps(value) if not isinstance(value, str) else value}" for name, value in option.items()]
    done = subprocess.run([graft, "tokenize", "--model_name_or_path", out / tokenizer, out / f"{shape}.jsonl", "--threads=2", *chosen, *flags],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode == 0:
        return [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]
    return f"exit {done.returncode}: {done.stderr.decode().strip()}"


def compare_masks(graft, out, case, counts):
    expected, found = expected_rows(out, *case), tokenize(graft, out, *case)
    if isinstance(expected, str) or isinstance(found, str):
        refused = isinstance(expected, str) and isinstance(found, str) and found.startswith("exit 2")
        counts["refused by both"] += refused
        return None if refused else f"expected {str(expected)[:300]}\n    found {str(found)[:300]}"
    if len(expected) != len(found):
        return f"expected {len(expected)} rows, found {len(found)}"
    counts["rows"] += len(found)
    for i, ((ids, labels), line) in enumerate(zip(expected, found)):
        if (ids, labels) != (line["input_ids"], line["labels"]):
            return f"row {i}: expected {str(ids)[:500]} {str(labels)[:500]}\n    found {str(line)[:1000]}"
    return None


def compare_texts(graft, out, shape, tokenizer, prompt, counts):
    found = tokenize(graft, out, shape, tokenizer, {}, "--render", f"--add_generation_prompt={json.dumps(prompt)}")
    loaded = golden_rows.PreTrainedTokenizerFast.from_pretrained(out / tokenizer)
    rows = peers.read_rows(out / f"{shape}.jsonl")
    try:
        expected = [expected_text(loaded, row, prompt) for row in rows]
    except Exception as error:  # as above
        counts["refused by both"] += isinstance(found, str)
        return None if isinstance(found, str) else f"expected {error}\n    found {str(found)[:300]}"
    if isinstance(found, str):
        return f"found {found}"
    counts["texts"] += len(found)
    for i, ((text, spans), line) in enumerate(zip(expected, found, strict=True)):
        if (text, spans) != (line["text"], line["generation"]):
            return f"row {i}: expected {text!r} {spans}\n    found {line['text']!r} {line['generation']}"
        if line["input_ids"] != loaded(text, add_special_tokens=False)["input_ids"]:
            return f"row {i}: the ids are not those of the text"
    return None


def compare_plain(graft, out, tokenizer):
    """--no_eos leaves a text as it is: what calling the tokenizer gives."""
    found = tokenize(graft, out, "odd_text", tokenizer, {}, "--render", "--no_eos")
    loaded = golden_rows.PreTrainedTokenizerFast.from_pretrained(out / tokenizer)
    expected = [{"input_ids": ids, "labels": ids, "text": row["text"], "generation": []}
                for row in peers.read_rows(out / "odd_text.jsonl") for ids in [loaded(row["text"])["input_ids"]]]
    return None if found == expected else f"expected {expected[0]}\n    found {str(found)[:300]}"


def main(graft):
    counts, wrong, n = {"rows": 0, "texts": 0, "refused by both": 0}, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder)
        golden_rows.make_tokenizers(out)
        golden_rows.make_files(out)
        for name, rows in more_rows().items():
            peers.write_rows(out / f"{name}.jsonl", rows)
        training = make_training(out)
        checks = [(f"masks {case}", lambda case=case: compare_masks(graft, out, case, counts)) for case in cases(training)]
        checks += [(f"text {shape} {tokenizer} prompt {prompt}", lambda a=shape, b=tokenizer, c=prompt: compare_texts(graft, out, a, b, c, counts))
                   for shape in ("plain", "system", "tools", "kwargs") for tokenizer in [*training, "chatml", "bare"] for prompt in (False, True)]
        checks += [(f"plain {name}", lambda name=name: compare_plain(graft, out, name)) for name in ("chatml", "bos")]
        for name, check in checks:
            n += 1
            difference = check()
            if difference:
                wrong += 1
                print(f"FAILED {name}\n    {difference}", flush=True)
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    print(f"{n - wrong} passed, {wrong} failed")
    return 1 if wrong else 0


sys.exit(main(sys.argv[1]))
