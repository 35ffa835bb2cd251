"""Random tables for Parquet, the ways in which pyarrow can write them, and the rows as pyarrow reads them. For golden_parquet.py and
check_parquet.py."""
import datetime
import decimal
import io
import json
import string
import uuid

import pyarrow as pa
import pyarrow.parquet as pq

CODECS = ["none", "snappy", "gzip", "zstd"]
VERSIONS = ["1.0", "2.0"]
# Encodings by physical type, beside dictionary.
ENCODINGS = {
    "BOOLEAN": ["PLAIN", "RLE"],
    "INT32": ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"],
    "INT64": ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"],
    "INT96": ["PLAIN"],
    "FLOAT": ["PLAIN", "BYTE_STREAM_SPLIT"],
    "DOUBLE": ["PLAIN", "BYTE_STREAM_SPLIT"],
    "BYTE_ARRAY": ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"],
    "FIXED_LEN_BYTE_ARRAY": ["PLAIN", "DELTA_BYTE_ARRAY", "BYTE_STREAM_SPLIT"],
}
# Options of write_table that change how the rows read.
LAYOUT = ["store_schema", "use_deprecated_int96_timestamps", "store_decimal_as_integer", "use_compliant_nested_type"]
WORDS = ["the ", "model", "é", "日本", "😀", "\n", '"', "\\", "'", "assistant", "\u2028", "<|im_end|>", "0", " "]
EPOCH = datetime.datetime(1970, 1, 1)


def text(rng):
    return "".join(rng.choice(WORDS) for _ in range(rng.choice([0, 1, 3, 12])))


def integer(bits, signed):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return lambda rng: rng.choice([low, high, 0, 1, rng.randint(low, high), max(low, rng.randint(-9, 99))])


def real(rng):
    return rng.choice([0.0, -0.0, 0.1, 1.5, 1e300, -1e-300, float("inf"), float("nan"), rng.random(), rng.gauss(0, 1e6)])


def amount(digits, scale):
    return lambda rng: decimal.Decimal(rng.choice([0, 1, -1, rng.randrange(-(10**digits) + 1, 10**digits), rng.randrange(-999, 999)])).scaleb(-scale)


def microseconds(rng):
    return rng.choice([0, 1, -1, -62135596800000000, 253402300799999999, rng.randrange(-(10**16), 10**16), rng.randrange(10**9) * 1000000])


def nanoseconds(rng):
    return rng.choice([0, 1, -1, 1000, rng.randrange(-9 * 10**18, 9 * 10**18), rng.randrange(10**9) * 10**9])


def fixed(n):
    return lambda rng: bytes(rng.choice([0, 39, 34, 92, 65, 127, 255, rng.randrange(256)]) for _ in range(n))


def binary(rng):
    return fixed(rng.choice([0, 1, 5, 20]))(rng)


decimal.getcontext().prec = 80
# name: (Arrow type, random value)
SCALARS = {
    "bool": (pa.bool_(), lambda rng: rng.random() < 0.5),
    "i8": (pa.int8(), integer(8, True)), "u8": (pa.uint8(), integer(8, False)),
    "i16": (pa.int16(), integer(16, True)), "u16": (pa.uint16(), integer(16, False)),
    "i32": (pa.int32(), integer(32, True)), "u32": (pa.uint32(), integer(32, False)),
    "i64": (pa.int64(), integer(64, True)), "u64": (pa.uint64(), integer(64, False)),
    "f16": (pa.float16(), lambda rng: rng.choice([0.0, -0.0, 1.5, 65504.0, 6e-8, 1e-5, float("inf"), float("nan"), rng.gauss(0, 10)])),
    "f32": (pa.float32(), lambda rng: rng.choice([0.0, 0.1, -2.5, 3e38, 1e-45, float("nan"), rng.gauss(0, 10)])),
    "f64": (pa.float64(), real),
    "string": (pa.string(), text), "large": (pa.large_string(), text),
    "binary": (pa.binary(), binary), "fixed": (pa.binary(5), fixed(5)),
    "dec9": (pa.decimal128(9, 2), amount(9, 2)), "dec18": (pa.decimal128(18, 9), amount(18, 9)),
    "dec38": (pa.decimal128(38, 12), amount(38, 12)), "dec76": (pa.decimal256(76, 40), amount(76, 40)), "dec0": (pa.decimal128(20, 0), amount(20, 0)),
    "date": (pa.date32(), lambda rng: datetime.date.fromordinal(rng.choice([1, 3652059, 719163, rng.randrange(1, 3652060)]))),
    "time_ms": (pa.time32("ms"), lambda rng: rng.choice([0, 86399999, rng.randrange(86400) * 1000, rng.randrange(86400000)])),
    "time_us": (pa.time64("us"), lambda rng: rng.choice([0, 86399999999, rng.randrange(86400 * 10**6)])),
    "time_ns": (pa.time64("ns"), lambda rng: rng.choice([0, 86399999999999, rng.randrange(86400 * 10**9)])),
    "at_ms": (pa.timestamp("ms"), lambda rng: microseconds(rng) // 1000), "at_us": (pa.timestamp("us"), microseconds),
    "at_ns": (pa.timestamp("ns"), nanoseconds),
    "utc_ms": (pa.timestamp("ms", "UTC"), lambda rng: microseconds(rng) // 1000), "utc_us": (pa.timestamp("us", "UTC"), microseconds),
    "utc_ns": (pa.timestamp("ns", "UTC"), nanoseconds),
    "null": (pa.null(), lambda rng: None),
    "uuid": (pa.uuid(), fixed(16)),
    "json": (pa.json_(), lambda rng: json.dumps({"a": text(rng)})),
}
MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))


