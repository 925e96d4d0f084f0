/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of a chunk of the input, and what a record of each command is made of: a text, and a second text or a list of
 * them. A command names its fields in an eg_record_kind.
 */
#ifndef EG_CLI_RECORDS_H
#define EG_CLI_RECORDS_H

#include <egbert/egbert.h>
#include <stdbool.h>

#include "cli/mem.h"

/* One part of a record. It comes from the record or, the same for all records, from a flag. */
typedef struct eg_field {
    const char *key;  /* in a JSON record */
    const char *flag; /* "--pair"; NULL: no flag gives it */
    size_t at;        /* of the flag's value in eg_arguments */
} eg_field;

typedef struct eg_record_kind {
    eg_field text, pair;
    bool pair_optional;
    const char *label_too; /* another key for what "label" is; NULL: none */
    bool many;             /* pair is a list: a record becomes a group of texts, each the text with one of the list */
    bool needs_one;        /* an empty list is a fault */
} eg_record_kind;

/* {"text", "pair"}, the pair optional: what most commands take. */
extern const eg_record_kind eg_records_of_texts;

/* A string: where it lies in the bytes, which move while they grow. */
typedef struct eg_span {
    bool there;
    size_t at, length;
} eg_span;

typedef struct eg_record {
    eg_span text, id, label;
    size_t pairs_end; /* its pairs are those from the end of the record before up to here */
} eg_record;

/* Records read so far; {0} is empty. */
typedef struct eg_records {
    eg_bytes bytes;
    eg_record *items;
    size_t count, capacity;
    eg_span *pairs;
    size_t pair_count, pair_capacity;
} eg_records;

void eg_records_clear(eg_records *records);
void eg_records_free(eg_records *records);

/* A new record without anything. It is the last one, which the following calls fill. */
EG_NODISCARD eg_status eg_records_begin(eg_records *records, eg_error *err);
/* Takes the last record away: there was a fault in it. */
void eg_records_drop(eg_records *records);
EG_NODISCARD eg_status eg_records_keep(eg_records *records, eg_string string, eg_span *out, eg_error *err);
EG_NODISCARD eg_status eg_records_set_text(eg_records *records, eg_string text, eg_error *err);
EG_NODISCARD eg_status eg_records_add_pair(eg_records *records, eg_string pair, eg_error *err);

/*
 * Fills the last record from a line of JSON. What a flag gives must not be in the record, what none gives must be. A
 * fault is EG_E_INPUT with the column; the caller adds file and line.
 */
EG_NODISCARD eg_status eg_records_read(eg_records *records, const eg_record_kind *kind, eg_string line, bool text_given,
                                       bool pair_given, eg_error *err);

#endif
