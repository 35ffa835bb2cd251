/* Runs of `graft sft` inside a test: a folder of its own with a tiny model whose dynamic rope grows and resets, and a recipe
 * in which everything that a checkpoint must carry is at work: dropout, NEFTune, a random order, accumulation with a partial
 * last step, evaluation, early stopping's counter and a plateau schedule.
 *
 * fsync does nothing here: a killed process loses no written byte, only a fallen machine does. */
#ifndef TESTS_TRAIN_RUN_RUNNING_H
#define TESTS_TRAIN_RUN_RUNNING_H
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tiny_model.h"
#include "train/run/trainer.h"

int fsync(int fd);
int fsync(int fd) { (void)fd; return 0; }

static char root[64];

static int enter_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root) || chdir(root)) return -1;
    tiny_model_write("model", (TinyModel){ .positions = 12, .dynamic_rope = true });
    tiny_rows_write(".", "rows.jsonl", 13, 4, 24, 64, 1);
    tiny_rows_write(".", "eval.jsonl", 5, 4, 20, 64, 2);
    tiny_write(".", "recipe.json",
               "{\"model_name_or_path\": \"model\", \"dataset_name\": \"rows.jsonl\", \"eval_dataset_name\": \"eval.jsonl\", \"output_dir\": \"out\", \"bf16\": false,"
               " \"lora_r\": 2, \"lora_dropout\": 0.1, \"neftune_noise_alpha\": 5, \"per_device_train_batch_size\": 2, \"gradient_accumulation_steps\": 3,"
               " \"per_device_eval_batch_size\": 2, \"num_train_epochs\": 3, \"logging_steps\": 2, \"learning_rate\": 0.01, \"weight_decay\": 0.1, \"threads\": 1,"
               " \"lr_scheduler_type\": \"reduce_lr_on_plateau\", \"lr_scheduler_kwargs\": {\"factor\": 0.5, \"patience\": 0}, \"eval_strategy\": \"steps\","
               " \"eval_steps\": 1, \"save_strategy\": \"steps\", \"save_steps\": 2, \"early_stopping_patience\": 6, \"load_best_model_at_end\": true}");
    return 0;
}

static int leave_root(void **state)
{
    (void)state;
    return chdir("/") || output_remove(root) != STATUS_OK;
}

enum { MAX_ARGS = 40 };

/* What the last run said that is no error. */
static char *said;

static void remember(const Notices *notices)
{
    Buffer text = {0};
    for (int i = 0; i < notices->n; i++) buffer_format(&text, "%s\n", notices->line[i]);
    free(said);
    said = buffer_take(&text);
}

static Status run_words(int n, char **words)
{
    Trainer trainer = {0};
    Status status = trainer_open(&trainer, n, words);
    if (status == STATUS_OK && !trainer.recipe.plan) status = trainer_train(&trainer);
    remember(&trainer.notices);
    trainer_close(&trainer);
    return status;
}

/* `graft sft --config recipe.json` (unless they name another) and these flags, in this process; its log goes to the file "log". */
static Status sft(const char *flags)
{
    char *text = memory_format("%s%s", strstr(flags, "--config ") ? "" : "--config recipe.json ", flags), *words[MAX_ARGS], *rest = text;
    int n = 0, log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0666), standard = dup(STDERR_FILENO);
    for (char *word; (word = strtok_r(rest, " ", &rest));) words[n++] = word;
    fflush(stderr);
    dup2(log, STDERR_FILENO);
    Status status = run_words(n, words);
    fflush(stderr);
    dup2(standard, STDERR_FILENO);
    close(log);
    close(standard);
    free(text);
    return status;
}

/* The same in a child, after `prepare`; an error's message goes to the file "message". */
static __attribute__((unused)) pid_t start(const char *flags, void (*prepare)(void))
{
    pid_t child = fork();
    if (child) return child;
    if (prepare) prepare();
    Status status = sft(flags);
    FILE *message = fopen("message", "w");
    fprintf(message, "%s", status == STATUS_OK ? "" : status_message());
    fclose(message);
    _exit((int)status);
}

/* Its exit code, or minus the signal that ended it. */
static __attribute__((unused)) int finish(pid_t child)
{
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    return WIFEXITED(how) ? WEXITSTATUS(how) : -WTERMSIG(how);
}

static __attribute__((unused)) void shell(const char *command)
{
    int failed = system(command);
    if (failed) print_error("%s\n", command);
    assert_int_equal(failed, 0);
}

static bool changes_with_time(const char *key)
{
    size_t n = strlen(key);
    return (n >= 8 && !strcmp(key + n - 8, "_runtime")) || (n >= 11 && !strcmp(key + n - 11, "_per_second"));
}

static Json *without_times(const Json *object)
{
    Json *out = json_new_object();
    for (const Json *member = json_first(object); member; member = json_next(member))
        if (!changes_with_time(json_key(member))) json_set(out, json_key(member), json_copy(member));
    return out;
}

/* trainer_state.json as text, but for keys that end in _runtime or _per_second. */
static __attribute__((unused)) char *state_text(const char *path)
{
    Json *json = NULL, *log = json_new_array();
    Buffer text = {0};
    assert_ok(json_read(&json, path));
    for (const Json *entry = json_first(json_get(json, "log_history")); entry; entry = json_next(entry)) json_push(log, without_times(entry));
    json_set(json, "log_history", log);
    json_print(&text, json, (JsonStyle){ .indent = 1 });
    json_free(json);
    return buffer_take(&text);
}

static __attribute__((unused)) void assert_same_states(const char *a, const char *b)
{
    char *x = state_text(a), *y = state_text(b);
    assert_string_equal(x, y);
    free(x);
    free(y);
}

static __attribute__((unused)) void assert_same_bytes(const char *a, const char *b)
{
    Mapped x = {0}, y = {0};
    assert_ok(mapped_open(&x, a));
    assert_ok(mapped_open(&y, b));
    assert_int_equal(x.n_bytes, y.n_bytes);
    assert_memory_equal(x.bytes, y.bytes, x.n_bytes);
    mapped_close(&x);
    mapped_close(&y);
}

static __attribute__((unused)) bool there(const char *path) { return !access(path, F_OK); }

/* Folder `b` ends as `a` did: the result, and the last checkpoint with optimizer state, counters and sums. */
static __attribute__((unused)) void assert_same_end(const char *a, const char *b, int last_step)
{
    static const char *const exact[] = { "adapter_model.safetensors", "adapter_config.json", "checkpoint-%d/adapter_model.safetensors",
        "checkpoint-%d/optimizer.safetensors", "checkpoint-%d/graft_state.json" };
    static const char *const states[] = { "trainer_state.json", "checkpoint-%d/trainer_state.json" };
    for (size_t i = 0; i < 7; i++) {
        char x[128], y[128], name[64];
        snprintf(name, sizeof name, i < 5 ? exact[i] : states[i - 5], last_step);
        snprintf(x, sizeof x, "%s/%s", a, name);
        snprintf(y, sizeof y, "%s/%s", b, name);
        if (i < 5) assert_same_bytes(x, y);
        else assert_same_states(x, y);
    }
}

#endif
