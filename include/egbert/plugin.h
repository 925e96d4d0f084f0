/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Egbert plugin ABI, version 1.0: everything a backend needs, and the only header it may include of ours.
 *
 * A backend is a shared library with one exported symbol, eg_plugin_query(). The host calls it with the version it
 * speaks and gets a constant table, or NULL when the plugin is too new for it. Nothing is initialised before that.
 *
 * Rules that hold everywhere:
 *  - Structs begin with `size`, set by whoever fills them; fields are added at the end only. Read a field of a struct that
 *    the other side filled through EG_HAS(). A `size` larger or smaller than one's own is legal; the entries of an array
 *    of such structs lie `size` bytes apart.
 *  - Ops and attributes are names. A new op changes nothing here. An attribute at its neutral value is absent.
 *  - Each side frees what it allocated. No exit, no abort, no signal handlers, no printing in a plugin.
 *  - Libraries are opened RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE and never closed; no work in constructors.
 *  - Objects named `const` in a call are valid during that call only, unless it says more.
 *
 * Shapes. A value has a row kind: token (one row per token, the texts one after another, no padding rows), text (one
 * row per text), pair (query × key of each text, per head), table (fixed). Sizes are k × (1 | B | T | P); the true
 * B, T, P, longest text and the row table come with each run (eg_dims). Memory is planned for an upper bound of them.
 *
 * Layout. token, text and table values are row-major matrices, the last axis contiguous, rows `row_stride` elements
 * apart. A pair value [A, P] has the texts one after another; the block of a text with n rows is [A, n, n] contiguous
 * (A × n × min(n, 2·window + 1) where the value has a window), so it begins at element A × Σ of the earlier texts' n².
 */
#ifndef EGBERT_PLUGIN_H
#define EGBERT_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EG_ABI_MAJOR 1u
#define EG_ABI_MINOR 0u

/* Whether field f lies inside the struct that the other side filled. */
#define EG_HAS(T, p, f) ((p)->size >= offsetof(T, f) + sizeof((p)->f))

#if defined(__GNUC__)
#define EG_NODISCARD __attribute__((warn_unused_result))
#define EG_EXPORT __attribute__((visibility("default")))
#else
#define EG_NODISCARD
#define EG_EXPORT
#endif

/* --- status and error ---------------------------------------------------------------------------- */

/* Fixed numbers; 1 to 4 are also the exit status of the command, all others make it exit with 1. */
typedef int32_t eg_status;
enum {
    EG_OK = 0,
    EG_E_FAILED = 1,      /* failed at run time */
    EG_E_USAGE = 2,       /* the caller's argument is wrong */
    EG_E_INPUT = 3,       /* a model or input file is wrong */
    EG_E_BACKEND = 4,     /* no usable backend, or strict placement refused */
    EG_E_NOMEM = 5,       /* out of memory, host or device */
    EG_E_CANCELLED = 6,   /* the run's cancel flag was seen */
    EG_E_IO = 7,          /* reading or writing failed */
    EG_E_UNSUPPORTED = 8, /* a plugin's answer: not this node, device, or version */
    EG_E_DEVICE_LOST = 9, /* sticky: every later call on the device returns it too */
    EG_E_NONFINITE = 10,  /* an output holds NaN or infinity */
    EG_E_FORKED = 11,     /* used in a forked child */
    EG_E_BUSY = 12,       /* the workers are taken and the caller asked not to wait */
    EG_E_INTERNAL = 13    /* a bug of ours or of a plugin */
};

/* Allocated by the caller with `size` set; filled by the callee. Strings are UTF-8, NUL-terminated, may be empty. */
typedef struct eg_error {
    uint32_t size;
    eg_status code;
    uint32_t line, column; /* from 1; 0 = unknown */
    char file[1024];
    char message[768]; /* what is wrong */
    char hint[512];    /* what would be right */
} eg_error;

/* --- types --------------------------------------------------------------------------------------- */

