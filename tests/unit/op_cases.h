/* SPDX-License-Identifier: Apache-2.0 */
/* The cases that tests/golden/make_ops.py writes: an op, its inputs, and the result torch gives. */
#ifndef EG_TEST_OP_CASES_H
#define EG_TEST_OP_CASES_H

#include <stdint.h>

#include <egbert/plugin.h>

#define OP_INPUTS 8
#define OP_ATTRS 8

typedef struct op_value {
    eg_value_info info;
    uint64_t count;
    void *data; /* f32 or i32 */
} op_value;

typedef struct op_attr {
    char name[32];
    char type; /* 'i', 'f', 's' */
    int64_t integer;
    double real;
    char string[32];
} op_attr;

typedef struct op_case {
    char name[64], op[32];
    float tolerance; /* of |got - want| / max(1, |want|) */
    op_attr attrs[OP_ATTRS];
    uint32_t attr_count;
    eg_row *rows;
    eg_row_set set;
    eg_dims dims;
    op_value values[OP_INPUTS + 1]; /* the inputs, then the output */
    uint32_t input_count;
} op_case;

/* NULL if the file cannot be read; freed by op_cases_free. */
op_case *op_cases_load(const char *path, uint32_t *out_count);
void op_cases_free(op_case *cases, uint32_t count);

#endif
