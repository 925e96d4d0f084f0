/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/json_in.h"
#include "cli/lines.h"
#include "cli/mem.h"
#include "cli/say.h"
#include "cli/utf8.h"

#define CHUNK_BYTES ((size_t)1 << 20)

/* A string of the chunk: where it lies in the chunk's bytes, which move while they grow. */
typedef struct span {
    bool there;
    size_t at, length;
} span;

typedef struct record {
    span text, pair, id;
} record;

struct eg_source {
    const char *const *words; /* texts of the command line … */
    size_t word_count, word_next;
    eg_lines lines; /* … or lines, if word_count is 0 */
    bool is_jsonl;
    const char *pair;    /* --pair: goes with each text */
    uint64_t handed_out; /* texts of the chunks before the last */
    uint32_t last_count; /* texts of the last */

    eg_bytes bytes; /* of the chunk */
    record *records;
    size_t record_capacity;
    eg_string *strings; /* texts, pairs, ids of the chunk, one after another */
    size_t string_capacity;
    eg_error fault; /* of the line after the last chunk */
    bool has_fault;
};

/* --- opening ------------------------------------------------------------------------------------- */

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
        return EG_OK;
    }
    if (!args->input && isatty(STDIN_FILENO) == 1) {
        eg_fault(err, EG_E_USAGE, "no text");
        return eg_fault_hint(err, "texts as arguments, --input FILE, or texts on standard input");
    }
    return eg_lines_open(&source->lines, args->input ? args->input : "-", err);
}

static eg_status
check_word(const char *word, const char *what, size_t number, eg_error *err)
{
    uint32_t column;
    if (eg_is_utf8(word, strlen(word), &column))
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
    source->pair = args->pair;
    EG_TRY(open_input(args, skip, source, err));
    if (source->pair)
        EG_TRY(check_word(source->pair, "--pair", 0, err));
    for (size_t i = 0; i < source->word_count; i++)
        EG_TRY(check_word(source->words[i], "TEXT", i + 1, err));
    return EG_OK;
}

eg_status
eg_source_open(const eg_arguments *args, size_t skip, eg_source **out, eg_error *err)
{
    *out = NULL;
    eg_source *source = calloc(1, sizeof *source);
    if (!source)
        return eg_fault(err, EG_E_NOMEM, "out of memory");
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
    eg_bytes_free(&source->bytes);
    free(source->records);
    free(source->strings);
    free(source);
}

/* --- one record ---------------------------------------------------------------------------------- */

static eg_status
keep(eg_source *source, eg_string string, span *out, eg_error *err)
{
    *out = (span){true, source->bytes.length, string.length};
    return eg_bytes_add(&source->bytes, string.data, string.length, err);
}

static eg_status
bad_record(const eg_source *source, eg_string line, const char *at, eg_error *err, const char *what)
{
    return eg_fault_at(err, EG_E_INPUT, source->lines.name, source->lines.number, eg_json_column(line, at), "%s", what);
}

static eg_status
refuse_key(const eg_source *source, eg_string line, const eg_json *member, eg_error *err)
{
    static const char *const keys[] = {"text", "pair", "label", "id"};
    const char *key = member->key.data, *nearest = eg_nearest(key, keys, 4);
    eg_fault_at(err, EG_E_INPUT, source->lines.name, source->lines.number, eg_json_column(line, member->key_at),
                "unknown key \"%.100s\"", key);
    return nearest ? eg_fault_hint(err, "did you mean \"%s\"?", nearest)
                   : eg_fault_hint(err, "a record has \"text\", and may have \"pair\", \"label\", \"id\"");
}

/* The member's string; an optional one may be null. */
static eg_status
keep_text(eg_source *source, eg_string line, const eg_json *member, bool optional, span *out, eg_error *err)
{
    if (optional && member->type == EG_JSON_NULL)
        return EG_OK;
    if (member->type != EG_JSON_STRING)
        return bad_record(source, line, member->raw.data, err,
                          optional ? "\"pair\" is not a string" : "\"text\" is not a string");
    return keep(source, member->text, out, err);
}

static bool
is_key(const eg_json *member, const char *key)
{
    return member->key.length == strlen(key) && memcmp(member->key.data, key, member->key.length) == 0;
}

static eg_status
keep_record(eg_source *source, eg_string line, const eg_json *object, record *out, eg_error *err)
{
    if (object->type != EG_JSON_OBJECT) {
        bad_record(source, line, object->raw.data, err, "a record that is not an object");
        return eg_fault_hint(err, "one {\"text\": …} a line");
    }
    for (const eg_json *member = object->first; member; member = member->next) {
        if (is_key(member, "text"))
            EG_TRY(keep_text(source, line, member, false, &out->text, err));
        else if (is_key(member, "pair"))
            EG_TRY(keep_text(source, line, member, true, &out->pair, err));
        else if (is_key(member, "id"))
            EG_TRY(keep(source, member->raw, &out->id, err));
        else if (!is_key(member, "label"))
            return refuse_key(source, line, member, err);
    }
    if (!out->text.there)
        return bad_record(source, line, object->raw.data, err, "a record without \"text\"");
    if (out->pair.there && source->pair)
        return bad_record(source, line, object->raw.data, err, "a record with a pair of its own beside --pair");
    return EG_OK;
}