typedef uint32_t eg_dtype;
enum { EG_F32 = 1, EG_F16 = 2, EG_BF16 = 3, EG_F64 = 4, EG_I32 = 5, EG_I64 = 6, EG_U8 = 7, EG_I8 = 8, EG_BOOL = 9 };

typedef uint32_t eg_kind;
enum { EG_TOKEN = 1, EG_TEXT = 2, EG_PAIR = 3, EG_TABLE = 4 };

typedef uint32_t eg_symbol;
enum {
    EG_SYM_NONE = 0, /* the size is k */
    EG_SYM_B = 1,    /* k × number of texts */
    EG_SYM_T = 2,    /* k × number of rows of the row set */
    EG_SYM_P = 3     /* k × Σ n² of the row set, or Σ n · min(n, 2 · window + 1) when window > 0 */
};

typedef struct eg_dim {
    int64_t k;
    uint32_t sym;    /* eg_symbol */
    uint32_t set;    /* row set the symbol counts; 0 is the input's */
    uint32_t window; /* for EG_SYM_P; 0 = all pairs */
    uint32_t reserved;
} eg_dim;

#define EG_MAX_RANK 6u

/*
 * What a value is. By kind:
 *  token [T, width…], text [B, width…], pair [heads, P], table [fixed…]; rank ≥ 1, dims[0] the row axis
 *  (dims[1] for pair).
 */
typedef struct eg_value_info {
    uint32_t size;
    eg_dtype dtype;
    eg_kind kind;
    uint32_t set; /* row set of a token or pair value */
    uint32_t rank;
    uint32_t is_weight; /* 1: constant, reached through view_weight(), never bound */
    eg_dim dims[EG_MAX_RANK];
    int64_t row_stride; /* elements between rows; equals the row's width unless the value is a view of a wider buffer */
    const char *name;   /* unique in the graph, for messages and profiles */
} eg_value_info;

/* --- one run's sizes ----------------------------------------------------------------------------- */

/* One text's rows in a row set. Rows in [valid, rows) are padding, which exists only in the padded comparison mode. */
typedef struct eg_row {
    uint32_t start; /* first row */
    uint32_t rows;  /* rows it takes */
    uint32_t valid; /* rows that are tokens; ≤ rows */
    uint32_t skip;  /* leading valid rows that pooling leaves out (a prompt); < valid, else 0 */
} eg_row;

typedef struct eg_row_set {
    uint64_t T;     /* Σ rows */
    uint64_t P;     /* Σ rows² */
    uint32_t max_n; /* largest rows */
    uint32_t reserved;
    const eg_row *table; /* B entries; NULL in an upper bound */
} eg_row_set;

/* Host memory, valid until the run that was given it is done. */
typedef struct eg_dims {
    uint32_t size;
    uint32_t B;
    uint32_t set_count; /* ≥ 1 */
    uint32_t reserved;
    const eg_row_set *sets;
} eg_dims;

/* --- objects ------------------------------------------------------------------------------------- */

typedef struct eg_device eg_device; /* plugin's; one opened device */
typedef struct eg_buffer eg_buffer; /* plugin's; memory of one domain */
typedef struct eg_weight eg_weight; /* plugin's; a constant, packed or uploaded once, shared by all plans */
typedef struct eg_exec eg_exec;     /* plugin's; a compiled stage: immutable, run by several callers at once */
typedef struct eg_event eg_event;   /* plugin's; the end of some work; NULL stands for "done already" */
typedef struct eg_view eg_view;     /* host's; a stage of the graph, read through the host's accessors */

/* --- host services: passed to open(), valid until the device is closed --------------------------- */

enum { EG_LOG_ERROR = 0, EG_LOG_WARNING = 1, EG_LOG_INFO = 2, EG_LOG_DEBUG = 3 };

