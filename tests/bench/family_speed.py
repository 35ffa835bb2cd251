"""Whether a family costs what its FLOPs say: time per step of each, over that of llama, over the same ratio of their FLOPs.

    family_speed.py GRAFT [FAMILY...] [--rounds 3] [--steps 4] [--batch 2] [--length 512]

Random models of two layers, shaped like the layers of 1B models of the family, with a vocabulary so small that the head is nothing;
float32, LoRA r 16 on all linears. Windows are shorter than the rows. FLOPs are those of graft's plan. A round is a run of llama and
a run of the family; a run's time is the median of its steps but the first; a ratio is the median of the rounds' ratios, which
saw the same machine. Processor time is given beside, which other programs on the machine disturb less. The bar is 1.1."""
import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import families  # noqa: E402
import peers  # noqa: E402

BAR = 1.1
RECIPE = dict(gradient_accumulation_steps=1, learning_rate=2e-4, logging_steps=1, save_strategy="no", bf16=False, lora_r=16, lora_alpha=32,
              lora_dropout=0.0, use_peft=True, max_length=None, gradient_checkpointing=False)
LAYERS = 2
SHAPE = dict(vocab_size=384, hidden_size=2048, intermediate_size=8192, num_hidden_layers=LAYERS, num_attention_heads=32, num_key_value_heads=8,
             head_dim=64, max_position_embeddings=2048)
WIDE_HEADS = dict(num_attention_heads=8, num_key_value_heads=4, head_dim=256)
SHAPES = {
    "gemma": WIDE_HEADS | dict(num_key_value_heads=1), "gemma2": WIDE_HEADS, "gemma3_text": WIDE_HEADS,
    "qwen3": dict(num_attention_heads=16, head_dim=128), "glm4": dict(num_attention_heads=16, num_key_value_heads=2, head_dim=128),
    "gpt_neox": dict(num_key_value_heads=32), "phi": dict(num_key_value_heads=32), "phi3": dict(num_key_value_heads=32),
    "gpt2": dict(n_embd=2048, n_layer=LAYERS, n_head=32, n_positions=2048),
}
PLAIN = "llama"
NAMES = [PLAIN] + [name for name, variants in families.FAMILIES.items() if "text_config" not in variants[""]]


def spec(family):
    """The family's flags as families.py has them, with sizes of its own, and every key spelled as transformers spells it today."""
    small = families.SPECS.get(family, dict(families.SMALL, model_type=family))
    known = {key: value for key, value in small.items() if key != "json"}
    shape = SHAPES[family] if family == "gpt2" else SHAPE | SHAPES.get(family, {})
    return known | shape | ({"sliding_window": 128} if "sliding_window" in known else {})


def write(folder, family):
    """Weights as transformers initialises them: what they are does not matter here."""
    import models
    model = models.make_model(spec(family))
    model.save_pretrained(folder)
    models.make_tokenizer(models.CHATML).save_pretrained(folder)
    return folder


def command(graft, model, options, work, *more):
    recipe = RECIPE | dict(model_name_or_path=str(model), dataset_name=str(work / "data.jsonl"), output_dir=str(work / "out"), max_steps=options.steps,
                           per_device_train_batch_size=options.batch, lora_target_modules="all-linear")
    peers.write_json(work / "recipe.json", recipe)
    return [str(graft), "sft", "--config", str(work / "recipe.json"), "--overwrite_output_dir", "true", *more]


def flops(graft, model, options, work):
    done = subprocess.run(command(graft, model, options, work, "--plan", "true"), capture_output=True, text=True, check=False)
    found = re.search(r"(\S+) FLOP", done.stdout + done.stderr)
    if not found:
        raise SystemExit(f"{model}: no plan\n{done.stderr[-2000:]}")
    return float(found[1])


def processor_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def step_times(graft, model, options, work):
    """(seconds, processor seconds) of a step: the medians of those between the line of a step and the next one's."""
    marks, lines = [], []
    with subprocess.Popen(command(graft, model, options, work), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            lines.append(line)
            if re.match(r"step \d+/\d+: loss", line):
                marks.append((time.perf_counter(), processor_seconds(process.pid)))
    if process.returncode != 0 or len(marks) != options.steps:
        raise SystemExit(f"{model} failed:\n{''.join(lines[-20:])}")
    return tuple(statistics.median(after[i] - before[i] for before, after in zip(marks, marks[1:])) for i in range(2))


def ratios(graft, family, plain, options, work):
    """(time, processor time) of the family over what its FLOPs predict from the plain decoder's."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        model = write(Path(folder) / family, family)
        more = flops(graft, model, options, work) / flops(graft, plain, options, work)
        rounds = []
        for _ in range(options.rounds):
            ours, theirs = step_times(graft, model, options, work), step_times(graft, plain, options, work)
            rounds.append([a / b / more for a, b in zip(ours, theirs)])
    return more, [statistics.median(column) for column in zip(*rounds)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graft")
    parser.add_argument("family", nargs="*", metavar="FAMILY", help=", ".join(NAMES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--length", type=int, default=512)
    options = parser.parse_args()
    import rows
    slow = 0
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        peers.write_rows(work / "data.jsonl", rows.id_rows(options.steps * options.batch, 0, SHAPE["vocab_size"], options.length, options.length))
        plain = write(work / PLAIN, PLAIN)
        print(f"{'family':14}{'FLOPs':>9}{'time':>9}{'CPU time':>10}     of llama's; times over FLOPs", flush=True)
        for family in options.family or NAMES:
            more, (seconds, processor) = ratios(options.graft, family, plain, options, work)
            slow += seconds > BAR
            print(f"{family:14}{more:8.2f}x{seconds:8.2f}x{processor:9.2f}x{'     over the bar' * (seconds > BAR)}", flush=True)
    sys.exit(slow > 0)


if __name__ == "__main__":
    main()
