#!/usr/bin/env bash
# What the compiler does not say about the sources. Prints what is wrong and exits 1 if there is something:
#   direction     train uses all; optim and data use kernels; kernels uses nothing above itself
#   libraries     cJSON stays in data/file/json.c, OpenBLAS in kernels/cpu and in the fake device
#   headers       each compiles alone; those of kernels for CUDA, on its emulator
#   CUDA          what kernels may use is in dev.h
#   unfinished    no notes to ourselves
set -eu
cd "$(dirname "$0")/.."
bad=0
refuse() {   # WHERE PATTERN WHY
    if found=$(grep -rnE "$2" "$1" --include='*.c' --include='*.h' --include='*.cc' --include='*.cu' --include='*.cuh'); then
        printf '%s\n%s\n' "$3" "$found"
        bad=1
    fi
}
refuse kernels '#include "(optim|data|train)/' 'kernels may include only kernels:'
refuse optim '#include "(data|train)/' 'optim may include only kernels and optim:'
refuse data '#include "(optim|train)/' 'data may include only kernels and data:'
if found=$(grep -rlE '#include <(cjson/)?cJSON.h>' kernels optim data train | grep -v '^data/file/json\.c$'); then
    echo "only data/file/json.c may include cJSON: $found"; bad=1
fi
if found=$(grep -rlE '#include <.*cblas.*>|openblas_' kernels optim data train | grep -vE '^kernels/(cpu|cuda/emulator)/'); then
    echo "only kernels/cpu and the fake device may use OpenBLAS: $found"; bad=1
fi
if found=$(grep -nE '<<<|__shared__|asm|atomicAdd|cooperative_groups|#include <(cuda|mma|cublas)' kernels/cuda/*.cu kernels/cuda/*.cuh); then
    printf 'only kernels/cuda/dev.h may use what is CUDA'"'"'s own:\n%s\n' "$found"; bad=1
fi
for header in $(find kernels optim data train -name '*.h' -o -name '*.cuh' | sort); do
    case $header in
        *.cuh | */dev.h | */emulator.h | */fiber.h) compile="${CXX:-c++} -x c++ -std=gnu++17 -DGRAFT_EMULATOR" ;;
        *) compile="${CC:-cc} -std=gnu11" ;;
    esac
    $compile -D_GNU_SOURCE -I. -Wall -fsyntax-only "$header" || { echo "$header does not compile alone"; bad=1; }
done
if found=$(grep -rnE '\b(TO''DO|FIX''ME|X''XX)\b' kernels optim data train tests configs CMakeLists.txt --include='*.[ch]' --include='*.sh' --include='*.py' --include='*.txt'); then
    printf 'unfinished:\n%s\n' "$found"; bad=1
fi
exit $bad
