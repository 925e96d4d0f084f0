/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/trace.h"

/* Parts that a lane remembers of one run: several for each node of a large model. */
enum { PARTS_OF_LANE = 8192 };

eg_status
eg_trace_init(eg_trace *trace, uint32_t workers, eg_error *err)
{
    *trace = (eg_trace){0};
    return eg_lanes_init(&trace->lanes, workers, PARTS_OF_LANE, err);
}

void
eg_trace_finish(eg_trace *trace)
{
    eg_free(trace->spans.items);
    eg_free(trace->times);
    eg_lanes_finish(&trace->lanes);
    *trace = (eg_trace){0};
}

void
eg_trace_clear(eg_trace *trace)
{
    trace->spans.count = 0;
    eg_lanes_clear(&trace->lanes);
}

static eg_status
add_span(eg_trace *trace, const eg_span *span, eg_error *err)
{
    return EG_PUSH(&trace->spans, *span) ? EG_OK : eg_fail_nomem(err, "a profile");
}

static const eg_profile_v1 *
profile_of(const eg_target *target)
{
    const eg_device_ops *ops = target->ops;
    if (!EG_HAS(eg_device_ops, ops, extension) || !ops->extension)
        return NULL;
    const eg_profile_v1 *profile = ops->extension(target->device, "profile.v1");
    return profile && EG_HAS(eg_profile_v1, profile, run) ? profile : NULL;
}

static eg_status
need_times(eg_trace *trace, uint32_t count, eg_error *err)
{
    if (count > trace->capacity) {
        eg_node_time *grown = eg_realloc_array(trace->times, count, sizeof *grown);
        if (!grown)
            return eg_fail_nomem(err, "a profile");
        trace->times = grown;
        trace->capacity = count;
    }
    for (uint32_t i = 0; i < trace->capacity; i++)
        trace->times[i] = (eg_node_time){.size = sizeof trace->times[i]};
    return EG_OK;
}

/* The graph's node for a number of the view that the stage was compiled from, which has no views; 0: there is none. */
static eg_node_id
node_of(const eg_graph *graph, const eg_stage *stage, uint32_t number)
{
    for (size_t i = 0; i < stage->nodes.count; i++) {
        eg_node_id id = stage->nodes.items[i];
        if (!eg_node_is_view(graph, eg_graph_node(graph, id)) && number-- == 0)
            return id;
    }
    return 0;
}

static eg_status
run_by_nodes(eg_trace *trace, const eg_profile_v1 *profile, const eg_executable *executable, uint32_t number,
             const eg_run_info *info, eg_error *err)
{
    const eg_graph *graph = &executable->plan.built.graph;
    const eg_stage *stage = &executable->plan.partition.stages.items[number];
    uint32_t count = 0;
    /* Room for pieces: a backend may compute a node in several. */
    EG_TRY(need_times(trace, 4 * (uint32_t)stage->nodes.count, err));
    EG_TRY(profile->run(executable->stages[number].exec, info, trace->times, trace->capacity, &count, err));
    for (uint32_t i = 0; i < count && i < trace->capacity; i++) {
        const eg_node_time *time = &trace->times[i];
        eg_span span = {.kind = EG_SPAN_NODE,
                        .stage = number,
                        .item = node_of(graph, stage, time->node),
                        .begin_ns = time->begin_ns,
                        .end_ns = time->end_ns,
                        .kernel = time->kernel};
        if (span.item == 0 || span.end_ns < span.begin_ns)
            return eg_fail(err, EG_E_INTERNAL, "%s tells a time that makes no sense",
                           executable->plan.targets[stage->target].name);
        EG_TRY(add_span(trace, &span, err));
    }
    return EG_OK;
}

static eg_status
run_as_one(eg_trace *trace, const eg_executable *executable, uint32_t number, const eg_run_info *info, eg_error *err)
{
    const eg_target *target = &executable->plan.targets[executable->stages[number].target];
    eg_event *event = NULL;
    eg_span span = {.kind = EG_SPAN_STAGE, .stage = number, .begin_ns = eg_now_ns()};
    eg_status status = target->ops->run(executable->stages[number].exec, info, &event, err);
    if (event) {
        eg_status waited = target->ops->wait(target->device, &event, 1, status == EG_OK ? err : NULL);
        status = status == EG_OK ? waited : status;
        target->ops->event_free(target->device, event);
    }
    span.end_ns = eg_now_ns();
    EG_TRY(status);
    return add_span(trace, &span, err);
}

eg_status
eg_trace_stage(eg_trace *trace, const eg_executable *executable, uint32_t stage, const eg_run_info *info, eg_error *err)
{
    const eg_profile_v1 *profile = profile_of(&executable->plan.targets[executable->stages[stage].target]);
    return profile ? run_by_nodes(trace, profile, executable, stage, info, err)
                   : run_as_one(trace, executable, stage, info, err);
}

eg_status
eg_trace_copy(eg_trace *trace, const eg_executable *executable, uint32_t crossing, uint64_t begin_ns, eg_error *err)
{
    eg_span span = {.kind = EG_SPAN_COPY,
                    .stage = executable->plan.partition.crossings.items[crossing].before_stage,
                    .item = crossing,
                    .begin_ns = begin_ns,
                    .end_ns = eg_now_ns()};
    return add_span(trace, &span, err);
}
