/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making the trie, a level at a time: a node is a range of the entries that begin with its text, and ordering them by
 * their next byte gives its children. So each byte of the vocabulary is looked at once, and nodes nearer to the root,
 * which `next` and `entry` of others depend on, are ready before them.
 */
#include "frontend/tokenizer/unigram_trie.h"

#include <string.h>

enum {
    BLOCK = 256,    /* places that one base reaches */
    TRIES = 48,     /* free places looked at for a node's children, before there is a new block for them */
    FEW_ITEMS = 24, /* up to here, inserting is faster than counting */
    AHEAD = 8       /* bytes that are kept of a rest */
};

/* The part of an entry that is behind the node under way, in the vocabulary's bytes. */
typedef struct rest {
    uint64_t ahead; /* its next bytes, the first one highest, so that they are compared at once; then zeros */
    uint32_t begin, end;
    int32_t id;
} rest;

typedef struct range {
    uint32_t begin, end; /* in the rests */
    uint32_t node;
    bool ordered; /* the rests are, not only by the byte that leads here */
} range;

typedef struct builder {
    const char *bytes;
    eg_unigram_entry *entries;
    EG_VEC(eg_trie_node) nodes;
    uint32_t first_free,
        last_free; /* EG_NO_NODE: none. Free places are linked, in order, by `base` and back by `next` */
    rest *rests, *sorted;
    range *level, *deeper;      /* the nodes of the level under way, of the next one */
    size_t deeper_count, depth; /* of the level */
} builder;

/* ---- Places of the double array ---- */

static bool
is_free(const eg_trie_node *node)
{
    return node->parent == EG_NO_NODE;
}

/* Appends a block of free places. */
static bool
add_block(builder *b)
{
    size_t first = b->nodes.count;
    if (first > INT32_MAX ||
        !eg_grow((void **)&b->nodes.items, &b->nodes.capacity, first + BLOCK, sizeof *b->nodes.items))
        return false;
    eg_trie_node *nodes = b->nodes.items;
    for (uint32_t i = (uint32_t)first; i < first + BLOCK; i++)
        nodes[i] = (eg_trie_node){.base = i + 1, .parent = EG_NO_NODE, .next = i - 1, .entry = -1};
    b->nodes.count += BLOCK;
    nodes[first].next = b->last_free;
    if (b->last_free == EG_NO_NODE)
        b->first_free = (uint32_t)first;
    else
        nodes[b->last_free].base = (uint32_t)first;
    b->last_free = (uint32_t)first + BLOCK - 1;
    nodes[b->last_free].base = EG_NO_NODE;
    return true;
}

/* Makes the free place a node without children yet. */
static void
take_place(builder *b, uint32_t place, uint32_t parent, uint32_t next)
{
    eg_trie_node *nodes = b->nodes.items, *node = &nodes[place];
    if (node->base == EG_NO_NODE)
        b->last_free = node->next;
    else
        nodes[node->base].next = node->next;
    if (node->next == EG_NO_NODE)
        b->first_free = node->base;
    else
        nodes[node->next].base = node->base;
    *node = (eg_trie_node){.parent = parent, .next = next, .entry = -1};
}

static bool
all_free(const builder *b, uint32_t base, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!is_free(&b->nodes.items[base ^ bytes[i]]))
            return false;
    return true;
}

/*
 * A base by which the children (some) fall on free places. One child fills the first hole. For more, holes at the end
 * are tried: few of those in front are wide enough, and a new block is only added where the last is well filled.
 */
static bool
find_base(builder *b, const unsigned char *bytes, size_t count, uint32_t *out)
{
    if (count == 1 && b->first_free != EG_NO_NODE) {
        *out = b->first_free ^ bytes[0];
        return true;
    }
    uint32_t place = b->last_free;
    for (int i = 0; i < TRIES && place != EG_NO_NODE; i++, place = b->nodes.items[place].next) {
        *out = place ^ bytes[0];
        if (all_free(b, *out, bytes, count))
            return true;
    }
    *out = (uint32_t)b->nodes.count;
    return add_block(b);
}

/* ---- Nodes ---- */

static bool
at_end(const rest *of)
{
    return of->begin == of->end;
}

