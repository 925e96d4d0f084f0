/* SPDX-License-Identifier: Apache-2.0 */
/* Short forms for the cases of the ops. */
#ifndef EG_CONFORMANCE_BUILDERS_H
#define EG_CONFORMANCE_BUILDERS_H

#include "plugins/conformance/checks.h"

#define INT(key, value)                                                                                                \
    (eg_attr)                                                                                                          \
    {                                                                                                                  \
        .name = (key), .type = EG_ATTR_INT, .integer = (value)                                                         \
    }
#define REAL(key, value)                                                                                               \
    (eg_attr)                                                                                                          \
    {                                                                                                                  \
        .name = (key), .type = EG_ATTR_FLOAT, .real = (value)                                                          \
    }
#define TEXT(key, value)                                                                                               \
    (eg_attr)                                                                                                          \
    {                                                                                                                  \
        .name = (key), .type = EG_ATTR_STRING, .string = (value)                                                       \
    }
#define NODE(c, op, inputs, attrs)                                                                                     \
    case_node(c, op, inputs, sizeof(inputs) / sizeof *(inputs), attrs, sizeof(attrs) / sizeof *(attrs))
#define PLAIN_NODE(c, op, inputs) case_node(c, op, inputs, sizeof(inputs) / sizeof *(inputs), NULL, 0)

static inline eg_type
token(int64_t width)
{
    return eg_type_token(EG_F32, 0, width);
}

static inline eg_type
text(int64_t width)
{
    return eg_type_text(EG_F32, width);
}

/* Builds variant v of an op's cases and returns true, or returns false: there are no more. */
typedef bool build_fn(check_case *c, const char *op, uint32_t v);

/* fused.c */
build_fn build_linear, build_glu_linear, build_attention, build_add_norm, build_embed_norm, build_pool_normalize;

/* relative.c */
build_fn build_relative_bias, build_relative_scores;

#endif
