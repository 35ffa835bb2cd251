/* The files of a tokenizer: which token plays which part, where the chat template stands, what is saved; every damage with its
 * message. */
#include "tests/data/text/opened.h"

#include "data/file/mapped.h"
#include "data/file/output.h"
#include "kernels/memory.h"

/* A folder with files: name, text, …, NULL. */
static char *folder(const char *name, ...) __attribute__((sentinel));
static char *folder(const char *name, ...)
{
    char *dir = memory_string("/tmp/graft-tokenizer-XXXXXX");
    assert_non_null(mkdtemp(dir));
    va_list args;
    va_start(args, name);
    for (; name; name = va_arg(args, const char *)) {
        const char *text = va_arg(args, const char *);
        char *path = memory_format("%s/%s", dir, name);
        assert_ok(output_save(path, text, strlen(text)));
        free(path);
    }
    va_end(args);
    return dir;
}

static void remove_folder(char *dir)
{
    assert_ok(output_remove(dir));
    free(dir);
}

#define MODEL "\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2, \"</s>\": 3, \"<|endoftext|>\": 4}, \"merges\": [\"a b\"]}"
#define TOKENIZER "{" MODEL "}"

static void assert_parts(const char *dir, const char *const parts[TOKEN_PARTS])
{
    Tokenizer *tokenizer = opened(dir);
    for (int i = 0; i < TOKEN_PARTS; i++) {
        const char *found = tokenizer_part(tokenizer, (TokenPart)i);
        assert_string_equal(found ? found : "none", parts[i] ? parts[i] : "none");
        assert_int_equal(tokenizer_part_id(tokenizer, (TokenPart)i) >= 0, parts[i] != NULL);
    }
    tokenizer_close(tokenizer);
}

