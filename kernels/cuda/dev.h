/* All that a kernel may use: once for nvcc, once for the emulator (GRAFT_EMULATOR), so that one text is the product on a card and
 * the thing under test on the host.
 *
 * Kernels are C with templates over element type and sizes. Rules, which tests/structure.sh and the emulator see to:
 *   - outside this file no <<<>>>, asm, __shared__, wmma, cooperative groups, textures, device malloc, atomics on floats. No waiting on
 *     memory: the next launch is the way to wait for a grid.
 *   - between a lane's write to shared memory and another's read of it stands __syncthreads or __syncwarp; a shuffle is no barrier.
 *   - no return before a barrier: guard the work instead. Collectives in full warps from code that has not diverged.
 *   - pointers are arguments of their own, not inside a struct: the emulator checks each to be device memory.
 *   - products and sums are rounded one by one (--fmad=false); fmaf where a fused one is meant. expf, sinf and their like are the
 *     accurate ones. So what a kernel computes in float32 is the same on every card and here, but for those functions' last bits.
 *   - beside each kernel: how threads are mapped to data, `block`, `shared` bytes, `registers` at most; tests/kernels/cuda/resources.sh
 *     compares them with what ptxas says.
 *
 * Each wrapper of an instruction names its section of the PTX ISA and has its row in wrappers.cu. */
#ifndef KERNELS_CUDA_DEV_H
#define KERNELS_CUDA_DEV_H
#include <stdint.h>

typedef struct { uint16_t bits; } bf16;
enum { WARP = 32 };
#define FULL_WARP 0xFFFFFFFFu

#ifndef GRAFT_EMULATOR

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#define DEVICE static __device__ __forceinline__
#define UNROLL _Pragma("unroll")          /* before a loop over registers */
#define LAUNCH(kernel, grid, block, shared, stream, ...) kernel<<<grid, block, shared, stream>>>(__VA_ARGS__)
#define ALLOW_SHARED(kernel, bytes) cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)(bytes))
#define SHARED(type, name, dims) __shared__ __align__(128) type name dims
#define DYNAMIC_SHARED(type, name) extern __shared__ __align__(128) unsigned char dynamic_shared_bytes[]; type *name = (type *)dynamic_shared_bytes

DEVICE float bf16_value(bf16 x) { return __uint_as_float((uint32_t)x.bits << 16); }
DEVICE bf16 bf16_round(float x) { return bf16{ __bfloat16_as_ushort(__float2bfloat16_rn(x)) }; }

/* "cvt": two values rounded to bf16, `low` in the low half. */
DEVICE uint32_t bf16_pair(float low, float high)
{
    __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    return *(uint32_t *)&pair;
}

DEVICE uint32_t shared_address(const void *at) { return (uint32_t)__cvta_generic_to_shared(at); }

/* "mma": C [16, 8] += A [16, 16] B [16, 8], a warp's fragments of "Matrix Fragments for mma.m16n8k16" with bf16 and float32. */
DEVICE void mma_16816(float c[4], const uint32_t a[4], const uint32_t b[2])
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3},{%4,%5,%6,%7},{%8,%9},{%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* "ldmatrix": four matrices of 8 x 8 values of 16 bits; lane 8 m + r brings the address of matrix m's row r, 16 bytes, aligned. */
DEVICE void ldsm_x4(uint32_t r[4], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3},[%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(shared_address(row)) : "memory");
}
DEVICE void ldsm_x4_t(uint32_t r[4], const void *row)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3},[%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(shared_address(row)) : "memory");
}

/* "cp.async": 16 bytes from global to shared memory, both aligned, or zeros where there is nothing; there when the group that it was committed
 * in has been waited for, and for other threads after a barrier behind that. `left`: how many of the newest groups may still be under way. */
