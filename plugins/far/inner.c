/* SPDX-License-Identifier: Apache-2.0 */
/* The one file that looks into the reference backend's structs, which are those of its plumbing; far.h's have the same names and do not meet them. */
#include "backends/host/host.h"

const void *far_inner_weight_data(const eg_weight *inner);

const void *
far_inner_weight_data(const eg_weight *inner)
{
    return inner->data;
}
