#!/usr/bin/env bash
# What ptxas gives each kernel, beside what the comment at the kernel allows: no spills, no stack, no more registers, static shared memory as
# stated. A kernel without `block N, shared N, registers N` in the comment before it is refused. Needs nvcc.
#
#   tests/kernels/cuda/resources.sh [--print] [ARCHITECTURE...]      default: sm_80 sm_86 sm_89 sm_90 sm_100 sm_120
set -eu
cd "$(dirname "$0")/../../.."
print=0
if [ "${1-}" = --print ]; then print=1; shift; fi
architectures=("$@")
[ ${#architectures[@]} != 0 ] || architectures=(sm_80 sm_86 sm_89 sm_90 sm_100 sm_120)
command -v nvcc >/dev/null || { echo "skipped: resources of kernels: nvcc is not installed"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# NAME BLOCK SHARED REGISTERS of each kernel.
stated() {
    awk '/block [0-9]+, shared [0-9]+, registers [0-9]+/ { match($0, /block [0-9]+, shared [0-9]+, registers [0-9]+/)
             split(substr($0, RSTART, RLENGTH), word, /[ ,]+/); limits = word[2] " " word[4] " " word[6] }
         /__global__ void/ { name = $0; sub(/.*__global__ void (__launch_bounds__\([^)]*\) )?/, "", name); sub(/\(.*/, "", name)
             print name, limits == "" ? "none none none" : limits; limits = "" }' "$1"
}

# NAME STACK SPILLS REGISTERS SHARED of each compiled one.
used() {
    c++filt | awk '/Compiling entry function/ { name = $0; sub(/.*entry function .(void )?/, "", name); sub(/[<(].*/, "", name) }
         /bytes stack frame/ { stack = $1; spills = $5 + $9 }
         /Used [0-9]+ registers/ { shared = 0; for (i = 1; i < NF; i++) if ($(i + 2) ~ /^smem/) shared = $i
             match($0, /Used [0-9]+/); print name, stack, spills, substr($0, RSTART + 5, RLENGTH - 5), shared }'
}

bad=0 n=0
for source in kernels/cuda/*.cu; do
    stated "$source" >"$work/stated"
    [ -s "$work/stated" ] || continue
    for architecture in "${architectures[@]}"; do
        nvcc -std=c++17 -O3 --fmad=false -arch="$architecture" -cubin --resource-usage -I. -D_GNU_SOURCE "$source" -o "$work/cubin" 2>"$work/said" ||
            { cat "$work/said"; exit 1; }
        used <"$work/said" >"$work/used"
        while read -r name stack spills registers shared; do
            read -r _ block most_shared most_registers < <(grep "^$name " "$work/stated" || echo "$name none none none")
            line="$source $architecture $name: $registers registers, $shared bytes shared, $spills bytes spilled, $stack bytes stack"
            n=$((n + 1))
            if [ "$block" = none ]; then echo "$line; nothing is stated"; bad=$((bad + 1))
            elif [ "$registers" -gt "$most_registers" ] || [ "$shared" -gt "$most_shared" ] || [ $((stack + spills)) != 0 ]; then
                echo "$line; stated: registers $most_registers, shared $most_shared"; bad=$((bad + 1))
            elif [ $print = 1 ]; then echo "$line; stated $most_registers"; fi
        done <"$work/used"
    done
done
echo "$((n - bad)) passed, $bad failed"
[ "$bad" = 0 ]
