/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process per backend, a thread per lane: on the caller's the ops, and inside them its own parts of their work; on the
 * workers' their parts.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/file_out.h"
#include "cli/mem.h"
#include "cli/profile.h"
#include "cli/say.h"

#define MOST_BACKENDS 64

typedef struct trace {
    const eg_json *profile;
    const eg_json **ops; /* by number */
    uint32_t op_count, lanes;
    const char *backends[MOST_BACKENDS]; /* a process each */
    uint32_t backend_count;
    eg_bytes text;
    bool begun;       /* an event has been written */
    eg_status status; /* of the first failure to write */
    eg_error *err;
} trace;

__attribute__((format(printf, 2, 3))) static void
put(trace *t, const char *fmt, ...)
{
    char piece[256];
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(piece, sizeof piece, fmt, args);
    va_end(args);
    if (t->status == EG_OK && length > 0)
        t->status =
            eg_bytes_add(&t->text, piece, (size_t)length < sizeof piece ? (size_t)length : sizeof piece - 1, t->err);
}

/* A value of the profile as it was written there. */
static void
put_raw(trace *t, const char *before, const eg_json *value)
{
    put(t, "%s", before);
    if (t->status == EG_OK && value)
        t->status = eg_bytes_add(&t->text, value->raw.data, value->raw.length, t->err);
    else
        put(t, "null");
}

/* The process of an op's backend, from 1. */
static uint32_t
process_of(trace *t, const eg_json *op)
{
    const char *backend = eg_json_text(eg_json_get(op, "backend"));
    for (uint32_t i = 0; i < t->backend_count; i++)
        if (strcmp(t->backends[i], backend) == 0)
            return i + 1;
    if (t->backend_count < MOST_BACKENDS)
        t->backends[t->backend_count++] = backend;
    return t->backend_count;
}

static void
begin_event(trace *t, const char *phase, uint32_t process)
{
    put(t, "%s{\"ph\":\"%s\",\"pid\":%u", t->begun ? ",\n" : "", phase, process);
    t->begun = true;
}

static void
put_names(trace *t)
{
    for (uint32_t process = 1; process <= t->backend_count; process++) {
        /* A backend's name needs no escapes: [a-z0-9_-]+. */
        begin_event(t, "M", process);
        put(t, ",\"name\":\"process_name\",\"args\":{\"name\":\"%s\"}}", t->backends[process - 1]);
        for (uint32_t lane = 0; lane < t->lanes; lane++) {
            begin_event(t, "M", process);
            put(t, ",\"tid\":%u,\"name\":\"thread_name\",\"args\":{\"name\":\"", lane);
            put(t, lane ? "worker %u\"}}" : "caller\"}}", lane);
        }
    }
}

static void
put_args(trace *t, const eg_json *op)
{
    static const char *const keys[] = {"op", "scope", "kernel", "flops", "bytes", "weight_bytes", "origins"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        put(t, "%s\"%s\":", i ? "," : "", keys[i]);
        put_raw(t, "", eg_json_get(op, keys[i]));
    }
}

static void
put_span(trace *t, const eg_json *span)
{
    double at = eg_json_number(eg_json_get(span, "at"));
    if (at < 0 || at >= t->op_count)
        return;
    const eg_json *op = t->ops[(uint32_t)at];
    bool part = eg_json_number(eg_json_get(span, "part")) != 0;
    begin_event(t, "X", process_of(t, op));
    put_raw(t, ",\"tid\":", eg_json_get(span, "lane"));
    put_raw(t, ",\"ts\":", eg_json_get(span, "begin_us"));
    put_raw(t, ",\"dur\":", eg_json_get(span, "us"));
    put(t, ",\"cat\":\"%s\"", part ? "part" : "op");
    put_raw(t, ",\"name\":", eg_json_get(op, part ? "op" : "name"));
    put(t, ",\"args\":{");
    if (part)
        put_raw(t, "\"of\":", eg_json_get(op, "name"));
    else
        put_args(t, op);
    put(t, "}}");
}

/* Which processes and lanes there are. */
static eg_status
survey(trace *t)
{
    const eg_json *ops = eg_json_get(t->profile, "ops"), *spans = eg_json_get(t->profile, "spans");
    t->ops = calloc(ops ? ops->count + 1 : 1, sizeof *t->ops);
    if (!t->ops)
        return eg_fault(t->err, EG_E_NOMEM, "out of memory");
    for (const eg_json *op = ops ? ops->first : NULL; op; op = op->next) {
        t->ops[t->op_count++] = op;
        (void)process_of(t, op);
    }
    for (const eg_json *span = spans ? spans->first : NULL; span; span = span->next) {
        double lane = eg_json_number(eg_json_get(span, "lane"));
        if (lane >= t->lanes)
            t->lanes = (uint32_t)lane + 1;
    }
    return EG_OK;
}

static eg_status
write_text(trace *t)
{
    EG_TRY(survey(t));
    put(t, "{\"displayTimeUnit\":\"ms\",\"otherData\":{\"egbert\":\"%s\"", eg_version());
    put_raw(t, ",\"threads\":", eg_json_get(t->profile, "threads"));
    put_raw(t, ",\"shape\":", eg_json_get(t->profile, "shape"));
    put(t, "},\"traceEvents\":[\n");
    put_names(t);
    const eg_json *spans = eg_json_get(t->profile, "spans");
    for (const eg_json *span = spans ? spans->first : NULL; span; span = span->next)
        put_span(t, span);
    put(t, "\n]}\n");
    return t->status;
}

static eg_status
save(const trace *t, const char *path, eg_error *err)
{
    eg_file_out file;
    EG_TRY(eg_file_out_open(&file, path, err));
    eg_status status = eg_file_out_write(&file, t->text.data, t->text.length, err);
    if (status == EG_OK)
        status = eg_file_out_commit(&file, err);
    eg_file_out_close(&file);
    return status;
}

eg_status
eg_profile_write_trace(const eg_json *profile, const char *path, eg_error *err)
{
    trace t = {.profile = profile, .err = err};
    eg_status status = write_text(&t);
    if (status == EG_OK)
        status = save(&t, path, err);
    eg_bytes_free(&t.text);
    free(t.ops);
    return status;
}
