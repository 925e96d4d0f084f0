/* SPDX-License-Identifier: Apache-2.0 */
/* The list of `egbert families`. */
#include <string.h>

#include "frontend/family/family.h"
#include "frontend/source.h"

static void
put_string(eg_strbuf *out, const char *text)
{
    eg_strbuf_json(out, text, strlen(text));
}

static void
put_family(const eg_family *family, eg_strbuf *out)
{
    const eg_yaml *types = eg_yaml_get(family->root, "model_types"), *heads = eg_yaml_get(family->root, "heads");
    const eg_yaml *description = eg_yaml_get(family->root, "description");
    eg_strbuf_puts(out, "{\"name\":");
    put_string(out, family->name);
    eg_strbuf_puts(out, ",\"file\":");
    put_string(out, family->file);
    if (description) {
        eg_strbuf_puts(out, ",\"description\":");
        put_string(out, description->text);
    }
    eg_strbuf_puts(out, ",\"model_types\":[");
    for (size_t i = 0; types && i < types->count; i++) {
        eg_strbuf_puts(out, i ? "," : "");
        put_string(out, types->items[i]->text);
    }
    eg_strbuf_puts(out, "],\"heads\":[");
    for (size_t i = 0; heads && i < heads->count; i++) {
        eg_strbuf_puts(out, i ? ",{\"name\":" : "{\"name\":");
        put_string(out, heads->items[i]->key);
        eg_strbuf_puts(out, ",\"task\":");
        put_string(out, eg_yaml_get(heads->items[i], "task")->text);
        eg_strbuf_putc(out, '}');
    }
    eg_strbuf_puts(out, "]}");
}

/* A family that cannot be read is listed with the reason, so that it can be repaired. */
static void
put_broken(const char *name, const eg_error *why, eg_strbuf *out)
{
    char text[1800];
    eg_error_format(why, text, sizeof text);
    eg_strbuf_puts(out, "{\"name\":");
    put_string(out, name);
    eg_strbuf_puts(out, ",\"error\":");
    put_string(out, text);
    eg_strbuf_putc(out, '}');
}

eg_status
eg_families_describe(const char *family_dir, eg_strbuf *out, eg_error *err)
{
    eg_arena arena = {0};
    const char *const *names;
    size_t count;
    eg_status status = eg_family_list(family_dir, &arena, &names, &count, err);
    eg_strbuf_putc(out, '[');
    for (size_t i = 0; status == EG_OK && i < count; i++) {
        eg_family family;
        eg_error own;
        eg_error_init(&own);
        eg_strbuf_puts(out, i ? "," : "");
        if (eg_family_load(family_dir, names[i], &family, &own) == EG_OK)
            put_family(&family, out);
        else
            put_broken(names[i], &own, out);
        eg_family_finish(&family);
    }
    eg_strbuf_putc(out, ']');
    eg_arena_finish(&arena);
    if (status == EG_OK && out->failed)
        status = eg_fail_nomem(err, "the list of families");
    return status;
}
