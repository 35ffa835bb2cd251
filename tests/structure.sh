#!/usr/bin/env bash
# The direction of DESIGN: train uses all; optim and data use kernels; kernels uses nothing above itself. cJSON stays in
# data/file/json.c, OpenBLAS in kernels/cpu. Prints every include that goes the wrong way; exits 1 if there is one.
set -eu
cd "$(dirname "$0")/.."
bad=0
refuse() {   # WHERE PATTERN WHY
    if found=$(grep -rnE "$2" "$1" --include='*.c' --include='*.h'); then
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
if found=$(grep -rlE '#include <.*cblas.*>|openblas_' kernels optim data train | grep -v '^kernels/cpu/'); then
    echo "only kernels/cpu may use OpenBLAS: $found"; bad=1
fi
exit $bad
