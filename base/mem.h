/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory. Every allocation of the library goes through these (so that a test can fail the Nth one); each can
 * return NULL, and none is freed by anything but its own counterpart.
 *
 * Thread-safety: eg_alloc and friends are safe; an eg_arena belongs to one thread at a time.
 */
#ifndef EG_BASE_MEM_H
#define EG_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* n bytes, not cleared; n = 0 gives a pointer that may be freed. */
void *eg_alloc(size_t n);
/* count × size bytes, cleared, the product checked. */
void *eg_calloc(size_t count, size_t size);
/* Like realloc with a checked product; on failure the old block stays. */
void *eg_realloc_array(void *p, size_t count, size_t size);
void *eg_alloc_aligned(size_t n, size_t align);
void eg_free(void *p); /* NULL is fine; also frees eg_alloc_aligned */
char *eg_strdup(const char *s);
char *eg_strndup(const char *s, size_t n);

/* A bump allocator: many small objects with one lifetime. {0} is an empty arena. */
typedef struct eg_arena {
    struct eg_arena_block *head;
    size_t total; /* bytes handed out */
} eg_arena;

void *eg_arena_alloc(eg_arena *arena, size_t n);                   /* aligned for any type, not cleared */
void *eg_arena_calloc(eg_arena *arena, size_t count, size_t size); /* cleared, the product checked */
char *eg_arena_strndup(eg_arena *arena, const char *s, size_t n);  /* NUL-terminated copy */
char *eg_arena_strdup(eg_arena *arena, const char *s);
char *eg_arena_printf(eg_arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void eg_arena_finish(eg_arena *arena); /* frees everything; the arena is empty again */

/*
 * Growable arrays: `T *items; size_t count, capacity;` in a struct, and
 * if (!EG_PUSH(list, value)) return eg_fail_nomem(…);
 */
bool eg_grow(void **items, size_t *capacity, size_t need, size_t item_size);
#define EG_PUSH(list, value)                                                                                           \
    (eg_grow((void **)&(list)->items, &(list)->capacity, (list)->count + 1, sizeof *(list)->items)                     \
         ? ((list)->items[(list)->count++] = (value), true)                                                            \
         : false)
#define EG_VEC(T)                                                                                                      \
    struct {                                                                                                           \
        T *items;                                                                                                      \
        size_t count, capacity;                                                                                        \
    }

/* A growable string. A failed append is remembered: check `failed` once at the end. {0} is empty. */
typedef struct eg_strbuf {
    char *data; /* NUL-terminated once anything was appended; owned, eg_free */
    size_t length, capacity;
    bool failed;
} eg_strbuf;

void eg_strbuf_append(eg_strbuf *buf, const char *s, size_t n);
void eg_strbuf_puts(eg_strbuf *buf, const char *s);
void eg_strbuf_putc(eg_strbuf *buf, char c);
void eg_strbuf_printf(eg_strbuf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* s as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void eg_strbuf_json(eg_strbuf *buf, const char *s, size_t n);
/* The shortest decimal that gives x back, of six digits or more that %g would print; null if x is not finite. */
void eg_strbuf_float(eg_strbuf *buf, float x);
void eg_strbuf_finish(eg_strbuf *buf);

#endif