/* Bits of the sanitizer tag. Host and plugin must have been built with the same ones. */
enum { EG_SANITIZE_NONE = 0, EG_SANITIZE_ADDRESS = 1, EG_SANITIZE_THREAD = 2, EG_SANITIZE_MEMORY = 4 };
#if defined(__has_feature)
#define EG_HAS_FEATURE(x) __has_feature(x)
#else
#define EG_HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || EG_HAS_FEATURE(address_sanitizer)
#define EG_SANITIZER EG_SANITIZE_ADDRESS
#elif defined(__SANITIZE_THREAD__) || EG_HAS_FEATURE(thread_sanitizer)
#define EG_SANITIZER EG_SANITIZE_THREAD
#elif EG_HAS_FEATURE(memory_sanitizer)
#define EG_SANITIZER EG_SANITIZE_MEMORY
#else
#define EG_SANITIZER EG_SANITIZE_NONE
#endif

/*
 * Every function takes `ctx` first. Thread-safety: all may be called from any thread; the accessors only while the
 * view is valid.
 */
typedef struct eg_host {
    uint32_t size, abi_minor;
    uint32_t sanitizer;
    uint32_t reserved;
    void *ctx;

    void (*log)(void *ctx, int32_t level, const char *message); /* one line, no newline */
    void *(*alloc)(void *ctx, uint64_t bytes, uint64_t align);  /* NULL on failure; align: a power of two */
    void (*dealloc)(void *ctx, void *p);                        /* NULL is fine */

    /*
     * Calls fn(arg, i, worker) for each i in [0, n), on the run's threads, and returns when all are done. worker is
     * below threads(). Only inside run(), weight_new() and compile(). Called from within fn it runs in place, serially.
     */
    void (*parallel_for)(void *ctx, uint32_t n, void (*fn)(void *arg, uint32_t i, uint32_t worker), void *arg);
    uint32_t (*threads)(void *ctx); /* of the calling run, ≥ 1 */

    /* For libraries that read their settings once, at load. EG_E_UNSUPPORTED where the host does not grant it. */
    eg_status (*setenv_if_unset)(void *ctx, const char *name, const char *value);

    /* The stage: nodes in execution order, values by number. Strings live as long as the view. */
    uint32_t (*view_nodes)(void *ctx, const eg_view *);
    uint32_t (*view_values)(void *ctx, const eg_view *);
    eg_status (*view_value)(void *ctx, const eg_view *, uint32_t value, eg_value_info *out);
    const char *(*node_op)(void *ctx, const eg_view *, uint32_t node);
    const char *(*node_name)(void *ctx, const eg_view *, uint32_t node);
    uint32_t (*node_inputs)(void *ctx, const eg_view *, uint32_t node);
    uint32_t (*node_outputs)(void *ctx, const eg_view *, uint32_t node);
    uint32_t (*node_input)(void *ctx, const eg_view *, uint32_t node, uint32_t i);  /* a value; counts as read */
    uint32_t (*node_output)(void *ctx, const eg_view *, uint32_t node, uint32_t i); /* a value */

    /* Attributes. 1 if present (and *out set, and counted as read), 0 if absent or of another type. */
    int32_t (*attr_int)(void *ctx, const eg_view *, uint32_t node, const char *name, int64_t *out);
    int32_t (*attr_float)(void *ctx, const eg_view *, uint32_t node, const char *name, double *out);
    int32_t (*attr_string)(void *ctx, const eg_view *, uint32_t node, const char *name, const char **out);
    int32_t (*attr_ints)(void *ctx, const eg_view *, uint32_t node, const char *name, const int64_t **out,
                         uint32_t *out_count);

    /* In compile(): the weight that weight_new() made for this value. Never NULL there for a value with is_weight. */
    eg_weight *(*view_weight)(void *ctx, const eg_view *, uint32_t value);
} eg_host;

/* --- weights ------------------------------------------------------------------------------------- */

/* A block of a weight as it lies in host memory: a strided view, data of its own type, placed at `at` in the weight. */
typedef struct eg_host_view {
    uint32_t size;
    eg_dtype dtype;
    const void *data; /* need not be aligned for dtype */
    int64_t dims[EG_MAX_RANK];
    int64_t strides[EG_MAX_RANK]; /* elements of dtype */
    int64_t at[EG_MAX_RANK];
} eg_host_view;

