/* The activations and their slopes, one place for OP_ACT and OP_GATE. Which one is the same for all threads, so a switch costs a jump. */
#ifndef KERNELS_CUDA_ACTIVATION_CUH
#define KERNELS_CUDA_ACTIVATION_CUH
#include "kernels/cuda/elementwise.cuh"

struct Sloped { float y, slope; };

DEVICE Sloped silu(float x)
{
    float s = 1.0f / (1.0f + expf(-x));
    return Sloped{ x * s, s * (1.0f + x * (1.0f - s)) };
}

/* x Phi(x), whose slope is Phi(x) + x e^(-x^2 / 2) / sqrt(2 pi). */
DEVICE Sloped gelu(float x)
{
    float phi = 0.5f * (1.0f + erff(x * 0.70710678118654752f));
    return Sloped{ x * phi, phi + x * (0.39894228040143268f * expf(-0.5f * x * x)) };
}

/* x (1 + tanh t) / 2 = x sigmoid(2 t): e = e^(-2 t) gives s and 1 - s = e s. Up to 88, where e s s is still a number. */
DEVICE Sloped gelu_tanh(float x)
{
    float z = x * x, e = expf(fminf(-1.5957691216057308f * (x + 0.044715f * z * x), 88.0f)), s = 1.0f / (1.0f + e);
    return Sloped{ x * s, s + x * (e * s * s) * (1.5957691216057308f * (1.0f + 0.134145f * z)) };
}

DEVICE Sloped activation_sloped(Act act, float x)
{
    float above = x < 0.0f ? 0.0f : x;      /* NaN stays NaN */
    switch (act) {
    case ACT_SILU: return silu(x);
    case ACT_GELU: return gelu(x);
    case ACT_GELU_TANH: return gelu_tanh(x);
    case ACT_RELU: return Sloped{ above, x > 0.0f ? 1.0f : 0.0f };
    case ACT_RELU2: break;
    }
    return Sloped{ above * above, 2.0f * above };
}

/* The value alone, where silu is a division and no product: one rounding less. */
DEVICE float activation(Act act, float x) { return act == ACT_SILU ? x / (1.0f + expf(-x)) : activation_sloped(act, x).y; }

#endif
