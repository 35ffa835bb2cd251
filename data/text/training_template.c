#include "data/text/training_template.h"

#include <stddef.h>
#include <string.h>

#include "kernels/buffer.h"

/* `find`, looked for behind the edit before, becomes `put`. */
typedef struct { const char *find, *put; } Edit;

enum { MAX_EDITS = 6 };

#define OPEN "{%- generation %}"
#define CLOSE "{%- endgeneration %}"

/* An expression that only the assistant's turns reach; one that all turns reach. */
#define MARK(print) { print, OPEN print CLOSE }
#define MARK_IF(condition, print) "{%- if " condition " %}" OPEN print CLOSE "{%- else %}" print "{%- endif %}"

/* Prints what stood in one string in two: the header, then the answer. */
#define SPLIT " }}" OPEN "{{- "

#define ASSISTANT "message['role'] == 'assistant'"
#define AFTER_ASSISTANT "loop.index0 and messages[loop.index0 - 1].role == 'assistant'"
#define END "{{- '<|im_end|>\\n' }}"

/* Cohere: the answer and <|END_OF_TURN_TOKEN|>, which Cohere 2 writes once behind all roles. */
static const Edit cohere[MAX_EDITS] = {
    { "  + content.strip() + '<|END_OF_TURN_TOKEN|>' }}", SPLIT "content.strip() + '<|END_OF_TURN_TOKEN|>' }}" CLOSE },
};
static const Edit cohere2[MAX_EDITS] = {
    { "<|START_RESPONSE|>{{ message['content'] }}<|END_RESPONSE|>",
      "<|START_RESPONSE|>" OPEN "{{ message['content'] }}<|END_RESPONSE|><|END_OF_TURN_TOKEN|>" CLOSE },
    { "{% endif %}<|END_OF_TURN_TOKEN|>", "{% endif %}{% if role != 'assistant' and role != 'chatbot' %}<|END_OF_TURN_TOKEN|>{% endif %}" },
};

/* DeepSeek: as in TRL, the header <｜Assistant｜> is inside. */
#define DEEPSEEK_ANSWERS \
    MARK("{{'<｜tool▁outputs▁end｜>' + message['content'] + '<｜end▁of▁sentence｜>'}}"), \
    MARK("{{'<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>'}}")
#define DEEPSEEK_CALLS_END "{{'<｜tool▁calls▁end｜><｜end▁of▁sentence｜>'}}"
static const Edit deepseek_r1_distill[MAX_EDITS] = {
    { "{%- for tool in message['tool_calls']%}", OPEN "{%- for tool in message['tool_calls']%}" },
    { DEEPSEEK_CALLS_END "{%- endif %}{%- endfor %}", DEEPSEEK_CALLS_END "{%- endif %}{%- endfor %}" CLOSE },
    DEEPSEEK_ANSWERS,
};
static const Edit deepseek_v3[MAX_EDITS] = {
    { "{%- for tool in message['tool_calls'] %}", OPEN "{%- for tool in message['tool_calls'] %}" },
    { DEEPSEEK_CALLS_END, DEEPSEEK_CALLS_END CLOSE },
    DEEPSEEK_ANSWERS,
};

/* Gemma: the answer and <end_of_turn>; DiffusionGemma: thinking, calls and <turn|> too, but no result of a tool. */
static const Edit gemma[MAX_EDITS] = {
    { "'\n' + message['content'] | trim + '<end_of_turn>\n' }}",
      "'\n' }}{%- set said = message['content'] | trim + '<end_of_turn>\n' %}" MARK_IF(ASSISTANT, "{{ said }}") },
};
static const Edit gemma3[MAX_EDITS] = {
    { "{%- if message['content'] is string -%}\n        {{ message['content'] | trim }}",
      "{%- set said -%}{%- if message['content'] is string -%}\n        {{ message['content'] | trim }}" },
    { "{{ '<end_of_turn>\n' }}", "{{ '<end_of_turn>\n' }}{%- endset -%}" MARK_IF(ASSISTANT, "{{ said }}") },
};
static const Edit diffusion_gemma[MAX_EDITS] = {
    MARK("{{- '<|channel>thought\\n' + thinking_text + '\\n<channel|>' -}}"),
    { "{{- '<|tool_call>call:'", OPEN "{{- '<|tool_call>call:'" },
    { "{{- '}<tool_call|>' -}}", "{{- '}<tool_call|>' -}}" CLOSE },
    { "{{- captured_content -}}", MARK_IF("role == 'model'", "{{- captured_content -}}") },
    { "{{- '<turn|>\\n' -}}", MARK_IF("role == 'model'", "{{- '<turn|>\\n' -}}") },
};

