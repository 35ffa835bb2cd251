"""Real PEFT, and transformers by itself, load an adapter folder that graft wrote: no warning, no key missing or left over.

    adapter_loads.py MODEL ADAPTER [LOGITS.safetensors]

MODEL is the Hugging Face folder of the base. LOGITS holds `input_ids` [T] and the `logits` [T, V] that graft computes on them with
the adapter: the peers' own must be within 1e-4."""
import contextlib
import logging
import sys
import warnings

import peers  # noqa: F401  keeps the peers from the network
import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors.torch import load_file

from models import load_base

BAR = 1e-4


class Refuse(logging.Handler):
    def emit(self, record):
        raise AssertionError(f"{record.name}: {record.getMessage()}")


@contextlib.contextmanager
def strict():
    """Warnings of Python and of the peers' loggers are errors, but for one about PEFT's own use of transformers, and those
    about what a config asks for."""
    handler, loggers = Refuse(logging.WARNING), [logging.getLogger(name) for name in ("transformers", "peft")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
            for asked in ("Model has `tie_word_embeddings=True`", ".*lora_bias", ".*ensure_weight_tying"):
                warnings.filterwarnings("ignore", asked, UserWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels):
            logger.removeHandler(handler)
            logger.setLevel(level)


def load_with_peft(model, adapter):
    base = load_base(model)
    with strict():
        return PeftModel.from_pretrained(base, adapter).eval()


def load_with_transformers(model, adapter):
    base = load_base(model)
    with strict():
        base.load_adapter(str(adapter))
    return base.eval()


def keys_apart(loaded, adapter):
    """Tensors that only the file or only the loaded model has: PEFT ignores what it does not know in silence."""
    live = get_peft_model_state_dict(loaded)
    stored = load_file(f"{adapter}/adapter_model.safetensors")
    wrong = sorted(live.keys() ^ stored.keys())
    return wrong + [name for name in live.keys() & stored.keys() if not torch.equal(live[name], stored[name].to(live[name].dtype))]


def logits_apart(loaded, path):
    """Largest difference between the peers' logits and those in the file."""
    given = load_file(path)
    with torch.no_grad():
        logits = loaded(given["input_ids"].long().reshape(1, -1)).logits[0]
    return (logits - given["logits"]).abs().max().item()


def main(model, adapter, logits=None):
    loaded = load_with_peft(model, adapter)
    found = [("PEFT loads it without a warning", True)]
    wrong = keys_apart(loaded, adapter)
    found.append((f"every tensor arrives unchanged {' '.join(wrong)}".rstrip(), not wrong))
    alone = load_with_transformers(model, adapter)
    found.append(("transformers loads it without a warning", True))
    if logits:
        for name, each in (("PEFT", loaded), ("transformers", alone)):
            apart = logits_apart(each, logits)
            found.append((f"logits of {name}: {apart:.1e}, bar {BAR:g}", apart <= BAR))
    for what, good in found:
        print("ok    " if good else "FAILED", what)
    failed = sum(not good for _, good in found)
    print(f"{len(found) - failed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main(*sys.argv[1:]) > 0)
