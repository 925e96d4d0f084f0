/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/shape.h"

#include <stdlib.h>
#include <string.h>

#include "cli/lines.h"
#include "cli/mem.h"
#include "cli/say.h"

#define LENGTH_MAX (1 << 24)
#define TEXTS_MAX (1 << 20)

static eg_status
add_length(eg_shape *shape, size_t *capacity, uint32_t length, eg_error *err)
{
    EG_TRY(eg_reserve(&shape->lengths, capacity, (size_t)shape->count + 1, sizeof *shape->lengths, err));
    shape->lengths[shape->count++] = length;
    shape->tokens += length;
    shape->longest = length > shape->longest ? length : shape->longest;
    return EG_OK;
}

static eg_status
read_shape(const char *text, eg_shape *out, eg_error *err)
{
    int64_t *sizes;
    size_t count, capacity = 0;
    EG_TRY(eg_read_ints(text, "--shape", 1, LENGTH_MAX, &sizes, &count, err));
    int64_t texts = sizes[0], length = count == 2 ? sizes[1] : 0;
    free(sizes);
    if (count != 2 || texts > TEXTS_MAX) {
        eg_fault(err, EG_E_USAGE, "--shape: '%.100s' is not a shape", text);
        return eg_fault_hint(err, "B,S: texts and tokens of each, such as 8,128");
    }
    for (int64_t i = 0; i < texts; i++)
        EG_TRY(add_length(out, &capacity, (uint32_t)length, err));
    return EG_OK;
}

/* What is wrong with a line of a file is EG_E_INPUT at its place. */
static eg_status
read_line(const eg_lines *lines, eg_string line, int64_t *out, eg_error *err)
{
    char text[32];
    size_t length = line.length < sizeof text ? line.length : sizeof text - 1;
    memcpy(text, line.data, length);
    text[length] = '\0';
    if (eg_read_int(text, "length", 1, LENGTH_MAX, out, err) == EG_OK && strlen(text) == line.length)
        return EG_OK;
    eg_fault_at(err, EG_E_INPUT, lines->name, lines->number, 1, "not a length: '%s'", text);
    return eg_fault_hint(err, "one number of tokens a line, from 1 to %d", LENGTH_MAX);
}

static eg_status
read_lines(eg_lines *lines, eg_shape *out, eg_error *err)
{
    size_t capacity = 0;
    for (;;) {
        eg_string line;
        int64_t length;
        EG_TRY(eg_lines_next(lines, &line, err));
        if (!line.data)
            break;
        EG_TRY(read_line(lines, line, &length, err));
        if (out->count == TEXTS_MAX)
            return eg_fault_at(err, EG_E_INPUT, lines->name, lines->number, 1, "more than %d texts", TEXTS_MAX);
        EG_TRY(add_length(out, &capacity, (uint32_t)length, err));
    }
    return out->count ? EG_OK : eg_fault_at(err, EG_E_INPUT, lines->name, 0, 0, "holds no lengths");
}

static eg_status
read_file(const char *path, eg_shape *out, eg_error *err)
{
    eg_lines lines;
    EG_TRY(eg_lines_open(&lines, path, err));
    eg_status status = read_lines(&lines, out, err);
    eg_lines_close(&lines);
    return status;
}

eg_status
eg_shape_read(const eg_arguments *args, bool optional, eg_shape *out, eg_error *err)
{
    *out = (eg_shape){0};
    if (args->shape && args->lengths)
        return eg_fault(err, EG_E_USAGE, "--shape and --lengths contradict each other");
    if (!args->shape && !args->lengths && optional)
        return EG_OK;
    eg_status status =
        args->lengths ? read_file(args->lengths, out, err) : read_shape(args->shape ? args->shape : "1,128", out, err);
    out->by_default = !args->shape && !args->lengths;
    if (status != EG_OK)
        eg_shape_free(out);
    return status;
}

void
eg_shape_free(eg_shape *shape)
{
    free(shape->lengths);
    *shape = (eg_shape){0};
}