DEVICE void cp_async(void *to, const void *from, bool there)
{
    asm volatile("cp.async.cg.shared.global [%0],[%1],16,%2;" :: "r"(shared_address(to)), "l"(from), "r"(there ? 16 : 0) : "memory");
}
DEVICE void cp_async_commit(void) { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int left> DEVICE void cp_async_wait(void) { asm volatile("cp.async.wait_group %0;" :: "n"(left) : "memory"); }

/* Four floats at an address aligned to 16 bytes. */
DEVICE float4 load_4(const float *at) { return *(const float4 *)at; }
DEVICE void store_4(float *at, float4 x) { *(float4 *)at = x; }

#else

#include "kernels/cuda/emulator/emulator.h"

#define DEVICE static inline
#define UNROLL
#define LAUNCH(kernel, grid, block, shared, stream, ...) emulator_launch(#kernel, kernel, grid, block, shared, stream, __VA_ARGS__)
#define ALLOW_SHARED(kernel, bytes) emulator_allow_shared((const void *)(kernel), bytes)
#define SHARED(type, name, dims)                                        \
    typedef type name##_type dims;                                      \
    static const char name##_key = 0;                                   \
    name##_type &name = *(name##_type *)emulator_shared(&name##_key, sizeof(name##_type))
#define DYNAMIC_SHARED(type, name) type *name = (type *)emulator_dynamic_shared()

DEVICE float bf16_value(bf16 x)
{
    uint32_t bits = (uint32_t)x.bits << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* To the nearest, of two equally near to the even one; a NaN becomes the one that the hardware gives. */
DEVICE bf16 bf16_round(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (x != x) return bf16{ 0x7FFF };
    return bf16{ (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16) };
}
DEVICE uint32_t bf16_pair(float low, float high) { return bf16_round(low).bits | (uint32_t)bf16_round(high).bits << 16; }

DEVICE void mma_16816(float c[4], const uint32_t a[4], const uint32_t b[2])
{
    EmulatorMma in;
    memcpy(in.a, a, sizeof in.a);
    memcpy(in.b, b, sizeof in.b);
    memcpy(in.c, c, sizeof in.c);
    emulator_together(&emulator_mma_16816, FULL_WARP, &in, c);
}

/* The lane that brings an address reads the row itself, so that the sanitizers know who did. */
DEVICE void ldsm_x4(uint32_t r[4], const void *row)
{
    emulator_aligned(row, 16, "ldmatrix");
    uint4 values = *(const uint4 *)row;
    emulator_together(&emulator_ldsm_x4, FULL_WARP, &values, r);
}
DEVICE void ldsm_x4_t(uint32_t r[4], const void *row)
{
    emulator_aligned(row, 16, "ldmatrix");
    uint4 values = *(const uint4 *)row;
    emulator_together(&emulator_ldsm_x4_t, FULL_WARP, &values, r);
}

DEVICE void cp_async(void *to, const void *from, bool there)
{
    emulator_aligned(to, 16, "cp.async to shared memory");
    emulator_aligned(from, 16, "cp.async from global memory");
    *(uint4 *)to = make_uint4(~0u, ~0u, ~0u, ~0u);
    emulator_copy_issue(to, there ? from : nullptr);
}
DEVICE void cp_async_commit(void) { emulator_copy_commit(); }
template <int left> DEVICE void cp_async_wait(void)
{
    EmulatorCopy copy;
    while (emulator_copy_due(left, &copy)) *(uint4 *)copy.to = copy.from ? *(const uint4 *)copy.from : make_uint4(0, 0, 0, 0);
}

DEVICE float4 load_4(const float *at)
{
    emulator_aligned(at, 16, "load_4");
    return *(const float4 *)at;
}
DEVICE void store_4(float *at, float4 x)
{
    emulator_aligned(at, 16, "store_4");
    *(float4 *)at = x;
}

#endif

/* The running thread among all of a grid in x. */
DEVICE int64_t grid_thread(void) { return (int64_t)blockIdx.x * blockDim.x + threadIdx.x; }

#endif
