/* The fastest decoder that this machine has for a dtype. Same arguments and same bits as dtype_rows[].decode, which is the
 * definition; a matrix product decodes whole weight matrices, so it asks here. NULL for a type that is no weight. */
#ifndef KERNELS_CPU_DECODE_H
#define KERNELS_CPU_DECODE_H
#include "kernels/dtype.h"

DtypeDecode *decode_for(Dtype);

extern DtypeDecode *const decode_avx2[DTYPE_COUNT];      /* needs x86-64-v3; NULL where there is none */

#endif
