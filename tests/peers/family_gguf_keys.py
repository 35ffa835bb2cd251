"""No key of a GGUF file is ignored where llama.cpp heeds it: every family, every key with another value, or left out.

    family_gguf_keys.py GRAFT [--all] [NAME...]      NAME is a case of family_gguf.py or a pattern

Without names, one case of each family and a third of the changes, another third for the next family: each change is tried on
eight families; --all tries all. llama.cpp says what a file with the other value means. Where its logits move, graft's must move with them,
or graft must refuse the file and name the key. Where they stay, graft's stay or graft refuses. A file that llama.cpp itself
refuses means nothing. One key has another meaning here: the window of phi3, which llama.cpp knows and leaves out, while the model
that is trained has it; there transformers says what it means."""
import fnmatch
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cases  # noqa: F401  keeps the peers from the network
import family_gguf
import numpy
import torch
from gguf_convert import gguf
from parity import Failure
from safetensors.numpy import load_file

U32, INT32, F32, BOOL, STRING, ARRAY = (gguf.GGUFValueType[name] for name in "UINT32 INT32 FLOAT32 BOOL STRING ARRAY".split())
YARN = [("rope.scaling.type", STRING, "yarn"), ("rope.scaling.factor", F32, 4.0), ("rope.scaling.original_context_length", U32, 64)]
# Changes of a file: the last key of each is the one under test.
CHANGES = [
    [("attention.causal", BOOL, False)], [("attention.scale", F32, 0.3)],
    [("attention.clamp_kqv", F32, 0.5)], [("attention.max_alibi_bias", F32, 8.0)],
    [("attention.sliding_window", U32, 7)], [("attention.sliding_window", U32, 7), ("attention.sliding_window_pattern", U32, 2)],
    [("attention.sliding_window", U32, 7), ("attention.sliding_window_pattern", ARRAY, [False, True, True, False] * 16)],
    [("attention.layer_norm_epsilon", F32, 0.01)], [("attention.layer_norm_rms_epsilon", F32, 0.01)], [("attention.temperature_scale", F32, 0.2)],
    [("attention.output_scale", F32, 0.5)], [("attention.value_scale", F32, 0.5)], [("attention.temperature_length", U32, 32)],
    [("attention.head_count_kv", U32, 1)], [("attention.key_length", U32, 8)], [("attention.value_length", U32, 8)],
    [("attention.key_length_swa", U32, 8)], [("attention.rope_pattern", ARRAY, [False] * 64)],
    [("attn_logit_softcapping", F32, 2.0)], [("final_logit_softcapping", F32, 2.0)], [("embedding_scale", F32, 2.0)], [("residual_scale", F32, 0.5)],
    [("logit_scale", F32, 0.7)], [("use_parallel_residual", BOOL, True)], [("use_parallel_residual", BOOL, False)],
    [("rope.freq_base", F32, 500.0)], [("rope.freq_base_swa", F32, 300.0)], [("rope.dimension_count", U32, 4)],
    [("rope.dimension_count_swa", U32, 4)],
    [("rope.dimension_sections", ARRAY, [2, 1, 1, 0])], [("rope.scaling.factor", F32, 4.0)], [("rope.scale_linear", F32, 4.0)],
    [("rope.scaling.factor", F32, 4.0), ("rope.scaling.type", STRING, "linear")],
    [("rope.scaling.factor", F32, 4.0), ("rope.scaling.type", STRING, "none")],
    [("rope.scaling.factor", F32, 4.0), ("rope.scaling.type", STRING, "longrope")], [("rope.scaling.attn_factor", F32, 1.1)],
    [("rope.scaling.finetuned", BOOL, False)], [("rope.scaling.finetuned", BOOL, True)], [("rope.scaling.alpha", F32, 2.0)], YARN,
    YARN + [("rope.scaling.attn_factor", F32, 1.1)], YARN + [("rope.scaling.yarn_beta_fast", F32, 4.0)],
    YARN + [("rope.scaling.yarn_beta_slow", F32, 2.0)],
    YARN + [("rope.scaling.yarn_log_multiplier", F32, 0.5)], YARN + [("rope.scaling.yarn_ext_factor", F32, 0.5)],
    YARN + [("rope.scaling.yarn_attn_factor", F32, 0.5)], YARN + [("attention.temperature_scale", F32, 0.2)],
    [("nextn_predict_layers", U32, 1)], [("expert_count", U32, 2)], [("context_length", U32, 128)], [("block_count", U32, 3)],
    [("feed_forward_length", U32, 32)], [("vocab_size", U32, 100)], [("embedding_length_out", U32, 32)],
    [("deepstack_mapping", ARRAY, [-1, 0, 1] + [-1] * 61)],
]


