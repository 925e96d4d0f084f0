/* SPDX-License-Identifier: Apache-2.0 */
#include "simd_avx2.h"

#include "kernels_simd.h"

void
eg_kernels_avx2(eg_kernels *k)
{
    simd_fill(k);
}
