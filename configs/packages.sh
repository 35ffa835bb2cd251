# shellcheck shell=bash
# For scripts to source: install_packages [MORE...] installs what packages.txt names, and MORE, where something is missing.

say() { printf '%s\n' "$@" >&2; }
stop() { say "" "$(basename "$0"): $*"; exit 1; }

# quietly LOG COMMAND...: the command's output goes to a file, and is shown only when it fails.
quietly() {
    local log=$1
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 && return
    tail -n 30 "$log" >&2
    stop "this failed: $* (all of its output: $log)"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        stop "installing packages needs root, and there is no sudo here. As root: apt-get install ${missing[*]}"
    fi
}

install_packages() {
    local wanted missing=() package log
    mapfile -t wanted < <(sed 's/#.*//' configs/packages.txt | xargs -n1)
    if ! command -v apt-get >/dev/null; then
        say "There is no apt-get here. graft is made for Debian and Ubuntu; elsewhere install the counterparts of" \
            "    ${wanted[*]} $*" "yourself. Going on with what is there."
        return
    fi
    for package in "${wanted[@]}" "$@"; do
        [ "$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null)" = "install ok installed" ] || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return
    say "installing ${missing[*]}"
    log=$(mktemp)
    quietly "$log" as_root apt-get update
    quietly "$log" as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
    rm -f "$log"
}
