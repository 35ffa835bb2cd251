/* Recipes: defaults, the three layers, spellings, what is refused and how it is said, rules between keys, help. */
#include "tests/testing.h"

#include <math.h>
#include <unistd.h>

#include "train/key_value.h"
#include "train/recipe.h"
#include "train/recipe_keys.h"

enum { MAX_ARGS = 64 };
typedef struct { char *arg[MAX_ARGS]; int n; char *text; } Args;

/* Arguments separated by spaces, behind the two that every recipe needs. */
static Args args_of(const char *text)
{
    Args args = { .arg = { "--model_name_or_path", "m", "--dataset_name", "d.jsonl" }, .n = 4, .text = strdup(text) };
    char *rest = args.text;
    for (char *word; (word = strsep(&rest, " "));)
        if (*word) args.arg[args.n++] = word;
    return args;
}

static Status parse(Recipe *recipe, const char *text, Notices *notices)
{
    Args args = args_of(text);
    Status status = recipe_parse(recipe, args.n, args.arg, notices);
    free(args.text);
    return status;
}

static void refuses(const char *text, const char *message)
{
    Recipe recipe = {0};
    Notices notices = {0};
    assert_fails(STATUS_INPUT, message, parse(&recipe, text, &notices));
    assert_null(recipe.given);
    notices_free(&notices);
}

static Recipe parsed(const char *text)
{
    Recipe recipe = {0};
    Notices notices = {0};
    assert_ok(parse(&recipe, text, &notices));
    notices_free(&notices);
    return recipe;
}

static void notes(const char *text, const char *line)
{
    Recipe recipe = {0};
    Notices notices = {0};
    assert_ok(parse(&recipe, text, &notices));
    assert_int_equal(notices.n, line ? 1 : 0);
    if (line) assert_string_equal(notices.line[0], line);
    notices_free(&notices);
    recipe_free(&recipe);
}