class File:
    """A file of which copies with other values are made."""
    def __init__(self, path):
        self.reader = gguf.GGUFReader(path)
        fields = {name: field for name, field in self.reader.fields.items() if not name.startswith("GGUF.")}
        self.architecture = fields.pop("general.architecture").contents()
        self.values = {name: (field.types[0], field.contents(), field.types[-1]) for name, field in fields.items()}

    def without(self):
        """A change for each key of the architecture: it is not there."""
        own = f"{self.architecture}."
        return [[(name.removeprefix(own), None, None)] for name in self.values if name.startswith(own)]

    def typed(self, kind, value):
        """A list has an element for each layer."""
        if kind != ARRAY:
            return kind, value, kind
        layers = self.values[f"{self.architecture}.block_count"][1]
        return kind, value[:layers], BOOL if isinstance(value[0], bool) else INT32

    def write(self, path, change):
        writer = gguf.GGUFWriter(path, self.architecture)
        others = {f"{self.architecture}.{key}": self.typed(kind, value) for key, kind, value in change}
        for name, (kind, value, of) in (self.values | others).items():
            if value is not None:
                writer.add_key_value(name, value, kind, sub_type=of if kind == ARRAY else None)
        for tensor in self.reader.tensors:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


class Case:
    """A file, what llama.cpp's logits on it are, and what changes of it mean."""
    def __init__(self, binary, name, out):
        self.folder, self.binary, self.name, self.out = family_gguf.ensure(name), binary, name, out
        self.file = File(self.folder / "model.gguf")
        known = load_file(self.folder / "logits.safetensors")
        self.ids, self.before = known["input_ids"], known["llama_cpp"]

    def meaning(self, path, change):
        """The logits of the changed file; None where llama.cpp refuses it."""
        window = [value for key, _, value in change if key == "attention.sliding_window" and value]
        if self.file.architecture == "phi3" and window:
            return family_gguf.folder_logits(self.folder / "model", torch.from_numpy(self.ids), sliding_window=window[0])
        try:
            return family_gguf.llama_logits(path, self.ids.tolist()).reshape(self.before.shape)
        except Failure:
            return None

    def verdict(self, path, change, want):
        """(word, what is wrong or None)"""
        size = numpy.ptp(self.before)
        moved = abs(want - self.before).max() / size
        try:
            got = family_gguf.graft_logits(self.binary, path, self.ids, path.with_suffix(".safetensors"))
        except Failure as refusal:
            named = moved <= family_gguf.BAR or any(key in str(refusal) for key, _, _ in change)
            return "refused", None if named else f"the logits move by {moved:.1e}; graft refuses without naming the key: {refusal}"
        apart = abs(got - want).max() / size
        word = "heeded" if moved > family_gguf.BAR else "neutral"
        return word, None if apart <= family_gguf.BAR else f"the logits move by {moved:.1e}; graft's are {apart:.1e} from them"

    def tried(self, number, change):
        path = self.out / f"{number}.gguf"
        self.file.write(path, change)
        want = self.meaning(path, change)
        word, fault = ("void", None) if want is None else self.verdict(path, change, want)
        path.unlink()
        return word, f"{spelled(change)}: {fault}" if fault else None


def spelled(change):
    return ", ".join(f"{key}={value}"[:70] for key, _, value in change)


def check(case, changes):
    """{word: count}, [what is wrong]"""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = list(pool.map(case.tried, range(len(changes)), changes))
    words = [word for word, _ in verdicts]
    return {word: words.count(word) for word in words}, [fault for _, fault in verdicts if fault]


def main(words):
    binary, patterns = Path(words[0]).resolve(), [word for word in words[1:] if word != "--all"]
    step = 3 if len(words) == 1 else 1
    chosen = [name for name in family_gguf.CASES if (any(fnmatch.fnmatch(name, pattern) for pattern in patterns) if patterns else "-" not in name)]
    passed = failed = 0
    for i, name in enumerate(chosen):
        with tempfile.TemporaryDirectory() as out:
            case = Case(binary, name, Path(out))
            counts, wrong = check(case, (CHANGES + case.file.without())[i % step::step])
        words = "  ".join(f"{counts.get(word, 0):3} {word}" for word in ("heeded", "neutral", "refused", "void"))
        print(f"{name:24}{words}  {len(wrong)} wrong", flush=True)
        for line in wrong:
            print("    " + line)
        passed, failed = passed + sum(counts.values()) - len(wrong), failed + len(wrong)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1:])
