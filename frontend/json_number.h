/* SPDX-License-Identifier: Apache-2.0 */
/* From the parts of a JSON number to a double. */
#ifndef EG_FRONTEND_JSON_NUMBER_H
#define EG_FRONTEND_JSON_NUMBER_H

#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct eg_json_number {
    const char *start; /* its text */
    size_t length;
    bool negative, integral;
    bool small;      /* all digits are in `digits` */
    bool full;       /* the last digit did not fit, so that those behind it are left out */
    uint64_t digits; /* the digits without the point */
    int64_t scale;   /* the value is digits × 10^scale, if small */
} eg_json_number;

/*
 * rounds_twice: see eg_json_limits. *c_locale is made when it is needed and still 0. False: no memory. Beyond the range of
 * a double *out is infinite.
 */
bool eg_json_number_convert(const eg_json_number *number, bool rounds_twice, locale_t *c_locale, double *out);

#endif
