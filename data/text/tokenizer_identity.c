#include "data/text/tokenizer_identity.h"

#include <stdint.h>
#include <stdlib.h>

#include "data/file/gguf.h"
#include "data/file/path.h"
#include "kernels/memory.h"

/* All that tokenizer.c, tokenizer_config.c and bare_vocabulary.c may read; those that are not there count as such. */
static const char *const files[] = {
    "tokenizer.json", "tekken.json", "tokenizer.model", "spiece.model", "tiktoken.model", "vocab.json", "merges.txt",
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "config.json",
};

static bool add_file(Digest *digest, const char *dir, const char *name)
{
    char *path = memory_format("%s/%s", dir, name);
    Mapped file = {0};
    bool there = path_exists(path), read = !there || mapped_open(&file, path) == STATUS_OK;
    digest_add_number(digest, there);
    if (there && read) digest_add(digest, file.bytes ? file.bytes : (const uint8_t *)"", file.n_bytes);
    mapped_close(&file);
    free(path);
    return read;
}

static bool add_folder(Digest *digest, const char *dir)
{
    bool read = true;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) read = add_file(digest, dir, files[i]) && read;
    return read;
}

static bool add_gguf(Digest *digest, const char *path)
{
    Gguf gguf = {0};
    bool read = gguf_open(&gguf, path) == STATUS_OK && gguf.n_files;
    if (read) {
        const Mapped *file = &gguf.file[0];
        size_t n = file->n_bytes;
        for (int i = 0; i < gguf.tensors.n; i++) {
            uintptr_t at = (uintptr_t)gguf.tensors.entry[i].bytes - (uintptr_t)file->bytes;
            if (at < n) n = at;
        }
        digest_add(digest, file->bytes, n);
    }
    gguf_close(&gguf);
    return read;
}

bool tokenizer_identify(const char *path, Digest *digest) { return path_is_folder(path) ? add_folder(digest, path) : add_gguf(digest, path); }
