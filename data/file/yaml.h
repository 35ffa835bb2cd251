/* YAML read into a Json: mappings, sequences and scalars, the part that JSON can say. libyaml parses; scalars are resolved as
 * PyYAML's SafeLoader does (YAML 1.1: yes, on, 0x1F, 1_000, 1:30, ~), but for what users mean and PyYAML gives otherwise:
 *
 *   1e-4, 1.5e4, -.5   numbers (strings in PyYAML, which wants a dot, a sign behind e, and no sign before a dot); a revision
 *                      such as 12e4567 needs quotes
 *   2024-01-31         a string (a date in PyYAML)
 *   a key              its text, whatever it would mean as a value: `on: 1` has the key "on"
 *
 * Anchors, aliases and merge keys (<<) work; what they expand to is bounded. Refused, with line and column: a key that stands twice, several
 * documents, tags beyond the core ones, integers beyond 2^53, NUL characters. An empty document is null. */
#ifndef DATA_FILE_YAML_H
#define DATA_FILE_YAML_H
#include <stddef.h>

#include "data/file/json.h"
#include "kernels/status.h"

/* `name` is what messages call the document. */
Status yaml_parse(Json **, const char *name, const char *bytes, size_t n);
Status yaml_read(Json **, const char *path);

#endif
