/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

static bool
is_continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

size_t
eg_utf8_decode(const char *s, size_t n, uint32_t *out_char)
{
    const unsigned char *p = (const unsigned char *)s;
    if (n == 0)
        return 0;
    if (p[0] < 0x80) {
        *out_char = p[0];
        return 1;
    }
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        if (n < 2 || !is_continuation(p[1]))
            return 0;
        *out_char = ((uint32_t)(p[0] & 0x1f) << 6) | (p[1] & 0x3f);
        return 2;
    }
    if ((p[0] & 0xf0) == 0xe0) {
        if (n < 3 || !is_continuation(p[1]) || !is_continuation(p[2]))
            return 0;
        uint32_t c = ((uint32_t)(p[0] & 0x0f) << 12) | ((uint32_t)(p[1] & 0x3f) << 6) | (p[2] & 0x3f);
        if (c < 0x800 || (c >= 0xd800 && c <= 0xdfff))
            return 0;
        *out_char = c;
        return 3;
    }
    if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        if (n < 4 || !is_continuation(p[1]) || !is_continuation(p[2]) || !is_continuation(p[3]))
            return 0;
        uint32_t c = ((uint32_t)(p[0] & 0x07) << 18) | ((uint32_t)(p[1] & 0x3f) << 12) |
                     ((uint32_t)(p[2] & 0x3f) << 6) | (p[3] & 0x3f);
        if (c < 0x10000 || c > 0x10ffff)
            return 0;
        *out_char = c;
        return 4;
    }
    return 0;
}

size_t
eg_utf8_encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | (c >> 6));
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | (c >> 12));
        out[1] = (char)(0x80 | ((c >> 6) & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 0x3f));
    out[2] = (char)(0x80 | ((c >> 6) & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

bool
eg_utf8_valid(const char *s, size_t n, size_t *out_bad)
{
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t step = eg_utf8_decode(s + i, n - i, &c);
        if (step == 0) {
            if (out_bad)
                *out_bad = i;
            return false;
        }
        i += step;
    }
    return true;
}

size_t
eg_utf8_floor(const char *s, size_t at)
{
    while (at > 0 && is_continuation((unsigned char)s[at]))
        at--;
    return at;
}

size_t
eg_utf8_count(const char *s, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += !is_continuation((unsigned char)s[i]);
    return count;
}
