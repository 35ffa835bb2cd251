"""Every model family that llama.cpp has, as llama.cpp's converter writes it: what graft reads from the file is the model in the folder.

    family_gguf.py GRAFT [NAME...]      GRAFT is the binary, or - for llama.cpp alone; a NAME is a case or a pattern such as 'gemma*'
    family_gguf.py --list

For each case, on a text longer than its windows and longer than its original context:
    llama.cpp   the largest difference of llama.cpp's logits on the file from transformers' on the folder: the file is right
    graft       the same of graft's logits on the file, both relative to the range of the logits
    training    how far graft's losses, norms and adapter are apart when it trains on the file and on the folder (bars of compare.py)
Of a multimodal model the file holds the text part, and training is compared with a folder of that part alone. Blocks of 32 weights
are checked on folders whose weights are rounded to them; llama.cpp rounds activations there, so it is not asked."""
import fnmatch
import subprocess
import sys
import tempfile
from pathlib import Path

import peers
import cases
import families
import gguf_convert
import models
import numpy
import torch
import trl_run
from compare import BARS, compare
from parity import Failure, run_graft
from rows import id_rows, licence
from safetensors.numpy import load_file, save_file
from transformers import AutoModelForCausalLM

BAR = 1e-5
TEXT = " ".join(licence())[:220]
BASE = dict(vocab_size=384, hidden_size=64, intermediate_size=160, num_hidden_layers=5, num_attention_heads=4, num_key_value_heads=2,
            max_position_embeddings=256, bos_token_id=0, eos_token_id=2, pad_token_id=0)
DEEP = dict(hidden_size=32, intermediate_size=32, num_attention_heads=2, num_key_value_heads=1)
RECIPE = dict(use_peft=True, lora_r=4, lora_alpha=8, lora_target_modules="all-linear", lora_dropout=0.0, learning_rate=2e-3, max_steps=4,
              warmup_steps=1, per_device_train_batch_size=2, logging_steps=1, save_strategy="no", seed=42, bf16=False)


def rope(kind, theta=10000.0, **options):
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=theta, **options))


def gemma(**spec):
    """The file of a gemma has no query_pre_attn_scalar: llama.cpp takes the size of a head, or for the largest the size for each head."""
    return dict(head_dim=24, query_pre_attn_scalar=24, sliding_window=16) | spec


def longrope(original):
    factors = dict(short_factor=[1 + 0.1 * i for i in range(8)], long_factor=[1.5 + 0.5 * i for i in range(8)])
    return dict(sliding_window=None, original_max_position_embeddings=original) | rope(
        "longrope", original_max_position_embeddings=original, **factors)


LLAMA3 = rope("llama3", 500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)
YARN = rope("yarn", 50000.0, factor=4.0, original_max_position_embeddings=64)
TEMPERED = rope("yarn", 1e6, factor=4.0, original_max_position_embeddings=16, beta_fast=32.0, beta_slow=1.0, mscale=1.0, mscale_all_dim=1.0,
                llama_4_scaling_beta=0.1)