/* A file beside the test that is gone after it. */
static const char *config(const char *text)
{
    static char path[] = "test_recipe_config.json";
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static void defaults_are_trl_sft_s(void **state)
{
    (void)state;
    Recipe r = parsed("");
    assert_int_equal(r.lora_r, 16);
    assert_true(r.lora_alpha == 32 && r.lora_dropout == 0.05 && r.learning_rate == 2e-5 && r.num_train_epochs == 3 && r.max_grad_norm == 1);
    assert_int_equal(r.max_length, 1024);
    assert_int_equal(r.data_seed, 42);
    assert_int_equal(r.per_device_train_batch_size, 8);
    assert_true(r.bf16 && r.gradient_checkpointing == CHECKPOINTING_ALLOWED && r.init_lora_weights == LORA_INIT_TRUE);
    assert_true(r.completion_only_loss == MAYBE_UNSET && r.eval_packing == MAYBE_NO && r.metric_for_best_model == BEST_NONE);
    assert_int_equal(r.lora_target_modules.n, 0);
    assert_null(r.adapter_name_or_path);
    assert_string_equal(r.output_dir, "trainer_output");
    assert_int_equal(json_count(r.given), 2);
    recipe_free(&r);
    recipe_free(&r);
}

static void schedule_defaults_stand_once(void **state)
{
    (void)state;
    Recipe r = parsed("");
    Json *read = keys_to_json(&schedule_kwargs_keys, &r.schedule_options), *fixed = keys_to_json(&schedule_kwargs_keys, &schedule_options);
    char *a = key_text(read), *b = key_text(fixed);
    assert_string_equal(a, b);
    free(a);
    free(b);
    json_free(read);
    json_free(fixed);
    recipe_free(&r);
}

static void flags_override_the_file_and_the_file_defaults(void **state)
{
    (void)state;
    const char *path = config("{\"r\": 8, \"learning_rate\": \"1e-4\", \"eval_strategy\": false, \"max_length\": null, \"target_modules\": [\"q_proj\"], \"bf16\": \"no\"}");
    char flags[200];
    snprintf(flags, sizeof flags, "--config %s --lora_r 4 --lora-alpha=8", path);
    Recipe r = parsed(flags);
    unlink(path);
    assert_int_equal(r.lora_r, 4);
    assert_true(r.learning_rate == 1e-4 && r.lora_alpha == 8 && !r.bf16);
    assert_int_equal(r.max_length, 0);
    assert_int_equal(r.eval_strategy, STRATEGY_NO);
    assert_int_equal(r.lora_target_modules.n, 1);
    assert_false(r.lora_target_modules.pattern);
    assert_non_null(json_get(r.given, "lora_r"));
    assert_null(json_get(r.given, "lora_dropout"));
    recipe_free(&r);
}

static void files_are_named_in_messages(void **state)
{
    (void)state;
    char flags[100];
    snprintf(flags, sizeof flags, "--config %s", config("{\"lora_r\": \"x\"}"));
    refuses(flags, "test_recipe_config.json: lora_r: found \"x\", expected an integer of at least 1 and at most 65536");
    config("{\"lora_rr\": 3}");
    refuses(flags, "test_recipe_config.json: unknown key lora_rr; did you mean lora_r?");
    config("{\"r\": 3, \"lora_r\": 4}");
    refuses(flags, "test_recipe_config.json: lora_r: found 4, but test_recipe_config.json: r is 3; they are one key: give one value");
    config("{\"config\": \"y\"}");
    refuses(flags, "test_recipe_config.json: config: a file cannot name another one");
    config("[1]");
    refuses(flags, "test_recipe_config.json: found a list, expected an object of keys");
    config("{\"learning_rate\": 1e999}");
    refuses(flags, "test_recipe_config.json: learning_rate: found Infinity, expected a number of at least 0 and at most 1000");
    config("{\"lora_r\": 8.5}");
    refuses(flags, "test_recipe_config.json: lora_r: found 8.5, expected an integer of at least 1 and at most 65536");
    config("{\"packing\": 1}");
    refuses(flags, "test_recipe_config.json: packing: found 1, expected true or false");
    unlink("test_recipe_config.json");
}

static void targets_are_a_list_or_an_expression(void **state)
{
    (void)state;
    const struct { const char *flags; int n; bool pattern; const char *first; } cases[] = {
        { "--lora_target_modules q_proj v_proj", 2, false, "q_proj" }, { "--target_modules q_proj,v_proj", 2, false, "q_proj" },
        { "--target_modules [\"q_proj\",\"v_proj\"]", 2, false, "q_proj" }, { "--target_modules q_proj", 1, false, "q_proj" },
        { "--target_modules all-linear", 1, true, "all-linear" }, { "--target_modules [\"all-linear\"]", 1, true, "all-linear" },
        { "--target_modules .*\\.[qv]_proj", 1, true, ".*\\.[qv]_proj" }, { "--target_modules [qv]_proj", 1, true, "[qv]_proj" },
        { "--target_modules (a|b){1,2}", 1, true, "(a|b){1,2}" }, { "--target_modules self_attn.q_proj", 1, false, "self_attn.q_proj" },
        { "--target_modules null", 0, false, NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Recipe r = parsed(cases[i].flags);
        assert_int_equal(r.lora_target_modules.n, cases[i].n);
        assert_int_equal(r.lora_target_modules.pattern, cases[i].pattern);
        if (cases[i].n) assert_string_equal(r.lora_target_modules.item[0], cases[i].first);
        recipe_free(&r);
    }
    refuses("--target_modules []", "--target_modules: found [], expected a list of names or a regular expression, or null");
    refuses("--target_modules [1]", "--target_modules: found [1], expected a list of names or a regular expression, or null");
}

static void flags_take_their_forms(void **state)
{
    (void)state;
    Recipe r = parsed("--packing --no_bf16 --gradient_checkpointing recompute --layers_to_transform 0 2,3 --resume_from_checkpoint --max_steps -1 "
                      "--completion_only_loss False --rank_pattern {\"v_proj\":4} --neftune_noise_alpha None --report_to all --eval_packing no "
                      "--lora_r 8 --r 8.0 --warmup_steps 0.1 --save_total_limit null");
    assert_true(r.packing && !r.bf16 && r.padding_free);
    assert_int_equal(r.gradient_checkpointing, CHECKPOINTING_ALWAYS);
    assert_int_equal(r.layers_to_transform.n, 3);
    assert_int_equal(r.layers_to_transform.item[2], 3);
    assert_string_equal(r.resume_from_checkpoint, "true");
    assert_int_equal(r.max_steps, -1);
    assert_int_equal(r.completion_only_loss, MAYBE_NO);
    assert_int_equal(r.eval_packing, MAYBE_NO);
    assert_int_equal(json_integer(json_get(r.rank_pattern, "v_proj")), 4);
    assert_int_equal(r.report_to, REPORT_TENSORBOARD);
    assert_int_equal(r.lora_r, 8);
    assert_int_equal(r.save_total_limit, 0);
    assert_true(r.warmup_steps == 0.1 && r.neftune_noise_alpha == 0);
    recipe_free(&r);
}

static void bad_flags_are_named(void **state)
{
    (void)state;
    refuses("train.jsonl", "found \"train.jsonl\" where a --key was expected");
    refuses("--lerning-rate 1", "unknown key --lerning_rate; did you mean --learning_rate?");
    refuses("--epochs 1", "unknown key --epochs; `graft sft --help` lists the keys");
    refuses("--lora_r", "--lora_r needs a value: an integer of at least 1 and at most 65536");
    refuses("--lora_r --packing", "--lora_r needs a value: an integer of at least 1 and at most 65536");
    refuses("--lora_r 1 2", "found \"2\" where a --key was expected");
    refuses("--r 8 --lora_r 16", "--lora_r: found 16, but --r is 8; they are one key: give one value");
    refuses("--packing maybe", "--packing: found \"maybe\", expected true or false");
    refuses("--learning_rate nan", "--learning_rate: found \"nan\", expected a number of at least 0 and at most 1000");
    refuses("--lora_dropout 1", "--lora_dropout: found 1, expected a number of at least 0 and less than 1");
    refuses("--num_train_epochs 0", "--num_train_epochs: found 0, expected a number of more than 0 and at most 1000000");
    refuses("--eval_strategy best", "--eval_strategy: found \"best\", expected no, steps or epoch");
    refuses("--rank_pattern {\"a\":0}", "--rank_pattern: found {\"a\": 0}, expected a JSON object of integers, each of at least 1 and at most 65536, or null");
    refuses("--rank_pattern {a", "--rank_pattern: found \"{a\", expected a JSON object of integers, each of at least 1 and at most 65536, or null");
    refuses("--config nowhere.json", "nowhere.json: No such file or directory");
}

static void what_graft_lacks_is_refused_by_name(void **state)
{
    (void)state;
    refuses("--use_dora", "--use_dora: found true, which graft does not support: of LoRA's variants it has rsLoRA");
    refuses("--target_parameters w", "--target_parameters: found \"w\", which graft does not support: adapters stand on modules");
    refuses("--deepspeed ds.json", "--deepspeed: found \"ds.json\", which graft does not support: there is one process");
    refuses("--lr_scheduler_type greedy --lora_r 8",
            "--lr_scheduler_type: graft does not support greedy: it is the one schedule of transformers that is not built in. Expected linear, cosine, "
            "cosine_with_restarts, polynomial, constant, constant_with_warmup, inverse_sqrt, reduce_lr_on_plateau, cosine_with_min_lr, "
            "cosine_warmup_with_min_lr or warmup_stable_decay");
    refuses("--init_lora_weights pissa",
            "--init_lora_weights: graft does not support pissa: only inits that leave the base alone are built in. Expected false, true or gaussian");
    notes("--use_dora false --fp16 False --load_in_4bit false --push_to_hub false --deepspeed null --use_peft", NULL);
}

static void notices_say_what_was_understood(void **state)
{
    (void)state;
    notes("--warmup_ratio 0.03", "--warmup_ratio is an old name; read as warmup_steps 0.03");
    notes("--group_by_length", "--group_by_length is an old name; read as train_sampling_strategy group_by_length");
    notes("--max_seq_length 512", "--max_seq_length is an old name; read as max_length 512");
    notes("--evaluation_strategy epoch", "--evaluation_strategy is an old name; read as eval_strategy \"epoch\"");
    notes("--dataloader_num_workers 4", "--dataloader_num_workers has no effect: batches are ready before they are needed");
    notes("--max_steps 5 --num_train_epochs 2", "num_train_epochs has no effect: max_steps is given");
    notes("--lr_scheduler_type constant --warmup_steps 5", "warmup_steps has no effect: constant has no warm-up");
    refuses("--warmup_ratio 1.5", "--warmup_ratio: found 1.5, expected a number of at least 0 and less than 1");
    refuses("--warmup_ratio 0.1 --warmup_steps 10", "--warmup_steps: found 10, but --warmup_ratio is 0.1; they are one key: give one value");
    Recipe r = parsed("--group_by_length --warmup_ratio 0.03 --lr_scheduler_type wsd --lr_scheduler_kwargs {\"num_decay_steps\":3}");
    assert_int_equal(r.train_sampling_strategy, SAMPLER_GROUP_BY_LENGTH);
    assert_int_equal(r.lr_scheduler_type, SCHEDULE_WARMUP_STABLE_DECAY);
    assert_int_equal(r.schedule_options.num_decay_steps, 3);
    assert_true(r.warmup_steps == 0.03);
    Schedule s;
    assert_ok(recipe_schedule(&r, 97, &s));
    assert_int_equal(s.warmup, 3);
    recipe_free(&r);
}

static void keys_must_agree(void **state)
{
    (void)state;
    const struct { const char *flags, *message; } cases[] = {
        { "--padding_free", "padding_free without packing does not cut rows at max_length 1024: set packing true, or max_length null" },
        { "--packing --max_length null", "max_length is null, but packing fills rows of max_length tokens: give a number" },
        { "--eval_packing --max_length null", "max_length is null, but packing fills rows of max_length tokens: give a number" },
        { "--max_steps 0", "max_steps: found 0, expected -1 (as many as the epochs give) or at least 1" },
        { "--logging_steps 0", "logging_steps: found 0, expected more than 0; to have none, set the strategy to no" },
        { "--save_steps 2.5", "save_steps: found 2.5, expected a whole number, or a share below 1" },
        { "--chat_template_date 2024-02-30", "chat_template_date is \"2024-02-30\", expected a day of the form YYYY-MM-DD" },
        { "--chat_template_date yesterday", "chat_template_date is \"yesterday\", expected a day of the form YYYY-MM-DD" },
        { "--layers_pattern layers", "layers_pattern needs layers_to_transform: it says where the layer's index stands, not which layers" },
        { "--target_modules all-linear --layers_to_transform 1",
          "layers_to_transform needs lora_target_modules to be a list: the expression \"all-linear\" already says which layers" },
        { "--lr_scheduler_kwargs {\"power\":2}", "lr_scheduler_kwargs: linear takes no power; it takes nothing" },
        { "--lr_scheduler_type cosine --lr_scheduler_kwargs {\"num_cycle\":2}", "lr_scheduler_kwargs: unknown key num_cycle; did you mean num_cycles?" },
        { "--lr_scheduler_type cosine --lr_scheduler_kwargs {\"num_cycles\":-1}",
          "lr_scheduler_kwargs: num_cycles: found -1, expected a number of at least 0, or null" },
        { "--lr_scheduler_type cosine_with_min_lr", "lr_scheduler_kwargs: cosine_with_min_lr needs min_lr or min_lr_rate, found neither" },
        { "--lr_scheduler_type reduce_lr_on_plateau",
          "lr_scheduler_type reduce_lr_on_plateau needs evaluations, but eval_strategy is no: set it to steps or epoch" },
        { "--save_strategy best", "save_strategy best needs evaluations, but eval_strategy is no: set it to steps or epoch" },
        { "--save_strategy best --eval_strategy epoch", "save_strategy best needs metric_for_best_model: set it to loss" },
        { "--load_best_model_at_end", "load_best_model_at_end needs evaluations, but eval_strategy is no: set it to steps or epoch" },
        { "--load_best_model_at_end --eval_strategy epoch",
          "load_best_model_at_end needs save_strategy to be that of evaluation, or best; they differ" },
        { "--load_best_model_at_end --eval_strategy steps --eval_steps 200",
          "load_best_model_at_end needs save_steps to be a multiple of eval_steps; found 500 and 200" },
        { "--load_best_model_at_end --eval_strategy steps --eval_steps 0.2",
          "load_best_model_at_end needs save_steps to be a multiple of eval_steps; found 500 and 0.2" },
        { "--early_stopping_patience 2", "early_stopping_patience needs evaluations, but eval_strategy is no: set it to steps or epoch" },
        { "--early_stopping_patience 2 --eval_strategy epoch", "early_stopping_patience needs metric_for_best_model: set it to loss" },
        { "--early_stopping_threshold 0.1", "early_stopping_threshold needs early_stopping_patience" },
        { "--test_split_size 0.1 --eval_dataset_name e", "test_split_size holds out rows to evaluate on, eval_dataset_name brings others: give one of them" },
        { "--test_split_size 1.5", "test_split_size: found 1.5, expected a whole number of rows, or a share below 1" },
        { "--datasets {}", "datasets: found an object, expected a list of objects" },
        { "--datasets [{}]", "datasets: item 1: path is missing: a file, a pattern or a folder" },
        { "--datasets [{\"path\":\"a\"},{\"pth\":\"b\"}]", "datasets: item 2: unknown key pth; did you mean path?" },
        { "--datasets [{\"path\":\"a\",\"fraction\":0}]", "datasets: item 1: fraction: found 0, expected a number of more than 0, or null" },
        { "--datasets [{\"path\":\"a\",\"columns\":\"x\"}]", "datasets: item 1: columns: found a string, expected a list of names" },
        { "--datasets [{\"path\":\"a\",\"name\":\"x\"}]",
          "datasets: item 1: name: found \"x\", which graft does not support: data are files, not datasets of the Hub" },
        { "--resume_from_checkpoint --overwrite_output_dir",
          "resume_from_checkpoint goes on with the run in output_dir, overwrite_output_dir starts another: give one of them" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) refuses(cases[i].flags, cases[i].message);
    notes("--load_best_model_at_end --eval_strategy steps --eval_steps 0.1 --save_steps 0.5", NULL);
    notes("--save_strategy best --eval_strategy epoch --metric_for_best_model eval_loss --load_best_model_at_end", NULL);
}

static void what_is_needed_is_asked_for(void **state)
{
    (void)state;
    Recipe r = {0};
    Notices notices = {0};
    char *data[] = { "--dataset_name", "d" }, *model[] = { "--model_name_or_path", "m" };
    assert_fails(STATUS_INPUT, "model_name_or_path is missing: the base model, a folder or a GGUF file (--model_name_or_path DIR)",
                 recipe_parse(&r, 2, data, &notices));
    assert_fails(STATUS_INPUT, "dataset_name is missing: the training rows (--dataset_name train.jsonl)", recipe_parse(&r, 2, model, &notices));
    notices_free(&notices);
}

/* One dataset or several: what is read stands in one place. */
static void data_are_a_mixture(void **state)
{
    (void)state;
    DataSource *source;
    Recipe r = parsed("--column_mapping {\"q\":\"prompt\"} --dataset_field data --max_samples 9 --test_split_size 0.25 --eval_strategy epoch --seed 3");
    DataMix mix = recipe_train_data(&r, &source);
    assert_true(mix.n == 1 && mix.max_samples == 9 && mix.test_split_size == 0.25 && mix.seed == 3 && !mix.test);
    assert_string_equal(source->place.path, "d.jsonl");
    assert_string_equal(source->field, "data");
    assert_string_equal(json_string(json_get(source->column_mapping, "q")), "prompt");
    free(source);
    mix = recipe_eval_data(&r, &source);
    assert_true(mix.n == 1 && mix.test && mix.seed == 3);
    free(source);
    recipe_free(&r);
    r = parsed("--datasets [{\"path\":\"a\",\"fraction\":2},{\"path\":\"json\",\"data_files\":[\"b\",\"c\"],\"split\":\"x\",\"columns\":[\"t\"],\"fraction\":1}]");
    mix = recipe_train_data(&r, &source);
    assert_int_equal(mix.n, 2);
    assert_true(source[0].fraction == 2 && source[1].fraction == 1);
    assert_string_equal(source[0].place.split, "train");
    assert_string_equal(source[1].place.split, "x");
    assert_int_equal(json_count(source[1].place.data_files), 2);
    assert_string_equal(json_string(json_first(source[1].columns)), "t");
    free(source);
    recipe_free(&r);
    notes("--datasets [{\"path\":\"a\"}]", "dataset_name is not used: datasets says what is trained on");
    notes("--test_split_size 3", "the rows that test_split_size holds out are not used: eval_strategy is no");
}

static void open_keys_are_settled(void **state)
{
    (void)state;
    Recipe r = parsed("--eval_strategy steps --seed 7 --packing --lr_scheduler_type reduce_lr_on_plateau");
    assert_true(r.eval_steps == 10 && r.padding_free);
    assert_int_equal(r.data_seed, 7);
    assert_int_equal(r.eval_packing, MAYBE_YES);
    assert_int_equal(r.metric_for_best_model, BEST_LOSS);
    assert_int_equal(r.greater_is_better, MAYBE_NO);
    recipe_free(&r);
    assert_int_equal(recipe_interval(0.1, 97), 10);
    assert_int_equal(recipe_interval(25, 97), 25);
}

static void json_reads_back_to_the_same_recipe(void **state)
{
    (void)state;
    Recipe r = parsed("--packing --target_modules q_proj v_proj --exclude_modules .*lm.* --layers_to_transform 1 2 --rank_pattern {\"a\":3} --eval_strategy steps "
                      "--modules_to_save lm_head norm --trainable_token_indices [3,4] --bias lora_only --lora_bias --layer_replication [[0,1]] --ensure_weight_tying "
                      "--lr_scheduler_type cosine --lr_scheduler_kwargs {\"num_cycles\":0.7} --learning_rate 3e-4 --eval_steps 0.25 --seed 4294967295 "
                      "--resume_from_checkpoint --lora_alpha 1.5");
    Json *first = recipe_to_json(&r), *given = NULL, *second;
    Buffer a = {0}, b = {0};
    json_print(&a, first, (JsonStyle){0});
    Recipe again = {0};
    Notices notices = {0};
    assert_ok(keys_read(&recipe_keys, &again, &given, first, "recipe", &notices));
    assert_int_equal(notices.n, 0);
    second = keys_to_json(&recipe_keys, &again);
    json_print(&b, second, (JsonStyle){0});
    assert_string_equal(a.data, b.data);
    json_free(first);
    json_free(second);
    json_free(given);
    buffer_free(&a);
    buffer_free(&b);
    notices_free(&notices);
    recipe_free(&again);
    recipe_free(&r);
}

static void yaml_is_read_as_json_is(void **state)
{
    (void)state;
    const char *path = "test_recipe_config.yaml";
    FILE *f = fopen(path, "w");
    fputs("# a recipe\nlearning_rate: 1e-4\neval_strategy: no\nlora_target_modules:\n  - q_proj\n  - v_proj\nr: 8\nlr_scheduler_type: cosine\n"
          "lr_scheduler_kwargs:\n  num_cycles: 1\nmax_length: null\nbf16: off\n", f);
    fclose(f);
    Recipe r = parsed("--config test_recipe_config.yaml");
    assert_true(r.learning_rate == 1e-4 && !r.bf16 && r.schedule_options.num_cycles == 1);
    assert_int_equal(r.lora_target_modules.n, 2);
    assert_int_equal(r.eval_strategy, STRATEGY_NO);
    assert_int_equal(r.max_length, 0);
    assert_int_equal(r.lora_r, 8);
    recipe_free(&r);
    f = fopen(path, "w");
    fputs("lora_r: 8\nlora_alpah: 3\n", f);
    fclose(f);
    refuses("--config test_recipe_config.yaml", "test_recipe_config.yaml: unknown key lora_alpah; did you mean lora_alpha?");
    unlink(path);
}

static const Key *key_named(const char *name)
{
    for (int i = 0; i < recipe_keys.n; i++)
        if (!strcmp(recipe_keys.key[i].name, name)) return &recipe_keys.key[i];
    return NULL;
}

/* One key alone in a file must pass: the peer's default is what graft does, or what it may leave out. */
static void accepts_without_a_word(const char *name, const Json *value)
{
    Recipe r = {0};
    Notices notices = {0};
    Json *object = json_new_object(), *set = NULL;
    json_set(object, name, json_copy(value));
    assert_ok(keys_read(&recipe_keys, &r, &set, object, name, &notices));
    if (notices.n) print_error("%s\n", notices.line[0]);
    assert_int_equal(notices.n, 0);
    json_free(object);
    json_free(set);
    notices_free(&notices);
    recipe_free(&r);
}

static void has_default(const Key *key, const Json *value)
{
    Json *peer = json_copy(value), *own = key_fallback(key);
    assert_ok(key_check(key, key->name, &peer));
    char *a = key_text(peer), *b = key_text(own);
    if (strcmp(a, b)) print_error("%s: %s, there %s\n", key->name, b, a);
    assert_string_equal(a, b);
    free(a);
    free(b);
    json_free(peer);
    json_free(own);
}

/* LoraConfig's own defaults (r 8, no dropout) are not those of trl sft; bf16 and greater_is_better are derived there. */
static void every_key_of_the_peers_is_answered(void **state)
{
    (void)state;
    Json *golden = NULL;
    assert_ok(json_read(&golden, GRAFT_GOLDEN "/recipe_keys.json"));
    int count[KEY_REFUSED + 1] = {0};
    for (const Json *field = json_first(json_get(golden, "fields")); field; field = json_next(field)) {
        const char *name = json_string(json_get(field, "name"));
        const Key *key = key_named(name);
        const Json *value = json_get(field, "default");
        if (!key) print_error("%s.%s is unknown\n", json_string(json_get(field, "of")), name);
        assert_non_null(key);
        count[key->status]++;
        bool lora = !strcmp(json_string(json_get(field, "of")), "LoraConfig"), null = json_kind(value) == JSON_NULL;
        bool said_here = !strcmp(name, "use_peft") || !strcmp(name, "output_dir") || !strcmp(name, "bf16");
        if (key->status == KEY_READ && !lora && !said_here) has_default(key, value);
        if ((key->status == KEY_IGNORED || key->status == KEY_REFUSED) && !null && !said_here) accepts_without_a_word(name, value);
    }
    print_message("supported %d, other names %d, accepted %d, refused %d\n", count[KEY_READ], count[KEY_ALIAS] + count[KEY_OLD], count[KEY_IGNORED], count[KEY_REFUSED]);
    json_free(golden);
}

/* Every row is whole: names once, defaults that pass their own check, renames that lead somewhere. */
static void the_table_is_consistent(void **state)
{
    (void)state;
    for (int i = 0; i < recipe_keys.n; i++) {
        const Key *key = &recipe_keys.key[i];
        for (int j = 0; j < i; j++) assert_string_not_equal(key->name, recipe_keys.key[j].name);
        bool renamed = key->status == KEY_ALIAS || key->status == KEY_OLD, target = false;
        for (int j = 0; renamed && j < recipe_keys.n; j++) target = target || !strcmp(key->to, recipe_keys.key[j].name);
        assert_int_equal(renamed, target);
        if (!renamed) assert_non_null(key->meaning);
        if (key->status == KEY_READ) json_free(key_fallback(key));
    }
}

static void help_lists_every_key_within_100_columns(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    recipe_help(f);
    fclose(f);
    for (int i = 0; i < recipe_keys.n; i++)
        if (recipe_keys.key[i].status != KEY_ALIAS) assert_non_null(strstr(text, recipe_keys.key[i].name));
    assert_non_null(strstr(text, "\n  --lora_r                       rank of A and B. Also --r [16]\n"));
    FILE *program = popen(GRAFT_BINARY " sft --help", "r");
    char *printed = calloc(1, n + 2);
    assert_int_equal(fread(printed, 1, n + 1, program), n);
    assert_int_equal(pclose(program), 0);
    assert_string_equal(printed, text);
    free(printed);
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) assert_true(strlen(line) <= 100);
    char *help[] = { "--lora_r", "3", "--help" };
    assert_true(keys_want_help(3, help));
    assert_false(keys_want_help(2, help));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_trl_sft_s), cmocka_unit_test(schedule_defaults_stand_once), cmocka_unit_test(flags_override_the_file_and_the_file_defaults),
        cmocka_unit_test(files_are_named_in_messages), cmocka_unit_test(targets_are_a_list_or_an_expression), cmocka_unit_test(flags_take_their_forms),
        cmocka_unit_test(bad_flags_are_named), cmocka_unit_test(what_graft_lacks_is_refused_by_name), cmocka_unit_test(notices_say_what_was_understood),
        cmocka_unit_test(keys_must_agree), cmocka_unit_test(what_is_needed_is_asked_for), cmocka_unit_test(data_are_a_mixture), cmocka_unit_test(open_keys_are_settled),
        cmocka_unit_test(json_reads_back_to_the_same_recipe), cmocka_unit_test(yaml_is_read_as_json_is),
        cmocka_unit_test(every_key_of_the_peers_is_answered), cmocka_unit_test(the_table_is_consistent), cmocka_unit_test(help_lists_every_key_within_100_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
