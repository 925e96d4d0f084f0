/* SPDX-License-Identifier: Apache-2.0 */
/* What a weight of several tensors costs: nothing where its uses can read it so, a copy everywhere else. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "backend_harness.h"

enum { PARTS = 3, WIDTH = 6, ROWS = 4 + 2 + 5 };
static const int64_t part_rows[PARTS] = {4, 2, 5};

typedef struct tensors {
    float data[PARTS][5 * (WIDTH + 1) + 1];
    eg_host_view views[PARTS];
    eg_weight_use uses[2];
    eg_weight_desc desc;
} tensors;

static eg_weight_use
use_of(const char *op, uint32_t input)
{
    return (eg_weight_use){.size = sizeof(eg_weight_use), .input = input, .op = op};
}

/* Query, key and value one below the other, read by a linear. */
static void
merged(tensors *t)
{
    memset(t, 0, sizeof *t);
    int64_t first = 0;
    for (int i = 0; i < PARTS; i++) {
        t->views[i] = (eg_host_view){.size = sizeof t->views[i],
                                     .dtype = EG_F32,
                                     .data = t->data[i],
                                     .dims = {part_rows[i], WIDTH},
                                     .strides = {WIDTH, 1},
                                     .at = {first}};
        first += part_rows[i];
    }
    t->uses[0] = use_of("linear", 1);
    t->desc = (eg_weight_desc){.size = sizeof t->desc,
                               .dtype = EG_F32,
                               .rank = 2,
                               .view_count = PARTS,
                               .dims = {ROWS, WIDTH},
                               .views = t->views,
                               .uses = t->uses,
                               .use_count = 1,
                               .name = "merged"};
}

/* Bytes that the device keeps for it. */
static uint64_t
kept(backend *b, const tensors *t)
{
    eg_error err = {.size = sizeof err};
    eg_weight *weight = NULL;
    uint64_t bytes = 12345;
    eg_status status = b->ops->weight_new(b->device, &t->desc, &weight, &bytes, &err);
    cr_assert(status == EG_OK, "%s", err.message);
    b->ops->weight_free(b->device, weight);
    return bytes;
}

static const uint64_t whole = (uint64_t)ROWS * WIDTH * 4;

static void
check_borrowed(backend *b)
{
    tensors t;
    merged(&t);
    cr_expect(kept(b, &t) == 0);
    t.uses[1] = use_of("matmul", 1);
    t.desc.use_count = 2;
    cr_expect(kept(b, &t) == 0);
    t.uses[0] = use_of("glu_linear", 1);
    t.uses[1] = use_of("glu_linear", 2);
    cr_expect(kept(b, &t) == 0);
}

static void
check_copied(backend *b)
{
    tensors t;
    merged(&t);
    t.uses[1] = use_of("gather", 0);
    t.desc.use_count = 2;
    cr_expect(kept(b, &t) == whole, "another use reads it");
    merged(&t);
    t.uses[0] = use_of("linear", 0);
    cr_expect(kept(b, &t) == whole, "as the rows of a product");
    merged(&t);
    t.desc.use_count = 0;
    cr_expect(kept(b, &t) == whole, "no use is known");
    merged(&t);
    t.views[1].dtype = EG_BF16;
    cr_expect(kept(b, &t) == whole, "one tensor is bf16");
    merged(&t);
    t.views[2].strides[0] = WIDTH + 1;
    cr_expect(kept(b, &t) == whole, "one tensor's rows lie apart");
    merged(&t);
    t.views[0].data = (const char *)t.data[0] + 1;
    cr_expect(kept(b, &t) == whole, "one tensor is not aligned");
}

/* Side by side instead of one below the other; and of rank 1, as the biases of a merge are. */
static void
check_other_places(backend *b)
{
    tensors t;
    merged(&t);
    for (int i = 0; i < 2; i++) {
        t.views[i].dims[0] = 4;
        t.views[i].at[0] = 0;
        t.views[i].at[1] = i * WIDTH;
    }
    t.desc.view_count = 2;
    t.desc.dims[0] = 4;
    t.desc.dims[1] = 2 * WIDTH;
    cr_expect(kept(b, &t) == 2ull * WIDTH * 4 * 4);
    merged(&t);
    for (int i = 0; i < PARTS; i++)
        t.views[i].strides[0] = 1;
    t.desc.rank = 1;
    t.uses[0].input = 2;
    cr_expect(kept(b, &t) == ROWS * 4);
}

static void
check_weights(const char *variable)
{
    backend b;
    if (getenv(variable) == NULL)
        cr_skip_test("this backend was not built");
    cr_assert(backend_open(&b, getenv(variable), NULL, 1), "%s", b.error);
    check_borrowed(&b);
    check_copied(&b);
    check_other_places(&b);
    backend_close(&b);
}

Test(reference, weights_of_several_tensors)
{
    check_weights("EGBERT_TEST_REFERENCE");
}

Test(cpu, weights_of_several_tensors)
{
    check_weights("EGBERT_TEST_CPU");
}
