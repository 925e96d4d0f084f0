/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named entities, as the transformers pipeline finds them: tokens become pieces with a score for each tag; pieces become
 * words, if the aggregation says so; words, or pieces, become entities.
 */
#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "engine/tasks/task.h"

/* A token that is not put in, and what the head thinks of it. */
typedef struct piece {
    eg_token_text word;
    const float *scores; /* [tags], after the softmax */
    uint32_t index, start, end;
    bool continues; /* the word before */
} piece;

/* A piece or a word with its tag. */
typedef struct tagged {
    size_t tag;
    float score;
    eg_token_text word;
    uint32_t index, start, end;
} tagged;

/* What is used again from text to text. */
typedef struct recognizer {
    eg_task_call *call;
    eg_tokenizer_info tokenizer;
    const eg_head_info *head;
    eg_encoding encoding;
    EG_VEC(size_t) characters; /* where each character of the text begins */
    EG_VEC(float) scores;      /* [pieces × tags] */
    EG_VEC(piece) pieces;
    EG_VEC(tagged) words;
    EG_VEC(eg_token_text) joined;
    eg_arena texts; /* of the text's words */
} recognizer;

static void
finish(recognizer *r)
{
    eg_encoding_finish(&r->encoding);
    eg_free(r->characters.items);
    eg_free(r->scores.items);
    eg_free(r->pieces.items);
    eg_free(r->words.items);
    eg_free(r->joined.items);
    eg_arena_finish(&r->texts);
}

/* --- pieces -------------------------------------------------------------------------------------- */

/* Where the text's characters begin, as far as the tokens reach, and one further. */
static eg_status
find_characters(recognizer *r, eg_string text, eg_error *err)
{
    uint32_t reach = 0;
    for (size_t i = 0; i < r->encoding.count; i++)
        reach = r->encoding.ends[i] > reach ? r->encoding.ends[i] : reach;
    r->characters.count = 0;
    for (size_t at = 0; at < text.length && r->characters.count <= (size_t)reach + 1;) {
        uint32_t c;
        if (!EG_PUSH(&r->characters, at))
            return eg_fail_nomem(err, "offsets");
        at += eg_utf8_decode(text.data + at, text.length - at, &c);
    }
    while (r->characters.count <= (size_t)reach + 1)
        if (!EG_PUSH(&r->characters, text.length))
            return eg_fail_nomem(err, "offsets");
    return EG_OK;
}

static eg_token_text
slice(const recognizer *r, eg_string text, uint32_t start, uint32_t end)
{
    size_t begin = r->characters.items[start];
    return (eg_token_text){text.data + begin, r->characters.items[end] - begin};
}

/* Whether the token goes on with the word of the one before: its mark says so, else that no blank is between. */
static bool
continues_word(const recognizer *r, eg_string text, const piece *p)
{
    if (r->tokenizer.marks_pieces)
        return eg_utf8_count(p->word.data, p->word.length) != p->end - p->start;
    if (p->start == 0)
        return false;
    eg_token_text border = slice(r, text, p->start - 1, p->start + 1);
    return !memchr(border.data, ' ', border.length);
}

static eg_status
add_piece(recognizer *r, eg_string text, size_t token, const float *scores, eg_error *err)
{
    piece p = {
        .scores = scores, .index = (uint32_t)token, .start = r->encoding.starts[token], .end = r->encoding.ends[token]};
    int32_t id = r->encoding.ids[token];
    p.word.data = eg_tokenizer_token(r->call->model->tokenizer, id, &p.word.length);
    if (!p.word.data)
        p.word = (eg_token_text){"", 0};
    if (id == r->tokenizer.unk_id)
        p.word = slice(r, text, p.start, p.end);
    else
        p.continues = continues_word(r, text, &p);
    return EG_PUSH(&r->pieces, p) ? EG_OK : eg_fail_nomem(err, "words");
}

static eg_status
score_tokens(recognizer *r, const eg_task_rows *rows, eg_error *err)
{
    double *row = eg_arena_calloc(&r->texts, rows->width, sizeof *row);
    if (!row || !eg_grow((void **)&r->scores.items, &r->scores.capacity, rows->rows * rows->width, sizeof(float)))
        return eg_fail_nomem(err, "scores");
    for (size_t i = 0; i < rows->rows; i++) {
        eg_softmax(rows->data + i * rows->width, rows->width, row);
        for (size_t k = 0; k < rows->width; k++)
            r->scores.items[i * rows->width + k] = (float)row[k];
    }
    return EG_OK;
}

static eg_status
find_pieces(recognizer *r, eg_string text, const eg_task_rows *rows, eg_error *err)
{
    r->pieces.count = 0;
    EG_TRY(find_characters(r, text, err));
    EG_TRY(score_tokens(r, rows, err));
    for (size_t i = 0; i < r->encoding.count; i++)
        if (!r->encoding.special[i])
            EG_TRY(add_piece(r, text, i, r->scores.items + i * rows->width, err));
    return EG_OK;
}

