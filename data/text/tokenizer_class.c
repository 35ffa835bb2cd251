#include "data/text/tokenizer_class.h"

#include <string.h>

#define GPT2_PARTS { "<|endoftext|>", "<|endoftext|>", NULL, "<|endoftext|>" }

static const TokenizerClass general = { .name = "TokenizersBackend", .model_types = " mistral ministral3 mistral3 phi3 olmo2 olmo3 granite glm4 stablelm nemotron ", .tiktoken = true };

static const TokenizerClass classes[] = {
    { "GPT2Tokenizer", " gpt2 opt starcoder2 phi ", GPT2_PARTS, .tiktoken = true, .split = CLASS_SPLIT_GPT2 },
    { "CodeGenTokenizer", " codegen ", GPT2_PARTS, .tiktoken = true, .split = CLASS_SPLIT_GPT2 },
    { "GPTNeoXTokenizer", " gpt_neox ", { "<|endoftext|>", "<|endoftext|>", "<|padding|>", "<|endoftext|>" }, .tiktoken = true, .split = CLASS_SPLIT_GPT2, .nfc = true },
    { "Qwen2Tokenizer", " qwen2 qwen2_moe qwen3 ", { NULL, "<|endoftext|>", "<|endoftext|>", "<|endoftext|>" }, .tiktoken = true, .split = CLASS_SPLIT_QWEN2, .nfc = true },
    { "CohereTokenizer", " cohere cohere2 ", { "<BOS_TOKEN>", "<|END_OF_TURN_TOKEN|>", "<PAD>", "<UNK>" }, .sep = "<SEP>", .cls = "<CLS>", .mask = "<MASK_TOKEN>",
      .tiktoken = true, .split = CLASS_SPLIT_DIGITS, .nfc = true },
    { "LlamaTokenizer", "", { "<s>", "</s>", NULL, "<unk>" }, .tiktoken = true },
    { "GemmaTokenizer", " gemma gemma2 gemma3 gemma3_text ", { "<bos>", "<eos>", "<pad>", "<unk>" }, .mask = "<mask>", .tiktoken = true },
    { .name = "BertTokenizer", .model_types = " bert distilbert electra ", .part = { NULL, NULL, "[PAD]", "[UNK]" } },
    { .name = "DistilBertTokenizer", .model_types = "", .part = { NULL, NULL, "[PAD]", "[UNK]" } },
    { .name = "ElectraTokenizer", .model_types = "", .part = { NULL, NULL, "[PAD]", "[UNK]" } },
    { .name = "RobertaTokenizer", .model_types = " roberta ", .part = { "<s>", "</s>", "<pad>", "<unk>" } },
    { .name = "XLMRobertaTokenizer", .model_types = " xlm-roberta ", .part = { "<s>", "</s>", "<pad>", "<unk>" } },
    { .name = "T5Tokenizer", .model_types = " t5 ", .part = { NULL, "</s>", "<pad>", "<unk>" } },
};
enum { CLASSES = sizeof classes / sizeof *classes };

/* "LlamaTokenizerFast" is a LlamaTokenizer. */
static bool is_named(const TokenizerClass *class, const char *name)
{
    size_t n = strlen(class->name);
    return !strncmp(name, class->name, n) && (!name[n] || !strcmp(name + n, "Fast"));
}

static const TokenizerClass *named(const char *name)
{
    for (int i = 0; i < CLASSES; i++)
        if (is_named(&classes[i], name)) return &classes[i];
    return &general;
}

static bool is_of(const TokenizerClass *class, const char *model_type)
{
    const char *at = model_type[0] ? strstr(class->model_types, model_type) : NULL;
    return at && at > class->model_types && at[-1] == ' ' && at[strlen(model_type)] == ' ';
}

/* NULL: transformers keeps none for it. */
static const TokenizerClass *registered(const char *model_type)
{
    if (!model_type) return NULL;
    for (int i = 0; i < CLASSES; i++)
        if (is_of(&classes[i], model_type)) return &classes[i];
    return is_of(&general, model_type) ? &general : NULL;
}

const TokenizerClass *tokenizer_class_of(const Json *config, const Json *model)
{
    const char *name = json_string(json_get(config, "tokenizer_class")), *model_type = json_string(json_get(model, "model_type"));
    const TokenizerClass *own = registered(model_type);
    if (!name) name = json_string(json_get(model, "tokenizer_class"));
    if (own == &general || (own && (!name || !strcmp(model_type, "qwen2")))) return own;
    return name ? named(name) : &general;
}
