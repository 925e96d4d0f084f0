/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names in steps that are left out. They are there and absent, as the names of the steps themselves are, so that
 * what comes later may list them whatever the config says.
 */
#include <string.h>

#include "frontend/family/expand.h"

/* The words whose steps keep their names to themselves. */
static bool
is_closed(const eg_yaml *step)
{
    static const char *const closed[] = {"block", "repeat", "use", "body"};
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        if (eg_yaml_get(step, closed[i]))
            return true;
    }
    return false;
}

static eg_status
leave_out_name(eg_expand *x, const eg_yaml *as, eg_error *err)
{
    /* A name with parts filled in depends on variables that a step left out does not have. */
    if (as->type != EG_YAML_STRING || strpbrk(as->text, "{$"))
        return EG_OK;
    return eg_expand_name(x, as, as->text, 0, err);
}

eg_status
eg_expand_left_out(eg_expand *x, const eg_yaml *node, eg_error *err)
{
    if (node->type == EG_YAML_LIST) {
        for (size_t i = 0; i < node->count; i++)
            EG_TRY(eg_expand_left_out(x, node->items[i], err));
        return EG_OK;
    }
    if (node->type != EG_YAML_MAP)
        return EG_OK;
    if (++x->steps > EG_STEPS_MAX)
        return eg_yaml_fail(node, err, "the family takes more than %d steps", EG_STEPS_MAX);
    const eg_yaml *as = eg_yaml_get(node, "as");
    if (as && as->type == EG_YAML_LIST) {
        for (size_t i = 0; i < as->count; i++)
            EG_TRY(leave_out_name(x, as->items[i], err));
    } else if (as) {
        EG_TRY(leave_out_name(x, as, err));
    }
    for (size_t i = 0; i < node->count && !is_closed(node); i++) {
        if (node->items[i]->type == EG_YAML_LIST || node->items[i]->type == EG_YAML_MAP)
            EG_TRY(eg_expand_left_out(x, node->items[i], err));
    }
    return EG_OK;
}
