#include "optim/schedule.h"

#include <math.h>

const ScheduleOptions schedule_options = {
    .num_cycles = NAN, .power = 1, .lr_end = 1e-7, .min_lr = NAN, .min_lr_rate = NAN, .warmup_lr_rate = NAN, .timescale = -1,
    .num_decay_steps = -1, .num_stable_steps = -1, .warmup_type = SHAPE_LINEAR, .decay_type = SHAPE_COSINE, .min_lr_ratio = 0,
    .mode = PLATEAU_MIN, .threshold_mode = THRESHOLD_REL, .factor = 0.1, .threshold = 1e-4, .eps = 1e-8, .patience = 10, .cooldown = 0,
};

const char *const schedule_names[SCHEDULE_COUNT + 1] = {
    [SCHEDULE_LINEAR]                    = "linear",
    [SCHEDULE_COSINE]                    = "cosine",
    [SCHEDULE_COSINE_WITH_RESTARTS]      = "cosine_with_restarts",
    [SCHEDULE_POLYNOMIAL]                = "polynomial",
    [SCHEDULE_CONSTANT]                  = "constant",
    [SCHEDULE_CONSTANT_WITH_WARMUP]      = "constant_with_warmup",
    [SCHEDULE_INVERSE_SQRT]              = "inverse_sqrt",
    [SCHEDULE_REDUCE_LR_ON_PLATEAU]      = "reduce_lr_on_plateau",
    [SCHEDULE_COSINE_WITH_MIN_LR]        = "cosine_with_min_lr",
    [SCHEDULE_COSINE_WARMUP_WITH_MIN_LR] = "cosine_warmup_with_min_lr",
    [SCHEDULE_WARMUP_STABLE_DECAY]       = "warmup_stable_decay",
};

const char *const schedule_kwargs[SCHEDULE_COUNT] = {
    [SCHEDULE_COSINE]                    = "num_cycles",
    [SCHEDULE_COSINE_WITH_RESTARTS]      = "num_cycles",
    [SCHEDULE_POLYNOMIAL]                = "lr_end|power",
    [SCHEDULE_INVERSE_SQRT]              = "timescale",
    [SCHEDULE_REDUCE_LR_ON_PLATEAU]      = "mode|factor|patience|threshold|threshold_mode|cooldown|min_lr|eps",
    [SCHEDULE_COSINE_WITH_MIN_LR]        = "num_cycles|min_lr|min_lr_rate",
    [SCHEDULE_COSINE_WARMUP_WITH_MIN_LR] = "num_cycles|min_lr|min_lr_rate|warmup_lr_rate",
    [SCHEDULE_WARMUP_STABLE_DECAY]       = "num_decay_steps|num_stable_steps|warmup_type|decay_type|min_lr_ratio|num_cycles",
};

int64_t schedule_warmup(double warmup_steps, int64_t total)
{
    return (int64_t)(warmup_steps >= 1 ? warmup_steps : ceil((double)total * warmup_steps));
}

static Status settle_min_lr(ScheduleOptions *o, const char *name, double base_lr)
{
    if (isnan(o->min_lr) == isnan(o->min_lr_rate))
        return fail(STATUS_INPUT, "lr_scheduler_kwargs: %s needs min_lr or min_lr_rate, found %s", name, isnan(o->min_lr) ? "neither" : "both");
    if (isnan(o->min_lr_rate)) o->min_lr_rate = o->min_lr / base_lr;
    return STATUS_OK;
}

static Status settle(Schedule *s)
{
    ScheduleOptions *o = &s->options;
    const char *name = schedule_names[s->kind];
    if (isnan(o->num_cycles)) o->num_cycles = s->kind == SCHEDULE_COSINE_WITH_RESTARTS ? 1 : 0.5;
    switch (s->kind) {
    case SCHEDULE_POLYNOMIAL:
        if (s->base_lr > o->lr_end) return STATUS_OK;
        return fail(STATUS_INPUT, "lr_scheduler_kwargs: lr_end is %g, which must be less than learning_rate %g", o->lr_end, s->base_lr);
    case SCHEDULE_INVERSE_SQRT:
        if (o->timescale < 0) o->timescale = s->warmup ? s->warmup : 10000;
        return STATUS_OK;
    case SCHEDULE_COSINE_WITH_MIN_LR:
    case SCHEDULE_COSINE_WARMUP_WITH_MIN_LR: return settle_min_lr(o, name, s->base_lr);
    case SCHEDULE_REDUCE_LR_ON_PLATEAU:
        if (isnan(o->min_lr)) o->min_lr = 0;
        s->plateau = (Plateau){ .lr = s->base_lr, .best = o->mode == PLATEAU_MIN ? INFINITY : -INFINITY };
        return STATUS_OK;
    case SCHEDULE_WARMUP_STABLE_DECAY:
        if (o->num_decay_steps < 0) return fail(STATUS_INPUT, "lr_scheduler_kwargs: %s needs num_decay_steps", name);
        if (o->num_stable_steps < 0) o->num_stable_steps = s->total - s->warmup - o->num_decay_steps;
        return STATUS_OK;
    default: return STATUS_OK;
    }
}

Status schedule_init(Schedule *schedule, ScheduleKind kind, double base_lr, int64_t warmup, int64_t total, ScheduleOptions options)
{
    Schedule s = { .kind = kind, .base_lr = base_lr, .warmup = warmup, .total = total, .options = options };
    TRY(settle(&s));
    *schedule = s;
    return STATUS_OK;
}

