/* SPDX-License-Identifier: Apache-2.0 */
/* The cpu backend: OpenBLAS for matmul, the common kernels for everything else. */
#ifndef EG_CPU_CPU_H
#define EG_CPU_CPU_H

#include "backends/common/backend.h"

/* The ops it brings; ended by NULL. */
extern const eg_cpu_op *const eg_cpu_own_ops[];

#endif
