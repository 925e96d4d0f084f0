/* SPDX-License-Identifier: Apache-2.0 */
/* The Moses tokenizer, without its escapes. It rewrites the text until blanks are between the words. */
#include <string.h>

#include "base/utf8.h"
#include "frontend/tokenizer/moses.h"

static const eg_moses_rule blanks[] = {{"%s+", " "}, {"", ""}};
/* Symbols stand alone. */
static const eg_moses_rule symbols[] = {{"%x", " %1 "}, {"", ""}};
/* A text's own words that mean dots; commas, but for those within numbers. */
static const eg_moses_rule commas[] = {
    {"DOTMULTI.%.", "DOTDOTMULTI %:"},
    {"DOTMULTI.", "DOTDOTMULTI"},
    {"%N,", "%1 , "},
    {",%N", " , %2"},
    {"%n,%$", "%1 , "},
    {"", ""},
};
static const eg_moses_rule apostrophes[][6] = {
    [EG_MOSES_ENGLISH] = {{"%L'%L", "%1 ' %3"},
                          {"%O'%l", "%1 ' %3"},
                          {"%l'%L", "%1 ' %3"},
                          {"%l'%l", "%1 '%3"},
                          {"%n's", "%1 '%3"},
                          {"", ""}},
    [EG_MOSES_FRENCH] =
        {{"%L'%L", "%1 ' %3"}, {"%L'%l", "%1 ' %3"}, {"%l'%L", "%1 ' %3"}, {"%l'%l", "%1' %3"}, {"", ""}},
};
/* The one character that Python's tables decompose and ours, which are older, do not. */
static const eg_moses_rule newer[] = {{"\U00011938", "\U00011935\U00011930"}, {"", ""}};
static const eg_moses_rule last_dot[] = {{".'%$", " . ' "}, {"", ""}};

static bool
put(eg_work *work, eg_char like, const char *text)
{
    for (; *text; text++) {
        like.c = (unsigned char)*text;
        if (!EG_PUSH(&work->next, like))
            return false;
    }
    return true;
}

static void
swap(eg_work *work)
{
    eg_chars old = work->text;
    work->text = work->next;
    work->next = old;
}

/* Whether ASCII `word` is at `at`. */
static bool
is_at(const eg_chars *text, size_t at, const char *word)
{
    for (; *word; word++, at++)
        if (at >= text->count || text->items[at].c != (unsigned char)*word)
            return false;
    return true;
}

/* Dots in a row become a word, for what follows not to cut them: DOTMULTI, with a DOT before it for each beyond one. */
static bool
hide_dots(eg_work *work)
{
    const eg_chars *text = &work->text;
    work->next.count = 0;
    for (size_t i = 0; i < text->count;) {
        size_t end = i;
        while (end < text->count && text->items[end].c == '.')
            end++;
        if (end - i < 2) {
            if (!EG_PUSH(&work->next, text->items[i++]))
                return false;
            continue;
        }
        if (!put(work, text->items[i], " "))
            return false;
        for (size_t dot = i + 1; dot < end; dot++)
            if (!put(work, text->items[dot], "DOT"))
                return false;
        if (!put(work, text->items[i], end < text->count ? "DOTMULTI " : "DOTMULTI"))
            return false;
        i = end;
    }
    swap(work);
    return true;
}

static bool
show_dots(eg_work *work)
{
    const eg_chars *text = &work->text;
    work->next.count = 0;
    for (size_t i = 0; i < text->count;) {
        size_t end = i, dots = 0;
        for (; is_at(text, end, "DOT"); end += 3)
            dots++;
        if (dots == 0 || !is_at(text, end, "MULTI")) {
            end += dots == 0;
            for (; i < end; i++)
                if (!EG_PUSH(&work->next, text->items[i]))
                    return false;
            continue;
        }
        for (size_t dot = 0; dot < dots; dot++)
            if (!put(work, text->items[i], "."))
                return false;
        i = end + 5;
    }
    swap(work);
    return true;
}

/* ---- Full stops ---- */

static bool
is_listed(const char *const *list, const eg_char *word, size_t length)
{
    enum { LONGEST = 16 }; /* characters of a listed word: fewer */
    char text[4 * LONGEST + 1];
    size_t bytes = 0;
    if (length >= LONGEST)
        return false;
    for (size_t i = 0; i < length; i++)
        bytes += eg_utf8_encode(word[i].c, text + bytes);
    text[bytes] = '\0';
    while (*list && strcmp(*list, text) != 0)
        list++;
    return *list != NULL;
}

