/* SPDX-License-Identifier: Apache-2.0 */
/* What only this room needs of types. Thread-safety: safe. */
#ifndef EG_GRAPH_TYPE_H
#define EG_GRAPH_TYPE_H

#include "graph/graph.h"

/* Enough for every type that eg_type_format() writes. */
enum { EG_TYPE_TEXT_MAX = 32 + EG_MAX_RANK * 72 };

bool eg_dtype_find(const char *name, size_t length, eg_dtype *out);
bool eg_kind_find(const char *name, size_t length, eg_kind *out);
bool eg_dtype_is_float(eg_dtype dtype);
bool eg_dim_equal(const eg_dim *a, const eg_dim *b);
/* What is wrong with a type in itself, for "value 'x': …"; NULL if nothing. */
const char *eg_type_fault(const eg_type *type);

#endif
