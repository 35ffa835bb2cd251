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

/* Parts, chat template and further special tokens of a model folder; files that do not exist are passed over. */
Status tokenizer_read_config(Tokenizer *, const char *dir);

Status tokenizer_open_gguf(Tokenizer *, const char *path, Notices *);

/* A SentencePiece file; `config`: the folder's tokenizer_config.json, or NULL. */
Status tokenizer_open_sentence_piece(Tokenizer *, const char *path, const Json *config, Notices *);

/* Mistral's tekken.json. */
Status tokenizer_open_tekken(Tokenizer *, const char *path, Notices *);

#endif
