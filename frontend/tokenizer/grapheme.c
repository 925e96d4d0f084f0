/* SPDX-License-Identifier: Apache-2.0 */
/* Extended grapheme clusters: the rules GB1 to GB999 of Unicode's annex 29. */
#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/unicode.h"

/* What the rules remember of the cluster so far. */
typedef struct cluster {
    eg_grapheme last;
    bool odd_regional;                          /* an odd number of regional indicators at its end */
    enum { NOTHING, PICTOGRAPH, JOINED } emoji; /* GB11: a pictograph and marks; then a joiner */
    enum { NONE, CONSONANT, LINKED } conjunct;  /* GB9c: a consonant and marks; then a linker among them */
} cluster;

static bool
extends(eg_grapheme class)
{
    return class == EG_GRAPHEME_EXTEND || class == EG_GRAPHEME_LINKER || class == EG_GRAPHEME_APART;
}

static void
remember(cluster *seen, eg_grapheme class)
{
    seen->last = class;
    seen->odd_regional = class == EG_GRAPHEME_REGIONAL && !seen->odd_regional;
    if (class == EG_GRAPHEME_PICTOGRAPHIC)
        seen->emoji = PICTOGRAPH;
    else if (class == EG_GRAPHEME_ZWJ && seen->emoji == PICTOGRAPH)
        seen->emoji = JOINED;
    else if (!extends(class) || seen->emoji == JOINED)
        seen->emoji = NOTHING;
    if (class == EG_GRAPHEME_CONSONANT)
        seen->conjunct = CONSONANT;
    else if (class == EG_GRAPHEME_LINKER && seen->conjunct != NONE)
        seen->conjunct = LINKED;
    else if (class != EG_GRAPHEME_EXTEND && class != EG_GRAPHEME_ZWJ)
        seen->conjunct = NONE;
}

static bool
is_control(eg_grapheme class)
{
    return class == EG_GRAPHEME_CR || class == EG_GRAPHEME_LF || class == EG_GRAPHEME_CONTROL;
}

/* GB6 to GB8 */
static bool
joins_hangul(eg_grapheme last, eg_grapheme next)
{
    switch (last) {
    case EG_GRAPHEME_L:
        return next == EG_GRAPHEME_L || next == EG_GRAPHEME_V || next == EG_GRAPHEME_LV || next == EG_GRAPHEME_LVT;
    case EG_GRAPHEME_V:
    case EG_GRAPHEME_LV:
        return next == EG_GRAPHEME_V || next == EG_GRAPHEME_T;
    case EG_GRAPHEME_T:
    case EG_GRAPHEME_LVT:
        return next == EG_GRAPHEME_T;
    default:
        return false;
    }
}

/* Whether a character of this class goes on with the cluster. */
static bool
joins(const cluster *seen, eg_grapheme next)
{
    if (seen->last == EG_GRAPHEME_CR && next == EG_GRAPHEME_LF)
        return true;
    if (is_control(seen->last) || is_control(next))
        return false;
    return extends(next) || next == EG_GRAPHEME_ZWJ || next == EG_GRAPHEME_SPACING ||
           seen->last == EG_GRAPHEME_PREPEND || joins_hangul(seen->last, next) ||
           (next == EG_GRAPHEME_CONSONANT && seen->conjunct == LINKED) ||
           (next == EG_GRAPHEME_PICTOGRAPHIC && seen->emoji == JOINED) ||
           (next == EG_GRAPHEME_REGIONAL && seen->odd_regional);
}

size_t
eg_grapheme_end(const eg_char *text, size_t begin, size_t count)
{
    enum { FIRST_MARK = 0x300 }; /* below it, only CR and LF are ever together */
    size_t end = begin + 1;
    if (end == count || (text[begin].c < FIRST_MARK && text[end].c < FIRST_MARK && text[begin].c != '\r'))
        return end;
    cluster seen = {0};
    remember(&seen, eg_unicode(text[begin].c)->grapheme);
    for (; end < count; end++) {
        eg_grapheme next = eg_unicode(text[end].c)->grapheme;
        if (!joins(&seen, next))
            break;
        remember(&seen, next);
    }
    return end;
}
