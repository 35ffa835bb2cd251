/* Tokenizer files from anywhere: opening gives a tokenizer or a message, and what was opened encodes and decodes. An input is a GGUF
 * file, or those of a folder with the byte \x1e between them, in the order of `names`; an
 * empty one is not there. */
#include "data/text/tokenizer.h"
#include "tests/fuzz/mutate.h"

static void use(const Tokenizer *t)
{
    static const char *const texts[] = { "", " ", "ab aba  <x>Ab ab\n", "\xc3\xa9 e\xcc\x81 a1234 \xe4\xb8\xad\xf0\x9f\x98\x80 <unk>  b", "aaaaaaaaaaaaaaaaabbbbbbbbbbbbbb" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        Tokens tokens = {0};
        Buffer out = {0};
        size_t n = strlen(texts[i]);
        if (tokenizer_encode(t, texts[i], n, true, &tokens) == STATUS_OK) tokenizer_decode(t, tokens.id, tokens.n, i & 1, &out);
        for (int64_t k = 0; k < tokens.n; k++) CHECK(tokens.begin[k] <= tokens.end[k] && tokens.end[k] <= n && tokens.id[k] >= 0);
        tokens_free(&tokens);
        buffer_free(&out);
    }
}

static void ask(const Tokenizer *t)
{
    for (int i = 0; i < TOKEN_PARTS; i++) {
        const char *part = tokenizer_part(t, (TokenPart)i);
        CHECK(tokenizer_part_id(t, (TokenPart)i) == (part ? tokenizer_id(t, part) : -1));
    }
    for (int32_t id = -1; id <= tokenizer_size(t) && id < 1000; id++) {
        const char *token = tokenizer_token(t, id);
        CHECK(!token || strlen(token) < 1 << 20);
    }
    CHECK(*tokenizer_kind(t) && (!tokenizer_chat_template(t) || strlen(tokenizer_chat_template(t)) < 1 << 20));
}

static void open_and_use(const char *path)
{
    Tokenizer *tokenizer = NULL;
    Notices notices = {0};
    Status status = tokenizer_open(&tokenizer, path, &notices);
    fuzz_check(status);
    if (status == STATUS_OK) use(tokenizer);
    if (status == STATUS_OK) ask(tokenizer);
    tokenizer_close(tokenizer);
    notices_free(&notices);
}

static void open_gguf(Seed content)
{
    fuzz_file("tokenizer.gguf", content);
    char *path = memory_format("%s/tokenizer.gguf", fuzz_folder());
    open_and_use(path);
    free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char *const names[] = { "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja", "config.json",
                                         "tekken.json", "tokenizer.model", "vocab.json", "merges.txt", "added_tokens.json" };
    if (n >= 4 && !memcmp(bytes, "GGUF", 4)) {
        open_gguf((Seed){ .bytes = (const char *)bytes, .n = n });
        return 0;
    }
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
        Seed part = fuzz_part(bytes, n, i);
        fuzz_file(names[i], part.n ? part : (Seed){0});
    }
    open_and_use(fuzz_folder());
    return 0;
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
    "\x1e\x1e\x1e\x1e\x1e"
    "{\"config\": {\"pattern\": \" ?\\\\p{L}+|\\\\s+\", \"default_vocab_size\": 8, \"default_num_special_tokens\": 3}, \"special_tokens\": [{\"rank\": 0, \"token_str\": \"<s>\"},"
    " {\"rank\": 1, \"token_str\": \"<unk>\"}], \"vocab\": [{\"rank\": 0, \"token_bytes\": \"YQ==\"}, {\"rank\": 1, \"token_bytes\": \"Yg==\"},"
    " {\"rank\": 2, \"token_bytes\": \"YWI=\"}, {\"rank\": 3, \"token_bytes\": \"IA==\"}, {\"rank\": 4, \"token_bytes\": \"YWJh\"}, {\"rank\": 5, \"token_bytes\": \"w6k=\"}]}",
    "\x1e{\"added_tokens_decoder\": {\"7\": {\"content\": \"<x>\", \"lstrip\": true}, \"9\": {\"content\": \"Ab\", \"special\": false}}, \"bos_token\": \"<x>\","
    " \"add_bos_token\": true, \"extra_special_tokens\": [\"<unk>\"]}\x1e\x1e\x1e\x1e\x1e"
    "YQ== 0\nYg== 1\nYWI= 2\n\nIA== 3\r\nYWJh 4\nw6k= 5\n",
    "\x1e{\"tokenizer_class\": \"CohereTokenizer\", \"additional_special_tokens\": [\"<x>\"], \"image_token\": \"Ab\", \"add_eos_token\": true}"
    "\x1e{\"pad_token\": {\"content\": \"<p>\", \"lstrip\": true}, \"extra_special_tokens\": [\"<unk>\"]}\x1e\x1e\x1e\x1e\x1e"
    "{\"a\": 0, \"b\": 1, \"ab\": 2, \"aba\": 3, \"\\u0120\": 4}\x1e#version: 0.2\na b\r\nab a\n\x1e{\"<x>\": 7, \"b\": 1}",
    "\x1e{\"extra_special_tokens\": {\"image_token\": \"<x>\"}, \"add_prefix_space\": true, \"bos_token\": null}\x1e\x1e\x1e{\"model_type\": \"qwen2\"}\x1e\x1e\x1e"
    "{\"a\": 0, \"b\": 1, \"ab\": 2}\x1e" "a b\n", NULL,
};

const Fuzz fuzz = {
    .texts = documents,
    .golden = (const char *const[]){ "tokenizer/*/tokenizer.json", "tokenizer/*/tokenizer.gguf", NULL },
    .words = (const char *const[]){
        "null", "{}", "[]", "\"\"", "-1", "1e9", "16777215", "true", "\"type\"", "{\"type\": \"Sequence\"}", "\\u0000", "\\ud800", "\xc3\xa9", "\"<unk>\"", "[[", "}", "(?i:", "\\\\p{L}",
    "a{1,9}", "*", "+", "[^", "(a+)+", "\"NFD\"", "\"Fuse\"", "0", "\xff", "\"\\u2581\"", "(?=", "|", "\\\\b", NULL },
    .rounds = 3000,
};
