#include "train/run/graft_state.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/file/output.h"
#include "kernels/memory.h"

typedef enum { FLAG, COUNT, REAL, FINGERPRINT } FieldKind;
typedef struct { const char *name; FieldKind kind; size_t offset; bool may_be_infinite; } Field;

#define FIELD(kind, field) { #field, kind, offsetof(GraftState, field), false }
#define OF(part, kind, field) { #field, kind, offsetof(GraftState, part.field), false }
static const Field fields[] = {
    FIELD(COUNT, version),
    OF(progress, COUNT, global_step), OF(progress, REAL, epoch), OF(progress, COUNT, num_tokens), OF(progress, REAL, total_flos),
    { "due_log", FLAG, offsetof(GraftState, progress.due.log), false },
    { "due_evaluate", FLAG, offsetof(GraftState, progress.due.evaluate), false },
    { "due_save", FLAG, offsetof(GraftState, progress.due.save), false },
    OF(progress, FLAG, epoch_open), OF(progress, COUNT, last_saved),
    OF(progress, REAL, tr_loss), OF(progress, REAL, total_loss), OF(progress, COUNT, last_logged), OF(progress, REAL, entropy_sum),
    OF(progress, REAL, accuracy_sum), OF(progress, COUNT, n_micro_batches), OF(progress, REAL, grad_norm), OF(progress, REAL, learning_rate),
    OF(progress, FLAG, has_best), OF(progress, REAL, best_metric), OF(progress, COUNT, best_global_step), OF(progress, COUNT, worse),
    { "plateau_lr", REAL, offsetof(GraftState, plateau.lr), false },
    { "plateau_best", REAL, offsetof(GraftState, plateau.best), true },
    { "plateau_bad", COUNT, offsetof(GraftState, plateau.bad), false },
    { "plateau_cooldown", COUNT, offsetof(GraftState, plateau.cooldown), false },
    FIELD(COUNT, adamw_steps), FIELD(COUNT, rope_seen),
    FIELD(FINGERPRINT, model), FIELD(FINGERPRINT, train), FIELD(FINGERPRINT, eval), FIELD(FINGERPRINT, adapter_file), FIELD(FINGERPRINT, optimizer_file),
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

static Json *real_to_json(double x)
{
    char text[40];
    if (isfinite(x)) return json_new_real(x);
    json_format_real(text, x);
    return json_new_string(text);
}

static Json *fingerprint_to_json(uint64_t x)
{
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64, x);
    return json_new_string(text);
}

static Json *field_to_json(const Field *f, const GraftState *state)
{
    const char *at = (const char *)state + f->offset;
    switch (f->kind) {
    case FLAG:  return json_new_bool(*(const bool *)at);
    case COUNT: return json_new_integer(*(const int64_t *)at);
    case REAL:  return real_to_json(*(const double *)at);
    default:    return fingerprint_to_json(*(const uint64_t *)at);
    }
}

Status graft_state_save(const GraftState *state, const char *dir)
{
    Json *json = json_new_object();
    for (int i = 0; i < N_FIELDS; i++) json_set(json, fields[i].name, field_to_json(&fields[i], state));
    Status status = json_save(json, dir, "graft_state.json", (JsonStyle){ .indent = 2, .newline = true });
    json_free(json);
    return status;
}

static bool read_real(const Field *f, const Json *value, double *out)
{
    const char *text = json_string(value);
    bool infinite = f->may_be_infinite && text && (!strcmp(text, "Infinity") || !strcmp(text, "-Infinity"));
    *out = infinite ? (*text == '-' ? -INFINITY : INFINITY) : json_number(value);
    return infinite || (json_is_number(value) && isfinite(*out));
}

static bool read_fingerprint(const Json *value, uint64_t *out)
{
    const char *text = json_string(value);
    if (!text || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16) return false;
    *out = strtoull(text, NULL, 16);
    return true;
}

static bool read_field(const Field *f, const Json *value, GraftState *state)
{
    char *at = (char *)state + f->offset;
    switch (f->kind) {
    case FLAG:
        *(bool *)at = json_bool(value);
        return json_kind(value) == JSON_BOOL;
    case COUNT:
        *(int64_t *)at = json_integer(value);
        return json_kind(value) == JSON_INTEGER && json_integer(value) >= 0;
    case REAL: return read_real(f, value, (double *)at);
    default:   return read_fingerprint(value, (uint64_t *)at);
    }
}

static Status refuse(const Field *f, const Json *value, const char *path)
{
    static const char *const expected[] = { "true or false", "a count", "a finite number", "16 hexadecimal digits" };
    Buffer found = {0};
    if (value) json_print(&found, value, (JsonStyle){0});
    else buffer_add_string(&found, "nothing");
    Status status = fail(STATUS_INPUT, "%s: %s: expected %s, found %.80s", path, f->name, expected[f->kind], found.data);
    buffer_free(&found);
    return status;
}

static Status read_fields(GraftState *state, const Json *json, const char *path)
{
    for (int i = 0; i < N_FIELDS; i++) {
        const Json *value = json_get(json, fields[i].name);
        if (!read_field(&fields[i], value, state)) return refuse(&fields[i], value, path);
    }
    if (state->version != 1) return fail(STATUS_INPUT, "%s: version %lld, this graft reads version 1", path, (long long)state->version);
    return STATUS_OK;
}

Status graft_state_read(GraftState *state, const char *path)
{
    Json *json = NULL;
    TRY(json_read(&json, path));
    Status status = read_fields(state, json, path);
    json_free(json);
    return status;
}
