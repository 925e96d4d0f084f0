/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/lines.h"
#include "cli/say.h"
#include "cli/utf8.h"

#define CHUNK_BYTES ((size_t)1 << 20)

struct eg_source {
    const eg_record_kind *kind;
    const char *text, *pair;  /* given to every record by a flag; NULL: not */
    bool is_single;           /* flags give all there is: one record, and nothing is read */
    const char *const *words; /* texts of the command line … */
    size_t word_count, word_next;
    eg_lines lines; /* … or lines, if word_count is 0 */
    bool is_jsonl;
    bool ended;
    uint64_t handed_out; /* records of the chunks before the last; texts, where one record takes all of them */

    eg_records records; /* of the chunk */
    eg_string *strings; /* texts, pairs, ids, labels of the chunk, one after another */
    size_t string_capacity;
    uint32_t *groups; /* [records + 1] */
    size_t group_capacity;
    uint32_t record_count; /* of the chunk */
    eg_error fault;        /* of the line after the last chunk */
    bool has_fault;
};

/* --- opening ------------------------------------------------------------------------------------- */

static const char *
given(const eg_arguments *args, const eg_field *field)
{
    return field->flag ? *(const char *const *)((const char *)args + field->at) : NULL;
}

/* All of a plain text or line is one of the two; a flag gives the other. */
static bool
is_second(const eg_source *source)
{
    return source->kind->many || source->text;
}

/* Words and lines are one part of a record each. What the record needs besides comes from a flag. */
static eg_status
check_plain(const eg_source *source, eg_error *err)
{
    const eg_record_kind *kind = source->kind;
    const eg_field *missing = NULL;
    if (is_second(source) && !source->text)
        missing = &kind->text;
    else if (!is_second(source) && !source->pair && !kind->pair_optional)
        missing = &kind->pair;
    if (missing) {
        eg_fault(err, EG_E_USAGE, "no %s given", missing->flag);
        return eg_fault_hint(err, "%s for all texts, or --input-format jsonl with \"%s\" and \"%s\"", missing->flag,
                             kind->text.key, kind->pair.key);
    }
    if (is_second(source) && source->pair)
        return eg_fault(err, EG_E_USAGE, "%s and %s leave no place for more texts", kind->text.flag, kind->pair.flag);
    return EG_OK;
}

/* Which of the ways to give texts is used; two at a time contradict each other. */
static eg_status
open_input(const eg_arguments *args, size_t skip, eg_source *source, eg_error *err)
{
    bool has_words = args->words.count > skip;
    if (has_words && args->input)
        return eg_fault(err, EG_E_USAGE, "texts on the command line and --input contradict each other");
    if (has_words && args->input_format)
        return eg_fault(err, EG_E_USAGE, "--input-format goes with --input or standard input, not with texts");
    if (has_words) {
        source->words = args->words.items + skip;
        source->word_count = args->words.count - skip;
        return check_plain(source, err);
    }
    source->is_single = source->text && source->pair && !args->input && !args->input_format;
    if (source->is_single)
        return EG_OK;
    if (!args->input && isatty(STDIN_FILENO) == 1) {
        eg_fault(err, EG_E_USAGE, "no text");
        return eg_fault_hint(err, "texts as arguments, --input FILE, or texts on standard input");
    }
    if (!source->is_jsonl)
        EG_TRY(check_plain(source, err));
    return eg_lines_open(&source->lines, args->input ? args->input : "-", err);
}

static eg_status
check_word(const char *word, const char *what, size_t number, eg_error *err)
{
    uint32_t column;
    if (!word || eg_is_utf8(word, strlen(word), &column))
        return EG_OK;
    if (number)
        return eg_fault(err, EG_E_USAGE, "%s %zu is not valid UTF-8 at character %u", what, number, column);
    return eg_fault(err, EG_E_USAGE, "%s is not valid UTF-8 at character %u", what, column);
}

static eg_status
open_source(const eg_arguments *args, size_t skip, eg_source *source, eg_error *err)
{
    source->lines.fd = -1;
    source->is_jsonl = args->input_format && strcmp(args->input_format, "jsonl") == 0;
    source->text = given(args, &source->kind->text);
    source->pair = given(args, &source->kind->pair);
    EG_TRY(open_input(args, skip, source, err));
    EG_TRY(check_word(source->text, source->kind->text.flag, 0, err));
    EG_TRY(check_word(source->pair, source->kind->pair.flag, 0, err));
    for (size_t i = 0; i < source->word_count; i++)
        EG_TRY(check_word(source->words[i], "TEXT", i + 1, err));
    return EG_OK;
}

eg_status
eg_source_open(const eg_arguments *args, size_t skip, const eg_record_kind *kind, eg_source **out, eg_error *err)
{
    *out = NULL;
    eg_source *source = calloc(1, sizeof *source);
    if (!source)
        return eg_fault(err, EG_E_NOMEM, "out of memory");
    source->kind = kind;
    eg_status status = open_source(args, skip, source, err);
    if (status != EG_OK) {
        eg_source_close(source);
        return status;
    }
    *out = source;
    return EG_OK;
}