static unsigned char
next_byte(const rest *of)
{
    return of->ahead >> 56;
}

/* Reads the bytes ahead. */
static void
look_ahead(const builder *b, rest *of)
{
    unsigned char bytes[AHEAD] = {0};
    size_t left = of->end - of->begin;
    memcpy(bytes, b->bytes + of->begin, left < AHEAD ? left : AHEAD);
    of->ahead = 0;
    for (int i = 0; i < AHEAD; i++)
        of->ahead = of->ahead << 8 | bytes[i];
}

/* Whether x comes before y. Bytes that are kept ahead may be behind the end of one: it is the shorter, and comes first. */
static bool
before(const builder *b, const rest *x, const rest *y, size_t kept)
{
    if (x->ahead != y->ahead)
        return x->ahead < y->ahead;
    size_t x_length = x->end - x->begin, y_length = y->end - y->begin, both = x_length < y_length ? x_length : y_length;
    int order = both > kept ? memcmp(b->bytes + x->begin + kept, b->bytes + y->begin + kept, both - kept) : 0;
    return order < 0 || (order == 0 && x_length < y_length);
}

static void
insert_rests(const builder *b, rest *rests, size_t count, size_t kept)
{
    for (size_t i = 1; i < count; i++) {
        rest moved = rests[i];
        size_t at = i;
        for (; at > 0 && before(b, &moved, &rests[at - 1], kept); at--)
            rests[at] = rests[at - 1];
        rests[at] = moved;
    }
}

/* Orders by the next byte alone. */
static void
count_rests(builder *b, rest *rests, size_t count)
{
    uint32_t places[258] = {0}; /* by key + 1, the key of what is at its end being 0: where its rests begin */
    for (size_t i = 0; i < count; i++)
        places[at_end(&rests[i]) ? 1 : next_byte(&rests[i]) + 2]++;
    for (size_t key = 1; key < 258; key++)
        places[key] += places[key - 1];
    for (size_t i = 0; i < count; i++)
        b->sorted[places[at_end(&rests[i]) ? 0 : next_byte(&rests[i]) + 1]++] = rests[i];
    memcpy(rests, b->sorted, count * sizeof *rests);
}

static void
order_rests(builder *b, range *of)
{
    size_t count = of->end - of->begin;
    if (of->ordered)
        return;
    of->ordered = count <= FEW_ITEMS;
    if (of->ordered)
        insert_rests(b, b->rests + of->begin, count, AHEAD - b->depth % AHEAD);
    else
        count_rests(b, b->rests + of->begin, count);
}

/* Notes the entry that is the node's text, if one is; the rests from the first that goes on. */
static uint32_t
end_entries(builder *b, const range *at)
{
    eg_trie_node *node = &b->nodes.items[at->node];
    uint32_t i = at->begin;
    int32_t entry = -1, shorter = at->node == EG_TRIE_ROOT ? -1 : b->nodes.items[node->next].entry;
    for (; i < at->end && at_end(&b->rests[i]); i++)
        entry = b->rests[i].id > entry ? b->rests[i].id : entry;
    if (entry >= 0)
        b->entries[entry].shorter = shorter;
    node->entry = entry >= 0 ? entry : shorter;
    return i;
}

/* The bytes that the ordered rests go on with, and where each one's rests begin. */
static size_t
list_children(builder *b, uint32_t begin, uint32_t end, unsigned char *bytes, uint32_t *begins)
{
    size_t count = 0;
    for (uint32_t i = begin; i < end; i++) {
        rest *of = &b->rests[i];
        unsigned char byte = next_byte(of);
        of->begin++;
        of->ahead <<= 8;
        if ((b->depth + 1) % AHEAD == 0)
            look_ahead(b, of);
        if (count > 0 && bytes[count - 1] == byte)
            continue;
        bytes[count] = byte;
        begins[count++] = i;
    }
    begins[count] = end;
    return count;
}

