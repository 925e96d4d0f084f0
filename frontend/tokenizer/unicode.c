/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/tokenizer/unicode.h"

#include <string.h>

/* Hangul syllables are arithmetic: leading consonants × vowels × trailing consonants (the first of these is none). */
enum { HANGUL = 0xAC00, LEADING = 0x1100, VOWEL = 0x1161, TRAILING = 0x11A7 };
enum { LEADINGS = 19, VOWELS = 21, TRAILINGS = 28, SYLLABLES = LEADINGS * VOWELS * TRAILINGS };

/* The place of c in a sorted table, or `count`. */
static size_t
find(const uint32_t *table, size_t count, uint32_t c)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table[middle] < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && table[low] == c ? low : count;
}

static size_t
take(uint32_t packed, uint32_t *out)
{
    size_t length = packed & 31;
    memcpy(out, eg_unicode_strings + (packed >> 5), length * sizeof *out);
    return length;
}

static size_t
decompose_hangul(uint32_t c, uint32_t *out)
{
    uint32_t syllable = c - HANGUL, trailing = syllable % TRAILINGS;
    out[0] = LEADING + syllable / (VOWELS * TRAILINGS);
    out[1] = VOWEL + syllable / TRAILINGS % VOWELS;
    out[2] = TRAILING + trailing;
    return trailing > 0 ? 3 : 2;
}

size_t
eg_char_decompose(uint32_t c, bool compatible, uint32_t out[EG_UNICODE_LONGEST])
{
    unsigned flags = eg_unicode(c)->flags;
    if (flags & (compatible ? EG_CHAR_COMPATIBLE : EG_CHAR_CANONICAL)) {
        if (c >= HANGUL && c < HANGUL + SYLLABLES)
            return decompose_hangul(c, out);
        if (compatible) {
            size_t at = find(eg_unicode_compatible_from, EG_UNICODE_COMPATIBLE, c);
            if (at < EG_UNICODE_COMPATIBLE)
                return take(eg_unicode_compatible_into[at], out);
        }
        size_t at = find(eg_unicode_canonical_from, EG_UNICODE_CANONICAL, c);
        if (at < EG_UNICODE_CANONICAL)
            return take(eg_unicode_canonical_into[at], out);
    }
    out[0] = c;
    return 1;
}

static uint32_t
compose_hangul(uint32_t first, uint32_t second)
{
    if (first >= LEADING && first < LEADING + LEADINGS && second >= VOWEL && second < VOWEL + VOWELS)
        return HANGUL + ((first - LEADING) * VOWELS + (second - VOWEL)) * TRAILINGS;
    if (first >= HANGUL && first < HANGUL + SYLLABLES && (first - HANGUL) % TRAILINGS == 0 && second > TRAILING &&
        second < TRAILING + TRAILINGS)
        return first + (second - TRAILING);
    return 0;
}

uint32_t
eg_char_compose(uint32_t first, uint32_t second)
{
    uint32_t hangul = compose_hangul(first, second);
    if (hangul)
        return hangul;
    size_t low = 0, high = EG_UNICODE_PAIRS;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        uint32_t a = eg_unicode_pair_first[middle], b = eg_unicode_pair_second[middle];
        if (a == first && b == second)
            return eg_unicode_pair_into[middle];
        if (a < first || (a == first && b < second))
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}
