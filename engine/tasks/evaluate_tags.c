/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads that tag tokens: a label is a list with one tag for each word between blanks. A word counts by its first token, as
 * in the training script of transformers; entities are found in the tags as seqeval finds them, and fit if type, begin
 * and end do.
 */
#include <string.h>

#include "base/utf8.h"
#include "engine/tasks/evaluate.h"
#include "frontend/tokenizer/unicode.h"

typedef struct word {
    uint32_t start, end; /* characters */
    bool counted;        /* it has a tag, and tokens that the limit leaves */
    size_t want, got;    /* tags */
} word;

typedef struct tagger {
    eg_evaluation *evaluation;
    const eg_json *const *labels;
    eg_encoding encoding;
    EG_VEC(word) words;  /* of a text */
    EG_VEC(size_t) tags; /* of its words that count */
    EG_VEC(size_t) wants;
} tagger;

/* --- tags ---------------------------------------------------------------------------------------- */

/* What an entity is called by a tag: behind the kind, and behind the hyphen after it. */
static const char *
type_name(const char *tag)
{
    const char *rest = tag[0] ? tag + 1 : tag;
    const char *hyphen = strchr(rest, '-');
    const char *name = hyphen ? hyphen + 1 : rest;
    return name[0] ? name : "_";
}

static bool
is_outside(char kind)
{
    return kind == 'O' || kind == '.';
}

/* The number of the type of that name; EG_NO_TYPE if there is none. */
static uint32_t
find_type(const eg_evaluation *e, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(e->types[i], name) == 0)
            return i;
    return EG_NO_TYPE;
}

/* Types are numbered in the order of the tags. Tags outside of entities, and the ends of a text, have the nameless one. */
static uint32_t
read_types(eg_evaluation *e)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < e->head.label_count; i++) {
        const char *tag = e->head.labels[i];
        e->tags[i].kind = tag[0] ? tag[0] : 'O';
        if (is_outside(e->tags[i].kind))
            continue;
        e->tags[i].type = find_type(e, count, type_name(tag));
        if (e->tags[i].type == EG_NO_TYPE) {
            e->tags[i].type = count;
            e->types[count++] = type_name(tag);
        }
    }
    e->outside = (eg_tag){'O', find_type(e, count, "_")};
    for (uint32_t i = 0; i < e->head.label_count; i++)
        if (is_outside(e->tags[i].kind))
            e->tags[i].type = find_type(e, count, type_name(e->head.labels[i]));
    return count;
}

static eg_status
begin(eg_evaluation *e, const eg_json *label, eg_error *err)
{
    uint32_t tags = e->head.label_count;
    (void)label;
    if (tags == 0)
        return eg_fail(err, EG_E_INPUT, "the head '%s' has no labels", e->head.name);
    e->tags = eg_arena_calloc(&e->arena, tags, sizeof *e->tags);
    e->types = eg_arena_calloc(&e->arena, tags, sizeof *e->types);
    if (!e->tags || !e->types)
        return eg_fail_nomem(err, "tags");
    EG_TRY(eg_class_counts_new(&e->entities, read_types(e), false, err));
    return eg_class_counts_new(&e->counts, tags, true, err);
}

/* --- entities ------------------------------------------------------------------------------------ */

static bool
ends_before(eg_tag last, eg_tag tag)
{
    if (last.kind == 'E' || last.kind == 'S')
        return true;
    if ((last.kind == 'B' || last.kind == 'I') && (tag.kind == 'B' || tag.kind == 'S' || tag.kind == 'O'))
        return true;
    return !is_outside(last.kind) && last.type != tag.type;
}

static bool
begins_at(eg_tag last, eg_tag tag)
{
    if (tag.kind == 'B' || tag.kind == 'S')
        return true;
    if ((last.kind == 'E' || last.kind == 'S' || last.kind == 'O') && (tag.kind == 'E' || tag.kind == 'I'))
        return true;
    return !is_outside(tag.kind) && last.type != tag.type;
}

/* A walk over tags that stops at the end of each entity. */
typedef struct walk {
    const eg_evaluation *evaluation;
    const size_t *tags;
    size_t count, at, first;
    eg_tag last;
} walk;

