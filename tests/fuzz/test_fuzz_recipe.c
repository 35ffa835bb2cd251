/* Recipes from anywhere: whatever comes, the answer is a recipe or exit code 2 with a message. An input that begins with a dash is
 * flags, one a line; with a brace a JSON file; else a YAML file. */
#include "tests/fuzz/mutate.h"
#include "train/deploy/generate_options.h"
#include "train/recipe.h"

static void parse(int argc, char **argv)
{
    Notices notices = {0};
    Recipe recipe = {0};
    GenerateOptions options = {0};
    Status status = recipe_parse(&recipe, argc, argv, &notices);
    fuzz_check(status);
    if (status == STATUS_OK) json_free(recipe_to_json(&recipe));
    recipe_free(&recipe);
    fuzz_check(generate_options_parse(&options, argc, argv, &notices));
    generate_options_free(&options);
    notices_free(&notices);
}

static void parse_flags(const uint8_t *bytes, size_t n)
{
    enum { MAX_FLAGS = 64 };
    char *flag[MAX_FLAGS], *text = memory_new(n + 1, 1), *rest = text;
    int n_flags = 0;
    memcpy(text, bytes, n);
    while (n_flags < MAX_FLAGS && rest) flag[n_flags++] = strsep(&rest, "\n");
    parse(n_flags, flag);
    free(text);
}

static void parse_file(const char *name, Seed content)
{
    fuzz_file(name, content);
    char *flag = memory_format("--config=%s/%s", fuzz_folder(), name);
    parse(1, &flag);
    free(flag);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n && bytes[0] == '-') parse_flags(bytes, n);
    else parse_file(n && bytes[0] == '{' ? "recipe.json" : "recipe.yaml", (Seed){ .bytes = (const char *)bytes, .n = n });
    return 0;
}

const Fuzz fuzz = {
    .texts = (const char *const[]){
        "--model_name_or_path=m\n--dataset_name=d\n--lora-r\n8\n--lora_target_modules\nq_proj,v_proj\n--packing\n--no_bf16\n--learning_rate=1e-4",
        "--model_name_or_path=m\n--prompt\nx\n--temperature=0.5\n--top_k=3", "--adapter_name_or_path=a\n--messages=m.json\n--do_sample=false\n--raw=no",
        "{\"model_name_or_path\": \"m\", \"dataset_name\": \"d\", \"lr_scheduler_type\": \"cosine_with_restarts\", \"lr_scheduler_kwargs\": {\"num_cycles\": 2}}",
        "model_name_or_path: m\ndataset_name: d\nmax_steps: 3\neval_strategy: steps\neval_steps: 0.1\ntarget_modules: all-linear\n", NULL },
    .words = (const char *const[]){
        "-1", "0", "0.5", "1e999", "nan", "true", "no", "null", "none", "[1,2]", "[\"a\"]", "{\"a\":1}", "{\"num_cycles\":1}", "a,b", ",", "steps", "epoch",
        "cosine", "wsd", "all-linear", ".*", "9007199254740993", "%s%n", "\n--", "=", "recompute", NULL },
    .rounds = 10000,
};
