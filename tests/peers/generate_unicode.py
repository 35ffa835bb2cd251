"""Writes data/text/unicode_table.c: what the reference knows of each code point, asked of the reference itself.

    python tests/peers/generate_unicode.py > data/text/unicode_table.c

The reference is the `tokenizers` package. Its regexes, its Rust character tests, its lower-casing and its normal forms come
from four tables of different Unicode versions, so every property is found by running it on every code point."""
import ctypes
import ctypes.util
import json
import struct

import tokenizers
from tokenizers import Regex, Tokenizer
from tokenizers import normalizers as N
from tokenizers import pre_tokenizers as P

CATEGORIES = "Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cs".split()
SURROGATES = range(0xD800, 0xE000)
EVERY = [c for c in range(0x110000) if c not in SURROGATES]
TEXT = "".join(map(chr, EVERY))


def kept(pre_tokenizer):
    """The code points that a pre-tokenizer does not remove from a text of all of them."""
    return [c for _, (begin, end) in pre_tokenizer.pre_tokenize_str(TEXT) for c in EVERY[begin:end]]


def regex_class(pattern):
    return kept(P.Split(Regex(f"(?:{pattern})+"), "removed", invert=True))


def alone(pre_tokenizer):
    """The code points that a pre-tokenizer cuts off from a letter before and after them."""
    return [c for c in EVERY if len(pre_tokenizer.pre_tokenize_str(f"a{chr(c)}a")) == 3]


def ranges(points):
    out = []
    for c in sorted(points):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def category_runs():
    category = [0] * 0x110000
    for c in SURROGATES:
        category[c] = CATEGORIES.index("Cs")
    for i, name in enumerate(CATEGORIES):
        if name not in ("Cn", "Cs"):
            for c in regex_class(r"\p{%s}" % name):
                category[c] = i
    return [(c, category[c]) for c in range(0x110000) if c == 0 or category[c] != category[c - 1]]


def single_word_class():
    """Where `single_word` sees a letter of a word: the token `x` before the code point is then no match."""
    tokenizer = Tokenizer.from_str(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "pre_tokenizer": None, "post_processor": None,
        "decoder": None, "model": {"type": "BPE", "vocab": {"y": 0}, "merges": []}, "added_tokens": [
            {"id": 1, "content": "x", "single_word": True, "lstrip": False, "rstrip": False, "normalized": False, "special": False}]}))
    return [c for c in EVERY if chr(c) not in "xy" and not tokenizer.encode("x" + chr(c)).ids] + [ord("x"), ord("y")]


def normalizing():
    """Code points that a normal form changes, or that change places with a mark of another class (their class is not 0)."""
    nfd, nfkd = N.NFD().normalize_str, N.NFKD().normalize_str
    moves = lambda c: nfd(chr(c) + "\u0334") != nfd(chr(c)) + "\u0334" or nfd("\u0301" + chr(c)) != "\u0301" + nfd(chr(c))
    return [c for c in EVERY if nfkd(chr(c)) != chr(c) or moves(c)]


def lower_cases():
    """Lower case where it is not the one of utf8proc, which is asked for the rest."""
    utf8proc = ctypes.CDLL(ctypes.util.find_library("utf8proc"))
    out = []
    for c in EVERY:
        lower = N.Lowercase().normalize_str(chr(c))
        if [ord(x) for x in lower] != [utf8proc.utf8proc_tolower(c)]:
            out.append([c] + [ord(x) for x in lower] + [0] * (2 - len(lower)))
    return out


def removed_by(normalizer):
    return [c for c in EVERY if normalizer.normalize_str(chr(c)) == ""]


def bert(**options):
    return N.BertNormalizer(**{**dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False), **options})


def charsmap(first_bytes):
    """A Precompiled that replaces any cluster of code points that begins with such a byte by an X: it shows where clusters end."""
    units = [0] * 1024
    units[0] = 256 << 10
    for byte in first_bytes:
        place, leaf = 256 ^ byte, 512 + byte
        units[place] = (place ^ leaf) << 10 | 1 << 8 | byte
        units[leaf] = 1 << 31
    return N.Precompiled(struct.pack("<I1024I", 4 * len(units), *units) + b"X\0").normalize_str


def joining():
    """What belongs to the cluster of the letter before it: extending and spacing marks, joiners."""
    clusters = charsmap(b"a")
    return [c for c in EVERY if clusters("a" + chr(c)) == "X"]


def prepending():
    clusters = charsmap(range(0xC2, 0xF5))
    return [c for c in EVERY if c > 0x7F and clusters(chr(c) + "a") == "X"]


def scripts():
    """Runs of code points of one script as UnicodeScripts sees it; 0 goes with every other."""
    cut, samples, runs = P.UnicodeScripts().pre_tokenize_str, [], []
    same = lambda a, b: len(cut(a + b)) == 1
    script = 0
    for c in EVERY:
        x = chr(c)
        if not cut(x):
            script = 0
        elif not script or not same(samples[script - 1], x):
            script = next((i + 1 for i, sample in enumerate(samples) if same(sample, x)), 0)
            if not script:
                samples.append(x)
                script = len(samples)
                assert script < 256
        if not runs or runs[-1][1] != script:
            runs.append((c, script))
    return runs


def table(name, kind, values, per_line=16):
    print(f"\nconst {kind} {name}[] = {{")
    for i in range(0, len(values), per_line):
        print("    " + ", ".join(f"{v:#x}" for v in values[i:i + per_line]) + ",")
    print("};")
    print(f"const int {name}_count = {len(values)};")


def main():
    flat = lambda points: [x for r in ranges(points) for x in r]
    print(f"""/* Generated by tests/peers/generate_unicode.py from tokenizers {tokenizers.__version__}; not to be edited.
 *
 * unicode_category_runs: a run's first code point << 5 | its category (the order of unicode.h), until the next run.
 * The others are ranges, first and last code point in turn; unicode_lower_cases are triples, the last 0 where there is none;
 * unicode_script_runs: a run's first code point << 8 | the number of its script, in order of coming; 0 goes with every other. */
#include "data/text/unicode.h\"""")
    table("unicode_category_runs", "uint32_t", [c << 5 | category for c, category in category_runs()])
    table("unicode_han", "uint32_t", flat(regex_class(r"\p{Han}")))
    table("unicode_word", "uint32_t", flat(single_word_class()))
    table("unicode_numeric", "uint32_t", flat(alone(P.Digits(individual_digits=True))))
    table("unicode_punctuation", "uint32_t", flat(alone(P.Punctuation())))
    table("unicode_normalizing", "uint32_t", flat(normalizing()))
    table("unicode_lower_cases", "uint32_t", [x for row in lower_cases() for x in row], 15)
    table("unicode_accents", "uint32_t", flat(removed_by(N.StripAccents())))
    table("unicode_nonspacing", "uint32_t", flat(removed_by(bert(strip_accents=True))))
    table("unicode_control", "uint32_t", flat(removed_by(bert(clean_text=True))))
    table("unicode_joining", "uint32_t", flat(joining()))
    table("unicode_prepending", "uint32_t", flat(prepending()))
    table("unicode_script_runs", "uint32_t", [c << 8 | script for c, script in scripts()])


main()