typedef struct entity {
    uint32_t type;
    size_t begin, end; /* words [begin, end) */
} entity;

static bool
next_entity(walk *w, entity *out)
{
    while (w->at <= w->count) {
        const eg_evaluation *e = w->evaluation;
        eg_tag tag = w->at < w->count ? e->tags[w->tags[w->at]] : e->outside, last = w->last;
        bool ends = ends_before(last, tag);
        *out = (entity){last.type, w->first, w->at};
        if (begins_at(last, tag))
            w->first = w->at;
        w->last = tag;
        w->at++;
        if (ends)
            return true;
    }
    return false;
}

/* Both sides in order of their ends, each end once a side. */
static void
count_entities(eg_evaluation *e, const size_t *wants, const size_t *gots, size_t n)
{
    walk want = {e, wants, n, 0, 0, e->outside}, got = {e, gots, n, 0, 0, e->outside};
    entity a, b;
    bool has_a = next_entity(&want, &a), has_b = next_entity(&got, &b);
    while (has_a || has_b) {
        bool same = has_a && has_b && a.type == b.type && a.begin == b.begin && a.end == b.end;
        bool take_a = has_a && (!has_b || a.end <= b.end), take_b = has_b && (!has_a || b.end <= a.end);
        if (same)
            e->entities.right[a.type]++;
        if (take_a) {
            e->entities.actual[a.type]++;
            has_a = next_entity(&want, &a);
        }
        if (take_b) {
            e->entities.predicted[b.type]++;
            has_b = next_entity(&got, &b);
        }
    }
}

/* --- words --------------------------------------------------------------------------------------- */

static eg_status
find_words(tagger *t, eg_string text, eg_error *err)
{
    bool inside = false;
    uint32_t character = 0;
    t->words.count = 0;
    for (size_t at = 0; at < text.length; character++) {
        uint32_t c = 0;
        at += eg_utf8_decode(text.data + at, text.length - at, &c);
        bool blank = eg_char_is(c, EG_CHAR_WHITE);
        if (!blank && !inside && !EG_PUSH(&t->words, ((word){.start = character})))
            return eg_fail_nomem(err, "words");
        inside = !blank;
        if (inside)
            t->words.items[t->words.count - 1].end = character + 1;
    }
    return EG_OK;
}

static eg_status
read_tags(tagger *t, uint32_t text, eg_error *err)
{
    const eg_json *label = t->labels[text];
    if (!label || label->type != EG_JSON_ARRAY)
        return eg_evaluation_bad_label(text, label, "a list with a tag for each word between blanks", err);
    if (label->count != t->words.count)
        return eg_fail(err, EG_E_INPUT, "text %u has %zu words between blanks and %zu tags", text + 1, t->words.count,
                       label->count);
    for (size_t i = 0; i < label->count; i++)
        if (label->items[i].type != EG_JSON_NULL)
            EG_TRY(eg_evaluation_class(t->evaluation, text, &label->items[i], &t->words.items[i].want, err));
    return EG_OK;
}

/* The first token that has a character of the word stands for it. Words and tokens are both in order. */
static void
tag_words(tagger *t, const eg_json *label, const eg_task_rows *rows)
{
    const eg_encoding *tokens = &t->encoding;
    eg_evaluation *e = t->evaluation;
    size_t token = 0;
    for (size_t i = 0; i < t->words.count; i++) {
        word *w = &t->words.items[i];
        while (token < tokens->count && (tokens->special[token] || tokens->ends[token] <= w->start))
            token++;
        if (token == tokens->count || tokens->starts[token] >= w->end || label->items[i].type == EG_JSON_NULL)
            continue;
        const float *logits = rows->data + token * rows->width;
        w->counted = true;
        w->got = eg_best_class(logits, rows->width);
        eg_mean_add(&e->loss, eg_cross_entropy(logits, rows->width, w->want));
        eg_class_counts_add(&e->counts, w->want, w->got);
    }
}

