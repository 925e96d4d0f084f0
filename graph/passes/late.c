/* SPDX-License-Identifier: Apache-2.0 */
/* Names of what happens after the graph has been rewritten: lists switch it and reports count it as they do passes. */
#include "graph/pass.h"

extern const eg_pass eg_pass_inplace, eg_pass_prepack;

const eg_pass eg_pass_inplace = {"inplace", "writes results over inputs that nobody reads again",
                                 EG_PASS_ALWAYS | EG_PASS_LATE, NULL};
const eg_pass eg_pass_prepack = {"prepack", "lays weights out once, as the kernels read them",
                                 EG_PASS_ALWAYS | EG_PASS_LATE, NULL};
