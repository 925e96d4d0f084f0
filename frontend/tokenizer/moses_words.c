/* SPDX-License-Identifier: Apache-2.0 */
/* The Moses tokenizer, without its escapes. It rewrites the text until blanks are between the words. */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/moses.h"

/* Symbols stand alone. */
const eg_moses_rule eg_moses_symbols[] = {{"%x", " %1 "}, {"", ""}};
/* A text's own words that mean dots; commas, but for those within numbers. */
const eg_moses_rule eg_moses_commas[] = {
    {"DOTMULTI.%.", "DOTDOTMULTI %:"},
    {"DOTMULTI.", "DOTDOTMULTI"},
    {"%N,", "%1 , "},
    {",%N", " , %2"},
    {"%n,%$", "%1 , "},
    {"", ""},
};
const eg_moses_rule eg_moses_apostrophes[][6] = {
    [EG_MOSES_ENGLISH] = {{"%L'%L", "%1 ' %3"},
                          {"%O'%l", "%1 ' %3"},
                          {"%l'%L", "%1 ' %3"},
                          {"%l'%l", "%1 '%3"},
                          {"%n's", "%1 '%3"},
                          {"", ""}},
    [EG_MOSES_FRENCH] =
        {{"%L'%L", "%1 ' %3"}, {"%L'%l", "%1 ' %3"}, {"%l'%L", "%1 ' %3"}, {"%l'%l", "%1' %3"}, {"", ""}},
};
const eg_moses_rule eg_moses_last_dot[] = {{".'%$", " . ' "}, {"", ""}};

/* ---- Blanks ---- */

static size_t
word_end(const eg_moses_row *text, size_t at)
{
    while (at < text->count && !eg_moses_white(text->c[at]))
        at++;
    return at;
}

static size_t
word_begin(const eg_moses_row *text, size_t at)
{
    while (at < text->count && eg_moses_white(text->c[at]))
        at++;
    return at;
}

void
eg_moses_squeeze(eg_moses_text *text)
{
    eg_moses_row *row = &text->now;
    size_t kept = 0;
    for (size_t i = 0; i < row->count; i++) {
        bool white = eg_moses_white(row->c[i]);
        if (white && (kept == 0 || row->c[kept - 1] == ' '))
            continue;
        row->c[kept] = white ? ' ' : row->c[i];
        if (text->places)
            row->from[kept] = row->from[i];
        kept++;
    }
    row->count = kept - (kept > 0 && row->c[kept - 1] == ' ');
    eg_moses_note(&text->seen, ' ');
}

/* ---- Dots in a row ---- */

static bool
put(eg_moses_text *text, const char *ascii, size_t like)
{
    for (; *ascii; ascii++) {
        eg_moses_note(&text->seen, (unsigned char)*ascii);
        if (!eg_moses_put(text, (unsigned char)*ascii, text->places ? text->now.from[like] : 0))
            return false;
    }
    return true;
}

/* Whether ASCII `word` is at `at`. */
static bool
is_at(const eg_moses_row *text, size_t at, const char *word)
{
    for (; *word; word++, at++)
        if (at >= text->count || text->c[at] != (unsigned char)*word)
            return false;
    return true;
}

/* The next two dots from `at` on, or the end. */
static size_t
next_dots(const eg_moses_row *text, size_t at)
{
    while (at < text->count && !(text->c[at] == '.' && at + 1 < text->count && text->c[at + 1] == '.'))
        at++;
    return at;
}

/* Dots in a row become a word, for what follows not to cut them: DOTMULTI, with a DOT before it for each beyond one. */
static bool
hide_dots(eg_moses_text *text)
{
    const eg_moses_row *now = &text->now;
    size_t kept = 0, at;
    if (!eg_moses_may_have(&text->seen, '.') || next_dots(now, 0) == now->count)
        return true;
    while ((at = next_dots(now, kept)) < now->count) {
        if (!eg_moses_copy(text, kept, at) || !put(text, " ", at))
            return false;
        for (kept = at + 1; kept < now->count && now->c[kept] == '.'; kept++)
            if (!put(text, "DOT", kept))
                return false;
        if (!put(text, kept < now->count ? "DOTMULTI " : "DOTMULTI", at))
            return false;
    }
    if (!eg_moses_copy(text, kept, now->count))
        return false;
    eg_moses_swap(text);
    return true;
}

