"""Random texts through graft and through `tokenizers`: ids, ranges, decoded text.

    python tests/peers/check_tokenizer.py BUILD [--seed N] [--texts N] [PATH ...]

Without PATH, every family of tests/golden/tokenizer that has a tokenizer.json. PATH is a model folder, or a .gguf file: that one is saved as a folder by
graft first, and the file must tokenize as `tokenizers` does with the folder; where PATH.inp and PATH.out stand beside it, as
for the vocabularies in llama.cpp's models/, the ids must be those too. --sweep puts code points one by one through every
property, character test and normal form instead: all of them, but only samples of ideographs, Hangul and planes without names. Exits 1 when anything differs."""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import unicodedata

from tokenizers import Regex, Tokenizer, models as M, normalizers as N, pre_tokenizers as P

GOLDEN = pathlib.Path(__file__).parent.parent / "golden" / "tokenizer"

BLANKS = " \t\n\r\u000b\u000c\u0085\u00a0\u1680\u2003\u2028\u202f\u205f\u3000\u180e\u200b"
ASCII = [chr(c) for c in range(0x20, 0x7F)]
WORDS = ["the", "The", "don't", "I'LL", "'s", "'S", "'\u017f", "it's", "HTTPServer", "camelCase", "123", "1234567", "3.14", "  ", "\n\n", "\r\n", " \n ", "...", "--",
         "é", "e\u0301", "q\u0323\u0307", "한국어", "\u1112\u1161\u11ab", "中文", "日本語かなカナ", "हिन्दी", "العربية", "Привет", "ΣΑΣ", "İ", "ß", "ﬁ", "①", "½", "१२", "Ⅷ",
         "😀", "👨\u200d👩\u200d👧", "👍🏽", "🇩🇪", "\u212a", "\u00a0", "\u3000", "▁", "Ġ", "<0x41>", "<s>", "</s>", "<unk>", "<|user|>", "<|end|>", "<mask>", "Norm", "NORM",
         "word", "word1", "word5", "word31", "<|im_start|>", "<|im_end|>", "<|endoftext|>"]
MARKS = ["\u0300", "\u0301", "\u0302", "\u0307", "\u0323", "\u0334", "\u0345", "\u05b0", "\u3099", "\u0f71", "\u1dce", "\u200d", "\ufe0f", "\u093c", "\u0327"]
BASES = list("aeioqsAEOS") + ["\u00e9", "\u1e69", "\u01d5", "\u0915", "\u304b", "\u1100", "\u1161", "\u11a8", "\uac00", "\u09c7", "\u09be", "\u212b", "\u0958", "\ufb2c"]


def any_code_point(rng):
    c = rng.choice([rng.randrange(0x80), rng.randrange(0x3000), rng.randrange(0x11000), rng.randrange(0x10FFFF)])
    return "a" if 0xD800 <= c < 0xE000 or c == 0 else chr(c)


def text(rng):
    """One of four kinds, long enough that neighbours matter."""
    parts = {
        0: lambda: rng.choice(ASCII + [" "] * 30 + list(BLANKS)),
        1: lambda: rng.choice(WORDS) + rng.choice(["", "", " "]),
        2: lambda: rng.choice(BASES + MARKS + MARKS),
        3: lambda: any_code_point(rng),
        4: lambda: rng.choice([rng.choice(WORDS), rng.choice(BLANKS), any_code_point(rng), rng.choice(ASCII), rng.choice(BASES) + rng.choice(MARKS)]),
    }[rng.randrange(5)]
    return "".join(parts() for _ in range(rng.randrange(1, 24)))


def reference(tokenizer, sample):
    plain, special = tokenizer.encode(sample, add_special_tokens=False), tokenizer.encode(sample)
    return [plain.ids, [x for r in plain.offsets for x in r], special.ids,
            tokenizer.decode(special.ids, skip_special_tokens=False), tokenizer.decode(special.ids, skip_special_tokens=True)]


def answers(command, texts):
    run = subprocess.run(command, input="".join(json.dumps(t) + "\n" for t in texts), capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"{command}: {run.stderr}")
    return [json.loads(line) for line in run.stdout.splitlines()]


def check_expected(driver, path):
    """llama.cpp's own texts and ids."""
    texts = pathlib.Path(f"{path}.inp").read_bytes().decode("utf-8").split("\n__ggml_vocab_test__\n")
    expected = [[int(i) for i in line.split()] for line in pathlib.Path(f"{path}.out").read_text().split("\n")]
    if len(expected) > len(texts) and not expected[-1]:      # where the last text is not the empty one
        expected.pop()
    found = [answer[0] for answer in answers([driver, path], texts)]
    bad = sum(a != b for a, b in zip(found, expected, strict=True))
    print(f"{path.name}: {len(texts) - bad} of {len(texts)} expected lines equal")
    return bad


