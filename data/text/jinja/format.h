/* Python's two ways to put values into a string: "%s of %d" % (a, b) and "{} of {:>3}".format(a, b). */
#ifndef DATA_TEXT_JINJA_FORMAT_H
#define DATA_TEXT_JINJA_FORMAT_H
#include "data/text/jinja/natives.h"
#include "data/text/jinja/value.h"

Value format_percent(Work *, Value format, Value arguments);
Value format_braces(Work *, Value format, const Arguments *);

#endif
