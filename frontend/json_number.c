/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/json_number.h"

#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
    EXACT_POWERS = 22, /* of ten, that are doubles */
    BUFFER = 64
};

static double
small_power(int64_t exponent)
{
    static const double powers[EXACT_POWERS + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    return powers[exponent];
}

/*
 * Exact without strtod() where digits and power of ten are both exact doubles, so that one operation rounds once.
 */
static bool
convert_fast(const eg_json_number *n, double *out)
{
    if (FLT_EVAL_METHOD != 0 || !n->small || n->digits > UINT64_C(1) << 53 || n->scale < -EXACT_POWERS ||
        n->scale > EXACT_POWERS)
        return false;
    double value = (double)n->digits;
    value = n->scale < 0 ? value / small_power(-n->scale) : value * small_power(n->scale);
    *out = n->negative ? -value : value;
    return true;
}

/* strtod() in the C locale, whatever the program's is. */
static bool
read_text(const char *text, locale_t *c_locale, double *out)
{
    if (!*c_locale)
        *c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!*c_locale)
        return false;
    *out = strtod_l(text, NULL, *c_locale);
    return true;
}

/* On a copy of the text that has an end. */
static bool
convert_slowly(const eg_json_number *n, locale_t *c_locale, double *out)
{
    char buffer[BUFFER], *copy = n->length < sizeof buffer ? buffer : eg_alloc(n->length + 1);
    if (!copy)
        return false;
    memcpy(copy, n->start, n->length);
    copy[n->length] = '\0';
    bool read = read_text(copy, c_locale, out);
    if (copy != buffer)
        eg_free(copy);
    return read;
}

/* The digits may be many and the exponent large: what is left out of the digits counts as zeros. */
static bool
convert_rounding_twice(const eg_json_number *n, locale_t *c_locale, double *out)
{
    const int64_t largest = DBL_MAX_10_EXP;
    double value = (double)n->digits, power;
    int64_t scale = n->scale;
    for (; scale < -largest && value != 0; scale += largest)
        value /= 1e308;
    int64_t exponent = value == 0 ? 0 : scale < 0 ? -scale : scale <= largest ? scale : largest + 1;
    char text[BUFFER];
    if (exponent <= EXACT_POWERS) {
        power = small_power(exponent);
    } else {
        snprintf(text, sizeof text, "1e%" PRId64, exponent);
        if (!read_text(text, c_locale, &power))
            return false;
    }
    value = scale < 0 ? value / power : value * power;
    *out = n->negative ? -value : value;
    return true;
}

bool
eg_json_number_convert(const eg_json_number *number, bool rounds_twice, locale_t *c_locale, double *out)
{
    if (convert_fast(number, out))
        return true;
    return rounds_twice ? convert_rounding_twice(number, c_locale, out) : convert_slowly(number, c_locale, out);
}