WINDOW, TIED, UNTIED, Q8 = dict(sliding_window=16), dict(tie_word_embeddings=True), dict(tie_word_embeddings=False), dict(kind="Q8_0")
WHOLE = dict(sliding_window=None)           # the file of these families has no window
GLOBAL = dict(WHOLE, layer_types=["full_attention"] * 5, head_dim=16)
NO_DROPOUT = dict(attn_pdrop=0.0, resid_pdrop=0.0, embd_pdrop=0.0)
SIGLIP = dict(families.images(model_type="siglip_vision_model"), boi_token_index=501, eoi_token_index=502, mm_tokens_per_image=4)
PIXTRAL = dict(families.images(model_type="pixtral", head_dim=8), **UNTIED)
PHI = dict(num_key_value_heads=4, intermediate_size=256)
# A case is named after its family, up to the first "-". kind and fuse_qkv are options of the converter; quiet names small weights.
CASES = {
    "llama": LLAMA3,
    "llama-bias": dict(attention_bias=True, mlp_bias=True),
    "llama-yarn": YARN,
    "llama-fused": dict(attention_bias=True, fuse_qkv=True),
    "mistral": dict(WHOLE, head_dim=24),
    "ministral3": dict(TEMPERED, head_dim=24),
    "qwen2": {},
    "qwen2-tied": TIED,
    "qwen3": dict(head_dim=24),
    "qwen3-tied": dict(TIED, head_dim=24),
    "gemma": dict(head_dim=24),
    "gemma2": gemma(),
    "gemma2-caps": gemma(attn_logit_softcapping=2.0, final_logit_softcapping=3.0, sliding_window=8),
    "gemma2-q8": gemma(**Q8),
    "gemma2-46": gemma(num_hidden_layers=46, query_pre_attn_scalar=16) | DEEP,
    "gemma3_text": gemma(num_hidden_layers=7),
    "gemma3_text-untied": gemma(num_hidden_layers=7, **UNTIED),
    "gemma3_text-linear": gemma(num_hidden_layers=7, rope_parameters=dict(
        full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1e6), sliding_attention=dict(rope_type="default", rope_theta=5000.0))),
    "gemma3_text-62": gemma(num_hidden_layers=62, query_pre_attn_scalar=16) | DEEP,
    "phi3": WHOLE,
    "phi3-partial": WHOLE | TIED | dict(partial_rotary_factor=0.5),
    "phi3-long": longrope(64),
    "phi3-short": longrope(4096) | dict(max_position_embeddings=16384),
    "phi3-q8": WHOLE | Q8,
    "smollm3": {},
    "smollm3-untied": UNTIED,
    "olmo2": {},
    "olmo3": WINDOW,
    "olmo3-yarn": dict(WINDOW, rope_scaling=dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=64)),
    "granite": dict(embedding_multiplier=3.0, logits_scaling=0.25, residual_multiplier=0.5, attention_multiplier=0.2),
    "granite-bias": dict(TIED, attention_bias=True, mlp_bias=True, attention_multiplier=0.25),
    "glm4": dict(head_dim=16),
    "glm4-bias": dict(TIED, head_dim=24, attention_bias=True),
    "glm4-q8": dict(Q8, head_dim=16),
    "cohere": dict(logit_scale=1.5),
    "cohere-64": dict(DEEP, num_hidden_layers=64, use_qk_norm=True, logit_scale=1.5),
    "cohere2": dict(WINDOW, logit_scale=1.5),
    "starcoder2": dict(WHOLE, use_bias=True),
    "starcoder2-untied": WHOLE | UNTIED | dict(use_bias=True),
    "stablelm": dict(partial_rotary_factor=0.5),
    "stablelm-bias": dict(use_qkv_bias=True),
    "stablelm-parallel": dict(qk_layernorm=True, use_parallel_residual=True),
    "gpt2": NO_DROPOUT,
    "gpt2-q8": NO_DROPOUT | Q8,
    "gpt_neox": dict(quiet="dense_h_to_4h"),
    "gpt_neox-erf": {},
    "gpt_neox-sequential": dict(use_parallel_residual=False),
    "gpt_neox-q8": Q8,
    "phi": PHI,
    "phi-fused": dict(PHI, fuse_qkv=True),
    "nemotron": {},
    "nemotron-bias": dict(attention_bias=True, mlp_bias=True),
    "exaone4": GLOBAL,
    "exaone4-tied": GLOBAL | TIED | LLAMA3,
    "exaone4-64": dict(WINDOW | DEEP, num_hidden_layers=64, head_dim=16),
    "gemma3": dict(SIGLIP, text_config=gemma(num_hidden_layers=7)),
    "mistral3": dict(PIXTRAL, text_config=dict(WHOLE | UNTIED, model_type="mistral", head_dim=24)),
    "mistral3-ministral3": dict(PIXTRAL, text_config=dict(TEMPERED | UNTIED, model_type="ministral3", head_dim=24)),
}
# The file does not say which GELU, and llama.cpp takes the tanh form. graft trains the model of the folder, whose adapter it writes;
# llama.cpp is asked where the MLP is so quiet that both are the same.
ERF = ("gpt_neox-erf", "gpt_neox-sequential")


def random_model(name, spec, quiet=None):
    family = dict(model_type=name.split("-")[0])
    model = models.make_model(family | spec | dict(text_config=BASE | spec["text_config"]) if "text_config" in spec else family | BASE | spec)
    models.randomise(model, 5)
    for name, weight in model.named_parameters():
        if quiet and quiet in name:
            weight.data *= 0.05
    return model


def text_part(model):
    """Of a multimodal model, what its file holds: the language model as a model of its own."""
    text = AutoModelForCausalLM.from_config(model.config.text_config)
    text.load_state_dict({name.replace("language_model.", ""): weight for name, weight in model.state_dict().items()
                          if "language_model." in name or name.startswith("lm_head.")})
    return text


def make(name, folder):
    """folder/model, folder/model.gguf, and on the ids of TEXT the logits of transformers and of llama.cpp"""
    spec = dict(CASES[name])
    kind, quiet, options = spec.pop("kind", "F32"), spec.pop("quiet", None), {key: spec.pop(key) for key in ("fuse_qkv",) if key in spec}
    model, words = random_model(name, spec, quiet), models.make_tokenizer()
    if kind != "F32":
        gguf_convert.round_weights(model, kind)
    whole = folder / ("whole" if "text_config" in spec else "model")
    model.save_pretrained(whole)
    if "text_config" in spec:
        text_part(model).save_pretrained(folder / "model")
    for saved in {whole, folder / "model"}:
        words.save_pretrained(saved)
    gguf_convert.convert(whole, folder / "model.gguf", words, kind, **options)
    ids = torch.tensor(words(TEXT).input_ids)
    results = dict(input_ids=ids.numpy(), logits=folder_logits(whole, ids))
    if kind == "F32" and name not in ERF:
        results["llama_cpp"] = llama_logits(folder / "model.gguf", ids.tolist()).reshape(results["logits"].shape)
    save_file(results, folder / "logits.safetensors")


