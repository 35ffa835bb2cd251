/* Regular expressions over the names of modules, as Python's re reads them (Oniguruma, Perl's syntax): target_modules, patterns of ranks. */
#ifndef TRAIN_ADAPTER_MODULE_PATH_H
#define TRAIN_ADAPTER_MODULE_PATH_H
#include <stdbool.h>

#include "kernels/status.h"

/* Does `pattern` match the whole of `text` (re.fullmatch)? A pattern that does not compile is the user's mistake. */
Status module_path_matches(const char *pattern, const char *text, bool *matches);

#endif
