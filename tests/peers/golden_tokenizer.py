"""Writes tests/golden/tokenizer: a small tokenizer per family, trained here, with what `tokenizers` makes of the texts.

    python tests/peers/golden_tokenizer.py

FAMILY/tokenizer.json is the tokenizer; FAMILY/cases.json is, for every text of texts.json, [ids, ranges, ids with special
tokens, decoded, decoded without special tokens]. Ranges count code points, as the package reports them. Training is
deterministic."""
import base64
import json
import pathlib
import struct

import gguf
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders as D, models as M, normalizers as N, pre_tokenizers as P
from tokenizers import processors, trainers
from transformers.convert_slow_tokenizer import bytes_to_unicode
from transformers.integrations.mistral.tokenizer import MistralConverter
from transformers.tokenization_utils_sentencepiece import generate_merges

OUT = pathlib.Path(__file__).parent.parent / "golden" / "tokenizer"

CORPUS = """
All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience and should act
towards one another in a spirit of brotherhood. Everyone has the right to life, liberty and security of person. I'm sure they'll
say it's what we've done; he'd rather we're late, isn't he? IT'S TRUE, THEY'LL SEE.
Tous les êtres humains naissent libres et égaux en dignité et en droits. Alle Menschen sind frei und gleich an Würde geboren.
Все люди рождаются свободными и равными в своём достоинстве и правах. Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι.
人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心。すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。
모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है।
يولد جميع الناس أحرارا متساوين في الكرامة والحقوق. כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.
def main(argc, argv):
    for i in range(10):
        print(f"{i}: {argv[i] + 1}")    # 12345 + 67890 = 80235
    return {"a": [1, 2, 3], "b": None}
static int add(int x, int y) { return x + y; } // 3.14159, 1,000,000, 2024-06-30
""".strip().split("\n")

TEXTS = [
    "", " ", "  ", "\n", "\t\n \r\n\r\n  x", "Hello", " Hello", "Hello world!", "  leading and trailing  ", "a  b   c    d",
    "I'm you're they've he'll it's we'd isn't", "IT'S WE'LL THEY'VE I'D 'Twas 'S 'LL", "'\u017f '\u017ft don'\u017f \u212a\u212b", "x'", "''s'", "it' s",
    "1234567890", "1 22 333 4444 55555", "3.14159, 1,000,000; 0x7f", "a1b2", "½ ² Ⅷ १२३ 一二三 ٣٤٥", "12½34²",
    "def f(x):\n    return x + 1\n\n\tif x:\n\t\tpass  \n", "a\r\nb\r\n\r\nc\rd", "end with spaces   ", "end with newline\n", "\n\n\nx", "x \n y \n\n z", "!!!\n\n???\r\n",
    "http://example.com/a?b=c&d=e#f", "{\"a\": [1, 2]}", "snake_case camelCase PascalCase HTTPServer XMLHttp", "a-b--c---d", "...", "$5 + 3 < 9 = `x` ^2 ~ |y|",
    "café naïve", "cafe\u0301 nai\u0308ve", "Ångström A\u030angstro\u0308m \u212b", "q\u0307\u0323 q\u0323\u0307 \u1e0b\u0323", "\u0301alone", "a\u0323\u0301\u0302b",
    "한국어 텍스트", "\u1112\u1161\u11ab\u1100\u116e\u11a8", "가\u11a8", "人人生而自由，在尊严", "すべての人間は、ｶﾀｶﾅ", "한글漢字かなカナ", "ﬁ ﬂ ① ㎏ ℌ ㋿ ｱ",
    "हिन्दी में", "ไทยภาษา", "العربية", "עברית", "Привет, мир", "Ελληνικά ΣΑΣ", "İstanbul ǅ ß ẞ", "ᲀ ᵃ Ⓐ",
    "😀", "a😀b 👨‍👩‍👧‍👦 👍🏽 🇩🇪", "héllo 😀", "\u200b\u200d\ufeff", "a\u00a0b\u2003c\u3000d\u1680e", "\u0085\u2028\u2029", "\u180ea", "\x01\x7f",
    "\U0001e900\U0001d400 \U00010d50 \U00001c89", "\ue000\U000f0000\U0010ffff", "\u0378 \U00011938 \ua7cb", "▁ ▁▁ a▁b", "Ġ Ċ Ā", "<0x41> <0xE4>",
    "<|user|>hi<|end|>", "<|user|> hi <|end|>\n<|user|>", "a <|user|>  b", "<s>a</s> b </s>", "<mask> x<mask>y <mask>", "wordword word, word wordé", "Norm NORM norm xNormx",
    "<|user|><|user|>", "<unk><pad>", "<|us", "A\u200d\u0300word", "word\u203fx word\u0300",
]

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CL100K = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN35 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
PHI4 = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
CASED = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+%s|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*%s|%s| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
KIMI = (r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
        r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"
            r"\s*[\r\n]+|\s+(?!\S)|\s+")

