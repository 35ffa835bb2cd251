"""What torch's CPU generator gives, for tests/kernels/test_random.c. Written with torch 2.13.0.

    python tests/peers/golden_random.py tests/golden/random

Little-endian raw files: u32 checksums of long runs (each value folded in as crc = zlib.crc32), floats where they are compared
one by one."""
import math
import struct
import sys
import zlib
from pathlib import Path

import torch


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    lines = [f"torch {torch.__version__}"]
    for seed, n in [(42, 8), (42, 1), (7, 1000), (43, 70000), (0, 200000)]:
        order = torch.randperm(n, generator=torch.Generator().manual_seed(seed))
        lines.append(f"permutation {seed} {n} {zlib.crc32(order.numpy().tobytes()):08x}")
    for seed, fan_in, n in [(42, 64, 200000), (0, 960, 4099), (2**31 - 1, 2560, 33), (2**40 + 5, 3, 7)]:
        bound = math.sqrt(3.0) * (math.sqrt(2.0 / (1 + math.sqrt(5) ** 2)) / math.sqrt(fan_in))
        values = torch.empty(n, fan_in)[:, 0].contiguous().uniform_(-bound, bound, generator=torch.Generator().manual_seed(seed))
        lines.append(f"kaiming {seed} {fan_in} {n} {struct.pack('>d', bound).hex()} {zlib.crc32(values.numpy().tobytes()):08x}")
    (out / "checksums.txt").write_text("\n".join(lines) + "\n")
    g = torch.Generator().manual_seed(1234)
    normals = [torch.empty(n).normal_(0.5, 0.02, generator=g) for n in (3, 16, 5, 40, 15, 1)]
    (out / "normals.f32").write_bytes(torch.cat(normals).numpy().tobytes())
    (out / "state.bin").write_bytes(bytes(g.get_state().tolist()))
    after = torch.empty(5).normal_(generator=g), torch.randperm(5, generator=g)
    (out / "after.bin").write_bytes(after[0].numpy().tobytes() + after[1].numpy().tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
