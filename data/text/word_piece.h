/* WordPiece, BERT's: a pre-token is cut from the left, always the longest token that fits, looked up with a prefix ("##") where
 * it does not begin the word. A word with a rest that no token begins, or with too many code points, is unknown as a whole. */
#ifndef DATA_TEXT_WORD_PIECE_H
#define DATA_TEXT_WORD_PIECE_H
#include "data/text/token_model.h"

extern const TokenModelRow word_piece_row;

/* For vocabularies that do not come from a tokenizer.json; `model` has its vocabulary. Strings are copied. */
typedef struct { const char *unk_token, *continuing_subword_prefix; int64_t max_input_chars_per_word; } WordPieceOptions;
void             word_piece_start(TokenModel *, WordPieceOptions);
WordPieceOptions word_piece_options(const TokenModel *);

#endif
