/* Tokenizers from a SentencePiece file (tokenizer.model, spiece.model): a protocol buffer (sentencepiece_model.proto), of which
 * the few fields that matter are read. The vocabulary is filled directly; the rest is written down as the tokenizer.json
 * that would say the same, as transformers converts it. Which tokens stand around a text is not in the file: what
 * tokenizer_config.json says, else bos before a BPE text (Llama, Gemma) and eos after a Unigram text (T5). */
#include <stdlib.h>
#include <string.h>

#include "data/file/mapped.h"
#include "data/text/bpe.h"
#include "data/text/pipeline_spec.h"
#include "data/text/scored_merges.h"
#include "data/text/tokenizer_parts.h"
#include "data/text/unigram.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

/* ---- Protocol buffers ---- */

typedef struct { const uint8_t *bytes; size_t n; } Bytes;
typedef struct { int number; uint64_t value; Bytes bytes; } Field;      /* a number, or bytes */

static bool take_varint(Bytes *from, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; shift < 64 && from->n; shift += 7) {
        uint8_t byte = *from->bytes++;
        from->n--;
        *out |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

static bool take_bytes(Bytes *from, uint64_t n, Bytes *out)
{
    if (n > from->n) return false;
    *out = (Bytes){ from->bytes, (size_t)n };
    from->bytes += n;
    from->n -= n;
    return true;
}

static bool take_field(Bytes *from, Field *field)
{
    enum { VARINT, FIXED64, BYTES, FIXED32 = 5 };
    uint64_t key, n = 0;
    if (!take_varint(from, &key) || key >> 3 > INT32_MAX) return false;
    *field = (Field){ .number = (int)(key >> 3) };
    switch (key & 7) {
    case VARINT: return take_varint(from, &field->value);
    case FIXED64: n = 8; break;
    case FIXED32: n = 4; break;
    case BYTES: if (!take_varint(from, &n)) return false; break;
    default: return false;
    }
    if (!take_bytes(from, n, &field->bytes)) return false;
    for (uint64_t i = 0; n <= 8 && i < n; i++) field->value |= (uint64_t)field->bytes.bytes[i] << (8 * i);
    return true;
}

static double real_of(const Field *field)
{
    uint32_t bits = (uint32_t)field->value;
    float real;
    memcpy(&real, &bits, 4);
    return (double)real;
}

/* ---- The model ---- */

enum { TYPE_NORMAL = 1, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_USER_DEFINED };
enum { UNIGRAM = 1, BPE };

typedef struct {
    double  *score;            /* by id, as are types; `n` pieces in room for `cap` */
    uint8_t *type;
    int32_t  n, cap;
    uint64_t kind;             /* UNIGRAM, BPE, … */
    bool     byte_fallback, add_dummy_prefix, remove_extra_blanks, blank_is_suffix;
    int32_t  id[TOKEN_PARTS];
    Buffer   charsmap;
} SentencePieces;

static Status damaged(const char *path) { return fail(STATUS_INPUT, "%s: not a SentencePiece model (its protocol buffer is damaged)", path); }

static Status read_piece(Tokenizer *t, SentencePieces *pieces, Bytes from, const char *path)
{
    Bytes token = {0};
    double score = 0;
    uint64_t type = TYPE_NORMAL;
    for (Field field; from.n;) {
        if (!take_field(&from, &field)) return damaged(path);
        if (field.number == 1) token = field.bytes;
        if (field.number == 2) score = real_of(&field);
        if (field.number == 3) type = field.value;
    }
    size_t broken;
    const char *s = token.n ? (const char *)token.bytes : "";
    if (utf8_valid(s, token.n, &broken) < token.n || memchr(s, 0, token.n)) return fail(STATUS_INPUT, "%s: piece %d is not UTF-8 text", path, (int)pieces->n);
    if (pieces->n > VOCABULARY_MAX_ID) return fail(STATUS_INPUT, "%s: more than %d pieces", path, VOCABULARY_MAX_ID);
    vocabulary_append(&t->model.vocabulary, s, token.n);
    if (pieces->n == pieces->cap) {
        pieces->cap = pieces->cap ? 2 * pieces->cap : 1024;
        pieces->score = memory_grow(pieces->score, (size_t)pieces->cap, sizeof *pieces->score);
        pieces->type = memory_grow(pieces->type, (size_t)pieces->cap, 1);
    }
    pieces->type[pieces->n] = type < UINT8_MAX ? (uint8_t)type : UINT8_MAX;
    pieces->score[pieces->n++] = score;
    return STATUS_OK;
}

static Status read_trainer(SentencePieces *pieces, Bytes from, const char *path)
{
    for (Field field; from.n;) {
        if (!take_field(&from, &field)) return damaged(path);
        switch (field.number) {
        case 3: pieces->kind = field.value; break;
        case 24: pieces->blank_is_suffix = field.value != 0; break;
        case 35: pieces->byte_fallback = field.value != 0; break;
        case 40: pieces->id[TOKEN_UNK] = (int32_t)field.value; break;
        case 41: pieces->id[TOKEN_BOS] = (int32_t)field.value; break;
        case 42: pieces->id[TOKEN_EOS] = (int32_t)field.value; break;
        case 43: pieces->id[TOKEN_PAD] = (int32_t)field.value; break;
        default: break;
        }
    }
    return STATUS_OK;
}

static Status read_normalizer(SentencePieces *pieces, Bytes from, const char *path)
{
    for (Field field; from.n;) {
        if (!take_field(&from, &field)) return damaged(path);
        switch (field.number) {
        case 2:
            buffer_clear(&pieces->charsmap);
            buffer_add(&pieces->charsmap, field.bytes.bytes, field.bytes.n);
            break;
        case 3: pieces->add_dummy_prefix = field.value != 0; break;
        case 4: pieces->remove_extra_blanks = field.value != 0; break;
        default: break;
        }
    }
    return STATUS_OK;
}

static Status read_model(Tokenizer *t, SentencePieces *pieces, Bytes from, const char *path)
{
    for (Field field; from.n;) {
        if (!take_field(&from, &field)) return damaged(path);
        if (field.number == 1) TRY(read_piece(t, pieces, field.bytes, path));
        if (field.number == 2) TRY(read_trainer(pieces, field.bytes, path));
        if (field.number == 3) TRY(read_normalizer(pieces, field.bytes, path));
    }
    if (!pieces->n) return fail(STATUS_INPUT, "%s: not a SentencePiece model (it has no pieces)", path);
    if (pieces->kind != UNIGRAM && pieces->kind != BPE)
        return fail(STATUS_INPUT, "%s: a SentencePiece model of type %d; graft knows unigram (1) and bpe (2)", path, (int)pieces->kind);
    if (pieces->blank_is_suffix) return fail(STATUS_INPUT, "%s: it writes blanks behind words (treat_whitespace_as_suffix), which graft does not know", path);
    return STATUS_OK;
}

/* ---- The tokenizer ---- */

/* These classes give other ids than the file's: fairseq's special tokens come first. */
static Status check_class(const Json *config, const char *path)
{
    static const char *const shifted[] = { "XLMRoberta", "MBart", "Camembert", "NllbTokenizer", "Barthez", "XGLM",
                                           "Pegasus", "BigBird", "DebertaV2", "M2M100", "Reformer", "Speech2Text" };
    const char *class = json_string(json_get(config, "tokenizer_class"));
    for (size_t i = 0; class && i < sizeof shifted / sizeof *shifted; i++)
        if (!strncmp(class, shifted[i], strlen(shifted[i])))
            return fail(STATUS_INPUT, "%s: a %s has other ids than its SentencePiece file; save it once with transformers to get a tokenizer.json", path, class);
    return STATUS_OK;
}

static Status start(Tokenizer *t, SentencePieces *pieces, const char *path)
{
    const char *unk = vocabulary_token(&t->model.vocabulary, pieces->id[TOKEN_UNK], NULL);
    if (pieces->kind == UNIGRAM) {
        bool *real = memory_new((size_t)pieces->n, sizeof *real);
        for (int32_t id = 0; id < pieces->n; id++) real[id] = pieces->type[id] == TYPE_NORMAL;
        unigram_raise_scores(pieces->score, real, pieces->n);
        free(real);
        double *score = pieces->score;
        pieces->score = NULL;
        return unigram_start(&t->model, score, unk ? pieces->id[TOKEN_UNK] : -1, pieces->byte_fallback, path);
    }
    bpe_start(&t->model, (BpeOptions){ .unk_token = unk, .fuse_unk = true, .byte_fallback = pieces->byte_fallback });
    TRY(scored_merges_add(&t->model, (ScoredVocabulary){ .score = pieces->score }, path));
    return bpe_finish(&t->model, path);
}

static Json *added_tokens(const Tokenizer *t, const SentencePieces *pieces)
{
    Json *list = json_new_array();
    for (int32_t id = 0; id < pieces->n; id++) {
        int type = pieces->type[id];
        if (type >= TYPE_UNKNOWN && type <= TYPE_USER_DEFINED)
            json_push(list, spec_added_token(vocabulary_token(&t->model.vocabulary, id, NULL), id, type != TYPE_USER_DEFINED, false));
    }
    return list;
}

static bool bool_or(const Json *spec, const char *key, bool missing)
{
    const Json *value = json_get(spec, key);
    return json_kind(value) == JSON_BOOL ? json_bool(value) : missing;
}

static SpecToken part(const Tokenizer *t, TokenPart part, bool wanted)
{
    const char *token = wanted ? t->part[part] : NULL;
    return token ? (SpecToken){ token, vocabulary_id(&t->model.vocabulary, token, strlen(token)) } : (SpecToken){0};
}

static Json *pipeline(const Tokenizer *t, const SentencePieces *pieces, const Json *config)
{
    bool bpe = pieces->kind == BPE;
    return spec_pipeline((SpecPipeline){
        .added_tokens = added_tokens(t, pieces),
        .normalizer = spec_sentence_normalizer(&pieces->charsmap, pieces->remove_extra_blanks, pieces->add_dummy_prefix),
        .post_processor = spec_post_processor(part(t, TOKEN_BOS, bool_or(config, "add_bos_token", bpe)), part(t, TOKEN_EOS, bool_or(config, "add_eos_token", !bpe))),
        .decoder = spec_piece_decoder(pieces->add_dummy_prefix),
    });
}

static Status open_bytes(Tokenizer *t, SentencePieces *pieces, Bytes from, const char *path, const Json *config, Notices *notices)
{
    TRY(read_model(t, pieces, from, path));
    for (int i = 0; i < TOKEN_PARTS; i++) t->part[i] = memory_string(vocabulary_token(&t->model.vocabulary, pieces->id[i], NULL));
    TRY(start(t, pieces, path));
    t->pipeline = pipeline(t, pieces, config);
    return tokenizer_read_pipeline(t, t->pipeline, path, notices);
}

Status tokenizer_open_sentence_piece(Tokenizer *t, const char *path, const FolderConfig *config, Notices *notices)
{
    Mapped file = {0};
    TRY(check_class(config->tokenizer, path));
    TRY(mapped_open(&file, path));
    SentencePieces pieces = { .kind = UNIGRAM, .add_dummy_prefix = true, .remove_extra_blanks = true,
                       .id = { [TOKEN_UNK] = 0, [TOKEN_BOS] = 1, [TOKEN_EOS] = 2, [TOKEN_PAD] = -1 } };
    Status status = open_bytes(t, &pieces, (Bytes){ file.bytes, file.n_bytes }, path, config->tokenizer, notices);
    free(pieces.score);
    free(pieces.type);
    buffer_free(&pieces.charsmap);
    mapped_close(&file);
    return status == STATUS_OK ? folder_config_apply(config, t) : status;
}