static eg_status
read_record(eg_source *source, eg_string line, record *out, eg_error *err)
{
    eg_json_memory memory = {0};
    eg_json *object;
    eg_status status = eg_json_read(&memory, line, &object, err);
    if (status == EG_OK) {
        status = keep_record(source, line, object, out, err);
    } else if (status == EG_E_INPUT) {
        err->line = source->lines.number;
        strncpy(err->file, source->lines.name, sizeof err->file - 1);
    }
    eg_json_free(&memory);
    return status;
}

static eg_status
read_plain(eg_source *source, eg_string line, record *out, eg_error *err)
{
    uint32_t column;
    if (!eg_is_utf8(line.data, line.length, &column))
        return eg_fault_at(err, EG_E_INPUT, source->lines.name, source->lines.number, column, "invalid UTF-8");
    return keep(source, line, &out->text, err);
}

/* --- chunks -------------------------------------------------------------------------------------- */

/* Reads one text into `out`; *out_end at the end of the input. */
static eg_status
read_one(eg_source *source, record *out, bool *out_end, eg_error *err)
{
    *out = (record){0};
    *out_end = false;
    if (source->word_count) {
        *out_end = source->word_next == source->word_count;
        if (*out_end)
            return EG_OK;
        const char *word = source->words[source->word_next++];
        EG_TRY(keep(source, (eg_string){word, strlen(word)}, &out->text, err));
    } else {
        eg_string line;
        EG_TRY(eg_lines_next(&source->lines, &line, err));
        *out_end = line.data == NULL;
        if (*out_end)
            return EG_OK;
        EG_TRY(source->is_jsonl ? read_record(source, line, out, err) : read_plain(source, line, out, err));
    }
    if (source->pair)
        return keep(source, (eg_string){source->pair, strlen(source->pair)}, &out->pair, err);
    return EG_OK;
}

static eg_string
string_of(const eg_source *source, span s)
{
    /* An empty text is not an absent one, so it points somewhere too. */
    const char *data = source->bytes.data ? source->bytes.data + s.at : "";
    return s.there ? (eg_string){data, s.length} : (eg_string){NULL, 0};
}

static eg_status
hand_out(eg_source *source, size_t count, eg_chunk *out, eg_error *err)
{
    EG_TRY(eg_reserve(&source->strings, &source->string_capacity, 3 * count, sizeof *source->strings, err));
    eg_string *texts = source->strings, *pairs = texts + count, *ids = pairs + count;
    source->last_count = (uint32_t)count;
    *out = (eg_chunk){.count = (uint32_t)count, .texts = texts, .pairs = pairs, .ids = ids};
    for (size_t i = 0; i < count; i++) {
        texts[i] = string_of(source, source->records[i].text);
        pairs[i] = string_of(source, source->records[i].pair);
        ids[i] = string_of(source, source->records[i].id);
        out->has_pairs = out->has_pairs || pairs[i].data;
    }
    return EG_OK;
}

static eg_status
read_chunk(eg_source *source, size_t most, size_t most_bytes, eg_chunk *out, eg_error *err)
{
    *out = (eg_chunk){0};
    source->handed_out += source->last_count;
    source->last_count = 0;
    if (source->has_fault) {
        *err = source->fault;
        return err->code;
    }
    size_t count = 0;
    bool end = false;
    source->bytes.length = 0;
    while (count < most && source->bytes.length < most_bytes) {
        EG_TRY(eg_reserve(&source->records, &source->record_capacity, count + 1, sizeof *source->records, err));
        eg_status status = read_one(source, &source->records[count], &end, err);
        if (status != EG_OK && count == 0)
            return status;
        source->has_fault = status != EG_OK;
        if (source->has_fault)
            source->fault = *err;
        if (end || source->has_fault)
            break;
        count++;
    }
    return count ? hand_out(source, count, out, err) : EG_OK;
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
    if (source->word_count)
        return (double)source->word_next / (double)source->word_count;
    if (source->lines.size == 0)
        return -1.0;
    return (double)(source->lines.read - source->lines.length) / (double)source->lines.size;
}

eg_status
eg_source_fault(const eg_source *source, eg_error *err)
{
    unsigned text;
    int prefix = 0;
    if (err->file[0] || sscanf(err->message, "text %u%n", &text, &prefix) != 1)
        return err->code;
    const char *rest = err->message + prefix + strspn(err->message + prefix, ": ");
    if (source->word_count) {
        char message[sizeof err->message];
        snprintf(message, sizeof message, "TEXT %u: %s", (unsigned)source->handed_out + text, rest);
        memcpy(err->message, message, sizeof message);
        return err->code;
    }
    memmove(err->message, rest, strlen(rest) + 1);
    snprintf(err->file, sizeof err->file, "%s", source->lines.name);
    err->line = (uint32_t)source->handed_out + text;
    return err->code;
}
