#include "train/model/rope.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

static const double pi = 3.14159265358979323846;

/* base^(2i / dim), in float32 as torch's scalar ** tensor. */
static float position_frequency(float base, int64_t i, int64_t dim) { return powf(base, (float)(2 * i) / (float)dim); }

static void plain(const Rope *rope, float base)
{
    for (int64_t i = 0; i < rope->parameters.rotary_dim / 2; i++) rope->inv_freq[i] = 1.0f / position_frequency(base, i, rope->parameters.rotary_dim);
}

static void linear(const Rope *rope)
{
    plain(rope, (float)rope->parameters.theta);
    for (int64_t i = 0; i < rope->parameters.rotary_dim / 2; i++) rope->inv_freq[i] /= (float)rope->parameters.factor;
}

/* NTK: the base grows with the length. Grown bases are float32 in transformers (the length is a tensor), the first is not. */
static void dynamic(const Rope *rope)
{
    double factor = rope->parameters.factor, power = (double)rope->parameters.rotary_dim / (double)(rope->parameters.rotary_dim - 2);
    if (rope->seen <= rope->max_positions) {
        plain(rope, (float)(rope->parameters.theta * pow(factor * (double)rope->max_positions / (double)rope->max_positions - (factor - 1), power)));
        return;
    }
    float stretch = (float)factor * (float)rope->seen / (float)rope->max_positions - (float)(factor - 1);
    plain(rope, (float)rope->parameters.theta * powf(stretch, (float)power));
}

static void llama3(const Rope *rope)
{
    const RopeParameters *p = &rope->parameters;
    plain(rope, (float)p->theta);
    float old = (float)p->original_max_position_embeddings, low = (float)p->low_freq_factor, factor = (float)p->factor;
    float low_wavelen = (float)(p->original_max_position_embeddings / p->low_freq_factor);
    float high_wavelen = (float)(p->original_max_position_embeddings / p->high_freq_factor);
    for (int64_t i = 0; i < rope->parameters.rotary_dim / 2; i++) {
        float inv = rope->inv_freq[i], wavelen = (float)(2 * pi) / inv;
        float smooth = (old / wavelen - low) / (float)(p->high_freq_factor - p->low_freq_factor);
        if (wavelen > low_wavelen) rope->inv_freq[i] = inv / factor;
        else if (wavelen >= high_wavelen) rope->inv_freq[i] = (1 - smooth) * inv / factor + smooth * inv;
    }
}

static double yarn_correction(const Rope *rope, double rotations)
{
    const RopeParameters *p = &rope->parameters;
    return (double)rope->parameters.rotary_dim * log(p->original_max_position_embeddings / (rotations * 2 * pi)) / (2 * log(p->theta));
}

static double yarn_mscale(double scale, double mscale) { return scale <= 1 ? 1 : 0.1 * mscale * log(scale) + 1; }

static double yarn_attention_factor(const RopeParameters *p)
{
    if (p->attention_factor >= 0) return p->attention_factor;
    if (p->mscale != 0 && p->mscale_all_dim != 0) return yarn_mscale(p->factor, p->mscale) / yarn_mscale(p->factor, p->mscale_all_dim);
    return yarn_mscale(p->factor, 1);
}

/* arXiv:2309.00071: high frequencies as they are, low ones interpolated, a ramp between. */
static void yarn(Rope *rope)
{
    const RopeParameters *p = &rope->parameters;
    double low = yarn_correction(rope, p->beta_fast), high = yarn_correction(rope, p->beta_slow);
    if (p->truncate) low = floor(low), high = ceil(high);
    low = fmax(low, 0);
    high = fmin(high, (double)(rope->parameters.rotary_dim - 1));
    if (low == high) high += 0.001;
    for (int64_t i = 0; i < rope->parameters.rotary_dim / 2; i++) {
        float frequency = position_frequency((float)p->theta, i, rope->parameters.rotary_dim), ramp = ((float)i - (float)low) / (float)(high - low);
        ramp = ramp < 0 ? 0 : ramp > 1 ? 1 : ramp;
        float keep = 1 - ramp;
        rope->inv_freq[i] = 1.0f / ((float)p->factor * frequency) * (1 - keep) + 1.0f / frequency * keep;
    }
    rope->attention_factor = (float)yarn_attention_factor(p);
}

static double longrope_attention_factor(const RopeParameters *p)
{
    if (p->attention_factor >= 0) return p->attention_factor;
    return p->factor <= 1 ? 1 : sqrt(1 + log(p->factor) / log(p->original_max_position_embeddings));
}