SPECIAL = ["<unk>", "<s>", "</s>", "<pad>"]
CHAT = [AddedToken("<|user|>", special=True, normalized=False), AddedToken("<|end|>", special=True, normalized=False),
        AddedToken("Norm", normalized=True)]


def split(pattern, behavior="isolated", invert=False):
    return P.Split(Regex(pattern), behavior, invert)


def bytes_after(*steps):
    return P.Sequence([*steps, P.ByteLevel(add_prefix_space=False, use_regex=False)])


def bos_template(tokenizer, with_eos=False):
    return processors.TemplateProcessing(
        single="<s> $A </s>" if with_eos else "<s> $A", pair="<s> $A $B",
        special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("<s>", "</s>")])


LATIN = [line for line in CORPUS if all(ord(c) < 0x250 for c in line)]      # leaves characters unknown without limit_alphabet, which is random


def train(model, normalizer, pre_tokenizer, decoder, byte_level=True, size=600, added=CHAT, special=SPECIAL, **more):
    tokenizer = Tokenizer(model)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    if decoder is not None:
        tokenizer.decoder = decoder
    alphabet = sorted(P.ByteLevel.alphabet()) if byte_level else []
    tokenizer.train_from_iterator(CORPUS if byte_level else LATIN, trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False, **more))
    tokenizer.add_tokens(added)
    return tokenizer


def byte_level(normalizer, pre_tokenizer, post=None, **options):
    tokenizer = train(M.BPE(**options), normalizer, pre_tokenizer, D.ByteLevel())
    tokenizer.post_processor = post(tokenizer) if post else processors.ByteLevel(trim_offsets=False)
    return tokenizer


SPIECE_DECODER = D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)])


def sentence_piece(normalizer, pre_tokenizer, decoder, added=CHAT, size=500, **options):
    """Byte tokens are in the vocabulary; training is on words, as SentencePiece does it."""
    special = SPECIAL + [f"<0x{b:02X}>" for b in range(256)]
    trained = train(M.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True), N.Replace(" ", "▁"),
                    P.Split("▁", "merged_with_next"), None, False, size + 256, [], special)
    as_json = json.loads(trained.to_str())
    as_json["added_tokens"] = [t for t in as_json["added_tokens"] if not t["content"].startswith("<0x")]
    as_json["model"].update(options)
    tokenizer = Tokenizer.from_str(json.dumps(as_json))
    tokenizer.normalizer = normalizer
    if pre_tokenizer is None:
        as_json = json.loads(tokenizer.to_str())
        as_json["pre_tokenizer"] = None
        tokenizer = Tokenizer.from_str(json.dumps(as_json))
    else:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoder
    tokenizer.add_tokens(added)
    tokenizer.post_processor = bos_template(tokenizer)
    return tokenizer


def drop_bytes(tokenizer, tokens):
    """The same without some byte tokens: unknown characters then overtake others."""
    as_json = json.loads(tokenizer.to_str())
    for token in tokens:
        as_json["model"]["vocab"].pop(token)
    as_json["model"]["vocab"] = {t: i for i, t in enumerate(as_json["model"]["vocab"])}
    return Tokenizer.from_str(json.dumps(as_json))


