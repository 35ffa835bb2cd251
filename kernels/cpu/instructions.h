/* By which of a processor's instructions matrix products are made: one row for each set, from what every machine has to the widest, and
 * the one place that asks the machine.
 *
 * A backend carries its row as a value. A set's tiles are fixed, and part of its results' bits. Elementwise loops and decoders give
 * the same bits by any instructions, so they have no row: they take what the machine has. */
#ifndef KERNELS_CPU_INSTRUCTIONS_H
#define KERNELS_CPU_INSTRUCTIONS_H
#include <stdbool.h>

#include "kernels/backend.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/peak.h"
#include "kernels/cpu/tiles.h"

struct Instructions {
    bool (*here)(void);              /* does this machine have them? */
    const GemmKernels *gemm;         /* of float32 */
    const TileKernels *tiles;        /* of bfloat16; NULL: none */
    const PeakRounds *peak;          /* the most that they can do */
};

extern const Instructions instruction_sets[ISA_COUNT];

const Instructions *instructions_widest(void);       /* of this machine */

bool instructions_avx2(void);        /* this machine is an x86-64-v3 */

#endif
