/* Damaged tokenizer files: a bounded number of mutations, the same in every run. Whatever comes, opening gives a tokenizer or a
 * message, what was opened encodes and decodes, and nothing leaks or reads outside (the sanitizer builds watch). */
#include "tests/testing.h"

#include "data/file/mapped.h"
#include "data/file/output.h"
#include "data/text/tokenizer.h"
#include "kernels/memory.h"

enum { RUNS = 3000, MAX_BYTES = 1 << 16 };

static uint64_t seed = 1;

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

/* A charsmap of e-acute in two spellings, a mark that goes and a number in a circle (golden_tokenizer.py's charsmap()). */
#define CHARSMAP \
    "AAQAAAAEAAAAAACABQAAgAIAAIAGAACAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABlmAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAgQkCAAAAAAAAAAAAgQECAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
    "AAAAAAAAAAAAAAAAAAAAAAAJFEAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAoJUCAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
    "AKmlAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAwwwDAAAAAA" \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADMMAMAzDADAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
    "AAAAAAAAAAAAAAAA4ogDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
    "AAAAAAAAAAAAAAAAAAAABlAMOpAAAoMSkA"

/* Every component once, over a vocabulary of a few tokens. */
static const char *const documents[] = {
    "{\"added_tokens\": [{\"id\": 9, \"content\": \"<x>\", \"lstrip\": true, \"special\": true}, {\"id\": 10, \"content\": \"Ab\", \"normalized\": true, \"single_word\": true}],"
    " \"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, {\"type\": \"Lowercase\"}, {\"type\": \"Strip\", \"strip_left\": true},"
    " {\"type\": \"Replace\", \"pattern\": {\"Regex\": \" +\"}, \"content\": \" \"}, {\"type\": \"Prepend\", \"prepend\": \"b\"}]},"
    " \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Digits\", \"individual_digits\": true}, {\"type\": \"Punctuation\", \"behavior\": \"Contiguous\"},"
    " {\"type\": \"Split\", \"pattern\": {\"Regex\": \"[^\\\\r\\\\n\\\\p{L}]?\\\\p{L}+|\\\\w{1,3}|\\\\s+(?!\\\\S)\"}, \"behavior\": \"MergedWithNext\", \"invert\": false},"
    " {\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"use_regex\": true}]},"
    " \"post_processor\": {\"type\": \"Sequence\", \"processors\": [{\"type\": \"ByteLevel\", \"trim_offsets\": true}, {\"type\": \"TemplateProcessing\","
    " \"single\": [{\"SpecialToken\": {\"id\": \"<x>\", \"type_id\": 0}}, {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}], \"special_tokens\": {\"<x>\": {\"ids\": [9]}}}]},"
    " \"decoder\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2, \"aba\": 3, \"\\u0120\": 4, \"\\u0120a\": 5},"
    " \"merges\": [\"a b\", [\"ab\", \"a\"], [\"\\u0120\", \"a\"]]}}",
    "{\"added_tokens\": [{\"id\": 0, \"content\": \"<unk>\", \"special\": true, \"rstrip\": true}], \"normalizer\": {\"type\": \"NFKD\"},"
    " \"pre_tokenizer\": {\"type\": \"Metaspace\", \"replacement\": \"\\u2581\", \"prepend_scheme\": \"first\", \"split\": true},"
    " \"post_processor\": {\"type\": \"RobertaProcessing\", \"sep\": [\"<unk>\", 0], \"cls\": [\"<unk>\", 0], \"trim_offsets\": true, \"add_prefix_space\": true},"
    " \"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Replace\", \"pattern\": {\"String\": \"\\u2581\"}, \"content\": \" \"}, {\"type\": \"ByteFallback\"},"
    " {\"type\": \"Metaspace\", \"replacement\": \"\\u2581\"}, {\"type\": \"Fuse\"}, {\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 1}]},"
    " \"model\": {\"type\": \"BPE\", \"unk_token\": \"<unk>\", \"fuse_unk\": true, \"byte_fallback\": true, \"continuing_subword_prefix\": \"#\", \"end_of_word_suffix\": \"$\","
    " \"vocab\": {\"<unk>\": 0, \"\\u2581\": 1, \"#a\": 2, \"#b$\": 3, \"#ab$\": 4, \"\\u2581a\": 5, \"<0xC3>\": 6, \"<0xA9>\": 7, \"<0xE4>\": 8},"
    " \"merges\": [[\"\\u2581\", \"#a\"], [\"#a\", \"#b$\"]]}}",
    "{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Precompiled\", \"precompiled_charsmap\": \"" CHARSMAP "\"}, {\"type\": \"Nmt\"}]},"
    " \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"UnicodeScripts\"}, {\"type\": \"FixedLength\", \"length\": 3},"
    " {\"type\": \"CharDelimiterSplit\", \"delimiter\": \"b\"}, {\"type\": \"Metaspace\"}]}, \"decoder\": {\"type\": \"CTC\", \"pad_token\": \"a\", \"word_delimiter_token\": \"b\", \"cleanup\": true},"
    " \"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"byte_fallback\": true, \"vocab\": [[\"<unk>\", 0], [\"a\", -1.5], [\"b\", -2], [\"ab\", -3.5], [\"\\u2581\", -1], [\"\\u2581a\", -2.5],"
    " [\"<0xE4>\", 0], [\"<0xB8>\", 0], [\"<0xAD>\", 0], [\"ab\", -4]]}}",
    "{\"normalizer\": {\"type\": \"BertNormalizer\", \"clean_text\": true, \"handle_chinese_chars\": true, \"strip_accents\": null, \"lowercase\": true}, \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"},"
    " \"post_processor\": {\"type\": \"BertProcessing\", \"sep\": [\"[U]\", 0], \"cls\": [\"[U]\", 0]}, \"decoder\": {\"type\": \"WordPiece\", \"prefix\": \"##\", \"cleanup\": true}, \"model\": {\"type\": \"WordPiece\","
    " \"unk_token\": \"[U]\", \"continuing_subword_prefix\": \"##\", \"max_input_chars_per_word\": 20, \"vocab\": {\"[U]\": 0, \"a\": 1, \"##b\": 2, \"##a\": 3, \"ab\": 4, \"##bb\": 5, \"##\": 6}}}",
    "{\"normalizer\": {\"type\": \"StripAccents\"}, \"pre_tokenizer\": {\"type\": \"WhitespaceSplit\"}, \"decoder\": {\"type\": \"BPEDecoder\", \"suffix\": \"b\"},"
    " \"model\": {\"type\": \"WordLevel\", \"unk_token\": \"a\", \"vocab\": {\"a\": 0, \"ab\": 1, \"b\": 2}}}",
};
enum { DOCUMENTS = sizeof documents / sizeof *documents };

