/* Checkpoints: what a folder holds, which ones stay, what the end of a run keeps; writing that fails leaves the earlier ones whole. */
#include "tests/train/run/running.h"

#include <signal.h>
#include <sys/resource.h>

#include "train/run/run_folder.h"

static char *listing(const char *command)
{
    Buffer text = {0};
    FILE *out = popen(command, "r");
    for (int c; (c = fgetc(out)) != EOF;) buffer_add_char(&text, c == '\n' ? ' ' : (char)c);
    pclose(out);
    return buffer_take(&text);
}

static void assert_lists(const char *command, const char *expected)
{
    char *found = listing(command);
    assert_string_equal(found, expected);
    free(found);
}

static void holds_what_peft_and_trainer_hold(void **state)
{
    (void)state;
    assert_ok(sft("--output_dir all --max_steps 4"));
    assert_lists("cd all && LC_ALL=C ls -A", "README.md adapter_config.json adapter_model.safetensors checkpoint-2 checkpoint-4 train.log trainer_state.json ");
    assert_lists("cd all/checkpoint-4 && LC_ALL=C ls -A",
                 "README.md adapter_config.json adapter_model.safetensors graft_state.json optimizer.safetensors recipe.json trainer_state.json ");
    Safetensors file = {0};
    assert_ok(safetensors_open(&file, "all/checkpoint-4/optimizer.safetensors"));
    const TensorEntry *m = tensors_find(&file.tensors, "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight.exp_avg");
    assert_non_null(m);
    assert_int_equal(m->dims[0], 2);
    assert_int_equal(m->dims[1], 16);
    assert_non_null(tensors_find(&file.tensors, "base_model.model.model.layers.1.self_attn.v_proj.lora_B.weight.exp_avg_sq"));
    safetensors_close(&file);
}

static void recipe_begins_the_same_run(void **state)
{
    (void)state;
    assert_ok(sft("--output_dir again --config all/checkpoint-4/recipe.json"));
    assert_same_bytes("all/adapter_model.safetensors", "again/adapter_model.safetensors");
}

static void state_has_every_key_of_trainer(void **state)
{
    (void)state;
    static const char *const keys[] = { "best_global_step", "best_metric", "best_model_checkpoint", "epoch", "eval_steps", "global_step",
        "is_hyper_param_search", "is_local_process_zero", "is_world_process_zero", "log_history", "logging_steps", "max_steps", "num_input_tokens_seen",
        "num_train_epochs", "save_steps", "stateful_callbacks", "total_flos", "train_batch_size", "trial_name", "trial_params" };
    enum { N = sizeof keys / sizeof *keys };
    Json *json = NULL;
    assert_ok(json_read(&json, "all/checkpoint-4/trainer_state.json"));
    int i = 0;
    for (const Json *member = json_first(json); member; member = json_next(member), i++) assert_string_equal(json_key(member), i < N ? keys[i] : "");
    assert_int_equal(i, N);
    assert_int_equal(json_integer(json_get(json, "num_train_epochs")), 2);
    const Json *callbacks = json_get(json, "stateful_callbacks"), *stopping = json_get(callbacks, "EarlyStoppingCallback");
    assert_int_equal(json_integer(json_get(json_get(stopping, "args"), "early_stopping_patience")), 6);
    assert_int_equal(json_kind(json_get(json_get(stopping, "attributes"), "early_stopping_patience_counter")), JSON_INTEGER);
    const Json *control = json_get(json_get(callbacks, "TrainerControl"), "args");
    assert_true(json_bool(json_get(control, "should_save")));
    assert_true(json_bool(json_get(control, "should_training_stop")));
    json_free(json);
}

/* 6 x every padded token x (everything but the embedding: 2 layers, norms, head, and LoRA of rank 2 on q and v). */
static void flos_are_those_of_trainer(void **state)
{
    (void)state;
    tiny_rows_write(".", "even.jsonl", 4, 10, 10, 64, 3);
    assert_ok(sft("--output_dir flos --dataset_name even.jsonl --eval_strategy no --lr_scheduler_type linear --lr_scheduler_kwargs null --load_best_model_at_end false"
                  " --early_stopping_patience null --gradient_accumulation_steps 1 --max_steps 3"));
    Json *json = NULL;
    assert_ok(json_read(&json, "flos/trainer_state.json"));
    double layer = 4 * 16 * 16 + 3 * 16 * 24 + 2 * 16 + 2 * 2 * (16 + 16), parameters = 2 * layer + 16 + 64 * 16;
    assert_true(json_number(json_get(json, "total_flos")) == 6 * 3 * 20 * parameters);
    json_free(json);
}

static void only_the_model(void **state)
{
    (void)state;
    assert_ok(sft("--output_dir only --save_only_model true --max_steps 2"));
    assert_lists("cd only/checkpoint-2 && LC_ALL=C ls -A", "README.md adapter_config.json adapter_model.safetensors trainer_state.json ");
}

static int64_t best_step(const char *path)
{
    Json *json = NULL;
    assert_ok(json_read(&json, path));
    int64_t step = json_integer(json_get(json, "best_global_step"));
    char *expected = memory_format("limit/checkpoint-%lld", (long long)step);
    assert_string_equal(json_string(json_get(json, "best_model_checkpoint")), expected);
    free(expected);
    json_free(json);
    return step;
}

