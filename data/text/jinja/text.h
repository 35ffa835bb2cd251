/* Python's str on UTF-8 slices: lengths, indexes and searches count code points; white space, case and printability are
 * Python's. Strings are valid UTF-8 (JSON and templates are checked when read). */
#ifndef DATA_TEXT_JINJA_TEXT_H
#define DATA_TEXT_JINJA_TEXT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/text/jinja/value.h"

/* Places in a string: `at` is a byte offset on a code point. */
size_t  text_length(Value);                              /* in code points */
size_t  text_step(Value, size_t at);                     /* bytes of the code point at `at` */
int32_t text_point(Value, size_t at);                    /* the code point itself */
size_t  text_offset(Value, size_t i);                    /* byte offset of code point i; the end when there are fewer */
Value   text_part(Value, size_t begin, size_t end);      /* bytes [begin, end); keeps markup */
size_t  text_find(Value, Value part, size_t from);       /* byte offset of the first, SIZE_MAX: none */
size_t  text_find_last(Value, Value part);

bool  text_is_space(int32_t point);
bool  text_is_printable(int32_t point);
bool  text_is_line_end(int32_t point);
bool  text_is_word(int32_t point);                       /* a letter, digit or underscore */
bool  text_has_prefix(Value, Value prefix);
bool  text_has_suffix(Value, Value suffix);

typedef enum { STRIP_LEFT = 1, STRIP_RIGHT = 2, STRIP_BOTH = 3 } StripSides;
Value text_strip(Value, StripSides, Value characters);   /* absent or None: white space */

typedef enum { CASE_UPPER, CASE_LOWER, CASE_CAPITAL, CASE_TITLE } TextCase;
Value text_case(Work *, Value, TextCase);
Value text_replace(Work *, Value, Value from, Value to, int64_t count);    /* count < 0: all */
Value text_escape(Work *, Value);                        /* & < > ' " for HTML; the result is markup */

/* Lists of parts; `limit` < 0: no limit. */
Value text_split(Work *, Value, Value separator, int64_t limit);           /* absent or None: runs of white space */
Value text_split_right(Work *, Value, Value separator, int64_t limit);
Value text_lines(Work *, Value, bool keep_ends);

/* How Python and JSON print a value. */
void  text_write(Work *, Value);                         /* str() */
void  text_write_repr(Work *, Value);                    /* repr() */
Value text_of(Work *, Value);                            /* str() as a value; a string is returned as it is */
typedef struct {
    bool  ascii, sort_keys;
    Value indent;                                        /* a string; absent: one line */
    Value item_separator, key_separator;
} TextJson;
void  text_write_json(Work *, Value, const TextJson *);

#endif
