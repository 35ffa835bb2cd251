#!/usr/bin/env bash
# Prints the python of an environment that holds the peers of requirements.txt, and makes it when it is missing, together with
# the folders of the real model (smollm2.py). Everything lies in the cache folder, outside the clone; the environment is named
# by the hash of requirements.txt. It counts as made only when the file `complete` is in it: a run that was stopped halfway
# leaves nothing that looks finished, and two runs at once wait for each other. Progress goes to stderr.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=configs/fetch_model.sh
. "$here/../../configs/fetch_model.sh"
environment=$cache/peers-$(sha256sum "$here/requirements.txt" | cut -c1-16)
say() { printf 'peers: %s\n' "$*" >&2; }

make_environment() {
    say "making $environment (some minutes, some gigabytes)"
    rm -rf "$environment"
    python3 -m venv "$environment"
    # torch first and alone, so that its exact version is settled before others ask for "some torch"
    "$environment/bin/pip" install --quiet "$(grep '^torch==' "$here/requirements.txt")" >&2
    "$environment/bin/pip" install --quiet -r "$here/requirements.txt" >&2
    touch "$environment/complete"
}

make_model() {
    say "making the folders of $model_folder"
    rm -rf "$model_folder/.tmp" "$model_folder"/{f32,bf16}
    "$environment/bin/python" "$here/smollm2.py" "$model_gguf" "$model_folder/.tmp" >&2
    mv "$model_folder"/.tmp/* "$model_folder/"
    rmdir "$model_folder/.tmp"
    touch "$model_folder/complete"
}

mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9
[ -e "$environment/complete" ] || make_environment
fetch_model
[ -e "$model_folder/complete" ] || make_model
echo "$environment/bin/python"
