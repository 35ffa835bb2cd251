"""Every released chat template at hand x every conversation: graft must render what transformers renders, or refuse too.

    python tests/peers/check_templates.py --driver build/render_chat [--more FOLDER ...]

Reads the templates of the installed TRL; FOLDER adds others, for instance llama.cpp's models/templates.
"""
import argparse
import collections
import difflib
import pathlib
import sys

import trl

import chat_templates


def corpus(folders):
    for folder in [pathlib.Path(trl.__file__).parent / "chat_templates", *folders]:
        for path in sorted(pathlib.Path(folder).glob("*.jinja")):
            yield f"{path.parent.name}/{path.name}", path.read_text()


def difference(expected, answer):
    if "error" in expected or "error" in answer:
        return f"expected {str(expected)[:400]}\n      found    {str(answer)[:400]}"
    if expected["text"] == answer["text"]:
        return f"ranges: expected {expected['spans']}, found {answer['spans']}"
    lines = difflib.unified_diff(expected["text"].splitlines(), answer["text"].splitlines(), "expected", "found", n=0, lineterm="")
    return "\n      ".join(list(lines)[:12])


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--driver", default=chat_templates.ROOT / "build" / "render_chat")
    options.add_argument("--more", nargs="*", default=[], type=pathlib.Path)
    options.add_argument("--show-errors", action="store_true", help="print both messages where both refuse")
    options = options.parse_args()
    requests, names = [], []
    for template, source in corpus(options.more):
        for case, request in chat_templates.conversations():
            requests.append({**request, "template": source})
            names.append((template, case))
    answers = chat_templates.native(requests, options.driver)
    wrong, outcome = collections.Counter(), collections.Counter()
    for (template, case), request, answer in zip(names, requests, answers, strict=True):
        expected = chat_templates.reference(request)
        both_refuse = "error" in expected and "error" in answer
        outcome["refused" if both_refuse else "rendered"] += 1
        if options.show_errors and both_refuse:
            print(f"  {template} {case}\n      {expected['error'][:200]}\n      {answer['error'][:200]}")
        if not chat_templates.agree(expected, answer):
            wrong[template] += 1
            print(f"  {template} {case}\n      {difference(expected, answer)}")
    n_templates = len({template for template, _ in names})
    print(f"{n_templates - len(wrong)} of {n_templates} templates equal in every conversation; "
          f"{len(names) - sum(wrong.values())} of {len(names)} pairs equal ({outcome['rendered']} rendered, {outcome['refused']} refused by both)")
    print(f"{n_templates - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
