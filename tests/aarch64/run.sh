#!/usr/bin/env bash
# Builds the mathematics for aarch64 and runs its C tests there, under qemu: what a compiler or a processor does otherwise (char without a
# sign, other vectors, another libm) shows here. It takes a cross compiler, qemu and the libraries of sysroot.sh; where they cannot be had it
# says so and is done. qemu computes floats some forty times slower, so this is a choice: products, the operations that are quick there, the
# tape, the optimizer, random numbers and whole models.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. configs/packages.sh

tests="test_gemm test_linear test_norm test_rope test_gate test_act test_add test_gather test_narrow test_tape test_golden test_adamw test_random test_dtype
    test_philox test_vector test_peak"

skip() { echo "skipped: $*"; exit 0; }

(install_packages gcc-aarch64-linux-gnu g++-aarch64-linux-gnu qemu-user) || skip "no cross compiler or no qemu-user from this system's packages"
sysroot=$(tests/aarch64/sysroot.sh) || { [ $? = 2 ] && skip "no packages for arm64 from where this system has its own"; exit 1; }
cmake -S . -B build-aarch64 -DCMAKE_TOOLCHAIN_FILE=tests/aarch64/toolchain.cmake -DCMAKE_SYSROOT="$sysroot" -DGRAFT_CUDA=OFF
# shellcheck disable=SC2086  # several targets
cmake --build build-aarch64 --parallel "$(nproc)" --target $tests
# shellcheck disable=SC2086
ctest --test-dir build-aarch64 --parallel "$(nproc)" --verbose --tests-regex "^($(echo $tests | tr ' ' '|'))\$"
