"""Runs one recipe with the real TRL SFTTrainer and PEFT, on the CPU, and leaves what graft must equal.

    trl_run.py RECIPE.json OUT [--float64] [--attention eager|sdpa] [--threads N]

The recipe has the flat keys of `trl sft` (SFTConfig, ModelConfig) and PEFT's own names where TRL has none; dataset_name is a
JSON-lines file; adapter_name_or_path continues from a PEFT adapter. OUT gets trainer_state.json, the trained adapter, and in
OUT/initial the adapter before the first step.

--float64 is the truth that float32 runs approximate: the same program, every float32 inside it widened, but for the initial
adapter and rope's inverse frequencies, which are float32 numbers in both."""
import argparse
import contextlib
import dataclasses
import inspect
import sys
import warnings
from pathlib import Path

import peers
import datasets
import torch
import transformers.trainer_pt_utils
import trl.kernels.chunked_logprob
from peft import LoraConfig, PeftModel
from transformers import AutoTokenizer, PreTrainedModel, PrinterCallback, TrainerCallback
from trl import ModelConfig, SFTConfig, SFTTrainer

import models

# Where the peers name float32 on the path from ids to gradients, beside the model's own source.
WIDENED = (transformers.trainer_pt_utils, trl.kernels.chunked_logprob)
LORA_NAMES = {"lora_r": "r", "lora_alpha": "lora_alpha", "lora_dropout": "lora_dropout", "use_rslora": "use_rslora",
              "lora_target_modules": "target_modules", "lora_task_type": "task_type", "lora_modules_to_save": "modules_to_save"}
OURS = {"model_name_or_path", "adapter_name_or_path", "dataset_name", "eval_dataset_name", "use_peft"}


class Widened:
    """The module torch, in which float32 is float64."""
    float32 = float = torch.float64

    def __getattr__(self, name):
        return getattr(torch, name)


class KeepLossWide(TrainerCallback):
    """Trainer sums the losses of a step in a float32 number."""
    def __init__(self, trainer):
        self.trainer = trainer

    def on_step_begin(self, *_, **__):
        self.trainer._tr_loss = self.trainer._tr_loss.double()


@contextlib.contextmanager
def widened(model):
    sources = {sys.modules[type(each).__module__] for each in model.modules() if isinstance(each, PreTrainedModel)} | set(WIDENED)
    narrow = torch.Tensor.float
    torch.Tensor.float = torch.Tensor.double
    for module in sources:
        module.torch = Widened()
    try:
        yield
    finally:
        torch.Tensor.float = narrow
        for module in sources:
            module.torch = torch


def keys(config):
    return {field.name for field in dataclasses.fields(config)}


def lora_config(recipe):
    """As trl's get_peft_config, with TRL's defaults, and PEFT's names beside them."""
    values = {theirs: recipe.get(ours, getattr(ModelConfig(), ours)) for ours, theirs in LORA_NAMES.items()}
    values.update({name: recipe[name] for name in keys(LoraConfig) & recipe.keys()})
    return LoraConfig(**values)


def make_trainer(recipe, out, attention):
    unknown = recipe.keys() - keys(SFTConfig) - keys(LoraConfig) - LORA_NAMES.keys() - OURS
    if unknown:
        raise SystemExit(f"the recipe has keys that TRL does not know: {', '.join(sorted(unknown))}")
    settings = {name: value for name, value in recipe.items() if name in keys(SFTConfig)}
    arguments = SFTConfig(**{"gradient_checkpointing": False, "logging_steps": 1, "save_strategy": "no", **settings,
                             "output_dir": str(out), "use_cpu": True, "report_to": "none", "disable_tqdm": True,
                             "model_init_kwargs": {"dtype": "float32", "attn_implementation": attention}})
    model, adapter = recipe["model_name_or_path"], None
    if "adapter_name_or_path" in recipe:
        base = models.load_base(model, attn_implementation=attention)
        model = PeftModel.from_pretrained(base, recipe["adapter_name_or_path"], is_trainable=True)
        arguments.model_init_kwargs = None
    else:
        adapter = lora_config(recipe)
    rows = {name: datasets.Dataset.from_list(peers.read_rows(recipe[key]))
            for name, key in (("train_dataset", "dataset_name"), ("eval_dataset", "eval_dataset_name")) if key in recipe}
    words = AutoTokenizer.from_pretrained(recipe["model_name_or_path"])     # a folder with images would ask for their processor
    return SFTTrainer(model=model, args=arguments, peft_config=adapter, processing_class=words, **rows)


def run(recipe, out, float64=False, attention=None, threads=1):
    out = Path(out)
    torch.set_num_threads(threads)
    warnings.simplefilter("ignore")     # of names that will be gone in the next version
    trainer = make_trainer(recipe, out, attention)
    trainer.remove_callback(PrinterCallback)
    trainer.model.save_pretrained(out / "initial")
    with widened(trainer.model) if float64 else contextlib.nullcontext():
        if float64:
            trainer.model.double()
            trainer.add_callback(KeepLossWide(trainer))
        trainer.train()
    trainer.model.save_pretrained(out)
    trainer.state.save_to_json(str(out / "trainer_state.json"))
    return trainer


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=inspect.cleandoc(__doc__).splitlines()[0])
    parser.add_argument("recipe")
    parser.add_argument("out")
    parser.add_argument("--float64", action="store_true")
    parser.add_argument("--attention", choices=["sdpa", "eager"], help="else what the model prefers: sdpa where it can")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    run(peers.read_json(options.recipe), options.out, options.float64, options.attention, options.threads)