def clip():
    """With prefix and suffix. Training such a one is not deterministic, so words are merged from left to right."""
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,'é"
    vocab = {t: i for i, t in enumerate(SPECIAL + [f"{p}{c}{s}" for p in ("", "##") for c in letters for s in ("", "</w>")])}
    merges = []
    for word in "the all and are hello world human beings word brotherhood one 12 they".split():
        symbols = [word[0]] + [f"##{c}" for c in word[1:-1]] + [f"##{word[-1]}</w>"]
        while len(symbols) > 1:
            left, right, *symbols = symbols
            symbols.insert(0, left + right[2:])
            if symbols[0] not in vocab:
                vocab[symbols[0]] = len(vocab)
                merges.append((left, right))
    tokenizer = Tokenizer(M.BPE(vocab=vocab, merges=merges, unk_token="<unk>", end_of_word_suffix="</w>", continuing_subword_prefix="##"))
    tokenizer.normalizer = N.Sequence([N.NFC(), N.Replace(Regex(r"\s+"), " "), N.Lowercase(), N.Strip()])
    tokenizer.pre_tokenizer = split(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", "removed", True)
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.add_tokens(CHAT)
    return tokenizer


def charsmap(replacements):
    """What SentencePiece compiles: a double-array trie from strings to places in a pool of replacements."""
    root, pool = {}, b""
    for text, replacement in replacements.items():
        node = root
        for byte in text.encode():
            node = node.setdefault(byte, {})
        node[0] = len(pool)
        pool += replacement.encode() + b"\0"
    units, waiting = {0: 0}, [(root, 0)]
    for node, place in waiting:
        base = next(b for b in range(1, 1 << 20) if all(b ^ label not in units for label in node))
        units[place] |= (place ^ base) << 10 | (1 << 8 if 0 in node else 0)
        for label, child in node.items():
            units[base ^ label] = label if label else 1 << 31 | child
            waiting += [(child, base ^ label)] if label else []
    n = (max(units) | 255) + 1
    return struct.pack(f"<I{n}I", 4 * n, *(units.get(i, 0) for i in range(n))) + pool


CHARSMAP = charsmap({
    "\n": " ", "\t": " ", "\r": " ", "\u3000": " ", "\u00a0": " ", "\u200b": "", "\ufeff": "", "\x01": "", "\x7f": "", "ﬁ": "fi", "ﬂ": "fl", "①": "1", "㎏": "kg", "½": "1⁄2",
    "e\u0301": "é", "i\u0308": "ï", "A\u030a": "Å", "\u212b": "Å", "q\u0323": "q", "İ": "i\u0307", "🇩": "D", "😀": ":)", "\u0301": "", "가\u11a8": "각", "ｱ": "ア", "Ⅷ": "VIII"})


def unigram(normalizer, pre_tokenizer, template, byte_fallback=False, added=CHAT, decoder=D.Metaspace()):
    """The pieces of a trained BPE; every few of them share a score, so ties are met. Scores are numbers that float32 has too, for GGUF."""
    trained = train(M.BPE(), N.Replace(" ", "▁"), P.Split("▁", "merged_with_next"), None, False, 400, [])
    pieces = sorted(trained.get_vocab(), key=trained.get_vocab().get)
    pieces[4:4] = [f"<0x{b:02X}>" for b in range(256)] if byte_fallback else []
    tokenizer = Tokenizer(M.Unigram([(p, 0.0 if i < 4 else -3 - i // 6 / 8) for i, p in enumerate(pieces)], 0, byte_fallback))
    tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoder
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.add_tokens(added)
    tokenizer.post_processor = processors.TemplateProcessing(single=template, pair="$A </s> $B </s>", special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("<s>", "</s>")])
    return tokenizer


def words_in_two(special, prefix):
    """Letters, and the words of the corpus in two halves."""
    words = [w for line in LATIN for w in line.lower().replace(".", " ").replace(",", " ").split()]
    letters = sorted({c for w in words for c in w} | set(".,!?"))
    halves = [half for w in words for half in (w[:(len(w) + 1) // 2], prefix + w[(len(w) + 1) // 2:]) if half != prefix]
    return {t: i for i, t in enumerate(dict.fromkeys([*special, *letters, *(prefix + c for c in letters), *halves]))}


def bert(added=CHAT):
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(M.WordPiece(words_in_two(special, "##"), unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder = N.BertNormalizer(), P.BertPreTokenizer(), D.WordPiece()
    tokenizer.add_special_tokens(special)
    tokenizer.add_tokens(added)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("[CLS]", "[SEP]")])
    return tokenizer


def short_words():
    tokenizer = Tokenizer(M.WordPiece(words_in_two(SPECIAL, "+"), unk_token="<unk>", continuing_subword_prefix="+", max_input_chars_per_word=5))
    tokenizer.normalizer = N.Sequence([N.NFD(), N.StripAccents(), N.BertNormalizer(clean_text=False, handle_chinese_chars=True, strip_accents=False, lowercase=False)])
    tokenizer.pre_tokenizer = P.Sequence([P.BertPreTokenizer(), P.UnicodeScripts()])
    tokenizer.decoder = D.WordPiece(prefix="+", cleanup=False)
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.post_processor = processors.BertProcessing(("</s>", 2), ("<s>", 1))
    return tokenizer


def word_level():
    words = dict.fromkeys(SPECIAL + [w for line in LATIN for w in line.replace(".", " .").replace(",", " ,").split()])
    tokenizer = Tokenizer(M.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = N.Nmt(), P.Sequence([P.CharDelimiterSplit("-"), P.Whitespace()])
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.decoder = D.CTC(pad_token="<pad>", word_delimiter_token="and")
    return tokenizer


def fixed_length():
    tokenizer = train(M.BPE(unk_token="<unk>", fuse_unk=True, end_of_word_suffix="</w>"), None, P.Sequence([P.UnicodeScripts(), P.FixedLength(3)]), D.BPEDecoder(), False)
    return tokenizer


def flags():
    """Every combination of single_word, lstrip, rstrip, normalized, special under Lowercase."""
    added = [AddedToken(f"word{i}" if i else "word", single_word=bool(i & 1), lstrip=bool(i & 2), rstrip=bool(i & 4),
                        normalized=bool(i & 8), special=bool(i & 16)) for i in range(32)]
    added += [AddedToken("<mask>", lstrip=True, rstrip=True, special=True), AddedToken("Norm", normalized=True), AddedToken("NORM", normalized=False)]
    tokenizer = train(M.BPE(), N.Lowercase(), P.ByteLevel(add_prefix_space=True), D.ByteLevel(), added=added)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", tokenizer.token_to_id("</s>")), ("<s>", tokenizer.token_to_id("<s>")))
    return tokenizer


def families():
    yield "gpt2", byte_level(None, P.ByteLevel(add_prefix_space=False))
    yield "roberta", byte_level(None, P.ByteLevel(add_prefix_space=True), lambda t: processors.RobertaProcessing(
        ("</s>", t.token_to_id("</s>")), ("<s>", t.token_to_id("<s>")), trim_offsets=True, add_prefix_space=True))
    yield "neox", byte_level(N.NFC(), P.ByteLevel(add_prefix_space=False), lambda t: processors.ByteLevel(trim_offsets=True))
    yield "smollm", byte_level(None, P.Sequence([P.Digits(True), P.ByteLevel(add_prefix_space=False)]))
    yield "falcon", byte_level(None, P.Sequence([P.Punctuation("contiguous"), P.ByteLevel(add_prefix_space=False), split("[0-9][0-9][0-9]")]))
    yield "llama3", byte_level(None, bytes_after(split(CL100K % r"\p{N}{1,3}")), lambda t: processors.Sequence(
        [processors.ByteLevel(trim_offsets=True), bos_template(t)]), ignore_merges=True)
    yield "qwen2", byte_level(N.NFC(), bytes_after(split(CL100K % r"\p{N}")))
    yield "qwen35", byte_level(N.NFC(), bytes_after(split(QWEN35)))
    yield "phi4", byte_level(None, bytes_after(split(PHI4)))
    yield "gpt4o", byte_level(None, bytes_after(split(CASED % (CONTRACTION, CONTRACTION, r"\p{N}{1,3}"))), ignore_merges=True)
    yield "tekken", byte_level(None, bytes_after(split(CASED % ("", "", r"\p{N}"))), ignore_merges=True)
    yield "deepseek_v3", byte_level(N.Sequence([]), bytes_after(split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK)))
    yield "deepseek_coder", byte_level(N.Sequence([]), P.Sequence(
        [split(r"[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split("[一-龥ࠀ-一가-퟿]+"), P.Digits(True),
         P.ByteLevel(add_prefix_space=False, use_regex=False)]))
    yield "tiny_aya", byte_level(N.NFC(), bytes_after(split(r"\d{1,3}(?=(?:\d{3})*\b)"), split(CASED % (CONTRACTION, CONTRACTION, r"\p{N}"))))
    yield "superbpe", byte_level(None, bytes_after(split(r"(?=(\d{3})+(?!\d))"), split(r"\p{N}+| ?[^\s\p{N}]+|\s+", "isolated")))
    yield "kimi", byte_level(None, bytes_after(split(KIMI)))
    yield "bloom", byte_level(None, bytes_after(split(r" ?[^(\s|.,!?…。，、।۔،)]+")))
    yield "llama2", sentence_piece(N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), None, SPIECE_DECODER)
    yield "phi3", sentence_piece(N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), None, SPIECE_DECODER, added=[
        AddedToken("<|user|>", rstrip=True, special=True), AddedToken("<|end|>", rstrip=True, special=True), AddedToken("<mask>", lstrip=True)])
    yield "gemma", sentence_piece(N.Replace(" ", "▁"), P.Split(" ", "merged_with_previous"), D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse()]))
    yield "metaspace", sentence_piece(N.NFKC(), P.Metaspace(prepend_scheme="first"), D.Metaspace(prepend_scheme="first"))
    yield "metaspace_always", sentence_piece(N.NFD(), P.Sequence([P.WhitespaceSplit(), P.Metaspace(prepend_scheme="always")]), D.Metaspace(), fuse_unk=False)
    yield "missing_bytes", drop_bytes(sentence_piece(N.NFKD(), P.Metaspace(prepend_scheme="never", split=False), SPIECE_DECODER), ["<0xE4>", "<0xF0>", "<0xCC>"])
    yield "clip", clip()
    yield "words", train(M.BPE(), N.Strip(right=False), P.Sequence([P.Whitespace(), P.Punctuation("merged_with_previous")]), D.Fuse(), False)
    yield "flags", flags()
    yield "t5", unigram(N.Precompiled(CHARSMAP), P.Sequence([P.WhitespaceSplit(), P.Metaspace()]), "$A </s>")
    yield "xlm_r", unigram(N.Sequence([N.Precompiled(CHARSMAP), N.Replace(Regex(" {2,}"), " ")]), P.Metaspace(split=False), "<s> $A </s>", added=[
        *CHAT, AddedToken("<mask>", lstrip=True, special=True)])
    yield "unigram_bytes", unigram(N.Sequence([N.Nmt(), N.NFKC()]), P.Metaspace(prepend_scheme="first"), "<s> $A", byte_fallback=True)
    yield "bert", bert()
    yield "short_words", short_words()
    yield "word_level", word_level()
    yield "fixed_length", fixed_length()


def scored():
    """Scores as SentencePiece stores them, and the merges that transformers makes of them."""
    tokenizer = sentence_piece(N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), None, SPIECE_DECODER, [*CHAT[:2], AddedToken("Norm", normalized=False)])
    as_json = json.loads(tokenizer.to_str())
    vocab = as_json["model"]["vocab"]
    scores = {t: 0.0 if t.startswith("<") else -float(i) for t, i in vocab.items()}
    as_json["model"]["merges"] = generate_merges(vocab, scores)
    return Tokenizer.from_str(json.dumps(as_json)), scores


PARTS = {"bos": "<s>", "eos": "</s>", "pad": "<pad>", "unk": "<unk>"}
BERT_PARTS = {"bos": "[CLS]", "sep": "[SEP]", "pad": "[PAD]", "unk": "[UNK]", "mask": "[MASK]"}


def phantom(token, special):
    """WordPiece as llama.cpp wants it: words begin with a blank, and what continues one has no mark."""
    return token if special else token.removeprefix("##") if token.startswith("##") else "▁" + token


def write_gguf(path, tokenizer, model, pre=None, scores=None, parts=PARTS, charsmap=None):
    added = tokenizer.get_added_tokens_decoder()
    tokens = [tokenizer.id_to_token(i) for i in range(tokenizer.get_vocab_size())]
    kind = lambda i, t: (gguf.TokenType.CONTROL if added[i].special else gguf.TokenType.USER_DEFINED) if i in added else (
        gguf.TokenType.BYTE if scores and t.startswith("<0x") else gguf.TokenType.NORMAL)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model(model)
    writer.add_token_list([phantom(t, i in added) for i, t in enumerate(tokens)] if model == "bert" else tokens)
    writer.add_token_types([kind(i, t) for i, t in enumerate(tokens)])
    if pre:
        writer.add_tokenizer_pre(pre)
        writer.add_token_merges([" ".join(m) for m in json.loads(tokenizer.to_str())["model"]["merges"]])
    if scores:
        writer.add_token_scores([scores.get(t, 0.0) for t in tokens])
    if charsmap:
        writer.add_precompiled_charsmap(charsmap)
        writer.add_remove_extra_whitespaces(True)
    for name, token in parts.items():
        getattr(writer, f"add_{name}_token_id")(tokenizer.token_to_id(token))
    writer.add_chat_template("{{ messages[0].content }}")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def tekken(path, trained):
    """A tekken.json of a trained byte-level vocabulary, and transformers' reading of it."""
    to_byte = {c: b for b, c in bytes_to_unicode().items()}
    tokens = [t for t in sorted(trained.get_vocab(with_added_tokens=False), key=trained.token_to_id) if t not in SPECIAL]
    config = {"pattern": CASED % ("", "", r"\p{N}"), "num_vocab_tokens": len(tokens), "default_vocab_size": len(tokens), "default_num_special_tokens": 8, "version": "v3"}
    entries = [{"rank": i, "token_bytes": base64.b64encode(bytes(to_byte[c] for c in t)).decode(), "token_str": None} for i, t in enumerate(tokens)]
    special = [{"rank": i, "token_str": t, "is_control": True} for i, t in enumerate([*SPECIAL, "<|user|>", "<|end|>"])]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"config": config, "vocab": entries, "special_tokens": special}) + "\n")
    return MistralConverter(str(path)).converted()


