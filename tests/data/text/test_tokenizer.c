/* Tokenizers against Hugging Face tokenizers: ids, ranges and decoded text of every family (tests/peers/golden_tokenizer.py). */
#include "tests/data/text/opened.h"

#include "data/file/json.h"
#include "data/file/mapped.h"
#include "data/file/output.h"
#include "kernels/memory.h"
#include "kernels/pool.h"

static const char *const families[] = {
    "gpt2", "roberta", "neox", "smollm", "falcon", "llama3", "qwen2", "qwen35", "phi4", "gpt4o", "tekken", "deepseek_v3", "deepseek_coder", "tiny_aya",
    "superbpe", "kimi", "bloom", "llama2", "phi3", "gemma", "metaspace", "metaspace_always", "missing_bytes", "clip", "words", "flags", "scored",
    "t5", "xlm_r", "unigram_bytes", "bert", "short_words", "word_level", "fixed_length", "gguf_words", "gguf_pieces", "tekken_file",
};
enum { FAMILIES = sizeof families / sizeof *families };

static Json *golden(const char *file)
{
    char path[1024];
    snprintf(path, sizeof path, GRAFT_GOLDEN "/tokenizer/%s", file);
    Json *json = NULL;
    assert_ok(json_read(&json, path));
    return json;
}

/* The code point in which byte `at` lies; at the end, how many there are: the unit of the package's ranges. */
static int64_t code_point_of(const char *text, size_t n, uint32_t at)
{
    int64_t count = 0;
    for (size_t i = 0; i < n && i <= at; i++) count += ((uint8_t)text[i] & 0xC0) != 0x80;
    return at < n ? count - 1 : count;
}

static void show(const char *family, const char *text, const char *what, const Tokenizer *t, const Tokens *tokens, const Json *expected)
{
    print_error("%s: %s of \"%s\"\n  found   ", family, what, text);
    for (int64_t i = 0; i < tokens->n; i++) print_error(" %d(%s)[%u,%u)", (int)tokens->id[i], tokenizer_token(t, tokens->id[i]), tokens->begin[i], tokens->end[i]);
    print_error("\n  expected");
    for (const Json *item = json_first(expected); item; item = json_next(item)) print_error(" %d", (int)json_integer(item));
    print_error("\n");
}

static bool same_ids(const Tokens *tokens, const Json *expected)
{
    int64_t i = 0;
    for (const Json *item = json_first(expected); item; item = json_next(item), i++)
        if (i >= tokens->n || tokens->id[i] != json_integer(item)) return false;
    return i == tokens->n;
}

static bool same_ranges(const Tokens *tokens, const char *text, const Json *expected)
{
    const Json *item = json_first(expected);
    for (int64_t i = 0; i < tokens->n && item; i++) {
        if (code_point_of(text, strlen(text), tokens->begin[i]) != json_integer(item)) return false;
        item = json_next(item);
        if (code_point_of(text, strlen(text), tokens->end[i]) != json_integer(item)) return false;
        item = json_next(item);
    }
    return !item;
}

static bool check_decoded(const Tokenizer *t, const char *family, const char *text, const Tokens *tokens, bool skip, const char *expected)
{
    Buffer out = {0};
    tokenizer_decode(t, tokens->id, tokens->n, skip, &out);
    buffer_add(&out, "", 0);
    bool same = !strcmp(out.data, expected);
    if (!same) print_error("%s: decoding of \"%s\"%s\n  found    \"%s\"\n  expected \"%s\"\n", family, text, skip ? " without special tokens" : "", out.data, expected);
    buffer_free(&out);
    return same;
}

/* `ranges`: whether they are to be equal too. */
static int check_case(const Tokenizer *t, const char *family, const char *text, const Json *expected, bool ranges)
{
    int bad = 0;
    Tokens plain = {0}, special = {0};
    assert_ok(tokenizer_encode(t, text, strlen(text), false, &plain));
    assert_ok(tokenizer_encode(t, text, strlen(text), true, &special));
    if (!same_ids(&plain, json_at(expected, 0))) show(family, text, "ids", t, &plain, json_at(expected, 0)), bad++;
    else if (ranges && !same_ranges(&plain, text, json_at(expected, 1))) show(family, text, "ranges", t, &plain, json_at(expected, 1)), bad++;
    if (!same_ids(&special, json_at(expected, 2))) show(family, text, "ids with special tokens", t, &special, json_at(expected, 2)), bad++;
    bad += !check_decoded(t, family, text, &special, false, json_string(json_at(expected, 3)));
    bad += !check_decoded(t, family, text, &special, true, json_string(json_at(expected, 4)));
    tokens_free(&plain);
    tokens_free(&special);
    return bad;
}

