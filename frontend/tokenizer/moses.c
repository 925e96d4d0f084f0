/* SPDX-License-Identifier: Apache-2.0 */
#include "frontend/tokenizer/moses.h"

#include <string.h>

#include "base/utf8.h"

/* ---- Characters ---- */

static unsigned
find_flags(uint32_t c)
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

enum { MIXED = UINT16_MAX, PAGE = 256 };

/* The ranges are walked once, in order. */
static void
fill_flags(eg_moses *moses)
{
    size_t range = 0;
    for (uint32_t page = 0; page < sizeof moses->pages / sizeof *moses->pages; page++) {
        uint32_t first = page * PAGE, last = first + PAGE - 1;
        while (range + 1 < eg_moses_range_count && eg_moses_ranges[range + 1] >> EG_MOSES_FLAG_BITS <= first)
            range++;
        bool whole = range + 1 == eg_moses_range_count || eg_moses_ranges[range + 1] >> EG_MOSES_FLAG_BITS > last;
        moses->pages[page] = whole ? (uint16_t)(eg_moses_ranges[range] & ((1u << EG_MOSES_FLAG_BITS) - 1)) : MIXED;
    }
    for (uint32_t c = 0; c < EG_MOSES_DIRECT; c++)
        moses->flags[c] = (uint16_t)find_flags(c);
}

unsigned
eg_moses_flags(const eg_moses *moses, uint32_t c)
{
    if (c < EG_MOSES_DIRECT)
        return moses->flags[c];
    unsigned page = moses->pages[c / PAGE];
    return page != MIXED ? page : find_flags(c);
}

/* ---- Texts ---- */

static void
free_rows(eg_moses_text *text)
{
    eg_free(text->now.c);
    eg_free(text->now.from);
    eg_free(text->next.c);
    eg_free(text->next.from);
}

void
eg_moses_work_free(eg_moses_work *work)
{
    if (!work)
        return;
    free_rows(&work->whole);
    free_rows(&work->part);
    eg_free(work);
}

static bool
reserve(eg_moses_text *text, size_t more)
{
    eg_moses_row *row = &text->next;
    size_t need = row->count + more;
    return (need <= row->capacity || eg_grow((void **)&row->c, &row->capacity, need, sizeof *row->c)) &&
           (!text->places || need <= row->from_capacity ||
            eg_grow((void **)&row->from, &row->from_capacity, need, sizeof *row->from));
}

bool
eg_moses_put(eg_moses_text *text, uint32_t c, uint32_t from)
{
    eg_moses_row *row = &text->next;
    if (!reserve(text, 1))
        return false;
    if (text->places)
        row->from[row->count] = from;
    row->c[row->count++] = c;
    return true;
}

bool
eg_moses_copy(eg_moses_text *text, size_t begin, size_t end)
{
    eg_moses_row *row = &text->next;
    size_t count = end - begin;
    if (count == 0)
        return true;
    if (!reserve(text, count))
        return false;
    memcpy(row->c + row->count, text->now.c + begin, count * sizeof *row->c);
    if (text->places)
        memcpy(row->from + row->count, text->now.from + begin, count * sizeof *row->from);
    row->count += count;
    return true;
}

void
eg_moses_swap(eg_moses_text *text)
{
    eg_moses_row old = text->now;
    text->now = text->next;
    text->next = old;
    text->next.count = 0;
}

static unsigned
group_of(uint32_t c)
{
    return c * 0x9e3779b1u >> 26;
}

void
eg_moses_note(eg_moses_seen *seen, uint32_t c)
{
    if (c < 0x80)
        seen->ascii[c / 64] |= UINT64_C(1) << c % 64;
    else
        seen->others |= UINT64_C(1) << group_of(c);
}

bool
eg_moses_may_have(const eg_moses_seen *seen, uint32_t c)
{
    return (c < 0x80 ? seen->ascii[c / 64] >> c % 64 : seen->others >> group_of(c)) & 1;
}

static bool
has_all(const eg_moses_seen *seen, const eg_moses_seen *needed)
{
    return !((needed->ascii[0] & ~seen->ascii[0]) | (needed->ascii[1] & ~seen->ascii[1]) |
             (needed->others & ~seen->others));
}

/* ---- Patterns ---- */

enum { MOST_ELEMENTS = 12, MOST_PIECES = 16, NO_CLASS = 0 };

typedef struct element {
    uint32_t c;
    char class; /* NO_CLASS: the character */
    char times; /* 0, '+' or '*' */
} element;

/* Of what replaces a match: a character, or what an element matched. */
typedef struct piece {
    uint32_t c;
    int element; /* -1: the character */
} piece;

