"""graft's training templates against the models' own templates and TRL's training templates.

    python tests/peers/check_training_templates.py [--driver build/render_chat]

For every template that TRL 1.16 replaces when assistant_only_loss is set, and every conversation:
  text   graft's training template renders what transformers renders from the model's own, or both refuse
  masks  where TRL's training template renders that text too, the same characters are the assistant's
  words  where TRL's renders another text, the assistant's words are the same but for thinking blocks and GLM's last <|user|>, save
         in REWRITTEN, which says why
"""
import argparse
import collections
import itertools
import re
import sys

from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast
from trl.chat_template_utils import get_training_chat_template

import chat_templates
from check_templates import corpus


REWRITTEN = {
    "deepseek_r1_distill": "TRL keeps the reasoning that stands in the content",
    "deepseekv3": "TRL quotes arguments that are text already",
    "glm4moe": "TRL ends each turn with the header that should come next, even where another comes, or none",
}


def replaced_by_trl():
    """Name, own template and TRL's training template."""
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE(vocab={"a": 0}, merges=[])), bos_token="<s>", eos_token="</s>")
    for name, source in corpus([]):
        tokenizer.chat_template = source
        try:
            training = get_training_chat_template(tokenizer)
        except ValueError:
            continue
        if training:
            yield name.split("/")[1].removesuffix(".jinja"), source, training


def turns():
    """1 to 6 turns, with and without a system message, tools, calls and thinking; text and parts."""
    for n, system, kind in itertools.product(range(1, 7), (False, True), ("plain", "thinking", "calls", "thinking calls", "parts")):
        messages, used = [dict(chat_templates.SYSTEM)] if system else [], 0
        for i in range(n):
            messages.append({"role": "user", "content": f"Question {i}, größer?"})
            if i == n - 1 and n % 3 == 0:
                break
            if "calls" in kind and i % 2 == 0:
                call = {**chat_templates.CALL, "id": f"call0000{used}"}
                messages.append({"role": "assistant", "content": "Let me see." if i else "", "tool_calls": [call]})
                messages.append({"role": "tool", "name": "get_weather", "tool_call_id": call["id"], "content": "rain"})
                used += 1
            messages.append({"role": "assistant", "content": f"Antwort {i}: «ß»."})
            if "thinking" in kind:
                messages[-1]["reasoning_content"] = f"Hm, {i}."
        if kind == "parts":
            messages = [{**m, "content": [{"type": "text", "text": m["content"]}]} for m in messages]
        name = f"{n} turns, {kind}{', system' if system else ''}"
        yield name, {"messages": messages, "variables": chat_templates.VARIABLES, **({"tools": [chat_templates.WEATHER]} if "calls" in kind else {})}
        text_arguments = {"tool_calls": [{**chat_templates.CALL, "function": {"name": "get_weather", "arguments": '{"place": "Zürich"}'}}]}
        if "calls" in kind:
            yield f"{name}, arguments as text", {"messages": [{**m, **text_arguments} if "tool_calls" in m else m for m in messages], "variables": chat_templates.VARIABLES}


def marked(answer):
    """The positions inside ranges: adjacent ranges are one."""
    return {i for begin, end in answer["spans"] for i in range(begin, end)}


def words(answer):
    text = answer["text"].encode()
    said = "".join(text[begin:end].decode() for begin, end in answer["spans"])
    return re.sub(r"<think>\n.*?\n</think>\n\n", "", said, flags=re.DOTALL).removesuffix("<|user|>")


def judge(name, own, trl, answer):
    """What was compared, and a sentence when it differs."""
    if "error" in own or "error" in answer:
        return "refused", None if "error" in own and "error" in answer else f"own {str(own)[:300]}\n      found {str(answer)[:300]}"
    if own["text"] != answer["text"]:
        return "text", f"text\n      own   {own['text']!r}\n      found {answer['text']!r}"
    if own["text"] == trl.get("text"):
        return "text and masks", None if marked(answer) == marked(trl) else f"masks\n      TRL   {words(trl)!r}\n      found {words(answer)!r}"
    if name in REWRITTEN or "error" in trl:
        return "text", None
    return "text and words", None if words(answer) == words(trl) else f"words\n      TRL   {words(trl)!r}\n      found {words(answer)!r}"


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--driver", default=chat_templates.ROOT / "build" / "render_chat")
    options = options.parse_args()
    cases = [*chat_templates.conversations(), *turns()]
    pairs = [(*template, *case) for template in replaced_by_trl() for case in cases]
    answers = chat_templates.native([{**request, "template": source, "training": True} for _, source, _, _, request in pairs], options.driver)
    wrong, outcome = collections.Counter(), collections.Counter()
    for (name, source, training, case, request), answer in zip(pairs, answers, strict=True):
        own, trl = (chat_templates.reference({**request, "template": template}) for template in (source, training))
        compared, problem = judge(name, own, trl, answer)
        outcome[compared] += 1
        if problem:
            wrong[name] += 1
            print(f"  {name} | {case}\n      {problem}")
    names = {name for name, *_ in pairs}
    print(f"{len(names)} templates x {len(cases)} conversations, compared: " + ", ".join(f"{n} {what}" for what, n in outcome.items()))
    print(f"{len(names) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong or len(names) != 31 else 0


if __name__ == "__main__":
    sys.exit(main())
