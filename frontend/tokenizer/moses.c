/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/tokenizer/moses.h"

#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/unicode.h"

unsigned
eg_moses_flags(uint32_t c)
{
    size_t low = 0, high = eg_moses_range_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (eg_moses_ranges[middle] >> EG_MOSES_FLAG_BITS <= c)
            low = middle;
        else
            high = middle;
    }
    return eg_moses_ranges[low] & ((1u << EG_MOSES_FLAG_BITS) - 1);
}

bool
eg_moses_white(uint32_t c)
{
    return eg_char_is(c, EG_CHAR_WHITE) || (c >= 0x1c && c <= 0x1f);
}

/* ---- Lower case ---- */

enum { CAPITAL_SIGMA = 0x3a3, FINAL_SIGMA = 0x3c2 };

/* A capital sigma becomes a final one where a letter stands before it and none behind. */
static bool
is_final(const eg_chars *text, size_t at)
{
    size_t before = at, behind = at + 1;
    while (before > 0 && eg_moses_flags(text->items[before - 1].c) & EG_MOSES_IGNORABLE)
        before--;
    if (before == 0 || !(eg_moses_flags(text->items[before - 1].c) & EG_MOSES_CASED))
        return false;
    while (behind < text->count && eg_moses_flags(text->items[behind].c) & EG_MOSES_IGNORABLE)
        behind++;
    return behind == text->count || !(eg_moses_flags(text->items[behind].c) & EG_MOSES_CASED);
}

eg_status
eg_moses_lower(eg_work *work, eg_error *err)
{
    work->changes.count = 0;
    for (size_t i = 0; i < work->text.count; i++) {
        uint32_t c = work->text.items[i].c, lower[2] = {c, 0};
        size_t count = 1;
        if (c == CAPITAL_SIGMA && is_final(&work->text, i))
            lower[0] = FINAL_SIGMA;
        else if (c < 0x80 || !(eg_moses_flags(c) & EG_MOSES_OTHER)) /* what Unicode 14 lacks has no case */
            count = eg_char_lower(c, lower);
        for (size_t j = 0; j < count; j++)
            if (!EG_PUSH(&work->changes, ((eg_change){lower[j], j > 0})))
                return eg_fail_nomem(err, "a text being normalised");
    }
    return eg_text_transform(work, err);
}

/* ---- Patterns ---- */

enum { MOST_ELEMENTS = 12, NO_CLASS = 0 };

typedef struct element {
    uint32_t c;
    char class; /* NO_CLASS: the character */
    char times; /* 0, '+' or '*' */
} element;

typedef struct pattern {
    element elements[MOST_ELEMENTS];
    size_t count;
} pattern;

typedef struct match {
    size_t ends[MOST_ELEMENTS];
} match;

static bool
is_in(char class, uint32_t c)
{
    switch (class) {
    case 'a': /* a letter of ASCII */
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    case 'd': /* a digit */
        return c < 0x80 ? c >= '0' && c <= '9' : (eg_moses_flags(c) & EG_MOSES_DIGIT) != 0;
    case 's': /* white space */
        return eg_moses_white(c);
    case 'p': /* what closes a part of a sentence */
        return c < 0x80 && c && strchr(".!:?;,", (int)c);
    case 'q': /* what goes before a closing quotation mark */
        return c == ',' || c == '.';
    case 'x': /* a token of its own */
        return (eg_moses_flags(c) & EG_MOSES_APART) != 0;
    case 'n':
        return (eg_moses_flags(c) & EG_MOSES_NUMBER) != 0;
    case 'N':
        return !(eg_moses_flags(c) & EG_MOSES_NUMBER);
    case 'l':
        return (eg_moses_flags(c) & EG_MOSES_ALPHA) != 0;
    case 'L':
        return !(eg_moses_flags(c) & EG_MOSES_ALPHA);
    case 'O': /* neither a letter nor a number */
        return !(eg_moses_flags(c) & (EG_MOSES_ALPHA | EG_MOSES_NUMBER));
    case '<':
        return c != '<';
    case '.':
        return c != '.';
    default:
        return c == (uint32_t) class; /* %% is the character */
    }
}

