#!/usr/bin/env bash
# Prints the folder `models` of llama.cpp, with the vocabularies, expected ids and chat templates that it tests itself with, and
# fetches it when it is missing: it is in the source archive of llama-cpp-python 0.3.36 on PyPI (73 MB). It lies in the cache
# folder, outside the clone.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=configs/fetch_model.sh
. "$here/../../configs/fetch_model.sh"
version=0.3.36
archive_sha256=832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e
home=$cache/llama-cpp-python-$version
unfinished=$cache/.tmp-llama-cpp-$$

if [ ! -d "$home" ]; then
    mkdir -p "$unfinished"
    trap 'rm -rf "$unfinished"' EXIT
    echo "fetching the source of llama-cpp-python $version (73 MB)" >&2
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-cache-dir --no-binary :all: --dest "$unfinished" "llama-cpp-python==$version" >&2
    archive=$(echo "$unfinished"/*.tar.gz)
    if ! matches "$archive_sha256" "$archive"; then
        echo "$(basename "$archive") has the sha256 $(sha256sum <"$archive" | cut -c1-64), expected $archive_sha256" >&2
        exit 1
    fi
    tar -xzf "$archive" -C "$unfinished" --strip-components=3 --wildcards '*/vendor/llama.cpp/models/*'
    mv "$unfinished/models" "$home"
fi
echo "$home"
