/* SPDX-License-Identifier: Apache-2.0 */
/* The format is described in tests/golden/make_ops.py. */
#include "op_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
take(FILE *file, void *out, size_t bytes)
{
    if (fread(out, 1, bytes, file) != bytes)
        memset(out, 0, bytes);
}

static uint32_t
take_u32(FILE *file)
{
    uint32_t v;
    take(file, &v, sizeof v);
    return v;
}

static void
take_string(FILE *file, char *out, size_t n)
{
    uint16_t length;
    take(file, &length, sizeof length);
    memset(out, 0, n);
    if (length < n)
        take(file, out, length);
}

static void
take_attr(FILE *file, op_attr *attr)
{
    take_string(file, attr->name, sizeof attr->name);
    take(file, &attr->type, 1);
    if (attr->type == 'i')
        take(file, &attr->integer, sizeof attr->integer);
    else if (attr->type == 'f')
        take(file, &attr->real, sizeof attr->real);
    else
        take_string(file, attr->string, sizeof attr->string);
}

static void
take_value(FILE *file, op_value *value)
{
    eg_value_info *info = &value->info;
    info->size = sizeof *info;
    info->kind = take_u32(file);
    info->dtype = take_u32(file);
    info->set = take_u32(file);
    uint32_t window = take_u32(file);
    info->is_weight = take_u32(file);
    info->rank = take_u32(file);
    info->row_stride = 1;
    for (uint32_t i = 0; i < info->rank && i < EG_MAX_RANK; i++) {
        take(file, &info->dims[i].k, sizeof info->dims[i].k);
        if (i > 0)
            info->row_stride *= info->dims[i].k;
    }
    if (info->kind == EG_PAIR)
        info->dims[1] = (eg_dim){.k = 1, .sym = EG_SYM_P, .window = window};
    else if (info->kind != EG_TABLE)
        info->dims[0].sym = info->kind == EG_TOKEN ? EG_SYM_T : EG_SYM_B;
    info->name = "value";
    take(file, &value->count, sizeof value->count);
    value->data = calloc(value->count + 1, 4);
    take(file, value->data, value->count * 4);
}

static void
take_rows(FILE *file, op_case *c)
{
    uint32_t B = take_u32(file);
    take_u32(file); /* one set */
    c->rows = calloc(B + 1, sizeof *c->rows);
    take(file, c->rows, B * sizeof *c->rows);
    for (uint32_t b = 0; b < B; b++) {
        uint64_t n = c->rows[b].rows;
        c->set.T += n;
        c->set.P += n * n;
        c->set.max_n = n > c->set.max_n ? (uint32_t)n : c->set.max_n;
    }
    c->set.table = c->rows;
    c->dims = (eg_dims){.size = sizeof c->dims, .B = B, .set_count = 1, .sets = &c->set};
}

static void
take_case(FILE *file, op_case *c)
{
    take_string(file, c->name, sizeof c->name);
    take_string(file, c->op, sizeof c->op);
    take(file, &c->tolerance, sizeof c->tolerance);
    c->attr_count = take_u32(file);
    for (uint32_t i = 0; i < c->attr_count && i < OP_ATTRS; i++)
        take_attr(file, &c->attrs[i]);
    take_rows(file, c);
    c->input_count = take_u32(file);
    for (uint32_t i = 0; i <= c->input_count && i <= OP_INPUTS; i++)
        take_value(file, &c->values[i]);
}

op_case *
op_cases_load(const char *path, uint32_t *out_count)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    char magic[8];
    take(file, magic, sizeof magic);
    uint32_t count = memcmp(magic, "EGOPS1\0", 8) == 0 ? take_u32(file) : 0;
    op_case *cases = calloc(count + 1, sizeof *cases);
    for (uint32_t i = 0; i < count; i++)
        take_case(file, &cases[i]);
    fclose(file);
    *out_count = count;
    return cases;
}

void
op_cases_free(op_case *cases, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        free(cases[i].rows);
        for (uint32_t v = 0; v <= OP_INPUTS; v++)
            free(cases[i].values[v].data);
    }
    free(cases);
}
