"""Writes tests/golden/parquet/: small tables, each in files TABLE.VARIANT.parquet, and the rows that pyarrow reads from all of these,
TABLE.jsonl.

    python tests/peers/golden_parquet.py        made with pyarrow 26.0.1, pandas 3.1.1

Every codec with both page versions, every encoding of every type with both, and nesting with either. What pyarrow does not
write (lists of two levels, what is repeated by itself, BIT_PACKED levels, older names) is made from a file of its own by changing the headers."""
import json
import pathlib
import random

import pyarrow as pa
import pyarrow.parquet as pq

import parquet_tables as P

FOLDER = pathlib.Path(__file__).parent / "../golden/parquet"
SMALL = {"row_group_size": 13, "data_page_size": 100, "write_batch_size": 5, "store_schema": False}
rng = random.Random(4)


def save(name, table, **options):
    pq.write_table(table, FOLDER / f"{name}.parquet", **(SMALL | options))
    expect(name)


def expect(name, rows=None):
    rows = P.rows(FOLDER / f"{name}.parquet") if rows is None else rows
    text = "".join(row + "\n" for row in rows)
    path = FOLDER / f"{name.split('.')[0]}.jsonl"
    assert not path.exists() or path.read_text() == text, name
    path.write_text(text)


def field(kind, nullable=True, name="item"):
    return pa.field(name, kind, nullable=nullable)


# Thrift's compact protocol: a structure is [(id, type, value)], a list (type, [value]), the rest numbers and bytes.
def varint(data, at):
    x = shift = 0
    while True:
        x |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if not data[at - 1] & 128:
            return x, at


def parse(data, at, kind):
    if kind in (1, 2):
        return kind == 1, at
    if kind == 3:
        return data[at], at + 1
    if kind in (4, 5, 6):
        x, at = varint(data, at)
        return x >> 1 ^ -(x & 1), at
    if kind == 8:
        n, at = varint(data, at)
        return data[at:at + n], at + n
    if kind == 9:
        n, kind, at = data[at] >> 4, data[at] & 15, at + 1
        if n == 15:
            n, at = varint(data, at)
        values = []
        for _ in range(n):
            value, at = parse(data, at, kind)
            values.append(value)
        return (kind, values), at
    assert kind == 12, kind
    fields, last = [], 0
    while data[at]:
        step, kind, at = data[at] >> 4, data[at] & 15, at + 1
        assert step
        last += step
        value, at = parse(data, at, kind)
        fields.append((last, kind, value))
    return fields, at + 1


def number(x):
    out = b""
    while x > 127:
        out, x = out + bytes([x & 127 | 128]), x >> 7
    return out + bytes([x])


def build(kind, value):
    if kind in (1, 2):
        return b""
    if kind == 3:
        return bytes([value])
    if kind in (4, 5, 6):
        return number(value << 1 if value >= 0 else (-value << 1) - 1)
    if kind == 8:
        return number(len(value)) + value
    if kind == 9:
        inner, values = value
        return bytes([0xF0 | inner]) + number(len(values)) + b"".join(build(inner, v) for v in values)
    out, last = b"", 0
    for i, inner, x in value:
        out, last = out + bytes([i - last << 4 | inner]) + build(inner, x), i
    return out + b"\0"


def get(fields, *ids):
    for i in ids:
        fields = next(value for j, _, value in fields if j == i)
    return fields


def put(fields, i, kind, value):
    """The structure with that field; without it when the value is None."""
    return sorted([f for f in fields if f[0] != i] + ([(i, kind, value)] if value is not None else []), key=lambda f: f[0])