/* GLM 4 ends a turn with the header of the next one. */
static const Edit glm4_moe[MAX_EDITS] = {
    { "{%- if m.role == 'user' -%}<|user|>", "{%- if m.role == 'user' -%}" MARK_IF(AFTER_ASSISTANT, "{{- '<|user|>' }}") "{{- '' }}" },
    { "{%- if loop.index0 > ns.last_user_index", OPEN "{%- if loop.index0 > ns.last_user_index" },
    { "{% endif %}\n{%- elif m.role == 'tool' -%}", "{% endif %}" CLOSE "\n{%- elif m.role == 'tool' -%}" },
    { "{{- '<|observation|>' }}", MARK_IF(AFTER_ASSISTANT, "{{- '<|observation|>' }}") },
    { "<|observation|>{% for tr", MARK_IF(AFTER_ASSISTANT, "{{- '<|observation|>' }}") "{% for tr" },
    { "<|system|>", MARK_IF(AFTER_ASSISTANT, "{{- '<|system|>' }}") "{{- '' }}" },
};

/* gpt-oss and Muse Glimmer: whole messages of the assistant, their headers included. */
static const Edit gpt_oss[MAX_EDITS] = {
    { "{%- if \"tool_calls\" in message %}", OPEN "{%- if \"tool_calls\" in message %}" },
    { "{%- elif message.role == 'tool' -%}", CLOSE "{%- elif message.role == 'tool' -%}" },
};
static const Edit muse_glimmer[MAX_EDITS] = {
    { "{%- elif role == 'assistant' -%}", "{%- elif role == 'assistant' -%}" OPEN },
    { "    {%- endif -%}\n{%- endfor -%}", CLOSE "{%- endif -%}\n{%- endfor -%}" },
};

/* Idefics 3 and SmolVLM: behind "Assistant:". */
static const Edit idefics3[MAX_EDITS] = {
    { "{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}",
      "{{':'}}{% set said %}{% if message['content'][0]['type'] != 'image' %}{{' '}}{% endif %}" },
    { "<end_of_utterance>\n", "<end_of_utterance>\n{% endset %}" MARK_IF(ASSISTANT, "{{ said }}") },
};

static const Edit lfm2[MAX_EDITS] = {
    { "{{- content + \"<|im_end|>\\n\" -}}", MARK_IF(ASSISTANT, "{{- content + \"<|im_end|>\\n\" -}}") },
};
static const Edit lfm2_tools[MAX_EDITS] = {
    { "{%- if content and content != \"null\" -%}", OPEN "{%- if content and content != \"null\" -%}" },
    { "{{- \"<|im_end|>\\n\" -}}", "{{- \"<|im_end|>\\n\" -}}" CLOSE },
    { "{{- content + \"<|im_end|>\\n\" -}}", MARK_IF(ASSISTANT, "{{- content + \"<|im_end|>\\n\" -}}") },
};

static const Edit llama3[MAX_EDITS] = {
    { "'+ message['content'] | trim + '<|eot_id|>' %}", "' %}{% set said = message['content'] | trim + '<|eot_id|>' %}" },
    { "{{ content }}", "{{ content }}" MARK_IF(ASSISTANT, "{{ said }}") },
};
static const Edit llava_next[MAX_EDITS] = {
    { "{{ ' ' + message['content'][0]['text'] + '</s> '}}", OPEN "{{ ' ' + message['content'][0]['text'] + '</s>' }}" CLOSE "{{ ' ' }}" },
};

