/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rules of the Moses tokenizer are made of: what they hold true of characters, and replacing by pattern. They
 * are those of the Python package sacremoses, which differ from the Perl scripts here and there.
 *
 * There are many rules and most do nothing to most texts: a text notes which characters it has, and a rule that needs
 * another is passed by. Thread-safety: an eg_moses is immutable; an eg_moses_text belongs to one eg_work.
 */
#ifndef EG_FRONTEND_TOKENIZER_MOSES_H
#define EG_FRONTEND_TOKENIZER_MOSES_H

#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/unicode.h"

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

/* Python's white space. */
static inline bool
eg_moses_white(uint32_t c)
{
    if (c < 0x80)
        return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
    return eg_char_is(c, EG_CHAR_WHITE);
}

/* ---- Rules ---- */

/*
 * A pattern is a row of elements: a character, or a class (the letters are in moses.c); "+" after one: as many as
 * there are, "*": or none. What replaces a match is text in which %1 is what the first element matched, and so on.
 */
typedef struct eg_moses_rule {
    const char *pattern, *into;
} eg_moses_rule;

/* Which characters a text may have: those of ASCII, and of 64 groups of others. */
typedef struct eg_moses_seen {
    uint64_t ascii[2], others;
} eg_moses_seen;

typedef struct eg_moses_compiled eg_moses_compiled;

/* Rules that are applied one after another. */
typedef struct eg_moses_rules {
    eg_moses_compiled *rules;
    size_t count;
} eg_moses_rules;

enum { EG_MOSES_DIRECT = 0x3400 }; /* characters below have their flags in a table */

typedef struct eg_moses {
    eg_moses_options options;
    eg_moses_rules quotes, punctuation, symbols, commas, apostrophes, last_dot;
    uint16_t flags[EG_MOSES_DIRECT];
    uint16_t pages[0x1100]; /* of 256 characters each: their flags, if they are all the same */
} eg_moses;

EG_NODISCARD eg_status eg_moses_new(const eg_moses_options *options, eg_arena *arena, const eg_moses **out,
                                    eg_error *err);
unsigned eg_moses_flags(const eg_moses *moses, uint32_t c);

/* ---- Texts ---- */

typedef struct eg_moses_row {
    uint32_t *c, *from; /* the characters, and of which of the original each was made, if that is wanted */
    size_t count, capacity, from_capacity;
} eg_moses_row;

typedef struct eg_moses_text {
    eg_moses_row now, next; /* the text; what becomes of it */
    eg_moses_seen seen;
    bool places; /* `from` is wanted */
} eg_moses_text;

/* What an encoder keeps: a text, and the part of it that is being cut. */
typedef struct eg_moses_work {
    eg_moses_text whole, part;
} eg_moses_work;

void eg_moses_work_free(eg_moses_work *work); /* NULL is fine */

/* Appends to text->next. False: no memory. */
bool eg_moses_put(eg_moses_text *text, uint32_t c, uint32_t from);
bool eg_moses_copy(eg_moses_text *text, size_t begin, size_t end); /* of text->now */
void eg_moses_swap(eg_moses_text *text);                           /* next becomes the text */
void eg_moses_note(eg_moses_seen *seen, uint32_t c);
bool eg_moses_may_have(const eg_moses_seen *seen, uint32_t c);

/* Applies the rules one after another to all of the text, in time linear in its length. False: no memory. */
bool eg_moses_apply(const eg_moses *moses, const eg_moses_rules *rules, eg_moses_text *text);

/* normalizer_moses.c: wide punctuation, quotes and blanks; characters that cannot be printed go. */
extern const eg_moses_rule eg_moses_quotes[], eg_moses_punctuation[];
extern const eg_moses_rule eg_moses_punctuation_of[][4]; /* by language */
EG_NODISCARD eg_status eg_moses_normalize(const eg_moses *moses, eg_moses_text *text, eg_work *work, eg_error *err);

/* moses_case.c: lower case, decomposing and composing; work->text is of no meaning then. */
bool eg_moses_lower(const eg_moses *moses, eg_moses_text *text);
EG_NODISCARD eg_status eg_moses_fold(const eg_moses *moses, eg_moses_text *text, eg_work *work, eg_error *err);
EG_NODISCARD eg_status eg_moses_compose(eg_moses_text *text, eg_work *work, eg_error *err);

/* moses_words.c: cuts what eg_moses_normalize() left with blanks between the words. False: no memory. */
extern const eg_moses_rule eg_moses_symbols[], eg_moses_commas[], eg_moses_last_dot[];
extern const eg_moses_rule eg_moses_apostrophes[][6]; /* by language */
void eg_moses_squeeze(eg_moses_text *text);           /* one blank between words and none around them: comes first */
bool eg_moses_cut(const eg_moses *moses, eg_moses_text *text);

extern const eg_part_type eg_pretokenizer_moses; /* of an eg_moses: normalizer and pre-tokenizer at once */

#endif