def rewrite(name, table, change, rows=None, **options):
    """Saves a file whose footer, and bytes before it, `change` has made new."""
    path = FOLDER / f"{name}.parquet"
    pq.write_table(table, path, compression="none", use_dictionary=False, store_schema=False, **options)
    data = path.read_bytes()
    length = int.from_bytes(data[-8:-4], "little")
    footer, _ = parse(data, len(data) - 8 - length, 12)
    body, footer = change(data[:len(data) - 8 - length], footer)
    footer = build(12, footer)
    path.write_bytes(body + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    expect(name, rows)


def schema_changed(change):
    return lambda body, footer: (body, put(footer, 2, 9, (12, change(get(footer, 2)[1]))))


def without_logical(element):
    return put(put(element, 6, 5, None), 10, 12, None)


def two_levels(schema):
    """optional group a (LIST) { repeated T array; }"""
    root, outer, _, item = schema
    return [root, outer, put(put(item, 3, 5, 2), 4, 8, b"array")]


def by_itself(schema):
    """repeated T a;"""
    root, outer, _, item = schema
    return [root, put(put(item, 3, 5, 2), 4, 8, get(outer, 4))]


def named_tuple(schema):
    """optional group a (LIST) { repeated group a_tuple { required T x; } }: the group is the item."""
    root, outer, inner, item = schema
    return [root, outer, put(inner, 4, 8, b"a_tuple"), item]


def holds_repeated(schema):
    """optional group a (LIST) { repeated group list { repeated T item; } }: the group is the item."""
    root, outer, inner, _, _, item = schema
    return [root, outer, inner, put(put(item, 3, 5, 2), 4, 8, b"item")]


def two_levels_twice(schema):
    """optional group a (LIST) { repeated group array (LIST) { repeated T array; } }"""
    root, outer, _, middle, _, item = schema
    return [root, outer, put(put(middle, 3, 5, 2), 4, 8, b"array"), put(put(item, 3, 5, 2), 4, 8, b"array")]


def two_fields(schema):
    """optional group a (LIST) { repeated group bag { x; y; } }"""
    root, outer, _, item, x, y = schema
    return [root, outer, put(put(item, 3, 5, 2), 4, 8, b"bag"), x, y]


def group_by_itself(schema):
    """repeated group bag { x; y; }"""
    root, _, _, item, x, y = schema
    return [root, put(put(item, 3, 5, 2), 4, 8, b"bag"), x, y]


def old_map(schema):
    """The outer group is a MAP_KEY_VALUE, and nothing has a logical type."""
    root, outer, inner, key, value = schema
    return [root, put(without_logical(outer), 6, 5, 2), without_logical(inner), key, put(value, 10, 12, None)]


def converted_only(schema):
    return [put(element, 10, 12, None) for element in schema]


def bit_packed(body, footer):
    """The definition levels of the first page of the only column: from runs behind a length to bits, highest first. So the format has
    it (Encodings.md) and parquet-java writes it; pyarrow 26 reads lowest first, so these rows are not its."""
    header, at = parse(body, 4, 12)
    n = int.from_bytes(body[at:at + 4], "little")
    values = body[at + 4 + n:]
    levels = "".join("0" if v is None else "1" for v in BITS)
    packed = bytes(int(levels[i:i + 8].ljust(8, "0"), 2) for i in range(0, len(levels), 8))
    size = len(packed) + len(values)
    header = put(put(put(header, 2, 5, size), 3, 5, size), 5, 12, put(get(header, 5), 3, 5, 4))
    page = build(12, header) + packed + values
    (kind, [group]), = [get(footer, 4)]
    chunk = get(group, 1)[1][0]
    chunk = put(chunk, 3, 12, put(put(get(chunk, 3), 6, 6, len(page)), 7, 6, len(page)))
    return b"PAR1" + page, put(footer, 4, 9, (kind, [put(group, 1, 9, (12, [chunk]))]))


FOLDER.mkdir(exist_ok=True)
for old in FOLDER.iterdir():
    old.unlink()

chats = P.table_of(rng, [field(P.MESSAGES, name="messages"), field(pa.string(), name="source"), field(pa.int64(), False, "id")], 30)
for codec in P.CODECS:
    for version in P.VERSIONS:
        save(f"chats.{codec}-v{version[0]}", chats, compression=codec, data_page_version=version, row_group_size=4)
save("chats.falls-back", chats, dictionary_pagesize_limit=40, compression="snappy")

scalars = P.table_of(rng, [field(kind, name=name) for name, (kind, _) in P.SCALARS.items()], 40)
required = P.table_of(rng, [field(kind, False, name) for name, (kind, _) in P.SCALARS.items() if name != "null"], 20)
pages = {"data_page_size": 1 << 20, "row_group_size": 30}      # pyarrow loses repeated columns with a DELTA encoding and a row group without values
for version in P.VERSIONS:
    save(f"scalars.dictionary-v{version[0]}", scalars, data_page_version=version)
    for i in range(3):
        choose = lambda kinds: kinds[i % len(kinds)]
        save(f"scalars.{i}-v{version[0]}", scalars, **P.encodings_for(scalars, choose), data_page_version=version, compression="none", **pages)
    save(f"required.v{version[0]}", required, **P.encodings_for(required, lambda kinds: kinds[-1]), data_page_version=version, compression="zstd")
numbers = scalars.select([name for name in scalars.column_names if name.startswith("dec")])
save("decimals.integers", numbers, store_decimal_as_integer=True)
save("moments.int96", scalars.select(["at_ns", "utc_ns"]), use_deprecated_int96_timestamps=True)

shapes = [
    field(pa.list_(field(pa.list_(field(pa.int32(), False)))), name="lists"), field(pa.list_(pa.list_(pa.list_(pa.string()))), False, "deep"),
    field(pa.struct([field(pa.string(), name="a"), field(pa.struct([field(pa.int8(), False, "x"), field(P.MESSAGES, name="y")]), name="b")]), name="struct"),
    field(pa.struct([field(pa.bool_(), False, "a")]), False, "plain"), field(pa.map_(pa.string(), pa.list_(pa.float64())), name="map"),
    field(pa.list_(pa.struct([field(pa.list_(pa.int64()), name="p"), field(pa.map_(pa.int32(), pa.string()), name="q")])), name="both"),
    field(pa.list_(pa.int32(), 2), False, "pair"), field(pa.large_list(pa.binary()), name="large"),
]
nested = P.table_of(rng, shapes, 40)
for version in P.VERSIONS:
    save(f"nested.v{version[0]}", nested, data_page_version=version, compression="gzip")
    save(f"nested.deltas-v{version[0]}", nested, **P.encodings_for(nested, lambda kinds: kinds[1 % len(kinds)]), data_page_version=version, **pages)
save("items.old-names", nested.select(["lists", "both"]), use_compliant_nested_type=False)
save("empty.no-rows", nested.slice(0, 0))

flat = P.table_of(rng, [field(pa.list_(field(pa.int32(), False)), name="a")], 25)
full = P.table_of(rng, [field(pa.list_(field(pa.string(), False)), False, "a")], 25)
rewrite("two.levels", flat, schema_changed(two_levels))
rewrite("repeated.itself", full, schema_changed(by_itself))
rewrite("tuple.item", flat, schema_changed(named_tuple))
twice = P.table_of(rng, [field(pa.list_(field(pa.list_(field(pa.int32(), False)), False)), name="a")], 25)
pairs = pa.list_(field(pa.struct([field(pa.int32(), name="x"), field(pa.string(), name="y")]), False))
rewrite("holds.repeated", twice, schema_changed(holds_repeated))
rewrite("twice.two-levels", twice, schema_changed(two_levels_twice))
rewrite("bag.list", P.table_of(rng, [field(pairs, name="a")], 25), schema_changed(two_fields))
rewrite("bags.itself", P.table_of(rng, [field(pairs, False, "a")], 25), schema_changed(group_by_itself))
rewrite("map.old", P.table_of(rng, [field(pa.map_(pa.string(), pa.int16()), name="a")], 25), schema_changed(old_map))
rewrite("converted.types", scalars.drop_columns(["time_ns", "at_ns", "utc_ns", "uuid", "f16", "null"]), schema_changed(converted_only), version="1.0")
BITS = [None if rng.random() < 0.4 else i for i in range(50)]
rewrite("bits.packed", pa.table({"a": pa.array(BITS, pa.int32())}), bit_packed, [json.dumps({"a": bit}) for bit in BITS])

def refused(name, array, **options):
    pq.write_table(pa.table({"a": array}), FOLDER / f"refused.{name}.parquet", **options)


refused("lz4", ["x" * 100], compression="lz4")
refused("brotli", ["x" * 100], compression="brotli")
refused("zero", ["a", "b\0c"])
refused("latin", pa.StringArray.from_buffers(1, pa.py_buffer(b"\0\0\0\0\3\0\0\0"), pa.py_buffer(b"ab\xff")))
refused("date", pa.array([2932897], pa.date32()))
refused("time", pa.array([86400000], pa.time32("ms")))
