/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that compute nothing and say what a test wants, for placement and memory plans. */
#ifndef EG_TESTS_UNIT_FAKE_DEVICE_H
#define EG_TESTS_UNIT_FAKE_DEVICE_H

#include "graph/memory.h"
#include "tests/unit/random_graph.h"
#include "tests/unit/support.h"

/* A device that refuses some ops and reads what it is told to. */
struct eg_device {
    eg_host host;
    const char *refused[4];
    const char *unread_attr; /* says yes without reading it */
    uint32_t unread_input;   /* likewise; counted from 1 */
    uint32_t level, inplace_mask;
    uint64_t domains;
    uint32_t seed; /* not 0: refuses a third of all nodes */
    uint32_t asked, claimed;
    bool claim_came_first;
};

static inline bool
fake_refuses(const eg_device *device, const eg_view *view, uint32_t node)
{
    const char *op = device->host.node_op(NULL, view, node);
    for (int i = 0; i < 4 && device->refused[i]; i++) {
        if (strcmp(device->refused[i], op) == 0)
            return true;
    }
    uint64_t state = device->seed + 977 * (uint64_t)node;
    return device->seed && random_below(&state, 3) == 0;
}

static inline void
fake_read_attrs(const eg_device *device, const eg_view *view, uint32_t node)
{
    static const char *const ints[] = {"heads",       "key_heads", "causal",  "window",       "skip",  "index",
                                       "skip_prompt", "axis",      "begin",   "end",          "bias",  "residual",
                                       "tables",      "offset",    "buckets", "max_distance", "width", "to",
                                       "by",          "kernel",    "groups"};
    static const char *const reals[] = {"factor", "eps", "scale", "offset", "theta", "divide"},
                             *const strings[] = {"form", "to", "activation", "norm", "pool", "rows", "style"};
    int64_t integer;
    double real;
    const char *string;
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        if (!device->unread_attr || strcmp(device->unread_attr, ints[i]) != 0)
            device->host.attr_int(NULL, view, node, ints[i], &integer);
    }
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        device->host.attr_float(NULL, view, node, reals[i], &real);
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        device->host.attr_string(NULL, view, node, strings[i], &string);
}

static inline eg_status
fake_support(eg_device *device, const eg_view *view, uint32_t node, eg_support *out)
{
    device->asked++;
    device->claim_came_first |= device->claimed && device->asked == 1;
    if (fake_refuses(device, view, node)) {
        snprintf(out->reason, sizeof out->reason, "no kernel for %s", device->host.node_op(NULL, view, node));
        return EG_OK;
    }
    fake_read_attrs(device, view, node);
    for (uint32_t i = 0; i < device->host.node_inputs(NULL, view, node); i++) {
        if (i + 1 != device->unread_input)
            device->host.node_input(NULL, view, node, i);
    }
    out->level = device->level ? device->level : EG_SUPPORT_OPTIMISED;
    out->inplace_mask = device->inplace_mask;
    out->domains = device->domains;
    return EG_OK;
}

static inline eg_status
fake_claim(eg_device *device, const eg_view *view, uint32_t *group, eg_error *err)
{
    (void)err;
    for (uint32_t i = 0; i < device->host.view_nodes(NULL, view); i++)
        group[i] = 1;
    device->claimed++;
    return EG_OK;
}

static const eg_device_ops fake_ops = {.size = sizeof fake_ops, .support = fake_support, .claim = fake_claim};

static inline void
fill_host(eg_device *device)
{
    device->host.size = sizeof device->host;
    eg_view_fill_host(&device->host);
}

static inline eg_target
host_target(const char *name, eg_device *device)
{
    fill_host(device);
    return (eg_target){name, device, &fake_ops, EG_DOMAIN_HOST_MEMORY | EG_DOMAIN_HOST_READ | EG_DOMAIN_HOST_WRITE,
                       0,    64};
}

static inline eg_target
far_target(const char *name, eg_device *device)
{
    fill_host(device);
    return (eg_target){name, device, &fake_ops, 0, 0, 256};
}

static inline eg_graph
parse(const char *text)
{
    eg_graph graph;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_graph_parse(text, strlen(text), "t", &graph, &err), EG_OK, "%s", test_error_line(&err));
    return graph;
}

static const eg_row_set bound_set = {.T = 100, .P = 2000, .max_n = 20};
static const eg_dims bound = {.size = sizeof bound, .B = 10, .set_count = 1, .sets = &bound_set};

static inline eg_partition
partition(eg_graph *graph, const eg_target *targets, uint32_t count, const eg_partition_options *options)
{
    eg_partition out;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_partition_graph(graph, targets, count, &bound, options, &out, &err), EG_OK, "%s",
                 test_error_line(&err));
    cr_assert_eq(eg_graph_verify(graph, &err), EG_OK, "%s", test_error_line(&err));
    return out;
}

/* "far: a b | cpu: c", and the crossings as " x>far@0" or " x<far@1" (to and from a device, before which stage). */
static inline const char *
show(const eg_graph *graph, const eg_partition *p, const eg_target *targets)
{
    static char text[4096];
    size_t n = 0;
    text[0] = '\0';
    for (size_t s = 0; s < p->stages.count; s++) {
        const eg_stage *stage = &p->stages.items[s];
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s:", s ? " | " : "", targets[stage->target].name);
        for (size_t i = 0; i < stage->nodes.count; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, " %s", eg_graph_node(graph, stage->nodes.items[i])->name);
    }
    for (size_t i = 0; i < p->crossings.count; i++) {
        const eg_crossing *c = &p->crossings.items[i];
        cr_assert((c->from == EG_ON_HOST) != (c->to == EG_ON_HOST));
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%s%s@%u", i ? " " : " ; ",
                              eg_graph_value(graph, c->value)->name, c->from == EG_ON_HOST ? ">" : "<",
                              targets[c->from == EG_ON_HOST ? c->to : c->from].name, c->before_stage);
    }
    return text;
}

static inline void
assert_placed(const char *text, const eg_target *targets, uint32_t count, const eg_partition_options *options,
              const char *want)
{
    eg_graph graph = parse(text);
    eg_partition p = partition(&graph, targets, count, options);
    cr_assert_str_eq(show(&graph, &p, targets), want);
    eg_partition_finish(&p);
    eg_graph_finish(&graph);
}

#endif
