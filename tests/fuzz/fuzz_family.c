/* SPDX-License-Identifier: Apache-2.0 */
/* Any YAML as a family, expanded for an empty config without weights: a graph that verifies, or an error. */
#include "frontend/family/expand.h"
#include "tests/fuzz/fuzz.h"

static eg_status
expand(eg_expand *x, eg_error *err)
{
    const eg_yaml *outputs = eg_yaml_get(x->recipe->family->root, "outputs");
    EG_TRY(eg_expand_base(x, err));
    for (size_t i = 0; outputs && i < outputs->count; i++)
        EG_TRY(eg_expand_output(x, outputs->items[i]->key, err));
    for (uint32_t i = 0; i < x->recipe->head_count; i++)
        EG_TRY(eg_expand_head(x, &x->recipe->heads[i], err));
    return eg_graph_verify(x->graph, err);
}

static eg_status
build(eg_family *family, const eg_config *config, eg_error *err)
{
    enum { MOST_HEADS = 16 };
    eg_head heads[MOST_HEADS];
    const eg_yaml *list = eg_yaml_get(family->root, "heads");
    eg_recipe recipe = {.family = family, .config = config, .prefix = "", .heads = heads};
    for (size_t i = 0; list && i < list->count && i < MOST_HEADS; i++)
        heads[recipe.head_count++] = (eg_head){.name = list->items[i]->key, .node = list->items[i], .prefix = ""};
    eg_graph graph;
    eg_expand x;
    EG_TRY(eg_graph_init(&graph, "fuzz", err));
    eg_status status = eg_expand_init(&x, &recipe, &graph, &family->arena, err);
    if (status == EG_OK)
        status = expand(&x, err);
    eg_expand_finish(&x);
    eg_graph_finish(&graph);
    return status;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const eg_json empty = {.type = EG_JSON_OBJECT};
    eg_family family = {.name = "fuzz", .file = "f"};
    eg_config_options options = {0};
    eg_config config;
    eg_error err;
    eg_error_init(&err);
    eg_status status = eg_yaml_parse((const char *)data, size, "f", &family.arena, &family.root, &err);
    if (status == EG_OK)
        status = eg_yaml_expect(family.root, EG_YAML_MAP, &err);
    if (status == EG_OK)
        status = eg_family_check(family.root, &err);
    if (status == EG_OK)
        status = eg_config_read(&family, &empty, "config.json", &options, &config, &err);
    if (status == EG_OK) {
        status = build(&family, &config, &err);
        eg_config_finish(&config);
    }
    if (status != EG_OK)
        fuzz_check_error(status, &err);
    eg_family_finish(&family);
    return 0;
}
