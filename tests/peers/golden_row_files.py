"""What `datasets` reads from files of every format -> tests/golden/row_files.json, for tests/data/set/test_row_file.c.

    python tests/peers/golden_row_files.py

Written with datasets 5.2.0 and pandas 3.1.1. Each case is a file's name and text, and the rows that load_dataset gives for it, null
where it fails. Cells of CSV are asked for as strings (`features`), since pandas would make numbers of columns without text; where it
makes none, the rows are those of the plain call, which is checked here. Nulls are kept in CSV, where every column has a cell, and left
out of JSON, where `datasets` fills in what a row does not have.
"""
import gzip
import json
import tempfile
from pathlib import Path

import datasets

datasets.disable_progress_bars()
datasets.logging.set_verbosity(datasets.logging.CRITICAL)

CSV = [
    "a,b\n  x,y\n\t z,w\n   \n,\n", "a,b\r1,x\r2,y\r", 'a,b\r\n1,"x\r\ny"\r\n\r\n2,z', 'a,b\n"x""y","l1\nl2"\nab"c, "d"\n"q"z,""\n',
    'a,b\nNA,x\n"NA",None\nnull,n/a\n<NA>,y\n,z\nNaN, NA\n-nan,#N/A\n1.#IND,NULL\nnone,Null\n', "a,b,c\nx\ny,z\n", "a,b\nx,y\n1,2,3\n",
    "a,a,,a.1,\nx,y,z,w,v\n", "\ufeffa,b\nx,y\n", '\ufeff"a,b",c\nx,y\n', "\n\n  \na,b\nx,y\n", 'a,b\nx,"y\n', 'a\n\nx\n""\n \ny\n',
    "a,b\nTrue,x\nfalse,y\n", "a,b\n1,x\n2.50,y\n007,z\n", '"a ""q""","b\nc"\nx,y\n', "a,b\r\r\nx,y\r\r\nz,w\n", "a,b,\nx,y,\n",
    'a,b\n "x",y\n "x"" ",z\n', "a,b\n ,y\n  ,\n", 'a,b\n"x\ry","a\r\nb"\n', 'a,b\nx,"y"', "a,b\nx,y\r", "a,b\n", "", 'a,b\n"",x\n"  ",y\n',
    "a,b\nx,y\n  ", "a,b\nx,y\n\t", 'a,b\nx,"y"\n"', 'a,b\n"x"', 'a,b\n"x""', '"', "a,b\nx,y\n,", 'a,b\nx,y\n "', "a,a,a\nx,y,z\n", "a,a.1,a\nx,y,z\n",
    ",\nx,y\n", '" a" , b\nx,y\n', "a,b\nx\ty,z\n", "a,b\n\rx,y\n", "Unnamed: 1,\nx,y\n", '""\nx\n', "a;b\n1;2\n", "a\n\u00a0\nb", 'a\n"x" y"z"\n"" \n',
    "a\nx\n\x0b\ny\n", 'a,b\nx,"y\r\n\n"\r\n\r\nz,w', "\u00e9,\u65e5\u672c\n\U0001f600,\u2028x\u0085\n", 'prompt,completion\n"What is 2, and\nwhy?","It is ""two""."\nHi,\n',
]
TSV = ["a\tb\n x\t y\n\t\n \n\tz\n\"q\tr\"\t\"s\"\"t\"\n", "a\tb\nx,y\tz\n\t\t\n", "text\tn\nhello, world\t1\n"]
TEXT = ["a\nb\r\nc\rd\n\ne", "\ufeffa\n\n", "", "\n", "a\x0bb\x0cc\u0085d\u2028e\n", "  x \t\n\r\r\n"]
JSON = [
    ('["a","b"]', None), ('{"data":["a","b"],"x":1}', "data"), ('  [{"a":1}]\n', None), ('{\n"a":1\n}', None), ('{"a":1}\n\n{"a":2}\r\n', None),
    ('{"data":[{"text":"a"},{"text":null,"m":[{"role":"x","content":"y"}]}],"x":1}', "data"), ('[\n {"text":"a]}","n":[[1],[2]]},\n {"text":"\\"[{"}\n]', None),
    ('{\n "a": {"b": "}"}\n}\n{\n "a": {"b": "{"}\n}\n', None), ('{"d":1}', "e"), ("[]", None), ("", None), ('{"x":{"data":1},"data":[{"text":"5"},{"text":"2024-01-31"}]}', "data"),
    ('[{"text":"a"},{"text":"b"}', None), ('[{"text":"a"} {"text":"b"}]', None), ('[{"text":"a"},,{"text":"b"}]', None), ('[{"text":"a"}] x', None),
    ('\ufeff{"a":"x"}\n', None), ('\ufeff[{"a":"x"}]', None), ('{"da\\u0074a":[{"text":"a"}]}', "data"), ('{"data":[{"text":"a"}],"data":[{"text":"b"}]}', "data"),
    ('{"data" : \n[ {"text":"a"} ,\n{"text":"b"}\n] , "y":[1,{"z":"]"}]}', "data"), ('{"data":[{"text":"a"}', "data"), ('[{"text":"\u00e9 \U0001f600"}]', None),
]


def bare(value):
    """Without nulls."""
    if isinstance(value, dict):
        return {key: bare(item) for key, item in value.items() if item is not None}
    return [bare(item) for item in value] if isinstance(value, list) else value


def load(kind, path, **options):
    try:
        return datasets.load_dataset(kind, data_files=str(path), split="train", cache_dir=tempfile.mkdtemp(), **options).to_list()
    except Exception:   # whatever is wrong with the file, in each reader's own words
        return None


def cells(path, **options):
    plain = load("csv", path, **options)
    if plain is None or any("__index_level_0__" in row for row in plain):
        return None
    names = list(plain[0])
    strings = load("csv", path, features=datasets.Features({name: datasets.Value("string") for name in names}), **options)
    if strings is None:   # pandas renames columns only after it looked up their types; then all of them must be text
        strings = plain
    for name in names:
        column = [row[name] for row in plain]
        assert any(value is not None and not isinstance(value, str) for value in column) or column == [row[name] for row in strings], (path, name)
    return strings


def case(folder, name, text, field, read):
    path = folder / name
    data = text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return {"name": name, "text": text, "field": field, "rows": read(path)}


def main():
    folder = Path(tempfile.mkdtemp())
    cases = [case(folder, "f.csv", text, None, cells) for text in CSV]
    cases += [case(folder, "f.tsv", text, None, lambda path: cells(path, sep="\t")) for text in TSV]
    cases += [case(folder, "f.txt", text, None, lambda path: load("text", path)) for text in TEXT]
    for text, field in JSON:
        cases.append(case(folder, "f.json", text, field, lambda path: bare(load("json", path, field=field))))
    out = Path(__file__).parents[1] / "golden" / "row_files.json"
    out.write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
    print(len(cases), "cases,", sum(c["rows"] is None for c in cases), "of them refused")


if __name__ == "__main__":
    main()
