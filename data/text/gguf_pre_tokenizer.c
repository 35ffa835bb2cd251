#include "data/text/gguf_pre_tokenizer.h"

#include <string.h>

#include "data/text/pipeline_spec.h"
#include "data/text/scanner.h"

enum { MAX_STEPS = 6 };

#define CONTRACTION "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define BLANKS      "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define CL100K(digits) CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" BLANKS
#define CASED(contraction, digits)                                                                                               \
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+" contraction                       \
    "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*" contraction                      \
    "|" digits "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" BLANKS
#define DEEPSEEK3                                                                                                                \
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|" BLANKS
#define CJK_KANA "[\\x{4E00}-\\x{9FA5}\\x{3040}-\\x{309F}\\x{30A0}-\\x{30FF}]+"
#define CJK      "[\\x{4E00}-\\x{9FA5}\\x{800}-\\x{4E00}\\x{AC00}-\\x{D7FF}]+"
#define BLOOM    " ?[^(\\s|.,!?\\x{2026}\\x{3002}\\x{FF0C}\\x{3001}\\x{964}\\x{6D4}\\x{60C})]+"
#define LETTER_CASE_KIMI(set) "[" set "&&[^\\p{Han}]]"
#define KIMI_UPPER LETTER_CASE_KIMI("\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}")
#define KIMI_LOWER LETTER_CASE_KIMI("\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}")

/* The cased letters of DeepSeek-LLM's tokenizer.json, with a blank before them. */
static const char deepseek_letters[] =
    "\\s?["
    "A-Za-z\\x{B5}\\x{C0}-\\x{D6}\\x{D8}-\\x{F6}\\x{F8}-\\x{1BA}\\x{1BC}-\\x{1BF}\\x{1C4}-\\x{293}\\x{295}-\\x{2AF}"
    "\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37B}-\\x{37D}\\x{37F}\\x{386}\\x{388}-\\x{38A}\\x{38C}\\x{38E}-\\x{3A1}"
    "\\x{3A3}-\\x{3F5}\\x{3F7}-\\x{481}\\x{48A}-\\x{52F}\\x{531}-\\x{556}\\x{10A0}-\\x{10C5}\\x{13A0}-\\x{13F5}"
    "\\x{13F8}-\\x{13FD}\\x{1C90}-\\x{1CBA}\\x{1CBD}-\\x{1CBF}\\x{1D00}-\\x{1D2B}\\x{1D6B}-\\x{1D77}\\x{1D79}-\\x{1D9A}"
    "\\x{1E00}-\\x{1F15}\\x{1F18}-\\x{1F1D}\\x{1F20}-\\x{1F45}\\x{1F48}-\\x{1F4D}\\x{1F50}-\\x{1F57}\\x{1F59}\\x{1F5B}"
    "\\x{1F5D}\\x{1F5F}-\\x{1F7D}\\x{1F80}-\\x{1FB4}\\x{1FB6}-\\x{1FBC}\\x{1FBE}\\x{1FC2}-\\x{1FC4}\\x{1FC6}-\\x{1FCC}"
    "\\x{1FD0}-\\x{1FD3}\\x{1FD6}-\\x{1FDB}\\x{1FE0}-\\x{1FEC}\\x{1FF2}-\\x{1FF4}\\x{1FF6}-\\x{1FFC}\\x{2102}\\x{2107}"
    "\\x{210A}-\\x{2113}\\x{2115}\\x{2119}-\\x{211D}\\x{2124}\\x{2126}\\x{2128}\\x{212A}-\\x{212D}\\x{212F}-\\x{2134}"
    "\\x{2139}\\x{213C}-\\x{213F}\\x{2145}-\\x{2149}\\x{214E}\\x{2183}\\x{2184}\\x{2C00}-\\x{2C7B}\\x{2C7E}-\\x{2CE4}"
    "\\x{2CEB}-\\x{2CEE}\\x{2CF2}\\x{2CF3}\\x{A640}-\\x{A66D}\\x{A680}-\\x{A69B}\\x{A722}-\\x{A76F}\\x{A771}-\\x{A787}"
    "\\x{A78B}-\\x{A78E}\\x{AB70}-\\x{ABBF}\\x{FB00}-\\x{FB06}\\x{FB13}-\\x{FB17}\\x{FF21}-\\x{FF3A}\\x{FF41}-\\x{FF5A}"
    "\\x{10400}-\\x{1044F}\\x{104B0}-\\x{104D3}\\x{104D8}-\\x{104FB}\\x{10C80}-\\x{10CB2}\\x{10CC0}-\\x{10CF2}"
    "\\x{118A0}-\\x{118DF}\\x{1E900}-\\x{1E943}"
    "]+";

