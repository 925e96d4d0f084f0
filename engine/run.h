/* SPDX-License-Identifier: Apache-2.0 */
/* One run of one packed batch on the memory of one context. Thread-safety: a context is one thread's at a time. */
#ifndef EG_ENGINE_RUN_H
#define EG_ENGINE_RUN_H

#include "engine/executable.h"
#include "engine/trace.h"

/* Memory of one kind, as large as the largest run so far. */
typedef struct eg_context_space {
    uint64_t bytes;
    eg_buffer *buffer; /* a device's memory, or its import of the host's */
} eg_context_space;

typedef struct eg_pending {
    uint32_t target;
    eg_event *event;
} eg_pending;

struct eg_context {
    eg_model *model;
    eg_workers workers;
    char *fuse;      /* passes of its plans; NULL: the model's */
    eg_trace *trace; /* of the runs that are profiled; NULL: runs are not */
    int32_t cancel;  /* written by eg_context_cancel() from anywhere: relaxed atomics only */

    void *host; /* memory space 0 */
    uint64_t host_bytes, host_align;
    eg_context_space *arenas;  /* per backend of the engine: its import of `host`, or its own arena */
    eg_context_space *scratch; /* per backend × EG_CONTEXT_DOMAINS: scratch outside domain 0 */
    void *staging;             /* for values that are read from a device */
    uint64_t staging_bytes;

    eg_binding *io; /* of the stage that is being started */
    uint32_t io_capacity;
    EG_VEC(eg_pending) pending; /* events of this run */
    EG_VEC(eg_event *) wait;    /* those a stage waits for */
};

/* Domains with scratch that a device may have. */
enum { EG_CONTEXT_DOMAINS = 64 };

/* An input of a graph that is not the model's. */
typedef struct eg_fed_value {
    eg_value_id value;
    const void *data; /* dense */
} eg_fed_value;

/* A packed batch: all texts in one row set. With padding, ids has the padding's rows too. */
typedef struct eg_batch {
    const int32_t *ids, *type_ids; /* [T] */
    eg_row_set set;                /* with its table */
    eg_dims dims;                  /* points to set */
    const eg_fed_value *fed;       /* [fed_count]; of a model's graph none */
    uint32_t fed_count;
} eg_batch;

/* A new call of the API begins: what was cancelled before is past. */
void eg_context_uncancel(eg_context *context);

/* eg_context_open() whatever the model was opened for: also a model that is only described has constants to compute. */
EG_NODISCARD eg_status eg_context_make(eg_model *model, eg_context **out, eg_error *err);

/* EG_E_CANCELLED, EG_E_NOMEM, or what a device says. Afterwards the outputs are read by eg_run_read(). */
EG_NODISCARD eg_status eg_run_batch(eg_context *context, const eg_executable *executable, const eg_batch *batch,
                                    eg_error *err);

/* The elements of a value after a run, rows as they are in the batch. A view whose rows lie apart is no output and is
 * refused (EG_E_INTERNAL); its alias root can be read. Valid until the next call on the context. */
EG_NODISCARD eg_status eg_run_read(eg_context *context, const eg_executable *executable, const eg_batch *batch,
                                   eg_value_id value, const void **out, eg_error *err);

#endif
