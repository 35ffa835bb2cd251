"""The table of model families in README.md: what `graft families` says of each, and how many of its cases passed.

    family_table.py GRAFT --trained LOG... --gguf LOG [--write]

The logs are what parity.py and family_parity.py (models as the Hub stores them) and family_gguf.py (GGUF files) printed. Without
--write README.md is only compared, and what differs is printed; exit 1 when it does."""
import argparse
import difflib
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
BEGIN, END = "<!-- families: tests/peers/family_table.py --write -->\n\n", "\n<!-- families end -->\n"
HEAD = ["`model_type`", "`general.architecture` in GGUF", "LoRA targets when none are given", "cases against TRL and PEFT", "cases from GGUF"]


def families(graft):
    """{model_type: (text of, architecture, targets)}, None where there is none"""
    lines = subprocess.run([graft, "families"], capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    rows = [[None if word == "-" else word for word in line.split(None, 3)] for line in lines]
    return {row[0]: tuple(row[1:]) for row in rows}


def family_of(case, known):
    """The family that a case is named after: its own name, or that of the multimodal model around it; None for other cases."""
    words = case.split("-")
    if words[0] == "model":
        return "llama"
    named = [word for word in words if word in known]
    around = [family for family, (text_of, *_) in known.items() if text_of in words]
    return (named[-1:] + around[:1] + [None])[0]


def counted(logs, known):
    """{family: "PASSED of CASES"}"""
    passed, run = Counter(), Counter()
    for log in logs:
        for case, verdict in re.findall(r"^(\S+) .* (passed|as good|ok|failed)$", Path(log).read_text(encoding="utf-8"), re.MULTILINE):
            family = family_of(case, known)
            run[family] += 1
            passed[family] += verdict != "failed"
    return {family: f"{passed[family]} of {run[family]}" for family in known if run[family]}


def code(text):
    return ", ".join(f"`{word}`" for word in text.split(", ")) if text else "none"


def table(known, trained, gguf):
    rows = [[code(family) + (f" (also the text of {code(text_of)})" if text_of else ""), code(architecture), code(targets) if targets else "must be given",
             trained.get(family, "none"), gguf.get(family, "none")] for family, (text_of, architecture, targets) in known.items()]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in [HEAD, ["---"] * len(HEAD), *rows])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graft")
    parser.add_argument("--trained", nargs="+", required=True)
    parser.add_argument("--gguf", nargs="+", required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    known = families(options.graft)
    wanted = table(known, counted(options.trained, known), counted(options.gguf, known))
    readme = README.read_text(encoding="utf-8")
    before, rest = readme.split(BEGIN)
    present, after = rest.split(END)
    if options.write:
        README.write_text(before + BEGIN + wanted + END + after, encoding="utf-8")
    elif present != wanted:
        print("".join(difflib.unified_diff(present.splitlines(True), wanted.splitlines(True), "README.md", "as tested")), end="")
        sys.exit(1)


if __name__ == "__main__":
    main()
