"""Every field of trl sft's dataclasses and of PEFT's LoraConfig, with its default -> tests/golden/recipe_keys.json.

tests/train/test_recipe.c demands that graft's table answers each: supported with the same default, another name,
accepted, or refused, the last two without a word when the value is the peer's own default."""
import dataclasses
import enum
import json
import pathlib

import peft
import transformers
import trl
from peft import LoraConfig
from trl import DatasetMixtureConfig, ModelConfig, ScriptArguments, SFTConfig


def default_of(field):
    value = field.default if field.default is not dataclasses.MISSING else None
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    value = getattr(value, "value", value) if isinstance(value, enum.Enum) else value
    return value if isinstance(value, (bool, int, float, str, list, dict, type(None))) else None


golden = {
    "versions": {"trl": trl.__version__, "transformers": transformers.__version__, "peft": peft.__version__},
    "fields": [{"of": source.__name__, "name": field.name, "default": default_of(field)}
               for source in (ScriptArguments, SFTConfig, ModelConfig, DatasetMixtureConfig, LoraConfig)
               for field in dataclasses.fields(source)],
}
path = pathlib.Path(__file__).parents[1] / "golden" / "recipe_keys.json"
path.write_text(json.dumps(golden).replace('{"of"', '\n{"of"') + "\n")
