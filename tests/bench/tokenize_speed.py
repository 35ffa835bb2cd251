"""Speed of graft's tokenizer against `tokenizers`, batches on as many threads, alternating, each run in a process of its own.

    tokenize_speed.py BUILD [--rounds 3] [--megabytes 100] [--threads 2] [MODEL_FOLDER ...]

The text is what lies around on any machine with the peers' Python: their source code, prose of the Devil's Dictionary, and words of
many scripts, in pieces of 200 to 20,000 characters. Time is that of encoding alone, texts already in memory; the sums of all ids are
compared. Without MODEL_FOLDER: SmolLM2's tokenizer. `memory` is how far the resident size rose above the texts at its peak, in units of
the ids (4 bytes each)."""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "peers"))
import peers  # noqa: E402
import rows  # noqa: E402

SCRIPTS = ["Привет мир как дела", "你好世界今天天气很好", "こんにちは世界カタカナ", "한국어 문장 입니다", "مرحبا بالعالم", "नमस्ते दुनिया", "γειά σου κόσμε", "שלום עולם",
           "สวัสดีชาวโลก", "Größe naïve façade œuvre", "😀👍🏽 👨‍👩‍👧 🇩🇪", "١٢٣ 456 ７８９"]


def texts(megabytes, seed=1):
    rng, size, out = random.Random(seed), 0, []
    code = "\n".join(path.read_text("utf-8", "ignore") for path in sorted(Path(os.__file__).parent.glob("*.py")))
    prose = "\n\n".join(definition for _, definition in rows.devil())
    scripts = " ".join(rng.choice(SCRIPTS) for _ in range(20000))
    while size < megabytes * 1_000_000:
        source = rng.choice([code, code, prose, prose, scripts])
        length = rng.randrange(200, 20_000)
        start = rng.randrange(len(source) - length)
        out.append(source[start:start + length].replace("\x00", ""))
        size += len(out[-1].encode())
    return out


def status_bytes(key):
    return next(1024 * int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key))


def peer_process(folder, path):
    import time
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    tokenizer.no_truncation(), tokenizer.no_padding()
    batch = [json.loads(line) for line in open(path, encoding="utf-8")]
    Path("/proc/self/clear_refs").write_text("5")
    before, start = status_bytes("VmRSS"), time.perf_counter()
    encoded = tokenizer.encode_batch_fast(batch)
    seconds = time.perf_counter() - start
    ids = [encoding.ids for encoding in encoded]
    print(json.dumps({"seconds": seconds, "ids": sum(map(len, ids)), "sum": sum(map(sum, ids)),
                      "bytes": status_bytes("VmHWM") - before}))


def answer(command, **more):
    return json.loads(subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True, **more).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?")
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer-process", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer_process:
        return peer_process(*options.peer_process)
    if not options.build:
        parser.error("which build?")
    folders = options.folders or [peers.cache() / "smollm2" / "bf16"]
    with tempfile.TemporaryDirectory() as work:
        path = Path(work) / "texts.jsonl"
        path.write_text("".join(json.dumps(text) + "\n" for text in texts(options.megabytes)))
        environment = os.environ | {"RAYON_NUM_THREADS": str(options.threads), "TOKENIZERS_PARALLELISM": "true"}
        print(f"{options.megabytes:g} MB, {options.threads} threads, {options.rounds} rounds")
        print(f"{'tokenizer':32}{'graft MB/s':>12}{'tokenizers MB/s':>17}{'speed':>8}{'memory':>9}{'theirs':>9}")
        for folder in folders:
            pairs = []
            for _ in range(options.rounds):
                with open(path) as stdin:
                    ours = answer([Path(options.build) / "tokenize_speed", folder, options.threads], stdin=stdin)
                theirs = answer([sys.executable, __file__, "--peer-process", folder, path], env=environment)
                if (ours["ids"], ours["sum"]) != (theirs["ids"], theirs["sum"]):
                    raise SystemExit(f"{folder}: different ids: {ours} and {theirs}")
                pairs.append((ours, theirs))
            rate = [statistics.median(options.megabytes / pair[side]["seconds"] for pair in pairs) for side in range(2)]
            speed = statistics.median(theirs["seconds"] / ours["seconds"] for ours, theirs in pairs)
            memory = [statistics.median(pair[side]["bytes"] / (4 * pair[side]["ids"]) for pair in pairs) for side in range(2)]
            print(f"{Path(folder).name:32}{rate[0]:12.1f}{rate[1]:17.1f}{speed:7.2f}x{memory[0]:8.1f}x{memory[1]:8.1f}x", flush=True)


if __name__ == "__main__":
    main()