/* One way in which the graph uses the weight: input `input` of an op. The layout may depend on op, dtype and device,
 * never on B or T. */
typedef struct eg_weight_use {
    uint32_t size;
    uint32_t input;
    const char *op;
} eg_weight_use;

typedef struct eg_weight_desc {
    uint32_t size;
    eg_dtype dtype; /* what the kernels shall compute with; the views may be narrower or wider */
    uint32_t rank;
    uint32_t view_count; /* ≥ 1; several when a merge put tensors together. Together they cover the weight once. */
    int64_t dims[EG_MAX_RANK];
    const eg_host_view *views; /* their data stays mapped and unchanged until weight_free */
    const eg_weight_use *uses;
    uint32_t use_count;
    uint32_t reserved;
    const char *name;
} eg_weight_desc;

/* --- support ------------------------------------------------------------------------------------- */

enum { EG_SUPPORT_NO = 0, EG_SUPPORT_REFERENCE = 1, EG_SUPPORT_OPTIMISED = 2 };

typedef struct eg_support {
    uint32_t size;
    uint32_t level;        /* EG_SUPPORT_… */
    uint64_t domains;      /* bit i: values may lie in domain i; 0 means domain 0 */
    uint64_t est_ns;       /* time at the view's bound, 0 = unknown */
    uint32_t inplace_mask; /* bit i: output 0 may share the memory of input i (same bytes, same stride) */
    uint32_t reserved;
    char reason[160]; /* why not; one clause, names the op, attribute or value it is about */
} eg_support;

/* --- memory -------------------------------------------------------------------------------------- */

enum {
    EG_DOMAIN_HOST_READ = 1,  /* the host may read through host_pointer() */
    EG_DOMAIN_HOST_WRITE = 2, /* the host may write through host_pointer() */
    EG_DOMAIN_HOST_MEMORY = 4 /* plain host memory: any host pointer can be imported for nothing */
};

typedef struct eg_domain {
    uint32_t size;
    uint32_t flags;
    uint64_t align;       /* of each value's offset; a power of two */
    uint64_t max_buffer;  /* largest buffer_new, 0 = no limit */
    uint64_t max_binding; /* largest single value, 0 = no limit */
} eg_domain;

typedef struct eg_binding {
    uint32_t size;
    uint32_t reserved;
    eg_buffer *buffer; /* NULL for a value that is a weight, or that the run does not need */
    uint64_t offset;   /* bytes */
    uint64_t bytes;
    int64_t row_stride; /* elements; as in eg_value_info */
} eg_binding;

/* --- runs ---------------------------------------------------------------------------------------- */

typedef struct eg_compile_info {
    uint32_t size;
    uint32_t threads;     /* of the runs to come; run() says the true number */
    const eg_dims *bound; /* upper bound; tables NULL. The exec must serve every run below it in B, T, P and max_n. */
    const char *options;  /* "key=value,…" of the user, or NULL */
} eg_compile_info;

typedef struct eg_run_info {
    uint32_t size;
    uint32_t threads;
    const eg_binding *io; /* one per value of the view, interior ones included: the host planned their memory */
    uint32_t io_count;
    uint32_t scratch_count;
    const eg_binding *scratch; /* one per domain, of the bytes that scratch() asked for */
    const eg_dims *dims;
    eg_event *const *wait; /* events of this device that must be over first */
    uint32_t wait_count;
    uint32_t reserved;
    const int32_t *cancel; /* read with relaxed atomics between nodes; not 0: stop with EG_E_CANCELLED. May be NULL;
                            * like dims it lives until the event is over. */
} eg_run_info;

/*
 * A device's functions. "mandatory" slots are checked when the plugin is loaded. Thread-safety: every function may be
 * called from several threads at once, but not close() beside any other call on the device.
 */