struct eg_moses_compiled {
    element elements[MOST_ELEMENTS];
    piece into[MOST_PIECES];
    size_t count, pieces;
    size_t anchor;  /* the element that is looked for; those before it are one character each */
    bool keeps_one; /* a match of one character becomes itself */
    eg_moses_seen needs, gives;
};

typedef struct match {
    size_t ends[MOST_ELEMENTS];
} match;

static bool
is_in(const eg_moses *moses, char class, uint32_t c)
{
    switch (class) {
    case 'a': /* a letter of ASCII */
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    case 'd': /* a digit */
        return c < 0x80 ? c >= '0' && c <= '9' : (eg_moses_flags(moses, c) & EG_MOSES_DIGIT) != 0;
    case 's': /* white space */
        return eg_moses_white(c);
    case 'p': /* what closes a part of a sentence */
        return c < 0x80 && c && strchr(".!:?;,", (int)c);
    case 'q': /* what goes before a closing quotation mark */
        return c == ',' || c == '.';
    case 'x': /* a token of its own */
        return (eg_moses_flags(moses, c) & EG_MOSES_APART) != 0;
    case 'n':
        return (eg_moses_flags(moses, c) & EG_MOSES_NUMBER) != 0;
    case 'N':
        return !(eg_moses_flags(moses, c) & EG_MOSES_NUMBER);
    case 'l':
        return (eg_moses_flags(moses, c) & EG_MOSES_ALPHA) != 0;
    case 'L':
        return !(eg_moses_flags(moses, c) & EG_MOSES_ALPHA);
    case 'O': /* neither a letter nor a number */
        return !(eg_moses_flags(moses, c) & (EG_MOSES_ALPHA | EG_MOSES_NUMBER));
    case '<':
        return c != '<';
    case '.':
        return c != '.';
    default:
        return false;
    }
}

static bool
matches(const eg_moses *moses, const element *one, uint32_t c)
{
    return one->class == NO_CLASS ? c == one->c : is_in(moses, one->class, c);
}

static bool
is_word(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The element by which matches are found: a character, best one that is rare, at a fixed distance from the begin. */
static size_t
choose_anchor(const eg_moses_compiled *rule)
{
    size_t best = 0;
    for (size_t i = 0; i < rule->count; i++) {
        const element *one = &rule->elements[i];
        bool better = rule->elements[best].class != NO_CLASS || is_word(rule->elements[best].c);
        if (one->class == NO_CLASS && one->times != '*' && better && (i == 0 || one->times == 0))
            best = i;
        if (one->times)
            break;
    }
    return best;
}

static void
compile_pattern(const char *text, eg_moses_compiled *out)
{
    for (size_t at = 0, length = strlen(text); at < length && out->count < MOST_ELEMENTS;) {
        element *one = &out->elements[out->count++];
        if (text[at] == '%' && text[at + 1] != '%') {
            one->class = text[at + 1];
            at += 2;
        } else {
            at += text[at] == '%'; /* %% is the character */
            at += eg_utf8_decode(text + at, length - at, &one->c);
        }
        if (text[at] == '+' || text[at] == '*')
            one->times = text[at++];
        if (one->class == NO_CLASS && one->times != '*')
            eg_moses_note(&out->needs, one->c);
    }
    out->anchor = choose_anchor(out);
}

static void
compile_into(const char *text, eg_moses_compiled *out)
{
    for (size_t at = 0, length = strlen(text); at < length && out->pieces < MOST_PIECES;) {
        piece *one = &out->into[out->pieces++];
        one->element = -1;
        if (text[at] == '%' && text[at + 1] != '%') {
            one->element = text[at + 1] - '1';
            at += 2;
            continue;
        }
        at += text[at] == '%';
        at += eg_utf8_decode(text + at, length - at, &one->c);
        eg_moses_note(&out->gives, one->c);
    }
    out->keeps_one = out->count == 1 && out->pieces == 1 && out->into[0].element < 0 &&
                     out->elements[0].class == NO_CLASS && out->into[0].c == out->elements[0].c;
}

/* `first`, then `second`, if there is one; an empty pattern ends each. */
static eg_status
compile(const eg_moses_rule *first, const eg_moses_rule *second, eg_arena *arena, eg_moses_rules *out, eg_error *err)
{
    const eg_moses_rule *lists[] = {first, second};
    size_t count = 0;
    for (int i = 0; i < 2 && lists[i]; i++)
        for (const eg_moses_rule *rule = lists[i]; *rule->pattern; rule++)
            count++;
    out->rules = eg_arena_calloc(arena, count, sizeof *out->rules);
    if (!out->rules)
        return eg_fail_nomem(err, "a tokenizer");
    for (int i = 0; i < 2 && lists[i]; i++) {
        for (const eg_moses_rule *rule = lists[i]; *rule->pattern; rule++) {
            eg_moses_compiled *made = &out->rules[out->count++];
            compile_pattern(rule->pattern, made);
            compile_into(rule->into, made);
        }
    }
    return EG_OK;
}

eg_status
eg_moses_new(const eg_moses_options *options, eg_arena *arena, const eg_moses **out, eg_error *err)
{
    eg_moses *moses = eg_arena_calloc(arena, 1, sizeof *moses);
    eg_moses_language language = options->language;
    if (!moses)
        return eg_fail_nomem(err, "a tokenizer");
    moses->options = *options;
    EG_TRY(compile(eg_moses_quotes, NULL, arena, &moses->quotes, err));
    EG_TRY(compile(eg_moses_punctuation, eg_moses_punctuation_of[language], arena, &moses->punctuation, err));
    EG_TRY(compile(eg_moses_symbols, NULL, arena, &moses->symbols, err));
    EG_TRY(compile(eg_moses_commas, NULL, arena, &moses->commas, err));
    EG_TRY(compile(eg_moses_apostrophes[language], NULL, arena, &moses->apostrophes, err));
    EG_TRY(compile(eg_moses_last_dot, NULL, arena, &moses->last_dot, err));
    fill_flags(moses);
    *out = moses;
    return EG_OK;
}

/* ---- Replacing ---- */

/* Whether all elements match at `begin`; where each ends. "%$" is the end of the text. */
static bool
match_at(const eg_moses *moses, const eg_moses_compiled *of, const eg_moses_row *text, size_t begin, match *out)
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
            while (at < text->count && at < most && matches(moses, one, text->c[at]))
                at++;
            if (at == from && one->times != '*') {
                /* the run before this gives its last character back */
                if (i == 0 || of->elements[i - 1].times != '*' || from == 0 ||
                    out->ends[i - 1] == (i > 1 ? out->ends[i - 2] : begin) || !matches(moses, one, text->c[from - 1]))
                    return false;
                out->ends[i - 1]--;
            }
        }
        out->ends[i] = at;
    }
    return true;
}