static bool
may_have_hidden(const eg_moses_seen *seen)
{
    for (const char *letter = "DOTMULI"; *letter; letter++)
        if (!eg_moses_may_have(seen, (unsigned char)*letter))
            return false;
    return true;
}

static bool
show_dots(eg_moses_text *text)
{
    const eg_moses_row *now = &text->now;
    size_t kept = 0;
    if (!may_have_hidden(&text->seen))
        return true;
    for (size_t i = 0; i < now->count;) {
        size_t end = i, dots = 0;
        for (; is_at(now, end, "DOT"); end += 3)
            dots++;
        if (dots == 0 || !is_at(now, end, "MULTI")) {
            i = end + (dots == 0);
            continue;
        }
        if (!eg_moses_copy(text, kept, i))
            return false;
        for (size_t dot = 0; dot < dots; dot++)
            if (!put(text, ".", i))
                return false;
        i = kept = end + 5;
    }
    if (kept == 0)
        return true;
    if (!eg_moses_copy(text, kept, now->count))
        return false;
    eg_moses_swap(text);
    return true;
}

/* ---- Full stops ---- */

static bool
is_listed(const char *const *list, const uint32_t *word, size_t length)
{
    enum { LONGEST = 16 }; /* characters of a listed word: fewer */
    char text[4 * LONGEST + 1];
    size_t bytes = 0;
    if (length >= LONGEST)
        return false;
    for (size_t i = 0; i < length; i++)
        bytes += eg_utf8_encode(word[i], text + bytes);
    text[bytes] = '\0';
    while (*list && (**list != *text || strcmp(*list, text) != 0))
        list++;
    return *list != NULL;
}

static bool
is_abbreviation(const eg_moses *moses, const uint32_t *word, size_t length)
{
    bool dot = false, letter = false;
    for (size_t i = 0; i < length && !(dot && letter); i++) {
        dot |= word[i] == '.';
        letter |= (eg_moses_flags(moses, word[i]) & EG_MOSES_ALPHA) != 0;
    }
    return dot && letter;
}

/* Whether the full stop at a word's end stays with it. `next`: what the next word begins with, or 0. */
static bool
keeps_stop(const eg_moses *moses, const uint32_t *word, size_t length, uint32_t next)
{
    const eg_moses_prefixes *prefixes = &eg_moses_prefixes_of[moses->options.language];
    return (next && eg_moses_flags(moses, next) & EG_MOSES_LOWER) || is_abbreviation(moses, word, length) ||
           is_listed(prefixes->plain, word, length) ||
           (next >= '0' && next <= '9' && is_listed(prefixes->numeric, word, length));
}

/* Puts a blank before full stops, and one between words. */
static bool
cut_stops(const eg_moses *moses, eg_moses_text *text)
{
    const eg_moses_row *now = &text->now;
    if (!eg_moses_may_have(&text->seen, '.'))
        return true;
    for (size_t i = word_begin(now, 0), end, next; i < now->count; i = next) {
        end = word_end(now, i);
        next = word_begin(now, end);
        bool stop = end - i > 1 && now->c[end - 1] == '.' &&
                    !keeps_stop(moses, now->c + i, end - i - 1, next < now->count ? now->c[next] : 0);
        if (text->next.count > 0 && !put(text, " ", i))
            return false;
        if (!eg_moses_copy(text, i, end - stop) || (stop && (!put(text, " ", i) || !eg_moses_copy(text, end - 1, end))))
            return false;
    }
    eg_moses_swap(text);
    return true;
}

bool
eg_moses_cut(const eg_moses *moses, eg_moses_text *text)
{
    return eg_moses_apply(moses, &moses->symbols, text) && hide_dots(text) &&
           eg_moses_apply(moses, &moses->commas, text) && eg_moses_apply(moses, &moses->apostrophes, text) &&
           cut_stops(moses, text) && eg_moses_apply(moses, &moses->last_dot, text) && show_dots(text);
}
