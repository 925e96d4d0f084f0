/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/pass.h"

#include <string.h>
#include <time.h>

#include "base/utf8.h"

#define EG_PASS(name) extern const eg_pass eg_pass_##name;
#include "graph/passes/passes.def"
#undef EG_PASS

static const eg_pass *const passes[] = {
#define EG_PASS(name) &eg_pass_##name,
#include "graph/passes/passes.def"
#undef EG_PASS
};
enum { PASS_COUNT = sizeof passes / sizeof *passes, MOST_ROUNDS = 8 };

const eg_pass *const *
eg_pass_all(size_t *out_count)
{
    *out_count = PASS_COUNT;
    return passes;
}

void
eg_pass_refuse(eg_pass_context *context, const char *at, const char *why)
{
    eg_refusal refusal = {eg_arena_strdup(context->arena, at), eg_arena_strdup(context->arena, why)};
    if (refusal.at && refusal.why)
        (void)EG_PUSH(&context->report->refused, refusal);
}

/* --- which passes are on ------------------------------------------------------------------------- */

static eg_status
find_pass(const char *name, size_t length, size_t *out, eg_error *err)
{
    const char *names[PASS_COUNT + 2] = {"all", "none"};
    char word[64] = {0};
    for (size_t i = 0; i < PASS_COUNT; i++) {
        names[i + 2] = passes[i]->name;
        if (strlen(passes[i]->name) == length && memcmp(passes[i]->name, name, length) == 0) {
            *out = i;
            return EG_OK;
        }
    }
    memcpy(word, name, length < sizeof word ? length : eg_utf8_floor(name, sizeof word - 1));
    eg_status status = eg_fail(err, EG_E_USAGE, "there is no pass '%s'", word);
    const char *nearest = eg_nearest(word, names, PASS_COUNT + 2);
    if (nearest)
        return eg_hint(err, status, "did you mean '%s'?", nearest);
    eg_strbuf all = {0};
    for (size_t i = 0; i < PASS_COUNT; i++)
        eg_strbuf_printf(&all, ", %s", names[i + 2]);
    status = all.failed ? status : eg_hint(err, status, "all, none%s", all.data);
    eg_strbuf_finish(&all);
    return status;
}

static bool
is_word(const char *item, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(item, word, length) == 0;
}

static void
set_all(bool on[PASS_COUNT], bool all)
{
    for (size_t i = 0; i < PASS_COUNT; i++)
        on[i] = all || (passes[i]->flags & EG_PASS_ALWAYS);
}

/* "-all" and "-none" are the words for each other. */
static eg_status
refuse_negation(const char *name, size_t length, eg_error *err)
{
    bool all = is_word(name, length, "all");
    if (!all && !is_word(name, length, "none"))
        return EG_OK;
    eg_status status = eg_fail(err, EG_E_USAGE, "'-%s' is no entry of a list of passes", all ? "all" : "none");
    return eg_hint(err, status, "did you mean '%s'?", all ? "none" : "all");
}

/* From left to right: "all", "none" (some stay), "-NAME", "NAME". A list that begins with a NAME begins with
 * none. */
static eg_status
read_list(const char *list, bool on[PASS_COUNT], eg_error *err)
{
    set_all(on, true);
    for (const char *item = list; item;) {
        const char *comma = strchr(item, ',');
        size_t length = comma ? (size_t)(comma - item) : strlen(item), index;
        bool off = length > 0 && item[0] == '-';
        if (length == off)
            return eg_fail(err, EG_E_USAGE, "the list of passes '%s' has an empty entry", list);
        if (off)
            EG_TRY(refuse_negation(item + 1, length - 1, err));
        if (is_word(item, length, "all") || is_word(item, length, "none")) {
            set_all(on, item[0] == 'a');
        } else {
            EG_TRY(find_pass(item + off, length - off, &index, err));
            if (item == list && !off)
                set_all(on, false);
            on[index] = !off;
        }
        item = comma ? comma + 1 : NULL;
    }
    return EG_OK;
}

eg_status
eg_pass_check_list(const char *fuse, eg_error *err)
{
    bool on[PASS_COUNT];
    return read_list(fuse, on, err);
}

bool
eg_pass_enabled(const char *fuse, const char *pass)
{
    bool on[PASS_COUNT];
    size_t index;
    return read_list(fuse, on, NULL) == EG_OK && find_pass(pass, strlen(pass), &index, NULL) == EG_OK && on[index];
}

/* --- running ------------------------------------------------------------------------------------- */

typedef struct runner {
    eg_graph *graph;
    const eg_pass_options *options;
    eg_pass_result *out;
    bool on[PASS_COUNT];
    bool ran[PASS_COUNT];
} runner;

static uint64_t
now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool
is_dumped(const runner *r, size_t index)
{
    const char *after = r->options->dump_after;
    if (!after)
        return false;
    return after[0] ? strcmp(after, passes[index]->name) == 0 : index == PASS_COUNT - 1;
}

