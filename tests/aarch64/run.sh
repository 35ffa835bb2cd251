#!/usr/bin/env bash
# Builds all for aarch64 and runs the C tests there, under qemu: what a compiler or a processor does otherwise (char without a sign,
# other vectors, another libm) shows here. It takes a cross compiler, qemu and the libraries of sysroot.sh; where they cannot be had it says
# so and is done.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. configs/packages.sh

# qemu computes floats some forty times slower. Left out is what measures time or memory, or takes minutes there and tests no more of
# the machine: the fuzzers' inputs, a killed run at every write.
left_out='^(test_chat_template|test_memory|test_resume|test_fuzz_.*)$'

skip() { echo "skipped: $*"; exit 0; }

(install_packages gcc-aarch64-linux-gnu qemu-user) || skip "no cross compiler or no qemu-user from this system's packages"
sysroot=$(tests/aarch64/sysroot.sh) || { [ $? = 2 ] && skip "no packages for arm64 from where this system has its own"; exit 1; }
cmake -S . -B build-aarch64 -DCMAKE_TOOLCHAIN_FILE=tests/aarch64/toolchain.cmake -DCMAKE_SYSROOT="$sysroot"
cmake --build build-aarch64 --parallel "$(nproc)"
ctest --test-dir build-aarch64 --parallel "$(nproc)" --verbose --exclude-regex "$left_out"