static const Edit nemotron3[MAX_EDITS] = {
    { "{{- '<|im_start|>assistant\\n' }}\n                {%- set include_content",
      "{{- '<|im_start|>assistant\\n' }}" OPEN "\n                {%- set include_content" },
    { END, END CLOSE },
    { " ~ (content | default('', true) | string | trim) ~ '<|im_end|>\\n' }}",
      SPLIT "(content | default('', true) | string | trim) ~ '<|im_end|>\\n' }}" CLOSE },
    { " ~ c ~ '<|im_end|>\\n' }}", SPLIT "c ~ '<|im_end|>\\n' }}" CLOSE },
    { "<|im_end|>\\n' }}", "'" SPLIT "'<|im_end|>\\n' }}" CLOSE },
};

/* Phi 3: where the conversation ends with the assistant, the eos token behind it too. */
static const Edit phi3[MAX_EDITS] = {
    { "<|assistant|>\n' + message['content'] + '<|end|>\n'}}", "<|assistant|>\n'" SPLIT "message['content'] + '<|end|>\n'}}" CLOSE },
    { "{{ eos_token }}", MARK_IF("messages and messages[-1]['role'] == 'assistant'", "{{ eos_token }}") },
};

/* Qwen 2.5: as in TRL, the newline of the header is inside, for a turn of calls alone has it before them. */
static const Edit qwen2_5[MAX_EDITS] = {
    { " or (message.role == \"assistant\" and not message.tool_calls) %}", " %}" },
    { "{{- '<|im_start|>' + message.role }}\n        {%- if message.content %}",
      "{{- '<|im_start|>' + message.role }}" OPEN "{%- if message.content or not message.tool_calls %}" },
    { END, END CLOSE },
};
static const Edit qwen2_5_vl[MAX_EDITS] = {
    { "{% if message['content'] is string %}", "{% set said %}{% if message['content'] is string %}" },
    { "{% endif %}{% endfor %}{% if add_generation_prompt %}",
      "{% endif %}{% endset %}" MARK_IF(ASSISTANT, "{{ said }}") "{% endfor %}{% if add_generation_prompt %}" },
};
#define QWEN_HEADER "{{- '<|im_start|>' + message.role + '\\n' }}"
#define QWEN_THOUGHT { "{{- '<|im_start|>' + message.role + '\\n<think>", "{{- '<think>" }
#define QWEN_CONTENT { "{{- '<|im_start|>' + message.role + '\\n' + content }}", "{{- content }}" }
static const Edit qwen3[MAX_EDITS] = {
    { "{%- if loop.index0 > ns.last_query_index %}", QWEN_HEADER OPEN "{%- if loop.index0 > ns.last_query_index %}" },
    QWEN_THOUGHT, QWEN_CONTENT, QWEN_CONTENT,
    { END, END CLOSE },
};
static const Edit qwen3_instruct[MAX_EDITS] = {
    { "{{- '<|im_start|>' + message.role + '\\n' + content }}", QWEN_HEADER OPEN "{{- content }}" },
    { END, END CLOSE },
};
static const Edit qwen3_vl[MAX_EDITS] = {
    { "{%- elif message.role == \"assistant\" %}\n        " QWEN_HEADER, "{%- elif message.role == \"assistant\" %}\n        " QWEN_HEADER OPEN },
    { END, END CLOSE },
};
static const Edit qwen3_5[MAX_EDITS] = {
    { "{%- set reasoning_content = reasoning_content|trim %}", "{%- set reasoning_content = reasoning_content|trim %}" QWEN_HEADER OPEN },
    QWEN_THOUGHT, QWEN_CONTENT,
    { END, END CLOSE },
};