enum { PLAIN, IGNORE_MERGES = 1, ADD_BOS = 2 };
typedef struct { const char *names, *step[MAX_STEPS]; int flags; } Row;
static const Row rows[] = {
    { "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2", { CL100K("\\p{N}{1,3}") }, IGNORE_MERGES | ADD_BOS },
    { "dbrx smaug-bpe chatglm-bpe", { CL100K("\\p{N}{1,3}") }, PLAIN },
    { "glm4 glm5", { CL100K("\\p{N}{1,3}") }, IGNORE_MERGES },
    { "qwen2 deepseek-r1-qwen kormo stablelm2 megrez hunyuan solar-open grok-2", { CL100K("\\p{N}") }, PLAIN },
    { "qwen35", { CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|" BLANKS }, PLAIN },
    { "seed-coder", { CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|" BLANKS }, PLAIN },
    { "minicpm5", { "\\p{N}{1,3}", CL100K("\\p{N}+") }, IGNORE_MERGES },
    { "bailingmoe bailingmoe2 llada-moe",
      { "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+" }, PLAIN },
    { "gpt-2 phi-2 jina-es jina-de gigachat a.x-4.0 mellum mpt olmo jais trillion granite-docling exaone4", { scanner_gpt2 }, PLAIN },
    { "smollm starcoder refact command-r codeshell exaone mellum2", { "\\p{N}", scanner_gpt2 }, PLAIN },
    { "minerva-7b", { "\\p{N}", scanner_gpt2 }, ADD_BOS },
    { "gpt-4o llama4 kanana2 minimax-m2", { CASED(CONTRACTION "?", "\\p{N}{1,3}") }, PLAIN },
    { "tiny_aya cohere2moe", { "\\d{1,3}(?=(?:\\d{3})*\\b)", CASED(CONTRACTION "?", "\\p{N}{1,3}") }, PLAIN },
    { "tekken", { CASED("", "\\p{N}") }, IGNORE_MERGES | ADD_BOS },
    { "kimi-k2",
      { "\\p{Han}+|[^\\r\\n\\p{L}\\p{N}]?" KIMI_UPPER "*" KIMI_LOWER "+" CONTRACTION "?|[^\\r\\n\\p{L}\\p{N}]?" KIMI_UPPER "+" KIMI_LOWER "*" CONTRACTION
        "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" BLANKS }, PLAIN },
    { "superbpe", { "\\p{N}+", "(?=(\\d{3})+(?!\\d))" }, PLAIN },
    { "deepseek-llm", { "[\\r\\n]", deepseek_letters, "\\s?[!-/:-~\\x{FF01}-\\x{FF0F}\\x{FF1A}-\\x{FF5E}\\x{2018}-\\x{201F}\\x{3000}-\\x{3002}]+", "\\s+$", CJK, "\\p{N}+" }, PLAIN },
    { "deepseek-coder", { "[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", CJK, "\\p{N}" }, PLAIN },
    { "deepseek-v3 hunyuan-dense joyai-llm hy_v4", { "\\p{N}{1,3}", CJK_KANA, DEEPSEEK3 }, PLAIN },
    { "falcon", { "[\\p{P}\\$\\+<=>\\^~\\|`]+", scanner_gpt2, "[0-9][0-9][0-9]" }, PLAIN },
    { "bloom poro-chat gpt3-finnish", { BLOOM }, PLAIN },
    { "viking", { BLOOM, "\\p{N}" }, PLAIN },
    { "default", { "[\\p{P}\\$\\+<=>\\^~\\|]+", scanner_gpt2, "\\p{N}+", "[0-9][0-9][0-9]" }, PLAIN },
};

static bool is_among(const char *names, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = names; n && (at = strstr(at, name)); at += n)
        if ((at == names || at[-1] == ' ') && (at[n] == ' ' || !at[n])) return true;
    return false;
}

static Json *sequence(const Row *row)
{
    Json *list = json_new_array();
    for (int i = 0; i < MAX_STEPS && row->step[i]; i++) json_push(list, spec_split(row->step[i]));
    json_push(list, spec_byte_level(true, false, false));
    return spec_sequence("pretokenizers", list);
}

bool gguf_pre_tokenizer(GgufPreTokenizer *out, const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!is_among(rows[i].names, name)) continue;
        *out = (GgufPreTokenizer){ sequence(&rows[i]), (rows[i].flags & IGNORE_MERGES) != 0, (rows[i].flags & ADD_BOS) != 0 };
        return true;
    }
    return false;
}