def check(driver, path, texts):
    """How many texts differ; the first few are shown."""
    with tempfile.TemporaryDirectory() as saved:
        command = [driver, path] if path.is_dir() else [driver, path, "--save", saved]
        lines = answers(command, texts)
        tokenizer = Tokenizer.from_file(str((path if path.is_dir() else pathlib.Path(saved)) / "tokenizer.json"))
    bad = check_expected(driver, path) if pathlib.Path(f"{path}.inp").exists() else 0
    for sample, found in zip(texts, lines, strict=True):
        expected = reference(tokenizer, sample)
        if found == expected:
            continue
        bad += 1
        if bad <= 3:
            which = next(i for i in range(5) if found[i] != expected[i])
            print(f"{path.name}: {['ids', 'ranges', 'ids with special tokens', 'decoded', 'decoded without'][which]} of {ascii(sample)}\n"
                  f"  found    {ascii(found[which])}\n  expected {ascii(expected[which])}")
    print(f"{path.name}: {len(texts) - bad} of {len(texts)} equal")
    return bad


PROPERTIES = [rf"\p{{{p}}}" for p in "L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp C Cc Cf Co Han".split()]
PROPERTIES += [r"\s", r"\S", r"\d", r"\D", r"\w", r"\W", r"[^\s\p{L}\p{N}]", r"[\p{L}&&[^\p{Han}]]", r"\P{L}", r"\p{^N}", r"[\d_]", r"[\w-]", r"[^\w]", r"[\W_]", r"[^\W]"]


def byte_tokenizer(normalizer, pre_tokenizer):
    """Every byte is a token, so ids show what a normalizer wrote, and pieces are single tokens where two bytes would merge."""
    alphabet = sorted(P.ByteLevel.alphabet())
    vocab = {c: i for i, c in enumerate(alphabet)}
    pairs = [(a, b) for a in alphabet for b in alphabet]
    vocab.update((a + b, i + 256) for i, (a, b) in enumerate(pairs))
    tokenizer = Tokenizer(M.BPE(vocab=vocab, merges=pairs))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = P.Sequence([*pre_tokenizer, P.ByteLevel(add_prefix_space=False, use_regex=False)])
    return tokenizer


def swept():
    """All code points, thinned out where long runs are alike; what stands at either end of a run stays."""
    alike = [(0x3400, 0xA000), (0xAC00, 0xD7A4), (0xE000, 0xF900), (0x17000, 0x18D00), (0x20000, 0xE0000), (0xE0200, 0x110000)]
    edge = lambda c: any(unicodedata.category(chr(c)) != unicodedata.category(chr(min(c + d, 0x10FFFF))) for d in (-1, 1))
    for c in range(1, 0x110000):
        if not 0xD800 <= c < 0xE000 and (not any(a <= c < b for a, b in alike) or c % 61 == 0 or edge(c)):
            yield chr(c)


def sweep():
    """Code points alone, and those that a normal form can move between marks of low and high class."""
    every = list(swept())
    nfd, nfkd = N.NFD().normalize_str, N.NFKD().normalize_str
    moving = [c for c in every if nfkd(c) != c or nfd(c + "\u0334") != nfd(c) + "\u0334" or unicodedata.category(c)[0] == "M"]
    runs = ["".join(every[i:i + 256]) for i in range(0, len(every), 256)]
    marked = ["".join(f"{c}\u0334a{c}\u0301a\u0323{c}\u0300\u0334 " for c in moving[i:i + 64]) for i in range(0, len(moving), 64)]
    yield from ((f"{name}", byte_tokenizer(getattr(N, name)(), []), runs + marked) for name in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "BertNormalizer"))
    yield from ((p, byte_tokenizer(None, [P.Split(Regex(p), "isolated")]), runs) for p in PROPERTIES)
    yield from ((type(p).__name__, byte_tokenizer(None, [p]), runs) for p in (P.Digits(True), P.Punctuation(), P.Whitespace(), P.WhitespaceSplit(), P.BertPreTokenizer(), P.UnicodeScripts()))


def run_sweep(driver, only):
    bad = 0
    for name, tokenizer, texts in sweep():
        if only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / name.replace("/", "")
            path.mkdir()
            tokenizer.save(str(path / "tokenizer.json"))
            bad += check(driver, path, texts)
    return bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("paths", nargs="*", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument("--only", default="", help="sweep only what has this in its name")
    args = parser.parse_intermixed_args()
    driver = args.build / "tokenize_texts"
    if args.sweep:
        sys.exit(1 if run_sweep(driver, args.only) else 0)
    rng = random.Random(args.seed)
    texts = [text(rng) for _ in range(args.texts)]
    paths = args.paths or sorted(p.parent for p in GOLDEN.glob("*/tokenizer.json"))
    failed = sum(check(driver, path, texts) > 0 for path in paths)
    print(f"{len(paths) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
