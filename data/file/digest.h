/* SHA-256 (FIPS 180-4, by OpenSSL's libcrypto): what a thing on disk is known by, whatever it is called and wherever it lies. */
#ifndef DATA_FILE_DIGEST_H
#define DATA_FILE_DIGEST_H
#include <stddef.h>
#include <stdint.h>

typedef struct Digest Digest;
enum { DIGEST_TEXT = 65 };      /* 64 hexadecimal digits and a NUL */

Digest *digest_new(void);
/* Each part counts with its length, so "ab" + "c" is not "a" + "bc". */
void    digest_add(Digest *, const void *bytes, size_t n);
void    digest_add_text(Digest *, const char *text);            /* NULL differs from "" */
void    digest_add_number(Digest *, int64_t);
void    digest_finish(Digest *, char out[DIGEST_TEXT]);         /* and frees it */

#endif
