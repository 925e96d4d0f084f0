/* SPDX-License-Identifier: Apache-2.0 */
/* What a verification found, as JSON. */
#include <inttypes.h>
#include <string.h>

#include "engine/verify.h"

static void
put_string(eg_strbuf *out, const char *key, const char *text)
{
    eg_strbuf_printf(out, ",\"%s\":", key);
    if (text)
        eg_strbuf_json(out, text, strlen(text));
    else
        eg_strbuf_puts(out, "null");
}

static void
put_number(eg_strbuf *out, const char *key, double x)
{
    eg_strbuf_printf(out, ",\"%s\":", key);
    eg_strbuf_float(out, (float)x);
}

static void
put_difference(eg_strbuf *out, const char *key, const eg_difference *difference)
{
    eg_strbuf_printf(out, ",\"%s\":", key);
    if (!difference->compared) {
        eg_strbuf_puts(out, "null");
        return;
    }
    eg_strbuf_printf(out, "{\"ok\":%s", difference->fits ? "true" : "false");
    put_number(out, "max_abs_diff", difference->max_abs);
    put_number(out, "allowed", difference->allowed);
    put_number(out, "cosine", difference->cosine);
    eg_strbuf_putc(out, '}');
}

static void
put_tensors(eg_strbuf *out, const eg_verification *v)
{
    eg_strbuf_puts(out, ",\"tensors\":[");
    for (size_t i = 0; i < v->arrays.count; i++) {
        const char *name = v->arrays.items[i].want.name;
        eg_strbuf_puts(out, i ? ",{\"tensor\":" : "{\"tensor\":");
        eg_strbuf_json(out, name, strlen(name));
        put_difference(out, "fused", &v->fused[i]);
        put_difference(out, "decomposed", &v->plain[i]);
        eg_strbuf_putc(out, '}');
    }
    eg_strbuf_putc(out, ']');
}

static void
put_index(eg_strbuf *out, const eg_tensor_view *tensor, uint64_t at)
{
    uint64_t index[EG_TENSOR_RANK];
    for (uint32_t i = tensor->rank; i-- > 0;) {
        index[i] = at % (uint64_t)tensor->dims[i];
        at /= (uint64_t)tensor->dims[i];
    }
    eg_strbuf_puts(out, ",\"index\":[");
    for (uint32_t i = 0; i < tensor->rank; i++)
        eg_strbuf_printf(out, "%s%" PRIu64, i ? "," : "", index[i]);
    eg_strbuf_putc(out, ']');
}

/* Where the value is made. */
static void
put_place(eg_strbuf *out, const eg_verification *v, const eg_verify_array *array, uint32_t layer)
{
    const eg_graph *graph = &v->graph.graph;
    const eg_value *value = eg_graph_value(graph, v->graph.outputs[array->value].values[layer]);
    const eg_node *node = value->producer ? eg_graph_node(graph, value->producer) : NULL;
    put_string(out, "value", value->name);
    put_string(out, "op", node ? node->op->name : NULL);
    put_string(out, "scope", node ? node->scope : NULL);
}

static void
put_first_bad(eg_strbuf *out, const eg_verification *v)
{
    const eg_verify_array *array = eg_verify_first_bad(v, v->plain);
    const eg_difference *differences = array ? v->plain : v->fused;
    if (!array)
        array = eg_verify_first_bad(v, v->fused);
    eg_strbuf_puts(out, ",\"first_bad\":");
    if (!array) {
        eg_strbuf_puts(out, "null");
        return;
    }
    const eg_difference *difference = &differences[array - v->arrays.items];
    eg_strbuf_puts(out, "{\"tensor\":");
    eg_strbuf_json(out, array->want.name, strlen(array->want.name));
    put_index(out, &array->want, difference->at);
    put_number(out, "want", difference->want);
    put_number(out, "got", difference->got);
    put_string(out, "cause", v->cause);
    put_string(out, "pass", v->pass);
    put_string(out, "plan", differences == v->plain ? "decomposed" : "fused");
    put_place(out, v, array, difference->layer);
    eg_strbuf_putc(out, '}');
}

void
eg_verify_report(const eg_verification *v, eg_strbuf *out)
{
    uint32_t checked = 0;
    for (size_t i = 0; i < v->arrays.count; i++)
        checked += v->fused[i].compared || v->plain[i].compared;
    bool ok = !eg_verify_first_bad(v, v->fused) && !eg_verify_first_bad(v, v->plain);
    eg_strbuf_printf(out, "{\"ok\":%s,\"checked\":%u", ok ? "true" : "false", checked);
    put_first_bad(out, v);
    put_number(out, "tolerance", v->tolerance);
    put_tensors(out, v);
    eg_strbuf_putc(out, '}');
}
