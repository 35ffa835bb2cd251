/* The activations in double, by libm: what OP_ACT and OP_GATE are compared with. */
#ifndef TESTS_KERNELS_EXACT_ACT_H
#define TESTS_KERNELS_EXACT_ACT_H
#include <math.h>

#include "kernels/op.h"

static inline double exact_act(Act act, double x)
{
    if (act == ACT_SILU) return x / (1 + exp(-x));
    if (act == ACT_GELU) return 0.5 * x * erfc(-x / M_SQRT2);
    if (act == ACT_GELU_TANH) return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    return act == ACT_RELU ? fmax(x, 0) : fmax(x, 0) * fmax(x, 0);
}

static inline double exact_act_slope(Act act, double x)
{
    double s = 1 / (1 + exp(-x)), t = tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
    if (act == ACT_SILU) return s * (1 + x * (1 - s));
    if (act == ACT_GELU) return 0.5 * erfc(-x / M_SQRT2) + x * exp(-0.5 * x * x) / sqrt(2 * M_PI);
    if (act == ACT_GELU_TANH) return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);
    return act == ACT_RELU ? x > 0 : 2 * fmax(x, 0);
}

#endif
