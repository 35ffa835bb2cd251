#include "train/run/model_card.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/file/output.h"
#include "kernels/memory.h"

/* Would YAML read these characters, as they are, as this text? */
static bool is_plain(const char *text)
{
    static const char *const words[] = { "true", "false", "yes", "no", "on", "off", "null", "y", "n" };
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", others[] = "0123456789_./-";
    size_t n = 0;
    while (text[n] && (strchr(letters, text[n]) || strchr(others, text[n]))) n++;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcasecmp(words[i], text)) return false;
    return n && !text[n] && (strchr(letters, text[0]) || (text[0] != '-' && strchr(text, '/')));
}

/* In double quotes, as YAML, JSON and Python all read it. */
static void add_quoted(Buffer *out, const char *text)
{
    Json *string = json_new_string(text);
    json_print(out, string, (JsonStyle){0});
    json_free(string);
}

static void front_matter(Buffer *out, const char *base)
{
    char *tag = memory_format("base_model:adapter:%s", base);
    buffer_add_string(out, "---\nbase_model: ");
    if (is_plain(base)) buffer_add_string(out, base);
    else add_quoted(out, base);
    buffer_add_string(out, "\nlibrary_name: peft\npipeline_tag: text-generation\ntags:\n- ");
    if (is_plain(base)) buffer_add_string(out, tag);
    else add_quoted(out, tag);
    buffer_add_string(out, "\n- lora\n- sft\n- transformers\n- trl\n---\n\n");
    free(tag);
}

static void number_row(Buffer *out, const char *name, double x)
{
    char text[40];
    json_format_real(text, x);
    buffer_format(out, "| %s | %s |\n", name, text);
}

/* The last value that the log holds under a key. */
static const Json *last(const Trainer *t, const char *key)
{
    const Json *found = NULL;
    for (const Json *entry = json_first(t->log_history); entry; entry = json_next(entry))
        if (json_get(entry, key)) found = json_get(entry, key);
    return found;
}

static void training(Buffer *out, const Trainer *t)
{
    const Recipe *r = &t->recipe;
    buffer_format(out, "## Training\n\nSupervised fine-tuning with graft %s.\n\n| | |\n| --- | --- |\n", GRAFT_VERSION);
    buffer_format(out, "| optimizer steps | %lld |\n", (long long)t->progress.global_step);
    buffer_format(out, "| examples in a step | %lld x %lld |\n", (long long)r->per_device_train_batch_size, (long long)r->gradient_accumulation_steps);
    number_row(out, "learning_rate", r->learning_rate);
    buffer_format(out, "| lora_r | %lld |\n", (long long)t->adapter.config.r);
    number_row(out, "lora_alpha", t->adapter.config.lora_alpha);
    number_row(out, "lora_dropout", t->adapter.config.lora_dropout);
    buffer_format(out, "| seed | %lld |\n", (long long)r->seed);
    if (last(t, "train_loss")) number_row(out, "train_loss", json_number(last(t, "train_loss")));
    if (last(t, "eval_loss")) number_row(out, "eval_loss", json_number(last(t, "eval_loss")));
}

/* What from_pretrained takes: a folder or a name; of a GGUF file its folder and name. */
static void add_base_arguments(Buffer *out, const char *base)
{
    if (!gguf_is_named(base)) {
        add_quoted(out, base);
        return;
    }
    const char *slash = strrchr(base, '/');
    char *folder = !slash ? memory_string(".") : memory_format("%.*s", slash == base ? 1 : (int)(slash - base), base);
    add_quoted(out, folder);
    buffer_add_string(out, ", gguf_file=");
    add_quoted(out, slash ? slash + 1 : base);
    free(folder);
}

static void use(Buffer *out, const char *base)
{
    buffer_add_string(out, "\n## Use\n\n```python\nfrom peft import PeftModel\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
                           "model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(");
    add_base_arguments(out, base);
    buffer_add_string(out, "), \"PATH OF THIS FOLDER\")\ntokenizer = AutoTokenizer.from_pretrained(\"PATH OF THIS FOLDER\")\n```\n");
    buffer_add_string(out, "\n### Framework versions\n\n- PEFT 0.21.2 (format)\n");
}

Status model_card_save(const Trainer *t, const char *dir)
{
    Buffer text = {0};
    const char *base = t->adapter.config.base_model_name_or_path ? t->adapter.config.base_model_name_or_path : t->model.path;
    const char *name = strrchr(base, '/') && strrchr(base, '/')[1] ? strrchr(base, '/') + 1 : base;
    front_matter(&text, base);
    if (t->recipe.run_name) buffer_format(&text, "# %s\n\nA LoRA adapter for %s.\n\n", t->recipe.run_name, name);
    else buffer_format(&text, "# LoRA adapter for %s\n\n", name);
    training(&text, t);
    use(&text, base);
    char *path = memory_format("%s/README.md", dir);
    Status status = output_save(path, text.data, text.len);
    free(path);
    buffer_free(&text);
    return status;
}
