/* Oniguruma, the engine that the reference uses, with the reference's Unicode 16 properties: the system's library may be
 * years older and call newer letters unassigned. \p{L}, \p{Lu}, \p{N}, \p{Han}, … and \d, \w are given the generated tables; \b,
 * \p{Cn}, other scripts and case folding stay the library's own. */
#ifndef DATA_TEXT_REGEX_H
#define DATA_TEXT_REGEX_H
#include <stdbool.h>
#include <stddef.h>

#include "kernels/status.h"

typedef struct Regex Regex;

Status regex_open(Regex **, const char *pattern, const char *where);      /* `where` names file and key in messages */
void   regex_close(Regex *);                                              /* accepts NULL */

/* The first match in text[from..n); *begin is n + 1 when there is none. `^`, `$` and looks ahead see all of text[0..n).
 * STATUS_INPUT when the pattern takes too many steps on this text. */
Status regex_search(const Regex *, const char *text, size_t n, size_t from, size_t *begin, size_t *end);

#endif
