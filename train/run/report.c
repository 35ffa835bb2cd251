#include "train/run/report.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/set/preview.h"
#include "kernels/memory.h"
#include "train/run/plan.h"
#include "train/run/trainer.h"

enum { PREVIEW_TOKENS = 400 };

Status report_open(Report *report, const Trainer *t)
{
    char *path = memory_format("%s/train.log", t->recipe.output_dir);
    report->bar = t->recipe.disable_tqdm != MAYBE_YES && isatty(STDERR_FILENO);
    report->log = fopen(path, t->recipe.resume_from_checkpoint ? "a" : "w");
    Status status = report->log ? STATUS_OK : fail(STATUS_WRITE, "%s: %s", path, strerror(errno));
    free(path);
    return status;
}

void report_close(Report *report)
{
    if (report->log) fclose(report->log);
    *report = (Report){0};
}

static void clear_bar(Report *report)
{
    if (report->shown) fputs("\r\033[K", stderr);
    report->shown = false;
}

void report_line(Report *report, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    clear_bar(report);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    if (report->log) {
        vfprintf(report->log, format, again);
        fputc('\n', report->log);
        fflush(report->log);
    }
    va_end(again);
    va_end(args);
}

void report_notices(Trainer *t)
{
    for (; t->report.n_notices < t->notices.n; t->report.n_notices++) report_line(&t->report, "note: %s", t->notices.line[t->report.n_notices]);
}

static void data_line(Trainer *t, const char *name, const char *path, const DatasetCounts *c)
{
    report_line(&t->report, "%-8s %s: %lld rows, %lld examples, %lld tokens, %lld trained (%.1f %%), %lld truncated, %lld dropped", name, path,
                (long long)c->rows, (long long)c->examples, (long long)c->tokens, (long long)c->trained,
                c->tokens ? 100.0 * (double)c->trained / (double)c->tokens : 0, (long long)c->truncated, (long long)c->dropped);
}

static void write_preview(const Trainer *t, FILE *out, PreviewMarks marks)
{
    Buffer text = {0};
    preview_example(t->text.tokenizer, &t->train, 0, PREVIEW_TOKENS, marks, &text);
    fprintf(out, "\nthe first example, trained tokens %s:\n%s\n\n", marks == PREVIEW_UNDERLINED ? "underlined" : "in \xe2\x9f\xa6\xe2\x9f\xa7", text.data);
    buffer_free(&text);
}

static void preview(Trainer *t)
{
    if (!t->text.tokenizer) return;
    write_preview(t, stderr, isatty(STDERR_FILENO) ? PREVIEW_UNDERLINED : PREVIEW_BRACKETS);
    if (t->report.log) write_preview(t, t->report.log, PREVIEW_BRACKETS);
}

void report_header(Trainer *t)
{
    const Recipe *r = &t->recipe;
    const ModelConfig *c = &t->model.config;
    Report *report = &t->report;
    Buffer dtypes = {0};
    model_dtypes(&t->model, &dtypes);
    int64_t trainable = state_trainable(&t->state), all = model_parameters(&t->model) + trainable;
    report_line(report, "graft %s", GRAFT_VERSION);
    report_line(report, "model    %s: %s, %lld layers of %lld, %.1f M parameters, %s", t->model.path, c->family->model_type, (long long)c->num_hidden_layers,
                (long long)c->hidden_size, (double)model_parameters(&t->model) / 1e6, dtypes.data);
    report_line(report, "adapter  LoRA r %lld, alpha %g, dropout %g on %d modules: %lld trainable parameters (%.3f %%)%s%s", (long long)t->adapter.config.r,
                t->adapter.config.lora_alpha, t->adapter.config.lora_dropout, t->adapter.n_adapted, (long long)trainable,
                100.0 * (double)trainable / (double)all, r->adapter_name_or_path ? ", continued from " : "", r->adapter_name_or_path ? r->adapter_name_or_path : "");
    data_line(t, "train", recipe_train_name(r), &t->train_counts);
    if (t->eval.n) data_line(t, "eval", recipe_eval_name(r), &t->eval_counts);
    report_line(report, "device   %s; %s", t->device.text, run_device_arithmetic(&t->device));
    report_line(report, "plan     %.0f MB of %.0f MB available; %lld steps of %lld x %lld examples, %d of %lld layers recomputed", (double)plan_bytes(&t->plan) / 1e6,
                (double)t->plan.available / 1e6, (long long)t->max_steps, (long long)r->per_device_train_batch_size,
                (long long)r->gradient_accumulation_steps, t->plan.n_recomputed, (long long)c->num_hidden_layers);
    buffer_free(&dtypes);
    preview(t);
    report_notices(t);
}

