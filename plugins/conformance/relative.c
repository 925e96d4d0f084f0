/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of the ops that look at the distance of query and key. */
#include "plugins/conformance/builders.h"

bool
build_relative_bias(check_case *c, const char *op, uint32_t v)
{
    /* buckets, heads, largest distance */
    static const int64_t forms[][3] = {{4, 1, 3}, {32, 3, 128}, {8, 5, 6}};
    if (v >= 3)
        return false;
    const int64_t *f = forms[v];
    eg_value_id in[] = {case_const(c, "table", f[0], f[1]),
                        v ? case_input(c, "like", token(3)) : case_ids(c, "ids", 9)};
    eg_attr attrs[] = {INT("max_distance", f[2])};
    case_output(c, NODE(c, op, in, attrs));
    return true;
}

bool
build_relative_scores(check_case *c, const char *op, uint32_t v)
{
    /* heads, head size, rows of the table, offset, buckets, largest distance */
    static const int64_t forms[][6] = {{1, 1, 1, 0, 0, 0},   {2, 33, 64, 32, 0, 0}, {3, 5, 7, 3, 0, 0},
                                       {2, 8, 16, 8, 8, 20}, {2, 20, 9, -2, 6, 5},  {1, 16, 300, 150, 0, 0}};
    if (v >= 12)
        return false;
    const int64_t *f = forms[v / 2];
    eg_value_id in[] = {case_input(c, "x", token(f[0] * f[1])), case_const(c, "table", f[2], f[0] * f[1])};
    eg_attr attrs[6];
    uint32_t count = 0;
    if (f[4])
        attrs[count++] = INT("buckets", f[4]);
    attrs[count++] = INT("heads", f[0]);
    if (f[4])
        attrs[count++] = INT("max_distance", f[5]);
    if (f[3])
        attrs[count++] = INT("offset", f[3]);
    if (v % 2)
        attrs[count++] = TEXT("rows", "key");
    attrs[count++] = REAL("scale", 0.25);
    case_output(c, case_node(c, op, in, 2, attrs, count));
    return true;
}