/* The rate rises so fast that the last steps are worse than an early one. */
static void keeps_the_best_and_the_last(void **state)
{
    (void)state;
    assert_ok(sft("--output_dir limit --save_steps 1 --save_total_limit 2 --learning_rate 3 --early_stopping_patience 100"));
    int64_t best = best_step("limit/trainer_state.json");
    assert_in_range(best, 1, 8);
    Checkpoints all = run_folder_checkpoints("limit");
    assert_int_equal(all.n, 2);
    assert_int_equal(all.step[0], best);
    assert_int_equal(all.step[1], 9);
    free(all.step);
    char *path = memory_format("limit/checkpoint-%lld/adapter_model.safetensors", (long long)best);
    assert_same_bytes("limit/adapter_model.safetensors", path);
    free(path);
}

static void one_means_the_best_at_the_end(void **state)
{
    (void)state;
    assert_ok(sft("--output_dir limit --overwrite_output_dir true --save_steps 1 --save_total_limit 1 --learning_rate 3 --early_stopping_patience 100"));
    Checkpoints all = run_folder_checkpoints("limit");
    assert_int_equal(all.n, 1);
    assert_int_equal(all.step[0], best_step("limit/trainer_state.json"));
    free(all.step);
}

/* A step beyond the one that is saved is from before the run went back: it goes first. */
static void later_steps_of_before_go_first(void **state)
{
    (void)state;
    assert_ok(sft("--output_dir back --max_steps 8 --load_best_model_at_end true"));
    shell("rm -rf back/*.*");
    assert_ok(sft("--output_dir back --max_steps 8 --resume_from_checkpoint back/checkpoint-2 --save_total_limit 3"));
    Checkpoints all = run_folder_checkpoints("back");
    assert_int_equal(all.n, 3);
    assert_int_equal(all.step[2], 8);
    free(all.step);
}

static void lists_only_checkpoints(void **state)
{
    (void)state;
    shell("mkdir -p odd/checkpoint-12 odd/checkpoint-5 odd/checkpoint-x odd/checkpoint-07 odd/checkpoint- odd/.tmp-checkpoint-9 odd/checkpoint-99999999999999999999 "
          "&& touch odd/checkpoint-3");
    Checkpoints all = run_folder_checkpoints("odd");
    assert_int_equal(all.n, 2);
    assert_int_equal(all.step[0], 5);
    assert_int_equal(all.step[1], 12);
    free(all.step);
}

static void refuses_a_folder_with_another_run(void **state)
{
    (void)state;
    assert_fails(STATUS_INPUT, "output_dir all holds another run (checkpoint-4): go on with it (--resume_from_checkpoint true), replace it "
                 "(--overwrite_output_dir true), or give another folder", sft("--output_dir all --model_name_or_path absent"));
    shell("mkdir -p result && cp all/trainer_state.json result");
    assert_fails(STATUS_INPUT, "output_dir result holds another run (trainer_state.json): go on with it (--resume_from_checkpoint true), replace it "
                 "(--overwrite_output_dir true), or give another folder", sft("--output_dir result"));
    assert_fails(STATUS_INPUT, "output_dir result holds another run (trainer_state.json) than resume_from_checkpoint all/checkpoint-2: go on with the one in it "
                 "(--resume_from_checkpoint true), or give another folder", sft("--output_dir result --resume_from_checkpoint all/checkpoint-2"));
    assert_fails(STATUS_INPUT, "output_dir rows.jsonl is a file, expected a folder", sft("--output_dir rows.jsonl"));
    assert_fails(STATUS_INPUT, "model_name_or_path: absent/config.json: No such file or directory", sft("--output_dir fresh --model_name_or_path absent"));
    assert_false(there("fresh"));
    assert_ok(sft("--output_dir all --plan true"));
}

static void overwriting_removes_the_old_run(void **state)
{
    (void)state;
    shell("cp -r all old && touch old/mine && mkdir old/.tmp-checkpoint-3");
    assert_ok(sft("--output_dir old --overwrite_output_dir true --save_strategy no --load_best_model_at_end false --max_steps 1"));
    assert_lists("cd old && LC_ALL=C ls -A", "README.md adapter_config.json adapter_model.safetensors mine train.log trainer_state.json ");
}

/* A bad recipe must not cost the old run. */
static void overwriting_waits_until_all_is_checked(void **state)
{
    (void)state;
    shell("cp -r all kept");
    assert_int_equal(sft("--output_dir kept --overwrite_output_dir true --model_name_or_path absent"), STATUS_INPUT);
    shell("diff -r all kept");
}

static void small_files_only(void)
{
    struct rlimit limit = { 4000, 4000 };
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
}

static void full_disk_leaves_earlier_checkpoints(void **state)
{
    (void)state;
    assert_ok(sft("--output_dir full --max_steps 2"));
    shell("cp -r full before && rm log");
    assert_int_equal(finish(start("--output_dir full --resume_from_checkpoint true --max_steps 6", small_files_only)), STATUS_WRITE);
    assert_lists("cat message", "saving checkpoint-4: full/.tmp-checkpoint-4/optimizer.safetensors: File too large");
    shell("diff -r -x train.log before full && ! find full -name '.tmp-*' | grep .");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_what_peft_and_trainer_hold),
        cmocka_unit_test(recipe_begins_the_same_run),
        cmocka_unit_test(state_has_every_key_of_trainer),
        cmocka_unit_test(flos_are_those_of_trainer),
        cmocka_unit_test(only_the_model),
        cmocka_unit_test(keeps_the_best_and_the_last),
        cmocka_unit_test(one_means_the_best_at_the_end),
        cmocka_unit_test(later_steps_of_before_go_first),
        cmocka_unit_test(lists_only_checkpoints),
        cmocka_unit_test(refuses_a_folder_with_another_run),
        cmocka_unit_test(overwriting_removes_the_old_run),
        cmocka_unit_test(overwriting_waits_until_all_is_checked),
        cmocka_unit_test(full_disk_leaves_earlier_checkpoints),
    };
    return cmocka_run_group_tests(tests, enter_root, leave_root);
}
