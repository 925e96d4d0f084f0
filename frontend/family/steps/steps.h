/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the family language that are more than one op. One function each; words.c is the table. */
#ifndef EG_FRONTEND_FAMILY_STEPS_H
#define EG_FRONTEND_FAMILY_STEPS_H

#include "frontend/family/expand.h"

/* Keys that every step may have: as, from, when, let, scope. */
bool eg_is_common_key(const char *key);

#define EG_STEP(name)                                                                                                  \
    EG_NODISCARD eg_status eg_run_##name(eg_expand *x, const eg_call *call, eg_chain *chain, eg_error *err)
EG_STEP(repeat);
EG_STEP(switch);
EG_STEP(block);
EG_STEP(aside);
EG_STEP(use);
EG_STEP(linear);
EG_STEP(norm);
EG_STEP(gather);
EG_STEP(weight);
EG_STEP(vector);
EG_STEP(affine);
EG_STEP(positions);
EG_STEP(activation);
EG_STEP(split);
EG_STEP(attention);
EG_STEP(residual);
EG_STEP(glu);
EG_STEP(primitive);
#undef EG_STEP

EG_NODISCARD eg_status eg_check_repeat(const eg_call *call, eg_error *err);
EG_NODISCARD eg_status eg_check_switch(const eg_call *call, eg_error *err);
EG_NODISCARD eg_status eg_check_attention(const eg_call *call, eg_error *err);

#endif
