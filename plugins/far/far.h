/* SPDX-License-Identifier: Apache-2.0 */
/*
 * far: the reference backend as if it sat at the far end of a bus. It computes nothing by itself (but for looking up
 * rows of a table in parts) and behaves as awkwardly as a device may, so that a host which is right with far is right
 * with a GPU:
 *
 *  - its memory is PROT_NONE outside its own calls: whoever reads it without download() gets a SIGSEGV;
 *  - a run ends on far's own thread, later; until then there is only an event;
 *  - no value may be bound that is larger than 1 MiB; weights are kept in parts of at most that size.
 *
 * To the reference backend far is the host: it opens a device of its own there, and hands it one node at a time (a
 * product with a weight in parts: a piece of it at a time) as a stage.
 */
#ifndef EG_FAR_H
#define EG_FAR_H

#include <egbert/plugin.h>
#include <pthread.h>
#include <stdbool.h>

enum { FAR_MAX_BINDING = 1 << 20 };

/* Item i of an array of structs that the host filled: they lie its `size` apart, which may not be ours. */
#define FAR_AT(array, i) ((const __typeof__(*(array)) *)((const unsigned char *)(array) + (size_t)(i) * (array)->size))

/* --- the worker (worker.c) ----------------------------------------------------------------------- */

/* The end of a job. Counted: the caller who was given it and the worker each hold it once. */
struct eg_event {
    uint32_t references; /* these three: under the device's lock */
    bool over;
    eg_status status;
    eg_error error; /* complete once it is over */
};

typedef struct far_job far_job;
struct far_job {
    far_job *next;
    eg_status (*work)(far_job *job, eg_error *err); /* on the worker */
    eg_device *device;
    eg_event *event;
};

struct eg_device {
    const eg_host *host;
    const eg_plugin *reference;
    eg_host inner_host; /* what reference sees as its host: host.c */
    eg_device *inner;   /* reference's */
    const eg_device_ops *inner_ops;
    uint32_t delay_us; /* before each job */
    pthread_t worker;
    pthread_mutex_t lock;
    pthread_cond_t wake, over; /* there is a job; an event is over */
    far_job *first, **last;
    bool stop;
};

EG_NODISCARD eg_status far_worker_start(eg_device *device, eg_error *err);
void far_worker_stop(eg_device *device);
/* Does the job on the worker and waits for it. The job may lie on the caller's stack. */
EG_NODISCARD eg_status far_do(far_job *job, eg_error *err);
/* Leaves the job, from host->alloc, to the worker, which frees it. *out: an event. */
EG_NODISCARD eg_status far_begin(far_job *job, eg_event **out, eg_error *err);
void far_event_hold(eg_device *device, eg_event *event);
EG_NODISCARD eg_status far_wait(eg_device *device, eg_event *const *events, uint32_t count, eg_error *err);
void far_event_free(eg_device *device, eg_event *event);

/* --- memory (buffer.c) --------------------------------------------------------------------------- */

typedef struct far_memory {
    unsigned char *bytes; /* PROT_NONE but while open */
    size_t mapped;
} far_memory;

EG_NODISCARD eg_status far_memory_new(far_memory *out, uint64_t bytes, eg_error *err);
void far_memory_free(far_memory *memory);
EG_NODISCARD eg_status far_memory_open(const far_memory *memory, eg_error *err);
void far_memory_close(const far_memory *memory);

struct eg_buffer {
    far_memory memory;
    uint64_t bytes;
    eg_buffer *inner; /* reference's, over the same memory */
};

EG_NODISCARD eg_status far_domain(eg_device *device, uint32_t index, eg_domain *out);
EG_NODISCARD eg_status far_buffer_new(eg_device *device, uint32_t domain, uint64_t bytes, eg_buffer **out,
                                      eg_error *err);
void far_buffer_free(eg_device *device, eg_buffer *buffer);
EG_NODISCARD eg_status far_upload(eg_device *device, eg_buffer *dst, uint64_t offset, const void *src, uint64_t bytes,
                                  eg_error *err);
