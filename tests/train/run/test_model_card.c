/* README.md of an adapter: the whole of it once, then a base whose name YAML or Python would read as something else. */
#include "tests/testing.h"

#include <unistd.h>

#include "kernels/memory.h"
#include "train/run/model_card.h"

static char root[64];

static int enter_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/graft-test-XXXXXX");
    return !mkdtemp(root) || chdir(root) ? -1 : 0;
}

static int leave_root(void **state)
{
    (void)state;
    return chdir("/") || output_remove(root) != STATUS_OK;
}

static char *card(const char *base)
{
    static const char log[] = "[{\"loss\": 3.0, \"step\": 1}, {\"eval_loss\": 2.5}, {\"eval_loss\": 2.25}, {\"train_loss\": 2.125}]";
    Trainer t = { .progress.global_step = 12, .recipe = { .per_device_train_batch_size = 4, .gradient_accumulation_steps = 2, .learning_rate = 2e-4, .seed = 42 },
                  .adapter.config = { .base_model_name_or_path = memory_string(base), .r = 16, .lora_alpha = 32, .lora_dropout = 0.05 } };
    Mapped file = {0};
    Buffer text = {0};
    assert_ok(json_parse(&t.log_history, "log", log, strlen(log)));
    assert_ok(model_card_save(&t, "."));
    assert_ok(mapped_open(&file, "README.md"));
    buffer_add(&text, file.bytes, file.n_bytes);
    mapped_close(&file);
    json_free(t.log_history);
    free(t.adapter.config.base_model_name_or_path);
    return buffer_take(&text);
}

static void the_whole_card(void **state)
{
    (void)state;
    char *text = card("models/SmolLM2-135M");
    assert_string_equal(text,
        "---\nbase_model: models/SmolLM2-135M\nlibrary_name: peft\npipeline_tag: text-generation\ntags:\n- base_model:adapter:models/SmolLM2-135M\n"
        "- lora\n- sft\n- transformers\n- trl\n---\n\n# LoRA adapter for SmolLM2-135M\n\n## Training\n\nSupervised fine-tuning with graft " GRAFT_VERSION ".\n\n"
        "| | |\n| --- | --- |\n| optimizer steps | 12 |\n| examples in a step | 4 x 2 |\n| learning_rate | 0.0002 |\n| lora_r | 16 |\n| lora_alpha | 32.0 |\n"
        "| lora_dropout | 0.05 |\n| seed | 42 |\n| train_loss | 2.125 |\n| eval_loss | 2.25 |\n\n## Use\n\n```python\nfrom peft import PeftModel\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        "model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(\"models/SmolLM2-135M\"), \"PATH OF THIS FOLDER\")\n"
        "tokenizer = AutoTokenizer.from_pretrained(\"PATH OF THIS FOLDER\")\n```\n\n### Framework versions\n\n- PEFT 0.21.2 (format)\n");
    free(text);
}

static void names_that_need_quotes(void **state)
{
    (void)state;
    static const struct { const char *base, *yaml, *python; } cases[] = {
        { "/models/a-1.5_b", "base_model: /models/a-1.5_b\n", "from_pretrained(\"/models/a-1.5_b\")" },
        { "../model", "base_model: ../model\n", "from_pretrained(\"../model\")" },
        { "my: model", "base_model: \"my: model\"\n", "from_pretrained(\"my: model\")" },
        { "a #1", "base_model: \"a #1\"\n", "from_pretrained(\"a #1\")" },
        { "say \"hi\"\\", "base_model: \"say \\\"hi\\\"\\\\\"\n", "from_pretrained(\"say \\\"hi\\\"\\\\\")" },
        { "modèle", "base_model: \"modèle\"\n", "from_pretrained(\"modèle\")" },
        { "135", "base_model: \"135\"\n", "from_pretrained(\"135\")" },
        { "1e5", "base_model: \"1e5\"\n", "from_pretrained(\"1e5\")" },
        { "No", "base_model: \"No\"\n", "from_pretrained(\"No\")" },
        { "-", "base_model: \"-\"\n", "from_pretrained(\"-\")" },
        { "models/base.gguf", "base_model: models/base.gguf\n", "from_pretrained(\"models\", gguf_file=\"base.gguf\")" },
        { "base.gguf", "base_model: base.gguf\n", "from_pretrained(\".\", gguf_file=\"base.gguf\")" },
        { "/base.gguf", "base_model: /base.gguf\n", "from_pretrained(\"/\", gguf_file=\"base.gguf\")" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = card(cases[i].base);
        if (!strstr(text, cases[i].yaml) || !strstr(text, cases[i].python)) print_error("%s", text);
        assert_non_null(strstr(text, cases[i].yaml));
        assert_non_null(strstr(text, cases[i].python));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_whole_card), cmocka_unit_test(names_that_need_quotes) };
    return cmocka_run_group_tests(tests, enter_root, leave_root);
}