static bool
matches(const element *one, uint32_t c)
{
    return one->class == NO_CLASS ? c == one->c : is_in(one->class, c);
}

static void
read_pattern(const char *text, pattern *out)
{
    out->count = 0;
    for (size_t at = 0, length = strlen(text); at < length && out->count < MOST_ELEMENTS;) {
        element *one = &out->elements[out->count++];
        *one = (element){0};
        if (text[at] == '%') {
            one->class = text[at + 1];
            at += 2;
        } else {
            at += eg_utf8_decode(text + at, length - at, &one->c);
        }
        if (text[at] == '+' || text[at] == '*')
            one->times = text[at++];
    }
}

/* Whether all elements match at `begin`; where each ends. "%$" is the end of the text. */
static bool
match_at(const pattern *of, const eg_chars *text, size_t begin, match *out)
{
    size_t at = begin;
    for (size_t i = 0; i < of->count; i++) {
        const element *one = &of->elements[i];
        size_t from = at;
        if (one->class == '$') {
            if (at != text->count)
                return false;
        } else {
            size_t most = one->times ? text->count : at + 1;
            while (at < text->count && at < most && matches(one, text->items[at].c))
                at++;
            if (at == from && one->times != '*') {
                /* the run before this gives its last character back */
                if (i == 0 || of->elements[i - 1].times != '*' || from == 0 ||
                    out->ends[i - 1] == (i > 1 ? out->ends[i - 2] : begin) || !matches(one, text->items[from - 1].c))
                    return false;
                out->ends[i - 1]--;
            }
        }
        out->ends[i] = at;
    }
    return true;
}

static bool
copy_chars(eg_work *work, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++)
        if (!EG_PUSH(&work->next, work->text.items[i]))
            return false;
    return true;
}

static bool
put_replacement(const char *into, const match *found, size_t begin, eg_work *work)
{
    for (size_t at = 0, length = strlen(into); at < length;) {
        if (into[at] == '%' && into[at + 1] != '%') {
            size_t i = (size_t)(into[at + 1] - '1');
            if (!copy_chars(work, i > 0 ? found->ends[i - 1] : begin, found->ends[i]))
                return false;
            at += 2;
            continue;
        }
        eg_char made = work->text.items[begin];
        at += into[at] == '%';
        at += eg_utf8_decode(into + at, length - at, &made.c);
        if (!EG_PUSH(&work->next, made))
            return false;
    }
    return true;
}

/* The first place from `at` on where a match may begin, or the end. */
static size_t
next_place(const pattern *of, const eg_chars *text, size_t at)
{
    while (at < text->count && !matches(&of->elements[0], text->items[at].c))
        at++;
    return at;
}

/* Where a run that begins a pattern without a match ends: no part of it begins a match either. */
static size_t
run_end(const pattern *of, const eg_chars *text, size_t at)
{
    size_t end = at + 1;
    while (of->elements[0].times && end < text->count && matches(&of->elements[0], text->items[end].c))
        end++;
    return end;
}

static bool
apply_rule(const pattern *of, const char *into, eg_work *work)
{
    const eg_chars *text = &work->text;
    match found;
    size_t at = next_place(of, text, 0), kept = 0;
    if (at == text->count)
        return true;
    work->next.count = 0;
    for (; at < text->count; at = next_place(of, text, at)) {
        if (!match_at(of, text, at, &found)) {
            at = run_end(of, text, at);
            continue;
        }
        if (!copy_chars(work, kept, at) || !put_replacement(into, &found, at, work))
            return false;
        at = kept = found.ends[of->count - 1];
    }
    if (!copy_chars(work, kept, text->count))
        return false;
    eg_chars old = work->text;
    work->text = work->next;
    work->next = old;
    return true;
}

eg_status
eg_moses_apply(const eg_moses_rule *rules, eg_work *work, eg_error *err)
{
    for (; *rules->pattern; rules++) {
        pattern read;
        read_pattern(rules->pattern, &read);
        if (!apply_rule(&read, rules->into, work))
            return eg_fail_nomem(err, "a text being normalised");
    }
    return EG_OK;
}
