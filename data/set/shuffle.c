#include "data/set/shuffle.h"

#include <stdbool.h>
#include <stdlib.h>

#include "kernels/memory.h"
#include "kernels/status.h"

/* SeedSequence: a pool of four words that every word of the seed is mixed into, then read out. */
enum { POOL = 4 };

static uint32_t hash(uint32_t value, uint32_t *constant, uint32_t multiplier)
{
    value ^= *constant;
    *constant *= multiplier;
    value *= *constant;
    return value ^ value >> 16;
}

static uint32_t mix(uint32_t x, uint32_t y)
{
    uint32_t mixed = 0xca01f9ddu * x - 0x4973f715u * y;
    return mixed ^ mixed >> 16;
}

static void seed_words(uint64_t seed, uint64_t out[4])
{
    uint32_t pool[POOL], word[POOL] = { (uint32_t)seed, (uint32_t)(seed >> 32) }, constant = 0x43b0d7e5u;
    for (int i = 0; i < POOL; i++) pool[i] = hash(word[i], &constant, 0x931e8875u);
    for (int from = 0; from < POOL; from++)
        for (int to = 0; to < POOL; to++)
            if (from != to) pool[to] = mix(pool[to], hash(pool[from], &constant, 0x931e8875u));
    constant = 0x8b51f9ddu;
    for (int i = 0; i < 4; i++) {
        uint64_t low = hash(pool[2 * i % POOL], &constant, 0x58f38dedu);
        out[i] = low | (uint64_t)hash(pool[(2 * i + 1) % POOL], &constant, 0x58f38dedu) << 32;
    }
}

/* PCG64: a 128-bit linear congruence, 64 bits of output, given out in halves, the low one first. */
typedef unsigned __int128 Word;
typedef struct { Word state, increment; uint32_t high; bool has_high; } Pcg;

static uint64_t pcg_next(Pcg *pcg)
{
    const Word multiplier = (Word)0x2360ED051FC65DA4 << 64 | 0x4385DF649FCCF645;
    pcg->state = pcg->state * multiplier + pcg->increment;
    uint64_t mixed = (uint64_t)(pcg->state >> 64) ^ (uint64_t)pcg->state;
    unsigned turn = (unsigned)(pcg->state >> 122);
    return mixed >> turn | mixed << (-turn & 63);
}

static Pcg pcg_seeded(uint64_t seed)
{
    uint64_t word[4];
    seed_words(seed, word);
    Pcg pcg = { .increment = ((Word)word[2] << 64 | word[3]) << 1 | 1 };
    pcg_next(&pcg);
    pcg.state += (Word)word[0] << 64 | word[1];
    pcg_next(&pcg);
    return pcg;
}

static uint32_t pcg_half(Pcg *pcg)
{
    pcg->has_high = !pcg->has_high;
    if (!pcg->has_high) return pcg->high;
    uint64_t both = pcg_next(pcg);
    pcg->high = (uint32_t)(both >> 32);
    return (uint32_t)both;
}

/* One of 0 … most, each as likely: as many bits as `most` has, drawn again until they are no more. */
static uint32_t pcg_bounded(Pcg *pcg, uint32_t most)
{
    uint32_t mask = most, value;
    for (int i = 1; i < 32; i *= 2) mask |= mask >> i;
    do value = pcg_half(pcg) & mask;
    while (value > most);
    return value;
}

void shuffle_order(uint64_t seed, int64_t n, int64_t *order)
{
    CHECK(n < UINT32_MAX);
    Pcg pcg = pcg_seeded(seed);
    for (int64_t i = 0; i < n; i++) order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t other = pcg_bounded(&pcg, (uint32_t)i), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
}

void shuffle_examples(Examples *examples, uint64_t seed)
{
    Examples shuffled = {0};
    int64_t *order = memory_new((size_t)examples->n, sizeof *order);
    shuffle_order(seed, examples->n, order);
    examples_reorder(examples, order, examples->n, &shuffled);
    free(order);
    examples_free(examples);
    *examples = shuffled;
}
