/* Sets of instructions as this machine need not have them: the same sources, whose intrinsics are functions here. The tests of what
 * the sets do run on these too, so that on any x86-64 every line of them runs. */
#ifndef TESTS_KERNELS_CPU_EMULATED_H
#define TESTS_KERNELS_CPU_EMULATED_H
#include "kernels/cpu/instructions.h"

typedef struct { const char *name; Instructions isa; } Emulated;
extern const Emulated emulated[];
extern const int n_emulated;       /* 0 where the machine is no x86-64 */

#endif
