/* Training templates: a model's own chat template with {% generation %} around what the assistant writes.
 *
 * assistant_only_loss asks which text the assistant wrote; most released templates do not say. For the families for which TRL 1.16
 * brings a training template, graft knows where the marks belong. A training template is kept as a few edits of the model's own
 * template, not as a second text: so what it renders is, by construction, the model's own text, and the file stays small.
 *
 * Which text is marked is what TRL marks: the answer with its thinking and tool calls, and the token that ends the turn; the
 * header that a generation prompt would give is outside. Where TRL's template also changes the text (it writes an empty thinking
 * block into every earlier turn of Qwen 3 … 3.8, keeps the reasoning of all turns of DeepSeek R1 distills, quotes DeepSeek V3's
 * arguments a second time, and ends GLM 4's last turn with <|user|>), graft keeps the model's own: that is what the model reads when it is
 * used.
 *
 * A template is recognised by its whole content, as in TRL; line ends and one final newline do not count, as they do not in Jinja. */
#ifndef DATA_TEXT_TRAINING_TEMPLATE_H
#define DATA_TEXT_TRAINING_TEMPLATE_H
#include <stdint.h>

/* The template with its marks, for the caller to free, and `family`, a name for people; NULL when it is not a known one. `source` has
 * line ends \n and no final newline. */
char *training_template(const char *source, const char **family);

/* What a template is known by: FNV-1a of its text. */
uint64_t training_template_fingerprint(const char *source);

#endif