/* arXiv:2402.13753: each frequency has its own factor, one for short micro-batches and one for long ones. */
static void longrope(Rope *rope)
{
    const RopeParameters *p = &rope->parameters;
    const float *factor = (double)rope->seen > p->original_max_position_embeddings ? p->long_factor : p->short_factor;
    for (int64_t i = 0; i < p->rotary_dim / 2; i++)
        rope->inv_freq[i] = 1.0f / (factor[i] * position_frequency((float)p->theta, i, p->rotary_dim));
    rope->attention_factor = (float)longrope_attention_factor(p);
}

static void find_frequencies(Rope *rope)
{
    switch (rope->parameters.type) {
    case ROPE_TYPE_DEFAULT: plain(rope, (float)rope->parameters.theta); break;
    case ROPE_TYPE_LINEAR: linear(rope); break;
    case ROPE_TYPE_DYNAMIC: dynamic(rope); break;
    case ROPE_TYPE_LLAMA3: llama3(rope); break;
    case ROPE_TYPE_YARN: yarn(rope); break;
    case ROPE_TYPE_LONGROPE: longrope(rope); break;
    case ROPE_TYPES: break;
    }
    for (int64_t i = 0; rope->freq_factors && i < rope->parameters.rotary_dim / 2; i++) rope->inv_freq[i] /= rope->freq_factors[i];
}

static void fill_tables(Rope *rope)
{
    const RopeParameters *p = &rope->parameters;
    int64_t half = p->rotary_dim / 2;
    for (int64_t position = 0; position < rope->capacity; position++) {
        float scale = (float)(1 + p->query_scaling_beta * log(1 + floor((double)position / p->original_max_position_embeddings)));
        for (int64_t i = position * half; i < (position + 1) * half; i++) {
            float angle = (float)position * rope->inv_freq[i - position * half];
            rope->cos[i] = (float)cos((double)angle) * rope->attention_factor;
            rope->sin[i] = (float)sin((double)angle) * rope->attention_factor;
            rope->query_cos[i] = rope->cos[i] * scale;
            rope->query_sin[i] = rope->sin[i] * scale;
        }
    }
}

void rope_init(Rope *rope, const RopeParameters *parameters, int64_t max_positions, const float *freq_factors)
{
    size_t half = (size_t)parameters->rotary_dim / 2;
    bool longrope = parameters->type == ROPE_TYPE_LONGROPE;
    *rope = (Rope){ .parameters = *parameters, .max_positions = longrope ? (int64_t)parameters->original_max_position_embeddings : max_positions,
                    .attention_factor = 1, .inv_freq = memory_new(half, sizeof(float)) };
    rope->seen = rope->max_positions;
    if (freq_factors) rope->freq_factors = memory_copy(freq_factors, half, sizeof(float));
    find_frequencies(rope);
}

static bool scales_queries(const Rope *rope) { return rope->parameters.query_scaling_beta != 0; }

void rope_reserve(Rope *rope, int64_t positions)
{
    if (positions <= rope->capacity) return;
    size_t row = (size_t)rope->parameters.rotary_dim / 2 * sizeof(float);
    rope->capacity = positions;
    rope->cos = memory_grow(rope->cos, (size_t)positions, row);
    rope->sin = memory_grow(rope->sin, (size_t)positions, row);
    rope->query_cos = scales_queries(rope) ? memory_grow(rope->query_cos, (size_t)positions, row) : rope->cos;
    rope->query_sin = scales_queries(rope) ? memory_grow(rope->query_sin, (size_t)positions, row) : rope->sin;
    fill_tables(rope);
}

void rope_restore(Rope *rope, int64_t seen)
{
    if (seen == rope->seen) return;
    rope->seen = seen;
    find_frequencies(rope);
    fill_tables(rope);
}

void rope_meet(Rope *rope, int64_t longest)
{
    CHECK(longest <= rope->capacity, "positions up to %lld, tables for %lld", (long long)longest, (long long)rope->capacity);
    bool dynamic = rope->parameters.type == ROPE_TYPE_DYNAMIC, longrope = rope->parameters.type == ROPE_TYPE_LONGROPE;
    if (longrope) rope_restore(rope, longest > rope->max_positions ? rope->max_positions + 1 : rope->max_positions);
    if (!dynamic) return;
    if (longest > rope->seen) rope_restore(rope, longest);
    else if (longest < rope->max_positions && rope->seen > rope->max_positions) rope_restore(rope, rope->max_positions);
}

void rope_free(Rope *rope)
{
    if (scales_queries(rope)) {
        free(rope->query_cos);
        free(rope->query_sin);
    }
    free(rope->inv_freq);
    free(rope->freq_factors);
    free(rope->cos);
    free(rope->sin);
    *rope = (Rope){0};
}
