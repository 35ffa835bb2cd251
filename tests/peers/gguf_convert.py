"""A Hugging Face folder as the GGUF file that llama.cpp's own converter makes of it.

    convert(folder, path, words, kind)      words is the tokenizer; kind is F32, or Q8_0 for the matrices
    round_weights(model, kind)              before the folder is saved, so that quantisation changes nothing

The converter and its gguf package are of the archive that llama_cpp.sh keeps. Three things stand between it and transformers 5:
keys that this transformers has renamed, the tokenizer of random models, which it does not know by its hash, and rows that it
returns from a generator, where they are lost."""
import logging
import subprocess
import sys

import peers

HOME = subprocess.run(["bash", peers.HERE / "llama_cpp.sh"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
sys.path[:0] = [HOME, f"{HOME}/gguf-py"]
import conversion  # noqa: E402
import gguf  # noqa: E402
import gguf_write  # noqa: E402
import torch  # noqa: E402
from transformers.pytorch_utils import Conv1D  # noqa: E402

conversion.logger.setLevel(logging.ERROR)
logging.getLogger("gguf").setLevel(logging.ERROR)

RENAMED = {
    "gpt2": lambda config: dict(n_ctx=config["n_positions"]),
    "gpt_neox": lambda config: dict(rotary_pct=config["rope_parameters"]["partial_rotary_factor"]),
    "cohere2": lambda config: dict(rotary_pct=1.0),
}


def whole(modify):
    """The method with what it returns yielded after what it yields."""
    def modify_tensors(*arguments):
        rest = yield from modify(*arguments)
        yield from rest or ()
    return modify_tensors


def round_weights(model, kind):
    """Every matrix as its blocks will hold it, so that the folder has the numbers of the file."""
    kind = gguf.GGMLQuantizationType[kind]
    for module in model.modules():
        weight = getattr(module, "weight", None)
        if weight is not None and weight.ndim == 2:
            rows = weight.data.T if isinstance(module, Conv1D) else weight.data
            blocks = gguf.quants.quantize(rows.contiguous().numpy(), kind)
            rows.copy_(torch.from_numpy(gguf.quants.dequantize(blocks, kind)))


def convert(folder, path, words, kind="F32", **options):
    config = conversion.ModelBase.load_hparams(folder, is_mistral_format=False)
    config |= RENAMED.get(config["model_type"], lambda _: {})(config)
    converter = conversion.get_model_class(config["architectures"][0])
    kind = gguf.LlamaFileType.ALL_F32 if kind == "F32" else gguf.LlamaFileType[f"MOSTLY_{kind}"]
    outer = converter(folder, kind, path, hparams=config, model_name="random", **options)
    inner = getattr(outer, "impl", outer)
    inner.set_vocab = lambda: gguf_write.add_tokenizer(inner.gguf_writer, words)
    inner.modify_tensors = whole(inner.modify_tensors)
    outer.write()