static int check_family(const Tokenizer *t, const char *family, bool ranges)
{
    char file[256];
    snprintf(file, sizeof file, "%s/cases.json", family);
    Json *texts = golden("texts.json"), *cases = golden(file);
    const Json *text = json_first(json_get(texts, "texts"));
    int bad = 0;
    for (const Json *item = json_first(cases); item; item = json_next(item), text = json_next(text)) bad += check_case(t, family, json_string(text), item, ranges);
    assert_null(text);
    json_free(texts);
    json_free(cases);
    return bad;
}

static void equals_the_reference(void **state)
{
    (void)state;
    int bad = 0;
    for (int i = 0; i < FAMILIES; i++) {
        char dir[1024];
        snprintf(dir, sizeof dir, GRAFT_GOLDEN "/tokenizer/%s", families[i]);
        Tokenizer *tokenizer = opened(dir);
        bad += check_family(tokenizer, families[i], true);
        tokenizer_close(tokenizer);
    }
    assert_int_equal(bad, 0);
}

/* A GGUF file cannot say that ranges leave blanks out, as the llama3 folder does. */
static void gguf_equals_the_folder(void **state)
{
    (void)state;
    Tokenizer *llama3 = opened(GRAFT_GOLDEN "/tokenizer/llama3/tokenizer.gguf"), *scored = opened(GRAFT_GOLDEN "/tokenizer/scored/tokenizer.gguf");
    assert_int_equal(check_family(llama3, "llama3", false), 0);
    assert_int_equal(check_family(scored, "scored", true), 0);
    for (int i = 0; i < 2; i++) {
        static const char *const names[] = { "gguf_words", "gguf_pieces" };
        char path[1024];
        snprintf(path, sizeof path, GRAFT_GOLDEN "/tokenizer/%s/tokenizer.gguf", names[i]);
        Tokenizer *tokenizer = opened(path);
        assert_int_equal(check_family(tokenizer, names[i], true), 0);
        tokenizer_close(tokenizer);
    }
    assert_string_equal(tokenizer_part(llama3, TOKEN_BOS), "<s>");
    assert_int_equal(tokenizer_part_id(llama3, TOKEN_EOS), 2);
    assert_string_equal(tokenizer_chat_template(llama3), "{{ messages[0].content }}");
    tokenizer_close(llama3);
    tokenizer_close(scored);
}

static void check_added(const Tokenizer *t, const char *name)
{
    char file[256];
    snprintf(file, sizeof file, "%s/added.json", name);
    Json *added = golden(file);
    for (const Json *item = json_first(added); item; item = json_next(item)) assert_int_equal(tokenizer_id(t, json_key(item)), json_integer(item));
    json_free(added);
}

