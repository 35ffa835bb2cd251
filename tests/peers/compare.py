"""How far two runs of one recipe are apart, figure by figure, and the bars for that.

    loss, grad_norm    worst logged step: |a - b| / max(1, b) for a loss, |a - b| / b for a norm
    adapter            worst tensor: Frobenius norm of the difference, relative
    entropy, accuracy  worst logged step, absolute
    rate               learning rate, worst step, relative to the largest
    counts             num_tokens, epoch and step that differ; steps, tensors or configuration keys that only one has

Where float32 cannot do better, a figure may miss its bar: then it must be no farther from a float64 run than the peer's own
float32 run is."""
import math

import numpy
from safetensors.numpy import load_file

import peers

BARS = dict(loss=2e-6, grad_norm=1e-5, adapter=1e-4, entropy=1e-5, accuracy=1e-5, rate=1e-12, counts=0)
# Names of this run, not of the adapter.
CONFIG_SKIPS = {"peft_version", "base_model_name_or_path", "revision"}


def history(folder):
    """The logged steps and evaluations, without the closing summary."""
    return [entry for entry in peers.read_json(folder / "trainer_state.json")["log_history"] if "train_runtime" not in entry]


def config(folder):
    values = peers.read_json(folder / "adapter_config.json")
    return {k: sorted(v) if isinstance(v, list) else v for k, v in values.items() if k not in CONFIG_SKIPS}


def apart(got, want, kind):
    if got is None or not math.isfinite(got):
        return math.inf
    scale = {"loss": max(1.0, abs(want)), "grad_norm": abs(want)}.get(kind, 1.0)
    return abs(got - want) / scale if scale else float(got != want)


def tensor_apart(got, want):
    size = numpy.linalg.norm(want.astype(numpy.float64))
    difference = numpy.linalg.norm(got.astype(numpy.float64) - want)
    return difference / size if size else float(difference)


def compare(got, want):
    """({figure: value}, [what differs that has no size])"""
    figures, notes = dict.fromkeys(BARS, 0.0), []

    def worst(figure, value):
        figures[figure] = max(figures[figure], value)
    logged, expected = history(got), history(want)
    if len(logged) != len(expected):
        notes.append(f"{len(logged)} log entries instead of {len(expected)}")
    largest = max((entry.get("learning_rate", 0.0) for entry in expected), default=0.0) or 1.0
    for ours, theirs in zip(logged, expected):
        for key, value in theirs.items():
            name = key.removeprefix("eval_")
            if name in ("loss", "grad_norm", "entropy"):
                worst(name, apart(ours.get(key), value, name))
            elif name == "mean_token_accuracy":
                worst("accuracy", apart(ours.get(key), value, name))
            elif name == "learning_rate":
                worst("rate", apart(ours.get(key), value, name) / largest)
            elif name in ("num_tokens", "epoch", "step") and ours.get(key) != value:
                notes.append(f"{key} {ours.get(key)} instead of {value}")
    ours, theirs = (load_file(folder / "adapter_model.safetensors") for folder in (got, want))
    for name in sorted(ours.keys() ^ theirs.keys()):
        notes.append(f"tensor {name} only in {'ours' if name in ours else 'theirs'}")
    for name in ours.keys() & theirs.keys():
        if ours[name].shape != theirs[name].shape:
            notes.append(f"tensor {name}: shape {ours[name].shape} instead of {theirs[name].shape}")
        else:
            worst("adapter", tensor_apart(ours[name], theirs[name]))
    ours, theirs = config(got), config(want)
    notes += [f"adapter_config {key}: {ours.get(key)!r} instead of {theirs[key]!r}" for key in theirs if ours.get(key) != theirs[key]]
    figures["counts"] = len(notes)
    return figures, notes


def judge(figures, got, want, truth):
    """{figure: "passed" | "as good" | "failed"}; `truth` gives the folder of the float64 run, asked for only when needed."""
    verdict = {name: "passed" if figures[name] <= bar else "failed" for name, bar in BARS.items()}
    missed = [name for name in BARS if verdict[name] == "failed" and name not in ("rate", "counts")]
    if missed:
        mine, peer = compare(got, truth())[0], compare(want, truth())[0]
        for name in missed:
            if mine[name] <= peer[name]:
                verdict[name] = "as good"
    return verdict
