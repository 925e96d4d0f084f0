/* SPDX-License-Identifier: Apache-2.0 */
/* Lower case, accents, and composing, as Python does them. */
#include "frontend/tokenizer/moses.h"
#include "frontend/tokenizer/unicode.h"

enum { CAPITAL_SIGMA = 0x3a3, FINAL_SIGMA = 0x3c2 };

/* ---- Lower case ---- */

/* A capital sigma becomes a final one where a letter stands before it and none behind. */
static bool
is_final(const eg_moses *moses, const eg_moses_row *text, size_t at)
{
    size_t before = at, behind = at + 1;
    while (before > 0 && eg_moses_flags(moses, text->c[before - 1]) & EG_MOSES_IGNORABLE)
        before--;
    if (before == 0 || !(eg_moses_flags(moses, text->c[before - 1]) & EG_MOSES_CASED))
        return false;
    while (behind < text->count && eg_moses_flags(moses, text->c[behind]) & EG_MOSES_IGNORABLE)
        behind++;
    return behind == text->count || !(eg_moses_flags(moses, text->c[behind]) & EG_MOSES_CASED);
}

static bool
is_ascii(const eg_moses_text *text)
{
    return text->seen.others == 0;
}

static void
note_lower(eg_moses_seen *seen)
{
    seen->ascii[1] |= (seen->ascii[1] & UINT64_C(0x7fffffe)) << 32; /* A to Z; a is 32 behind A */
}

static void
lower_ascii(eg_moses_row *row)
{
    for (size_t i = 0; i < row->count; i++)
        row->c[i] += row->c[i] - 'A' < 26 ? 'a' - 'A' : 0;
}

bool
eg_moses_lower(const eg_moses *moses, eg_moses_text *text)
{
    const eg_moses_row *now = &text->now;
    if (is_ascii(text)) {
        lower_ascii(&text->now);
        note_lower(&text->seen);
        return true;
    }
    for (size_t i = 0; i < now->count; i++) {
        uint32_t c = now->c[i], lower[2] = {c, 0};
        size_t count = 1;
        if (c < 0x80)
            lower[0] += c - 'A' < 26 ? 'a' - 'A' : 0;
        else if (c == CAPITAL_SIGMA && is_final(moses, now, i))
            lower[0] = FINAL_SIGMA;
        else if (!(eg_moses_flags(moses, c) & EG_MOSES_OTHER)) /* what Unicode 14 lacks has no case */
            count = eg_char_lower(c, lower);
        for (size_t j = 0; j < count; j++) {
            eg_moses_note(&text->seen, lower[j]);
            if (!eg_moses_put(text, lower[j], text->places ? now->from[i] : 0))
                return false;
        }
    }
    eg_moses_swap(text);
    return true;
}

/* ---- Decomposing and composing ---- */

/* The text becomes work->text, whose characters come from where they did; and back. */
static bool
to_chars(const eg_moses_text *text, eg_work *work)
{
    const eg_moses_row *row = &text->now;
    if (!eg_grow((void **)&work->text.items, &work->text.capacity, row->count + 1, sizeof *work->text.items))
        return false;
    for (size_t i = 0; i < row->count; i++) {
        uint32_t from = text->places ? row->from[i] : 0;
        work->text.items[i] = (eg_char){row->c[i], from, from + 1};
    }
    work->text.count = row->count;
    return true;
}

static bool
from_chars(const eg_work *work, eg_moses_text *text)
{
    for (size_t i = 0; i < work->text.count; i++) {
        eg_moses_note(&text->seen, work->text.items[i].c);
        if (!eg_moses_put(text, work->text.items[i].c, work->text.items[i].start))
            return false;
    }
    eg_moses_swap(text);
    return true;
}

/* The one character that Python's tables decompose and ours, which are older, do not. */
enum { NEWER = 0x11938 };
static const uint32_t newer_parts[] = {0x11935, 0x11930};

/*
 * Each character decomposed, without marks of no width. *out_ordered: none of what is left could have to change places
 * with another; if not, the text is as it was.
 */
static bool
decompose_each(const eg_moses *moses, eg_moses_text *text, bool *out_ordered)
{
    const eg_moses_row *now = &text->now;
    *out_ordered = true;
    for (size_t i = 0; i < now->count && *out_ordered; i++) {
        uint32_t c = now->c[i], parts[EG_UNICODE_LONGEST] = {c};
        size_t count = c < 0x80 ? 1 : eg_char_decompose(c, false, parts);
        if (c == NEWER) {
            parts[0] = newer_parts[0];
            parts[1] = newer_parts[1];
            count = 2;
        }
        for (size_t j = 0; j < count; j++) {
            if (parts[j] >= 0x80) {
                if (eg_moses_flags(moses, parts[j]) & EG_MOSES_NONSPACING)
                    continue;
                *out_ordered &= eg_unicode(parts[j])->ccc == 0;
            }
            if (!eg_moses_put(text, parts[j], text->places ? now->from[i] : 0))
                return false;
        }
    }
    if (*out_ordered)
        eg_moses_swap(text);
    else
        text->next.count = 0;
    return true;
}

static eg_status
decompose_in_order(const eg_moses *moses, eg_moses_text *text, eg_work *work, eg_error *err)
{
    size_t kept = 0;
    if (!to_chars(text, work))
        return eg_fail_nomem(err, "a text being normalised");
    EG_TRY(eg_text_decompose(work, false, err));
    for (size_t i = 0; i < work->text.count; i++)
        if (!(eg_moses_flags(moses, work->text.items[i].c) & EG_MOSES_NONSPACING))
            work->text.items[kept++] = work->text.items[i];
    work->text.count = kept;
    return from_chars(work, text) ? EG_OK : eg_fail_nomem(err, "a text being normalised");
}

eg_status
eg_moses_fold(const eg_moses *moses, eg_moses_text *text, eg_work *work, eg_error *err)
{
    bool ordered = true;
    if (!eg_moses_lower(moses, text) || (!is_ascii(text) && !decompose_each(moses, text, &ordered)))
        return eg_fail_nomem(err, "a text being normalised");
    return ordered ? EG_OK : decompose_in_order(moses, text, work, err);
}

/* Whether the text is composed already. */
static bool
is_composed(const eg_moses_row *row)
{
    for (size_t i = 0; i < row->count; i++)
        if (row->c[i] >= 0x300 && (eg_char_is(row->c[i], EG_CHAR_COMPOSES) || eg_unicode(row->c[i])->ccc != 0))
            return false;
    return true;
}

eg_status
eg_moses_compose(eg_moses_text *text, eg_work *work, eg_error *err)
{
    if (is_ascii(text) || is_composed(&text->now))
        return EG_OK;
    if (!to_chars(text, work))
        return eg_fail_nomem(err, "a text being normalised");
    EG_TRY(eg_text_compose(work, false, err));
    return from_chars(work, text) ? EG_OK : eg_fail_nomem(err, "a text being normalised");
}