static const char *const fragments[] = {
    "null", "{}", "[]", "\"\"", "-1", "1e9", "16777215", "true", "\"type\"", "{\"type\": \"Sequence\"}", "\\u0000", "\\ud800", "\xc3\xa9", "\"<unk>\"", "[[", "}", "(?i:", "\\\\p{L}",
    "a{1,9}", "*", "+", "[^", "(a+)+", "\"NFD\"", "\"Fuse\"", "0", "\xff", "\"\\u2581\"", "(?=", "|", "\\\\b",
};

/* Changes, drops, doubles or inserts some bytes at one or two places. */
static size_t damaged(char *text, const char *from)
{
    size_t n = strlen(from);
    memcpy(text, from, n);
    for (uint32_t i = 1 + draw(2); i > 0 && n > 1; i--) {
        size_t at = draw((uint32_t)n), length = 1 + draw(4);
        if (length > n - at) length = n - at;
        const char *fragment = fragments[draw(sizeof fragments / sizeof *fragments)];
        switch (draw(6)) {
        case 0: text[at] = (char)(draw(8) ? 0x20 + draw(0x5F) : draw(256)); break;
        case 1: memmove(text + at, text + at + length, n - at - length); n -= length; break;
        case 2: text[at] = (char)('0' + draw(10)); break;
        case 3: text[at] = text[draw((uint32_t)n)]; break;
        case 4: memmove(text + at + length, text + at, n - at); n += length; break;
        default:
            memmove(text + at + strlen(fragment), text + at, n - at);
            memcpy(text + at, fragment, strlen(fragment));
            n += strlen(fragment);
        }
    }
    return n;
}

