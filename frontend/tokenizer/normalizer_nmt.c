/* SPDX-License-Identifier: Apache-2.0 */
/* Nmt: some control characters go, other blanks and invisible characters become U+0020. */
#include "frontend/tokenizer/parts.h"

static bool
goes(uint32_t c)
{
    return (c >= 0x01 && c <= 0x08) || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f;
}

static bool
becomes_blank(uint32_t c)
{
    return c == 0x09 || c == 0x0a || c == 0x0c || c == 0x0d || c == 0x1680 || (c >= 0x200b && c <= 0x200f) ||
           c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xfeff || c == 0xfffd;
}

static eg_status
normalize(const void *state, eg_work *work, eg_error *err)
{
    size_t kept = 0;
    (void)state;
    (void)err;
    for (size_t i = 0; i < work->text.count; i++) {
        eg_char c = work->text.items[i];
        if (goes(c.c))
            continue;
        if (becomes_blank(c.c))
            c.c = ' ';
        work->text.items[kept++] = c;
    }
    work->text.count = kept;
    return EG_OK;
}

const eg_part_type eg_normalizer_nmt = {.name = "Nmt", .normalize = normalize};
