#!/usr/bin/env bash
# Prints a folder with what an aarch64 Debian has of the libraries that graft needs, and makes it when it is missing: 44 packages,
# 23 MB. apt resolves and fetches them as if for an empty aarch64 system, with lists and a status of its own: what is installed here,
# and the architectures that dpkg knows, stay as they are. It lies in the cache folder, outside the clone. Exits with 2 where the packages cannot be had.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=configs/fetch_model.sh
. configs/fetch_model.sh
home=$cache/aarch64-$(cat tests/aarch64/sysroot.sh configs/packages.txt /etc/os-release | sha256sum | cut -c1-16)
unfinished=$cache/.tmp-aarch64-$$

apt() {
    apt-get -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$unfinished/state" -o Dir::State::status="$unfinished/status" \
        -o Dir::Cache="$unfinished/cache" "$@"
}

fetch() {
    mkdir -p "$unfinished"/{state/lists,cache/archives}/partial
    touch "$unfinished/status"
    # shellcheck disable=SC2046  # several packages
    apt update && apt install --yes --download-only --no-install-recommends libc6-dev $(grep -- '-dev$' configs/packages.txt)
}

# Links to /lib must lead into the folder; and what update-alternatives links for OpenBLAS when it is installed is not there.
unpack() {
    local root=$unfinished/root libraries=$unfinished/root/usr/lib/aarch64-linux-gnu package link
    for package in "$unfinished"/cache/archives/*.deb; do dpkg-deb --extract "$package" "$root"; done
    find "$root" -type l -lname '/*' | while read -r link; do ln -sfr "$root$(readlink "$link")" "$link"; done
    ln -s openblas-pthread/libopenblas.so.0 "$libraries/"
    ln -s ../openblas-pthread/pkgconfig/openblas.pc "$libraries/pkgconfig/"
}

if [ ! -d "$home" ]; then
    mkdir -p "$unfinished"
    trap '[ $? = 0 ] || tail -n 20 "$unfinished/log" >&2; rm -rf "$unfinished"' EXIT
    fetch >"$unfinished/log" 2>&1 || exit 2
    unpack >>"$unfinished/log" 2>&1
    mv "$unfinished/root" "$home"
fi
echo "$home"
