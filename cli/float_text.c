/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shortest decimal of a float. Nine significant digits always give a float back; six to eight often do. Each
 * candidate is the float rounded to that many digits: an integer below 10^9, scaled by a power of ten. Between 1e-10
 * and 1e16 that power is an exact double, so one double division or product gives the candidate's value with one
 * rounding, and only where that lands next to the middle between two floats is its float in doubt: there, and outside
 * the range, the C library decides.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/out.h"

static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* x · 10^e for |e| ≤ 22: one rounding. */
static double
scale(double x, int e)
{
    return e >= 0 ? x * powers[e] : x / powers[-e];
}

/* Whether d rounds to f as the exact number that d stands for does; *doubtful where d is too near to a middle. */
static bool
gives_back(double d, float f, bool *doubtful)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    uint64_t below = bits & 0x1fffffff; /* what a float's 23 bits of fraction leave of the double's 52 */
    *doubtful = below >= 0x0fffffff && below <= 0x10000001;
    return (float)d == f;
}

/* The exponent of x's first digit; a guess from the binary one, then set right. */
static int
decimal_exponent(double x)
{
    int binary;
    frexp(x, &binary);
    int e = (int)floor((binary - 1) * 0.30102999566398120);
    if (scale(x, -e) >= 10.0)
        e++;
    return e;
}

/* Writes `digits` (count of them, no trailing zero unless it is the only one) × 10^(e - count + 1). */
static size_t
place_digits(char *text, const char *digits, int count, int e)
{
    char *at = text;
    if (e < -5 || e > 15) {
        *at++ = digits[0];
        if (count > 1) {
            *at++ = '.';
            memcpy(at, digits + 1, (size_t)count - 1);
            at += count - 1;
        }
        return (size_t)(at - text) + (size_t)sprintf(at, "e%d", e);
    }
    if (e < 0) {
        memcpy(at, "0.0000", (size_t)(1 - e));
        at += 1 - e;
        memcpy(at, digits, (size_t)count);
        return (size_t)(at - text) + (size_t)count;
    }
    for (int i = 0; i <= e; i++)
        *at++ = i < count ? digits[i] : '0';
    if (count > e + 1) {
        *at++ = '.';
        memcpy(at, digits + e + 1, (size_t)(count - e - 1));
        at += count - e - 1;
    }
    return (size_t)(at - text);
}

/* The C library's way: every number of digits, strtof() as the judge. */
static size_t
format_slowly(float x, char *text)
{
    char number[40], digits[16];
    int count = 1;
    for (; count <= 9; count++) {
        snprintf(number, sizeof number, "%.*e", count - 1, (double)x);
        if (strtof(number, NULL) == x)
            break;
    }
    int n = 0;
    for (const char *at = number; *at != 'e'; at++)
        if (*at != '.')
            digits[n++] = *at;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    return place_digits(text, digits, n, atoi(strchr(number, 'e') + 1));
}

static size_t
format_positive(float x, char *text)
{
    if (x < 1e-10f || x >= 1e16f)
        return format_slowly(x, text);
    int e = decimal_exponent(x);
    for (int count = 6; count <= 9; count++) {
        int shift = count - 1 - e; /* candidate = integer / 10^shift */
        double integer = nearbyint(scale(x, shift));
        bool doubtful;
        bool back = gives_back(scale(integer, -shift), x, &doubtful);
        if (doubtful)
            return format_slowly(x, text);
        if (!back)
            continue;
        uint32_t value = (uint32_t)integer;
        while (value % 10 == 0) {
            value /= 10;
            shift--;
        }
        char digits[12];
        int length = 0;
        for (uint32_t rest = value; rest; rest /= 10)
            length++;
        for (int i = length; i-- > 0; value /= 10)
            digits[i] = (char)('0' + value % 10);
        return place_digits(text, digits, length, length - 1 - shift);
    }
    return format_slowly(x, text);
}

size_t
eg_format_float(float value, char *text)
{
    if (!isfinite(value)) {
        memcpy(text, "null", 4);
        return 4;
    }
    size_t sign = 0;
    if (signbit(value)) {
        text[sign++] = '-';
        value = -value;
    }
    if (value == 0.0f) {
        memcpy(text + sign, "0.0", 3); /* the sign of "-0" would be lost where a reader takes it for an integer */
        return sign ? 4 : 1;
    }
    return sign + format_positive(value, text + sign);
}