EG_NODISCARD eg_status far_download(eg_device *device, void *dst, eg_buffer *src, uint64_t offset, uint64_t bytes,
                                    eg_event *const *wait, uint32_t wait_count, eg_error *err);

/* --- weights (weight.c) -------------------------------------------------------------------------- */

typedef struct far_part {
    int64_t first, rows; /* along the first axis */
    far_memory memory;   /* dense */
    eg_weight *inner;    /* reference's, over the same memory */
} far_part;

struct eg_weight {
    int64_t row_elements; /* product of all axes but the first */
    uint32_t part_count;
    far_part parts[];
};

EG_NODISCARD eg_status far_weight_new(eg_device *device, const eg_weight_desc *desc, eg_weight **out,
                                      uint64_t *out_bytes, eg_error *err);
void far_weight_free(eg_device *device, eg_weight *weight);
/* Rows of each part of a weight whose rows have so many elements; 0 if one row is too large. */
int64_t far_rows_per_part(int64_t row_elements);
/* Where reference keeps the elements of a weight (inner.c, the only file that knows reference's structs). */
const void *far_inner_weight_data(const eg_weight *inner);

/* --- products by pieces (piece.c) ---------------------------------------------------------------- */

enum { FAR_PIECE_INPUTS = 5 }; /* most inputs of a product */

/*
 * Columns [first, first + count) of a product's result, made by part `part` of its weights. Of each other input that the
 * columns meet (a bias, a residual) these columns alone are read.
 */
typedef struct far_piece {
    int64_t first, count;
    uint32_t part;
    eg_weight *slices[FAR_PIECE_INPUTS]; /* reference's, of constants that are cut by columns; NULL for the others */
} far_piece;

/* What of a value belongs to a piece: all of it, the weight's part, or the piece's columns. */
typedef enum far_cut { FAR_WHOLE, FAR_ROWS, FAR_COLUMNS } far_cut;

/* Whether input i of the op may be a weight in parts. */
bool far_takes_parts(const char *op, uint32_t input);
/* Of an input of a product, or of its output (any number from input_count on). */
far_cut far_cut_of(const char *op, uint32_t input_count, uint32_t value);
/* Why this product cannot be computed in pieces, although its weight is in parts; NULL: it can. */
const char *far_piece_obstacle(far_cut cut, const eg_value_info *input);
EG_NODISCARD eg_status far_piece_begin(eg_device *device, const eg_view *view, uint32_t node, const far_part *part,
                                       uint32_t part_number, far_piece *out, eg_error *err);
void far_piece_finish(const eg_device *device, far_piece *piece);

/* --- the host that reference sees (host.c) ------------------------------------------------------- */

/*
 * A stage of one node. Its values are numbered: inputs in order, then the outputs. With `piece` it is that piece of the
 * node only.
 */
typedef struct far_view {
    const eg_device *device;
    const eg_view *outer;
    uint32_t node;
    const far_piece *piece;
} far_view;

void far_fill_inner_host(eg_device *device);

/* --- stages (exec.c) ----------------------------------------------------------------------------- */

EG_NODISCARD eg_status far_support(eg_device *device, const eg_view *view, uint32_t node, eg_support *out);
EG_NODISCARD eg_status far_compile(eg_device *device, const eg_view *view, const eg_compile_info *info, eg_exec **out,
                                   eg_error *err);
void far_exec_free(eg_exec *exec);
uint64_t far_scratch(const eg_exec *exec, uint32_t domain, const eg_dims *bound, uint32_t threads);
EG_NODISCARD eg_status far_run(eg_exec *exec, const eg_run_info *info, eg_event **done, eg_error *err);

/* --- helpers (plugin.c) -------------------------------------------------------------------------- */

eg_status far_fail(eg_error *err, eg_status code, const char *format, ...) __attribute__((format(printf, 3, 4)));
void *far_alloc(const eg_device *device, uint64_t bytes); /* cleared; NULL on failure */
void far_dealloc(const eg_device *device, void *p);

#endif
