/* SPDX-License-Identifier: Apache-2.0 */
/* Which plans are compared, and what the library says of each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/fusion.h"
#include "cli/mem.h"
#include "cli/say.h"

eg_status
eg_fusion_describe(const eg_fusion_report *report, const char *fuse, eg_describe_options what, char **out,
                   eg_error *err)
{
    const eg_strings *outputs = &report->app->args.outputs;
    what.size = sizeof what;
    what.what = EG_DESCRIBE_COMPILE;
    what.lengths = report->shape.lengths;
    what.length_count = report->shape.count;
    what.outputs = outputs->count ? outputs->items : NULL;
    what.output_count = (uint32_t)outputs->count;
    what.fuse = fuse;
    return eg_describe(report->session.model, &what, out, err);
}

static eg_status
describe_json(const eg_fusion_report *report, const char *fuse, eg_description_text *out, eg_error *err)
{
    char *json;
    EG_TRY(eg_fusion_describe(report, fuse, (eg_describe_options){0}, &json, err));
    return eg_description_read(json, out, err);
}

/* --- facts of a plan ----------------------------------------------------------------------------- */

static double
after(const eg_json *pass, const char *key)
{
    const eg_json *pair = eg_json_get(pass, key);
    return eg_json_number(pair && pair->first ? pair->first->next : NULL);
}

static const eg_json *
find_pass(const eg_json *root, const char *name)
{
    const eg_json *passes = eg_json_get(root, "passes");
    for (const eg_json *pass = passes ? passes->first : NULL; pass; pass = pass->next)
        if (strcmp(eg_json_text(eg_json_get(pass, "pass")), name) == 0)
            return pass;
    return NULL;
}

static bool
is_on(const eg_json *root, const char *pass)
{
    return eg_json_number(eg_json_get(find_pass(root, pass), "enabled")) != 0.0;
}

static double
hits_of(const eg_json *root, const char *pass)
{
    return eg_json_number(eg_json_get(find_pass(root, pass), "hits"));
}

/* A rewrite: what "none" switches off. */
static bool
is_fusion(const eg_fusion_report *report, const char *pass)
{
    return is_on(report->all.root, pass) && !is_on(report->none.root, pass);
}

/* Of a single pass: where it applied in this mode, and of one that is left out, where it does with all. */
static double
count_sites(const eg_fusion_report *report, const eg_fusion_mode *mode, const eg_json *root)
{
    if (mode->kind == EG_FUSION_ONLY || mode->kind == EG_FUSION_STEP)
        return hits_of(root, mode->fusion);
    if (mode->kind == EG_FUSION_WITHOUT)
        return hits_of(report->all.root, mode->fusion);
    double sites = 0;
    const eg_json *passes = eg_json_get(root, "passes");
    for (const eg_json *pass = passes ? passes->first : NULL; pass; pass = pass->next) {
        const char *name = eg_json_text(eg_json_get(pass, "pass"));
        if (is_fusion(report, name))
            sites += eg_json_number(eg_json_get(pass, "hits"));
    }
    return sites;
}

static void
fill_facts(const eg_fusion_report *report, const eg_json *root, eg_fusion_mode *mode)
{
    const eg_json *passes = eg_json_get(root, "passes"), *last = passes ? passes->first : NULL;
    while (last && last->next)
        last = last->next;
    mode->sites = count_sites(report, mode, root);
    mode->kernels = eg_json_number(eg_json_get(root, "kernels"));
    mode->arena = eg_json_number(eg_json_get(eg_json_get(root, "memory"), "arena"));
    mode->naive = eg_json_number(eg_json_get(eg_json_get(root, "memory"), "naive"));
    mode->bytes = after(last, "bytes");
    mode->flops = after(last, "flops");
}

/* --- modes --------------------------------------------------------------------------------------- */

static eg_status
join(char **out, const char *a, const char *b, const char *c, eg_error *err)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    *out = malloc(size);
    if (!*out)
        return eg_fault(err, EG_E_NOMEM, "out of memory");
    snprintf(*out, size, "%s%s%s", a, b, c);
    return EG_OK;
}

/* Its graph as text decides whether another mode has the same plan. */
static eg_status
read_plan(eg_fusion_report *report, eg_fusion_mode *mode, eg_error *err)
{
    eg_description_text description;
    EG_TRY(eg_fusion_describe(report, mode->fuse, (eg_describe_options){.dump_ir = ""}, &mode->ir, err));
    EG_TRY(describe_json(report, mode->fuse, &description, err));
    fill_facts(report, description.root, mode);
    eg_description_free(&description);
    return EG_OK;
}

