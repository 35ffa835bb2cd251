/* torch's CPU generator, draw for draw: the same initial adapter and the same order of data as the peers from one seed.
 *
 * MT19937 (Matsumoto and Nishimura 1998) with Knuth's initialiser. Torch takes 24 of a draw's 32 bits for a float32 and 53 of
 * two draws' 64 for a double; a pair of normals is made from two uniforms. Randomness inside a step (dropout, noise, sampling)
 * does not come from here: see philox.h.
 *
 * A Random is a plain value: a copy of it is a saved state. */
#ifndef KERNELS_RANDOM_H
#define KERNELS_RANDOM_H
#include <stdbool.h>
#include <stdint.h>

enum { RANDOM_WORDS = 624, RANDOM_STATE_BYTES = 5056 };

typedef struct {
    uint64_t seed;
    uint32_t word[RANDOM_WORDS];
    int      next;                 /* words already given out; RANDOM_WORDS: all of them */
    bool     has_normal;
    double   normal;               /* the second of the last pair, not given out yet */
} Random;

void     random_seed(Random *, uint64_t seed);          /* torch.manual_seed: only the low 32 bits matter */
uint32_t random_u32(Random *);
uint64_t random_u64(Random *);                          /* the first draw is the high word */
void     random_skip(Random *, int64_t n_draws);        /* what n draws of 32 bits would have done */

/* torch.randperm(n), n below 2^32 / 20. */
void     random_permutation(Random *, int64_t n, int64_t *out);

/* Tensor.uniform_(low, high) on float32: bit-exact. One draw per element. */
void     random_uniform(Random *, double low, double high, int64_t n, float *out);

/* Tensor.normal_(mean, std) on float32. From 16 elements on torch works in blocks with an approximate log, sine and cosine
 * and is met within 3e-7 * std; below, in double, and met exactly up to libm. */
void     random_normal(Random *, double mean, double std, int64_t n, float *out);

/* The bound of torch.nn.init.kaiming_uniform_(a=sqrt(5)), which nn.Linear and LoRA's A use. */
double   random_kaiming_bound(int64_t fan_in);

/* torch.get_rng_state() and set_rng_state(): the bytes that Trainer keeps in rng_state.pth. `load` is false, and the
 * generator unchanged, when these are not the bytes of a generator. */
void     random_save(const Random *, uint8_t bytes[RANDOM_STATE_BYTES]);
bool     random_load(Random *, const uint8_t bytes[RANDOM_STATE_BYTES]);

#endif
