/* The formats that row_file.c's table names, one file each. */
#ifndef DATA_SET_FORMAT_FORMATS_H
#define DATA_SET_FORMAT_FORMATS_H
#include "data/set/row_file.h"

extern const RowFormat row_format_csv, row_format_json, row_format_parquet, row_format_text;

#endif
