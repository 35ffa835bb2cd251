#include "data/text/pipeline_spec.h"

#include <stdarg.h>
#include <stddef.h>

#include "data/text/base64.h"

static const char blank[] = "\xe2\x96\x81";

Json *spec_component(const char *type, ...)
{
    Json *out = json_new_object();
    json_set(out, "type", json_new_string(type));
    va_list args;
    va_start(args, type);
    for (const char *key; (key = va_arg(args, const char *));) json_set(out, key, json_new_string(va_arg(args, const char *)));
    va_end(args);
    return out;
}

Json *spec_replace(const char *kind, const char *what, const char *content)
{
    Json *out = spec_component("Replace", NULL), *pattern = json_new_object();
    json_set(pattern, kind, json_new_string(what));
    json_set(out, "pattern", pattern);
    json_set(out, "content", json_new_string(content));
    return out;
}

Json *spec_sequence(const char *key, Json *list)
{
    Json *out = spec_component("Sequence", NULL);
    json_set(out, key, list);
    return out;
}

Json *spec_split(const char *regex)
{
    Json *out = spec_component("Split", "behavior", "Isolated", NULL), *pattern = json_new_object();
    json_set(pattern, "Regex", json_new_string(regex));
    json_set(out, "pattern", pattern);
    json_set(out, "invert", json_new_bool(false));
    return out;
}

Json *spec_byte_level(bool trim_offsets, bool add_prefix_space, bool use_regex)
{
    Json *out = spec_component("ByteLevel", NULL);
    json_set(out, "add_prefix_space", json_new_bool(add_prefix_space));
    json_set(out, "trim_offsets", json_new_bool(trim_offsets));
    json_set(out, "use_regex", json_new_bool(use_regex));
    return out;
}

Json *spec_added_token(const char *content, int32_t id, bool special, bool rstrip)
{
    Json *token = json_new_object();
    json_set(token, "id", json_new_integer(id));
    json_set(token, "content", json_new_string(content));
    json_set(token, "single_word", json_new_bool(false));
    json_set(token, "lstrip", json_new_bool(false));
    json_set(token, "rstrip", json_new_bool(rstrip));
    json_set(token, "normalized", json_new_bool(false));
    json_set(token, "special", json_new_bool(special));
    return token;
}

static Json *template_piece(const char *kind, const char *id)
{
    Json *piece = json_new_object(), *inner = json_new_object();
    json_set(inner, "id", json_new_string(id));
    json_set(inner, "type_id", json_new_integer(0));
    json_set(piece, kind, inner);
    return piece;
}

static void add_special(Json *special_tokens, const char *token, int32_t id)
{
    Json *entry = json_new_object(), *ids = json_new_array(), *tokens = json_new_array();
    json_push(ids, json_new_integer(id));
    json_push(tokens, json_new_string(token));
    json_set(entry, "id", json_new_string(token));
    json_set(entry, "ids", ids);
    json_set(entry, "tokens", tokens);
    json_set(special_tokens, token, entry);
}

Json *spec_post_processor(SpecToken before, SpecToken after)
{
    if (!before.token && !after.token) return json_new_null();
    Json *single = json_new_array(), *pair, *special = json_new_object(), *out = spec_component("TemplateProcessing", NULL);
    if (before.token) json_push(single, template_piece("SpecialToken", before.token));
    json_push(single, template_piece("Sequence", "A"));
    if (after.token) json_push(single, template_piece("SpecialToken", after.token));
    pair = json_copy(single);
    json_push(pair, template_piece("Sequence", "B"));
    if (before.token) add_special(special, before.token, before.id);
    if (after.token) add_special(special, after.token, after.id);
    json_set(out, "single", single);
    json_set(out, "pair", pair);
    json_set(out, "special_tokens", special);
    return out;
}

Json *spec_piece_normalizer(bool prefix) { return spec_sentence_normalizer(&(Buffer){0}, false, prefix); }

Json *spec_sentence_normalizer(const Buffer *charsmap, bool remove_extra_blanks, bool prefix)
{
    Json *list = json_new_array();
    if (charsmap->len) {
        Buffer text = {0};
        base64_encode(&text, charsmap->data, charsmap->len);
        json_push(list, spec_component("Precompiled", "precompiled_charsmap", text.data, NULL));
        buffer_free(&text);
    }
    if (remove_extra_blanks) {
        json_push(list, spec_replace("Regex", "\\A +| +\\z", ""));
        json_push(list, spec_replace("Regex", " {2,}", " "));
    }
    if (prefix) json_push(list, spec_component("Prepend", "prepend", blank, NULL));
    json_push(list, spec_replace("String", " ", blank));
    return spec_sequence("normalizers", list);
}

Json *spec_piece_decoder(bool prefix)
{
    Json *list = json_new_array(), *strip;
    json_push(list, spec_replace("String", blank, " "));
    json_push(list, spec_component("ByteFallback", NULL));
    json_push(list, spec_component("Fuse", NULL));
    if (!prefix) return spec_sequence("decoders", list);
    strip = spec_component("Strip", "content", " ", NULL);
    json_set(strip, "start", json_new_integer(1));
    json_set(strip, "stop", json_new_integer(0));
    json_push(list, strip);
    return spec_sequence("decoders", list);
}

Json *spec_pipeline(SpecPipeline p)
{
    Json *out = json_new_object();
    json_set(out, "added_tokens", p.added_tokens ? p.added_tokens : json_new_array());
    json_set(out, "normalizer", p.normalizer ? p.normalizer : json_new_null());
    json_set(out, "pre_tokenizer", p.pre_tokenizer ? p.pre_tokenizer : json_new_null());
    json_set(out, "post_processor", p.post_processor ? p.post_processor : json_new_null());
    json_set(out, "decoder", p.decoder ? p.decoder : json_new_null());
    return out;
}
