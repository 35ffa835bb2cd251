#include "data/set/sampler.h"

#include <stdlib.h>

#include "kernels/memory.h"
#include "kernels/status.h"

void sampler_init(Sampler *sampler, const Examples *examples, SamplerOptions options)
{
    CHECK(options.batch_size > 0 && options.accumulation > 0);
    *sampler = (Sampler){ options, examples, memory_new((size_t)examples->n, sizeof *sampler->order), -1 };
}

void sampler_free(Sampler *sampler)
{
    free(sampler->order);
    *sampler = (Sampler){0};
}

int64_t sampler_batches(const Sampler *sampler)
{
    int64_t n = sampler->examples->n, size = sampler->options.batch_size;
    return sampler->options.drop_last ? n / size : (n + size - 1) / size;
}

int64_t sampler_steps(const Sampler *sampler)
{
    return (sampler_batches(sampler) + sampler->options.accumulation - 1) / sampler->options.accumulation;
}

int64_t sampler_step_batches(const Sampler *sampler, int64_t step)
{
    int64_t left = sampler_batches(sampler) - step * sampler->options.accumulation;
    return left < sampler->options.accumulation ? left : sampler->options.accumulation;
}

/* An index with its length and its place before sorting, which keeps the sort stable. */
typedef struct { int64_t index, length, place; } Member;

static int longest_first(const void *a, const void *b)
{
    const Member *x = a, *y = b;
    if (x->length != y->length) return x->length < y->length ? 1 : -1;
    return (x->place > y->place) - (x->place < y->place);
}

static void sort_by_length(const Examples *examples, Member *member, int64_t *order, int64_t n)
{
    for (int64_t i = 0; i < n; i++) member[i] = (Member){ order[i], examples_length(examples, order[i]), i };
    qsort(member, (size_t)n, sizeof *member, longest_first);
    for (int64_t i = 0; i < n; i++) order[i] = member[i].index;
}

void sampler_group_by_length(Random *random, const Examples *examples, int64_t batch_size, int64_t *order)
{
    int64_t n = examples->n, many = n / (4 * batch_size);
    int64_t mega = batch_size * (many < 1 ? 1 : many > 50 ? 50 : many), longest = 0;
    random_permutation(random, n, order);
    Member *member = memory_new((size_t)(mega < n ? mega : n), sizeof *member);
    for (int64_t i = 0; i < n; i += mega) {
        sort_by_length(examples, member, order + i, n - i < mega ? n - i : mega);
        if (examples_length(examples, order[i]) > examples_length(examples, order[longest])) longest = i;
    }
    free(member);
    if (!n) return;
    int64_t first = order[0];
    order[0] = order[longest];
    order[longest] = first;
}

static void order_by_length(const Sampler *sampler, int64_t epoch, int64_t *order)
{
    Random random;
    random_seed(&random, sampler->options.seed);
    for (int64_t e = 0; e <= epoch; e++) {
        random_skip(&random, 2);
        if (e < epoch) random_skip(&random, sampler->examples->n - 1);
    }
    sampler_group_by_length(&random, sampler->examples, sampler->options.batch_size * sampler->options.accumulation, order);
}

static void order_randomly(const Sampler *sampler, int64_t epoch, int64_t *order)
{
    Random random;
    random_seed(&random, sampler->options.data_seed + (uint64_t)epoch);
    random_permutation(&random, sampler->examples->n, order);
}

static void set_epoch(Sampler *sampler, int64_t epoch)
{
    if (sampler->epoch == epoch) return;
    sampler->epoch = epoch;
    switch (sampler->options.strategy) {
    case SAMPLER_RANDOM: order_randomly(sampler, epoch, sampler->order); break;
    case SAMPLER_GROUP_BY_LENGTH: order_by_length(sampler, epoch, sampler->order); break;
    case SAMPLER_SEQUENTIAL:
        for (int64_t i = 0; i < sampler->examples->n; i++) sampler->order[i] = i;
        break;
    }
}

SamplerBatch sampler_batch(Sampler *sampler, int64_t epoch, int64_t i)
{
    CHECK(i >= 0 && i < sampler_batches(sampler), "batch %lld", (long long)i);
    set_epoch(sampler, epoch);
    int64_t size = sampler->options.batch_size, left = sampler->examples->n - i * size;
    return (SamplerBatch){ sampler->order + i * size, left < size ? left : size };
}
