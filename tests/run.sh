#!/usr/bin/env bash
# Runs every test: installs what they need, builds, and ends with a table and the line `N passed, N failed`.
#
#   tests/run.sh           the C tests under gcc, clang and the sanitizers, and the fuzzers; then on aarch64, under qemu; then graft against
#                          the peers on PyPI, and the quickstart
#   tests/run.sh --fast    only the C tests: no Python
#
# A part counts what its programs count: ctest its programs, the scripts of tests/peers their cases; else it counts as one. Parts that need
# nothing of each other run side by side, since most of them keep one core busy. The output of each is in out/tests. The peers' environment
# and TRL's runs are kept in a cache folder (peers/environment.sh), so that only the first time is slow.
# shellcheck disable=SC2317  # part calls functions by their names
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
. configs/packages.sh
. configs/fetch_model.sh

case ${1-} in
    "") fast= ;;
    --fast) fast=yes ;;
    *) stop "usage: tests/run.sh [--fast]" ;;
esac
jobs=$(nproc)
lanes=$((jobs < 4 ? jobs : 4))
logs=out/tests
parts=() n_failed=0
rm -rf "$logs"
mkdir -p "$logs"

# Sums of "N passed, N failed" and of ctest's closing line in a log: PASSED FAILED.
counted() {
    awk '/^[0-9]+ passed, [0-9]+ failed/ { passed += $1; failed += $3; counts = 1 }
         /tests passed, [0-9]+ tests? failed out of [0-9]+/ { passed += $NF - $4; failed += $4; counts = 1 }
         END { if (counts) print passed, failed }' "$1"
}

log_of() { echo "$logs/${1//[^a-z0-9]/-}.log"; }

# Runs one part, prints its row, and leaves PASSED FAILED SECONDS beside its log.
run_part() {
    local name=$1 log begin=$SECONDS code=0 passed failed
    log=$(log_of "$name")
    shift
    ("$@") >"$log" 2>&1 </dev/null || code=$?
    read -r passed failed < <(counted "$log") || { passed=$((code == 0)) failed=$((code != 0)); }
    [ "$code" != 0 ] && [ "$failed" = 0 ] && failed=1
    echo "$passed $failed $((SECONDS - begin))" >"${log%.log}.counts"
    echo "$(printf '%-40s %5d passed %4d failed %5d s' "$name" "$passed" "$failed" $((SECONDS - begin))
        [ "$failed" = 0 ] || what_failed "$log")"
}

what_failed() {
    printf '\n'
    { grep -aE -A3 'error:|ERROR|FAILED|Failed|failed$' "$1" || tail -n 40 "$1"; } | tail -n 40 | sed 's/^/    /'
    echo "    all of it: $1"
}

# part NAME COMMAND...: begins it as soon as there is a lane, and goes on.
part() {
    while [ "$(jobs -rp | wc -l)" -ge "$lanes" ]; do wait -n; done
    parts+=("$1")
    run_part "$@" &
}

# together: waits for all parts so far; false if one failed.
together() {
    wait
    n_failed=0
    local name passed failed seconds
    for name in "${parts[@]}"; do
        read -r passed failed seconds <"$(log_of "$name" | sed 's/log$/counts/')" || failed=1
        n_failed=$((n_failed + failed))
    done
    [ "$n_failed" = 0 ]
}

# The table of all parts, what they skipped, and the line that says it all.
finish() {
    together
    local name log passed failed seconds n_passed=0
    printf '\n%-40s %7s %7s %8s\n' part passed failed time
    for name in "${parts[@]}"; do
        read -r passed failed seconds <"$(log_of "$name" | sed 's/log$/counts/')"
        printf '%-40s %7d %7d %6d s\n' "$name" "$passed" "$failed" "$seconds"
        n_passed=$((n_passed + passed))
    done
    printf '%-40s %7s %7s %6d s\n' "" "" "" "$SECONDS"
    for name in "${parts[@]}"; do
        sed -n "s/^\([0-9]*: \)\{0,1\}skipped: /skipped: $(sed 's/[&/]/\\&/g' <<<"$name"): /p" "$(log_of "$name")" | sort -u
    done
    echo "$n_passed passed, $n_failed failed"
    exit "$((n_failed != 0))"
}

# build FOLDER TARGETS [OPTION...]
build() {
    local folder=$1 targets=$2
    shift 2
    # shellcheck disable=SC2086  # several targets
    cmake -S . -B "$folder" "$@" && cmake --build "$folder" --parallel "$jobs" --target $targets
}

run_ctest() { ctest --test-dir "$1" --parallel "$jobs" --verbose "${@:2}"; }