static bool
is_abbreviation(const eg_char *word, size_t length)
{
    bool dot = false, letter = false;
    for (size_t i = 0; i < length; i++) {
        dot |= word[i].c == '.';
        letter |= (eg_moses_flags(word[i].c) & EG_MOSES_ALPHA) != 0;
    }
    return dot && letter;
}

/* Whether the full stop at a word's end stays with it. `next`: what the next word begins with, or 0. */
static bool
keeps_stop(const eg_moses_prefixes *prefixes, const eg_char *word, size_t length, uint32_t next)
{
    return is_abbreviation(word, length) || is_listed(prefixes->plain, word, length) ||
           (next && eg_moses_flags(next) & EG_MOSES_LOWER) ||
           (next >= '0' && next <= '9' && is_listed(prefixes->numeric, word, length));
}

static size_t
word_end(const eg_chars *text, size_t at)
{
    while (at < text->count && !eg_moses_white(text->items[at].c))
        at++;
    return at;
}

static size_t
word_begin(const eg_chars *text, size_t at)
{
    while (at < text->count && eg_moses_white(text->items[at].c))
        at++;
    return at;
}

/* Puts a blank before full stops, and one between words. */
static bool
cut_stops(const eg_moses_prefixes *prefixes, eg_work *work)
{
    const eg_chars *text = &work->text;
    work->next.count = 0;
    for (size_t i = word_begin(text, 0), end, next; i < text->count; i = next) {
        end = word_end(text, i);
        next = word_begin(text, end);
        bool stop = end - i > 1 && text->items[end - 1].c == '.' &&
                    !keeps_stop(prefixes, text->items + i, end - i - 1, next < text->count ? text->items[next].c : 0);
        if (work->next.count > 0 && !put(work, text->items[i], " "))
            return false;
        for (; i < end; i++)
            if ((stop && i + 1 == end && !put(work, text->items[i], " ")) || !EG_PUSH(&work->next, text->items[i]))
                return false;
    }
    swap(work);
    return true;
}

/* ---- All of it ---- */

static bool
find_words(eg_work *work)
{
    const eg_chars *text = &work->text;
    work->words.count = 0;
    for (size_t i = word_begin(text, 0), end; i < text->count; i = word_begin(text, end)) {
        end = word_end(text, i);
        if (!EG_PUSH(&work->words, ((eg_span){i, end})))
            return false;
    }
    return true;
}

/* Lower case without accents. */
static eg_status
fold(eg_work *work, eg_error *err)
{
    size_t kept = 0;
    EG_TRY(eg_moses_lower(work, err));
    EG_TRY(eg_moses_apply(newer, work, err));
    EG_TRY(eg_text_decompose(work, false, err));
    for (size_t i = 0; i < work->text.count; i++)
        if (!(eg_moses_flags(work->text.items[i].c) & EG_MOSES_NONSPACING))
            work->text.items[kept++] = work->text.items[i];
    work->text.count = kept;
    return EG_OK;
}

static void
strip(eg_chars *text)
{
    size_t begin = word_begin(text, 0);
    while (text->count > begin && eg_moses_white(text->items[text->count - 1].c))
        text->count--;
    text->count -= begin;
    memmove(text->items, text->items + begin, text->count * sizeof *text->items);
}

static eg_status
split(const void *state, eg_work *work, eg_error *err)
{
    const eg_moses_options *options = state;
    EG_TRY(eg_moses_apply(blanks, work, err));
    if (work->text.count > 0)
        strip(&work->text);
    EG_TRY(eg_moses_apply(symbols, work, err));
    if (!hide_dots(work))
        return eg_fail_nomem(err, "words");
    EG_TRY(eg_moses_apply(commas, work, err));
    EG_TRY(eg_moses_apply(apostrophes[options->language], work, err));
    if (!cut_stops(&eg_moses_prefixes_of[options->language], work))
        return eg_fail_nomem(err, "words");
    EG_TRY(eg_moses_apply(last_dot, work, err));
    if (!show_dots(work))
        return eg_fail_nomem(err, "words");
    if (options->fold)
        EG_TRY(fold(work, err));
    return find_words(work) ? EG_OK : eg_fail_nomem(err, "words");
}

const eg_part_type eg_pretokenizer_moses = {.name = "Moses", .split = split};
