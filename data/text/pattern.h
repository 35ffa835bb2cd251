/* Regular expressions over names, as Python's re reads them (Oniguruma, Perl's syntax): module paths, patterns of ranks. */
#ifndef DATA_TEXT_PATTERN_H
#define DATA_TEXT_PATTERN_H
#include <stdbool.h>

#include "kernels/status.h"

/* Does `pattern` match the whole of `text` (re.fullmatch)? A pattern that does not compile is the user's mistake. */
Status pattern_matches(const char *pattern, const char *text, bool *matches);

#endif