typedef struct eg_device_ops {
    uint32_t size;
    uint32_t domain_count; /* 1 to 64 */

    /* mandatory. Facts by key for `egbert backends` and the caches: "fingerprint" (library, ISA, device: a blob of
     * weight_save fits only the same one), "isa", "library", "core", "note"; NULL = unknown key. Lives with the device.
     */
    const char *(*info)(eg_device *, const char *key);

    /* mandatory. Whether and how this node can be run. After a yes, the host checks that every attribute present and
     * every input was read through the accessors; otherwise the answer counts as no. */
    EG_NODISCARD eg_status (*support)(eg_device *, const eg_view *, uint32_t node, eg_support *out);

    /* optional. Of a whole graph, the nodes that the device would rather take together: group[node] = 0 (none) or a
     * number; called before support. */
    EG_NODISCARD eg_status (*claim)(eg_device *, const eg_view *, uint32_t *group, eg_error *err);

    EG_NODISCARD eg_status (*domain)(eg_device *, uint32_t index, eg_domain *out); /* mandatory */

    EG_NODISCARD eg_status (*buffer_new)(eg_device *, uint32_t domain, uint64_t bytes, eg_buffer **out,
                                         eg_error *err); /* mandatory; contents undefined */
    void (*buffer_free)(eg_device *, eg_buffer *);       /* mandatory; NULL is fine */
    /* mandatory for EG_DOMAIN_HOST_MEMORY, else optional: use the caller's memory, which outlives the buffer. */
    EG_NODISCARD eg_status (*buffer_import)(eg_device *, uint32_t domain, void *host, uint64_t bytes, eg_buffer **out,
                                            eg_error *err);
    /* mandatory for domains with EG_DOMAIN_HOST_READ or _WRITE: the buffer's first byte. */
    void *(*host_pointer)(eg_device *, eg_buffer *);
    /* mandatory if a domain lacks EG_DOMAIN_HOST_WRITE. Blocking; src may be reused on return; runs given later see it.
     */
    EG_NODISCARD eg_status (*upload)(eg_device *, eg_buffer *dst, uint64_t offset, const void *src, uint64_t bytes,
                                     eg_error *err);
    /* mandatory if a domain lacks EG_DOMAIN_HOST_READ. Waits for the events, then blocks until dst is filled. */
    EG_NODISCARD eg_status (*download)(eg_device *, void *dst, eg_buffer *src, uint64_t offset, uint64_t bytes,
                                       eg_event *const *wait, uint32_t wait_count, eg_error *err);
    /* mandatory if there are several domains, else optional. Within the device. */
    EG_NODISCARD eg_status (*copy)(eg_device *, const eg_binding *dst, const eg_binding *src, eg_event *const *wait,
                                   uint32_t wait_count, eg_event **done, eg_error *err);

    /* mandatory. Packs, uploads or borrows; the host counts uses and frees. *out_bytes: memory of its own, 0 if it
     * borrows the views. */
    EG_NODISCARD eg_status (*weight_new)(eg_device *, const eg_weight_desc *, eg_weight **out, uint64_t *out_bytes,
                                         eg_error *err);
    void (*weight_free)(eg_device *, eg_weight *); /* mandatory; NULL is fine */
    /* optional, both or none. With dst NULL: only *bytes is set. */
    EG_NODISCARD eg_status (*weight_save)(eg_device *, const eg_weight *, void *dst, uint64_t *bytes, eg_error *err);
    EG_NODISCARD eg_status (*weight_load)(eg_device *, const eg_weight_desc *, const void *blob, uint64_t bytes,
                                          eg_weight **out, uint64_t *out_bytes, eg_error *err);

    /* mandatory. The view may be gone when it returns. The exec runs the nodes as if in the view's order: the memory of
     * a value may serve another as soon as the last node that reads it is over. */
    EG_NODISCARD eg_status (*compile)(eg_device *, const eg_view *, const eg_compile_info *, eg_exec **out,
                                      eg_error *err);
    void (*exec_free)(eg_exec *); /* mandatory; NULL is fine */
    /* optional. Bytes of scratch that a run at this bound needs in `domain`; grows with each of B, T, P, max_n. */
    uint64_t (*scratch)(const eg_exec *, uint32_t domain, const eg_dims *bound, uint32_t threads);
    /* mandatory. Begins the run and sets *done to an event, or to NULL when it is over already. The call's structs may
     * go when it returns, but dims, tables and buffers live until the event is over. */
    EG_NODISCARD eg_status (*run)(eg_exec *, const eg_run_info *, eg_event **done, eg_error *err);

    /* mandatory if any run or copy gives an event. Blocks until all are over; their status is the first bad one. */
    EG_NODISCARD eg_status (*wait)(eg_device *, eg_event *const *events, uint32_t count, eg_error *err);
    void (*event_free)(eg_device *, eg_event *); /* mandatory with wait; NULL is fine */

    /* optional. Functions beyond this header, by name ("profile.v1"); NULL = not there. */
    const void *(*extension)(eg_device *, const char *name);
} eg_device_ops;