/* Folders without a tokenizer.json, of which transformers' class makes one (tests/peers/golden_bare.py). */
static void bare_folders_equal_what_transformers_builds(void **state)
{
    (void)state;
    static const struct { const char *name, *part[TOKEN_PARTS]; } folders[] = {
        { "vocab_gpt2", { "<|endoftext|>", "<|endoftext|>", NULL, "<|endoftext|>" } },
        { "vocab_starcoder2", { "<s>", "</s>", NULL, "<|endoftext|>" } },
        { "vocab_qwen2", { NULL, "<|end|>", "<|endoftext|>", "<|endoftext|>" } },
        { "vocab_cohere", { "<BOS_TOKEN>", "<|END_OF_TURN_TOKEN|>", "<PAD>", "<UNK>" } },
        { "vocab_gpt_neox", { "<|endoftext|>", "<|endoftext|>", "<|padding|>", "<|endoftext|>" } },
        { "vocab_phi", { "<|endoftext|>", "<|endoftext|>", NULL, "<|endoftext|>" } },
        { "vocab_map", { "<|endoftext|>", "</s>", "<|end|>", "<|endoftext|>" } },
        { "vocab_flags", { NULL, "<|endoftext|>", "word", NULL } },
        { "tiktoken_llama3", { NULL } },
        { "tiktoken_reserved", { "<s>", "<|end|>", NULL, NULL } },
        { "tiktoken_class", { "<s>", "</s>", NULL, "<unk>" } },
        { "tiktoken_qwen2", { NULL, "<|end|>", "<|endoftext|>", "<|endoftext|>" } },
        { "tiktoken_low", { "the", NULL, NULL, NULL } },
        { "tiktoken_added", { "<s>", "</s>", NULL, NULL } },
    };
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char dir[1024];
        snprintf(dir, sizeof dir, GRAFT_GOLDEN "/tokenizer/%s", folders[i].name);
        Tokenizer *tokenizer = opened(dir);
        assert_int_equal(check_family(tokenizer, folders[i].name, true), 0);
        check_added(tokenizer, folders[i].name);
        for (int k = 0; k < TOKEN_PARTS; k++) {
            const char *found = tokenizer_part(tokenizer, (TokenPart)k), *expected = folders[i].part[k];
            assert_string_equal(found ? found : "none", expected ? expected : "none");
            assert_int_equal(tokenizer_part_id(tokenizer, (TokenPart)k) >= 0, expected != NULL);
        }
        tokenizer_close(tokenizer);
    }
}

static void tekken_equals_the_folder(void **state)
{
    (void)state;
    Tokenizer *tokenizer = opened(GRAFT_GOLDEN "/tokenizer/tekken_file/source");
    assert_int_equal(check_family(tokenizer, "tekken_file", true), 0);
    assert_string_equal(tokenizer_part(tokenizer, TOKEN_EOS), "</s>");
    tokenizer_close(tokenizer);
}

