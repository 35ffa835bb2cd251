"""Seconds from the command to the end of the first step, as a user waits for it.

    sft_start.py GRAFT [--rounds 5]

SmolLM2-135M as bf16 safetensors and as Q4_1 GGUF, in the page cache; 1,000 rows of text, cut to 128 tokens; a step of 4 rows. The
end of the step is the moment when its line appears. The first round, which may read from disk, is not counted."""
import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import peers  # noqa: E402
import rows  # noqa: E402

N_ROWS = 1000
KEYS = "--per_device_train_batch_size 4 --max_length 128 --max_steps 2 --logging_steps 1 --bf16 false --lora_target_modules all-linear --save_strategy no".split()


def write_data(path):
    words = " ".join(definition for _, definition in rows.devil()).split(" ")
    peers.write_rows(path, [{"text": " ".join(words[(150 * i + k) % len(words)] for k in range(150))} for i in range(N_ROWS)])


def first_step(command):
    """Seconds until the line of step 1; the process is not waited for beyond that."""
    start = time.perf_counter()
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("step 1/"):
                seconds = time.perf_counter() - start
                process.kill()
                return seconds
    raise SystemExit(f"{command[0]} did not come to its first step:\n{''.join(lines[-20:])}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graft")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    home = peers.cache() / "smollm2"
    with tempfile.TemporaryDirectory() as work:
        data = Path(work) / "data.jsonl"
        write_data(data)
        for model in home / "bf16", home / "SmolLM2-135M-Instruct.Q4_1.gguf":
            command = [options.graft, "sft", "--model_name_or_path", model, "--dataset_name", data, "--output_dir", Path(work) / "out",
                       "--overwrite_output_dir", "true", *KEYS]
            seconds = [first_step(command) for _ in range(options.rounds + 1)][1:]
            print(f"{model.name:40} {statistics.median(seconds):.2f} s (of {options.rounds}: {min(seconds):.2f} to {max(seconds):.2f})")


if __name__ == "__main__":
    main()