static bool
build_node(builder *b, range *at)
{
    unsigned char bytes[256];
    uint32_t begins[257], base;
    order_rests(b, at);
    uint32_t first = end_entries(b, at);
    size_t count = list_children(b, first, at->end, bytes, begins);
    if (count == 0)
        return true;
    if (!find_base(b, bytes, count, &base))
        return false;
    eg_trie_node *nodes = b->nodes.items;
    for (size_t i = 0; i < count; i++) {
        uint32_t child = base ^ bytes[i];
        uint32_t next = at->node == EG_TRIE_ROOT ? EG_TRIE_ROOT : eg_trie_step(nodes, nodes[at->node].next, bytes[i]);
        take_place(b, child, at->node, next);
        b->deeper[b->deeper_count++] = (range){begins[i], begins[i + 1], child, at->ordered};
    }
    nodes[at->node].base = base;
    return true;
}

/*
 * The nodes that those of the level need lie anywhere: they are asked for while others are built. `at` is the node that
 * is next; each look needs what an earlier one asked for.
 */
static void
ask_ahead(const builder *b, size_t at, size_t count)
{
    enum { FAR = 12, HALFWAY = 8, NEAR = 4 };
    const eg_trie_node *nodes = b->nodes.items;
    if (at + FAR < count)
        __builtin_prefetch(&nodes[b->level[at + FAR].node], 1);
    if (at + HALFWAY < count)
        __builtin_prefetch(&nodes[nodes[b->level[at + HALFWAY].node].next]);
    if (at + NEAR < count) {
        const range *near = &b->level[at + NEAR];
        const eg_trie_node *next = &nodes[nodes[near->node].next];
        __builtin_prefetch(&nodes[next->base ^ next_byte(&b->rests[near->end - 1])]);
    }
}

static bool
build_levels(builder *b, size_t count)
{
    b->level[0] = (range){0, (uint32_t)count, EG_TRIE_ROOT, false};
    for (size_t nodes = 1; nodes > 0; b->depth++) {
        b->deeper_count = 0; /* the nodes of a level share no entry, so that there is room */
        for (size_t i = 0; i < nodes; i++) {
            ask_ahead(b, i, nodes);
            if (!build_node(b, &b->level[i]))
                return false;
        }
        range *done = b->level;
        b->level = b->deeper;
        b->deeper = done;
        nodes = b->deeper_count;
    }
    return true;
}

static size_t
list_rests(builder *b, const eg_vocab *vocab)
{
    size_t count = 0;
    for (size_t id = 0; id < vocab->ids; id++) {
        b->entries[id].shorter = -1;
        if (vocab->lengths[id] == EG_NO_TOKEN || vocab->lengths[id] == 0)
            continue;
        rest *of = &b->rests[count++];
        *of = (rest){.begin = vocab->begins[id], .end = vocab->begins[id] + vocab->lengths[id], .id = (int32_t)id};
        look_ahead(b, of);
    }
    return count;
}

static bool
build(builder *b, const eg_vocab *vocab, eg_arena *arena, const eg_trie_node **out)
{
    if (!b->rests || !b->sorted || !b->level || !b->deeper || !add_block(b))
        return false;
    take_place(b, EG_TRIE_ROOT, EG_TRIE_ROOT, EG_TRIE_ROOT);
    if (!build_levels(b, list_rests(b, vocab)))
        return false;
    eg_trie_node *nodes = eg_arena_alloc(arena, b->nodes.count * sizeof *nodes);
    if (nodes)
        memcpy(nodes, b->nodes.items, b->nodes.count * sizeof *nodes);
    *out = nodes;
    return nodes != NULL;
}

eg_status
eg_unigram_trie_new(const eg_vocab *vocab, eg_unigram_entry *entries, eg_arena *arena, const eg_trie_node **out,
                    eg_error *err)
{
    size_t most = vocab->ids + 1;
    builder b = {.bytes = vocab->bytes,
                 .entries = entries,
                 .first_free = EG_NO_NODE,
                 .last_free = EG_NO_NODE,
                 .rests = eg_calloc(most, sizeof *b.rests),
                 .sorted = eg_calloc(most, sizeof *b.sorted),
                 .level = eg_calloc(most, sizeof *b.level),
                 .deeper = eg_calloc(most, sizeof *b.deeper)};
    bool built = build(&b, vocab, arena, out);
    eg_free(b.nodes.items);
    eg_free(b.rests);
    eg_free(b.sorted);
    eg_free(b.level);
    eg_free(b.deeper);
    return built ? EG_OK : eg_fail_nomem(err, "a vocabulary");
}
