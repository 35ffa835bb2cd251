/* The activations and their slopes, one place for OP_ACT and OP_GATE.
 *
 * They are written for one element and take which one as an argument; ACT_LOOP calls a loop with it as a constant, so that
 * each becomes a vector loop of its own without a choice inside. */
#ifndef KERNELS_CPU_ACTIVATION_H
#define KERNELS_CPU_ACTIVATION_H
#include "kernels/cpu/vector.h"
#include "kernels/op.h"
#include "kernels/status.h"

typedef struct { float y, slope; } Sloped;

/* erf to 2 ulp, near 0 too, where it is x + x p(x^2). From 0.92 on it is 1 - e^(a p(a)), a p(a) being log erfc a; from 4 on
 * erfc is less than half an ulp of 1. Both p are of degree 5, fitted on 2000 Chebyshev nodes to values of 40 digits by least
 * squares whose weights grow where the error is largest (Lawson), until it is level: 0.25 and 0.05 x 2^-24 of erf. */
static inline float erf_f32(float x)
{
    float z = x * x, a = fabsf(x);
    float p = -0x1.3a8aacp-11f;
    p = p * z + 0x1.47575ap-8f;
    p = p * z - 0x1.b68ff4p-6f;
    p = p * z + 0x1.ce1abap-4f;
    p = p * z - 0x1.8126e8p-2f;
    p = p * z + 0x1.06eba6p-3f;
    a = a > 4.0f ? 4.0f : a;
    float q = 0x1.c0c24ep-13f;
    q = q * a - 0x1.a56404p-9f;
    q = q * a + 0x1.770778p-6f;
    q = q * a - 0x1.af270ap-4f;
    q = q * a - 0x1.457cdep-1f;
    q = q * a - 0x1.20e652p+0f;
    float near = x + x * p, far = copysignf(1.0f - exp_f32(q * a), x);
    return fabsf(x) < 0.92f ? near : far;
}

/* x Phi(x), with Phi = (1 + erf(x / sqrt 2)) / 2, whose slope is e^(-x^2 / 2) / sqrt(2 pi). */
static inline Sloped gelu(float x)
{
    float phi = 0.5f * (1.0f + erf_f32(x * 0.70710678118654752f));
    return (Sloped){ x * phi, phi + x * (0.39894228040143268f * exp_f32(-0.5f * x * x)) };
}

/* x (1 + tanh t) / 2 = x sigmoid(2 t) with t = sqrt(2 / pi) (x + 0.044715 x^3): e = e^(-2 t) gives s and 1 - s = e s, and nothing cancels. */
static inline Sloped gelu_tanh(float x)
{
    float z = x * x, e = exp_f32(-1.5957691216057308f * (x + 0.044715f * z * x)), s = 1.0f / (1.0f + e);
    return (Sloped){ x * s, s + x * (e * s * s) * (1.5957691216057308f * (1.0f + 0.134145f * z)) };
}

static inline Sloped silu(float x)
{
    float s = 1.0f / (1.0f + exp_f32(-x));
    return (Sloped){ x * s, s * (1.0f + x * (1.0f - s)) };
}

static inline __attribute__((always_inline)) Sloped activation_sloped(Act act, float x)
{
    float above = x < 0.0f ? 0.0f : x;         /* NaN stays NaN */
    switch (act) {
    case ACT_SILU: return silu(x);
    case ACT_GELU: return gelu(x);
    case ACT_GELU_TANH: return gelu_tanh(x);
    case ACT_RELU: return (Sloped){ above, x > 0.0f ? 1.0f : 0.0f };
    case ACT_RELU2: return (Sloped){ above * above, 2.0f * above };
    }
    CHECK(false, "activation %d", (int)act);
}

/* The value alone, where silu is a division and no product: one rounding less. */
static inline __attribute__((always_inline)) float activation(Act act, float x)
{
    return act == ACT_SILU ? x / (1.0f + exp_f32(-x)) : activation_sloped(act, x).y;
}

#define ACT_LOOP(loop, act, ...)                                       \
    switch (act) {                                                     \
    case ACT_SILU: loop(ACT_SILU, __VA_ARGS__); break;                 \
    case ACT_GELU: loop(ACT_GELU, __VA_ARGS__); break;                 \
    case ACT_GELU_TANH: loop(ACT_GELU_TANH, __VA_ARGS__); break;       \
    case ACT_RELU: loop(ACT_RELU, __VA_ARGS__); break;                 \
    case ACT_RELU2: loop(ACT_RELU2, __VA_ARGS__); break;               \
    }

#endif
