#include "kernels/cpu/peak.h"

#include "kernels/cpu/tiles.h"

#if defined(__AMX_BF16__)
#include <immintrin.h>

enum { SUMS = 4 };

/* Tiles that were configured are zero. Each instruction stays where it is: it is volatile assembly. */
static float run(int64_t rounds)
{
    tiles_amx.begin();
    for (int64_t r = 0; r < rounds; r++) {
        _tile_dpbf16ps(0, 6, 4);
        _tile_dpbf16ps(1, 6, 5);
        _tile_dpbf16ps(2, 7, 4);
        _tile_dpbf16ps(3, 7, 5);
    }
    tiles_amx.end();
    return 0;
}

const PeakRounds peak_amx = { run, 2.0 * TILE_LINES * TILE_LINES * TILE_STEPS * SUMS };
#else
const PeakRounds peak_amx = {0};
#endif