def exact_logits(folder, ids):
    """In float64, to which float32 is an approximation: that of deep models is more than BAR off, whoever computes it."""
    loaded = models.load_base(folder, attn_implementation="eager").eval()
    with torch.no_grad(), trl_run.widened(loaded):
        return loaded.double()(torch.tensor(ids)[None]).logits[0].numpy()


def folder_logits(folder, ids, **keys):
    """transformers' logits, with other KEYS in its configuration."""
    loaded = models.load_base(folder, attn_implementation="eager", **keys).eval()
    with torch.no_grad():
        return loaded(ids[None]).logits[0].numpy()


def llama_logits(path, ids):
    command = [f"{gguf_convert.HOME}/llama_logits", path, str(BASE["max_position_embeddings"])]
    done = subprocess.run(command, input=" ".join(map(str, ids)).encode(), capture_output=True, timeout=600)
    if done.returncode:
        raise Failure(f"llama.cpp: {done.stderr.decode(errors='replace')[-600:]}")
    return numpy.frombuffer(done.stdout, numpy.float32)


def ensure(name):
    sources = peers.digest("family_gguf.py", "gguf_convert.py", "gguf_write.py", "families.py", "models.py", "rows.py")
    stamp = dict(spec=CASES[name], base=BASE, text=TEXT, sources=sources, home=Path(gguf_convert.HOME).name, versions=peers.versions())
    return peers.once(peers.cache() / "family_gguf" / name, cases.jsonable(stamp), lambda folder: make(name, folder))


def graft_logits(binary, path, ids, out):
    command = [binary, "generate", "--model_name_or_path", path, "--prompt", TEXT, "--raw", "--max_new_tokens", "1", "--logits_file", out]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, errors="replace", timeout=600)
    if done.returncode:
        raise Failure(f"graft: {done.stderr.strip()[-600:]}")
    got = load_file(out)
    if got["input_ids"].tolist() != ids.tolist():
        raise Failure("graft tokenizes otherwise")
    return got["logits"]


def training(binary, folder, out):
    """The figures of compare.py between training on the file and on the folder."""
    peers.write_rows(out / "data.jsonl", id_rows(12))
    for base in ("model", "model.gguf"):
        peers.write_json(out / "recipe.json", RECIPE | dict(model_name_or_path=str(folder / base), dataset_name=str(out / "data.jsonl")))
        run_graft(binary, out, out / f"from-{base}")
    return compare(out / "from-model.gguf", out / "from-model")


def check(binary, name, out):
    """([cell], what is wrong)"""
    folder = ensure(name)
    want = load_file(folder / "logits.safetensors")

    def apart(got, wanted=want["logits"]):
        return float(abs(got - wanted).max() / numpy.ptp(wanted))

    def missed(who, got, slack):
        """Beyond BAR, and more than SLACK times as far from float64 as transformers."""
        if apart(got) <= BAR:
            return []
        exact = exact_logits(folder / "model", want["input_ids"])
        return [f"logits of {who}: {apart(got):.1e}, bar {BAR:g}"] if apart(got, exact) > slack * apart(want["logits"], exact) else []
    cells, wrong = [None] * 3, []
    if "llama_cpp" in want:
        cells[0] = apart(want["llama_cpp"])
        wrong += missed("llama.cpp", want["llama_cpp"], 2)
    if binary:
        ours = graft_logits(binary, folder / "model.gguf", want["input_ids"], out / "logits.safetensors")
        cells[1] = apart(ours)
        wrong += missed("graft", ours, 1)
        figures, unlike = training(binary, folder, out)
        wrong += unlike
        cells[2] = max(figures["loss"], figures["grad_norm"], figures["adapter"])
        wrong += [f"training: {figure} {figures[figure]:.1e}" for figure in BARS if figures[figure] > BARS[figure]]
    return cells, wrong


def shown(cell):
    return "-" if cell is None else f"{cell:.1e}"


def main(words):
    if words == ["--list"]:
        return print("\n".join(CASES))
    binary, patterns = None if words[0] == "-" else Path(words[0]).resolve(), words[1:] or ["*"]
    chosen, failed = [name for name in CASES if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)], 0
    print(f"{'case':24}{'llama.cpp':>10}{'graft':>10}{'training':>10}")
    for name in chosen:
        with tempfile.TemporaryDirectory() as out:
            try:
                cells, wrong = check(binary, name, Path(out))
            except (Failure, AssertionError, OSError, ValueError, KeyError) as error:
                cells, wrong = [None] * 3, [f"{type(error).__name__}: {error}"]
        print(f"{name:24}" + "".join(f"{shown(cell):>10}" for cell in cells) + ("  failed" if wrong else "  ok"), flush=True)
        for line in wrong[:5]:
            print("    " + line)
        failed += bool(wrong)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1:])
