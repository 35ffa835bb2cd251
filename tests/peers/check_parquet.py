"""Random tables written by pyarrow in random ways, every row through graft and through pyarrow.

    python tests/peers/check_parquet.py BUILD [--seed N] [--tables N]

Exits 1 when a row differs. Not among the tables are U+0000 in strings, which graft refuses, what only the Arrow schema
knows (leaf.h), and null in fixed-size lists, which pyarrow does not read back."""
import argparse
import pathlib
import random
import subprocess
import sys
import tempfile

import pyarrow as pa
import pyarrow.parquet as pq

import parquet_tables as P


def random_options(rng, table):
    options = {
        "compression": rng.choice(P.CODECS), "data_page_version": rng.choice(P.VERSIONS), "row_group_size": rng.choice([1, 7, 100, 100000]),
        "data_page_size": rng.choice([1, 200, 1 << 20]), "write_batch_size": rng.choice([1, 10, 1024]), "store_schema": rng.random() < 0.5,
        "use_deprecated_int96_timestamps": rng.random() < 0.1, "store_decimal_as_integer": rng.random() < 0.5,
        "use_compliant_nested_type": rng.random() < 0.8, "dictionary_pagesize_limit": rng.choice([1, 300, 1 << 20]),
    }
    if rng.random() < 0.6:
        options |= P.encodings_for(table, rng.choice, **{k: options[k] for k in P.LAYOUT})
    return options


def expected_rows(table, path, options):
    """As pyarrow reads the file. It does not read all that it writes: pyarrow 26 finds no rows in a repeated column with a DELTA encoding
    when a row group has no value of it. Then, the same table in plain encoding."""
    try:
        expected = P.rows(path)
    except (pa.ArrowInvalid, OSError):
        expected = []
    if len(expected) == table.num_rows:
        return expected
    again = path.with_name("again.parquet")
    layout = {k: v for k, v in options.items() if k in P.LAYOUT}
    pq.write_table(table, again, use_dictionary=False, **layout)
    return P.rows(again)


def check(driver, rng, path):
    """What differs, as text; None when nothing does."""
    fields = [pa.field(f"c{i}", P.random_type(rng, 3), nullable=rng.random() < 0.7) for i in range(rng.randint(1, 6))]
    if rng.random() < 0.2:
        fields.append(pa.field("three", pa.list_(pa.int32(), 3), nullable=False))
    fields += [pa.field(name, P.SCALARS[name][0], nullable=name == "null") for name in ("null", "uuid", "json") if rng.random() < 0.2]
    table = P.table_of(rng, fields, rng.choice([0, 1, 3, 50, 500]))
    options = random_options(rng, table)
    pq.write_table(table, path, **options)
    expected = expected_rows(table, path, options)
    run = subprocess.run([driver, path], capture_output=True, text=True)
    found = run.stdout.removesuffix("\n").split("\n") if run.stdout else []
    if run.returncode == 0 and found == expected:
        return None
    at = next((i for i, (a, b) in enumerate(zip(found, expected)) if a != b), min(len(found), len(expected)))
    return f"{options}\n{table.schema}\n  {run.stderr}row {at}\n  found    {found[at:at + 1]}\n  expected {expected[at:at + 1]}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tables", type=int, default=150)
    args = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for i in range(args.tables):
            difference = check(args.build / "parquet_rows", random.Random(f"{args.seed} {i}"), pathlib.Path(folder) / "t.parquet")
            failed += difference is not None
            if difference and failed <= 3:
                print(f"table {i}: {difference}")
    print(f"{args.tables - failed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
