/* SPDX-License-Identifier: Apache-2.0 */
/* The four Unicode normal forms, Lowercase and StripAccents: normalizers without settings. */
#include "base/utf8.h"
#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/unicode.h"

static eg_status
nfd(const void *state, eg_work *work, eg_error *err)
{
    (void)state;
    return eg_text_decompose(work, false, err);
}

static eg_status
nfkd(const void *state, eg_work *work, eg_error *err)
{
    (void)state;
    return eg_text_decompose(work, true, err);
}

static eg_status
nfc(const void *state, eg_work *work, eg_error *err)
{
    (void)state;
    return eg_text_compose(work, false, err);
}

static eg_status
nfkc(const void *state, eg_work *work, eg_error *err)
{
    (void)state;
    return eg_text_compose(work, true, err);
}

static eg_status
lowercase(const void *state, eg_work *work, eg_error *err)
{
    (void)state;
    return eg_text_lower(work, err);
}

static eg_status
strip_accents(const void *state, eg_work *work, eg_error *err)
{
    (void)state;
    (void)err;
    eg_text_drop(work, EG_CHAR_MARK);
    return EG_OK;
}

static bool
is_ascii(const void *state, const char *text, size_t length)
{
    (void)state;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

/* No character is changed or joined to the one before, and marks are in their order. */
static bool
keeps_nfc(const void *state, const char *text, size_t length)
{
    enum { FIRST_MARK = 0xcc }; /* the first byte of U+0300; no character before it is of interest */
    unsigned last = 0;
    (void)state;
    for (size_t at = 0; at < length;) {
        if ((unsigned char)text[at] < FIRST_MARK) {
            last = 0;
            at++;
            continue;
        }
        uint32_t c;
        at += eg_utf8_decode(text + at, length - at, &c);
        const eg_unicode_record *record = eg_unicode(c);
        if (record->flags & EG_CHAR_COMPOSES || (record->ccc > 0 && record->ccc < last))
            return false;
        last = record->ccc;
    }
    return true;
}

static bool
keeps_lower(const void *state, const char *text, size_t length)
{
    (void)state;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] >= 0x80 || (text[i] >= 'A' && text[i] <= 'Z'))
            return false;
    return true;
}

const eg_part_type eg_normalizer_nfd = {.name = "NFD", .normalize = nfd, .keeps = is_ascii};
const eg_part_type eg_normalizer_nfkd = {.name = "NFKD", .normalize = nfkd, .keeps = is_ascii};
const eg_part_type eg_normalizer_nfc = {.name = "NFC", .normalize = nfc, .keeps = keeps_nfc};
const eg_part_type eg_normalizer_nfkc = {.name = "NFKC", .normalize = nfkc, .keeps = is_ascii};
const eg_part_type eg_normalizer_lowercase = {.name = "Lowercase", .normalize = lowercase, .keeps = keeps_lower};
const eg_part_type eg_normalizer_strip_accents = {
    .name = "StripAccents", .normalize = strip_accents, .keeps = is_ascii};
