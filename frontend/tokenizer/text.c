/* SPDX-License-Identifier: Apache-2.0 */
/* Rewriting a text while each character keeps what it came from, as the library's NormalizedString does. */
#include <string.h>

#include "frontend/tokenizer/parts.h"
#include "frontend/tokenizer/unicode.h"

static eg_status
no_memory(eg_error *err)
{
    return eg_fail_nomem(err, "a text being normalised");
}

static void
swap_text(eg_work *work)
{
    eg_chars old = work->text;
    work->text = work->next;
    work->next = old;
}

eg_status
eg_text_transform(eg_work *work, eg_error *err)
{
    const eg_chars *old = &work->text;
    size_t at = 0;
    if (!eg_grow((void **)&work->next.items, &work->next.capacity, work->changes.count, sizeof *work->next.items))
        return no_memory(err);
    for (size_t i = 0; i < work->changes.count; i++) {
        eg_change change = work->changes.items[i];
        eg_char *made = &work->next.items[i];
        if (change.change > 0) {
            *made = at > 0 ? old->items[at - 1] : (eg_char){0};
        } else {
            *made = old->items[at];
            at += 1 + (size_t)-change.change;
        }
        made->c = change.c;
    }
    work->next.count = work->changes.count;
    swap_text(work);
    return EG_OK;
}

void
eg_text_drop(eg_work *work, unsigned flags)
{
    size_t kept = 0;
    for (size_t i = 0; i < work->text.count; i++)
        if (!eg_char_is(work->text.items[i].c, flags))
            work->text.items[kept++] = work->text.items[i];
    work->text.count = kept;
}

/* The characters before `end` stay what they are. */
static bool
keep_chars(eg_work *work, size_t end)
{
    work->changes.count = 0;
    if (!eg_grow((void **)&work->changes.items, &work->changes.capacity, end, sizeof *work->changes.items))
        return false;
    for (; work->changes.count < end; work->changes.count++)
        work->changes.items[work->changes.count] = (eg_change){work->text.items[work->changes.count].c, 0};
    return true;
}

/* In place, as far as each character becomes one. */
eg_status
eg_text_lower(eg_work *work, eg_error *err)
{
    uint32_t lower[2];
    size_t i = 0;
    while (i < work->text.count && eg_char_lower(work->text.items[i].c, lower) == 1)
        work->text.items[i++].c = lower[0];
    if (i == work->text.count)
        return EG_OK;
    if (!keep_chars(work, i))
        return no_memory(err);
    for (; i < work->text.count; i++) {
        size_t count = eg_char_lower(work->text.items[i].c, lower);
        for (size_t j = 0; j < count; j++)
            if (!EG_PUSH(&work->changes, ((eg_change){lower[j], j > 0})))
                return no_memory(err);
    }
    return eg_text_transform(work, err);
}

static unsigned
class_of(const eg_work *work, uint32_t c)
{
    return work->mark_class ? work->mark_class(c) : eg_unicode(c)->ccc;
}

/*
 * Canonical order of a run of marks: a stable sort by combining class. Classes are bytes, so long runs are counted into
 * place; insertion does for the usual few.
 */
static bool
sort_marks(eg_work *work, size_t begin, size_t end)
{
    enum { FEW = 24 };
    eg_change *marks = work->changes.items;
    if (end - begin <= FEW) {
        for (size_t i = begin + 1; i < end; i++) {
            eg_change mark = marks[i];
            size_t at = i;
            for (; at > begin && class_of(work, marks[at - 1].c) > class_of(work, mark.c); at--)
                marks[at] = marks[at - 1];
            marks[at] = mark;
        }
        return true;
    }
    size_t places[257] = {0};
    for (size_t i = begin; i < end; i++)
        places[class_of(work, marks[i].c) + 1]++;
    for (size_t class = 1; class < 257; class ++)
        places[class] += places[class - 1];
    if (!eg_grow((void **)&work->sorted.items, &work->sorted.capacity, end - begin, sizeof *work->sorted.items))
        return false;
    for (size_t i = begin; i < end; i++)
        work->sorted.items[places[class_of(work, marks[i].c)]++] = marks[i];
    memcpy(marks + begin, work->sorted.items, (end - begin) * sizeof *marks);
    return true;
}

/* Fills work->changes with the decomposed text. */
static bool
decompose(eg_work *work, bool compatible)
{
    size_t marks = 0; /* where the run of marks at the end begins */
    work->changes.count = 0;
    for (size_t i = 0; i < work->text.count; i++) {
        uint32_t parts[EG_UNICODE_LONGEST];
        size_t count = eg_char_decompose(work->text.items[i].c, compatible, parts);
        for (size_t j = 0; j < count; j++) {
            if (class_of(work, parts[j]) == 0) {
                if (!sort_marks(work, marks, work->changes.count))
                    return false;
                marks = work->changes.count + 1;
            }
            if (!EG_PUSH(&work->changes, ((eg_change){parts[j], j > 0})))
                return false;
        }
    }
    return marks >= work->changes.count || sort_marks(work, marks, work->changes.count);
}

