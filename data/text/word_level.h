/* WordLevel: a pre-token is a token, or unknown. */
#ifndef DATA_TEXT_WORD_LEVEL_H
#define DATA_TEXT_WORD_LEVEL_H
#include "data/text/token_model.h"

extern const TokenModelRow word_level_row;

#endif
