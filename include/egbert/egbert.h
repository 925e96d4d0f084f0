/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Egbert's C API: engine → model → context.
 *
 *   eg_engine *engine;  eg_model *model;  eg_context *context;  eg_error err = {.size = sizeof err};
 *   if (eg_engine_open(NULL, &engine, &err) == EG_OK && eg_model_open(engine, "all-MiniLM-L6-v2", NULL, &model, &err)
 * == EG_OK && eg_context_open(model, &context, &err) == EG_OK) eg_embed(context, &(eg_input){.size = sizeof(eg_input),
 * .texts = texts, .count = 2}, vectors, &err);
 *
 * Rules. Every call that can fail returns an eg_status and fills `err` (which may be NULL). Option structs begin with
 * `size`, set by the caller (sizeof); fields are added at the end; a zero field means the default; NULL options are all
 * defaults. Texts are pointer + length, UTF-8, U+0000 legal, and need no terminator. Nothing prints, exits, or keeps
 * global state; what there is to say goes to the log callback.
 *
 * Ownership. The caller closes what it opened, contexts before their model, models before their engine; closing NULL is
 * fine. Strings and tensors of a result live until eg_result_free().
 *
 * Thread-safety is said per function. Using an engine in a forked child is EG_E_FORKED.
 */
#ifndef EGBERT_EGBERT_H
#define EGBERT_EGBERT_H

#include <egbert/plugin.h> /* eg_status, eg_error, eg_dtype: one definition for both headers */