static double at_least_one(int64_t n) { return n > 1 ? (double)n : 1; }

/* Half a cosine wave per 0.5 cycles: 1 at progress 0. */
static double wave(double cycles, double progress) { return 0.5 * (1.0 + cos(M_PI * cycles * 2.0 * progress)); }

static double above(double factor, double floor) { return fmax(0, factor * (1.0 - floor) + floor); }

static double polynomial(const Schedule *s, int64_t k)
{
    const ScheduleOptions *o = &s->options;
    if (k > s->total) return o->lr_end / s->base_lr;
    double remaining = 1 - (double)(k - s->warmup) / at_least_one(s->total - s->warmup);
    return ((s->base_lr - o->lr_end) * pow(remaining, o->power) + o->lr_end) / s->base_lr;
}

static double rising(ScheduleShape shape, double progress)
{
    switch (shape) {
    case SHAPE_COSINE:         return 0.5 * (1.0 - cos(M_PI * progress));
    case SHAPE_ONE_MINUS_SQRT: return 1.0 - sqrt(1.0 - progress);
    default:                   return progress;
    }
}

static double falling(ScheduleShape shape, double progress, double cycles)
{
    switch (shape) {
    case SHAPE_COSINE:         return wave(cycles, progress);
    case SHAPE_ONE_MINUS_SQRT: return 1.0 - sqrt(progress);
    default:                   return 1.0 - progress;
    }
}

static double decayed(const Schedule *s, int64_t after_warmup)
{
    const ScheduleOptions *o = &s->options;
    int64_t k = after_warmup - o->num_stable_steps;
    if (k < 0) return 1;
    if (k >= o->num_decay_steps) return o->min_lr_ratio;
    return above(falling(o->decay_type, (double)k / at_least_one(o->num_decay_steps), o->num_cycles), o->min_lr_ratio);
}

static double warming(const Schedule *s, int64_t k)
{
    const ScheduleOptions *o = &s->options;
    double progress = (double)k / at_least_one(s->warmup);
    if (s->kind == SCHEDULE_WARMUP_STABLE_DECAY) return above(rising(o->warmup_type, progress), o->min_lr_ratio);
    if (s->kind != SCHEDULE_COSINE_WARMUP_WITH_MIN_LR) return progress;
    if (isnan(o->warmup_lr_rate)) return ((double)k + 1.0) / at_least_one(s->warmup);
    return o->warmup_lr_rate + (1.0 - o->warmup_lr_rate) * (double)k / at_least_one(s->warmup - 1);
}

/* The factor of step k >= w. */
static double cooling(const Schedule *s, int64_t k)
{
    const ScheduleOptions *o = &s->options;
    double span = at_least_one(s->total - s->warmup), progress = (double)(k - s->warmup) / span;
    switch (s->kind) {
    case SCHEDULE_LINEAR:                    return fmax(0, (double)(s->total - k) / span);
    case SCHEDULE_COSINE:                    return fmax(0, wave(o->num_cycles, progress));
    case SCHEDULE_COSINE_WITH_RESTARTS:      return progress >= 1 ? 0 : fmax(0, 0.5 * (1.0 + cos(M_PI * fmod(o->num_cycles * progress, 1.0))));
    case SCHEDULE_POLYNOMIAL:                return polynomial(s, k);
    case SCHEDULE_INVERSE_SQRT:              return 1.0 / sqrt((double)(k + o->timescale - s->warmup) / (double)o->timescale);
    case SCHEDULE_COSINE_WITH_MIN_LR:        return above(wave(o->num_cycles, progress), o->min_lr_rate);
    case SCHEDULE_COSINE_WARMUP_WITH_MIN_LR: return above(wave(o->num_cycles, (double)(k - s->warmup + 1) / span), o->min_lr_rate);
    case SCHEDULE_WARMUP_STABLE_DECAY:       return decayed(s, k - s->warmup);
    default:                                 return 1;
    }
}

double schedule_lr(const Schedule *s, int64_t k)
{
    if (s->kind == SCHEDULE_REDUCE_LR_ON_PLATEAU) return s->plateau.lr;
    if (s->kind == SCHEDULE_CONSTANT) return s->base_lr;
    return s->base_lr * (k < s->warmup ? warming(s, k) : cooling(s, k));
}

static bool better(const ScheduleOptions *o, double metric, double best)
{
    double sign = o->mode == PLATEAU_MIN ? -1 : 1;
    double bar = o->threshold_mode == THRESHOLD_REL ? best * (1.0 + sign * o->threshold) : best + sign * o->threshold;
    return o->mode == PLATEAU_MIN ? metric < bar : metric > bar;
}

void schedule_observe(Schedule *s, double metric)
{
    if (s->kind != SCHEDULE_REDUCE_LR_ON_PLATEAU) return;
    Plateau *p = &s->plateau;
    const ScheduleOptions *o = &s->options;
    if (better(o, metric, p->best)) {
        p->best = metric;
        p->bad = 0;
    } else {
        p->bad++;
    }
    if (p->cooldown > 0) {
        p->cooldown--;
        p->bad = 0;
    }
    if (p->bad <= o->patience) return;
    double lr = fmax(p->lr * o->factor, o->min_lr);
    if (p->lr - lr > o->eps) p->lr = lr;
    p->cooldown = o->cooldown;
    p->bad = 0;
}