/* A pass that runs again replaces its dump. */
static eg_status
dump(runner *r, size_t index, eg_error *err)
{
    if (!is_dumped(r, index))
        return EG_OK;
    eg_strbuf_finish(&r->out->dump);
    r->out->dump = (eg_strbuf){0};
    return eg_graph_write(r->graph, &r->out->dump, err);
}

static bool
is_repeated(size_t index)
{
    return (passes[index]->flags & EG_PASS_FIXED_POINT) != 0;
}

/* The passes of the fixed point that are on, in the row of the pass that asks for it, until none finds anything. Their
 * refusals have been told in their own rows. */
static eg_status
run_again(runner *r, eg_pass_context *context, eg_error *err)
{
    uint32_t hits = UINT32_MAX;
    for (int round = 0; hits != context->report->hits && round < MOST_ROUNDS; round++) {
        hits = context->report->hits;
        for (size_t i = 0; i < PASS_COUNT; i++) {
            if (is_repeated(i) && r->on[i])
                EG_TRY(passes[i]->run(r->graph, context, err));
        }
    }
    context->report->refused.count = 0;
    return EG_OK;
}

static eg_status
change(runner *r, size_t index, eg_error *err)
{
    eg_pass_context context = {&r->out->arena, &r->out->reports.items[index], r->options->sizes, r->options->computer};
    if (passes[index]->flags & EG_PASS_LATE)
        return EG_OK;
    if (passes[index]->flags & EG_PASS_AGAIN)
        return run_again(r, &context, err);
    return passes[index]->run(r->graph, &context, err);
}

/* Hits and time of all rounds add up; what it refuses is what it refused at last. */
static eg_status
run_pass(runner *r, size_t index, uint32_t *out_hits, eg_error *err)
{
    eg_pass_report *report = &r->out->reports.items[index];
    uint32_t hits = report->hits;
    if (!r->ran[index])
        eg_graph_measure(r->graph, r->options->sizes, &report->before);
    if (r->on[index]) {
        uint64_t start = now_ns();
        report->refused.count = 0;
        EG_TRY(change(r, index, err));
        report->ns += now_ns() - start;
        EG_TRY(eg_graph_verify(r->graph, err));
    }
    if (!r->ran[index] || report->hits != hits)
        eg_graph_measure(r->graph, r->options->sizes, &report->after);
    r->ran[index] = true;
    *out_hits += report->hits - hits;
    return dump(r, index, err);
}

/* The passes [first, end) until none of them finds anything. */
static eg_status
run_to_fixed_point(runner *r, size_t first, size_t end, eg_error *err)
{
    uint32_t hits = 1;
    for (int round = 0; hits && round < MOST_ROUNDS; round++) {
        hits = 0;
        for (size_t i = first; i < end; i++)
            EG_TRY(run_pass(r, i, &hits, err));
    }
    return EG_OK;
}

static eg_status
run_all(runner *r, eg_error *err)
{
    for (size_t i = 0; i < PASS_COUNT;) {
        size_t end = i + 1;
        while (is_repeated(i) && end < PASS_COUNT && is_repeated(end))
            end++;
        uint32_t hits = 0;
        EG_TRY(is_repeated(i) ? run_to_fixed_point(r, i, end, err) : run_pass(r, i, &hits, err));
        i = end;
    }
    return EG_OK;
}

static eg_status
begin_reports(runner *r, eg_error *err)
{
    size_t index;
    const char *after = r->options->dump_after;
    EG_TRY(read_list(r->options->fuse, r->on, err));
    if (after && after[0])
        EG_TRY(find_pass(after, strlen(after), &index, err));
    for (size_t i = 0; i < PASS_COUNT; i++) {
        const eg_pass_report report = {.pass = passes[i]->name, .enabled = r->on[i]};
        if (!EG_PUSH(&r->out->reports, report))
            return eg_fail_nomem(err, "the passes' reports");
    }
    return EG_OK;
}

eg_status
eg_run_passes(eg_graph *graph, const eg_pass_options *options, eg_pass_result *out, eg_error *err)
{
    runner r = {.graph = graph, .options = options, .out = out};
    *out = (eg_pass_result){0};
    eg_status status = begin_reports(&r, err);
    if (status == EG_OK)
        status = run_all(&r, err);
    if (status != EG_OK)
        eg_pass_result_finish(out);
    return status;
}

eg_pass_context
eg_pass_context_of(eg_pass_result *result, const char *pass)
{
    eg_pass_context context = {.arena = &result->arena};
    for (size_t i = 0; i < result->reports.count; i++) {
        if (strcmp(result->reports.items[i].pass, pass) == 0)
            context.report = &result->reports.items[i];
    }
    return context;
}

void
eg_pass_result_finish(eg_pass_result *result)
{
    for (size_t i = 0; i < result->reports.count; i++)
        eg_free(result->reports.items[i].refused.items);
    eg_free(result->reports.items);
    eg_strbuf_finish(&result->dump);
    eg_arena_finish(&result->arena);
    *result = (eg_pass_result){0};
}
