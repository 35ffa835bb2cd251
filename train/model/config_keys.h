/* Where a model's numbers come from: one object of keys, spelled as llama spells them, whatever the file called them.
 *
 * config.json: the plain decoder's defaults, over them the family's, over them what the file says. GGUF: what llama.cpp's metadata
 * means in those keys. config.c reads only this object; messages name keys as the file does. */
#ifndef TRAIN_MODEL_CONFIG_KEYS_H
#define TRAIN_MODEL_CONFIG_KEYS_H
#include "data/file/gguf.h"
#include "data/file/json.h"
#include "train/model/family.h"

typedef struct {
    Json       *values;
    const Json *file;                  /* what they were read from; NULL for GGUF */
    const char *path;                  /* of the file, for messages */
    const Family *family;
    bool        gguf, multimodal;
} ConfigKeys;

Status config_keys_from_json(ConfigKeys *, const Json *, const char *path);
Status config_keys_from_gguf(ConfigKeys *, const Gguf *);
void   config_keys_free(ConfigKeys *);
void   config_keys_spell(const ConfigKeys *, const char *key, Buffer *out);      /* as the file calls it */

/* For both formats (config_keys.c, config_gguf.c). */
void   config_keys_start(ConfigKeys *);                                          /* values: the defaults of the family */
void   config_keys_overlay(ConfigKeys *, const char *json);                      /* every member of an object; NULL: none */
Json  *config_keys_parse(const char *json);                                      /* of our own rows: it must be right */
Status config_keys_unknown(const char *path, const char *what, const char *name, bool gguf);
void   config_keys_spell_gguf(const ConfigKeys *, const char *key, Buffer *out);

#endif