/* Whether there is nothing to decompose and no mark to be put in order. */
static bool
is_decomposed(const eg_work *work, bool compatible)
{
    const eg_chars *text = &work->text;
    for (size_t i = 0; i < text->count; i++) {
        uint32_t c = text->items[i].c, parts[EG_UNICODE_LONGEST];
        if (c < 0x80)
            continue;
        if (class_of(work, c) != 0 || eg_char_decompose(c, compatible, parts) != 1 || parts[0] != c)
            return false;
    }
    return true;
}

eg_status
eg_text_decompose(eg_work *work, bool compatible, eg_error *err)
{
    if (is_decomposed(work, compatible))
        return EG_OK;
    if (!decompose(work, compatible))
        return no_memory(err);
    return eg_text_transform(work, err);
}

/* Joins the decomposed work->changes. What a starter swallows is counted in its change. */
static void
compose(eg_work *work)
{
    eg_change *items = work->changes.items;
    size_t kept = 0, starter = SIZE_MAX;
    unsigned last = 0; /* class of the last mark kept after the starter; 0: none */
    for (size_t i = 0; i < work->changes.count; i++) {
        eg_change item = items[i];
        unsigned class = class_of(work, item.c);
        bool blocked = last != 0 && last >= class;
        uint32_t joined = starter == SIZE_MAX || blocked ? 0 : eg_char_compose(items[starter].c, item.c);
        if (joined) {
            items[starter].c = joined;
            items[starter].change += item.change - 1;
            continue;
        }
        if (class == 0) {
            starter = kept;
            last = 0;
        } else if (starter != SIZE_MAX) {
            last = class;
        }
        items[kept++] = item;
    }
    work->changes.count = kept;
}

eg_status
eg_text_compose(eg_work *work, bool compatible, eg_error *err)
{
    if (!decompose(work, compatible))
        return no_memory(err);
    compose(work);
    return eg_text_transform(work, err);
}

static bool
put_word(eg_work *work, size_t begin, size_t end)
{
    return begin == end || EG_PUSH(&work->words_next, ((eg_span){begin, end}));
}

static bool
merge_with_previous(eg_work *work)
{
    const eg_segment *segments = work->segments.items;
    size_t count = work->segments.count;
    for (size_t i = 0; i < count; i++) {
        size_t begin = segments[i].begin;
        if (!segments[i].match && i + 1 < count && segments[i + 1].match)
            i++;
        if (!put_word(work, begin, segments[i].end))
            return false;
    }
    return true;
}

static bool
merge_with_next(eg_work *work)
{
    const eg_segment *segments = work->segments.items;
    size_t count = work->segments.count;
    for (size_t i = 0; i < count; i++) {
        size_t begin = segments[i].begin;
        if (segments[i].match && i + 1 < count && !segments[i + 1].match)
            i++;
        if (!put_word(work, begin, segments[i].end))
            return false;
    }
    return true;
}

static bool
merge_alike(eg_work *work)
{
    const eg_segment *segments = work->segments.items;
    size_t count = work->segments.count;
    for (size_t i = 0; i < count; i++) {
        size_t begin = segments[i].begin;
        while (i + 1 < count && segments[i + 1].match == segments[i].match)
            i++;
        if (!put_word(work, begin, segments[i].end))
            return false;
    }
    return true;
}

static bool
put_segments(eg_work *work, eg_split behavior)
{
    switch (behavior) {
    case EG_SPLIT_MERGED_WITH_PREVIOUS:
        return merge_with_previous(work);
    case EG_SPLIT_MERGED_WITH_NEXT:
        return merge_with_next(work);
    case EG_SPLIT_CONTIGUOUS:
        return merge_alike(work);
    case EG_SPLIT_ISOLATED:
    case EG_SPLIT_REMOVED:
        break;
    }
    for (size_t i = 0; i < work->segments.count; i++) {
        eg_segment segment = work->segments.items[i];
        if (!(segment.match && behavior == EG_SPLIT_REMOVED) && !put_word(work, segment.begin, segment.end))
            return false;
    }
    return true;
}

eg_status
eg_words_split_by(eg_work *work, eg_segmenter find, const void *context, eg_split behavior, eg_error *err)
{
    work->words_next.count = 0;
    for (size_t i = 0; i < work->words.count; i++) {
        work->segments.count = 0;
        if (!find(work, work->words.items[i], context) || !put_segments(work, behavior))
            return no_memory(err);
    }
    eg_spans old = work->words;
    work->words = work->words_next;
    work->words_next = old;
    return EG_OK;
}

static bool
segment_by_flags(eg_work *work, eg_span word, const void *context)
{
    unsigned flags = *(const unsigned *)context;
    size_t begin = word.begin;
    for (size_t i = word.begin; i < word.end; i++) {
        if (!eg_char_is(work->text.items[i].c, flags))
            continue;
        if (begin < i && !EG_PUSH(&work->segments, ((eg_segment){begin, i, false})))
            return false;
        if (!EG_PUSH(&work->segments, ((eg_segment){i, i + 1, true})))
            return false;
        begin = i + 1;
    }
    return begin == word.end || EG_PUSH(&work->segments, ((eg_segment){begin, word.end, false}));
}

eg_status
eg_words_split(eg_work *work, unsigned flags, eg_split behavior, eg_error *err)
{
    return eg_words_split_by(work, segment_by_flags, &flags, behavior, err);
}
