"""Writes tests/golden/yaml.json: [text, value] pairs, the values as PyYAML's SafeLoader gives them. Left out are the texts that
data/file/yaml.h names as read differently, and what JSON cannot hold.

    python tests/peers/golden_yaml.py        made with PyYAML 6.0.3
"""
import datetime
import itertools
import json
import math
import pathlib
import re

import yaml

words = "yes Yes YES yEs no NO on On ON off oFF true TRUE tRUE false False null Null NULL nULL ~ y n none None = ! ''".split()
numbers = ["".join(p) for p in itertools.product(
    ["", "-", "+"], ["0", "1", "00", "07", "08", "12_3", "_1", "0b101", "0B1", "0x1F", "0xfg", "0o17", "1:30", "1:60", "0:30", "1:2:3", ".5", "1.", "1.5",
                     "1_0.2_5", "1:30.5", ".", "..", "1.2.3", "9007199254740992"], ["", "e5", "e+5", "E-3", "e", "e+"])]
special = [".inf", "-.inf", "+.Inf", ".INF", ".iNF", ".nan", ".NaN", "-.nan", "inf", "nan", "1 2", "1,000", "12:30:45", "v1.0", "1e", "--1", "+", "-"]
quoted = ["'1'", '"yes"', "'~'", '""', '"\\u00e9\\n"', "!!str 5", "!!str yes", "!!int '7'", "!!float 3", "!!bool 'no'", "!!null ''", "! 5"]
documents = [
    "", "---\n", "a: 1\n", "- 1\n- [2, 3]\n- {x: y}\n", "a:\nb: ''\n", "a: |\n  x\n   y\n\nb: >\n  x\n  y\n", "a: &q [1, 2]\nb: *q\nc: {d: *q}\n",
    "base: &b {x: 1, y: 2}\nc:\n  <<: *b\n  y: 3\n", "<<: [{x: 1}, {x: 2, z: 3}]\ny: 0\n", "a: &s text\nb: *s\n", "# comment\na: b # c\nd: e#f\n",
    "lora:\n  r: 16\n  target_modules: [q_proj, v_proj]\nlearning_rate: 2.0e-4\nbf16: true\n", "'<<': 1\n", "%YAML 1.1\n---\na: 1\n...\n", "[a, b, ]", "{a, b: c}",
]


def differs(text):
    bare = text.lstrip("+-")
    return re.fullmatch(r"(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][-+]?\d+)?", bare) and re.search(r"[.eE]", bare)


def plain(value):
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(isinstance(k, str) and plain(v) for k, v in value.items())
    return not isinstance(value, (datetime.date, set, bytes))


pairs = []
for text in words + numbers + special + quoted + documents:
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        continue
    if plain(value) and not (isinstance(value, str) and differs(text)):
        pairs.append([text, value])
path = pathlib.Path(__file__).parent / "../golden/yaml.json"
path.write_text("[\n" + ",\n".join(json.dumps(p) for p in pairs) + "\n]\n")
print(len(pairs), "pairs")
