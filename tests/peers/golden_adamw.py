"""A hundred steps of torch.optim.AdamW(fused=True) on the CPU -> tests/golden/adamw.json.

Values and gradients come from a formula that the test repeats (noise), so the fixture holds only what is left in the
end, as the bits of float32 numbers. Vectorised code of torch covers whole groups of 8; the last parameter has a tail."""
import json
import pathlib

import numpy as np
import torch

SIZES = [192, 64, 35]                       # the second is in the no-decay group
CASES = [
    {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.0, "lr": 1e-3, "max_norm": 1.0},
    {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.1, "lr": 2e-2, "max_norm": 0.0},
    {"beta1": 0.45, "beta2": 0.95, "eps": 1e-3, "weight_decay": 0.01, "lr": 1e-3, "max_norm": 3.0},
]


def noise(n, key):
    i = np.arange(n, dtype=np.uint64)
    word = ((i + np.uint64(1)) * np.uint64(2654435761) + np.uint64(key) * np.uint64(40503 * 65537)) % np.uint64(1 << 32)
    return torch.from_numpy((word.astype(np.float64) / 2**32 - 0.5).astype(np.float32))


def run(case):
    params = [torch.nn.Parameter(noise(n, i)) for i, n in enumerate(SIZES)]
    groups = [{"params": [params[0], params[2]], "weight_decay": case["weight_decay"]}, {"params": [params[1]], "weight_decay": 0.0}]
    opt = torch.optim.AdamW(groups, lr=case["lr"], betas=(case["beta1"], case["beta2"]), eps=case["eps"], fused=True)
    for t in range(100):
        for i, p in enumerate(params):
            p.grad = noise(p.numel(), 1000 + 7 * t + i) * (0.1 + t % 3)
        if case["max_norm"] > 0:
            torch.nn.utils.clip_grad_norm_(params, case["max_norm"])
        for group in opt.param_groups:
            group["lr"] = case["lr"] * (t % 10) / 9            # the first step has rate 0
        opt.step()
    bits = lambda tensors: [int(b) for x in tensors for b in x.detach().numpy().view(np.uint32)]
    return case | {"value": bits(params), "m": bits(opt.state[p]["exp_avg"] for p in params), "v": bits(opt.state[p]["exp_avg_sq"] for p in params)}


golden = {"versions": {"torch": torch.__version__}, "sizes": SIZES, "cases": [run(case) for case in CASES]}
path = pathlib.Path(__file__).parents[1] / "golden" / "adamw.json"
path.write_text(json.dumps(golden) + "\n")
