"""Attention forward and backward against torch's scaled_dot_product_attention in float32, alternating, all cores.

    attention_speed.py BUILD [--rounds 3] [--seconds 2]

Shapes of SmolLM2-135M (9 heads over 3) at 4 x 512 and 1 x 2048, a 1B model's (32 over 8) at 1 x 2048, and a single key-value head.
torch gets keys and values repeated for its heads, as transformers' sdpa does for training, and a contiguous batch."""
import argparse
import os
import statistics
import subprocess
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
import torch  # noqa: E402

SHAPES = [(512, 4, 9, 3, 64), (2048, 1, 9, 3, 64), (2048, 1, 32, 8, 64), (2048, 1, 4, 1, 256)]


def torch_milliseconds(length, n, heads, kv, dim, seconds):
    torch.manual_seed(1)
    q, k, v = (torch.randn(n, h, length, dim, requires_grad=True) for h in (heads, kv, kv))
    dy = torch.randn(n, heads, length, dim)

    def run():
        start = time.perf_counter()
        repeated = (x[:, :, None].expand(n, kv, heads // kv, length, dim).reshape(n, heads, length, dim) for x in (k, v))
        torch.nn.functional.scaled_dot_product_attention(q, *repeated, is_causal=True).backward(dy)
        return 1e3 * (time.perf_counter() - start)
    run()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        times.append(run())
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args()
    torch.set_num_threads(os.cpu_count())
    print(f"{'T':>6}{'docs':>6}{'heads':>7}{'kv':>4}{'dim':>5}{'graft ms':>11}{'GFLOP/s':>9}{'torch ms':>11}{'speed':>9}")
    for shape in SHAPES:
        ours, theirs, rates = [], [], []
        for _ in range(options.rounds):
            words = subprocess.run([options.build / "attention_speed", *map(str, shape), str(options.seconds)], check=True, capture_output=True,
                                   text=True).stdout.split()
            ours.append(float(words[0]))
            rates.append(float(words[2]))
            theirs.append(torch_milliseconds(*shape, options.seconds))
        ratio = statistics.median(b / a for a, b in zip(ours, theirs))
        print("".join(f"{x:{w}}" for x, w in zip(shape, (6, 6, 7, 4, 5))) +
              f"{statistics.median(ours):11.1f}{statistics.median(rates):9.1f}{statistics.median(theirs):11.1f}{ratio:8.2f}x", flush=True)


if __name__ == "__main__":
    main()
