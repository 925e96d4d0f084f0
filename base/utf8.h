/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8, strict (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. Thread-safety: safe. */
#ifndef EG_BASE_UTF8_H
#define EG_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes one character. Returns its bytes (1 to 4), or 0 where the bytes are not valid or n is 0. */
size_t eg_utf8_decode(const char *s, size_t n, uint32_t *out_char);

/* Encodes one character into at most 4 bytes; returns their number. c must be a scalar value. */
size_t eg_utf8_encode(uint32_t c, char out[4]);

/* Whether all n bytes are valid; if not and out_bad is given, the offset of the first bad byte. */
bool eg_utf8_valid(const char *s, size_t n, size_t *out_bad);

/* The largest cut ≤ at that does not split a character of s. */
size_t eg_utf8_floor(const char *s, size_t at);

/* Number of characters in n valid bytes. */
size_t eg_utf8_count(const char *s, size_t n);

#endif