static eg_status
add_mode(eg_fusion_report *report, eg_fusion_kind kind, const char *fusion, const char *list, const char *between,
         eg_error *err)
{
    EG_TRY(eg_reserve(&report->modes, &report->mode_capacity, report->mode_count + 1, sizeof *report->modes, err));
    eg_fusion_mode *mode = &report->modes[report->mode_count++];
    *mode = (eg_fusion_mode){.kind = kind, .same_as = report->mode_count - 1};
    EG_TRY(join(&mode->fusion, fusion, "", "", err));
    bool whole = kind == EG_FUSION_NONE || kind == EG_FUSION_ALL;
    EG_TRY(join(&mode->fuse, list, whole ? "" : between, whole ? "" : fusion, err));
    EG_TRY(read_plan(report, mode, err));
    for (size_t i = 0; i + 1 < report->mode_count && mode->same_as == report->mode_count - 1; i++)
        if (strcmp(report->modes[i].ir, mode->ir) == 0)
            mode->same_as = report->modes[i].same_as;
    report->plan_count += mode->same_as == report->mode_count - 1;
    return EG_OK;
}

static eg_status
add_steps(eg_fusion_report *report, const char *none, eg_error *err)
{
    const eg_json *passes = eg_json_get(report->all.root, "passes");
    const char *list = none;
    for (const eg_json *pass = passes ? passes->first : NULL; pass; pass = pass->next) {
        const char *name = eg_json_text(eg_json_get(pass, "pass"));
        if (!is_fusion(report, name))
            continue;
        EG_TRY(add_mode(report, EG_FUSION_STEP, name, list, ",", err));
        list = report->modes[report->mode_count - 1].fuse;
    }
    return EG_OK;
}

static eg_status
add_modes(eg_fusion_report *report, const char *all, const char *none, bool steps, eg_error *err)
{
    EG_TRY(add_mode(report, EG_FUSION_NONE, "none", none, "", err));
    EG_TRY(add_mode(report, EG_FUSION_ALL, "all", all, "", err));
    const eg_json *passes = eg_json_get(report->all.root, "passes");
    for (const eg_json *pass = passes ? passes->first : NULL; pass; pass = pass->next) {
        const char *name = eg_json_text(eg_json_get(pass, "pass"));
        if (!is_fusion(report, name))
            continue;
        EG_TRY(add_mode(report, EG_FUSION_ONLY, name, none, ",", err));
        EG_TRY(add_mode(report, EG_FUSION_WITHOUT, name, all, ",-", err));
    }
    return steps ? add_steps(report, none, err) : EG_OK;
}

/* With --fuse "all" is what it says, and the passes that it leaves out are not in the report. */
eg_status
eg_fusion_list(eg_fusion_report *report, bool steps, eg_error *err)
{
    const char *all = report->app->args.fuse ? report->app->args.fuse : "all";
    EG_TRY(describe_json(report, all, &report->all, err));
    EG_TRY(describe_json(report, "none", &report->none, err));
    return add_modes(report, all, "none", steps, err);
}

void
eg_fusion_free(eg_fusion_report *report)
{
    for (size_t i = 0; i < report->mode_count; i++) {
        free(report->modes[i].fusion);
        free(report->modes[i].fuse);
        free(report->modes[i].times);
        eg_string_free(report->modes[i].ir);
    }
    free(report->modes);
    eg_description_free(&report->none);
    eg_description_free(&report->all);
    eg_shape_input_free(&report->input);
    eg_session_close(&report->session);
    eg_shape_free(&report->shape);
}

/* --- for printing -------------------------------------------------------------------------------- */

const eg_fusion_mode *
eg_fusion_find(const eg_fusion_report *report, eg_fusion_kind kind, const char *fusion)
{
    for (size_t i = 0; i < report->mode_count; i++)
        if (report->modes[i].kind == kind && strcmp(report->modes[i].fusion, fusion) == 0)
            return &report->modes[i];
    return NULL;
}

bool
eg_fusion_is_noise(const eg_fusion_mode *mode)
{
    double size = mode->gain_ms < 0 ? -mode->gain_ms : mode->gain_ms;
    return size <= mode->gain_spread_ms;
}

void
eg_fusion_model_name(const eg_fusion_report *report, char *out, size_t n)
{
    const char *path = report->app->args.words.items[0];
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    snprintf(out, n, "%.*s", (int)(end - begin), path + begin);
}

void
eg_fusion_shape_text(const eg_fusion_report *report, char *out, size_t n)
{
    const eg_shape *shape = &report->shape;
    bool equal = (uint64_t)shape->longest * shape->count == shape->tokens;
    if (equal)
        snprintf(out, n, "%u text%s of %u tokens", shape->count, shape->count == 1 ? "" : "s", shape->longest);
    else
        snprintf(out, n, "%u texts, %llu tokens, the longest %u", shape->count, (unsigned long long)shape->tokens,
                 shape->longest);
}

void
eg_fusion_backends(const eg_fusion_report *report, char *out, size_t n)
{
    const eg_json *placement = eg_json_get(report->all.root, "placement");
    size_t used = 0;
    *out = '\0';
    for (const eg_json *target = placement ? placement->first : NULL; target && used < n; target = target->next)
        used += (size_t)snprintf(out + used, n - used, "%s%s", used ? ", " : "",
                                 eg_json_text(eg_json_get(target, "backend")));
}
