/* SPDX-License-Identifier: Apache-2.0 */
/* The four Unicode normal forms, Lowercase and StripAccents: normalizers without settings. */
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

const eg_part_type eg_normalizer_nfd = {.name = "NFD", .normalize = nfd};
const eg_part_type eg_normalizer_nfkd = {.name = "NFKD", .normalize = nfkd};
const eg_part_type eg_normalizer_nfc = {.name = "NFC", .normalize = nfc};
const eg_part_type eg_normalizer_nfkc = {.name = "NFKC", .normalize = nfkc};
const eg_part_type eg_normalizer_lowercase = {.name = "Lowercase", .normalize = lowercase};
const eg_part_type eg_normalizer_strip_accents = {.name = "StripAccents", .normalize = strip_accents};