static void use(const Tokenizer *t)
{
    static const char *const texts[] = { "", " ", "ab aba  <x>Ab ab\n", "\xc3\xa9 e\xcc\x81 a1234 \xe4\xb8\xad\xf0\x9f\x98\x80 <unk>  b", "aaaaaaaaaaaaaaaaabbbbbbbbbbbbbb" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        Tokens tokens = {0};
        Buffer out = {0};
        size_t n = strlen(texts[i]);
        if (tokenizer_encode(t, texts[i], n, true, &tokens) == STATUS_OK) tokenizer_decode(t, tokens.id, tokens.n, i & 1, &out);
        for (int64_t k = 0; k < tokens.n; k++) assert_true(tokens.begin[k] <= tokens.end[k] && tokens.end[k] <= n && tokens.id[k] >= 0);
        tokens_free(&tokens);
        buffer_free(&out);
    }
}

/* Whether it opened. */
static bool open_and_use(const char *path)
{
    Tokenizer *tokenizer = NULL;
    Notices notices = {0};
    Status status = tokenizer_open(&tokenizer, path, &notices);
    assert_true(status == STATUS_OK || (status == STATUS_INPUT && status_message()[0]));
    if (status == STATUS_OK) use(tokenizer);
    tokenizer_close(tokenizer);
    notices_free(&notices);
    return status == STATUS_OK;
}

/* Each document as it is, then damaged, as the file `name` of a folder. */
static void damage_documents(const char *name, const char *const *list, int n_documents)
{
    char dir[] = "/tmp/graft-fuzz-XXXXXX", path[64];
    static char text[MAX_BYTES];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int opened = 0;
    for (int run = 0; run < RUNS; run++) {
        const char *document = list[run % n_documents];
        bool whole = run < n_documents;
        size_t n = whole ? strlen(document) : damaged(text, document);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(whole ? document : text, 1, n, file), n);
        assert_int_equal(fclose(file), 0);
        bool good = open_and_use(dir);
        assert_true(good || !whole);
        opened += good;
    }
    assert_true(opened > RUNS / 20);      /* the damage is not so great that nothing is left to test */
    assert_ok(output_remove(dir));
}

static void damaged_files(void **state)
{
    (void)state;
    damage_documents("tokenizer.json", documents, DOCUMENTS);
}

static void damaged_tekken(void **state)
{
    (void)state;
    static const char *const tekken[] = {
        "{\"config\": {\"pattern\": \" ?\\\\p{L}+|\\\\s+\", \"default_vocab_size\": 8, \"default_num_special_tokens\": 3}, \"special_tokens\": [{\"rank\": 0, \"token_str\": \"<s>\"},"
        " {\"rank\": 1, \"token_str\": \"<unk>\"}], \"vocab\": [{\"rank\": 0, \"token_bytes\": \"YQ==\"}, {\"rank\": 1, \"token_bytes\": \"Yg==\"},"
        " {\"rank\": 2, \"token_bytes\": \"YWI=\"}, {\"rank\": 3, \"token_bytes\": \"IA==\"}, {\"rank\": 4, \"token_bytes\": \"YWJh\"}, {\"rank\": 5, \"token_bytes\": \"w6k=\"}]}",
    };
    damage_documents("tekken.json", tekken, 1);
}

/* Bytes change and lengths lie; the vocabulary is at the end of the metadata. */
static void damaged_gguf(void **state)
{
    (void)state;
    static const char *const files[] = { GRAFT_GOLDEN "/tokenizer/llama3/tokenizer.gguf", GRAFT_GOLDEN "/tokenizer/scored/tokenizer.gguf",
                                         GRAFT_GOLDEN "/tokenizer/gguf_words/tokenizer.gguf", GRAFT_GOLDEN "/tokenizer/gguf_pieces/tokenizer.gguf" };
    char dir[] = "/tmp/graft-fuzz-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/tokenizer.gguf", dir);
    for (int run = 0; run < RUNS / 3; run++) {
        Mapped from = {0};
        assert_ok(mapped_open(&from, files[run % 4]));
        char *bytes = memory_copy(from.bytes, from.n_bytes, 1);
        for (uint32_t i = 1 + draw(3); i > 0; i--) bytes[draw((uint32_t)from.n_bytes)] = (char)draw(draw(2) ? 256 : 8);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, from.n_bytes, file), from.n_bytes);
        assert_int_equal(fclose(file), 0);
        open_and_use(path);
        free(bytes);
        mapped_close(&from);
    }
    assert_ok(output_remove(dir));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(damaged_files), cmocka_unit_test(damaged_tekken), cmocka_unit_test(damaged_gguf) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
