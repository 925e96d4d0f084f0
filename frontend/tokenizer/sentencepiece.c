/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strict reader of SentencePiece's ModelProto. In protobuf's wire format a message is a row of fields, each a number
 * with its kind of value, then the value. As protobuf has it, fields that are not known are passed over, the last of
 * equal ones counts, and equal messages are merged. Messages are read two deep; what lies deeper is never entered.
 */
#include "frontend/tokenizer/sentencepiece.h"

#include <math.h>
#include <string.h>

#include "base/map.h"
#include "base/utf8.h"

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

/* Numbers of the fields that count. */
enum { MODEL_PIECES = 1, MODEL_TRAINER = 2, MODEL_NORMALIZER = 3 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_KIND = 3 };
enum { TRAINER_TYPE = 3, TRAINER_UNKNOWN = 40 };
enum { NORMALIZER_CHARSMAP = 2 };

typedef struct reader {
    const unsigned char *data;
    size_t at, end; /* of the message being read */
    const char *file;
    eg_error *err;
} reader;

typedef struct field {
    uint64_t number;
    unsigned kind;
    size_t begin;   /* of the field in the file */
    uint64_t value; /* VARINT, FIXED32, FIXED64 */
    reader of;      /* BYTES: the inside */
} field;

static eg_status
fail(const reader *in, size_t at, const char *what)
{
    return eg_fail_at(in->err, EG_E_INPUT, in->file, 0, 0, "byte %zu: %s", at, what);
}

static eg_status
read_varint(reader *in, uint64_t *out)
{
    size_t begin = in->at;
    *out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (in->at == in->end)
            return fail(in, begin, "a number is cut off");
        unsigned char byte = in->data[in->at++];
        if (shift == 63 && byte > 1)
            break;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return EG_OK;
    }
    return fail(in, begin, "a number of more than 64 bits");
}

static eg_status
read_fixed(reader *in, size_t size, uint64_t *out)
{
    *out = 0;
    if (size > in->end - in->at)
        return fail(in, in->at, "a number is cut off");
    for (size_t i = 0; i < size; i++)
        *out |= (uint64_t)in->data[in->at + i] << 8 * i;
    in->at += size;
    return EG_OK;
}

static eg_status
read_field(reader *in, field *out)
{
    uint64_t key, length;
    *out = (field){.begin = in->at};
    EG_TRY(read_varint(in, &key));
    out->number = key >> 3;
    out->kind = key & 7;
    if (out->number == 0 || out->number >= UINT64_C(1) << 29)
        return fail(in, out->begin, "not a SentencePiece model: no field has this number");
    switch (out->kind) {
    case VARINT:
        return read_varint(in, &out->value);
    case FIXED64:
        return read_fixed(in, 8, &out->value);
    case FIXED32:
        return read_fixed(in, 4, &out->value);
    case BYTES:
        EG_TRY(read_varint(in, &length));
        if (length > in->end - in->at)
            return eg_fail_at(in->err, EG_E_INPUT, in->file, 0, 0, "byte %zu: %llu bytes where %zu are left",
                              out->begin, (unsigned long long)length, in->end - in->at);
        out->of = *in;
        out->of.end = in->at += (size_t)length;
        return EG_OK;
    default:
        return fail(in, out->begin, "not a SentencePiece model: a value of this kind is not known");
    }
}

static eg_status
expect_kind(const reader *in, const field *what, unsigned kind)
{
    return what->kind == kind ? EG_OK : fail(in, what->begin, "a field's value is of the wrong kind");
}

/* ---- Pieces ---- */

static eg_status
read_piece_field(reader *in, const field *what, eg_sp_piece *piece)
{
    uint32_t bits;
    switch (what->number) {
    case PIECE_TEXT:
        EG_TRY(expect_kind(in, what, BYTES));
        piece->text = (const char *)in->data + what->of.at;
        piece->length = what->of.end - what->of.at;
        return EG_OK;
    case PIECE_SCORE:
        EG_TRY(expect_kind(in, what, FIXED32));
        bits = (uint32_t)what->value;
        memcpy(&piece->score, &bits, sizeof bits);
        return isfinite(piece->score) ? EG_OK : fail(in, what->begin, "a piece's score is not finite");
    case PIECE_KIND:
        EG_TRY(expect_kind(in, what, VARINT));
        if (what->value < EG_SP_NORMAL || what->value > EG_SP_BYTE)
            return fail(in, what->begin, "a piece's type is not one of 1 to 6");
        piece->kind = (eg_sp_kind)what->value;
        return EG_OK;
    default:
        return EG_OK;
    }
}

static eg_status
read_piece(reader in, size_t begin, eg_sp_model *out)
{
    eg_sp_piece piece = {.kind = EG_SP_NORMAL};
    field what;
    while (in.at < in.end) {
        EG_TRY(read_field(&in, &what));
        EG_TRY(read_piece_field(&in, &what, &piece));
    }
    if (piece.length == 0)
        return fail(&in, begin, "a piece is empty");
    if (!eg_utf8_valid(piece.text, piece.length, NULL))
        return fail(&in, begin, "a piece is not valid UTF-8");
    return EG_PUSH(&out->pieces, piece) ? EG_OK : eg_fail_nomem(in.err, "a vocabulary");
}

/* A table of pieces by their hash. Its slots are small, because that of a large vocabulary is all cache misses. */
typedef struct piece_slot {
    uint32_t hash;
    uint32_t piece; /* its number + 1; 0: empty */
} piece_slot;

