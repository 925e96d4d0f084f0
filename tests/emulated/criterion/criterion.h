/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of Criterion as the tests of the kernels use, for machines that it is not installed for: an emulated one. Each
 * test runs in this process, one after another; the first that fails ends it with status 1.
 */
#ifndef EG_EMULATED_CRITERION_H
#define EG_EMULATED_CRITERION_H

#include <stdio.h>
#include <stdlib.h>

/* Runs before main(), which is empty. */
#define Test(suite, name, ...)                                                                                         \
    static void suite##_##name(void);                                                                                  \
    __attribute__((constructor)) static void run_##suite##_##name(void)                                                \
    {                                                                                                                  \
        suite##_##name();                                                                                              \
        puts("ok " #suite " " #name);                                                                                  \
    }                                                                                                                  \
    static void suite##_##name(void)

#define cr_assert(condition, ...)                                                                                      \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                                     \
            __VA_OPT__(printf(__VA_ARGS__);)                                                                           \
            putchar('\n');                                                                                             \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)
#define cr_expect cr_assert
#define cr_assert_not(condition) cr_assert(!(condition))
#define cr_log_info(...)                                                                                               \
    do {                                                                                                               \
        printf(__VA_ARGS__);                                                                                           \
        putchar('\n');                                                                                                 \
    } while (0)

int
main(void)
{
    return 0;
}

#endif
