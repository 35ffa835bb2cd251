/* What a warp does together, lane by lane as the PTX ISA says: shfl.sync, vote.sync, "Matrix Fragments for mma.m16n8k16", ldmatrix. Nothing
 * here is seen by ThreadSanitizer: registers are the lanes' own. */
#include "kernels/cuda/emulator/emulator.h"

enum { LANES = 32 };

static void shuffle(unsigned mask, const void *const in[32], void *const out[32])
{
    for (int lane = 0; lane < LANES; lane++) {
        if (!(mask >> lane & 1)) continue;
        int from = ((const EmulatorShuffle *)in[lane])->from & (LANES - 1);
        if (mask >> from & 1) memcpy(out[lane], ((const EmulatorShuffle *)in[from])->words, 16);
        else memset(out[lane], 0xFF, 16);
    }
}
const EmulatorCollective emulator_shuffle = { "__shfl_sync", shuffle };

static void ballot(unsigned mask, const void *const in[32], void *const out[32])
{
    unsigned votes = 0;
    for (int lane = 0; lane < LANES; lane++)
        if (mask >> lane & 1) votes |= (unsigned)(*(const int *)in[lane] != 0) << lane;
    for (int lane = 0; lane < LANES; lane++)
        if (mask >> lane & 1) *(unsigned *)out[lane] = votes;
}
const EmulatorCollective emulator_ballot = { "__ballot_sync", ballot };

/* --- matrices of bf16: a register holds two columns (A) or two rows (B), the first in its low half */

static float half_of(uint32_t pair, int which)
{
    uint32_t bits = which ? pair & 0xFFFF0000u : pair << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Lane 4 g + t has rows g and g + 8 of A and C, column g of B; columns 2 t, 2 t + 1 of C, and of A's and B's steps these and the ones 8 behind. */
static void mma_16816(unsigned, const void *const in[32], void *const out[32])
{
    float a[16][16], b[16][8], c[16][8];
    for (int lane = 0; lane < LANES; lane++) {
        const EmulatorMma *m = (const EmulatorMma *)in[lane];
        int g = lane / 4, t = lane % 4;
        for (int e = 0; e < 2; e++) {
            for (int i = 0; i < 4; i++) a[g + i % 2 * 8][2 * t + i / 2 * 8 + e] = half_of(m->a[i], e);
            for (int i = 0; i < 2; i++) b[2 * t + i * 8 + e][g] = half_of(m->b[i], e);
            for (int i = 0; i < 2; i++) c[g + i * 8][2 * t + e] = m->c[2 * i + e];
        }
    }
    for (int i = 0; i < 16; i++)
        for (int k = 0; k < 16; k++)
            for (int j = 0; j < 8; j++) c[i][j] += a[i][k] * b[k][j];
    for (int lane = 0; lane < LANES; lane++)
        for (int i = 0; i < 4; i++) ((float *)out[lane])[i] = c[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2];
}
const EmulatorCollective emulator_mma_16816 = { "mma.m16n8k16", mma_16816 };

/* Lane 8 m + r brings row r of matrix m, 8 values of 16 bits. Lane 4 g + t takes of each matrix columns 2 t, 2 t + 1 of row g; transposed, rows
 * 2 t, 2 t + 1 of column g. */
static void load_matrices(bool transposed, const void *const in[32], void *const out[32])
{
    for (int lane = 0; lane < LANES; lane++)
        for (int m = 0; m < 4; m++) {
            int g = lane / 4, t = lane % 4;
            uint16_t pair[2];
            for (int e = 0; e < 2; e++) {
                int row = transposed ? 2 * t + e : g, col = transposed ? g : 2 * t + e;
                pair[e] = ((const uint16_t *)in[8 * m + row])[col];
            }
            memcpy((uint32_t *)out[lane] + m, pair, sizeof pair);
        }
}
static void ldsm_x4(unsigned, const void *const in[32], void *const out[32]) { load_matrices(false, in, out); }
static void ldsm_x4_t(unsigned, const void *const in[32], void *const out[32]) { load_matrices(true, in, out); }
const EmulatorCollective emulator_ldsm_x4 = { "ldmatrix.x4", ldsm_x4 }, emulator_ldsm_x4_t = { "ldmatrix.x4.trans", ldsm_x4_t };
