/* Short forms for the rows of a table of keys. FIELD needs RECORD defined as the struct that is filled. */
#ifndef TRAIN_KEY_ROWS_H
#define TRAIN_KEY_ROWS_H
#include <math.h>

#include "train/keys.h"

#define FIELD(field, kind, fallback_) .name = #field, .type = kind, .offset = offsetof(RECORD, field), .fallback = fallback_
#define AT_LEAST(least)     .min = (least), .max = INFINITY
#define MORE_THAN(least)    .min = (least), .max = INFINITY, .above = true
#define OR_NULL(stored)     .nullable = true, .null = (stored)

#define ALIAS(name_, to_)              { .name = name_, .status = KEY_ALIAS, .to = to_ }
#define OLD(name_, to_)                { .name = name_, .status = KEY_OLD, .to = to_ }
#define IGNORED(name_, neutral, why_)  { .name = name_, .status = KEY_IGNORED, .fallback = neutral, .nullable = true, .meaning = why_ }
#define REFUSED(name_, neutral, why_)  { .name = name_, .status = KEY_REFUSED, .fallback = neutral, .nullable = true, .meaning = why_ }

#endif
