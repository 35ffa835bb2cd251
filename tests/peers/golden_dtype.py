"""Writes tests/golden/dtype.safetensors: random blocks of every block type (NAME.blocks, U8) and what the gguf package
decodes them to (NAME.values, F32). Scales include zero, subnormals, the largest half, infinity and both signs.

    python tests/peers/golden_dtype.py        made with gguf 0.19.0, numpy 2.4.6, safetensors 0.8.0
"""
import os

import gguf
import numpy as np
from safetensors.numpy import save_file

SCALE_OFFSETS = {  # where the halves stand in a block
    "Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}
ODD_SCALES = np.array([0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x7C00], np.uint16)

random = np.random.default_rng(20240607)
out = {}
for name, offsets in SCALE_OFFSETS.items():
    kind = gguf.GGMLQuantizationType[name]
    block, size = gguf.GGML_QUANT_SIZES[kind]
    n = 24 if block == 32 else 12
    blocks = random.integers(0, 256, (n, size), np.uint8)
    for offset in offsets:
        scales = (random.standard_normal(n) * 0.05).astype(np.float16).view(np.uint16)
        scales[:8] = random.permutation(ODD_SCALES)
        blocks[:, offset:offset + 2] = scales.view(np.uint8).reshape(n, 2)
    with np.errstate(invalid="ignore"):
        out[f"{name}.values"] = gguf.quants.dequantize(blocks, kind).reshape(-1)
    out[f"{name}.blocks"] = blocks.reshape(-1)
save_file(out, os.path.join(os.path.dirname(__file__), "../golden/dtype.safetensors"))