/* --- the plugin ---------------------------------------------------------------------------------- */

typedef struct eg_device_desc {
    uint32_t size;
    uint32_t score; /* 0: usable, but only if named */
    char id[64];    /* what --device takes; stable on this machine */
    char name[128]; /* for people */
} eg_device_desc;

typedef struct eg_plugin {
    uint32_t size;
    uint32_t abi_major, abi_minor;
    uint32_t sanitizer; /* EG_SANITIZER */
    const char *name;   /* [a-z0-9_-]+, what --backend takes */
    const char *version;

    /* mandatory. How good this backend would be here; 0 = only if named. Opens no library and no device: CPU flags, and
     * what /dev and /sys say. Each device's own score is in its description. */
    uint32_t (*score)(void);
    uint32_t (*device_count)(void); /* mandatory; 0: cannot run here, and why_not() says why */
    EG_NODISCARD eg_status (*device)(uint32_t index, eg_device_desc *out); /* mandatory; opens nothing */
    const char *(*why_not)(void);                                          /* optional; a static string or NULL */

    /* mandatory. options: "key=value,…" or NULL. On success the device holds on to `host` until close(). */
    EG_NODISCARD eg_status (*open)(const eg_host *host, uint32_t index, const char *options, eg_device **out,
                                   const eg_device_ops **out_ops, eg_error *err);
    void (*close)(eg_device *); /* mandatory; NULL is fine; all its objects are freed before */
    void (*shutdown)(void);     /* optional; after the last close, before the process ends */
} eg_plugin;

/*
 * The sole exported symbol. The host passes the version it speaks; the plugin returns a constant table whose abi_major
 * is host_major and whose needs a host of host_minor can serve, or NULL.
 */
EG_EXPORT const eg_plugin *eg_plugin_query(uint32_t host_major, uint32_t host_minor);
typedef const eg_plugin *(*eg_plugin_query_fn)(uint32_t host_major, uint32_t host_minor);

/* --- extension "profile.v1" ---------------------------------------------------------------------- */

/* When a node of the view that compile() got was computed, and by what. `size` is the caller's. */
typedef struct eg_node_time {
    uint32_t size;
    uint32_t node;
    uint64_t begin_ns, end_ns; /* CLOCK_MONOTONIC */
    const char *kernel;        /* what ran ("linear avx2"); static, or lives as long as the exec. May be NULL */
} eg_node_time;

/* What extension("profile.v1") gives: a pointer to one that lives as long as the device. */
typedef struct eg_profile_v1 {
    uint32_t size;
    uint32_t reserved;
    /*
     * run(), but over when it returns, with the time of each node. times: `capacity` entries with `size` set, of which at
     * most the first *out_count are filled, in the order in which they ran. A node may be there more than once (in
     * pieces), or not at all (computed together with another). *out_count may exceed capacity: then some did not fit.
     */
    EG_NODISCARD eg_status (*run)(eg_exec *, const eg_run_info *, eg_node_time *times, uint32_t capacity,
                                  uint32_t *out_count, eg_error *);
} eg_profile_v1;

#ifdef __cplusplus
}
#endif
#endif
