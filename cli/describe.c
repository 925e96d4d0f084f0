/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/describe.h"

#include <stdio.h>
#include <string.h>

#include "cli/say.h"

eg_status
eg_description_read(char *text, eg_description_text *out, eg_error *err)
{
    *out = (eg_description_text){.text = text};
    eg_error inner = {.size = sizeof inner};
    eg_status status = eg_json_read(&out->memory, (eg_string){text, strlen(text)}, &out->root, &inner);
    if (status == EG_OK)
        return EG_OK;
    eg_description_free(out);
    if (status == EG_E_NOMEM)
        return eg_fault(err, status, "out of memory");
    return eg_fault(err, EG_E_INTERNAL, "the library's description is not JSON at character %u: %s", inner.column,
                    inner.message);
}

void
eg_description_free(eg_description_text *description)
{
    eg_json_free(&description->memory);
    eg_string_free(description->text);
    *description = (eg_description_text){0};
}

void
eg_print_count(eg_out *out, double value, int width)
{
    char digits[32], grouped[48];
    int length = snprintf(digits, sizeof digits, "%.0f", value), to = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
            grouped[to++] = ',';
        grouped[to++] = digits[i];
    }
    grouped[to] = '\0';
    eg_out_format(out, "%*s", width, grouped);
}

void
eg_print_bytes(eg_out *out, double bytes, int width)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    for (; bytes >= 1024.0 && unit + 1 < sizeof units / sizeof *units; unit++)
        bytes /= 1024.0;
    char text[32];
    snprintf(text, sizeof text, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
    eg_out_format(out, "%*s", width, text);
}

void
eg_print_value(eg_out *out, const eg_json *value)
{
    if (!value)
        return;
    if (value->type == EG_JSON_STRING)
        eg_out_bytes(out, value->text.data, value->text.length);
    else
        eg_out_bytes(out, value->raw.data, value->raw.length);
}

void
eg_print_names(eg_out *out, const eg_json *array)
{
    for (const eg_json *item = array ? array->first : NULL; item; item = item->next) {
        const eg_json *name = eg_json_get(item, "name");
        eg_print_value(out, name ? name : item);
        if (item->next)
            eg_out_text(out, ", ");
    }
}
