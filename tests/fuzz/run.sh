#!/usr/bin/env bash
# Fuzzes the parsers with libFuzzer, under the address and undefined sanitizers: tests/fuzz/mutate.h says how a parser is added.
#
#   tests/fuzz/run.sh [SECONDS] [NAME...]      each fuzzer, or those named, for SECONDS (20); 600 is what a release is held to
#
# A fuzzer passes when its seeds reach 90 % of its parser's lines and no input crashes, leaks, takes more than 10 seconds or more
# than 256 MB. New inputs, and those that failed, stay in out/fuzz/NAME; one that failed belongs into tests/fuzz/corpus/NAME, with
# what mends it. Needs clang with libFuzzer, and llvm-cov of the same version.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

seconds=20
[[ ${1-} =~ ^[0-9]+$ ]] && { seconds=$1; shift; }
build="build-fuzz"
out=out/fuzz
least_lines=90
mkdir -p "$out"
# The sanitizer's own memory counts too: freed blocks wait for the end of an input only.
export ASAN_OPTIONS=quarantine_size_mb=4:malloc_context_size=8:detect_leaks=1:allocator_may_return_null=0 UBSAN_OPTIONS=print_stacktrace=1
export OPENBLAS_NUM_THREADS=1 LLVM_PROFILE_FILE=/dev/null

skip() { echo "skipped: $*"; exit 0; }

# The llvm program of clang's own version, under whichever name.
llvm() {
    local name=$1 version
    shift
    version=$(clang -dumpversion)
    name=$(command -v "$name-${version%%.*}" || command -v "$name") || return
    "$name" "$@"
}

check_tools() {
    command -v clang >/dev/null || skip "clang is not installed"
    echo 'int LLVMFuzzerTestOneInput(const char *b, long n) { return n < 0 && *b; }' |
        clang -fsanitize=fuzzer,address,undefined -x c - -o "$out/probe" 2>/dev/null || skip "this clang has no libFuzzer (Debian: libclang-rt-VERSION-dev)"
    { llvm llvm-cov --version && llvm llvm-profdata --help; } >/dev/null 2>&1 || skip "llvm-cov of clang's version is not installed"
}

# Per cent of the lines of NAME's sources that its seeds reach, and how many lines there are: "94.1 170".
lines_reached() {
    local name=$1 folder=$out/$1 sources
    read -ra sources < <(awk -v name="$name" '$1 == name { $1 = ""; print }' tests/fuzz/parsers.txt)
    ls "${sources[@]}" >"$folder/seeds.log" || return
    LLVM_PROFILE_FILE=$folder/seeds.profraw "$build/fuzz_$name" -runs=0 "$folder/seeds" >"$folder/seeds.log" 2>&1 || return
    llvm llvm-profdata merge "$folder/seeds.profraw" -o "$folder/seeds.profdata" || return
    llvm llvm-cov export "$build/fuzz_$name" -instr-profile="$folder/seeds.profdata" -format=lcov "${sources[@]}" >"$folder/lines.lcov" || return
    awk -F '[:,]' '/^DA:/ { all++; hit += $3 > 0 } END { if (!all) exit 1; printf "%.1f %d\n", 100 * hit / all, all }' "$folder/lines.lcov"
}

# One line about NAME; false when something is wrong with it.
fuzz() {
    local name=$1 folder=$out/$1 code=0 share=0 all=0 executions peak verdict=()
    grep -q "^$name " tests/fuzz/parsers.txt || { echo "$name: no row in tests/fuzz/parsers.txt says what it is the fuzzer of"; return 1; }
    rm -rf "$folder/seeds" "$folder/failed" "$folder/files"
    mkdir -p "$folder/seeds" "$folder/failed" "$folder/files" "$folder/found"
    "$build/fuzz_$name" --write-seeds "$folder/seeds" || return
    read -r share all < <(lines_reached "$name") || verdict+=("its seeds or its row in parsers.txt fail ($folder/seeds.log)")
    TMPDIR=$folder/files "$build/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=256 -malloc_limit_mb=256 \
        -print_final_stats=1 -artifact_prefix="$folder/failed/" "$folder/found" "$folder/seeds" >"$folder/log" 2>&1 || code=$?
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/log")
    peak=$(sed -n 's/^stat::peak_rss_mb: *//p' "$folder/log")
    [ "$code" = 0 ] || verdict+=("$(sed -n 's/^SUMMARY: //p' "$folder/log" | head -n 1) ($folder/log, $folder/failed)")
    awk "BEGIN { exit !($share < $least_lines) }" && verdict+=("seeds reach less than $least_lines % of the lines")
    printf '%-16s %9s executions  %4s MB  %5s %% of %5s lines  %s\n' "$name" "${executions:-0}" "${peak:-?}" "$share" "$all" "${verdict[*]/#/FAILED: }"
    [ ${#verdict[@]} = 0 ]
}

build_fuzzers() {
    cmake -S . -B "$build" -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Release -DGRAFT_FUZZ=ON && cmake --build "$build" --parallel "$(nproc)"
}

check_tools
build_fuzzers >"$out/build.log" 2>&1 || { tail -n 30 "$out/build.log"; exit 1; }
passed=0 failed=0
[ $# = 0 ] && mapfile -t names < <(find tests/fuzz -name 'test_fuzz_*.c' -printf '%f\n' | sed 's/^test_fuzz_//; s/\.c$//' | sort) && set -- "${names[@]}"
for name in "$@"; do
    if fuzz "$name"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed"
exit "$((failed != 0))"
