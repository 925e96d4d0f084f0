/* SPDX-License-Identifier: Apache-2.0 */
/* The activations by the names that config.json uses for them. An approximation never stands for the exact form. */
#include <string.h>

#include "base/map.h"
#include "frontend/family/config.h"

static const eg_activation activations[] = {
    {"gelu", "gelu", NULL},
    {"gelu_python", "gelu", NULL},
    {"gelu_new", "gelu", "tanh"},
    {"gelu_pytorch_tanh", "gelu", "tanh"},
    {"gelu_python_tanh", "gelu", "tanh"},
    {"gelu_fast", "gelu", "tanh"},
    {"gelu_accurate", "gelu", "tanh"},
    {"quick_gelu", "gelu", "quick"},
    {"relu", "relu", NULL},
    {"relu2", "relu2", NULL},
    {"silu", "silu", NULL},
    {"swish", "silu", NULL},
    {"mish", "mish", NULL},
    {"tanh", "tanh", NULL},
    {"sigmoid", "sigmoid", NULL},
    {"linear", NULL, NULL},
};

enum { COUNT = sizeof activations / sizeof *activations };

const eg_activation *
eg_activation_find(const char *name)
{
    for (size_t i = 0; i < COUNT; i++) {
        if (strcmp(activations[i].name, name) == 0)
            return &activations[i];
    }
    return NULL;
}

const char *
eg_activation_nearest(const char *name)
{
    const char *names[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        names[i] = activations[i].name;
    return eg_nearest(name, names, COUNT);
}
