"""Writes tests/golden/safetensors/: what safetensors.torch.save_file writes for tensors of several dtypes, with names that
need escapes, and for none. test_safetensors.c writes the same tensors and compares bytes.

    python tests/peers/golden_safetensors.py        made with safetensors 0.8.0, torch 2.13.0
"""
import pathlib

import torch
from safetensors.torch import save_file

folder = pathlib.Path(__file__).parent / "../golden/safetensors"
folder.mkdir(exist_ok=True)


def counted(dtype, *shape):
    """0, 1, 2, … as bytes."""
    n = torch.empty(shape, dtype=dtype).nbytes
    return torch.arange(n, dtype=torch.uint8).view(dtype).reshape(shape)


lora = {}
for layer in (10, 2):
    for module, out, in_ in (("q_proj", 6, 4), ("v_proj", 2, 4)):
        name = f"base_model.model.model.layers.{layer}.self_attn.{module}"
        lora[f"{name}.lora_A.weight"] = counted(torch.float32, 2, in_)
        lora[f"{name}.lora_B.weight"] = counted(torch.float32, out, 2)
save_file(lora, folder / "lora.safetensors", metadata={"format": "pt"})

mixed = {name: counted(dtype, 3, 1) for name, dtype in {
    "u8": torch.uint8, "i64": torch.int64, "f16": torch.float16, "f32": torch.float32, "bf16": torch.bfloat16, "i8": torch.int8,
    "i16": torch.int16, "i32": torch.int32, "f64": torch.float64, 'ü "\\\n\x7f\x01': torch.float32, "B": torch.float32}.items()}
mixed["bool"] = torch.tensor([[False], [True], [True]])
mixed["scalar"] = counted(torch.float32)
mixed["empty"] = torch.zeros(0, 5)
save_file(mixed, folder / "mixed.safetensors", metadata={"format": "pt"})
save_file({}, folder / "none.safetensors", metadata={"format": "pt"})
