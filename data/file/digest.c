#include "data/file/digest.h"

#include <openssl/evp.h>
#include <string.h>

#include "kernels/status.h"


static EVP_MD_CTX *context(Digest *digest) { return (EVP_MD_CTX *)digest; }

Digest *digest_new(void)
{
    EVP_MD_CTX *made = EVP_MD_CTX_new();
    CHECK(made && EVP_DigestInit_ex(made, EVP_sha256(), NULL), "libcrypto has no SHA-256");
    return (Digest *)made;
}

void digest_add(Digest *digest, const void *bytes, size_t n)
{
    uint64_t length = n;
    CHECK(EVP_DigestUpdate(context(digest), &length, sizeof length) && EVP_DigestUpdate(context(digest), bytes, n), "SHA-256 of %zu bytes", n);
}

void digest_add_text(Digest *digest, const char *text) { digest_add(digest, text ? text : "\xff", text ? strlen(text) : 1); }
void digest_add_number(Digest *digest, int64_t number) { digest_add(digest, &number, sizeof number); }

void digest_finish(Digest *digest, char out[DIGEST_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[32];
    CHECK(EVP_DigestFinal_ex(context(digest), hash, NULL), "the end of a SHA-256");
    EVP_MD_CTX_free(context(digest));
    for (int i = 0; i < 32; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    out[64] = 0;
}