static bool
put_replacement(const eg_moses_compiled *rule, const match *found, size_t begin, eg_moses_text *text)
{
    for (size_t i = 0; i < rule->pieces; i++) {
        int from = rule->into[i].element;
        bool put = from < 0 ? eg_moses_put(text, rule->into[i].c, text->places ? text->now.from[begin] : 0)
                            : eg_moses_copy(text, from > 0 ? found->ends[from - 1] : begin, found->ends[from]);
        if (!put)
            return false;
    }
    return true;
}

/* The next place, from `at` on, of what a rule looks for, or the end. */
static size_t
next_anchor(const eg_moses *moses, const eg_moses_compiled *rule, const eg_moses_row *text, size_t at)
{
    const element *anchor = &rule->elements[rule->anchor];
    if (anchor->class == NO_CLASS)
        while (at < text->count && text->c[at] != anchor->c)
            at++;
    else
        while (at < text->count && !is_in(moses, anchor->class, text->c[at]))
            at++;
    return at;
}

/* Where to look next after no match was found: no part of a run begins one if the whole does not. */
static size_t
behind(const eg_moses *moses, const eg_moses_compiled *rule, const eg_moses_row *text, size_t at)
{
    const element *anchor = &rule->elements[rule->anchor];
    size_t end = at + 1;
    while (anchor->times && end < text->count && matches(moses, anchor, text->c[end]))
        end++;
    return end;
}

static bool
apply(const eg_moses *moses, const eg_moses_compiled *rule, eg_moses_text *text)
{
    const eg_moses_row *now = &text->now;
    size_t kept = 0, at = rule->anchor;
    match found;
    text->next.count = 0;
    while ((at = next_anchor(moses, rule, now, at)) < now->count) {
        size_t begin = at - rule->anchor;
        if (begin < kept || !match_at(moses, rule, now, begin, &found)) {
            at = behind(moses, rule, now, at);
            continue;
        }
        size_t end = found.ends[rule->count - 1];
        at = end + rule->anchor;
        if (rule->keeps_one && end - begin == 1)
            continue;
        if (!eg_moses_copy(text, kept, begin) || !put_replacement(rule, &found, begin, text))
            return false;
        kept = end;
    }
    if (kept == 0)
        return true;
    if (!eg_moses_copy(text, kept, now->count))
        return false;
    eg_moses_swap(text);
    text->seen.ascii[0] |= rule->gives.ascii[0];
    text->seen.ascii[1] |= rule->gives.ascii[1];
    text->seen.others |= rule->gives.others;
    return true;
}

bool
eg_moses_apply(const eg_moses *moses, const eg_moses_rules *rules, eg_moses_text *text)
{
    for (size_t i = 0; i < rules->count; i++)
        if (has_all(&text->seen, &rules->rules[i].needs) && !apply(moses, &rules->rules[i], text))
            return false;
    return true;
}
