/* What the reference (the `tokenizers` package) knows of code points. Its regex engine carries Unicode 16, its other parts
 * other versions; unicode_table.c is made by asking it about every code point, so equality does not hang on the age of the
 * system's libraries. */
#ifndef DATA_TEXT_UNICODE_H
#define DATA_TEXT_UNICODE_H
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    CATEGORY_CN, CATEGORY_LU, CATEGORY_LL, CATEGORY_LT, CATEGORY_LM, CATEGORY_LO, CATEGORY_MN, CATEGORY_MC, CATEGORY_ME,
    CATEGORY_ND, CATEGORY_NL, CATEGORY_NO, CATEGORY_PC, CATEGORY_PD, CATEGORY_PS, CATEGORY_PE, CATEGORY_PI, CATEGORY_PF, CATEGORY_PO,
    CATEGORY_SM, CATEGORY_SC, CATEGORY_SK, CATEGORY_SO, CATEGORY_ZS, CATEGORY_ZL, CATEGORY_ZP, CATEGORY_CC, CATEGORY_CF, CATEGORY_CO, CATEGORY_CS,
} Category;

/* Sets of categories. */
#define IN(category) (1u << CATEGORY_##category)
enum {
    CATEGORIES_L = IN(LU) | IN(LL) | IN(LT) | IN(LM) | IN(LO),
    CATEGORIES_M = IN(MN) | IN(MC) | IN(ME),
    CATEGORIES_N = IN(ND) | IN(NL) | IN(NO),
    CATEGORIES_P = IN(PC) | IN(PD) | IN(PS) | IN(PE) | IN(PI) | IN(PF) | IN(PO),
    CATEGORIES_S = IN(SM) | IN(SC) | IN(SK) | IN(SO),
    CATEGORIES_C = IN(CN) | IN(CC) | IN(CF) | IN(CO) | IN(CS),
};

Category unicode_category(uint32_t code);
static inline bool unicode_is(uint32_t code, unsigned categories) { return categories >> unicode_category(code) & 1; }
bool     unicode_is_space(uint32_t code);           /* White_Space: the regexes' \s too */
bool     unicode_is_word(uint32_t code);            /* \w of the reference's second regex engine: single_word, Whitespace */
bool     unicode_is_numeric(uint32_t code);         /* Digits */
bool     unicode_is_punctuation(uint32_t code);     /* Punctuation */
bool     unicode_is_accent(uint32_t code);          /* StripAccents drops it */
bool     unicode_is_nonspacing(uint32_t code);      /* BertNormalizer's strip_accents drops it */
bool     unicode_is_control(uint32_t code);         /* BertNormalizer's clean_text drops it */
bool     unicode_is_joining(uint32_t code);         /* in one grapheme cluster with the letter before it */
bool     unicode_is_prepending(uint32_t code);      /* … with the letter after it */
unsigned unicode_script(uint32_t code);             /* UnicodeScripts; 0: goes with every script */
bool     unicode_is_normalizing(uint32_t code);     /* a normal form changes it, or moves it among marks */
int      unicode_lower(uint32_t code, uint32_t lower[2]);   /* how many code points: 1 or 2 */

/* Generated. Ranges are pairs (first, last) in ascending order; counts are of numbers. */
extern const uint32_t unicode_category_runs[], unicode_han[], unicode_word[], unicode_numeric[], unicode_punctuation[],
    unicode_normalizing[], unicode_lower_cases[], unicode_accents[], unicode_nonspacing[], unicode_control[], unicode_joining[], unicode_prepending[],
    unicode_script_runs[];
extern const int unicode_category_runs_count, unicode_han_count, unicode_word_count, unicode_numeric_count,
    unicode_punctuation_count, unicode_normalizing_count, unicode_lower_cases_count, unicode_accents_count, unicode_nonspacing_count,
    unicode_control_count, unicode_joining_count, unicode_prepending_count, unicode_script_runs_count;

#endif
