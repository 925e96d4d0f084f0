/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <float.h>
#include <math.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"

void *
eg_alloc(size_t n)
{
    return malloc(n ? n : 1);
}

void *
eg_calloc(size_t count, size_t size)
{
    return calloc(count ? count : 1, size ? size : 1);
}

void *
eg_realloc_array(void *p, size_t count, size_t size)
{
    size_t n;
    if (!eg_mul_size(count, size, &n))
        return NULL;
    return realloc(p, n ? n : 1);
}

void *
eg_alloc_aligned(size_t n, size_t align)
{
    size_t rounded;
    if (!eg_align_size(n ? n : 1, align, &rounded))
        return NULL;
    return aligned_alloc(align, rounded);
}

void
eg_free(void *p)
{
    free(p);
}

char *
eg_strndup(const char *s, size_t n)
{
    size_t bytes;
    if (!eg_add_size(n, 1, &bytes))
        return NULL;
    char *copy = eg_alloc(bytes);
    if (!copy)
        return NULL;
    if (n)
        memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *
eg_strdup(const char *s)
{
    return eg_strndup(s, strlen(s));
}

/* --- arena --------------------------------------------------------------------------------------- */

enum { ARENA_BLOCK = 32 * 1024 };

struct eg_arena_block {
    struct eg_arena_block *next;
    size_t used, size; /* of bytes[] */
    alignas(max_align_t) char bytes[];
};

void *
eg_arena_alloc(eg_arena *arena, size_t n)
{
    size_t need;
    if (!eg_align_size(n ? n : 1, alignof(max_align_t), &need))
        return NULL;
    struct eg_arena_block *block = arena->head;
    if (!block || block->size - block->used < need) {
        size_t size = need > ARENA_BLOCK / 4 ? need : ARENA_BLOCK;
        size_t bytes;
        if (!eg_add_size(size, sizeof *block, &bytes))
            return NULL;
        struct eg_arena_block *fresh = eg_alloc(bytes);
        if (!fresh)
            return NULL;
        fresh->used = 0;
        fresh->size = size;
        if (block && size != ARENA_BLOCK) { /* a large object does not end the block in use */
            fresh->next = block->next;
            block->next = fresh;
        } else {
            fresh->next = block;
            arena->head = fresh;
        }
        block = fresh;
    }
    void *p = block->bytes + block->used;
    block->used += need;
    arena->total += need;
    return p;
}

void *
eg_arena_calloc(eg_arena *arena, size_t count, size_t size)
{
    size_t n;
    if (!eg_mul_size(count, size, &n))
        return NULL;
    void *p = eg_arena_alloc(arena, n);
    if (p)
        memset(p, 0, n);
    return p;
}

char *
eg_arena_strndup(eg_arena *arena, const char *s, size_t n)
{
    size_t bytes;
    if (!eg_add_size(n, 1, &bytes))
        return NULL;
    char *copy = eg_arena_alloc(arena, bytes);
    if (!copy)
        return NULL;
    if (n)
        memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *
eg_arena_strdup(eg_arena *arena, const char *s)
{
    return eg_arena_strndup(arena, s, strlen(s));
}

char *
eg_arena_printf(eg_arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0)
        return NULL;
    char *text = eg_arena_alloc(arena, (size_t)n + 1);
    if (!text)
        return NULL;
    va_start(args, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, args);
    va_end(args);
    return text;
}

void
eg_arena_finish(eg_arena *arena)
{
    struct eg_arena_block *block = arena->head;
    while (block) {
        struct eg_arena_block *next = block->next;
        eg_free(block);
        block = next;
    }
    *arena = (eg_arena){0};
}

/* --- growable arrays ----------------------------------------------------------------------------- */

bool
eg_grow(void **items, size_t *capacity, size_t need, size_t item_size)
{
    if (need <= *capacity)
        return true;
    size_t larger = *capacity ? *capacity : 8;
    while (larger < need)
        if (!eg_mul_size(larger, 2, &larger))
            return false;
    void *grown = eg_realloc_array(*items, larger, item_size);
    if (!grown)
        return false;
    *items = grown;
    *capacity = larger;
    return true;
}

/* --- growable string ----------------------------------------------------------------------------- */

static bool
strbuf_reserve(eg_strbuf *buf, size_t more)
{
    size_t need;
    if (buf->failed || !eg_add_size(buf->length, more, &need) || !eg_add_size(need, 1, &need) ||
        !eg_grow((void **)&buf->data, &buf->capacity, need, 1)) {
        buf->failed = true;
        return false;
    }
    return true;
}

void
eg_strbuf_append(eg_strbuf *buf, const char *s, size_t n)
{
    if (!strbuf_reserve(buf, n))
        return;
    if (n)
        memcpy(buf->data + buf->length, s, n);
    buf->length += n;
    buf->data[buf->length] = '\0';
}

void
eg_strbuf_puts(eg_strbuf *buf, const char *s)
{
    eg_strbuf_append(buf, s, strlen(s));
}

void
eg_strbuf_putc(eg_strbuf *buf, char c)
{
    eg_strbuf_append(buf, &c, 1);
}

void
eg_strbuf_printf(eg_strbuf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0 || !strbuf_reserve(buf, (size_t)n)) {
        buf->failed = true;
        return;
    }
    va_start(args, fmt);
    vsnprintf(buf->data + buf->length, (size_t)n + 1, fmt, args);
    va_end(args);
    buf->length += (size_t)n;
}

void
eg_strbuf_json(eg_strbuf *buf, const char *s, size_t n)
{
    eg_strbuf_putc(buf, '"');
    for (size_t i = 0; i < n;) {
        uint32_t c;
        size_t step = eg_utf8_decode(s + i, n - i, &c);
        if (step == 0) {
            eg_strbuf_puts(buf, "\xef\xbf\xbd");
            i++;
            continue;
        }
        if (c == '"' || c == '\\')
            eg_strbuf_printf(buf, "\\%c", (char)c);
        else if (c == '\n')
            eg_strbuf_puts(buf, "\\n");
        else if (c == '\t')
            eg_strbuf_puts(buf, "\\t");
        else if (c == '\r')
            eg_strbuf_puts(buf, "\\r");
        else if (c < 0x20 || c == 0x7f)
            eg_strbuf_printf(buf, "\\u%04x", (unsigned)c);
        else
            eg_strbuf_append(buf, s + i, step);
        i += step;
    }
    eg_strbuf_putc(buf, '"');
}

void
eg_strbuf_float(eg_strbuf *buf, float x)
{
    if (!isfinite(x)) {
        eg_strbuf_puts(buf, "null");
        return;
    }
    char text[32];
    for (int digits = FLT_DIG; digits <= FLT_DECIMAL_DIG; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)x);
        if (strtof(text, NULL) == x)
            break;
    }
    eg_strbuf_puts(buf, text);
}

void
eg_strbuf_finish(eg_strbuf *buf)
{
    eg_free(buf->data);
    *buf = (eg_strbuf){0};
}