/* --- words --------------------------------------------------------------------------------------- */

/* The first of the largest. */
static size_t
best(const float *scores, size_t n)
{
    size_t found = 0;
    for (size_t i = 1; i < n; i++)
        if (scores[i] > scores[found])
            found = i;
    return found;
}

/* The text that r->joined make together. */
static eg_status
join(recognizer *r, eg_token_text *out, eg_error *err)
{
    eg_strbuf text = {0};
    eg_status status = eg_tokenizer_join(r->call->model->tokenizer, r->joined.items, r->joined.count, &text, err);
    if (status == EG_OK) {
        out->data = eg_arena_strndup(&r->texts, text.data ? text.data : "", text.length);
        out->length = text.length;
        status = out->data ? EG_OK : eg_fail_nomem(err, "words");
    }
    eg_strbuf_finish(&text);
    return status;
}

static eg_status
average(recognizer *r, const piece *pieces, size_t n, const float **out, eg_error *err)
{
    size_t tags = r->head->label_count;
    float *mean = eg_arena_calloc(&r->texts, tags, sizeof *mean);
    if (!mean)
        return eg_fail_nomem(err, "scores");
    for (size_t k = 0; k < tags; k++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += (double)pieces[i].scores[k];
        mean[k] = (float)(sum / (double)n);
    }
    *out = mean;
    return EG_OK;
}

/* The scores that decide for a word of several pieces. */
static eg_status
word_scores(recognizer *r, const piece *pieces, size_t n, const float **out, eg_error *err)
{
    size_t tags = r->head->label_count;
    *out = pieces[0].scores;
    if (r->call->options.aggregation == EG_AGGREGATE_AVERAGE)
        return average(r, pieces, n, out, err);
    if (r->call->options.aggregation == EG_AGGREGATE_MAX)
        for (size_t i = 1; i < n; i++)
            if (pieces[i].scores[best(pieces[i].scores, tags)] > (*out)[best(*out, tags)])
                *out = pieces[i].scores;
    return EG_OK;
}

static eg_status
add_word(recognizer *r, const piece *pieces, size_t n, bool joins, eg_error *err)
{
    const float *scores;
    EG_TRY(word_scores(r, pieces, n, &scores, err));
    tagged word = {.tag = best(scores, r->head->label_count),
                   .word = pieces[0].word,
                   .index = pieces[0].index,
                   .start = pieces[0].start,
                   .end = pieces[n - 1].end};
    word.score = scores[word.tag];
    if (joins) {
        r->joined.count = 0;
        for (size_t i = 0; i < n; i++)
            if (!EG_PUSH(&r->joined, pieces[i].word))
                return eg_fail_nomem(err, "words");
        EG_TRY(join(r, &word.word, err));
    }
    return EG_PUSH(&r->words, word) ? EG_OK : eg_fail_nomem(err, "words");
}

/* Each piece by itself, or all pieces of a word as one. */
static eg_status
find_words(recognizer *r, eg_error *err)
{
    bool joins = r->call->options.aggregation > EG_AGGREGATE_SIMPLE;
    const piece *pieces = r->pieces.items;
    r->words.count = 0;
    for (size_t i = 0, n; i < r->pieces.count; i += n) {
        n = 1;
        while (joins && i + n < r->pieces.count && pieces[i + n].continues)
            n++;
        EG_TRY(add_word(r, pieces + i, n, joins, err));
    }
    return EG_OK;
}

/* --- entities ------------------------------------------------------------------------------------ */

static bool
begins(const char *tag)
{
    return strncmp(tag, "B-", 2) == 0;
}

/* The tag without its kind: what has none, goes on. */
static const char *
entity_of(const char *tag)
{
    return begins(tag) || strncmp(tag, "I-", 2) == 0 ? tag + 2 : tag;
}

/* What an entity is called: all behind the first hyphen, whatever is before it. */
static const char *
name_of(const char *tag)
{
    const char *hyphen = strchr(tag, '-');
    return hyphen ? hyphen + 1 : tag;
}

static eg_status
put_item(recognizer *r, const char *label, const tagged *first, eg_token_text word, eg_item *out, eg_error *err)
{
    out->begins = begins(r->head->labels[first->tag]);
    out->start = first->start;
    EG_TRY(eg_task_keep(r->call, (eg_string){label, strlen(label)}, &out->label, err));
    return eg_task_keep(r->call, (eg_string){word.data, word.length}, &out->text, err);
}

