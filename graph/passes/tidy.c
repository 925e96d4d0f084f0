/* SPDX-License-Identifier: Apache-2.0 */
/* The clean-ups once more: rewrites leave constants that nothing reads, and now and then the same node twice. */
#include "graph/pass.h"

extern const eg_pass eg_pass_tidy;

const eg_pass eg_pass_tidy = {"tidy", "runs the clean-ups once more after the rewrites", EG_PASS_ALWAYS | EG_PASS_AGAIN,
                              NULL};
