"""Writes tests/golden/sentencepiece: small models trained by SentencePiece, and what it makes of the texts of tests/golden/tokenizer.

    python tests/peers/golden_sentencepiece.py

It needs the package sentencepiece, which the other peers do not. FOLDER/tokenizer.model is the model; FOLDER/cases.json is
[[text, ids, decoded], …]. Texts with added tokens are left out: SentencePiece takes them for pieces. So is every charsmap: Hugging Face
applies it per grapheme cluster, SentencePiece does not (golden_tokenizer.py has one)."""
import io
import json
import pathlib
import re

import sentencepiece

OUT = pathlib.Path(__file__).parent.parent / "golden" / "sentencepiece"
SOURCE = (pathlib.Path(__file__).parent / "golden_tokenizer.py").read_text()
CORPUS = re.search(r'CORPUS = """\n(.*?)\n"""', SOURCE, re.S)[1].split("\n")
TEXTS = [t for t in json.loads((OUT.parent / "tokenizer" / "texts.json").read_text())["texts"] if "<" not in t and "\u2581" not in t]
MODELS = {
    "bpe": dict(model_type="bpe", byte_fallback=True, remove_extra_whitespaces=False, split_digits=True),
    "bpe_no_prefix": dict(model_type="bpe", byte_fallback=True, remove_extra_whitespaces=False, add_dummy_prefix=False),
    "unigram": dict(model_type="unigram", byte_fallback=True, pad_id=0, eos_id=1, unk_id=2, bos_id=-1),
}


def main():
    for name, options in MODELS.items():
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(CORPUS), model_writer=model, minloglevel=2, hard_vocab_limit=False, vocab_size=600,
            character_coverage=0.98, normalization_rule_name="identity", **options)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
        folder = OUT / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tokenizer.model").write_bytes(model.getvalue())
        cases = [[t, processor.encode(t), processor.decode(processor.encode(t))] for t in TEXTS]
        (folder / "cases.json").write_text(json.dumps(cases, ensure_ascii=False, separators=(",", ":")) + "\n")


main()
