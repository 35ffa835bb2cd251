/* Resuming: a run that was killed anywhere, by anything, and went on ends with the bytes of the one that was not; and every
 * checkpoint that does not fit is refused with its reason. */
#include "tests/train/run/running.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "train/run/checkpoint.h"
#include "train/run/graft_state.h"
#include "train/run/run_folder.h"

enum { LAST_STEP = 9 };

/* Killed at a system call: these stand before libc's, count what changes the disk, and end the process at one of them. */

static int calls, kill_at;

static void count_call(void)
{
    if (++calls == kill_at) kill(getpid(), SIGKILL);
}

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list more;
        va_start(more, flags);
        mode = (mode_t)va_arg(more, int);
        va_end(more);
        count_call();
    }
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    count_call();
    return syscall(SYS_write, fd, bytes, n);
}

int rename(const char *from, const char *to)
{
    count_call();
    return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    count_call();
    return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

int mkdir(const char *path, mode_t mode)
{
    count_call();
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int remove(const char *path)
{
    count_call();
    if (!syscall(SYS_unlinkat, AT_FDCWD, path, 0)) return 0;
    return errno == EISDIR ? (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR) : -1;
}

static void count_from_zero(void) { calls = 0; }

/* The uninterrupted run that all others must equal is whole/out. Each test has a folder of its own beside it, so that paths in
 * the files are the same. */

static int run_whole(void **state)
{
    if (enter_root(state)) return -1;
    shell("mkdir whole && cp -r model *.jsonl recipe.json whole");
    if (chdir("whole")) return -1;
    return sft("") != STATUS_OK;
}

static void enter(const char *name)
{
    assert_int_equal(chdir(root), 0);
    char *command = memory_format("mkdir %s && cp -r model *.jsonl recipe.json %s", name, name);
    shell(command);
    free(command);
    assert_int_equal(chdir(name), 0);
}

static void assert_ends_as_whole(void) { assert_same_end("../whole/out", "out", LAST_STEP); }

static bool has_text(const char *text, const char *part) { return strstr(text, part) != NULL; }

static void every_checkpoint_leads_to_the_same_end(void **state)
{
    (void)state;
    enter("every");
    for (int step = 2; step <= LAST_STEP; step += step == 8 ? 1 : 2) {
        char *copy = memory_format("rm -rf out && cp -r ../whole/out . && rm out/*.* && for i in 2 4 6 8 9; do [ $i -le %d ] || rm -r out/checkpoint-$i; done", step);
        char *notice = memory_format("going on from out/checkpoint-%d at step %d\n", step, step);
        shell(copy);
        assert_ok(sft("--resume_from_checkpoint true"));
        assert_true(has_text(said, notice));
        assert_ends_as_whole();
        free(copy);
        free(notice);
    }
}

static void a_path_may_lead_to_another_folder(void **state)
{
    (void)state;
    enter("path");
    shell("cp -r ../whole/out/checkpoint-4 kept");
    assert_ok(sft("--resume_from_checkpoint kept/"));
    assert_same_bytes("../whole/out/checkpoint-9/adapter_model.safetensors", "out/checkpoint-9/adapter_model.safetensors");
    assert_same_bytes("../whole/out/checkpoint-9/graft_state.json", "out/checkpoint-9/graft_state.json");
}

/* What may differ: threads, logs, saving. Bits do not depend on threads in any case. */
static void threads_change_nothing(void **state)
{
    (void)state;
    enter("threads");
    for (int threads = 2; threads <= 3; threads++) {
        char *flags = memory_format("--threads %d --overwrite_output_dir true", threads);
        assert_ok(sft(flags));
        assert_ends_as_whole();
        free(flags);
    }
    shell("rm -r out/*.* out/checkpoint-[689]");
    assert_ok(sft("--resume_from_checkpoint true --threads 2 --profile --device auto --logging_steps 1 --save_total_limit 2"));
    assert_true(has_text(said, "device is \"auto\"; until the checkpoint it was \"cpu\""));
    assert_same_bytes("../whole/out/adapter_model.safetensors", "out/adapter_model.safetensors");
    assert_same_bytes("../whole/out/checkpoint-9/optimizer.safetensors", "out/checkpoint-9/optimizer.safetensors");
}

/* A base model with a dropout of its own, which is said at the start. */
static void dropouts_of_the_model_go_on(void **state)
{
    (void)state;
    enter("dropouts");
    tiny_model_write("model", (TinyModel){ .positions = 12, .dynamic_rope = true, .attention_dropout = 0.1 });
    const char *flags = "--eval_strategy no --load_best_model_at_end false --early_stopping_patience null --lr_scheduler_type linear"
                        " --lr_scheduler_kwargs null ";
    char *again = memory_format("%s --threads 2 --resume_from_checkpoint true", flags);
    assert_ok(sft(flags));
    assert_true(has_text(said, "the base model's dropouts are at work in training, as in TRL's: attention_dropout 0.1 in its config.json"));
    shell("cp -r out whole && rm -r out/*.* out/checkpoint-[689] && ! cmp -s whole/adapter_model.safetensors ../whole/out/adapter_model.safetensors");
    assert_ok(sft(again));
    assert_same_end("whole", "out", LAST_STEP);
    free(again);
}

static void the_run_is_worth_resuming(void **state)
{
    (void)state;
    assert_int_equal(chdir(root), 0);
    GraftState early, late;
    assert_ok(graft_state_read(&early, "whole/out/checkpoint-2/graft_state.json"));
    assert_ok(graft_state_read(&late, "whole/out/checkpoint-9/graft_state.json"));
    assert_true(early.rope_seen > 12 || late.rope_seen > 12);
    assert_true(late.plateau.lr < early.plateau.lr);
    assert_int_equal(late.adamw_steps, LAST_STEP);
    assert_true(late.progress.has_best && late.progress.worse > 0);
    assert_true(late.progress.tr_loss > 0 && late.progress.last_logged == 8);
}

/* Kills the run at its n-th change of the disk, then lets it go on; false when it came to its end before. */
static bool killed_at(int n)
{
    assert_ok(output_remove("out"));
    kill_at = n;
    int code = finish(start("--save_steps 4 --resume_from_checkpoint true", count_from_zero));
    kill_at = 0;
    if (code == 0) return false;
    assert_int_equal(code, -SIGKILL);
    assert_ok(sft("--save_steps 4 --resume_from_checkpoint true"));
    assert_same_end("whole", "out", LAST_STEP);
    return true;
}

/* 3 checkpoints and the result: nothing half-written is ever taken for whole, nothing is left lying about. */
static void killed_at_any_write(void **state)
{
    (void)state;
    enter("writes");
    assert_ok(sft("--save_steps 4"));
    shell("mv out whole");
    int n = 1;
    while (killed_at(n)) n++;
    print_message("killed at each of %d changes of the disk\n", n - 1);
    assert_true(n > 60);
    shell("! find . -name '.tmp-*' | grep .");
}

static void wait_a_moment(unsigned *random, int most_us)
{
    *random = *random * 1664525u + 1013904223u;
    usleep((*random >> 8) % (unsigned)most_us);
}

/* Signals until the run comes to its end by itself; each start goes on from where the last one got to. */
static void send_until_done(int signal, unsigned *random, int most_us)
{
    for (int code = -1; code != 0;) {
        pid_t child = start("--resume_from_checkpoint true", NULL);
        wait_a_moment(random, most_us);
        kill(child, signal);
        code = finish(child);
        assert_true(code == 0 || code == STATUS_STOPPED || code == -signal);
        most_us += most_us / 4;
    }
}

static void killed_at_random_times(void **state)
{
    (void)state;
    enter("times");
    unsigned random = 1;
    for (int i = 0; i < 30; i++) {
        assert_ok(output_remove("out"));
        send_until_done(i % 2 ? SIGKILL : SIGTERM, &random, 20000);
        assert_ends_as_whole();
    }
}

/* A run long enough to be met in its middle. */
static pid_t start_long_run(void)
{
    pid_t child = start("--num_train_epochs 100000 --save_strategy no --eval_strategy no --lr_scheduler_type linear --lr_scheduler_kwargs null"
                        " --load_best_model_at_end false --early_stopping_patience null --logging_steps 1", NULL);
    for (int i = 0; i < 5000 && !there("log"); i++) usleep(1000);
    while (!there("out")) usleep(1000);
    usleep(30000);
    return child;
}

static void saves_and_says_how_to_go_on(const char *name, int signal_number)
{
    enter(name);
    pid_t child = start_long_run();
    kill(child, signal_number);
    assert_int_equal(finish(child), STATUS_STOPPED);
    Checkpoints all = run_folder_checkpoints("out");
    assert_int_equal(all.n, 1);
    char *line = memory_format("stopped after step %lld of 300000; the same command with --resume_from_checkpoint true goes on from out/checkpoint-%lld\n",
                               (long long)all.step[0], (long long)all.step[0]);
    Mapped log = {0};
    assert_ok(mapped_open(&log, "log"));
    assert_true(log.n_bytes > strlen(line));
    assert_memory_equal(log.bytes + log.n_bytes - strlen(line), line, strlen(line));
    mapped_close(&log);
    free(line);
    free(all.step);
}

/* Ctrl-C, and a terminal that is closed. */
static void a_signal_saves_and_says_how_to_go_on(void **state)
{
    (void)state;
    saves_and_says_how_to_go_on("signal", SIGINT);
    saves_and_says_how_to_go_on("hangup", SIGHUP);
}

static bool log_says(const char *text)
{
    Mapped log = {0};
    assert_ok(mapped_open(&log, "log"));
    bool found = log.n_bytes && memmem(log.bytes, log.n_bytes, text, strlen(text));
    mapped_close(&log);
    return found;
}

static void a_second_signal_ends_at_once(void **state)
{
    (void)state;
    enter("second");
    tiny_model_write("model", (TinyModel){ .hidden_size = 256, .layers = 8 });
    tiny_rows_write(".", "rows.jsonl", 64, 60, 60, 64, 1);
    pid_t child = start("--per_device_train_batch_size 64 --gradient_accumulation_steps 1000 --max_length null --eval_strategy no --lr_scheduler_type linear"
                        " --lr_scheduler_kwargs null --load_best_model_at_end false --early_stopping_patience null", NULL);
    while (!there("out")) usleep(1000);
    usleep(20000);
    kill(child, SIGINT);
    while (!log_says("stopping after this step")) usleep(1000);
    kill(child, SIGTERM);
    assert_int_equal(finish(child), -SIGTERM);
}

static void nothing_there_begins_at_the_beginning(void **state)
{
    (void)state;
    enter("none");
    assert_ok(sft("--resume_from_checkpoint true"));
    assert_true(has_text(said, "resume_from_checkpoint: no complete checkpoint in out; training starts at the beginning\n"));
    assert_ends_as_whole();
}

/* Damaged: `true` passes over it, a path is refused */

static void damage(const char *command)
{
    shell("rm -rf out && cp -r ../whole/out . && rm -r out/*.* out/checkpoint-[89]");
    shell(command);
}

static void assert_damaged(const char *command, const char *message)
{
    damage(command);
    char *given = memory_format("resume_from_checkpoint: %s", message), *over = memory_format("checkpoint-6 is passed over: %s\ngoing on from out/checkpoint-4 at step 4\n", message);
    assert_fails(STATUS_INPUT, given, sft("--resume_from_checkpoint out/checkpoint-6"));
    assert_ok(sft("--resume_from_checkpoint true"));
    if (!has_text(said, over)) assert_string_equal(said, over);
    assert_ends_as_whole();
    free(given);
    free(over);
}

static void early_stopping_counts_on(void **state)
{
    (void)state;
    enter("early");
    assert_ok(sft("--early_stopping_patience 3"));
    shell("mv out early && cp -r early out && rm -r out/*.*");
    assert_ok(sft("--early_stopping_patience 3 --resume_from_checkpoint true"));
    assert_same_end("early", "out", 6);
    assert_false(there("out/checkpoint-8"));
}

static void damaged_checkpoints_are_passed_over(void **state)
{
    (void)state;
    enter("damaged");
    assert_damaged("rm out/checkpoint-6/graft_state.json", "out/checkpoint-6: has no graft_state.json: saved with save_only_model, cut short, or by another program; "
                   "nothing can go on from it");
    assert_damaged("rm out/checkpoint-6/optimizer.safetensors", "out/checkpoint-6/optimizer.safetensors: No such file or directory");
    assert_damaged("rm out/checkpoint-6/trainer_state.json", "out/checkpoint-6/trainer_state.json: No such file or directory");
    assert_damaged("echo '[]' > out/checkpoint-6/recipe.json", "out/checkpoint-6/recipe.json: expected an object, found a list");
    assert_damaged("truncate -s 100 out/checkpoint-6/graft_state.json", "out/checkpoint-6/graft_state.json: not JSON at line 6, column 26");
    assert_damaged("truncate -s -4 out/checkpoint-6/adapter_model.safetensors",
                   "out/checkpoint-6/adapter_model.safetensors: tensor base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight ends at byte 1024 of the data, "
                   "which has 1020: the file is cut short");
    assert_damaged("printf X | dd of=out/checkpoint-6/optimizer.safetensors bs=1 seek=3000 conv=notrunc status=none",
                   "out/checkpoint-6/optimizer.safetensors: not the tensors that were saved with graft_state.json: the file was changed or is damaged");
    assert_damaged("sed -i 's/\"global_step\": 6/\"global_step\": 5/' out/checkpoint-6/trainer_state.json",
                   "out/checkpoint-6/trainer_state.json: global_step is 5, graft_state.json says 6");
    assert_damaged("sed -i 's/^  \"epoch\": .*/  \"epoch\": 1.5,/' out/checkpoint-6/trainer_state.json",
                   "out/checkpoint-6/trainer_state.json: epoch is 1.5, graft_state.json says 2");
    assert_damaged("sed -i 's/\"adamw_steps\": 6/\"adamw_steps\": 7/' out/checkpoint-6/graft_state.json",
                   "out/checkpoint-6/graft_state.json: global_step 6, adamw_steps 7, last_logged 6 and best_global_step 4 contradict each other");
    assert_damaged("sed -i 's/\"num_tokens\": .*/\"num_tokens\": -1,/' out/checkpoint-6/graft_state.json",
                   "out/checkpoint-6/graft_state.json: num_tokens: expected a count, found -1");
    assert_damaged("sed -i 's/\"tr_loss\": .*/\"tr_loss\": \"NaN\",/' out/checkpoint-6/graft_state.json",
                   "out/checkpoint-6/graft_state.json: tr_loss: expected a finite number, found \"NaN\"");
    assert_damaged("sed -i '/\"rope_seen\"/d' out/checkpoint-6/graft_state.json", "out/checkpoint-6/graft_state.json: rope_seen: expected a count, found nothing");
    assert_damaged("sed -i 's/\"version\": 1/\"version\": 2/' out/checkpoint-6/graft_state.json", "out/checkpoint-6/graft_state.json: version 2, this graft reads version 1");
}

static void values_that_are_not_finite_are_refused(void **state)
{
    (void)state;
    assert_damaged("printf '\\377\\377\\377\\377\\377\\377\\377\\377' | dd of=out/checkpoint-6/adapter_model.safetensors bs=1 seek=1600 conv=notrunc status=none",
                   "out/checkpoint-6/adapter_model.safetensors: tensor base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight: value 20 is not finite: "
                   "the run had diverged, go on from an earlier checkpoint");
}

/* Another run: refused in any case */

static void assert_refuses(const char *flags, const char *message)
{
    char *all = memory_format("--resume_from_checkpoint true %s", flags);
    assert_fails(STATUS_INPUT, message, sft(all));
    free(all);
}

static void another_recipe_is_refused(void **state)
{
    (void)state;
    enter("recipes");
    damage("true");
#define OTHER(key, found, then) key " is " found ", but the run of out/checkpoint-6/recipe.json has " then ": go on with the same, or begin another run in another folder"
    assert_refuses("--seed 7 --data_seed 42", OTHER("seed", "7", "42"));
    assert_refuses("--learning_rate 0.2", OTHER("learning_rate", "0.2", "0.01"));
    assert_refuses("--lora_r 4", OTHER("lora_r", "4", "2"));
    assert_refuses("--per_device_train_batch_size 3", OTHER("per_device_train_batch_size", "3", "2"));
    assert_refuses("--lr_scheduler_type linear --lr_scheduler_kwargs null", OTHER("lr_scheduler_type", "\"linear\"", "\"reduce_lr_on_plateau\""));
    assert_refuses("--max_length 16", OTHER("max_length", "16", "1024"));
    assert_refuses("--load_best_model_at_end false", OTHER("load_best_model_at_end", "false", "true"));
}

static void what_may_differ_is_mentioned(void **state)
{
    (void)state;
    damage("true");
    assert_ok(sft("--resume_from_checkpoint true --max_steps 7 --eval_steps 2 --save_steps 2"));
    assert_string_equal(said, "num_train_epochs has no effect: max_steps is given\nmax_steps is 7; until the checkpoint it was -1\neval_steps is 2; until the checkpoint it was 1\ngoing on from out/checkpoint-6 at step 6\n");
    damage("true");
    assert_refuses("--max_steps 5", "out/checkpoint-6: is at step 6, beyond this run's end at 5");
}

static void other_inputs_are_refused(void **state)
{
    (void)state;
    enter("inputs");
    damage("true");
    tiny_model_write("other", (TinyModel){ .positions = 12, .dynamic_rope = true, .seed = 5 });
    tiny_model_write("wide", (TinyModel){ .positions = 12, .dynamic_rope = true, .hidden_size = 32 });
    tiny_model_write("deep", (TinyModel){ .positions = 12, .dynamic_rope = true, .layers = 3 });
    tiny_rows_write(".", "others.jsonl", 13, 4, 24, 64, 9);
    assert_refuses("--model_name_or_path other", "out/checkpoint-6: belongs to another base model than other");
    assert_refuses("--model_name_or_path wide", "out/checkpoint-6/adapter_model.safetensors: tensor base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight: "
                   "shape [2, 16], this run's adapter has [2, 32]");
    assert_refuses("--model_name_or_path deep", "out/checkpoint-6: tensor base_model.model.model.layers.2.self_attn.q_proj.lora_A.weight of this run's adapter is missing");
    assert_refuses("--dataset_name others.jsonl", "out/checkpoint-6: was trained on other rows than those of others.jsonl: the file has changed, or they are read in another way");
    assert_refuses("--eval_dataset_name others.jsonl", "out/checkpoint-6: was evaluated on other rows than this run's: its best_metric says nothing about them");
    shell("mv model moved && mv rows.jsonl moved.jsonl");
    assert_ok(sft("--resume_from_checkpoint true --model_name_or_path moved --dataset_name moved.jsonl"));
    assert_same_bytes("../whole/out/adapter_model.safetensors", "out/adapter_model.safetensors");
}

static void the_adapter_it_began_with_must_be_the_same(void **state)
{
    (void)state;
    enter("adapters");
    shell("cp -r ../whole/out/checkpoint-2 first && cp -r first second && sed -i 's/\"lora_alpha\": 32/\"lora_alpha\": 16/' second/adapter_config.json");
    assert_ok(sft("--adapter_name_or_path first --max_steps 2"));
    assert_refuses("--adapter_name_or_path second --max_steps 4", "out/checkpoint-2/adapter_config.json: lora_alpha is 32, this run's adapter has 16");
}

static void wrong_paths_are_explained(void **state)
{
    (void)state;
    enter("paths");
    shell("cp -r ../whole/out kept && cp rows.jsonl file");
    assert_fails(STATUS_INPUT, "resume_from_checkpoint: absent: no such checkpoint", sft("--resume_from_checkpoint absent"));
    assert_fails(STATUS_INPUT, "resume_from_checkpoint: file: is a file, expected a folder checkpoint-N", sft("--resume_from_checkpoint file"));
    assert_fails(STATUS_INPUT, "resume_from_checkpoint: kept: is a run's folder, not a checkpoint: give one of those in it, such as checkpoint-9",
                 sft("--resume_from_checkpoint kept"));
    assert_false(there("out"));
}

static void a_lost_best_checkpoint_is_mentioned(void **state)
{
    (void)state;
    enter("best");
    shell("mkdir out && cp -r ../whole/out/checkpoint-8 out");
    assert_ok(sft("--resume_from_checkpoint true"));
    assert_string_equal(said, "the best checkpoint, out/checkpoint-4, is gone; the end of this run cannot return to it\ngoing on from out/checkpoint-8 at step 8\n");
    assert_same_bytes("out/checkpoint-9/adapter_model.safetensors", "out/adapter_model.safetensors");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_checkpoint_leads_to_the_same_end),
        cmocka_unit_test(a_path_may_lead_to_another_folder),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(dropouts_of_the_model_go_on),
        cmocka_unit_test(the_run_is_worth_resuming),
        cmocka_unit_test(killed_at_any_write),
        cmocka_unit_test(killed_at_random_times),
        cmocka_unit_test(a_signal_saves_and_says_how_to_go_on),
        cmocka_unit_test(a_second_signal_ends_at_once),
        cmocka_unit_test(nothing_there_begins_at_the_beginning),
        cmocka_unit_test(early_stopping_counts_on),
        cmocka_unit_test(damaged_checkpoints_are_passed_over),
        cmocka_unit_test(values_that_are_not_finite_are_refused),
        cmocka_unit_test(another_recipe_is_refused),
        cmocka_unit_test(what_may_differ_is_mentioned),
        cmocka_unit_test(other_inputs_are_refused),
        cmocka_unit_test(the_adapter_it_began_with_must_be_the_same),
        cmocka_unit_test(wrong_paths_are_explained),
        cmocka_unit_test(a_lost_best_checkpoint_is_mentioned),
    };
    return cmocka_run_group_tests(tests, run_whole, leave_root);
}
