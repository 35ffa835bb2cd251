/* A command's keys as data. One row of a table says all about a key: name, type, place in the command's struct, default,
 * allowed values, meaning, or why graft refuses or ignores it. Parsing, checking, help text and the JSON of a recipe all
 * read that row, so a new key is one row and one field.
 *
 * A value comes from a flag (`--key value`, `--key=value`, `--key` alone for true, `--no_key` for false) or from the JSON
 * or YAML file named by --config; flags override the file, the file overrides defaults. Dashes in a flag's name are
 * underscores. A list is separated by spaces or commas, or is JSON; an object is JSON. The same key with two different
 * values in one place is an error, also when one of them is another spelling of it. */
#ifndef TRAIN_KEYS_H
#define TRAIN_KEYS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "data/file/json.h"
#include "kernels/notices.h"
#include "kernels/status.h"

typedef enum { MAYBE_NO, MAYBE_YES, MAYBE_UNSET } Maybe;           /* a bool that may be null */

typedef struct {
    char  **item;
    int     n;
    bool    pattern;             /* given as one string: a regular expression or a name like all-linear */
} Words;                         /* null: n 0 */

typedef struct { int64_t *item; int n; } Integers;                 /* null: n 0 */

typedef enum {                   /* field in the command's struct */
    KEY_ANY,                     /* none: a key that is ignored, refused or another's spelling */
    KEY_BOOL,                    /* bool */
    KEY_MAYBE,                   /* Maybe */
    KEY_INTEGER,                 /* int64_t */
    KEY_REAL,                    /* double */
    KEY_NUMBER,                  /* double, written as an integer when it is whole */
    KEY_STRING,                  /* char *, null: NULL */
    KEY_ENUM,                    /* an enum that counts `names` from 0 */
    KEY_WORDS,                   /* Words, from a list */
    KEY_PATTERN,                 /* Words, from a list or one string */
    KEY_INTEGERS,                /* Integers, from a list or one integer */
    KEY_OBJECT,                  /* Json *, null: NULL */
    KEY_INTEGER_MAP,             /* Json *, an object of integers in min..max */
    KEY_REAL_MAP,                /* Json *, an object of numbers in min..max */
    KEY_JSON,                    /* Json *, any value, checked by who reads it; null: NULL */
} KeyType;

typedef enum {
    KEY_READ,                    /* fills a field */
    KEY_CONFIG,                  /* names the file that is read beneath the flags */
    KEY_ALIAS,                   /* another spelling of `to` */
    KEY_OLD,                     /* the same, with a notice; with a type of its own it is checked as that first, then `same` */
    KEY_IGNORED,                 /* accepted with a notice, silently with a neutral value */
    KEY_REFUSED,                 /* an error, except with a neutral value */
} KeyStatus;

typedef struct {
    const char *name;
    KeyStatus   status;
    KeyType     type;
    size_t      offset;
    const char *fallback;        /* KEY_READ: the default, as JSON. Ignored, refused: the neutral values, as JSON, "|" between */
    double      min, max;        /* inclusive; both 0: any */
    bool        above, below;    /* more than min, less than max: not equal */
    bool        nullable;
    double      null;            /* what a null bool, number or enum is stored as */
    bool        path_or_true;    /* a string that may be true: stored as "true"; false is null */
    const char *const *names;    /* KEY_ENUM: the values, NULL behind the last */
    const char *same;            /* values renamed: "wsd=warmup_stable_decay|..." */
    const char *later;           /* values of the peers that graft does not support, "|" between */
    const char *why;             /* the sentence for those */
    const char *to;              /* KEY_ALIAS, KEY_OLD */
    const char *group;           /* heading in the help; a row without one stands under the row before */
    const char *meaning;         /* for the help; ignored, refused: the reason */
} Key;

typedef struct {
    const char *command;         /* "graft sft": for messages */
    const char *usage;           /* the first lines of its help */
    const char *positional;      /* the key that an argument without a flag fills; NULL: there is none */
    const Key  *key;
    int         n;
} Keys;

/* Fills `target` (zeroed before, or just freed) with defaults, file and flags. `given` gets an object of the keys that
 * were set by file or flags, under their names in the table; the caller frees it. On failure `target` and `given` are {0}. */
Status keys_parse(const Keys *, void *target, Json **given, int argc, char **argv, Notices *);

/* The same from an object alone, named `where` in messages. */
Status keys_read(const Keys *, void *target, Json **given, const Json *object, const char *where, Notices *);

bool   keys_want_help(int argc, char **argv);            /* --help or -h is among the arguments */
void   keys_help(const Keys *, FILE *);                  /* at most 100 columns */
Json  *keys_to_json(const Keys *, const void *target);   /* every key that fills a field, in the table's order */
void   keys_free(const Keys *, void *target);            /* what the fields own; the struct is {0} in these fields after */

#endif
