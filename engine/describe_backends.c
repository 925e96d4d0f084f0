/* SPDX-License-Identifier: Apache-2.0 */
/* eg_engine_backends(): every plugin that was found, usable or not, and what its devices say of themselves. */
#include <string.h>

#include "engine/engine.h"

static void
member(eg_strbuf *out, const char *key, const char *value)
{
    eg_strbuf_printf(out, "\"%s\":", key);
    eg_strbuf_json(out, value, strlen(value));
}

static void
describe_devices(eg_strbuf *out, const eg_plugin_entry *entry)
{
    eg_strbuf_puts(out, ",\"devices\":[");
    for (uint32_t i = 0; i < entry->device_count; i++) {
        const eg_plugin_device *device = &entry->devices[i];
        eg_strbuf_puts(out, i ? ",{" : "{");
        member(out, "id", device->id);
        eg_strbuf_putc(out, ',');
        member(out, "name", device->name);
        eg_strbuf_printf(out, ",\"score\":%u}", device->score);
    }
    eg_strbuf_putc(out, ']');
}

static void
describe_info(eg_strbuf *out, eg_device *device, const eg_device_ops *ops)
{
    static const char *const keys[] = {"fingerprint", "library", "core", "isa", "note"};
    bool first = true;
    eg_strbuf_puts(out, ",\"info\":{");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *value = ops->info(device, keys[i]);
        if (!value)
            continue;
        if (!first)
            eg_strbuf_putc(out, ',');
        member(out, keys[i], value);
        first = false;
    }
    eg_strbuf_putc(out, '}');
}

/* The device that a run would take, else the one with the best score. */
static eg_choice
device_of(const eg_engine *engine, const eg_plugin_entry *entry)
{
    for (size_t i = 0; i < engine->backend_count; i++)
        if (engine->backends[i].choice.entry == entry)
            return engine->backends[i].choice;
    eg_choice choice = {entry, 0};
    for (uint32_t i = 1; i < entry->device_count; i++)
        if (entry->devices[i].score > entry->devices[choice.device].score)
            choice.device = i;
    return choice;
}

/* Opens the device for its facts and closes it again. Returns why it does not open, in `why`, or "". */
static void
ask_device(eg_engine *engine, const eg_plugin_entry *entry, eg_strbuf *info, char *why, size_t why_size)
{
    why[0] = '\0';
    eg_choice choice = device_of(engine, entry);
    eg_device *device;
    const eg_device_ops *ops;
    eg_error err;
    eg_error_init(&err);
    if (eg_engine_open_device(engine, &choice, &device, &ops, &err) != EG_OK) {
        eg_error_format(&err, why, why_size);
        return;
    }
    describe_info(info, device, ops);
    entry->plugin->close(device);
}

static void
describe_entry(eg_engine *engine, const eg_plugin_entry *entry, bool open_devices, eg_strbuf *out)
{
    char why[1024] = "";
    eg_strbuf info = {0};
    if (open_devices && entry->usable)
        ask_device(engine, entry, &info, why, sizeof why);
    eg_strbuf_putc(out, '{');
    member(out, "name", entry->name);
    eg_strbuf_putc(out, ',');
    member(out, "path", entry->path);
    eg_strbuf_putc(out, ',');
    member(out, "source", eg_plugin_source_text(entry->source));
    eg_strbuf_putc(out, ',');
    member(out, "version", entry->version);
    eg_strbuf_putc(out, ',');
    member(out, "abi", entry->abi);
    eg_strbuf_printf(out, ",\"loaded\":%s,", entry->loaded ? "true" : "false");
    member(out, "why", why[0] ? why : entry->why);
    eg_strbuf_printf(out, ",\"score\":%u", entry->score);
    describe_devices(out, entry);
    if (info.data)
        eg_strbuf_append(out, info.data, info.length);
    out->failed |= info.failed;
    eg_strbuf_putc(out, '}');
    eg_strbuf_finish(&info);
}

eg_status
eg_engine_backends(eg_engine *engine, int32_t open_devices, char **out_json, eg_error *err)
{
    *out_json = NULL;
    EG_TRY(eg_engine_check(engine, err));
    eg_strbuf out = {0};
    eg_strbuf_putc(&out, '[');
    for (size_t i = 0; i < eg_registry_count(engine->registry); i++) {
        if (i)
            eg_strbuf_putc(&out, ',');
        describe_entry(engine, eg_registry_entry(engine->registry, i), open_devices != 0, &out);
    }
    eg_strbuf_putc(&out, ']');
    return eg_give_string(&out, out_json, err);
}
