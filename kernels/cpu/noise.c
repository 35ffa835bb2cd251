#include "kernels/cpu/cpu.h"

#include "kernels/cpu/matrix.h"
#include "kernels/cpu/vector.h"
#include "kernels/philox.h"

enum { WORDS = 512 };

static VECTOR_CLONES void shake(const float *x, const uint32_t *word, float m, int64_t n, float *y)
{
    INDEPENDENT
    for (int64_t i = 0; i < n; i++) y[i] = x[i] + (2 * philox_unit(word[i]) - 1) * m;
}

static void noise_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    int64_t cols = c->in[0].cols;
    RowRange range = task_rows(task, c->in[0].rows, cols);
    float m = c->args->noise.m;
    uint32_t word[WORDS];
    for (int64_t i = range.begin * cols; i < range.end * cols; i += WORDS) {
        int64_t n = least(WORDS, range.end * cols - i);
        cpu_words(c->args->noise.key, (uint64_t)i, n, word);
        shake(c->in[0].data + i, word, m, n, c->out[0].data + i);
    }
}

void cpu_noise_fwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->in[0].rows, c->in[0].cols, noise_rows); }

void cpu_noise_bwd(const Backend *b, const OpCall *c) { cpu_hand_over_rows(b, c->dout[0], c->beta[0], c->din[0]); }
