"""Every field of trl sft's dataclasses and of PEFT's LoraConfig against graft's table of keys: how each is answered, and
whether defaults agree. Reads the table from `graft sft --help` and from the program's answers.

    check_recipe_keys.py PATH_TO_GRAFT        exits 1 when a field is unknown or a default differs"""
import dataclasses
import json
import re
import subprocess
import sys

from peft import LoraConfig
from trl import DatasetMixtureConfig, ModelConfig, ScriptArguments, SFTConfig

GROUPS = {"Old names, still read": "old name", "Accepted, without effect here": "accepted", "Known, refused unless left at their neutral value": "refused"}
DERIVED = {"bf16"}                       # None there, true in the end


def answers(graft):
    """Name -> (answer, default as printed or None)."""
    text = subprocess.run([graft, "sft", "--help"], capture_output=True, text=True, check=True).stdout
    found, answer = {}, "supported"
    for block in re.split(r"\n(?=\S)|\n(?=  --)", text):
        head, _, rest = block.partition("\n")
        if head in GROUPS:
            answer = GROUPS[head]
            found.update({name: (answer, None) for name in re.findall(r"\w+", rest)})
        elif key := re.match(r"  --(\w+)", block):
            default = re.search(r"\[([^\[\]]*|\[\])\]\s*$", block)
            found[key[1]] = ("supported", default and default[1])
            found.update({name: ("alias", None) for name in re.findall(r"Also\s+--(\w+)", block)})
    return found


def default_of(field):
    if field.default is not dataclasses.MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else None


def same(printed, default):
    if default is None or printed is None:
        return printed is None and default in (None, "no", "")
    default = getattr(default, "value", default)
    try:
        return json.loads(printed) == default
    except json.JSONDecodeError:
        return printed == default


def accepts(graft, name, default):
    """A refused or ignored key given its own default must pass without a word about it."""
    value = json.dumps(default) if not isinstance(default, str) else default
    run = subprocess.run([graft, "sft", f"--{name}={value}", "--plan"], capture_output=True, text=True)
    return name not in run.stderr


def main(graft):
    known, bad = answers(graft), 0
    for source in (ScriptArguments, SFTConfig, ModelConfig, DatasetMixtureConfig, LoraConfig):
        for field in dataclasses.fields(source):
            answer, printed = known.get(field.name, ("UNKNOWN", None))
            note = ""
            if answer == "UNKNOWN":
                note, bad = "  <-- unknown", bad + 1
            elif answer == "supported" and source is not LoraConfig and field.name not in DERIVED and not same(printed, default_of(field)):
                note, bad = f"  <-- default {printed}, there {default_of(field)!r}", bad + 1
            elif answer in ("refused", "accepted") and default_of(field) is not None and not accepts(graft, field.name, default_of(field)):
                note, bad = "  <-- its own default is not accepted", bad + 1
            print(f"{source.__name__:22} {field.name:42} {answer}{note}")
    print(f"{bad} to settle")
    return bad > 0


sys.exit(main(sys.argv[1]))
