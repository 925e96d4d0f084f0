/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where texts come from: the command line, or the lines of a file or of standard input, plain or JSON records. They come
 * in chunks, so that a stream needs little memory and its results appear on the way. A chunk never depends on how
 * fast lines arrive, so that the same file gives the same batches; only a terminal is answered line by line.
 */
#ifndef EG_CLI_SOURCE_H
#define EG_CLI_SOURCE_H

#include <egbert/egbert.h>
#include <stdbool.h>

#include "cli/args.h"
#include "cli/records.h"

typedef struct eg_source eg_source;

/*
 * Records in input order, as the texts of one run, with what came with them. Where the kind has lists, record r is the
 * texts groups[r] to groups[r + 1] - 1; else one text. Valid until the next call.
 */
typedef struct eg_chunk {
    uint32_t count;          /* texts */
    uint32_t records;        /* 0: the end */
    bool has_pairs;          /* some text has a pair; the others' data is NULL */
    const uint32_t *groups;  /* [records + 1] */
    const eg_string *texts;  /* [count] */
    const eg_string *pairs;  /* [count] */
    const eg_string *ids;    /* [records], JSON as it was written; data NULL where a record has none */
    const eg_string *labels; /* [records], likewise */
} eg_chunk;

/*
 * The words after the first `skip` are texts; else --input, else standard input if it is no terminal; but where flags
 * give both parts of a record they are the input. A plain text or line is the first part of a record, or the second one
 * if a flag gives the first; where the second part is a list all of them together are one record.
 */
EG_NODISCARD eg_status eg_source_open(const eg_arguments *args, size_t skip, const eg_record_kind *kind,
                                      eg_source **out, eg_error *err);
void eg_source_close(eg_source *source);

/*
 * The next records, of about `most` texts and about a megabyte at most, but one at least. records 0: the end. A faulty line ends the chunk before it; the
 * next call returns its error.
 */
EG_NODISCARD eg_status eg_source_next(eg_source *source, uint32_t most, eg_chunk *out, eg_error *err);
/* Everything that is left, as one chunk; a fault comes as with eg_source_next(). */
EG_NODISCARD eg_status eg_source_rest(eg_source *source, eg_chunk *out, eg_error *err);
/* What part of the input has been handed out, 0 to 1; negative where its size is not known. */
double eg_source_share(const eg_source *source);
/*
 * The library numbers the texts of a run from 1 and begins the message of a fault in one with "text N ": if so, and the
 * chunk came from lines, this puts the line in its place. Returns err's code.
 */
EG_NODISCARD eg_status eg_source_fault(const eg_source *source, eg_error *err);
/*
 * How many records of the last chunk come before the one that the library's fault is in: their lines stand. 0 where that
 * is not known, and where texts are not lines.
 */
uint32_t eg_source_sound_records(const eg_source *source, const eg_error *err);

#endif