void
eg_source_close(eg_source *source)
{
    if (!source)
        return;
    eg_lines_close(&source->lines);
    eg_records_free(&source->records);
    free(source->strings);
    free(source->groups);
    free(source);
}

/* --- one record ---------------------------------------------------------------------------------- */

static eg_string
string_of_word(const char *word)
{
    return (eg_string){word, strlen(word)};
}

/* The next word or line of plain text; data NULL at the end. */
static eg_status
next_plain(eg_source *source, eg_string *out, eg_error *err)
{
    uint32_t column;
    *out = (eg_string){NULL, 0};
    if (source->word_count) {
        if (source->word_next < source->word_count)
            *out = string_of_word(source->words[source->word_next++]);
        return EG_OK;
    }
    EG_TRY(eg_lines_next(&source->lines, out, err));
    if (out->data && !eg_is_utf8(out->data, out->length, &column))
        return eg_fault_at(err, EG_E_INPUT, source->lines.name, source->lines.number, column, "invalid UTF-8");
    return EG_OK;
}

/* What flags give to every record that does not say it itself. */
static eg_status
add_given(eg_source *source, eg_error *err)
{
    if (source->text)
        EG_TRY(eg_records_set_text(&source->records, string_of_word(source->text), err));
    return source->pair ? eg_records_add_pair(&source->records, string_of_word(source->pair), err) : EG_OK;
}

static eg_status
read_single(eg_source *source, bool *out_end, eg_error *err)
{
    *out_end = source->ended;
    source->ended = true;
    return *out_end ? EG_OK : add_given(source, err);
}

static eg_status
read_plain(eg_source *source, bool *out_end, eg_error *err)
{
    eg_string text;
    EG_TRY(next_plain(source, &text, err));
    *out_end = text.data == NULL;
    if (*out_end)
        return EG_OK;
    EG_TRY(add_given(source, err));
    return is_second(source) ? eg_records_add_pair(&source->records, text, err)
                             : eg_records_set_text(&source->records, text, err);
}

/* All words or lines together, as the list of one record. */
static eg_status
read_list(eg_source *source, bool *out_end, eg_error *err)
{
    eg_string text;
    *out_end = source->ended;
    source->ended = true;
    if (*out_end)
        return EG_OK;
    EG_TRY(add_given(source, err));
    EG_TRY(next_plain(source, &text, err));
    *out_end = text.data == NULL; /* nothing at all is no record, as it is elsewhere */
    for (; text.data;) {
        EG_TRY(eg_records_add_pair(&source->records, text, err));
        EG_TRY(next_plain(source, &text, err));
    }
    return EG_OK;
}

static eg_status
read_json(eg_source *source, bool *out_end, eg_error *err)
{
    eg_string line;
    EG_TRY(eg_lines_next(&source->lines, &line, err));
    *out_end = line.data == NULL;
    if (*out_end)
        return EG_OK;
    eg_status status =
        eg_records_read(&source->records, source->kind, line, source->text != NULL, source->pair != NULL, err);
    if (status == EG_E_INPUT) {
        err->line = source->lines.number;
        snprintf(err->file, sizeof err->file, "%s", source->lines.name);
    }
    return status == EG_OK ? add_given(source, err) : status;
}

/* Reads one record; *out_end, and none, at the end of the input. */
static eg_status
read_one(eg_source *source, bool *out_end, eg_error *err)
{
    *out_end = false;
    EG_TRY(eg_records_begin(&source->records, err));
    eg_status status = source->is_single    ? read_single(source, out_end, err)
                       : source->is_jsonl   ? read_json(source, out_end, err)
                       : source->kind->many ? read_list(source, out_end, err)
                                            : read_plain(source, out_end, err);
    if (status != EG_OK || *out_end)
        eg_records_drop(&source->records);
    return status;
}

/* --- chunks -------------------------------------------------------------------------------------- */

static eg_string
string_of(const eg_source *source, const eg_span *s)
{
    /* An empty text is not an absent one, so it points somewhere too. */
    const char *data = source->records.bytes.data ? source->records.bytes.data + s->at : "";
    return s->there ? (eg_string){data, s->length} : (eg_string){NULL, 0};
}

/* Pairs of a record: [first, end) of all. */
static size_t
pairs_begin(const eg_records *records, size_t record)
{
    return record ? records->items[record - 1].pairs_end : 0;
}

/* A record becomes one text for each of its list, or one. */
static size_t
texts_of(const eg_source *source, size_t record)
{
    const eg_records *records = &source->records;
    return source->kind->many ? records->items[record].pairs_end - pairs_begin(records, record) : 1;
}

static eg_status
count_texts(eg_source *source, uint32_t *out, eg_error *err)
{
    size_t count = source->records.count, texts = 0;
    EG_TRY(eg_reserve(&source->groups, &source->group_capacity, count + 1, sizeof *source->groups, err));
    for (size_t i = 0; i <= count; i++) {
        if (texts > UINT32_MAX)
            return eg_fault(err, EG_E_INPUT, "a record has more than %u texts", UINT32_MAX);
        source->groups[i] = (uint32_t)texts;
        texts += i < count ? texts_of(source, i) : 0;
    }
    *out = source->groups[count];
    return EG_OK;
}