#ifdef __cplusplus
extern "C" {
#endif

#ifndef EG_API
#define EG_API EG_EXPORT
#endif

typedef struct eg_engine eg_engine;   /* plugins, threads, memory budget */
typedef struct eg_model eg_model;     /* a loaded model: immutable, any thread */
typedef struct eg_context eg_context; /* what one caller needs to run: one thread at a time */
typedef struct eg_result eg_result;   /* outputs of a run, owning its memory */

/* --- facts (thread-safe) ------------------------------------------------------------------------- */

EG_API const char *eg_version(void);  /* "0.1.0" */
EG_API uint32_t eg_abi(void);         /* major << 16 | minor of the plugin ABI it speaks */
EG_API const char *eg_compiler(void); /* what built the library, for --version */

/* "FILE:LINE:COLUMN: what is wrong; what would be right", control characters escaped, at most n - 1 bytes of UTF-8.
 * Returns the bytes written. */
EG_API size_t eg_error_text(const eg_error *err, char *out, size_t n);

/* --- engine -------------------------------------------------------------------------------------- */

/* One line, no newline; level is EG_LOG_…; may be called from any thread that uses the engine. */
typedef void (*eg_log_fn)(void *user, int32_t level, const char *message);

enum {
    EG_ENGINE_STRICT = 1,   /* every node on the first backend of the list, or EG_E_BACKEND with each reason */
    EG_ENGINE_SETENV = 2,   /* may set environment variables that libraries read when they are opened (OpenBLAS's core,
                               libgomp's spinning), where the user has not: for programs, not for libraries */
    EG_ENGINE_ALTERNATE = 4 /* tests: give nodes to the listed backends in turn */
};

typedef struct eg_engine_options {
    uint32_t size;
    uint32_t flags;                  /* EG_ENGINE_… */
    uint32_t threads;                /* 0: the affinity mask cut by the cgroup's quota */
    int32_t log_level;               /* most verbose level to report; default 0: errors only */
    const char *backends;            /* NULL or "auto": by score; else names, first preferred: "cpu,reference". What
                                        these refuse goes to the others by score, unless EG_ENGINE_STRICT. */
    const char *device;              /* device id of the first backend, NULL: its best */
    const char *const *plugin_files; /* loaded first; one that does not load is EG_E_BACKEND */
    uint32_t plugin_file_count;
    uint32_t reserved;
    const char *plugin_path; /* folders separated by ':', probed before they are loaded; NULL: $EGBERT_PLUGIN_PATH */
    const char
        *plugin_dir; /* trusted folder of the installed plugins; NULL: $EGBERT_PLUGIN_DIR, else the installed one */
    const char *family_dir;     /* folder of the family files; NULL: $EGBERT_FAMILY_DIR, else the installed one */
    const char *plugin_options; /* "cpu:isa=avx2,…;far:…" or NULL */
    uint64_t max_arena;         /* bytes of activations per run; 0: no limit. Batches are split to stay below. */
    eg_log_fn log;
    void *log_user;
} eg_engine_options;

EG_API EG_NODISCARD eg_status eg_engine_open(const eg_engine_options *options, eg_engine **out, eg_error *err);
EG_API void eg_engine_close(eg_engine *engine);

/* JSON of `egbert backends`: [{"name","path","version","abi","loaded","why","score","devices":[…],"info":{…}}…].
 * Opens every usable device to tell its facts if open_devices is not 0. The string is freed with eg_string_free().
 * Thread-safe. */
EG_API EG_NODISCARD eg_status eg_engine_backends(eg_engine *engine, int32_t open_devices, char **out_json,
                                                 eg_error *err);
/* JSON of `egbert families`: [{"name","path","model_types":[…],"heads":[…],"extends"}…]. Thread-safe. */
EG_API EG_NODISCARD eg_status eg_engine_families(eg_engine *engine, char **out_json, eg_error *err);

EG_API void eg_string_free(char *s);

/* --- model --------------------------------------------------------------------------------------- */

typedef enum eg_load {
    EG_LOAD_FULL = 0, /* ready to run */
    EG_LOAD_DESCRIBE, /* config.json is enough: for eg_describe() */
    EG_LOAD_TOKENIZER /* the tokenizer's files, and config.json where present: for eg_tokenize() */
} eg_load;

typedef enum eg_tristate { EG_DEFAULT = 0, EG_ON = 1, EG_OFF = 2 } eg_tristate;

enum {
    EG_MODEL_PADDED = 1,    /* pad every text to the longest of its batch, to measure what packing gains */
    EG_MODEL_NO_PROMPT = 2, /* the model's default prompt is not applied */
    EG_MODEL_NO_CACHE = 4
};

typedef struct eg_model_options {
    uint32_t size;
    uint32_t flags; /* EG_MODEL_… */
    eg_load load;
    uint32_t max_length;                   /* tokens with specials; 0: the model's limit. Longer texts are cut. */
    uint32_t batch_tokens;                 /* most tokens in one run; 0: 4096 */
    uint32_t truncate_dim;                 /* embeddings keep that many numbers; 0: all */
    eg_tristate normalize;                 /* embeddings to length 1; EG_DEFAULT: as the model says */
    eg_tristate type_ids;                  /* feed token type ids; EG_DEFAULT: as the tokenizer says */
    const char *family;                    /* a family's name or file; NULL: config.json decides */
    const char *head;                      /* NULL: the checkpoint's */
    const char *pooling;                   /* "mean,max"; NULL: as the model says */
    const char *fuse;                      /* passes, "all,-cse"; NULL: all */
    const char *precision;                 /* "f32" or NULL */
    const char *prompt_name, *prompt_text; /* NULL: the model's default prompt */
    const char *const *ignore_config;      /* config keys that may be there without meaning */
    uint32_t ignore_config_count;
    uint32_t reserved;
} eg_model_options;

/*
 * Opens a checkpoint folder or an instance YAML. Says on the log what it assumed. Thread-safe.
 * EG_E_INPUT with the place for a fault in any file, EG_E_USAGE for an option, EG_E_BACKEND where nothing can run it.
 */
EG_API EG_NODISCARD eg_status eg_model_open(eg_engine *engine, const char *path, const eg_model_options *options,
                                            eg_model **out, eg_error *err);
EG_API void eg_model_close(eg_model *model);

EG_API uint32_t eg_model_embedding_size(const eg_model *model); /* numbers in one embedding; 0 before EG_LOAD_FULL */
EG_API uint32_t eg_model_max_length(const eg_model *model);     /* tokens with specials; UINT32_MAX: any */

typedef enum eg_description { EG_DESCRIBE_INSPECT = 0, EG_DESCRIBE_COMPILE = 1 } eg_description;

/* A picture in place of JSON: Graphviz text, or SVG that needs no other program and refers to nothing outside. */
typedef enum eg_draw {
    EG_DRAW_NONE = 0,
    EG_DRAW_DOT,       /* the graph, for Graphviz */
    EG_DRAW_SVG,       /* the graph */
    EG_DRAW_MEMORY_SVG /* what lies where in memory, and when */
} eg_draw;

typedef struct eg_describe_options {
    uint32_t size;
    eg_description what;
    /* for EG_DESCRIBE_COMPILE: */
    const uint32_t *lengths; /* tokens of each text of the batch; NULL: one text of 128 */
    uint32_t length_count;
    uint32_t output_count;
    const char *const *outputs; /* NULL: "embedding" */
    const char *dump_ir;        /* NULL: JSON. A pass's name or "": the graph's text form after that, the last, pass */
    const char *fuse;           /* passes, in place of the model's; NULL: these */
    eg_draw draw;
    uint32_t reserved;
    const char *draw_scope; /* of the graph only the nodes of this scope, "encoder.3"; NULL: all */
} eg_describe_options;

/*
 * The JSON of `egbert inspect` or `egbert compile`, the graph's text form, or a picture. Free with eg_string_free().
 * Thread-safe.
 */
EG_API EG_NODISCARD eg_status eg_describe(eg_model *model, const eg_describe_options *options, char **out,
                                          eg_error *err);

/* --- input --------------------------------------------------------------------------------------- */

typedef struct eg_string {
    const char *data;
    size_t length;
} eg_string;

/*
 * Either texts (pairs NULL, or `count` of them; a pair whose data is NULL stands for none), or token ids as they are:
 * text i is ids[cu_seqlens[i]] … ids[cu_seqlens[i + 1] - 1], specials included.
 */
typedef struct eg_input {
    uint32_t size;
    uint32_t count;
    const eg_string *texts;
    const eg_string *pairs;
    const int64_t *ids;        /* [cu_seqlens[count]] */
    const int64_t *cu_seqlens; /* [count + 1], from 0, strictly increasing */
    const int64_t *type_ids;   /* as ids, or NULL: zeros */
    uint32_t strict_length;    /* 1: a text beyond the limit is EG_E_INPUT and not cut */
    uint32_t reserved;
    /* Called from the running thread after each part; NULL: not at all. */
    void (*progress)(void *user, uint32_t texts_done, uint32_t texts, uint64_t tokens_done);
    void *progress_user;
} eg_input;

/* --- context: one thread at a time, but for eg_context_cancel ------------------------------------ */

EG_API EG_NODISCARD eg_status eg_context_open(eg_model *model, eg_context **out, eg_error *err);
EG_API void eg_context_close(eg_context *context);

/* One run at a time holds the engine's worker threads. What a run of this context does when another one does: */
typedef enum eg_workers {
    EG_WORKERS_OR_ALONE = 0, /* works on its own thread alone */
    EG_WORKERS_WAIT = 1,     /* waits for them */
    EG_WORKERS_OR_BUSY = 2   /* ends with EG_E_BUSY */
} eg_workers;
EG_API EG_NODISCARD eg_status eg_context_set_workers(eg_context *context, eg_workers workers, eg_error *err);

/* Passes of this context's plans, "all,-attention", in place of the model's; NULL: the model's again. Contexts of one
 * model with different passes share its weights, so that what a pass gains is measured in one process. */
EG_API EG_NODISCARD eg_status eg_context_set_fuse(eg_context *context, const char *fuse, eg_error *err);
/* Whether that is a list of passes, for who reads one before there is a model. EG_E_USAGE. */
EG_API EG_NODISCARD eg_status eg_fuse_check(const char *fuse, eg_error *err);

/* Any thread, also a signal handler: the run in progress ends with EG_E_CANCELLED soon; the next one runs normally. */
EG_API void eg_context_cancel(eg_context *context);

/* Writes count × eg_model_embedding_size() floats, text after text in the order given. */
EG_API EG_NODISCARD eg_status eg_embed(eg_context *context, const eg_input *input, float *out, eg_error *err);

/* Runs for the named outputs; an unknown name is EG_E_USAGE with the nearest one. */
EG_API EG_NODISCARD eg_status eg_run(eg_context *context, const eg_input *input, const char *const *outputs,
                                     uint32_t output_count, eg_result **out, eg_error *err);
EG_API void eg_result_free(eg_result *result);

#define EG_TENSOR_RANK 5

/*
 * One output. By kind: token [T, d] with the texts one after another (cu_seqlens tells where; a stack such as
 * hidden_states is [layers, T, d]); text [N, d]; pair: see eg_result_pair(). Contiguous.
 */
typedef struct eg_tensor_view {
    uint32_t size;
    eg_dtype dtype; /* EG_F32 or EG_I64 */
    eg_kind kind;   /* EG_TOKEN, EG_TEXT or EG_PAIR */
    uint32_t rank;
    int64_t dims[EG_TENSOR_RANK];
    const void *data;
    const char *name;
} eg_tensor_view;

EG_API uint32_t eg_result_texts(const eg_result *result);
EG_API uint32_t eg_result_outputs(const eg_result *result);
EG_API const int64_t *eg_result_cu_seqlens(const eg_result *result); /* [texts + 1] */
EG_API const int64_t *eg_result_ids(const eg_result *result);        /* [T], the tokens that were run */
EG_API const int64_t *eg_result_type_ids(const eg_result *result);   /* [T] */
/* Output i, in the order asked for. For a pair value rank and data are 0. */
EG_API EG_NODISCARD eg_status eg_result_tensor(const eg_result *result, uint32_t i, eg_tensor_view *out);
/* Text t of pair output i: [heads, n, n], or [layers, heads, n, n] of a stack such as attentions. */
EG_API EG_NODISCARD eg_status eg_result_pair(const eg_result *result, uint32_t i, uint32_t text, eg_tensor_view *out);

/* --- tasks --------------------------------------------------------------------------------------- */

/* What a head is for: the `task` of docs/family-language.md. */
typedef enum eg_task {
    EG_TASK_CLASSIFY = 0, /* texts, or pairs: their classes. Without a head named, by each head that classifies */
    EG_TASK_NER,          /* texts: named entities */
    EG_TASK_QA,           /* texts are questions, pairs their contexts: spans of the context */
    EG_TASK_FILL_MASK,    /* texts with mask tokens: what stands there */
    EG_TASK_NSP,          /* pairs: whether the second follows the first */
    EG_TASK_CHOOSE,       /* groups of pairs (prompt, choice): which choice */
    EG_TASK_RERANK,       /* groups of pairs (query, document): documents, best first */
    EG_TASK_SPARSE        /* texts: weights of vocabulary entries */
} eg_task;

/* How the tokens of a word and of an entity become one, as the transformers pipeline names it. */
typedef enum eg_aggregation {
    EG_AGGREGATE_NONE = 0, /* tokens as they are */
    EG_AGGREGATE_SIMPLE,
    EG_AGGREGATE_FIRST,
    EG_AGGREGATE_AVERAGE,
    EG_AGGREGATE_MAX
} eg_aggregation;

typedef struct eg_task_options {
    uint32_t size;
    eg_task task;
    const uint32_t *groups; /* choose, rerank: [group_count + 1], from 0 to the input's count; group g is the texts
                                   [groups[g], groups[g + 1]); NULL: all texts are one group */
    uint32_t group_count;
    uint32_t top_k;             /* items of a list; 0: qa 1, fill-mask 5, the others all */
    eg_aggregation aggregation; /* ner */
    uint32_t stride;     /* qa: tokens that neighbouring windows of a context share; 0: 128, at most half a window */
    uint32_t max_answer; /* qa: tokens of an answer; 0: 15 */
    uint32_t no_answer;  /* qa: 1: that there is no answer is one, too: an item with an empty text */
    const eg_string *targets; /* fill-mask: only these tokens, NULL: all */
    uint32_t target_count;
    uint32_t reserved;
} eg_task_options;

/* One thing that a task found: a class, an entity, an answer, a token. What a task does not have is 0 or {NULL, 0}. */
typedef struct eg_item {
    uint32_t size;
    int32_t begins;  /* ner: 1 where a tag of the kind B- begins it */
    eg_string label; /* classify: the class; ner: the entity; fill-mask, sparse: the token */
    eg_string
        text;     /* ner: the word; qa: the answer; fill-mask: the text with the token in place; rerank: the document */
    double score; /* classify, ner, qa, fill-mask, choose, rerank: after softmax, sigmoid, …; sparse: the weight */
    int64_t
        index; /* classify: of the class; ner: of the token; choose, rerank: in the group; fill-mask, sparse: the token's id */
    int64_t start, end; /* ner, qa: characters of the original text, [start, end) */
} eg_item;

/*
 * Items of one record: best first but for ner (in the text's order) and nsp, choose (in the order of the logits; of nsp
 * item 0 says that the pair's second text follows). From an item to the next are items->size bytes. The logits are all
 * there, in the model's order, whatever top_k is.
 */
typedef struct eg_list_view {
    uint32_t size;
    uint32_t item_count;
    const eg_item *items;
    const float *logits; /* [logit_count]: classify, nsp, choose, rerank; else NULL */
    uint32_t logit_count;
    uint32_t reserved;
    const char *head; /* that gave it */
} eg_list_view;

/*
 * Does a task. A record is a text, a pair, or a group. A text longer than the model takes is cut (qa: read in windows). A
 * model without a head for the task is EG_E_USAGE, naming those it has; a text without a mask in fill-mask EG_E_INPUT, as is
 * an empty question or context. Windows of qa have at most 384 tokens, or max_length; progress counts them as texts.
 * Results are those of Hugging Face's pipelines; one has eg_result_texts() and the records below, no outputs. NULL options
 * classify. Runs on the context: one thread at a time.
 */
EG_API EG_NODISCARD eg_status eg_run_task(eg_context *context, const eg_input *input, const eg_task_options *options,
                                          eg_result **out, eg_error *err);
EG_API uint32_t eg_result_records(const eg_result *result);
/* classify: one per head; fill-mask: one per mask of the text; else 1. */
EG_API uint32_t eg_result_lists(const eg_result *result, uint32_t record);
EG_API EG_NODISCARD eg_status eg_result_list(const eg_result *result, uint32_t record, uint32_t i, eg_list_view *out);

/*
 * How well a head does on labelled texts, with the loss that its training code defines. The head is the one named, else the
 * default one, else the only one of a task that is evaluated. `labels` has one JSON value per text:
 *  classify: a class's name or index (mean cross entropy); a list of them, or of true and false for all (binary cross
 *  entropy); a number, or a list of one for each label (squared error). problem_type decides which; without one, one label
 *  means numbers, else the first text's label decides.
 *  ner: a list with a tag for each word between blanks, null for one that does not count. A word counts by its first token.
 *  fill_mask: the text of the masks' tokens, a list with one for each mask, or the whole text without masks; a text
 *  without a label: 15 % of its tokens are chosen by `seed`, 80 % of these masked, 10 % changed, 10 % left.
 *  similarity: where no head classifies or is named, pairs with a number are judged by their embeddings' similarity.
 * The JSON, with the keys that apply:
 *  {"task", "head", "count" (texts), "loss", "perplexity", "accuracy", "masked" (tokens), "words", "precision", "recall",
 *   "f1": {"macro", "micro"}, "classes": [{"label", "precision", "recall", "f1", "support"}…],
 *   "confusion": {"labels": […], "matrix": [[…]…]} (rows are the actual labels; up to 1,000 of them), "pearson",
 *   "spearman"}
 * F1 is scikit-learn's; of ner, precision, recall, F1 and classes are those of whole entities, as seqeval finds them. What
 * is not defined is null. Free with eg_string_free().
 */
typedef struct eg_evaluate_options {
    uint32_t size;
    uint32_t flags;          /* 0 */
    const eg_string *labels; /* [input->count], JSON; data NULL where a text has none */
    uint64_t seed;           /* of masked tokens */
} eg_evaluate_options;
EG_API EG_NODISCARD eg_status eg_evaluate(eg_context *context, const eg_input *input,
                                          const eg_evaluate_options *options, char **out_json, eg_error *err);

/*
 * The same part after part, for any number of texts: kept are counts, and of numbers to correlate the numbers. The
 * evaluation is closed before its context; after a fault in a part it can only be closed.
 */
typedef struct eg_evaluation eg_evaluation;
/* Of the options `labels` is not read. */
EG_API EG_NODISCARD eg_status eg_evaluation_open(eg_context *context, const eg_evaluate_options *options,
                                                 eg_evaluation **out, eg_error *err);
/* labels: [input->count] as above, or NULL: none has one. */
EG_API EG_NODISCARD eg_status eg_evaluation_add(eg_evaluation *evaluation, const eg_input *input,
                                                const eg_string *labels, eg_error *err);
EG_API EG_NODISCARD eg_status eg_evaluation_result(const eg_evaluation *evaluation, char **out_json, eg_error *err);
EG_API void eg_evaluation_close(eg_evaluation *evaluation); /* NULL is fine */

/* --- verifying ----------------------------------------------------------------------------------- */

/* Tokens and what a reference computed for them, laid out as in the file that `egbert run --npz` writes. */
typedef struct eg_golden {
    uint32_t size;
    uint32_t text_count;
    const int64_t *ids;            /* [cu_seqlens[text_count]] */
    const int64_t *cu_seqlens;     /* [text_count + 1] */
    const int64_t *type_ids;       /* as ids, or NULL: zeros */
    const eg_tensor_view *tensors; /* by name; NAME.I is text I's where each text has its own */
    uint32_t tensor_count;
    uint32_t reserved;
} eg_golden;

enum { EG_VERIFY_ALL = 1 /* compare values inside the model even where all outputs fit */ };

typedef struct eg_verify_options {
    uint32_t size;
    uint32_t flags;   /* EG_VERIFY_… */
    double tolerance; /* of |got - want|, times max(1, max |want| / 10); 0: 1e-4 */
    void (*progress)(void *user, uint32_t runs_done, uint32_t runs); /* runs grows while causes are looked for */
    void *progress_user;
} eg_verify_options;

/*
 * Compares the model with a reference: {"ok","checked","first_bad":{"tensor","index","want","got","cause","pass",…},
 * "tensors":[…]}. A difference is a result (EG_OK with "ok":false), a golden that does not belong to the model EG_E_INPUT.
 * Free with eg_string_free(). It runs on the context: one thread at a time.
 */
EG_API EG_NODISCARD eg_status eg_verify(eg_context *context, const eg_golden *golden, const eg_verify_options *options,
                                        char **out_json, eg_error *err);

/* --- measuring ----------------------------------------------------------------------------------- */

typedef struct eg_profile_options {
    uint32_t size;
    uint32_t runs;  /* measured ones, after one that warms up; 0: as many as `seconds` hold, from 3 to 1000 */
    double seconds; /* 0: 2 */
    const char *const *outputs; /* NULL: "embedding" */
    uint32_t output_count;
    uint32_t reserved;
} eg_profile_options;

/*
 * Where the time of a run goes: the plan that eg_embed() or eg_run() would use for the whole input as one batch, run in
 * turn as it is and with a clock at each node. JSON, times in milliseconds, medians over the runs:
 *  {"backend": names, "threads", "workers", "shape": [texts, longest], "tokens", "runs",
 *   "total_ms": of a run without clocks, "profiled_ms": of one with them,
 *   "ops": in execution order, [{"op", "name", "scope", "backend", "kernel" or null, "calls" (per run), "ms",
 *           "flops", "bytes" (activations), "weight_bytes", "origins": [{"op", "name"}…] of a fused one}…];
 *           a copy between memories has the op "copy", a stage whose backend tells no node's time the op "stage",
 *   "layers": [{"scope", "ms", "share", "flops", "bytes", "weight_bytes"}…],
 *   "stages": [{"backend", "ops", "ms", "timed": "nodes" or "stage"}…],
 *   "spans": one run as it went: [{"at": number of the op, "part", "lane" (0: the caller), "begin_us", "us"}…]; with
 *             "part" true a thread's share of the op's work, as far as it came from the host's parallel_for}
 * Free with eg_string_free().
 */
EG_API EG_NODISCARD eg_status eg_profile(eg_context *context, const eg_input *input, const eg_profile_options *options,
                                         char **out_json, eg_error *err);

typedef struct eg_compare_options {
    uint32_t size;
    uint32_t runs;              /* timed ones of each; 0: 5 */
    const char *const *outputs; /* NULL: "embedding" */
    uint32_t output_count;
    uint32_t reserved;
} eg_compare_options;

/*
 * Two contexts of the same model, on different backends say, node by node. Both plans are made with the passes of `a`
 * and keep all values; both run the same ids. A node that both have is run by b once more, from a's inputs. JSON:
 *  {"backends": [a, b],
 *   "ops": in execution order of the nodes that both plans have,
 *          [{"op", "name", "scope", "isolated", "end_to_end", "scale", "ms": [a, b]}…]: largest |Δ| of the node's outputs
 *          when b computes it from a's inputs, and when each computed all before it; the largest |value| of a; null where
 *          one has a number that is not finite and the other not that one, or where a lacks an input of b's node,
 *   "outputs": [{"name", "max_abs", "cosine"}…],
 *   "only": [names of values that a's plan alone has, those of b's]}
 * Free with eg_string_free().
 */
EG_API EG_NODISCARD eg_status eg_compare(eg_context *a, eg_context *b, const eg_input *input,
                                         const eg_compare_options *options, char **out_json, eg_error *err);

/* --- tokens (thread-safe) ------------------------------------------------------------------------ */

typedef struct eg_tokenize_options {
    uint32_t size;
    uint32_t max_length;    /* 0: no truncation */
    uint32_t pad_to;        /* 0: no padding; UINT32_MAX: to the longest of the call */
    uint32_t no_special;    /* 1: without the special tokens put around the text */
    const char *truncation; /* "longest_first" (default), "only_first", "only_second" */
    uint32_t ids_only;      /* 1: offsets and tokens are not wanted, which takes less time; they are NULL then */
    uint32_t reserved;
} eg_tokenize_options;

/* One text's tokens. offsets: [start, end) in characters, 2 per token; NULL with ids_only, and where the tokenizer has none. */
typedef struct eg_tokens_view {
    uint32_t size;
    uint32_t count;
    const int64_t *ids;
    const int64_t *type_ids;
    const int64_t *offsets;
    const int64_t *attention_mask;
    const char *const *tokens; /* vocabulary entries, NUL-terminated */
} eg_tokens_view;

/* Free with eg_result_free(). */
EG_API EG_NODISCARD eg_status eg_tokenize(const eg_model *model, const eg_input *input,
                                          const eg_tokenize_options *options, eg_result **out, eg_error *err);
EG_API EG_NODISCARD eg_status eg_result_tokens(const eg_result *result, uint32_t text, eg_tokens_view *out);
/* Ids to text; skip_special 1 leaves special tokens out. Free with eg_string_free(). */
EG_API EG_NODISCARD eg_status eg_decode(const eg_model *model, const int64_t *ids, uint32_t count,
                                        uint32_t skip_special, char **out, eg_error *err);

/* How the model's vectors are compared: "cosine", "dot", "euclidean" or "manhattan" (distances are negated, so that
 * more is nearer). Lives with the model. */
EG_API const char *eg_model_similarity(const eg_model *model);
/* The model's similarity of two of its embeddings. */
EG_API double eg_similarity(const eg_model *model, const float *a, const float *b);

#ifdef __cplusplus
}
#endif
#endif