static const struct { uint64_t fingerprint; const char *family; const Edit *edits; } known[] = {
    { 0x16913247e5fddff9u, "Cohere (Command R, Aya)", cohere },
    { 0xf555a55beeb28eeeu, "Cohere 2 (Command R7B)", cohere2 },
    { 0x845fdf813c637ee2u, "DeepSeek R1 distill", deepseek_r1_distill },
    { 0x4526f885d718fa95u, "DeepSeek V3", deepseek_v3 },
    { 0x99f17d41517c751bu, "DiffusionGemma", diffusion_gemma },
    { 0x5c10ee65212d93b3u, "Gemma, Gemma 2", gemma },
    { 0xd19b6ff3a49deea5u, "Gemma 3", gemma3 },
    { 0x5f4dd018f4521bc9u, "GLM 4 MoE", glm4_moe },
    { 0x5da66262d54a9064u, "gpt-oss", gpt_oss },
    { 0x2750467898fc405au, "Idefics 3", idefics3 },
    { 0x7faef5d8e49cf520u, "LFM2", lfm2 },
    { 0x8f22102d7794bb85u, "LFM2 with tool calls", lfm2_tools },
    { 0x0e60067a5537498eu, "Llama 3", llama3 },
    { 0xce7749786d3ffecdu, "LLaVA-NeXT", llava_next },
    { 0x0013f5281245d230u, "Muse Glimmer", muse_glimmer },
    { 0x7056fcc5115fe4c9u, "Nemotron 3 Nano", nemotron3 },
    { 0x0705315174620708u, "Nemotron 3 Super", nemotron3 },
    { 0x30fa1947e9ca3dabu, "Nemotron 3 Ultra", nemotron3 },
    { 0xe024b304c346f44du, "Nemotron 3.5 Lightning", nemotron3 },
    { 0xecebdb26677c663du, "Phi 3", phi3 },
    { 0xcf278cde387a54c8u, "Phi 3.5", phi3 },
    { 0xe642ce246d7f2e3du, "Qwen 2.5", qwen2_5 },
    { 0x71242f76359e71e8u, "Qwen 2 VL, Qwen 2.5 VL", qwen2_5_vl },
    { 0x959a4551391a6549u, "Qwen 3", qwen3 },
    { 0x3751fe8ea48448abu, "Qwen 3 Instruct 2507", qwen3_instruct },
    { 0x99ac253185d6f7c1u, "Qwen 3 VL", qwen3_vl },
    { 0x407bbcdeb62737b7u, "Qwen 3.5 without thinking", qwen3_5 },
    { 0xf07c510f47fbaca0u, "Qwen 3.5", qwen3_5 },
    { 0x8ae3a8bc6e68f114u, "Qwen 3.6", qwen3_5 },
    { 0x8b6b0871c5db260bu, "Qwen 3.8", qwen3_5 },
    { 0x92cf2b51e627e013u, "SmolVLM", idefics3 },
};

uint64_t training_template_fingerprint(const char *source)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *source; source++) hash = (hash ^ (uint8_t)*source) * 0x100000001b3u;
    return hash;
}

static char *edited(const char *source, const Edit *edits)
{
    Buffer out = {0};
    for (int i = 0; i < MAX_EDITS && edits[i].find; i++) {
        const char *at = strstr(source, edits[i].find);
        if (!at) {                       /* another template with the same fingerprint */
            buffer_free(&out);
            return NULL;
        }
        buffer_add(&out, source, (size_t)(at - source));
        buffer_add_string(&out, edits[i].put);
        source = at + strlen(edits[i].find);
    }
    buffer_add_string(&out, source);
    return buffer_take(&out);
}

char *training_template(const char *source, const char **family)
{
    uint64_t fingerprint = training_template_fingerprint(source);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].fingerprint != fingerprint) continue;
        *family = known[i].family;
        return edited(source, known[i].edits);
    }
    return NULL;
}