/* As transformers 5.23 answers. */
static void parts_come_from_the_config(void **state)
{
    (void)state;
    const struct { const char *config, *map, *model, *parts[TOKEN_PARTS]; } cases[] = {
        { "{}", "{}", "{}", { NULL } },
        { "{\"bos_token\": \"a\", \"eos_token\": {\"content\": \"</s>\", \"lstrip\": true}, \"unk_token\": null}", "{}", "{}", { "a", "</s>", NULL, NULL } },
        { "{\"bos_token\": \"a\"}", "{\"bos_token\": \"b\", \"eos_token\": \"</s>\"}", "{}", { "b", "</s>", NULL, NULL } },
        { "{\"bos_token\": \"a\", \"added_tokens_decoder\": {}}", "{\"bos_token\": \"b\"}", "{}", { "a", NULL, NULL, NULL } },
        { "{\"tokenizer_class\": \"GPT2TokenizerFast\"}", "{}", "{}", { "<|endoftext|>", "<|endoftext|>", NULL, "<|endoftext|>" } },
        { "{\"tokenizer_class\": \"Qwen2Tokenizer\", \"pad_token\": \"b\", \"unk_token\": null}", "{}", "{}", { NULL, "<|endoftext|>", "b", NULL } },
        { "{\"tokenizer_class\": \"LlamaTokenizer\"}", "{}", "{}", { NULL, "</s>", NULL, NULL } },
        { "{\"tokenizer_class\": \"PreTrainedTokenizerFast\"}", "{}", "{\"model_type\": \"gpt2\"}", { NULL } },
        { "{}", "{}", "{\"model_type\": \"gpt2\"}", { "<|endoftext|>", "<|endoftext|>", NULL, "<|endoftext|>" } },
        { "{}", "{}", "{\"model_type\": \"pt\"}", { NULL } },
        { "{\"tokenizer_class\": \"T5Tokenizer\"}", "{}", "{}", { NULL, "</s>", NULL, NULL } },
        { "{}", "{}", "{\"model_type\": \"xlm-roberta\"}", { NULL, "</s>", NULL, NULL } },
        { "{}", "{}", "{\"model_type\": \"bert\"}", { NULL } },
        { "{\"pad_token\": \"[PAD]\"}", "{}", "{}", { NULL, NULL, "[PAD]", NULL } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *dir = folder("tokenizer.json", TOKENIZER, "tokenizer_config.json", cases[i].config, "special_tokens_map.json", cases[i].map, "config.json",
                           cases[i].model, NULL);
        assert_parts(dir, cases[i].parts);
        remove_folder(dir);
    }
}

static void named_tokens_are_special(void **state)
{
    (void)state;
    char *dir = folder("tokenizer.json", TOKENIZER, "tokenizer_config.json",
                       "{\"eos_token\": \"</s>\", \"pad_token\": \"[PAD]\", \"image_token\": \"[I]\", \"additional_special_tokens\": [\"[X]\"],"
                       " \"added_tokens_decoder\": {\"12\": {\"content\": \"[L]\", \"special\": true, \"lstrip\": true}, \"5\": {\"content\": \"[F]\"}}}", NULL);
    Tokenizer *tokenizer = opened(dir);
    Tokens tokens = {0};
    static const char text[] = "ab</s>[PAD][I][X]ab  [L][F]";
    assert_ok(tokenizer_encode(tokenizer, text, strlen(text), false, &tokens));
    const int32_t ids[] = { 2, 3, 7, 8, 9, 2, 6, 5 };
    assert_int_equal(tokens.n, 8);
    assert_memory_equal(tokens.id, ids, sizeof ids);
    assert_int_equal(tokens.begin[6], 19);      /* [L] takes the blanks before it */
    Buffer out = {0};
    tokenizer_decode(tokenizer, tokens.id, tokens.n, true, &out);
    assert_string_equal(out.data, "ab ab [F]");
    assert_int_equal(tokenizer_size(tokenizer), 10);
    buffer_free(&out);
    tokens_free(&tokens);
    tokenizer_close(tokenizer);
    remove_folder(dir);
}

/* Files of a folder: config, chat_template.jinja, additional_chat_templates/tool_use.jinja; NULL: absent. */
static char *template_folder(const char *config, const char *jinja, const char *tool_use)
{
    char *dir = folder("tokenizer.json", TOKENIZER, "tokenizer_config.json", config, jinja ? "chat_template.jinja" : NULL, jinja, NULL);
    char *others = memory_format("%s/additional_chat_templates", dir), *path = memory_format("%s/tool_use.jinja", others);
    if (tool_use) {
        assert_ok(output_make_folder(others));
        assert_ok(output_save(path, tool_use, strlen(tool_use)));
    }
    free(others);
    free(path);
    return dir;
}

static void assert_templates(const char *config, const char *jinja, const char *tool_use, const char *expected, const char *expected_tool_use)
{
    char *dir = template_folder(config, jinja, tool_use);
    Tokenizer *tokenizer = opened(dir);
    const char *found = tokenizer_chat_template(tokenizer), *found_tool_use = tokenizer_tool_template(tokenizer);
    assert_string_equal(found ? found : "none", expected);
    assert_string_equal(found_tool_use ? found_tool_use : "none", expected_tool_use);
    tokenizer_close(tokenizer);
    remove_folder(dir);
}

/* As transformers 5.23 answers: get_chat_template() with and without tools. */
static void chat_templates_stand_in_four_places(void **state)
{
    (void)state;
    const char *named = "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"t\"}, {\"name\": \"rag\", \"template\": \"r\"}, {\"name\": \"default\", \"template\": \"d\"}]}";
    assert_templates("{}", NULL, NULL, "none", "none");
    assert_templates("{\"chat_template\": \"one\"}", NULL, NULL, "one", "none");
    assert_templates(named, NULL, NULL, "d", "t");
    assert_templates("{\"chat_template\": [{\"name\": \"default\", \"template\": \"a\"}, {\"name\": \"default\", \"template\": \"b\"}]}", NULL, NULL, "b", "none");
    assert_templates("{\"chat_template\": [{\"name\": \"rag\", \"template\": \"r\"}]}", NULL, NULL, "none", "none");
    assert_templates("{\"chat_template\": \"one\"}", "file\n", NULL, "file\n", "none");
    assert_templates(named, "file", NULL, "file", "none");
    assert_templates(named, "file", "tools", "file", "tools");
}

static void assert_file(const char *dir, const char *name, const char *expected)
{
    char *path = memory_format("%s/%s", dir, name);
    Mapped file = {0};
    assert_ok(mapped_open(&file, path));
    assert_int_equal(file.n_bytes, strlen(expected));
    assert_memory_equal(file.bytes, expected, file.n_bytes);
    mapped_close(&file);
    free(path);
}

static void a_template_for_tools_is_saved(void **state)
{
    (void)state;
    char *dir = template_folder("{}", "d", "t"), *to = folder(NULL, NULL);
    Tokenizer *tokenizer = opened(dir);
    assert_ok(tokenizer_save(tokenizer, to));
    assert_file(to, "chat_template.jinja", "d");
    assert_file(to, "additional_chat_templates/tool_use.jinja", "t");
    tokenizer_close(tokenizer);
    remove_folder(dir);
    remove_folder(to);
}

static void saving_copies_even_from_a_folder_that_is_gone(void **state)
{
    (void)state;
    char *dir = folder("tokenizer.json", TOKENIZER, "tokenizer_config.json", "{\"eos_token\": \"a\"}", "chat_template.jinja", "T", "other", "x", NULL);
    char *to = folder(NULL, NULL);
    Tokenizer *tokenizer = opened(dir);
    remove_folder(dir);
    assert_ok(tokenizer_save(tokenizer, to));
    assert_file(to, "tokenizer.json", TOKENIZER);
    assert_file(to, "tokenizer_config.json", "{\"eos_token\": \"a\"}");
    assert_file(to, "chat_template.jinja", "T");
    assert_int_equal(tokenizer_save(tokenizer, "/nowhere"), STATUS_WRITE);
    tokenizer_close(tokenizer);
    remove_folder(to);
}

static void assert_refused(const char *tokenizer_json, const char *message)
{
    char *dir = folder("tokenizer.json", tokenizer_json, NULL);
    char *expected = memory_format("%s/tokenizer.json: %s", dir, message);
    Tokenizer *tokenizer = NULL;
    Notices notices = {0};
    assert_int_equal(tokenizer_open(&tokenizer, dir, &notices), STATUS_INPUT);
    assert_null(tokenizer);
    const char *found = strstr(status_message(), dir);      /* a line may stand before it */
    assert_non_null(found);
    assert_string_equal(found, expected);
    notices_free(&notices);
    free(expected);
    remove_folder(dir);
}

static void refuses_what_it_cannot_do(void **state)
{
    (void)state;
    assert_refused("", "not JSON (it is empty) at line 1, column 1");
    assert_refused("[]", "it is a list, expected an object");
    assert_refused("{}", "\"model\" is null, expected an object");
    assert_refused("{\"model\": {\"type\": \"Wordy\", \"vocab\": []}}", "\"model\" is of type Wordy; graft knows BPE, Unigram, WordPiece and WordLevel");
    assert_refused("{\"model\": {\"vocab\": {}, \"type\": \"Unigram\"}}", "\"model.vocab\" is an object, expected a list");
    assert_refused("{\"model\": {\"vocab\": [[\"a\", -1], [\"b\"]]}}", "entry 1 of \"model.vocab\" is not [\"token\", score]");
    assert_refused("{\"model\": {\"vocab\": [[\"a\", -1]], \"unk_id\": 1}}", "\"model.unk_id\" is not the place of a token in \"model.vocab\", which has 1");
    assert_refused("{\"model\": {\"vocab\": {}, \"max_input_chars_per_word\": -1}}", "\"model.max_input_chars_per_word\" is not a count");
    assert_refused("{\"model\": {\"type\": \"BPE\"}}", "\"model.vocab\" is null, expected an object");
    assert_refused("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": -1}, \"merges\": []}}", "the id of \"a\" in \"model.vocab\" is not an integer from 0 to 16777215");
    assert_refused("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}}}", "\"model.merges\" is null, expected a list");
    assert_refused("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"a\"]}}",
                   "entry 0 of \"model.merges\" is not two words, expected [\"left\", \"right\"] or \"left right\"");
    assert_refused("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [[\"a\", 1]]}}",
                   "entry 0 of \"model.merges\" is a list, expected [\"left\", \"right\"] or \"left right\"");
    assert_refused("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"a b\"]}}",
                   "merge 0 is of \"a\" and \"b\", but \"b\" is not in the vocabulary");
    assert_refused("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1}, \"merges\": [[\"a\", \"b\"]]}}",
                   "merge 0 is of \"a\" and \"b\", but \"ab\" is not in the vocabulary");
    assert_refused("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [], \"unk_token\": \"u\"}}",
                   "the unknown token \"u\" (\"model.unk_token\") is not in the vocabulary");
    assert_refused("{" MODEL ", \"normalizer\": {\"type\": \"Lower\"}}", "normalizer of type Lower; graft does not know it");
    assert_refused("{" MODEL ", \"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"a\"}}", "normalizer Precompiled: the charsmap is not base64");
    assert_refused("{" MODEL ", \"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"CAAAAAA=\"}}",
                   "normalizer Precompiled: a charsmap of 5 bytes says that its trie has 8");
    assert_refused("{" MODEL ", \"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"BAAAAAAAAAD/\"}}",
                   "normalizer Precompiled: the replacements of the charsmap are not UTF-8");
    assert_refused("{" MODEL ", \"normalizer\": {\"type\": \"Replace\", \"content\": \"\", \"pattern\": 3}}",
                   "normalizer Replace: \"pattern\" is an integer, expected {\"String\": …} or {\"Regex\": …}");
    assert_refused("{" MODEL ", \"pre_tokenizer\": {}}", "\"pre_tokenizer\" has no \"type\"");
    assert_refused("{" MODEL ", \"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"(\"}}}",
                   "pre_tokenizer Split: the regex \"(\" is not valid: end pattern with unmatched parenthesis");
    assert_refused("{" MODEL ", \"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"String\": \"x\"}, \"behavior\": \"Isolate\"}}",
                   "pre_tokenizer Split: \"behavior\" is \"Isolate\", expected Removed, Isolated, Contiguous, MergedWithPrevious or MergedWithNext");
    assert_refused("{" MODEL ", \"pre_tokenizer\": {\"type\": \"FixedLength\", \"length\": 0}}", "pre_tokenizer FixedLength: \"length\" is not a count of at least 1");
    assert_refused("{" MODEL ", \"pre_tokenizer\": {\"type\": \"CharDelimiterSplit\", \"delimiter\": \"ab\"}}",
                   "pre_tokenizer CharDelimiterSplit: \"delimiter\" is not one character");
    assert_refused("{" MODEL ", \"decoder\": {\"type\": \"BPEDecoder\", \"suffix\": \"\"}}", "decoder BPEDecoder: \"suffix\" is empty");
    assert_refused("{" MODEL ", \"post_processor\": {\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"<s>\"}}]}}",
                   "\"special_tokens\" has no ids for \"<s>\"");
    assert_refused("{" MODEL ", \"decoder\": {\"type\": \"Sequence\", \"decoders\": {}}}", "\"decoders\" is an object, expected a list");
    assert_refused("{" MODEL ", \"added_tokens\": [{\"id\": 1}]}", "an entry of \"added_tokens\" has no \"content\"");
}

static void says_what_is_missing(void **state)
{
    (void)state;
    Tokenizer *tokenizer = NULL;
    Notices notices = {0};
    char *dir = folder("vocab.txt", "", NULL);
    char *expected = memory_format("%s/tokenizer.json: no such file; graft reads tokenizers from tokenizer.json (Hugging Face tokenizers), tekken.json (Mistral),"
                                   " tokenizer.model (SentencePiece or tiktoken), spiece.model (SentencePiece), tiktoken.model, vocab.json with merges.txt, or a .gguf file", dir);
    assert_fails(STATUS_INPUT, expected, tokenizer_open(&tokenizer, dir, &notices));
    free(expected);
    remove_folder(dir);
    dir = folder("tokenizer.json", TOKENIZER, "tokenizer_config.json", "{", NULL);
    assert_int_equal(tokenizer_open(&tokenizer, dir, &notices), STATUS_INPUT);
    assert_non_null(strstr(status_message(), "tokenizer_config.json: not JSON"));
    remove_folder(dir);
    dir = folder("tokenizer.json", TOKENIZER, "tokenizer_config.json", "[\"x\"]", NULL);
    assert_int_equal(tokenizer_open(&tokenizer, dir, &notices), STATUS_INPUT);
    assert_non_null(strstr(status_message(), "tokenizer_config.json: it is a list, expected an object"));
    remove_folder(dir);
    assert_int_equal(tokenizer_open(&tokenizer, "/nowhere", &notices), STATUS_INPUT);
    notices_free(&notices);
}

static void assert_tekken_refused(const char *text, const char *message)
{
    char *dir = folder("tekken.json", text, NULL), *expected = memory_format("%s/tekken.json: %s", dir, message);
    Tokenizer *tokenizer = NULL;
    Notices notices = {0};
    assert_fails(STATUS_INPUT, expected, tokenizer_open(&tokenizer, dir, &notices));
    notices_free(&notices);
    free(expected);
    remove_folder(dir);
}

static void refuses_a_damaged_tekken(void **state)
{
    (void)state;
#define CONFIG "\"config\": {\"pattern\": \"a\"}"
    assert_tekken_refused("{}", "\"config.pattern\" is missing");
    assert_tekken_refused("{" CONFIG "}", "\"special_tokens\" is null, expected a list; save it once with transformers and mistral-common to get a tokenizer.json");
    assert_tekken_refused("{" CONFIG ", \"special_tokens\": []}", "\"vocab\" is null, expected a list");
    assert_tekken_refused("{\"config\": {\"pattern\": \"a\", \"default_vocab_size\": -1}, \"special_tokens\": [], \"vocab\": []}",
                          "\"config.default_vocab_size\" is not a count from 0 to 16777215");
    assert_tekken_refused("{" CONFIG ", \"special_tokens\": [{\"rank\": 1, \"token_str\": \"<s>\"}], \"vocab\": []}",
                          "an entry of \"special_tokens\" has no \"token_str\", or its \"rank\" is not one of 0 to 0");
    assert_tekken_refused("{" CONFIG ", \"special_tokens\": [{\"rank\": 0, \"token_str\": \"<s>\"}, {\"rank\": 0, \"token_str\": \"b\"}], \"vocab\": []}",
                          "two entries of \"special_tokens\" have the rank 0");
    assert_tekken_refused("{" CONFIG ", \"special_tokens\": [], \"vocab\": [{\"token_bytes\": \"YQ\"}]}", "the \"token_bytes\" of token 0 of \"vocab\" are not base64");
#undef CONFIG
}

/* Folder of a class, with files: name, text, …; `message` follows its path. */
#define assert_bare_refused(message, ...)                                                                       \
    do {                                                                                                        \
        char *dir = folder(__VA_ARGS__, NULL), *expected = memory_format("%s/%s", dir, message);                \
        Tokenizer *tokenizer = NULL;                                                                            \
        Notices notices = {0};                                                                                  \
        assert_fails(STATUS_INPUT, expected, tokenizer_open(&tokenizer, dir, &notices));                        \
        notices_free(&notices);                                                                                 \
        free(expected);                                                                                         \
        remove_folder(dir);                                                                                     \
    } while (0)

static void refuses_a_damaged_tiktoken(void **state)
{
    (void)state;
    assert_bare_refused("tiktoken.model: it has no tokens", "tiktoken.model", "\n");
    assert_bare_refused("tiktoken.model: line 3 is not a token in base64, a blank and its rank", "tiktoken.model", "YQ== 0\n\nYg==\n");
    assert_bare_refused("tiktoken.model: line 2 is not a token in base64, a blank and its rank", "tiktoken.model", "YQ== 0\nYg 1\n");
    assert_bare_refused("tiktoken.model: line 1 is not a token in base64, a blank and its rank", "tiktoken.model", " 0\n");
    assert_bare_refused("tokenizer.model: line 1 is not a token in base64, a blank and its rank", "tokenizer.model", "YQ== -1\n");
    assert_bare_refused("tokenizer.model: line 1 is not a token in base64, a blank and its rank", "tokenizer.model", "YQ== 16777216\n");
    assert_bare_refused("tokenizer.model: line 2 has the rank 0, as a token before it", "tokenizer.model", "YQ== 0\nYg== 0\n");
    assert_bare_refused("tiktoken.model: added tokens up to id 70000, but the vocabulary ends at 1", "tiktoken.model", "YQ== 0\n", "tokenizer_config.json",
                        "{\"added_tokens_decoder\": {\"70000\": {\"content\": \"x\"}}}");
    assert_bare_refused("tiktoken.model: graft does not know what a T5Tokenizer makes of a tiktoken file; save it once with transformers to get a tokenizer.json", "tiktoken.model",
                        "YQ== 0\n", "config.json", "{\"model_type\": \"t5\"}");
}

static void refuses_damaged_vocabularies(void **state)
{
    (void)state;
#define GPT2 "config.json", "{\"model_type\": \"gpt2\"}"
#define VOCAB "vocab.json", "{\"a\": 0, \"b\": 1, \"ab\": 2}"
    assert_bare_refused("vocab.json: the folder has neither tokenizer.json, tekken.json, tokenizer.model nor tiktoken.model, and of vocab.json and merges.txt a TokenizersBackend,"
                        " which its tokenizer_class and model_type stand for, makes no tokenizer; save it once with the class that it was made for to get a tokenizer.json",
                        "config.json", "{\"model_type\": \"llama\"}", VOCAB, "merges.txt", "");
    assert_bare_refused("merges.txt: No such file or directory", GPT2, VOCAB);
    assert_bare_refused("vocab.json: the vocabulary is a list, expected an object", GPT2, "vocab.json", "[]", "merges.txt", "");
    assert_bare_refused("vocab.json: the id of \"a\" in the vocabulary is not an integer from 0 to 16777215", GPT2, "vocab.json", "{\"a\": -1}", "merges.txt", "");
    assert_bare_refused("merges.txt: line 2 is not two tokens with a blank between them", GPT2, VOCAB, "merges.txt", "#version: 0.2\nab\n");
    assert_bare_refused("merges.txt: line 2 is not two tokens with a blank between them", GPT2, VOCAB, "merges.txt", "a b\r\n\n");
    assert_bare_refused("merges.txt: line 1 is not two tokens with a blank between them", GPT2, VOCAB, "merges.txt", "a b ab\n");
    assert_bare_refused("merges.txt: merge 0 is of \"a\" and \"c\", but \"c\" is not in the vocabulary", GPT2, VOCAB, "merges.txt", "a c");
    assert_bare_refused("merges.txt: not UTF-8 text", GPT2, VOCAB, "merges.txt", "\xff");
    assert_bare_refused("added_tokens.json: an added token has no content, or an id that is not from 0 to 16777215", GPT2, VOCAB, "merges.txt", "", "added_tokens.json", "{\"x\": -2}");
#undef GPT2
#undef VOCAB
}

static void mentions_what_it_passes_over(void **state)
{
    (void)state;
    char *dir = folder("tokenizer.json",
                       "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [], \"dropout\": 0.1}, \"added_tokens\": [{\"id\": 7, \"content\": \"x\"}]}", NULL);
    Tokenizer *tokenizer = NULL;
    Notices notices = {0};
    assert_ok(tokenizer_open(&tokenizer, dir, &notices));
    assert_int_equal(notices.n, 2);
    assert_non_null(strstr(notices.line[0], "\"model.dropout\" is ignored: graft always applies every merge"));
    assert_non_null(strstr(notices.line[1], "added token \"x\" says id 7; as in Hugging Face tokenizers it gets 1, the next free one"));
    assert_int_equal(tokenizer_id(tokenizer, "x"), 1);
    tokenizer_close(tokenizer);
    notices_free(&notices);
    remove_folder(dir);
}

/* Without an unknown token, a text may be refused: what it has and the vocabulary lacks. */
static void refuses_texts_without_an_unknown_token(void **state)
{
    (void)state;
    static const struct { const char *model, *message; } cases[] = {
        { "{\"model\": {\"vocab\": [[\"a\", -1], [\"b\", -2]]}}",
          "text to be tokenized: \"\xc3\xa9\" is not in the vocabulary, and the tokenizer has no unknown token (\"model.unk_id\")" },
        { "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 0, \"##b\": 1}}}",
          "text to be tokenized: a word is not in the vocabulary, nor is the unknown token \"[UNK]\" (\"model.unk_token\")" },
        { "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {\"ab\": 0}}}",
          "text to be tokenized: a word is not in the vocabulary, nor is the unknown token \"<unk>\" (\"model.unk_token\")" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *dir = folder("tokenizer.json", cases[i].model, NULL);
        Tokenizer *tokenizer = opened(dir);
        Tokens tokens = {0};
        assert_ok(tokenizer_encode(tokenizer, "ab", 2, true, &tokens));
        assert_int_equal(tokens.n, i < 2 ? 2 : 1);
        assert_fails(STATUS_INPUT, cases[i].message, tokenizer_encode(tokenizer, "ab\xc3\xa9", 4, true, &tokens));
        assert_int_equal(tokens.n, i < 2 ? 2 : 1);
        tokens_free(&tokens);
        tokenizer_close(tokenizer);
        remove_folder(dir);
    }
}

static void assert_ids(const Tokenizer *tokenizer, const char *text, const int32_t *id, int64_t n)
{
    Tokens tokens = {0};
    assert_ok(tokenizer_encode(tokenizer, text, strlen(text), false, &tokens));
    assert_int_equal(tokens.n, n);
    assert_memory_equal(tokens.id, id, (size_t)n * sizeof *id);
    tokens_free(&tokens);
}

/* As tokenizers 0.23.3 has it: what one token's rstrip took, another with lstrip does not take again. */
static void blanks_belong_to_one_token(void **state)
{
    (void)state;
    char *dir = folder("tokenizer.json", "{\"added_tokens\": [{\"id\": 5, \"content\": \"<x>\", \"rstrip\": true, \"special\": true},"
                       " {\"id\": 6, \"content\": \"\\n\\n\", \"lstrip\": true, \"special\": true}], " MODEL "}", NULL);
    Tokenizer *tokenizer = opened(dir);
    assert_ids(tokenizer, "<x>\n\nb", (int32_t[]){ 5, 1 }, 2);
    assert_ids(tokenizer, "b \n\n<x>", (int32_t[]){ 1, 6, 5 }, 3);
    tokenizer_close(tokenizer);
    remove_folder(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_come_from_the_config), cmocka_unit_test(named_tokens_are_special), cmocka_unit_test(blanks_belong_to_one_token), cmocka_unit_test(chat_templates_stand_in_four_places),
        cmocka_unit_test(a_template_for_tools_is_saved),
        cmocka_unit_test(saving_copies_even_from_a_folder_that_is_gone), cmocka_unit_test(refuses_what_it_cannot_do), cmocka_unit_test(says_what_is_missing),
        cmocka_unit_test(mentions_what_it_passes_over), cmocka_unit_test(refuses_a_damaged_tekken),
        cmocka_unit_test(refuses_a_damaged_tiktoken), cmocka_unit_test(refuses_damaged_vocabularies), cmocka_unit_test(refuses_texts_without_an_unknown_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