def cases(tokenizer):
    for text in TEXTS:
        plain, special = tokenizer.encode(text, add_special_tokens=False), tokenizer.encode(text)
        yield [plain.ids, [x for r in plain.offsets for x in r], special.ids,
               tokenizer.decode(special.ids, skip_special_tokens=False), tokenizer.decode(special.ids, skip_special_tokens=True)]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    write = lambda path, value: path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
    write(OUT / "texts.json", {"tokenizers": tokenizers.__version__, "texts": TEXTS})
    (spm, scores), made = scored(), dict(families())
    plain = [*CHAT[:2], AddedToken("Norm", normalized=False)]      # what a GGUF file can say of added tokens
    words, pieces = bert(plain), unigram(N.Sequence([N.Precompiled(CHARSMAP), N.Replace(Regex(r"\A +| +\z"), ""), N.Replace(Regex(" {2,}"), " "),
                                                     N.Prepend("▁"), N.Replace(" ", "▁")]), None, "$A </s>", added=plain, decoder=SPIECE_DECODER)
    for name, tokenizer in [*made.items(), ("scored", spm), ("gguf_words", words), ("gguf_pieces", pieces),
                            ("tekken_file", tekken(OUT / "tekken_file" / "source" / "tekken.json", made["tekken"]))]:
        (OUT / name).mkdir(exist_ok=True)
        write(OUT / name / "tokenizer.json", json.loads(tokenizer.to_str()))
        write(OUT / name / "cases.json", list(cases(tokenizer)))
    write_gguf(OUT / "llama3" / "tokenizer.gguf", made["llama3"], "gpt2", pre="llama-bpe")
    write_gguf(OUT / "scored" / "tokenizer.gguf", spm, "llama", scores=scores)
    write_gguf(OUT / "gguf_words" / "tokenizer.gguf", words, "bert", parts=BERT_PARTS)
    scores = {**dict(json.loads(pieces.to_str())["model"]["vocab"]), "<|end|>": -1000.0}
    write_gguf(OUT / "gguf_pieces" / "tokenizer.gguf", pieces, "t5", scores=scores, charsmap=CHARSMAP)


main()