def value_of(rng, kind):
    """A random value of an Arrow type, as pa.array takes it."""
    if pa.types.is_map(kind):
        return [(value_of(rng, kind.key_type), optional(rng, kind.item_field)) for _ in range(rng.choice([0, 1, 3]))]
    if pa.types.is_fixed_size_list(kind):
        return [optional(rng, kind.value_field) for _ in range(kind.list_size)]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [optional(rng, kind.value_field) for _ in range(rng.choice([0, 0, 1, 2, 5]))]
    if pa.types.is_struct(kind):
        return {field.name: optional(rng, field) for field in kind}
    return next(make for arrow, make in SCALARS.values() if arrow == kind)(rng)


def optional(rng, field):
    return None if field.nullable and rng.random() < 0.2 else value_of(rng, field.type)


def random_type(rng, depth):
    if depth == 0 or rng.random() < 0.4:
        return rng.choice([arrow for name, (arrow, _) in SCALARS.items() if name not in ("null", "uuid", "json")])
    inner = lambda: pa.field("item", random_type(rng, depth - 1), nullable=rng.random() < 0.7)
    return rng.choice([
        lambda: pa.list_(inner()), lambda: pa.large_list(inner()), lambda: MESSAGES, lambda: pa.list_(pa.list_(inner())),
        lambda: pa.struct([inner().with_name(name) for name in rng.sample(string.ascii_lowercase, rng.randint(1, 3))]),
        lambda: pa.list_(pa.struct([inner().with_name("x"), inner().with_name("y")])),
        lambda: pa.map_(pa.string(), inner().with_name("value")),
    ])()


def array_of(rng, field, n):
    """Runs now and then, so that encodings meet them; a column's values come from a small set as often as not."""
    few = [optional(rng, field) for _ in range(3)]
    values = []
    while len(values) < n:
        values += [rng.choice(few) if rng.random() < 0.5 else optional(rng, field)] * rng.choice([1, 1, 1, 2, 40])
    if isinstance(field.type, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(field.type, pa.array(values[:n], field.type.storage_type))
    return pa.array(values[:n], field.type)


def table_of(rng, fields, n):
    return pa.table([array_of(rng, field, n) for field in fields], schema=pa.schema(fields))


def leaves(table, **options):
    """(path, physical type) of each column in the file."""
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    schema = pq.ParquetFile(out).schema
    return [(schema.column(i).path, schema.column(i).physical_type) for i in range(len(schema))]


def encodings_for(table, choose, **options):
    """write_table's options for the encodings that `choose(those of the type)` picks for each column."""
    return {"use_dictionary": False, "column_encoding": {path: choose(ENCODINGS[physical]) for path, physical in leaves(table, **options)}}


def rows(path):
    """The rows as JSON lines."""
    return [json.dumps(row, ensure_ascii=False, default=str) for row in pq.ParquetFile(path).read().to_pylist()]
