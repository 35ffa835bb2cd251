"""Chat templates as transformers renders them, and the same request put to graft's renderer.

Shared by golden_templates.py, check_templates.py and fuzz_expressions.py.
"""
import datetime
import json
import logging
import pathlib
import subprocess

import transformers
from transformers.utils import chat_template_utils

DATE = "2024-07-05"
ROOT = pathlib.Path(__file__).resolve().parents[2]
VARIABLES = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
logging.disable(logging.WARNING)


class PinnedDate(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromisoformat(DATE)


chat_template_utils.datetime = PinnedDate


def reference(request):
    """{"text", "spans" (bytes)} or {"error"}: what transformers makes of a request. apply_chat_template drops keys that are None first."""
    messages = [{key: value for key, value in message.items() if value is not None} for message in json.loads(json.dumps(request["messages"]))]
    try:
        rendered, indices = chat_template_utils.render_jinja_template(
            conversations=[messages],
            tools=request.get("tools"),
            documents=request.get("documents"),
            chat_template=request["template"],
            return_assistant_tokens_mask=True,
            continue_final_message=request.get("continue_final_message", False),
            add_generation_prompt=request.get("add_generation_prompt", False),
            **request.get("variables", {}),
        )
    except Exception as error:  # every kind of failure is one answer: it does not render
        return {"error": f"{type(error).__name__}: {error}"}
    text = rendered[0]
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return {"error": f"UnicodeEncodeError: {error}"}
    n_bytes = len(text.encode())
    spans = [[min(len(text[:i].encode()), n_bytes) for i in span] for span in indices[0]]
    return {"text": text, "spans": spans}


def native(requests, driver):
    """graft's answers to many requests, in order."""
    lines = "".join(json.dumps({**request, "date": DATE}) + "\n" for request in requests)
    done = subprocess.run([driver], input=lines.encode(), stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]


def agree(expected, answer):
    """Equal text and ranges, or both refuse."""
    if "error" in expected or "error" in answer:
        return "error" in expected and "error" in answer
    return expected == answer


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a place, now.",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "Town & country, e.g. <Paris>"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                "days": {"type": "array", "items": {"type": "integer"}, "description": "which days"},
                "deep": {"type": "object", "properties": {"x": {"type": ["number", "null"]}}},
            },
            "required": ["place"],
        },
        "return": {"type": "string"},
    },
}
ADD = {"type": "function", "function": {"name": "add", "description": "a + b", "parameters": {"type": "object", "properties": {
    "a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]}}}
CALL = {"id": "call00001", "type": "function", "function": {"name": "get_weather", "arguments": {"place": "Zürich", "days": [1, 2], "rate": 0.5, "ok": True, "none": None}}}
TEXT_CALL = {"id": "call00002", "type": "function", "function": {"name": "add", "arguments": "{\"a\": 1, \"b\": 2}"}}

SYSTEM = {"role": "system", "content": "You are terse."}
USER, ANSWER = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}


def conversations():
    """Name and request (without template) of every conversation that templates are tried on."""
    two = [USER, ANSWER, {"role": "user", "content": "And you?"}, {"role": "assistant", "content": "Fine, thanks."}]
    called = [{"role": "user", "content": "Weather?"}, {"role": "assistant", "content": "", "tool_calls": [CALL]},
              {"role": "tool", "name": "get_weather", "tool_call_id": "call00001", "content": "{\"t\": 21.5}"}]
    both = [{"role": "user", "content": "Both?"}, {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL, {**TEXT_CALL, "function": {"name": "add", "arguments": {"a": 1, "b": 2}}}]},
            {"role": "tool", "name": "get_weather", "tool_call_id": "call00001", "content": "rain"},
            {"role": "tool", "name": "add", "tool_call_id": "call00002", "content": "3"}, {"role": "assistant", "content": "Rain, and 3."}]
    thinking = [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4", "reasoning_content": "Two and two.\nFour."},
                {"role": "user", "content": "3+3?"}, {"role": "assistant", "content": "6", "reasoning": "Six."}]
    parts = [{"role": "user", "content": [{"type": "text", "text": "Look: "}, {"type": "text", "text": "here"}]},
             {"role": "assistant", "content": [{"type": "text", "text": "I see."}]}]
    image = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is it?"}]}, {"role": "assistant", "content": [{"type": "text", "text": "A cat."}]}]
    unicode = [{"role": "user", "content": "Größe 日本語 👩‍👩‍👧 e\u0301 \u200b<|im_end|> 'a' \"b\" \\ & <x>"}, {"role": "assistant", "content": "  \u3000Ünïcødé\n\n"}]
    cases = {
        "user": {"messages": [USER]},
        "user_prompt": {"messages": [USER], "add_generation_prompt": True},
        "system": {"messages": [SYSTEM, USER, ANSWER]},
        "turns": {"messages": two},
        "system_turns_prompt": {"messages": [SYSTEM] + two[:3], "add_generation_prompt": True},
        "tools": {"messages": [USER], "tools": [WEATHER, ADD], "add_generation_prompt": True},
        "system_tools": {"messages": [SYSTEM, USER], "tools": [WEATHER]},
        "tool_call": {"messages": called[:2], "tools": [WEATHER]},
        "tool_result_prompt": {"messages": called, "tools": [WEATHER], "add_generation_prompt": True},
        "tool_results": {"messages": [SYSTEM] + both, "tools": [WEATHER, ADD]},
        "tool_call_text": {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [TEXT_CALL]}, {"role": "tool", "name": "add", "tool_call_id": "call00002", "content": "3"}]},
        "tool_call_bare": {"messages": [USER, {"role": "assistant", "tool_calls": [TEXT_CALL["function"]]}]},
        "reasoning": {"messages": thinking},
        "reasoning_prompt": {"messages": thinking[:3], "add_generation_prompt": True},
        "reasoning_off": {"messages": thinking[:3], "add_generation_prompt": True, "variables": {"enable_thinking": False, "thinking": False, "reasoning_effort": "low"}},
        "reasoning_on": {"messages": thinking, "add_generation_prompt": True, "variables": {"enable_thinking": True, "thinking": True, "reasoning_effort": "high"}},
        "reasoning_inline": {"messages": [USER, {"role": "assistant", "content": "<think>\nHm.\n</think>\n\nYes."}, {"role": "user", "content": "So?"}, {"role": "assistant", "content": "<think>No</think>Yes"}]},
        "reasoning_tools": {"messages": [USER, {"role": "assistant", "content": "Well.", "thinking": "Call it.", "tool_calls": [CALL]}] + called[2:] + [ANSWER], "tools": [WEATHER]},
        "parts": {"messages": parts},
        "image": {"messages": image, "add_generation_prompt": True},
        "unicode": {"messages": [{"role": "system", "content": "Überall  "}] + unicode},
        "empty": {"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}]},
        "none": {"messages": []},
        "null_content": {"messages": [USER, {"role": "assistant", "content": None}]},
        "no_content": {"messages": [{"role": "user"}]},
        "wrong_order": {"messages": [ANSWER, ANSWER]},
        "wrong_role": {"messages": [{"role": "nobody", "content": "x"}]},
        "developer": {"messages": [{"role": "developer", "content": "Be brief."}, USER, ANSWER]},
        "documents": {"messages": [USER], "documents": [{"title": "T", "text": "Body.", "doc_id": 1}], "add_generation_prompt": True},
        "documents_cited": {"messages": [SYSTEM] + two[:3], "documents": [{"title": "T & <t>", "text": "Überall \"x\"."}, {"text": "B", "doc_id": 2, "meta": {"y": [1.5, None]}}], "tools": [ADD]},
        "documents_empty": {"messages": [USER], "documents": [], "tools": [], "add_generation_prompt": True},
        "documents_text": {"messages": [USER], "documents": ["x"]},
        "tools_text": {"messages": [USER], "tools": ["x"]},
        "continue": {"messages": [USER, {"role": "assistant", "content": "Once upon"}], "continue_final_message": True},
        "continue_spaces": {"messages": [USER, {"role": "assistant", "content": " Once upon  "}], "continue_final_message": True},
        "continue_parts": {"messages": parts, "continue_final_message": True},
        "continue_thinking": {"messages": thinking, "continue_final_message": True},
        "continue_user": {"messages": [SYSTEM, USER], "continue_final_message": True},
        "continue_call": {"messages": called[:2], "tools": [WEATHER], "continue_final_message": True},
        "continue_unicode": {"messages": unicode, "continue_final_message": True},
        "tool_choice": {"messages": [USER], "tools": [ADD], "variables": {"tool_choice": "auto", "tools_in_user_message": False, "builtin_tools": ["brave_search", "code_interpreter"], "date_string": "01 Jan 2025", "custom_tools": None}},
    }
    for name, case in cases.items():
        yield name, {**case, "variables": {**VARIABLES, **case.get("variables", {})}}


def versions():
    import jinja2
    return {"transformers": transformers.__version__, "jinja2": jinja2.__version__}
