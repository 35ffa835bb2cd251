"""What every peer check shares: where results are kept, what they depend on, and how files are read and written.

Importing this module is cheap: torch and the peers are imported only by those who call them."""
import fcntl
import hashlib
import importlib.metadata
import json
import os
import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = ("torch", "transformers", "peft", "trl", "tokenizers", "accelerate", "datasets", "safetensors", "gguf")

# The peers print much and look for a network that they do not need; two rows of a tokenizer need no threads.
os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TRANSFORMERS_VERBOSITY="error",
                  HF_DATASETS_DISABLE_PROGRESS_BARS="1", TQDM_DISABLE="1", CUDA_VISIBLE_DEVICES="")


def cache():
    """The folder outside the clone that keeps environments, models and results, as environment.sh names it."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("GRAFT_CACHE") or Path(home) / "graft")


def versions():
    return {name: importlib.metadata.version(name) for name in PEERS}


def digest(*names):
    """Of sources beside this file: results made by other sources are made again."""
    return hashlib.sha256(b"".join((HERE / name).read_bytes() for name in names)).hexdigest()[:16]


def read_json(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_json(path, value):
    Path(path).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_rows(path, rows):
    Path(path).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def read_rows(path):
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def once(folder, stamp, make):
    """The folder that `make(path)` fills, made again only when the stamp differs from the one inside. It appears whole:
    it is filled under another name and renamed, so a run that was stopped leaves nothing that looks finished. Of two processes
    that want the same folder, one makes it and the other waits."""
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)

    def made():
        done = folder / "stamp.json"
        return done.exists() and read_json(done) == stamp
    if made():
        return folder
    with open(folder.with_name(".lock-" + folder.name), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made():
            return folder
        unfinished = folder.with_name(".tmp-" + folder.name)
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        make(unfinished)
        write_json(unfinished / "stamp.json", stamp)
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    return folder
