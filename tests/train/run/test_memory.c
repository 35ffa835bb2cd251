/* The memory plan against the machine: a run's largest resident size is within 1.05 x plan + 64 MB, and the plan claims no more
 * than twice what the run takes. Then plan_make with memory to order: how many layers it recomputes, what it refuses and
 * whether the keys it names do make it fit. */
#include "tests/tiny_model.h"

#include <fcntl.h>
#include <math.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "train/run/available_memory.h"
#include "train/run/plan.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static char root[64];

static int enter_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root) || chdir(root)) return -1;
    tiny_model_write("model", (TinyModel){ .vocab_size = 8192, .hidden_size = 256, .layers = 8, .positions = 512 });
    tiny_rows_write(".", "rows.jsonl", 16, 128, 256, 8192, 1);
    tiny_rows_write(".", "eval.jsonl", 8, 128, 384, 8192, 2);
    tiny_model_write("small", (TinyModel){ .layers = 6, .positions = 512 });
    tiny_rows_write(".", "even.jsonl", 16, 128, 128, 64, 3);
    tiny_rows_write(".", "uneven.jsonl", 16, 8, 256, 64, 4);
    return 0;
}

static int leave_root(void **state)
{
    (void)state;
    return chdir("/") || output_remove(root) != STATUS_OK;
}

