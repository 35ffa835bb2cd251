/* The regexes of GPT-2, Llama 3, Qwen 2, Phi 4, Qwen 3.5, GPT-4o, Tiny Aya and Tekken written out by hand: most models use one of
 * them, and the regex engine would take most of the time of encoding. The regex stays the definition; a test compares the two. */
#ifndef DATA_TEXT_SCANNER_H
#define DATA_TEXT_SCANNER_H
#include <stddef.h>

/* End of the match that begins at text[at], at < n. These regexes match everywhere, so the next match begins there. */
typedef size_t ScannerFn(const char *text, size_t n, size_t at);

ScannerFn *scanner_of(const char *regex);      /* NULL: only the regex engine can */

extern const char scanner_gpt2[];              /* the regex of ByteLevel */
extern const char scanner_llama3[], scanner_qwen2[];
extern const char *const scanner_regexes[];    /* all that have a scanner, then NULL */

#endif
