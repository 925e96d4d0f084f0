/* SPDX-License-Identifier: Apache-2.0 */
#include "simd_neon.h"

#include "kernels_simd.h"

void
eg_kernels_neon(eg_kernels *k)
{
    simd_fill(k);
}