/* `graft sft ARGUMENTS`, its output in the file "said"; gives the largest resident size in bytes. */
static double run(const char *arguments)
{
    char *command = memory_format("exec %s sft %s", GRAFT_BINARY, arguments);
    struct rusage usage;
    int how;
    pid_t child = fork();
    if (!child) {
        int out = open("said", O_WRONLY | O_CREAT | O_TRUNC, 0666);
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(wait4(child, &how, 0, &usage), child);
    if (!WIFEXITED(how) || WEXITSTATUS(how)) print_error("%s\n", command);
    assert_true(WIFEXITED(how) && !WEXITSTATUS(how));
    free(command);
    return (double)usage.ru_maxrss * 1024;
}

/* Bytes behind "total" in what --plan printed. */
static double planned(void)
{
    char line[256];
    double megabytes = 0;
    FILE *said = fopen("said", "r");
    while (fgets(line, sizeof line, said)) sscanf(line, " total %lf MB", &megabytes);
    fclose(said);
    assert_true(megabytes > 0);
    return megabytes * 1e6;
}

static void check_run(const char *more)
{
    if (SANITIZED) {
        print_message("skipped: a sanitizer takes memory of its own\n");
        skip();
    }
    char *arguments = memory_format("--model_name_or_path model --dataset_name rows.jsonl --output_dir out --overwrite_output_dir true --max_steps 1 "
                                    "--per_device_train_batch_size 8 --lora_target_modules all-linear --save_strategy no --threads 2 %s", more);
    char *dry = memory_format("%s --plan", arguments);
    run(dry);
    double plan = planned(), taken = run(arguments);
    print_message("%s: plan %.1f MB, taken %.1f MB\n", more, plan / 1e6, taken / 1e6);
    assert_true(taken <= 1.05 * plan + 64e6);
    assert_true(taken >= plan / 2);
    free(dry);
    free(arguments);
}

static void a_run_takes_what_was_planned(void **state) { (void)state; check_run("--bf16 false"); }
static void with_activations_kept_narrow(void **state) { (void)state; check_run("--bf16 true"); }
static void with_every_layer_recomputed(void **state) { (void)state; check_run("--bf16 false --gradient_checkpointing recompute"); }
static void with_evaluation(void **state)
{
    (void)state;
    check_run("--eval_dataset_name eval.jsonl --eval_strategy steps --eval_steps 1 --per_device_eval_batch_size 16 --gradient_checkpointing recompute");
}

/* A trainer that has planned with the machine's memory and allocated nothing, for plan_make with other memory. */
static void open_planner(Trainer *t, const char *dataset, const char *more)
{
    char *text = memory_format("--model_name_or_path small --output_dir nowhere --dataset_name %s --lora_r 1 --plan true --bf16 false%s %s",
                               dataset, strstr(more, "batch_size") ? "" : " --per_device_train_batch_size 8", more);
    char *words[40], *rest = text;
    int n = 0;
    for (char *word; (word = strtok_r(rest, " ", &rest));) words[n++] = word;
    *t = (Trainer){0};
    assert_ok(trainer_open(t, n, words));
    free(text);
}

static int64_t replan(Trainer *t, int64_t available, int n_recomputed)
{
    assert_ok(plan_make(t, available));
    assert_int_equal(t->plan.n_recomputed, n_recomputed);
    assert_true(plan_bytes(&t->plan) <= available && t->plan.available == available);
    return plan_bytes(&t->plan);
}

static void recomputes_as_few_layers_as_fit(void **state)
{
    (void)state;
    Trainer t;
    open_planner(&t, "even.jsonl", "");
    int64_t bytes = replan(&t, INT64_MAX, 0);
    replan(&t, bytes, 0);
    /* Each layer recomputed saves something, so one byte less than n layers need is what n + 1 fit into. */
    for (int n = 1; n <= 6; n++) bytes = replan(&t, bytes - 1, n);
    assert_int_equal(plan_make(&t, bytes - 1), STATUS_INPUT);
    trainer_close(&t);
}

static void keys_that_forbid_a_choice_are_obeyed(void **state)
{
    (void)state;
    Trainer t;
    open_planner(&t, "even.jsonl", "--gradient_checkpointing recompute");
    replan(&t, INT64_MAX, 6);
    trainer_close(&t);
    open_planner(&t, "even.jsonl", "--gradient_checkpointing false");
    int64_t bytes = replan(&t, INT64_MAX, 0), others;
    assert_int_equal(plan_make(&t, bytes - 1), STATUS_INPUT);
    Trainer allowed;
    open_planner(&allowed, "even.jsonl", "");
    others = replan(&allowed, bytes - 1, 1);
    char *message = memory_format("the plan needs %.0f MB and %.0f MB are available: %.0f MB too much. It would fit with gradient_checkpointing true (%.0f MB), or max_length ",
                                  (double)bytes / 1e6, (double)(bytes - 1) / 1e6, 1 / 1e6, (double)others / 1e6);
    assert_int_equal(plan_make(&t, bytes - 1), STATUS_INPUT);
    assert_true(strlen(status_message()) > strlen(message) && !memcmp(status_message(), message, strlen(message)));
    free(message);
    trainer_close(&allowed);
    trainer_close(&t);
}

/* "max_length 32 (30 MB)" or "key value with key value (30 MB)", as flags; gives the megabytes. */
static double read_advice(char *advice, Buffer *flags)
{
    char *megabytes = strchr(advice, '('), *rest = advice;
    assert_non_null(megabytes);
    *megabytes = 0;
    for (char *key; (key = strtok_r(rest, " ", &rest));)
        if (strcmp(key, "with")) buffer_format(flags, "--%s %s ", key, strtok_r(rest, " ", &rest));
    return atof(megabytes + 1);
}

/* Whatever a refusal advises, followed, fits; a batch of another size needs what the refusal said. */
static int check_advice(const char *dataset, const char *checkpointing, char *refusal, int64_t available)
{
    static const char before[] = "It would fit with ";
    char *advice = strstr(refusal, before);
    int n = 0;
    for (char *next; advice; advice = next, n++) {
        Buffer flags = {0};
        Trainer t;
        advice += n ? strlen(", or ") : strlen(before);
        if ((next = strstr(advice, ", or "))) *next = 0;
        double megabytes = read_advice(advice, &flags);
        if (next) *next = ',';
        if (!strstr(flags.data, "checkpointing")) buffer_add_string(&flags, checkpointing);
        open_planner(&t, dataset, flags.data);
        assert_ok(plan_make(&t, available));
        if (strstr(flags.data, "batch_size")) assert_true(fabs((double)plan_bytes(&t.plan) - megabytes * 1e6) <= 0.5e6);
        trainer_close(&t);
        buffer_free(&flags);
    }
    return n;
}

/* What no choice of layers goes below. Places are found greedily, so recomputing one layer less may need a little less: a plan
 * that fits is asked for a byte less until none does. `fixed`: what a smaller step would not change. */
static int64_t least_need(const char *dataset, int64_t *fixed)
{
    Trainer t;
    open_planner(&t, dataset, "");
    int64_t need = INT64_MAX;
    while (plan_make(&t, need == INT64_MAX ? need : need - 1) == STATUS_OK) need = plan_bytes(&t.plan);
    *fixed = t.plan.weights + t.plan.state + t.plan.program;
    trainer_close(&t);
    return need;
}

static void check_refusals(const char *dataset, const char *checkpointing)
{
    enum { STEPS = 24 };
    Trainer t;
    int n = 0;
    int64_t least, need = least_need(dataset, &least);
    open_planner(&t, dataset, checkpointing);
    for (int i = 0; i < STEPS; i++) {
        int64_t available = need - 1 - (need - least) * i / STEPS;
        assert_int_equal(plan_make(&t, available), STATUS_INPUT);
        char *refusal = memory_string(status_message());
        n += check_advice(dataset, checkpointing, refusal, available);
        free(refusal);
    }
    assert_true(n > STEPS);
    trainer_close(&t);
}

static void a_refusal_names_keys_that_fit(void **state)
{
    (void)state;
    check_refusals("even.jsonl", "");
    check_refusals("uneven.jsonl", "");
    check_refusals("uneven.jsonl", "--gradient_checkpointing false");
    check_refusals("uneven.jsonl", "--gradient_checkpointing recompute");
}

static void a_refusal_without_hope_says_so(void **state)
{
    (void)state;
    Trainer t;
    open_planner(&t, "even.jsonl", "");
    int64_t least = 1000000;
    assert_int_equal(plan_make(&t, least), STATUS_INPUT);
    char *message = memory_format("the plan needs %.0f MB and 1 MB are available: %.0f MB too much. No key of the recipe makes it fit on this machine",
                                  (double)plan_bytes(&t.plan) / 1e6, (double)(plan_bytes(&t.plan) - least) / 1e6);
    assert_string_equal(status_message(), message);
    free(message);
    trainer_close(&t);
}

static void available_is_no_more_than_the_machine(void **state)
{
    (void)state;
    int64_t available = available_memory(), machine = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    assert_true(available > 0 && available <= machine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_takes_what_was_planned), cmocka_unit_test(with_activations_kept_narrow), cmocka_unit_test(with_every_layer_recomputed), cmocka_unit_test(with_evaluation),
        cmocka_unit_test(recomputes_as_few_layers_as_fit), cmocka_unit_test(keys_that_forbid_a_choice_are_obeyed),
        cmocka_unit_test(a_refusal_names_keys_that_fit), cmocka_unit_test(a_refusal_without_hope_says_so),
        cmocka_unit_test(available_is_no_more_than_the_machine),
    };
    return cmocka_run_group_tests(tests, enter_root, leave_root);
}
