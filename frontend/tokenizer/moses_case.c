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

/* The one character that Python's tables decompose and ours, which are older, do not. */
enum { NEWER = 0x11938, NEWER_FIRST = 0x11935, NEWER_SECOND = 0x11930 };

/* The combining classes that Python's tables have beyond ours. */
static const struct {
    uint32_t first, last, class;
} newer_marks[] = {{0x7fd, 0x7fd, 220},     {0x898, 0x898, 230},     {0x899, 0x89b, 220},     {0x89c, 0x89f, 230},
                   {0x8ca, 0x8ce, 230},     {0x8cf, 0x8d3, 220},     {0x9fe, 0x9fe, 230},     {0xc3c, 0xc3c, 7},
                   {0xd3b, 0xd3c, 9},       {0xeba, 0xeba, 9},       {0x1715, 0x1715, 9},     {0x1abf, 0x1ac0, 220},
                   {0x1ac1, 0x1ac2, 230},   {0x1ac3, 0x1ac4, 220},   {0x1ac5, 0x1ac9, 230},   {0x1aca, 0x1aca, 220},
                   {0x1acb, 0x1ace, 230},   {0x1df6, 0x1df6, 232},   {0x1df7, 0x1df8, 228},   {0x1df9, 0x1df9, 220},
                   {0x1dfa, 0x1dfa, 218},   {0xa82c, 0xa82c, 9},     {0x10d24, 0x10d27, 230}, {0x10eab, 0x10eac, 230},
                   {0x10f46, 0x10f47, 220}, {0x10f48, 0x10f4a, 230}, {0x10f4b, 0x10f4b, 220}, {0x10f4c, 0x10f4c, 230},
                   {0x10f4d, 0x10f50, 220}, {0x10f82, 0x10f82, 230}, {0x10f83, 0x10f83, 220}, {0x10f84, 0x10f84, 230},
                   {0x10f85, 0x10f85, 220}, {0x11070, 0x11070, 9},   {0x1133b, 0x1133b, 7},   {0x1145e, 0x1145e, 230},
                   {0x11839, 0x11839, 9},   {0x1183a, 0x1183a, 7},   {0x1193d, 0x1193e, 9},   {0x11943, 0x11943, 7},
                   {0x119e0, 0x119e0, 9},   {0x11a34, 0x11a34, 9},   {0x11a47, 0x11a47, 9},   {0x11a99, 0x11a99, 9},
                   {0x11d42, 0x11d42, 7},   {0x11d44, 0x11d45, 9},   {0x11d97, 0x11d97, 9},   {0x16ff0, 0x16ff1, 6},
                   {0x1e130, 0x1e136, 230}, {0x1e2ae, 0x1e2ae, 230}, {0x1e2ec, 0x1e2ef, 230}};

static unsigned
mark_class(uint32_t c)
{
    unsigned class = eg_unicode(c)->ccc;
    size_t low = 0, high = sizeof newer_marks / sizeof *newer_marks;
    if (class > 0 || c < newer_marks[0].first)
        return class;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (newer_marks[middle].first <= c)
            low = middle;
        else
            high = middle;
    }
    return c <= newer_marks[low].last ? newer_marks[low].class : 0;
}

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
            parts[0] = NEWER_FIRST;
            parts[1] = NEWER_SECOND;
            count = 2;
        }
        for (size_t j = 0; j < count; j++) {
            if (parts[j] >= 0x80) {
                if (eg_moses_flags(moses, parts[j]) & EG_MOSES_NONSPACING)
                    continue;
                *out_ordered &= mark_class(parts[j]) == 0;
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
    work->mark_class = mark_class;
    eg_status status = eg_text_decompose(work, false, err);
    work->mark_class = NULL;
    EG_TRY(status);
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
        if (row->c[i] >= 0x300 &&
            (eg_char_is(row->c[i], EG_CHAR_COMPOSES) || mark_class(row->c[i]) != 0 || row->c[i] == NEWER_SECOND))
            return false;
    return true;
}

static void
compose_newer(eg_chars *text)
{
    size_t kept = 0;
    for (size_t i = 0; i < text->count; i++) {
        if (text->items[i].c == NEWER_SECOND && kept > 0 && text->items[kept - 1].c == NEWER_FIRST)
            text->items[kept - 1].c = NEWER;
        else
            text->items[kept++] = text->items[i];
    }
    text->count = kept;
}

eg_status
eg_moses_compose(eg_moses_text *text, eg_work *work, eg_error *err)
{
    if (is_ascii(text) || is_composed(&text->now))
        return EG_OK;
    if (!to_chars(text, work))
        return eg_fail_nomem(err, "a text being normalised");
    work->mark_class = mark_class;
    eg_status status = eg_text_compose(work, false, err);
    work->mark_class = NULL;
    EG_TRY(status);
    compose_newer(&work->text);
    return from_chars(work, text) ? EG_OK : eg_fail_nomem(err, "a text being normalised");
}
