"""Learning rates of every schedule as transformers gives them -> tests/golden/schedule.json.

Each case: lr_scheduler_type, its kwargs, base rate, warm-up and total steps, and the rates of steps 0..total (for
reduce_lr_on_plateau: the metrics of its evaluations and the rate before the first and after each)."""
import itertools
import json
import pathlib

import torch
import transformers
from transformers import TrainingArguments, get_scheduler

WARMUPS = [(0, 8), (2, 8), (3, 17), (8, 8), (10, 8), (1, 1)]
KINDS = {
    "linear": [{}],
    "cosine": [{}, {"num_cycles": 1.25}],
    "cosine_with_restarts": [{}, {"num_cycles": 3}],
    "polynomial": [{}, {"lr_end": 1e-6, "power": 2.5}],
    "constant": [{}],
    "constant_with_warmup": [{}],
    "inverse_sqrt": [{}, {"timescale": 7}],
    "cosine_with_min_lr": [{"min_lr_rate": 0.1}, {"min_lr": 3e-6, "num_cycles": 0.75}],
    "cosine_warmup_with_min_lr": [{"min_lr_rate": 0.1}, {"min_lr": 3e-6}, {"min_lr_rate": 0.2, "warmup_lr_rate": 0.05}],
    "warmup_stable_decay": [{"num_decay_steps": 3}, {"num_decay_steps": 2, "num_stable_steps": 1, "num_cycles": 0.4}]
    + [{"num_decay_steps": 4, "warmup_type": w, "decay_type": d, "min_lr_ratio": 0.1}
       for w, d in itertools.product(["linear", "cosine", "1-sqrt"], repeat=2)],
}
PLATEAU = [
    {"patience": 1},
    {"patience": 0, "factor": 0.5, "cooldown": 2, "min_lr": 1e-6},
    {"mode": "max", "patience": 1, "threshold": 0.05, "threshold_mode": "abs", "factor": 0.3},
    {"mode": "min", "patience": 0, "threshold": 0.05, "threshold_mode": "abs", "factor": 0.3, "eps": 1e-6},
    {"mode": "max", "patience": 0, "threshold": 0.1},
]
METRICS = [1.0, 0.9, 0.95, 0.9, 0.92, 0.5, 0.499, 0.4999, 0.6, 0.6, 0.61, 0.7, 0.1, 0.1, 0.1, 0.1]


def optimizer(lr):
    return torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def case(kind, kwargs, lr, warmup, total):
    opt = optimizer(lr)
    scheduler = get_scheduler(kind, opt, warmup, total, kwargs)
    rates = []
    last = total if warmup < total else total - 1    # polynomial divides by zero at the end of an all-warm-up run
    for _ in range(last + 1):
        rates.append(opt.param_groups[0]["lr"])
        if len(rates) <= last:
            opt.step()
            scheduler.step()
    return {"type": kind, "kwargs": kwargs, "lr": lr, "warmup": warmup, "total": total, "rates": rates}


def plateau(kwargs, lr):
    opt = optimizer(lr)
    scheduler = get_scheduler("reduce_lr_on_plateau", opt, 0, 1, kwargs)
    rates = [lr]
    for metric in METRICS:
        scheduler.step(metric)
        rates.append(opt.param_groups[0]["lr"])
    return {"type": "reduce_lr_on_plateau", "kwargs": kwargs, "lr": lr, "metrics": METRICS, "rates": rates}


def warmups():
    for steps, total in itertools.product([0, 0.03, 0.1, 0.29, 0.999, 1, 2.5, 7], [1, 10, 97, 1000]):
        args = TrainingArguments(output_dir="unused", warmup_steps=steps, use_cpu=True)
        yield {"warmup_steps": steps, "total": total, "steps": args.get_warmup_steps(total)}


cases = [case(kind, kwargs, lr, warmup, total) for kind, options in KINDS.items() for kwargs in options
         for lr, (warmup, total) in itertools.product([2e-5, 0.3], WARMUPS)]
golden = {
    "versions": {"transformers": transformers.__version__, "torch": torch.__version__},
    "warmups": list(warmups()),
    "cases": cases + [plateau(kwargs, lr) for kwargs in PLATEAU for lr in [2e-5, 0.3]],
}
path = pathlib.Path(__file__).parents[1] / "golden" / "schedule.json"
path.write_text(json.dumps(golden).replace('{"type"', '\n{"type"') + "\n")