static eg_status
judge(tagger *t, uint32_t text, const eg_task_rows *rows, eg_error *err)
{
    eg_evaluation *e = t->evaluation;
    if (rows->width != e->head.label_count)
        return eg_fail(err, EG_E_INPUT, "the head '%s' gives %zu numbers per token for %u labels", e->head.name,
                       rows->width, e->head.label_count);
    EG_TRY(eg_task_encode(&e->call, text, &t->encoding, err));
    if (rows->rows != t->encoding.count)
        return eg_fail(err, EG_E_INTERNAL, "text %u has %zu tokens, and %zu rows", text + 1, t->encoding.count,
                       rows->rows);
    EG_TRY(find_words(t, e->call.input.texts[text], err));
    EG_TRY(read_tags(t, text, err));
    tag_words(t, t->labels[text], rows);
    t->tags.count = t->wants.count = 0;
    for (size_t i = 0; i < t->words.count; i++)
        if (t->words.items[i].counted &&
            (!EG_PUSH(&t->tags, t->words.items[i].got) || !EG_PUSH(&t->wants, t->words.items[i].want)))
            return eg_fail_nomem(err, "tags");
    count_entities(e, t->wants.items, t->tags.items, t->tags.count);
    return EG_OK;
}

/* --- texts --------------------------------------------------------------------------------------- */

static eg_status
take(void *user, const eg_result *run, uint32_t first, eg_error *err)
{
    tagger *t = user;
    for (uint32_t i = 0; i < run->texts; i++) {
        eg_task_rows rows;
        EG_TRY(eg_task_rows_of(&t->evaluation->call, run, 0, i, EG_TOKEN, &rows, err));
        EG_TRY(judge(t, first + i, &rows, err));
    }
    return EG_OK;
}

/* Before anything runs: every text has a tag for each word. */
static eg_status
check_labels(tagger *t, eg_error *err)
{
    const eg_input *input = &t->evaluation->call.input;
    for (uint32_t i = 0; i < input->count; i++) {
        if (input->pairs && input->pairs[i].data)
            return eg_fail(err, EG_E_INPUT, "text %u has a pair, and tags are of single texts", i + 1);
        EG_TRY(find_words(t, input->texts[i], err));
        EG_TRY(read_tags(t, i, err));
    }
    return EG_OK;
}

static eg_status
run(tagger *t, eg_error *err)
{
    eg_task_call *call = &t->evaluation->call;
    const char *const *outputs;
    eg_input taken;
    eg_token_list list;
    EG_TRY(check_labels(t, err));
    EG_TRY(eg_task_outputs(call, &outputs, err));
    eg_status status = eg_input_take(call->model, &call->input, 0, &taken, &list, err);
    if (status == EG_OK)
        status = eg_task_run(call, &list, outputs, 1, 0, take, t, err);
    eg_token_list_finish(&list);
    return status;
}

static eg_status
add(eg_evaluation *e, const eg_json *const *labels, eg_error *err)
{
    tagger t = {.evaluation = e, .labels = labels};
    EG_TRY(eg_model_need_tokenizer(e->call.model, err));
    eg_status status = run(&t, err);
    eg_encoding_finish(&t.encoding);
    eg_free(t.words.items);
    eg_free(t.tags.items);
    eg_free(t.wants.items);
    return status;
}

static eg_status
write(const eg_evaluation *e, eg_strbuf *out, eg_error *err)
{
    uint64_t right = 0, predicted = 0, actual = 0;
    (void)err;
    for (uint32_t i = 0; i < e->entities.classes; i++) {
        right += e->entities.right[i];
        predicted += e->entities.predicted[i];
        actual += e->entities.actual[i];
    }
    eg_strbuf_printf(out, ",\"words\":%llu", (unsigned long long)e->counts.items);
    eg_put_number(out, "accuracy", eg_share(e->counts.all_right, e->counts.items));
    eg_put_number(out, "precision", eg_share(right, predicted));
    eg_put_number(out, "recall", eg_share(right, actual));
    eg_put_f1(out, &e->entities, false);
    eg_put_classes(out, &e->entities, e->types);
    eg_put_confusion(out, &e->counts, e->head.labels);
    return EG_OK;
}

const eg_evaluation_kind eg_evaluate_tags = {.task = "ner", .begin = begin, .add = add, .write = write};
