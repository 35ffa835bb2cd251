/* Unicode normal forms (UAX #15) of a text that knows its origin. The decompositions are utf8proc's, limited to the code points
 * that the reference's older table knows; what a composed code point stands for is the reference's choice: the first of
 * the code points that it took in. */
#ifndef DATA_TEXT_NORMAL_FORM_H
#define DATA_TEXT_NORMAL_FORM_H
#include "data/text/aligned.h"

typedef enum { NFC, NFD, NFKC, NFKD } NormalForm;

void normal_form_add(Aligned *out, const Aligned *text, size_t begin, size_t end, NormalForm);

#endif
