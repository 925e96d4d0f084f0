/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/utf8.h"

size_t
eg_character(const char *s, size_t n)
{
    const unsigned char *b = (const unsigned char *)s;
    if (n == 0)
        return 0;
    if (b[0] < 0x80)
        return 1;
    if (b[0] < 0xc2 || b[0] > 0xf4)
        return 0;
    size_t length = b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
    if (n < length)
        return 0;
    /* The second byte's range excludes overlong forms, surrogates, and what lies above U+10FFFF. */
    unsigned low = b[0] == 0xe0 ? 0xa0 : b[0] == 0xf0 ? 0x90 : 0x80;
    unsigned high = b[0] == 0xed ? 0x9f : b[0] == 0xf4 ? 0x8f : 0xbf;
    if (b[1] < low || b[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((b[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

bool
eg_is_utf8(const char *s, size_t n, uint32_t *out_column)
{
    uint32_t column = 1;
    for (size_t i = 0; i < n; column++) {
        size_t step = eg_character(s + i, n - i);
        if (step == 0) {
            *out_column = column;
            return false;
        }
        i += step;
    }
    return true;
}

size_t
eg_characters(const char *s, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; count++) {
        size_t step = eg_character(s + i, n - i);
        i += step ? step : 1;
    }
    return count;
}

size_t
eg_put_character(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = length; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(lead[length] | c);
    return length;
}

size_t
eg_cut(const char *s, size_t at)
{
    size_t cut = at;
    while (cut > 0 && ((unsigned char)s[cut] & 0xc0) == 0x80)
        cut--;
    return cut;
}
