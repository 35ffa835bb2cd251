#include "train/deploy/token_choice.h"

#include <math.h>
#include <stdlib.h>

#include "kernels/memory.h"
#include "kernels/philox.h"

enum { DRAW_SITE = 0 };

void token_chooser_init(TokenChooser *t, TokenRule rule, int64_t vocabulary)
{
    *t = (TokenChooser){ .rule = rule, .vocabulary = vocabulary, .candidate = memory_new((size_t)vocabulary, sizeof *t->candidate),
                         .met = memory_new((size_t)vocabulary, sizeof *t->met) };
}

void token_chooser_free(TokenChooser *t)
{
    free(t->candidate);
    free(t->met);
    *t = (TokenChooser){0};
}

void token_chooser_meet(TokenChooser *t, int32_t id) { t->met[id] = true; }

static bool before(Candidate a, Candidate b) { return a.logit > b.logit || (a.logit == b.logit && a.id < b.id); }

static void fill(TokenChooser *t, const float *logits)
{
    float penalty = (float)t->rule.repetition_penalty;
    for (int64_t i = 0; i < t->vocabulary; i++) {
        float z = logits[i];
        if (t->met[i]) z = z > 0 ? z / penalty : z * penalty;
        t->candidate[i] = (Candidate){ z, (int32_t)i };
    }
}

/* -1 in `id`: there is no largest number. */
static Candidate likeliest(const TokenChooser *t)
{
    Candidate best = { -INFINITY, -1 };
    for (int64_t i = 0; i < t->vocabulary; i++)
        if (t->candidate[i].logit > best.logit) best = t->candidate[i];
    return isfinite(best.logit) ? best : (Candidate){ 0, -1 };
}

/* A heap, the likeliest at 0. What is popped goes behind it, so that the list ends in the likeliest, last in order. */
static void sift(Candidate *heap, int64_t n, int64_t i)
{
    Candidate moved = heap[i];
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && before(heap[child + 1], heap[child])) child++;
        if (!before(heap[child], moved)) break;
        heap[i] = heap[child];
    }
    heap[i] = moved;
}

static void make_heap(Candidate *c, int64_t n)
{
    for (int64_t i = n / 2 - 1; i >= 0; i--) sift(c, n, i);
}

static void pop(Candidate *c, int64_t n)
{
    Candidate last = c[n - 1];
    c[n - 1] = c[0];
    c[0] = last;
    sift(c, n - 1, 0);
}

static double weight(Candidate c) { return exp((double)c.logit); }

static double sum(const Candidate *c, int64_t n)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++) total += weight(c[i]);
    return total;
}

/* How many of the last of the list are drawn among. */
static int64_t narrow(const TokenChooser *t)
{
    Candidate *c = t->candidate;
    int64_t n = t->vocabulary, sorted = 0, among = n;
    bool cut = t->rule.top_k && t->rule.top_k < n;
    if (!cut && t->rule.top_p >= 1) return n;
    make_heap(c, n);
    if (cut) {
        while (sorted < n && (sorted < t->rule.top_k || c[0].logit == c[n - sorted].logit)) pop(c, n - sorted++);
        among = sorted;
    }
    if (t->rule.top_p >= 1) return among;
    double wanted = t->rule.top_p * sum(c + n - among, among), reached = 0;
    int64_t kept = 0;
    while (kept < among && reached < wanted) {
        if (kept == sorted) pop(c, n - sorted++);
        reached += weight(c[n - 1 - kept++]);
    }
    return kept;
}

/* 53 bits in [0, 1). */
static double unit(uint64_t seed, int64_t position)
{
    uint32_t word[4];
    philox_block((PhiloxKey){ .seed = seed, .step = (uint32_t)position, .site = DRAW_SITE }, 0, word);
    return ((double)(word[0] >> 5) * 67108864.0 + (double)(word[1] >> 6)) / 9007199254740992.0;
}

static int32_t draw(const TokenChooser *t, float most, int64_t position)
{
    /* Less the largest before dividing: no temperature is too low for that. */
    for (int64_t i = 0; i < t->vocabulary; i++) t->candidate[i].logit = (t->candidate[i].logit - most) / (float)t->rule.temperature;
    int64_t among = narrow(t);
    const Candidate *c = t->candidate + t->vocabulary - among;
    double left = unit(t->rule.seed, position) * sum(c, among);
    int64_t i = among - 1;
    while (i > 0 && (left -= weight(c[i])) >= 0) i--;
    return c[i].id;
}

int32_t token_choose(TokenChooser *t, const float *logits, int64_t position)
{
    fill(t, logits);
    Candidate best = likeliest(t);
    return best.id < 0 || !t->rule.sample ? best.id : draw(t, best.logit, position);
}
