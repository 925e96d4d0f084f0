/* SPDX-License-Identifier: Apache-2.0 */
/* The registry's own memory, shared by discovery (registry.c) and selection (select.c). */
#ifndef EG_PLUGINS_REGISTRY_INTERNAL_H
#define EG_PLUGINS_REGISTRY_INTERNAL_H

#include <sys/stat.h>

#include "base/mem.h"
#include "plugins/registry.h"

typedef struct registry_item {
    eg_plugin_entry entry;
    dev_t device; /* with inode: the file; 0, 0 if it was not looked at */
    ino_t inode;
} registry_item;

struct eg_registry {
    eg_arena arena; /* strings and device lists */
    registry_item *items;
    size_t count, capacity;
};

#endif