/* Tokens as they are, but for those outside of all entities. */
static eg_status
list_tokens(recognizer *r, eg_item *items, size_t *out_count, eg_error *err)
{
    for (size_t i = 0; i < r->words.count; i++) {
        const tagged *word = &r->words.items[i];
        const char *label = r->head->labels[word->tag];
        if (strcmp(label, "O") == 0)
            continue;
        eg_item *item = &items[(*out_count)++];
        EG_TRY(put_item(r, label, word, word->word, item, err));
        item->score = (double)word->score;
        item->index = word->index;
        item->end = word->end;
    }
    return EG_OK;
}

static eg_status
put_group(recognizer *r, const tagged *words, size_t n, eg_item *out, eg_error *err)
{
    double sum = 0;
    eg_token_text text;
    r->joined.count = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)words[i].score;
        if (!EG_PUSH(&r->joined, words[i].word))
            return eg_fail_nomem(err, "words");
    }
    EG_TRY(join(r, &text, err));
    out->score = sum / (double)n;
    out->end = words[n - 1].end;
    return put_item(r, name_of(r->head->labels[words[0].tag]), words, text, out, err);
}

/* Neighbours of one entity together; a tag of the kind B- begins the next. */
static eg_status
list_groups(recognizer *r, eg_item *items, size_t *out_count, eg_error *err)
{
    const char *const *labels = r->head->labels;
    const tagged *words = r->words.items;
    for (size_t i = 0, n; i < r->words.count; i += n) {
        const char *entity = entity_of(labels[words[i].tag]);
        n = 1;
        while (i + n < r->words.count && !begins(labels[words[i + n].tag]) &&
               strcmp(entity_of(labels[words[i + n].tag]), entity) == 0)
            n++;
        if (strcmp(name_of(labels[words[i].tag]), "O") != 0)
            EG_TRY(put_group(r, words + i, n, &items[(*out_count)++], err));
    }
    return EG_OK;
}

static eg_status
list_entities(recognizer *r, eg_error *err)
{
    eg_item *items;
    size_t count = 0;
    EG_TRY(eg_task_new_items(r->call, r->words.count, &items, err));
    EG_TRY(r->call->options.aggregation == EG_AGGREGATE_NONE ? list_tokens(r, items, &count, err)
                                                             : list_groups(r, items, &count, err));
    EG_TRY(eg_task_add_record(r->call, err));
    return eg_task_add_list(r->call, r->head->name, items, count, NULL, 0, err);
}

/* --- texts --------------------------------------------------------------------------------------- */

static eg_status
recognize(recognizer *r, uint32_t text, const eg_task_rows *rows, eg_error *err)
{
    EG_TRY(eg_task_encode(r->call, text, &r->encoding, err));
    if (rows->rows != r->encoding.count)
        return eg_fail(err, EG_E_INTERNAL, "text %u has %zu tokens, and %zu rows", text + 1, r->encoding.count,
                       rows->rows);
    if (rows->width != r->head->label_count)
        return eg_fail(err, EG_E_INPUT, "the head '%s' gives %zu numbers per token for %u labels", r->head->name,
                       rows->width, r->head->label_count);
    EG_TRY(find_pieces(r, r->call->input.texts[text], rows, err));
    EG_TRY(find_words(r, err));
    return list_entities(r, err);
}

static eg_status
take(void *user, const eg_result *run, uint32_t first, eg_error *err)
{
    recognizer *r = user;
    for (uint32_t i = 0; i < run->texts; i++) {
        eg_task_rows rows;
        EG_TRY(eg_task_rows_of(r->call, run, 0, i, EG_TOKEN, &rows, err));
        eg_status status = recognize(r, first + i, &rows, err);
        eg_arena_finish(&r->texts);
        EG_TRY(status);
    }
    return EG_OK;
}

static eg_status
refuse_pairs(const eg_task_call *call, eg_error *err)
{
    for (uint32_t i = 0; call->input.pairs && i < call->input.count; i++)
        if (call->input.pairs[i].data)
            return eg_fail(err, EG_E_INPUT, "text %u has a pair, and ner takes single texts", i + 1);
    return EG_OK;
}

static eg_status
ner(eg_task_call *call, eg_error *err)
{
    recognizer r = {.call = call, .head = &call->heads[0]};
    const char *const *outputs;
    eg_input taken;
    eg_token_list list;
    EG_TRY(refuse_pairs(call, err));
    EG_TRY(eg_model_need_tokenizer(call->model, err));
    eg_tokenizer_describe(call->model->tokenizer, &r.tokenizer);
    EG_TRY(eg_task_outputs(call, &outputs, err));
    eg_status status = eg_input_take(call->model, &call->input, 0, &taken, &list, err);
    if (status == EG_OK)
        status = eg_task_run(call, &list, outputs, 1, 0, take, &r, err);
    eg_token_list_finish(&list);
    finish(&r);
    return status;
}

const eg_task_kind eg_task_ner = {
    .name = "ner",
    .head_tasks = {"ner"},
    .flags = EG_TASK_FROM_TEXT,
    .run = ner,
};
