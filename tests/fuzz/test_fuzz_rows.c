/* Rows of every kind from anywhere: the answer is examples whose numbers hold together, or exit code 2 with a message that begins
 * with the path. The first byte of an input chooses options, the rest is the file. */
#include "data/set/dataset.h"
#include "tests/fuzz/mutate.h"

typedef struct { Tokenizer *tokenizer; ChatTemplate *chat_template; } Text;

/* Golden tokenizers with their templates: with marks of generation, without, and with a bos token. */
static struct { Text text[3]; Pool *pool; char *path; } set;

static void open_text(Text *text, const char *name)
{
    Notices notices = {0};
    char *path = memory_format("%s/rows/%s", GRAFT_GOLDEN, name);
    CHECK(tokenizer_open(&text->tokenizer, path, &notices) == STATUS_OK);
    CHECK(chat_template_open(&text->chat_template, name, tokenizer_chat_template(text->tokenizer)) == STATUS_OK);
    notices_free(&notices);
    free(path);
}

static void set_up(void)
{
    static const char *const names[] = { "chatml", "bare", "bos" };
    for (int i = 0; i < 3; i++) open_text(&set.text[i], names[i]);
    set.pool = pool_open(1);
    set.path = memory_format("%s/rows.jsonl", fuzz_folder());
}

static DatasetOptions options_of(int choice)
{
    const Text *text = &set.text[choice & 0x40 ? 1 : choice & 0x10 ? 2 : 0];
    return (DatasetOptions){
        .encode = { .tokenizer = text->tokenizer, .chat_template = text->chat_template, .vocabulary = 400, .assistant_only_loss = choice & 1,
                    .completion_only_loss = choice & 0x20 ? COMPLETION_LOSS_ONLY : COMPLETION_LOSS_AUTO },
        .max_length = choice & 2 ? 1 + (choice >> 3 & 7) : 0, .packing = (choice & 6) == 6, .packing_strategy = (PackingStrategy)((choice & 0x3f) % 3),
        .truncation = (Truncation)(choice >> 3 & 1), .shuffle = choice & 4,
    };
}

static void check_examples(const Examples *e, const DatasetCounts *counts)
{
    int64_t scored = 0;
    CHECK(e->n == counts->examples);
    for (int64_t i = 0; i < e->n; i++) scored += examples_scored(e, i);
    CHECK(scored > 0 && scored == counts->trained && scored < e->begin[e->n]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (!n) return 0;
    if (!set.pool) set_up();
    Examples examples = {0};
    DatasetCounts counts;
    Notices notices = {0};
    DatasetOptions options = options_of(bytes[0] - '0');
    fuzz_file("rows.jsonl", (Seed){ .bytes = (const char *)bytes + 1, .n = n - 1 });
    DataMix mix = { .source = &(DataSource){ .place.path = set.path }, .n = 1 };
    Status status = dataset_read(&mix, &options, set.pool, &notices, NULL, &examples, &counts);
    fuzz_check(status);
    if (status == STATUS_OK) check_examples(&examples, &counts);
    else CHECK(strstr(status_message(), set.path), "%s", status_message());
    examples_free(&examples);
    notices_free(&notices);
    return 0;
}

static void add_golden(void)
{
    static const char *const names[] = { "chats", "labelled", "masked", "pair_chats", "pairs", "share", "text", "turns" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        Mapped file = {0};
        Buffer seed = {0};
        char *path = memory_format(GRAFT_GOLDEN "/rows/%s.jsonl", names[i]);
        CHECK(mapped_open(&file, path) == STATUS_OK);
        buffer_format(&seed, "%c%.*s", (char)('0' + i), 1500, (const char *)file.bytes);
        seed_add(seed.data, seed.len);
        buffer_free(&seed);
        mapped_close(&file);
        free(path);
    }
}

const Fuzz fuzz = {
    .texts = (const char *const[]){
        "0{\"text\": \"the cat sat\"}\n", "0{\"input_ids\": [1, 2, 3], \"labels\": [-100, 2, 3]}\n",
        "0{\"input_ids\": [1, 2], \"completion_mask\": [0, 1], \"assistant_masks\": [1, 1]}\n", "0{\"prompt\": \"the\", \"completion\": \" cat\"}\n",
        "0{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}], \"tools\": \"[{}]\"}\n",
        "0{\"conversations\": [{\"from\": \"user\", \"value\": \"a\"}, {\"from\": \"assistant\", \"value\": \"b\"}], \"chat_template_kwargs\": {\"x\": 1}}\n",
        "0{\"prompt\": [{\"role\": \"user\", \"content\": \"a\"}], \"completion\": [{\"role\": \"assistant\", \"content\": \"b\", \"tool_calls\": null}]}\n", NULL },
    .more = add_golden,
    .words = (const char *const[]){
        "\"messages\": ", "\"prompt\": ", "\"completion\": ", "\"text\": ", "\"labels\": ",
        "\"role\": \"assistant\"", "[{\"role\": \"user\", \"content\": \"a\"}]", NULL },
    .rounds = 3000,
};
