/* SPDX-License-Identifier: Apache-2.0 */
/* Strict UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef EG_CLI_UTF8_H
#define EG_CLI_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the valid character at s, 1 to 4; 0 where the bytes are not one or n is 0. */
size_t eg_character(const char *s, size_t n);
/* Whether all n bytes are valid; if not, *out_column is the first bad byte's character, from 1. */
bool eg_is_utf8(const char *s, size_t n, uint32_t *out_column);
/* Characters in n bytes, each byte outside a valid character counting as one. */
size_t eg_characters(const char *s, size_t n);
/* Writes the scalar value c; returns its bytes. */
size_t eg_put_character(uint32_t c, char out[4]);
/* The largest cut ≤ at that does not split a character. */
size_t eg_cut(const char *s, size_t at);

#endif
