/* SPDX-License-Identifier: Apache-2.0 */
/* The choice of an instruction set. Compiled at the architecture's baseline, as everything that runs before it. */
#include "kernels.h"

#include <string.h>

/* __builtin_cpu_supports asks XGETBV too: a register set that the system does not save counts as absent. */
static int
can_run(eg_isa isa)
{
    switch (isa) {
    case EG_ISA_PLAIN:
        return 1;
#ifdef EG_HAVE_X86_KERNELS
    case EG_ISA_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case EG_ISA_AVX512:
        return can_run(EG_ISA_AVX2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
#ifdef EG_HAVE_NEON_KERNELS
    case EG_ISA_NEON:
        return 1; /* part of AArch64 */
#endif
    default:
        return 0;
    }
}

static const eg_isa all[] = {EG_ISA_NEON, EG_ISA_AVX512, EG_ISA_AVX2, EG_ISA_PLAIN};
#define COUNT (sizeof all / sizeof all[0])

eg_isa
eg_isa_best(void)
{
    for (size_t i = 0; i < COUNT; i++)
        if (can_run(all[i]))
            return all[i];
    return EG_ISA_PLAIN;
}

const char *
eg_isa_name(eg_isa isa)
{
    static const char *const names[] = {
        [EG_ISA_PLAIN] = "plain", [EG_ISA_AVX2] = "avx2", [EG_ISA_AVX512] = "avx512", [EG_ISA_NEON] = "neon"};
    return names[isa];
}

int
eg_isa_find(const char *name, eg_isa *out)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(name, eg_isa_name(all[i])) == 0 && can_run(all[i])) {
            *out = all[i];
            return 1;
        }
    }
    return 0;
}

void
eg_kernels_init(eg_kernels *kernels, eg_isa isa)
{
    eg_kernels_plain(kernels);
#ifdef EG_HAVE_X86_KERNELS
    if (isa == EG_ISA_AVX2)
        eg_kernels_avx2(kernels);
    if (isa == EG_ISA_AVX512)
        eg_kernels_avx512(kernels);
#endif
#ifdef EG_HAVE_NEON_KERNELS
    if (isa == EG_ISA_NEON)
        eg_kernels_neon(kernels);
#endif
    kernels->isa = isa;
}
