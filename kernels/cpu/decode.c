#include "kernels/cpu/decode.h"

#include "kernels/cpu/instructions.h"

DtypeDecode *decode_for(Dtype dtype)
{
    return decode_avx2[dtype] && instructions_avx2() ? decode_avx2[dtype] : dtype_rows[dtype].decode;
}
