#include "train/run/model_card.h"

#include <stdlib.h>
#include <string.h>

#include "data/file/output.h"
#include "kernels/memory.h"

static void front_matter(Buffer *out, const char *base)
{
    buffer_format(out, "---\nbase_model: %s\nlibrary_name: peft\npipeline_tag: text-generation\ntags:\n- base_model:adapter:%s\n", base, base);
    buffer_add_string(out, "- lora\n- sft\n- transformers\n- trl\n---\n\n");
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

static void use(Buffer *out, const char *base)
{
    buffer_format(out, "\n## Use\n\n```python\nfrom peft import PeftModel\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
                       "model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(\"%s\"), \"PATH OF THIS FOLDER\")\n"
                       "tokenizer = AutoTokenizer.from_pretrained(\"PATH OF THIS FOLDER\")\n```\n", base);
    buffer_add_string(out, "\n### Framework versions\n\n- PEFT 0.21.2 (format)\n");
}

Status model_card_save(const Trainer *t, const char *dir)
{
    Buffer text = {0};
    const char *base = t->adapter.config.base_model_name_or_path ? t->adapter.config.base_model_name_or_path : t->model.path;
    const char *name = strrchr(base, '/') && strrchr(base, '/')[1] ? strrchr(base, '/') + 1 : base;
    front_matter(&text, base);
    buffer_format(&text, "# LoRA adapter for %s\n\n", name);
    training(&text, t);
    use(&text, base);
    char *path = memory_format("%s/README.md", dir);
    Status status = output_save(path, text.data, text.len);
    free(path);
    buffer_free(&text);
    return status;
}
