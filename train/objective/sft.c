#include "train/objective/sft.h"

#include "train/adapter/forward.h"

Scores sft_record(Tape *tape, const Forward *f, const float *coef, float smoothing, bool gradient)
{
    const Batch *b = f->batch;
    OpArgs args = { .head = {
        .softcap = (float)f->model->config.logit_softcap, .row = b->scored_row, .target = b->target, .coef = coef,
        .n = b->n_scored, .smoothing = smoothing, .gradient = gradient } };
    Scores scores = adapter_head(tape, f->adapter, f->model, &args, decoder_hidden(tape, f));
    tape_result(tape, scores.score);
    tape_result(tape, scores.entropy);
    tape_result(tape, scores.correct);
    if (!gradient) return scores;
    tape_seed(tape, scores.score, coef);
    tape_backward(tape);
    return scores;
}

static double mean(const float *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i];
    return n ? sum / (double)n : 0;
}

SftResult sft_result(const SftRows *rows, const float *coef, int64_t n)
{
    SftResult result = { .entropy = mean(rows->entropy, n), .mean_token_accuracy = mean(rows->correct, n) };
    for (int64_t i = 0; i < n; i++) result.loss += (double)coef[i] * (double)rows->score[i];
    return result;
}