sanitized() {
    build build-address all -DGRAFT_SANITIZE=address,undefined || return
    UBSAN_OPTIONS=print_stacktrace=1 run_ctest build-address
}

# The tests in which several threads work: they open a pool, run the program, or run kernels on the emulator, whose threads are watched as such.
threaded() {
    local tests alone=()
    mapfile -t tests < <(grep -rlE 'pool_open|op_testing\.h|GRAFT_BINARY|kernels/cuda/' tests --include='test_*.c' --include='test_*.cc' |
        sed 's|.*/||; s|\.cc*$||' | sort)
    build build-thread "graft ${tests[*]}" -DGRAFT_SANITIZE=thread || return
    # gcc's thread sanitizer does not start where addresses are randomised more than it expects.
    setarch -R true 2>/dev/null && alone=(setarch -R)
    "${alone[@]}" ctest --test-dir build-thread --verbose -R "^($(IFS='|'; echo "${tests[*]}"))\$"
}

# libFuzzer is in a package of clang's version, or, on older systems, in one that clang brings.
install_test_packages() {
    local runtime
    install_packages clang llvm || return
    runtime=libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev
    if apt-cache show "$runtime" >/dev/null 2>&1; then install_packages clang llvm "$runtime"; fi
}

make_environment() { tests/peers/environment.sh >"$logs/python" && tests/peers/llama_cpp.sh >"$logs/llama_cpp"; }
# An adapter folder, and the logits that graft computes with it.
adapter_loads() {
    build/graft generate --adapter_name_or_path "$1" --prompt "Define hope." --max_new_tokens 1 --logits_file "$logs/logits.safetensors" &&
        peers adapter_loads.py "$model_folder/f32" "$1" "$logs/logits.safetensors"
}
# README's table of families, from what the parts before it printed.
family_table() {
    peers family_table.py build/graft --trained "$(log_of "training against TRL and PEFT")" "$(log_of "families against TRL and PEFT")" \
        --gguf "$(log_of "families as GGUF")"
}
peers() { "$(cat "$logs/python")" "tests/peers/$1" "${@:2}"; }

build_clang() {
    if ! command -v clang >/dev/null; then echo "skipped: clang is not installed" && return; fi
    build build-clang all -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DGRAFT_CUDA=OFF
}

part packages install_test_packages
together || finish
[ "$fast" ] || part "environment of the peers" make_environment
part "build (gcc)" build build all -DGRAFT_CUDA_ARCHITECTURES=80-virtual
together || finish
part structure tests/structure.sh
part "tests" run_ctest build
part "resources of CUDA kernels" tests/kernels/cuda/resources.sh sm_80 sm_90 sm_120      # all six: without arguments
part "tests, address and undefined" sanitized
part "tests, threads" threaded
part "build (clang)" build_clang
part "fuzzing, 5 s each" tests/fuzz/run.sh 5
part "scanners, a million texts each" build/test_scanner 1000000
[ "$fast" ] && finish
together
[ -s "$logs/llama_cpp" ] || finish

part "training against TRL and PEFT" peers parity.py build/graft
part "training what else an adapter has" peers adapter_parity.py build/graft
part "dropouts of base models" peers dropout_parity.py build/graft gpt2 gemma2-capped
part "families against TRL and PEFT" peers family_parity.py build/graft
part "keys of every family" peers family_keys.py build/graft --share 3
part "released configurations of every family" peers family_released.py build/graft
part "families as GGUF" peers family_gguf.py build/graft
part "keys of GGUF" peers family_gguf_keys.py build/graft llama gemma2 olmo3 phi3
part "training on GGUF" peers gguf_parity.py build/graft
part "generating" peers generate_parity.py build/graft
part "chat templates" peers check_templates.py --driver build/render_chat --more "$(cat "$logs/llama_cpp")/models/templates"
part "training templates" peers check_training_templates.py --driver build/render_chat
part "random expressions of templates" peers fuzz_expressions.py --driver build/render_chat --count 5000
part "random texts through tokenizers" peers check_tokenizer.py build
part "folders with a bare vocabulary" peers check_bare_folders.py build
part "vocabularies of llama.cpp" peers check_tokenizer.py build --texts 300 "$(cat "$logs/llama_cpp")"/models/ggml-vocab-*.gguf
part "random tables through Parquet" peers check_parquet.py build
part "tokens and labels against TRL" peers check_masks.py build/graft
part "rows of data files" peers check_rows.py build/read_rows
part "quickstart --short" configs/quickstart.sh --short
together
part "README's table of families" family_table
part "PEFT loads what it wrote" adapter_loads out/quickstart-short/adapter
finish
