#include "train/deploy/generate_options.h"

#include "train/key_rows.h"

#define RECORD GenerateOptions
static const Key rows[] = {
    { .group = "Model and adapter", FIELD(model_name_or_path, KEY_STRING, "null"), OR_NULL(0),
      .meaning = "the base model: a folder with config.json and safetensors, or a GGUF file. Not given: the one that the adapter names" },
    { FIELD(adapter_name_or_path, KEY_STRING, "null"), OR_NULL(0), .meaning = "an adapter folder or checkpoint. Not given: the base alone" },

    { .group = "What to answer", FIELD(prompt, KEY_STRING, "null"), OR_NULL(0), .meaning = "the question: one message of the user where the model has a chat template, else text to go on from" },
    { FIELD(raw, KEY_BOOL, "false"), .meaning = "give prompt to the model as it is, without the chat template" },
    { FIELD(messages, KEY_STRING, "null"), OR_NULL(0), .meaning = "a JSON file to be answered in the chat template: a list of messages with role and content, or an object with messages and tools" },
    { FIELD(chat_template_path, KEY_STRING, "null"), OR_NULL(0), .meaning = "a Jinja file, or a folder with a tokenizer, in place of the adapter's or model's chat template" },

    { .group = "How", FIELD(max_new_tokens, KEY_INTEGER, "256"), .min = 1, .max = 1 << 30, .meaning = "most tokens of the answer; it ends before at the model's end tokens" },
    { FIELD(do_sample, KEY_MAYBE, "null"), OR_NULL(0), .meaning = "draw tokens; false: take the likeliest. Not given: true where temperature, top_k or top_p is given" },
    { FIELD(temperature, KEY_NUMBER, "1.0"), .min = 0, .max = 1e3, .meaning = "divides the logits; 0: take the likeliest" },
    { FIELD(top_k, KEY_INTEGER, "50"), .min = 0, .max = 1 << 30, .meaning = "draw among this many of the likeliest tokens; 0: all" },
    { FIELD(top_p, KEY_NUMBER, "1.0"), .min = 0, .max = 1, .above = true, .meaning = "draw among the likeliest tokens that make up this share" },
    { FIELD(repetition_penalty, KEY_NUMBER, "1.0"), .min = 0, .max = 1e3, .above = true, .meaning = "above 1: tokens that were there before become less likely" },
    { FIELD(seed, KEY_INTEGER, "42"), .min = 0, .max = 4294967295.0, .meaning = "of the draws" },
    { FIELD(threads, KEY_INTEGER, "null"), .min = 1, .max = 1024, OR_NULL(0), .meaning = "worker threads. Not given: one per core" },
    { FIELD(cpu_isa, KEY_ENUM, "null"), .names = isa_names, OR_NULL(ISA_COUNT), .meaning = "by which of the processor's instructions matrix products are made, for comparisons. Not given: the widest that it has" },
    { FIELD(logits_file, KEY_STRING, "null"), OR_NULL(0), .meaning = "a safetensors file to write: input_ids of what the model read, and the logits after each of them" },
    { .name = "config", .status = KEY_CONFIG, .type = KEY_STRING, .meaning = "a JSON or YAML file of these keys; flags override it" },

    REFUSED("num_beams", "1", "it follows one answer, not several"),
    REFUSED("num_return_sequences", "1", "it gives one answer; change seed for another"),
    IGNORED("use_cache", "true", "keys and values are always cached"),
};
#undef RECORD

static const Keys keys = {
    .command = "graft generate",
    .usage = "graft generate lets a model answer, with or without an adapter.\n\n"
             "usage: graft generate --model_name_or_path DIR|FILE.gguf [--adapter_name_or_path out]\n"
             "                      --prompt \"...\" | --messages chat.json [--key value ...]\n\n"
             "The answer goes to standard output as it is made, everything else to standard error. Without keys\n"
             "that ask for sampling the likeliest token is taken, whatever generation_config.json says.\n\n"
             "[default]\n",
    .key = rows, .n = sizeof rows / sizeof *rows,
};

static bool given(const GenerateOptions *o, const char *key) { return json_get(o->given, key) != NULL; }

static Status settle(GenerateOptions *o)
{
    if (!o->model_name_or_path && !o->adapter_name_or_path)
        return fail(STATUS_INPUT, "model_name_or_path is missing: the base model, a folder or a GGUF file (--model_name_or_path DIR)");
    if (!o->prompt == !o->messages) return fail(STATUS_INPUT, "give prompt or messages, found %s", o->prompt ? "both" : "neither");
    if (o->raw && o->messages) return fail(STATUS_INPUT, "raw is for a prompt, but messages is given: only a chat template can say how to write them");
    bool asked = given(o, "temperature") || given(o, "top_k") || given(o, "top_p");
    if (o->do_sample == MAYBE_NO && asked) return fail(STATUS_INPUT, "temperature, top_k and top_p are for sampling, but do_sample is false");
    if (o->do_sample == MAYBE_YES && o->temperature == 0) return fail(STATUS_INPUT, "temperature 0 takes the likeliest token, but do_sample is true");
    o->sample = o->temperature > 0 && (o->do_sample == MAYBE_YES || (o->do_sample == MAYBE_UNSET && asked));
    return STATUS_OK;
}

Status generate_options_parse(GenerateOptions *options, int argc, char **argv, Notices *notices)
{
    GenerateOptions o = {0};
    TRY(keys_parse(&keys, &o, &o.given, argc, argv, notices));
    Status status = settle(&o);
    if (status == STATUS_OK) *options = o;
    else generate_options_free(&o);
    return status;
}

void generate_options_help(FILE *out) { keys_help(&keys, out); }

void generate_options_free(GenerateOptions *options)
{
    keys_free(&keys, options);
    json_free(options->given);
    *options = (GenerateOptions){0};
}
