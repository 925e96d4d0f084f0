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
EG_STEP(conv1d);
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
EG_STEP(rotary);
EG_STEP(relative_bias);
EG_STEP(relative_scores);
EG_STEP(primitive);
#undef EG_STEP

EG_NODISCARD eg_status eg_check_repeat(const eg_call *call, eg_error *err);
EG_NODISCARD eg_status eg_check_switch(const eg_call *call, eg_error *err);
EG_NODISCARD eg_status eg_check_attention(const eg_call *call, eg_error *err);

/* tables.c: the table that a call names, by `name: W`, for W.weight, or by `weight:`, the full name. */
EG_NODISCARD eg_status eg_load_table(eg_expand *x, const eg_call *call, const int64_t *dims, uint32_t rank,
                                     eg_value_id *out, eg_error *err);

/* --- turning by position (rotary.c) -------------------------------------------------------------- */

typedef struct eg_rotary {
    double theta, divide, fraction;
    const eg_yaml *frequencies; /* a vector's name, in the place of theta; or NULL */
    bool interleaved;
} eg_rotary;

/* theta or frequencies, style, fraction and divide of a call. */
EG_NODISCARD eg_status eg_rotary_read(eg_expand *x, const eg_call *call, eg_rotary *out, eg_error *err);
/* The value's heads, turned by the positions of their rows. */
EG_NODISCARD eg_status eg_rotary_turn(eg_expand *x, const eg_call *call, const eg_rotary *rotary, int64_t heads,
                                      int64_t head_size, eg_value_id *value, eg_error *err);

#endif
