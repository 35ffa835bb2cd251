/* Bytes that grow: the text of a template, a JSON file, a line for the terminal. Always NUL-terminated behind `len`,
 * so `data` is a C string once anything was added ({0} has data NULL). */
#ifndef KERNELS_BUFFER_H
#define KERNELS_BUFFER_H
#include <stddef.h>

typedef struct { char *data; size_t len, cap; } Buffer;

void buffer_add(Buffer *, const void *bytes, size_t n);
void buffer_add_string(Buffer *, const char *text);
void buffer_add_char(Buffer *, char c);
void buffer_format(Buffer *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buffer_clear(Buffer *);                 /* keeps the room */
char *buffer_take(Buffer *);                 /* the string, now the caller's to free; the buffer is empty again; never NULL */
void buffer_free(Buffer *);

#endif
