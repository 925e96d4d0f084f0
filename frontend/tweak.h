/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a graph can be built with in place of what the files say, one thing at a time: `egbert verify` tries these to find
 * out why a model's numbers are not the ones wanted. Each is honoured in the one place where its step is emitted; no
 * family file and no option of a run sets any of them.
 */
#ifndef EG_FRONTEND_TWEAK_H
#define EG_FRONTEND_TWEAK_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    EG_NORMS_AS_SAID,
    EG_NORMS_BEFORE, /* a norm behind a residual stands before its body */
    EG_NORMS_AFTER   /* the other way round */
} eg_norm_place;

typedef struct eg_tweak {   /* {0} changes nothing */
    const char *activation; /* in place of each gelu, relu, silu and the like, by config.json's name; NULL: as said */
    bool sets_eps, sets_first_position;
    double eps;             /* of every norm */
    int64_t first_position; /* the table row of a text's first token; the others follow */
    eg_norm_place norms;
} eg_tweak;

#endif
