/* The fixtures of tests/peers/golden_rows.py, for the tests of this folder. */
#ifndef TESTS_DATA_SET_GOLDEN_H
#define TESTS_DATA_SET_GOLDEN_H
#include "tests/testing.h"

#include "data/file/json.h"
#include "data/set/dataset.h"
#include "kernels/memory.h"

static inline Json *golden_cases(const char *name)
{
    char path[512];
    Json *cases = NULL;
    snprintf(path, sizeof path, GRAFT_GOLDEN "/rows/%s", name);
    assert_ok(json_read(&cases, path));
    return cases;
}

static inline int32_t *golden_integers(const Json *list, int64_t *n)
{
    int64_t at = 0;
    *n = json_count(list);
    int32_t *out = memory_new((size_t)*n, sizeof *out);
    for (const Json *item = json_first(list); item; item = json_next(item)) out[at++] = (int32_t)json_integer(item);
    return out;
}

/* One number or string of a case's options, or what TRL takes when it is absent. */
static inline int64_t golden_option(const Json *golden, const char *name, int64_t otherwise)
{
    const Json *value = json_get(json_get(golden, "options"), name);
    if (json_kind(value) == JSON_BOOL) return json_bool(value);
    return json_is_number(value) ? json_integer(value) : otherwise;
}

static inline const char *golden_text(const Json *golden, const char *name, const char *otherwise)
{
    const char *text = json_string(json_get(json_get(golden, "options"), name));
    return text ? text : otherwise;
}

/* Which of the names an option has; the first when it is absent. */
static inline int golden_choice(const Json *golden, const char *name, const char *const *names)
{
    const char *text = golden_text(golden, name, names[0]);
    int i = 0;
    while (names[i] && strcmp(names[i], text)) i++;
    assert_non_null(names[i]);
    return i;
}

#define ONE_FILE(path_) (DataMix){ .source = &(DataSource){ .place.path = (path_) }, .n = 1 }

/* Everything SFTTrainer does to a case's rows before training; `encode` carries what does not come from the case. */
static inline void golden_examples(const Json *golden, EncodeOptions encode, Examples *out, Notices *notices)
{
    char path[512];
    DatasetCounts counts;
    Pool *pool = pool_open(2);
    encode.assistant_only_loss = golden_option(golden, "assistant_only_loss", false);
    encode.completion_only_loss = (CompletionLoss[]){ COMPLETION_LOSS_ALL, COMPLETION_LOSS_ONLY, COMPLETION_LOSS_AUTO }[golden_option(golden, "completion_only_loss", 2)];
    DatasetOptions options = {
        .encode = encode,
        .text_field = golden_text(golden, "dataset_text_field", NULL),
        .max_length = golden_option(golden, "max_length", 0),
        .truncation = (Truncation)golden_choice(golden, "truncation_mode", (const char *[]){ "keep_start", "keep_end", NULL }),
        .packing = golden_option(golden, "packing", false),
        .packing_strategy = (PackingStrategy)golden_choice(golden, "packing_strategy", (const char *[]){ "bfd", "bfd_split", "wrapped", NULL }),
        .n_processes = golden_option(golden, "dataset_num_proc", 1),
        .shuffle = golden_option(golden, "shuffle_dataset", false),
        .seed = (uint64_t)golden_option(golden, "seed", 42),
    };
    snprintf(path, sizeof path, GRAFT_GOLDEN "/rows/%s.jsonl", json_string(json_get(golden, "rows")));
    assert_ok(dataset_read(&ONE_FILE(path), &options, pool, notices, NULL, out, &counts));
    pool_close(pool);
}

/* A golden tokenizer with its chat template. */
typedef struct { Tokenizer *tokenizer; ChatTemplate *chat_template; } Text;

static inline Text open_text(const char *name)
{
    Text text;
    Notices notices = {0};
    char path[512];
    snprintf(path, sizeof path, GRAFT_GOLDEN "/rows/%s", name);
    assert_ok(tokenizer_open(&text.tokenizer, path, &notices));
    assert_ok(chat_template_open(&text.chat_template, name, tokenizer_chat_template(text.tokenizer)));
    notices_free(&notices);
    return text;
}

static inline void close_text(Text *text)
{
    tokenizer_close(text->tokenizer);
    chat_template_close(text->chat_template);
}

/* Rows written to a file of their own. */
typedef struct { char path[64]; Examples examples; DatasetCounts counts; Notices notices; } Fixture;

static inline Status read_text(Fixture *f, const char *text, DatasetOptions options)
{
    *f = (Fixture){ .path = "/tmp/graft-test-XXXXXX" };
    FILE *file = fdopen(mkstemp(f->path), "w");
    fputs(text, file);
    fclose(file);
    Pool *pool = pool_open(3);
    Status status = dataset_read(&ONE_FILE(f->path), &options, pool, &f->notices, NULL, &f->examples, &f->counts);
    pool_close(pool);
    remove(f->path);
    return status;
}

static inline void fixture_free(Fixture *f)
{
    examples_free(&f->examples);
    notices_free(&f->notices);
}

static inline void assert_notice(const Fixture *f, int i, const char *line)
{
    assert_true(i < f->notices.n);
    const char *found = f->notices.line[i];
    assert_string_equal(strncmp(found, f->path, strlen(f->path)) ? found : found + strlen(f->path), line);
}

/* A conversation of two turns. */
static const char two_turns[] __attribute__((unused)) = "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}, "
                                "{\"role\": \"user\", \"content\": \"c\"}, {\"role\": \"assistant\", \"content\": \"d\"}]}\n";

/* One file of messages with a template given as source, on the chatml tokenizer. */
static inline Status read_chats(Fixture *f, const char *rows, const char *source, EncodeOptions encode)
{
    Text text = open_text("chatml");
    chat_template_close(text.chat_template);
    assert_ok(chat_template_open(&text.chat_template, "template", source));
    encode.tokenizer = text.tokenizer;
    encode.chat_template = text.chat_template;
    Status status = read_text(f, rows, (DatasetOptions){ .encode = encode });
    close_text(&text);
    return status;
}

#endif