static eg_status
hand_out(eg_source *source, eg_chunk *out, eg_error *err)
{
    const eg_records *records = &source->records;
    size_t count = records->count;
    uint32_t text_count;
    EG_TRY(count_texts(source, &text_count, err));
    EG_TRY(eg_reserve(&source->strings, &source->string_capacity, 2 * text_count + 2 * count, sizeof *source->strings,
                      err));
    eg_string *texts = source->strings, *pairs = texts + text_count, *ids = pairs + text_count, *labels = ids + count;
    source->record_count = (uint32_t)count;
    *out = (eg_chunk){.count = text_count,
                      .records = (uint32_t)count,
                      .groups = source->groups,
                      .texts = texts,
                      .pairs = pairs,
                      .ids = ids,
                      .labels = labels};
    for (size_t i = 0; i < count; i++) {
        const eg_record *record = &records->items[i];
        size_t pair = pairs_begin(records, i);
        ids[i] = string_of(source, &record->id);
        labels[i] = string_of(source, &record->label);
        for (size_t k = source->groups[i]; k < source->groups[i + 1]; k++, pair++) {
            texts[k] = string_of(source, &record->text);
            pairs[k] = pair < record->pairs_end ? string_of(source, &records->pairs[pair]) : (eg_string){NULL, 0};
            out->has_pairs = out->has_pairs || pairs[k].data;
        }
    }
    return EG_OK;
}

/* Texts so far, with at least one for a record without any. */
static size_t
chunk_texts(const eg_source *source)
{
    const eg_records *records = &source->records;
    return source->kind->many && records->pair_count > records->count ? records->pair_count : records->count;
}

static eg_status
read_chunk(eg_source *source, size_t most, size_t most_bytes, eg_chunk *out, eg_error *err)
{
    *out = (eg_chunk){0};
    source->handed_out += source->record_count;
    source->record_count = 0;
    if (source->has_fault) {
        *err = source->fault;
        return err->code;
    }
    bool end = false;
    eg_records_clear(&source->records);
    while (!end && chunk_texts(source) < most && source->records.bytes.length < most_bytes) {
        eg_status status = read_one(source, &end, err);
        if (status != EG_OK && source->records.count == 0)
            return status;
        source->has_fault = status != EG_OK;
        if (source->has_fault) {
            source->fault = *err;
            break;
        }
    }
    return source->records.count ? hand_out(source, out, err) : EG_OK;
}

eg_status
eg_source_next(eg_source *source, uint32_t most, eg_chunk *out, eg_error *err)
{
    return read_chunk(source, source->lines.is_terminal ? 1 : most, CHUNK_BYTES, out, err);
}

eg_status
eg_source_rest(eg_source *source, eg_chunk *out, eg_error *err)
{
    return read_chunk(source, UINT32_MAX, SIZE_MAX, out, err);
}

double
eg_source_share(const eg_source *source)
{
    if (source->is_single)
        return 1.0;
    if (source->word_count)
        return (double)source->word_next / (double)source->word_count;
    if (source->lines.size == 0)
        return -1.0;
    return (double)(source->lines.read - source->lines.length) / (double)source->lines.size;
}

/* --- faults -------------------------------------------------------------------------------------- */

/* The record of the last chunk that text N, from 1, belongs to. */
static uint32_t
record_of(const eg_source *source, uint32_t text)
{
    uint32_t record = 0;
    while (record + 1 < source->record_count && source->groups[record + 1] < text)
        record++;
    return record;
}

/* The number of the word or line that text N of the last chunk came from. */
static uint64_t
place_of(const eg_source *source, uint32_t text)
{
    if (source->kind->many && !source->is_jsonl)
        return text; /* all of them are one record */
    return source->handed_out + record_of(source, text) + 1;
}

uint32_t
eg_source_sound_records(const eg_source *source, const eg_error *err)
{
    unsigned text;
    bool are_lines = !source->is_single && !source->word_count && (source->is_jsonl || !source->kind->many);
    if (!are_lines || err->code != EG_E_INPUT || err->file[0] || sscanf(err->message, "text %u", &text) != 1)
        return 0;
    return record_of(source, text);
}

eg_status
eg_source_fault(const eg_source *source, eg_error *err)
{
    unsigned text;
    int prefix = 0;
    if (err->file[0] || sscanf(err->message, "text %u%n", &text, &prefix) != 1)
        return err->code;
    const char *rest = err->message + prefix + strspn(err->message + prefix, ": ");
    char message[sizeof err->message];
    if (source->is_single)
        snprintf(message, sizeof message, "the text %s", rest);
    else if (source->word_count)
        snprintf(message, sizeof message, "TEXT %" PRIu64 ": %s", place_of(source, text), rest);
    else
        snprintf(message, sizeof message, "%s", rest);
    memcpy(err->message, message, sizeof message);
    if (!source->is_single && !source->word_count) {
        snprintf(err->file, sizeof err->file, "%s", source->lines.name);
        err->line = (uint32_t)place_of(source, text);
    }
    return err->code;
}
