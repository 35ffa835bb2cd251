/* What differs between a model's layers: windows, rotary tables, the scale of attention. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"
#include "train/model/config_parts.h"

/* The model's window; 0: none, or switched off. smollm3's switch is for the rule, not for layer_types. */
static Status read_window(const ConfigReader *r, const ModelConfig *c, bool typed, int64_t *window)
{
    bool used = c->family->window != WINDOW_NONE, switched = reader_has(r, "use_sliding_window") && !(typed && c->family->window == WINDOW_NO_ROPE);
    *window = 0;
    if (switched) TRY(reader_flag(r, "use_sliding_window", &used));
    bool needed = c->family->window == WINDOW_PATTERN && !c->gguf && !(typed && c->family->rope == ROPE_WINDOWS_IF_ANY);
    if (!used || (reader_is_null(r, "sliding_window") && !needed)) return STATUS_OK;
    return reader_count(r, "sliding_window", INT32_MAX, 0, window);
}

/* layer_types, where they are given. */
static Status read_layer_types(const ConfigReader *r, const ModelConfig *c, int64_t window)
{
    const Json *list = json_get(r->object, "layer_types");
    if (json_kind(list) != JSON_ARRAY || json_count(list) != c->num_hidden_layers) return reader_bad(r, "layer_types", "a list with an entry for each layer");
    int64_t i = 0;
    for (const Json *item = json_first(list); item; item = json_next(item), i++) {
        const char *type = json_string(item);
        bool sliding = type && !strcmp(type, "sliding_attention");
        if (!sliding && (!type || (strcmp(type, "full_attention") && strcmp(type, "attention"))))
            return reader_bad(r, "layer_types", "full_attention or sliding_attention");
        if (sliding && !window) return reader_bad(r, "sliding_window", "a window for the layers that layer_types gives one");
        c->layer[i].window = sliding ? (int32_t)window : 0;
    }
    return STATUS_OK;
}

/* The windows that follow from the family's rule. */
static Status derive_windows(const ConfigReader *r, const ModelConfig *c, int64_t window)
{
    WindowRule rule = c->family->window;
    int64_t pattern = 1, first = 0;
    if (rule == WINDOW_PATTERN && window) TRY(reader_count(r, "sliding_window_pattern", 4096, 0, &pattern));
    if (rule == WINDOW_UPPER && !reader_is_null(r, "max_window_layers") && json_integer(json_get(r->object, "max_window_layers")) != 0)
        TRY(reader_count(r, "max_window_layers", INT32_MAX, 0, &first));
    for (int64_t i = 0; i < c->num_hidden_layers; i++) {
        bool sliding = rule == WINDOW_ALL || (rule == WINDOW_PATTERN && (i + 1) % pattern) || (rule == WINDOW_UPPER && i >= first) ||
                       (rule == WINDOW_NO_ROPE && c->layer[i].rope == NO_ROPE);
        c->layer[i].window = sliding ? (int32_t)window : 0;
    }
    return STATUS_OK;
}

/* no_rope_layers says 1 where there is rope. */
static Status read_listed_ropes(const ConfigReader *r, const ModelConfig *c)
{
    const Json *list = json_get(r->object, "no_rope_layers");
    int64_t interval = 1, i = 0;
    if (json_kind(list) == JSON_NULL) TRY(reader_count(r, "no_rope_layer_interval", 4096, 0, &interval));
    else if (json_kind(list) != JSON_ARRAY || json_count(list) < c->num_hidden_layers) return reader_bad(r, "no_rope_layers", "a list with an entry for each layer");
    for (; i < c->num_hidden_layers && json_kind(list) == JSON_NULL; i++) c->layer[i].rope = (i + 1) % interval ? 0 : NO_ROPE;
    for (const Json *item = json_first(list); item && i < c->num_hidden_layers; item = json_next(item), i++) {
        if (!json_is_number(item) && json_kind(item) != JSON_BOOL) return reader_bad(r, "no_rope_layers", "a list of 1 and 0");
        c->layer[i].rope = json_number(item) != 0 || json_bool(item) ? 0 : NO_ROPE;
    }
    return STATUS_OK;
}

/* head_dim^-0.5, or what the config says instead. */
static Status read_attention_scale(const ConfigReader *r, const ModelConfig *c, double *scale)
{
    double scalar;
    bool scaled = true;
    if (reader_has(r, "scale_attn_weights")) TRY(reader_flag(r, "scale_attn_weights", &scaled));
    TRY(reader_real(r, "query_pre_attn_scalar", READER_ABOVE_ZERO, scaled ? (double)c->head_dim : 1, &scalar));
    return reader_real(r, "attention_multiplier", 0, 1 / sqrt(scalar), scale);
}

/* What each layer has: its window, its table, its scale. */
Status config_read_layers(const ConfigReader *r, ModelConfig *c)
{
    int64_t window;
    RopeRule rule = c->family->rope;
    double scale;
    bool inverse;
    TRY(read_attention_scale(r, c, &scale));
    TRY(reader_flag(r, "scale_attn_by_inverse_layer_idx", &inverse));
    c->layer = memory_new((size_t)c->num_hidden_layers, sizeof *c->layer);
    if (rule == ROPE_LISTED) TRY(read_listed_ropes(r, c));
    bool typed = c->family->window != WINDOW_NONE && c->family->window != WINDOW_ALL && !reader_is_null(r, "layer_types");
    TRY(read_window(r, c, typed, &window));
    TRY(typed ? read_layer_types(r, c, window) : derive_windows(r, c, window));
    for (int64_t i = 0; i < c->num_hidden_layers; i++) {
        LayerConfig *layer = &c->layer[i];
        bool none = rule == ROPE_NONE || (rule == ROPE_LISTED && layer->rope == NO_ROPE) || (rule == ROPE_WINDOWS && !layer->window) ||
                    (rule == ROPE_WINDOWS_IF_ANY && window && !layer->window);
        layer->attention_scale = scale / (inverse ? (double)(i + 1) : 1);
        layer->rope = none ? NO_ROPE : c->family->rope_by_layer_type && layer->window ? 1 : 0;
    }
    return STATUS_OK;
}
