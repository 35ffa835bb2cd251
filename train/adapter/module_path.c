#include "train/adapter/module_path.h"

#include <oniguruma.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

Status module_path_matches(const char *pattern, const char *text, bool *matches)
{
    char *whole = memory_format("(?:%s)\\z", pattern);
    regex_t *regex = NULL;
    OnigErrorInfo info;
    const OnigUChar *from = (const OnigUChar *)whole, *subject = (const OnigUChar *)text;
    int code = onig_new(&regex, from, from + strlen(whole), ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, ONIG_SYNTAX_PERL_NG, &info);
    Status status = STATUS_OK;
    if (code == ONIG_NORMAL) {
        int length = onig_match(regex, subject, subject + strlen(text), subject, NULL, ONIG_OPTION_NONE);
        *matches = length >= 0;
        if (length < ONIG_MISMATCH) status = fail(STATUS_INPUT, "regular expression \"%s\": takes too long on \"%s\"", pattern, text);
        onig_free(regex);
    } else {
        OnigUChar why[ONIG_MAX_ERROR_MESSAGE_LEN];
        onig_error_code_to_str(why, code, &info);
        status = fail(STATUS_INPUT, "regular expression \"%s\": %s", pattern, (char *)why);
    }
    free(whole);
    return status;
}