static void draw(Report *report, const Trainer *t, double now)
{
    enum { WIDTH = 24 };
    char bar[WIDTH + 1];
    double share = (double)t->progress.global_step / (double)t->max_steps, seconds = now - t->start_seconds;
    double steps = (double)(t->progress.global_step - t->start_step), left = seconds / steps * (double)(t->max_steps - t->progress.global_step);
    double speed = ((double)t->progress.num_tokens - report->tokens_at) / seconds;
    for (int i = 0; i < WIDTH; i++) bar[i] = i < (int)(share * WIDTH) ? '=' : i == (int)(share * WIDTH) ? '>' : ' ';
    bar[WIDTH] = 0;
    fprintf(stderr, "\r[%s] %lld/%lld  loss %.4f  %.0f tokens/s  %d:%02d left\033[K", bar, (long long)t->progress.global_step, (long long)t->max_steps,
            t->last_loss, speed, (int)left / 60, (int)left % 60);
    fflush(stderr);
    report->drawn = now;
    report->shown = true;
}

void report_step(Trainer *t)
{
    Report *report = &t->report;
    double now = profile_now();
    if (!isfinite(t->progress.grad_norm) && !report->diverged) {
        report->diverged = true;
        report_line(report, "note: the gradient of step %lld is not finite: the run has diverged. A smaller learning_rate or clipping (max_grad_norm) helps",
                    (long long)t->progress.global_step);
    }
    if (!report->bar || now - report->drawn < 0.1) return;
    draw(report, t, now);
}

void report_entry(Trainer *t, const char *line) { report_line(&t->report, "%s", line); }

static void profile_line(Report *report, const char *name, const char *direction, const ProfileRow *row, double all)
{
    Buffer text = {0};
    buffer_format(&text, "  %-10s %-8s %9.3f s %5.1f %%", name, direction, row->seconds, 100 * row->seconds / all);
    if (row->calls) buffer_format(&text, " %8lld calls", (long long)row->calls);
    if (row->flops > 0) buffer_format(&text, " %9.1f GFLOP/s", row->flops / row->seconds / 1e9);
    report_line(report, "%s", text.data);
    buffer_free(&text);
}

static int longer(const void *a, const void *b)
{
    const ProfileRow *x = *(const ProfileRow *const *)a, *y = *(const ProfileRow *const *)b;
    return x->seconds < y->seconds ? 1 : -(x->seconds > y->seconds);
}

/* Every operation's share of the time, the longest first. */
static void report_profile(Trainer *t, double seconds)
{
    const ProfileRow *first = t->profile.row[0], *row[2 * OP_KINDS];
    ProfileRow rest = { .seconds = seconds - profile_total(&t->profile).seconds };
    for (int i = 0; i < 2 * OP_KINDS; i++) row[i] = first + i;
    qsort(row, 2 * OP_KINDS, sizeof *row, longer);
    report_line(&t->report, "\nprofile");
    for (int i = 0; i < 2 * OP_KINDS && row[i]->calls; i++)
        profile_line(&t->report, profile_name((int)(row[i] - first) / 2), (row[i] - first) % 2 ? "backward" : "forward", row[i], seconds);
    profile_line(&t->report, "the rest", "", &rest, seconds);
}

static void report_speed(Trainer *t)
{
    double seconds = profile_now() - t->start_seconds, rate = profile_total(&t->profile).flops / seconds;
    Buffer text = {0};
    if (t->recipe.profile) report_profile(t, seconds);
    buffer_format(&text, "\nspeed    %.0f tokens/s, %.1f GFLOP/s", ((double)t->progress.num_tokens - t->report.tokens_at) / seconds, rate / 1e9);
    if (t->backend.peak) {
        double peak = t->backend.peak(&t->backend);
        buffer_format(&text, ": %.0f %% of the %.1f that multiply-adds reach here", 100 * rate / peak, peak / 1e9);
    }
    report_line(&t->report, "%s", text.data);
    buffer_free(&text);
}

void report_end(Trainer *t)
{
    const char *dir = t->recipe.output_dir;
    clear_bar(&t->report);
    report_speed(t);
    report_line(&t->report, "adapter  %s/adapter_model.safetensors\nlog      %s/trainer_state.json, %s/train.log", dir, dir, dir);
    if (t->report.diverged) report_line(&t->report, "note: this run diverged; its adapter is of no use");
    report_line(&t->report, "try it   graft generate --model_name_or_path %s --adapter_name_or_path %s --prompt \"…\"", t->recipe.model_name_or_path, dir);
}
