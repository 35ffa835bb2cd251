#!/usr/bin/env bash
# Prints a folder with what the tests take from llama.cpp, and makes it when it is missing, from the source archive of
# llama-cpp-python 0.3.36 on PyPI (73 MB). It lies in the cache folder, outside the clone:
#   models         vocabularies, expected ids and chat templates that llama.cpp tests itself with
#   conversion     its converter of Hugging Face folders, and gguf-py, the package that this one writes with
#   llama_logits   the program llama_logits.c, linked with llama.cpp
# llama.cpp is built without its 16-bit table of GELU: with the function itself its logits are good to float32 rounding, and a
# wrong formula cannot hide behind the table's 1e-3.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=configs/fetch_model.sh
. "$here/../../configs/fetch_model.sh"
version=0.3.36
archive_sha256=832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e
home=$cache/llama-cpp-python-$version-$(cat "$here/llama_cpp.sh" "$here/llama_logits.c" | sha256sum | cut -c1-16)
unfinished=$cache/.tmp-llama-cpp-$$

fetch() {
    echo "fetching the source of llama-cpp-python $version (73 MB)" >&2
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-cache-dir --no-binary :all: --dest "$unfinished" "llama-cpp-python==$version" >&2
    archive=$(echo "$unfinished"/*.tar.gz)
    if ! matches "$archive_sha256" "$archive"; then
        echo "$(basename "$archive") has the sha256 $(sha256sum <"$archive" | cut -c1-64), expected $archive_sha256" >&2
        exit 1
    fi
    tar -xzf "$archive" -C "$unfinished" --strip-components=3 --wildcards '*/vendor/llama.cpp/*'
}

build() {
    echo "building llama.cpp (some minutes)" >&2
    sed -i '/^#define GGML_GELU_FP16$/d' "$unfinished/ggml/src/ggml-cpu/vec.h"
    cmake -S "$unfinished" -B "$unfinished/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE=-O1 -DCMAKE_CXX_FLAGS_RELEASE=-O1 \
        -DBUILD_SHARED_LIBS=OFF -DGGML_OPENMP=OFF -DGGML_LLAMAFILE=OFF -DGGML_CCACHE=OFF \
        -DLLAMA_BUILD_COMMON=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_APP=OFF
    cmake --build "$unfinished/build" --parallel "$(nproc)" --target llama
    gcc -O1 "$here/llama_logits.c" -I"$unfinished/include" -I"$unfinished/ggml/include" -o "$unfinished/llama_logits" \
        "$unfinished"/build/src/libllama.a "$unfinished"/build/ggml/src/libggml{,-cpu,-base}.a -lstdc++ -lm -lpthread -ldl
}

if [ ! -d "$home" ]; then
    mkdir -p "$unfinished/home"
    trap 'rm -rf "$unfinished"' EXIT
    fetch
    build >"$unfinished/log" 2>&1 || { tail -n 20 "$unfinished/log" >&2 && exit 1; }
    mv "$unfinished"/{models,conversion,gguf-py,llama_logits} "$unfinished/home/"
    mv "$unfinished/home" "$home"
fi
echo "$home"
