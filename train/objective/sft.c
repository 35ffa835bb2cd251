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

static double mean(Tensor t)
{
    double sum = 0;
    for (int64_t i = 0; i < t.rows; i++) sum += (double)t.data[i];
    return t.rows ? sum / (double)t.rows : 0;
}

SftResult sft_result(const Tape *tape, Scores scores, const float *coef)
{
    Tensor score = tape_value(tape, scores.score);
    SftResult result = { .entropy = mean(tape_value(tape, scores.entropy)), .mean_token_accuracy = mean(tape_value(tape, scores.correct)) };
    for (int64_t i = 0; i < score.rows; i++) result.loss += (double)coef[i] * (double)score.data[i];
    return result;
}
