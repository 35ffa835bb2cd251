/* What a run writes so that its adapter answers as it was trained: the template and the eos token of the recipe. And what it
 * refuses to write over. */
#include "tests/train/deploy/tiny_chat.h"

#include <sys/wait.h>

static const char template[] = "{% for m in messages %}<<{{ m.role }}>>{{ m.content }}<|im_end|>{% endfor %}";

typedef struct { char dir[64]; } World;

static int setup(void **state)
{
    World *w = memory_new(1, sizeof *w);
    chat_folder(w->dir);
    char *model = memory_format("%s/model", w->dir);
    chat_model_write(model, 64);
    tiny_write(w->dir, "my.jinja", template);
    tiny_write(w->dir, "rows.jsonl", "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}]}\n");
    free(model);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    World *w = *state;
    assert_ok(output_remove(w->dir));
    free(w);
    return 0;
}

/* Exit code of one step with more arguments; stderr in `said`. */
static int train(const World *w, const char *output, const char *more, Buffer *said)
{
    char line[2048], *command = memory_format("cd %s && %s sft --model_name_or_path model --dataset_name rows.jsonl --output_dir %s --max_steps 1 %s 2>&1 >/dev/null",
                                              w->dir, GRAFT_BINARY, output, more);
    FILE *pipe = popen(command, "r");
    while (fgets(line, sizeof line, pipe)) buffer_add_string(said, line);
    int code = pclose(pipe);
    free(command);
    return WEXITSTATUS(code);
}

static void assert_holds(const World *w, const char *name, const char *text)
{
    char *path = memory_format("%s/%s", w->dir, name);
    Mapped file = {0};
    assert_ok(mapped_open(&file, path));
    assert_non_null(memmem(file.bytes, file.n_bytes, text, strlen(text)));
    mapped_close(&file);
    free(path);
}

static void what_trained_is_saved(void **state)
{
    World *w = *state;
    Buffer said = {0};
    assert_int_equal(train(w, "out", "--chat_template_path my.jinja --eos_token '<|im_start|>'", &said), 0);
    assert_holds(w, "out/chat_template.jinja", template);
    assert_holds(w, "out/checkpoint-1/chat_template.jinja", template);
    assert_holds(w, "out/tokenizer_config.json", "\"eos_token\": \"<|im_start|>\"");
    buffer_free(&said);
}

static void assert_refuses(const World *w, const char *output, const char *more, const char *message)
{
    Buffer said = {0};
    assert_int_equal(train(w, output, more, &said), 2);
    assert_string_equal(said.data, message);
    buffer_free(&said);
}

static void what_cannot_be_is_refused(void **state)
{
    World *w = *state;
    assert_refuses(w, "new", "--eos_token '<nope>'", "graft: error: eos_token \"<nope>\" is no token of this model's vocabulary\n");
    assert_refuses(w, "model", "", "graft: error: output_dir model is the base model's folder: give another one\n");
    assert_refuses(w, "./model/", "--overwrite_output_dir true", "graft: error: output_dir ./model/ is the base model's folder: give another one\n");
}

/* The log is the first file of a run: where it cannot be written, nothing is trained for nothing. */
static void an_output_that_cannot_be_written_is_found_first(void **state)
{
    World *w = *state;
    Buffer said = {0};
    char *log = memory_format("%s/blocked/train.log", w->dir);
    assert_ok(output_make_folder(log));      /* a folder where the file should stand; a mode would not stop root */
    assert_int_equal(train(w, "blocked", "", &said), 3);
    assert_string_equal(said.data, "graft: error: output_dir: blocked/train.log: Is a directory\n");
    buffer_free(&said);
    free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_trained_is_saved), cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(an_output_that_cannot_be_written_is_found_first),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