/* The piece that is equal to pieces[at] already, or NULL once pieces[at] is in the table. */
static const eg_sp_piece *
put_piece(piece_slot *slots, size_t mask, const eg_sp_piece *pieces, size_t at, uint32_t hash)
{
    size_t i = hash & mask;
    for (; slots[i].piece; i = (i + 1) & mask) {
        const eg_sp_piece *other = &pieces[slots[i].piece - 1];
        if (slots[i].hash == hash && other->length == pieces[at].length &&
            memcmp(other->text, pieces[at].text, other->length) == 0)
            return other;
    }
    slots[i] = (piece_slot){hash, (uint32_t)at + 1};
    return NULL;
}

static eg_status
check_repeated(const reader *in, piece_slot *slots, size_t mask, const eg_sp_model *model)
{
    enum { BATCH = 32 };
    uint32_t hashes[BATCH];
    const eg_sp_piece *pieces = model->pieces.items;
    uint64_t seed = eg_hash_seed(slots);
    for (size_t first = 0; first < model->pieces.count; first += BATCH) {
        size_t count = model->pieces.count - first < BATCH ? model->pieces.count - first : BATCH;
        for (size_t i = 0; i < count; i++) { /* ahead, so that the cache misses overlap */
            hashes[i] = eg_hash(seed, pieces[first + i].text, pieces[first + i].length);
            __builtin_prefetch(&slots[hashes[i] & mask], 1);
        }
        for (size_t i = first; i < first + count; i++)
            if (put_piece(slots, mask, pieces, i, hashes[i - first]))
                return eg_fail_at(in->err, EG_E_INPUT, in->file, 0, 0, "byte %zu: the piece '%.*s' is there twice",
                                  (size_t)(pieces[i].text - (const char *)in->data),
                                  (int)(pieces[i].length < 64 ? pieces[i].length : 64), pieces[i].text);
    }
    return EG_OK;
}

static eg_status
refuse_repeated(const reader *in, const eg_sp_model *model)
{
    size_t slots = 64;
    while (slots < 2 * model->pieces.count)
        slots *= 2;
    piece_slot *table = model->pieces.count < UINT32_MAX / 4 ? eg_calloc(slots, sizeof *table) : NULL;
    if (!table)
        return eg_fail_nomem(in->err, "a vocabulary");
    eg_status status = check_repeated(in, table, slots - 1, model);
    eg_free(table);
    return status;
}

/* ---- The other messages ---- */

static eg_status
read_trainer(reader in, int64_t *unknown, eg_sp_model *out)
{
    field what;
    while (in.at < in.end) {
        EG_TRY(read_field(&in, &what));
        if (what.number == TRAINER_TYPE) {
            EG_TRY(expect_kind(&in, &what, VARINT));
            if (what.value < EG_SP_UNIGRAM || what.value > EG_SP_CHAR)
                return fail(&in, what.begin, "the model's type is not one of 1 to 4");
            out->type = (eg_sp_type)what.value;
        } else if (what.number == TRAINER_UNKNOWN) {
            EG_TRY(expect_kind(&in, &what, VARINT));
            *unknown = (int64_t)what.value;
        }
    }
    return EG_OK;
}

static eg_status
read_normalizer(reader in, eg_sp_model *out)
{
    field what;
    while (in.at < in.end) {
        EG_TRY(read_field(&in, &what));
        if (what.number != NORMALIZER_CHARSMAP)
            continue;
        EG_TRY(expect_kind(&in, &what, BYTES));
        out->charsmap = in.data + what.of.at;
        out->charsmap_length = what.of.end - what.of.at;
    }
    return EG_OK;
}

static eg_status
read_model(reader *in, eg_sp_model *out)
{
    int64_t unknown = 0;
    size_t unknown_pieces = 0;
    field what;
    while (in->at < in->end) {
        EG_TRY(read_field(in, &what));
        if (what.number < MODEL_PIECES || what.number > MODEL_NORMALIZER)
            continue;
        EG_TRY(expect_kind(in, &what, BYTES));
        if (what.number == MODEL_PIECES)
            EG_TRY(read_piece(what.of, what.begin, out));
        else
            EG_TRY(what.number == MODEL_TRAINER ? read_trainer(what.of, &unknown, out) : read_normalizer(what.of, out));
    }
    if (out->pieces.count == 0)
        return eg_fail_at(in->err, EG_E_INPUT, in->file, 0, 0, "the model has no pieces");
    for (size_t i = 0; i < out->pieces.count; i++)
        unknown_pieces += out->pieces.items[i].kind == EG_SP_UNKNOWN;
    if (unknown_pieces != 1)
        return eg_hint(
            in->err,
            eg_fail_at(in->err, EG_E_INPUT, in->file, 0, 0, "the model has %zu unknown pieces", unknown_pieces),
            "one piece of type 2");
    if (unknown < 0 || (uint64_t)unknown >= out->pieces.count)
        return eg_fail_at(in->err, EG_E_INPUT, in->file, 0, 0, "unk_id is %lld in a model of %zu pieces",
                          (long long)unknown, out->pieces.count);
    out->unknown = (size_t)unknown;
    return EG_OK;
}

eg_status
eg_sp_model_read(const unsigned char *data, size_t length, const char *file, eg_sp_model *out, eg_error *err)
{
    reader in = {.data = data, .end = length, .file = file, .err = err};
    *out = (eg_sp_model){.type = EG_SP_UNIGRAM};
    EG_TRY(read_model(&in, out));
    return refuse_repeated(&in, out);
}

void
eg_sp_model_finish(eg_sp_model *model)
{
    eg_free(model->pieces.items);
    *model = (eg_sp_model){0};
}
