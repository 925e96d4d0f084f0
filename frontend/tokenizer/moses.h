/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rules of the Moses tokenizer are made of: what they hold true of characters, and replacing by pattern. They
 * are those of the Python package sacremoses, which differ from the Perl scripts here and there. Thread-safety: safe.
 */
#ifndef EG_FRONTEND_TOKENIZER_MOSES_H
#define EG_FRONTEND_TOKENIZER_MOSES_H

#include "frontend/tokenizer/parts.h"

/* Of each character; the last five are Python's, of Unicode 14. */
enum {
    EG_MOSES_APART = 1 << 0,  /* a token of its own */
    EG_MOSES_ALPHA = 1 << 1,  /* a letter */
    EG_MOSES_NUMBER = 1 << 2, /* \p{N} */
    EG_MOSES_LOWER = 1 << 3,
    EG_MOSES_OTHER = 1 << 4, /* category C: control, format, private use, unassigned */
    EG_MOSES_NONSPACING = 1 << 5,
    EG_MOSES_DIGIT = 1 << 6,     /* \d */
    EG_MOSES_CASED = 1 << 7,     /* of what decides about a final sigma */
    EG_MOSES_IGNORABLE = 1 << 8, /* likewise: looked through */
    EG_MOSES_FLAG_BITS = 9,
};

/* Sorted: first character of a range << EG_MOSES_FLAG_BITS | its flags. */
extern const uint32_t eg_moses_ranges[];
extern const size_t eg_moses_range_count;

/* Words that keep their full stop; those that keep it only before a number. NULL ends each list. */
typedef struct eg_moses_prefixes {
    const char *const *plain, *const *numeric;
} eg_moses_prefixes;

typedef enum { EG_MOSES_ENGLISH, EG_MOSES_FRENCH } eg_moses_language;
extern const eg_moses_prefixes eg_moses_prefixes_of[]; /* by language */

/* How a class uses the rules. */
typedef struct eg_moses_options {
    eg_moses_language language;
    bool compose; /* quotes of two characters become one, and the text NFC, before all else */
    bool lower;   /* before all else */
    bool fold;    /* lower case and no accents, after all else */
} eg_moses_options;

unsigned eg_moses_flags(uint32_t c);
bool eg_moses_white(uint32_t c); /* Python's white space */
EG_NODISCARD eg_status eg_moses_lower(eg_work *work, eg_error *err);

/*
 * A pattern is a row of elements: a character, or a class (the letters are in moses.c); "+" after one: as many as
 * there are, "*": or none. What replaces a match is text in which %1 is what the first element matched, and so on.
 */
typedef struct eg_moses_rule {
    const char *pattern, *into;
} eg_moses_rule;

/* Applies one after another to all of work->text, in time linear in its length. An empty pattern ends the rules. */
EG_NODISCARD eg_status eg_moses_apply(const eg_moses_rule *rules, eg_work *work, eg_error *err);

extern const eg_part_type eg_normalizer_moses, eg_pretokenizer_moses; /* of an eg_moses_options */

#endif