static char *temporary_folder(void)
{
    char *dir = memory_string("/tmp/graft-tokenizer-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return dir;
}

/* A copy of a golden file with one string more among its keys, which stand behind magic, version and two counts. */
static void write_with_key(const char *path, const char *from, const char *key, const char *value)
{
    Mapped file = {0};
    Buffer out = {0};
    uint64_t n_key = strlen(key), n_value = strlen(value), n_keys;
    uint32_t string = 8;
    assert_ok(mapped_open(&file, from));
    memcpy(&n_keys, (const char *)file.bytes + 16, 8);
    n_keys++;
    buffer_add(&out, file.bytes, 16);
    buffer_add(&out, &n_keys, 8);
    buffer_add(&out, &n_key, 8);
    buffer_add(&out, key, n_key);
    buffer_add(&out, &string, 4);
    buffer_add(&out, &n_value, 8);
    buffer_add(&out, value, n_value);
    buffer_add(&out, (const char *)file.bytes + 24, file.n_bytes - 24);
    assert_ok(output_save(path, out.data, out.len));
    mapped_close(&file);
    buffer_free(&out);
}

static void gguf_has_a_template_for_tools(void **state)
{
    (void)state;
    char *dir = temporary_folder(), *path = memory_format("%s/t.gguf", dir);
    write_with_key(path, GRAFT_GOLDEN "/tokenizer/llama3/tokenizer.gguf", "tokenizer.chat_template.tool_use", "{{ tools }}");
    Tokenizer *from = opened(path);
    assert_string_equal(tokenizer_chat_template(from), "{{ messages[0].content }}");
    assert_string_equal(tokenizer_tool_template(from), "{{ tools }}");
    assert_ok(tokenizer_save(from, dir));
    Tokenizer *to = opened(dir);
    assert_string_equal(tokenizer_tool_template(to), "{{ tools }}");
    tokenizer_close(from);
    tokenizer_close(to);
    assert_ok(output_remove(dir));
    free(path);
    free(dir);
}

static void saved_from_gguf_opens_as_a_folder(void **state)
{
    (void)state;
    static const char *const saved[] = { "llama3", "scored", "gguf_words", "gguf_pieces" };
    for (int i = 0; i < 4; i++) {
        char path[1024], *dir = temporary_folder();
        snprintf(path, sizeof path, GRAFT_GOLDEN "/tokenizer/%s/tokenizer.gguf", saved[i]);
        Tokenizer *from = opened(path);
        assert_ok(tokenizer_save(from, dir));
        Tokenizer *to = opened(dir);
        assert_int_equal(check_family(to, saved[i], i > 0), 0);
        for (int part = 0; part < TOKEN_PARTS; part++) {
            const char *expected = tokenizer_part(from, (TokenPart)part), *found = tokenizer_part(to, (TokenPart)part);
            assert_string_equal(found ? found : "none", expected ? expected : "none");
        }
        assert_string_equal(tokenizer_chat_template(to), "{{ messages[0].content }}");
        tokenizer_close(from);
        tokenizer_close(to);
        assert_ok(output_remove(dir));
        free(dir);
    }
}

/* One tokenizer, many threads: the bits are those of one. */
typedef struct { const Tokenizer *tokenizer; Tokens *tokens; const char *text; } Shared;

static void encode_one(const void *ctx, int task, int worker)
{
    (void)worker;
    const Shared *shared = ctx;
    if (tokenizer_encode(shared->tokenizer, shared->text, strlen(shared->text), true, &shared->tokens[task]) != STATUS_OK) abort();
}

static void threads_may_share_one(void **state)
{
    (void)state;
    enum { TASKS = 64 };
    static const char text[] = "All human beings are born free and equal in dignity and rights. They're endowed with 12345 reasons, \xc3\xa9t\xc3\xa9.";
    Tokens tokens[TASKS] = {0};
    Tokenizer *tokenizer = opened(GRAFT_GOLDEN "/tokenizer/deepseek_v3");
    Pool *pool = pool_open(4);
    pool_run(pool, TASKS, encode_one, &(Shared){ tokenizer, tokens, text });
    for (int i = 1; i < TASKS; i++) {
        assert_int_equal(tokens[i].n, tokens[0].n);
        assert_memory_equal(tokens[i].id, tokens[0].id, (size_t)tokens[0].n * sizeof *tokens[0].id);
    }
    for (int i = 0; i < TASKS; i++) tokens_free(&tokens[i]);
    pool_close(pool);
    tokenizer_close(tokenizer);
}

static void encoding_appends_and_refuses_what_is_not_text(void **state)
{
    (void)state;
    Tokenizer *tokenizer = opened(GRAFT_GOLDEN "/tokenizer/gpt2");
    Tokens tokens = {0};
    assert_ok(tokenizer_encode(tokenizer, "a\0b", 3, false, &tokens));
    assert_int_equal(tokens.n, 3);
    assert_ok(tokenizer_encode(tokenizer, "a", 1, false, &tokens));
    assert_int_equal(tokens.n, 4);
    assert_int_equal(tokens.id[3], tokens.id[0]);
    assert_fails(STATUS_INPUT, "text to be tokenized: byte 2 is not valid UTF-8", tokenizer_encode(tokenizer, "ab\xff", 3, false, &tokens));
    assert_int_equal(tokens.n, 4);
    Buffer out = {0};
    const int32_t broken[] = { tokens.id[0], -1, 1 << 30, tokenizer_id(tokenizer, "\xc4\xa0") };
    tokenizer_decode(tokenizer, broken, 4, false, &out);
    assert_string_equal(out.data, "a ");
    assert_null(tokenizer_token(tokenizer, -1));
    assert_int_equal(tokenizer_id(tokenizer, "no such token"), -1);
    assert_int_equal(tokenizer_size(tokenizer), 603);
    buffer_free(&out);
    tokens_free(&tokens);
    tokenizer_close(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_reference), cmocka_unit_test(gguf_equals_the_folder), cmocka_unit_test(gguf_has_a_template_for_tools),
        cmocka_unit_test(tekken_equals_the_folder), cmocka_unit_test(bare_folders_equal_what_transformers_builds), cmocka_unit_test(saved_from_gguf_opens_as_a_folder),
        cmocka_unit_test(threads_may_share_one), cmocka_unit_test(encoding_appends_and_refuses_what_is_not_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
