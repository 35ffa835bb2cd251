/* `graft-emulated sft --device cuda`: whole runs on the emulated device, beside the CPU's; and what is said where there is no device. */
#include "tests/train/run/running.h"

#include <math.h>

/* Under sanitizers the emulator takes ten or a hundred times as long: fewer steps, fewer models. */
#if defined(__SANITIZE_THREAD__)
enum { STEPS = 1, MODELS = 1 };
#elif defined(__SANITIZE_ADDRESS__)
enum { STEPS = 2, MODELS = 3 };
#else
enum { STEPS = 10, MODELS = 3 };
#endif

/* `program sft` with these flags: its exit code; what it said goes to the file "said". */
static int run(const char *program, const char *flags)
{
    char *command = memory_format("%s sft --dataset_name rows.jsonl --lora_r 2 --lora_dropout 0.1 --lora_target_modules all-linear --per_device_train_batch_size 2"
                                  " --gradient_accumulation_steps 2 --max_steps %d --learning_rate 0.01 --logging_steps 1 --save_strategy no --threads 1"
                                  " --overwrite_output_dir true %s >said 2>&1", program, STEPS, flags);
    int how = system(command);
    free(command);
    return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

static bool said_so(const char *text)
{
    Mapped file = {0};
    assert_ok(mapped_open(&file, "said"));
    bool there = memmem(file.bytes, file.n_bytes, text, strlen(text));
    mapped_close(&file);
    return there;
}

static int losses(const char *folder, double *loss, int most)
{
    Json *state = NULL;
    char *path = memory_format("%s/trainer_state.json", folder);
    int n = 0;
    assert_ok(json_read(&state, path));
    for (const Json *entry = json_first(json_get(state, "log_history")); entry && n < most; entry = json_next(entry))
        if (json_get(entry, "loss")) loss[n++] = json_number(json_get(entry, "loss"));
    json_free(state);
    free(path);
    return n;
}

/* The largest difference of the losses, of max(1, loss). */
static double difference(const char *model, const char *more)
{
    double cpu[STEPS], cuda[STEPS], worst = 0;
    char *flags = memory_format("--model_name_or_path %s %s", model, more), *on_cpu = memory_format("%s --output_dir cpu --device cpu", flags),
         *on_cuda = memory_format("%s --output_dir cuda --device cuda", flags);
    assert_int_equal(run(GRAFT_BINARY "-emulated", on_cpu), 0);
    assert_int_equal(run(GRAFT_BINARY "-emulated", on_cuda), 0);
    assert_true(said_so("cuda:0, Emulated"));
    assert_int_equal(losses("cpu", cpu, STEPS), STEPS);
    assert_int_equal(losses("cuda", cuda, STEPS), STEPS);
    for (int i = 0; i < STEPS; i++) worst = fmax(worst, fabs(cpu[i] - cuda[i]) / fmax(1, cpu[i]));
    print_message("%s %s: %.1e\n", model, more, worst);
    free(flags);
    free(on_cpu);
    free(on_cuda);
    return worst;
}

static const char *const models[] = { GRAFT_GOLDEN "/llama/bias", GRAFT_GOLDEN "/gemma2/softcaps", GRAFT_GOLDEN "/gpt2/layers" };

static void losses_in_float32(void **state)
{
    (void)state;
    for (int i = 0; i < MODELS; i++) assert_true(difference(models[i], "--bf16 false") <= 2e-6);
}

/* Where a value lies between two bfloat16, the last bit of float32 decides, and it differs: by 2^-8 of one activation among many. */
static void losses_in_bfloat16(void **state)
{
    (void)state;
    for (int i = 0; i < MODELS; i++) assert_true(difference(models[i], "--bf16 true") <= 1e-3);
}

static void a_step_that_is_recomputed(void **state)
{
    (void)state;
    assert_true(difference(models[0], "--bf16 false --gradient_checkpointing recompute --neftune_noise_alpha 5") <= 2e-6);
}

static void evaluation_and_a_device_that_is_not_there(void **state)
{
    (void)state;
    assert_true(difference(models[0], "--bf16 false --eval_dataset_name rows.jsonl --eval_strategy steps --eval_steps 5") <= 2e-6);
    assert_int_equal(run(GRAFT_BINARY "-emulated", "--model_name_or_path model --output_dir out --device cuda:7"), 2);
    assert_true(said_so("device cuda:7: there are 1, counted from 0"));
}

/* The program as it is shipped, on a machine without a GPU; where there is one, it is used. */
static void without_a_device(void **state)
{
    (void)state;
    assert_int_equal(run(GRAFT_BINARY, "--model_name_or_path model --output_dir out --device auto"), 0);
    if (!said_so("device   cpu")) {
        print_message("skipped: there is a GPU here\n");
        skip();
    }
    assert_true(said_so("built without CUDA") || said_so("no NVIDIA driver found") || said_so("no GPU visible") || said_so("this build needs"));
    assert_int_equal(run(GRAFT_BINARY, "--model_name_or_path model --output_dir out --device cuda"), 2);
    assert_true(said_so("device cuda: "));
    assert_int_equal(run(GRAFT_BINARY, "--model_name_or_path model --output_dir out --device gpu"), 2);
    assert_true(said_so("device: gpu, expected cpu, cuda, cuda:N or auto"));
}

static int enter(void **state)
{
    if (enter_root(state)) return -1;
    tiny_rows_write(".", "rows.jsonl", 24, 4, 24, 40, 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_in_float32), cmocka_unit_test(losses_in_bfloat16), cmocka_unit_test(a_step_that_is_recomputed),
        cmocka_unit_test(evaluation_and_a_device_that_is_not_there), cmocka_unit_test(without_a_device),
    };
    return cmocka_run_group_tests(tests, enter, leave_root);
}
