/* What a Tokenizer is made of; for the files that fill, use and save it. */
#ifndef DATA_TEXT_TOKENIZER_PARTS_H
#define DATA_TEXT_TOKENIZER_PARTS_H
#include "data/file/json.h"
#include "data/file/mapped.h"
#include "data/text/added_tokens.h"
#include "data/text/decoder.h"
#include "data/text/token_model.h"
#include "data/text/normalizer.h"
#include "data/text/post_processor.h"
#include "data/text/pre_tokenizer.h"
#include "data/text/tokenizer.h"
#include "data/text/tokenizer_class.h"

/* A file that travels with the adapter. It stays open, so it can be saved even if the folder is gone by then. */
typedef struct { char *name; Mapped file; } SavedFile;

struct Tokenizer {
    TokenModel          model;
    AddedTokens    added;
    Normalizer    *normalizer;
    PreTokenizer  *pre_tokenizer;
    PostProcessor  post_processor;
    Decoder       *decoder;
    char          *part[TOKEN_PARTS];
    char          *chat_template, *tool_template;
    SavedFile     *saved;
    int            n_saved, cap_saved;
    Json          *pipeline;      /* from other files: a tokenizer.json without its vocabulary; else NULL */
};

/* Where a model folder keeps its chat templates, each in a file of its own. */
#define CHAT_TEMPLATE_FILE "chat_template.jinja"
#define CHAT_TEMPLATE_FOLDER "additional_chat_templates"
#define TOOL_TEMPLATE_FILE CHAT_TEMPLATE_FOLDER "/tool_use.jinja"

/* The components of a tokenizer.json around the model, which is already there. */
Status tokenizer_read_pipeline(Tokenizer *, const Json *root, const char *file, Notices *);

Status tokenizer_open_gguf(Tokenizer *, const char *path, Notices *);

/* What stands beside a folder's vocabulary; NULL: no such file. {0} may be closed. */
typedef struct { const char *dir; Json *tokenizer, *map, *model; const TokenizerClass *class; } FolderConfig;

/* Reads it, and the chat templates. */
Status folder_config_open(FolderConfig *, Tokenizer *, const char *dir);
void   folder_config_close(FolderConfig *);

/* Parts and further special tokens, for a tokenizer that is complete without. */
Status folder_config_apply(const FolderConfig *, Tokenizer *);

/* A folder's files. With a whole tokenizer: SentencePiece, and Mistral's tekken.json. */
Status tokenizer_open_sentence_piece(Tokenizer *, const char *path, const FolderConfig *, Notices *);
Status tokenizer_open_tekken(Tokenizer *, const char *path, const FolderConfig *, Notices *);

/* With a vocabulary alone, so that the class decides the rest: tiktoken's, and vocab.json with merges.txt beside it. */
Status tokenizer_open_tiktoken(Tokenizer *, const char *path, const FolderConfig *, Notices *);
Status tokenizer_open_vocab_merges(Tokenizer *, const char *path, const FolderConfig *, Notices *);
bool   tokenizer_is_tiktoken(const char *path);      /* of a file named as SentencePiece's */

#endif
