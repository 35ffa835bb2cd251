/* YAML from anywhere: refused with a reason, or a tree that prints. */
#include "data/file/yaml.h"
#include "tests/fuzz/mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    Json *json = NULL;
    Status status = yaml_parse(&json, "fuzz", (const char *)bytes, n);
    fuzz_check(status);
    CHECK((status == STATUS_OK) == (json != NULL));
    Buffer out = {0};
    json_print(&out, json, (JsonStyle){ .indent = 2, .sort_keys = true });
    buffer_free(&out);
    json_free(json);
    return 0;
}

const Fuzz fuzz = {
    .texts = (const char *const[]){
        "lora_r: 16\nlearning_rate: 1e-4\ntarget_modules: [q_proj, v_proj]\nbf16: yes\nname: \"a\\u00e9\"\nnone: ~\ntext: |\n  a\n   b\n",
        "base: &b {x: 1, y: [1, 2]}\nc:\n  <<: *b\n  y: 3\nd: [*b, *b, &e 1:30.5, *e]\n", "<<: [{a: 1}, {b: 2}]\n? k\n: !!str v\n",
        "%YAML 1.1\n---\n- !!int 7\n- !!float 3\n- 'q''q'\n- >\n  folded\n  text\n...\n", "a: &a [x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n", NULL },
    .words = (const char *const[]){
        "&a ", "*a", "<<: ", "!!int ", "!!str ", "- ", "? ", ": ", "|\n ", ">-\n ", "...\n", "---\n", "yes", "~", "0x1F", "1:30", ".inf", "#", NULL },
};
