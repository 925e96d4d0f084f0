/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aho and Corasick's automaton on the patterns spelt backwards. Reading the text from its end, the longest pattern that
 * the automaton has just spelt is the longest that begins there, so that leftmost-longest matching needs one look at
 * each character, whatever the patterns are.
 */
#include <string.h>

#include "base/checked.h"
#include "frontend/tokenizer/parts.h"

struct eg_matcher_node {
    uint32_t fail;    /* the longest proper suffix of this node's string that is a node */
    uint32_t pattern; /* the longest pattern that is a suffix of this node's string */
    uint32_t length;  /* its length; 0: none */
    uint32_t parent, symbol;
};

enum { ROOT = 0, SYMBOL_BITS = 21 };

static size_t
edge_slot(const eg_matcher *matcher, uint64_t key)
{
    uint64_t mixed = key * UINT64_C(0x9e3779b97f4a7c15);
    size_t i = (mixed ^ mixed >> 32) & matcher->mask;
    while (matcher->edges[i] != 0 && matcher->edges[i] != key)
        i = (i + 1) & matcher->mask;
    return i;
}

static uint64_t
edge_key(uint32_t node, uint32_t symbol)
{
    return ((uint64_t)node << SYMBOL_BITS | symbol) + 1;
}

/* The node that `symbol` leads to, falling back to shorter suffixes; ROOT if nothing begins with it. */
static uint32_t
step(const eg_matcher *matcher, uint32_t node, uint32_t symbol)
{
    for (;;) {
        uint64_t key = edge_key(node, symbol);
        size_t slot = edge_slot(matcher, key);
        if (matcher->edges[slot] == key)
            return matcher->targets[slot];
        if (node == ROOT)
            return ROOT;
        node = matcher->nodes[node].fail;
    }
}

static void
add_pattern(eg_matcher *matcher, const eg_pattern *pattern, uint32_t number)
{
    uint32_t node = ROOT;
    for (size_t i = pattern->length; i-- > 0;) {
        uint64_t key = edge_key(node, pattern->symbols[i]);
        size_t slot = edge_slot(matcher, key);
        if (matcher->edges[slot] == 0) {
            matcher->edges[slot] = key;
            matcher->targets[slot] = (uint32_t)matcher->count;
            matcher->nodes[matcher->count++] = (struct eg_matcher_node){.parent = node, .symbol = pattern->symbols[i]};
        }
        node = matcher->targets[slot];
    }
    if (matcher->nodes[node].length == 0) {
        matcher->nodes[node].pattern = number;
        matcher->nodes[node].length = (uint32_t)pattern->length;
    }
}

/* Visits nodes by depth, so that what a node falls back to is done before it. `order` holds count numbers. */
static void
link_failures(eg_matcher *matcher, uint32_t *depths, uint32_t *order, size_t *starts, size_t deepest)
{
    for (size_t i = 1; i < matcher->count; i++) /* parents come before their children */
        depths[i] = depths[matcher->nodes[i].parent] + 1;
    for (size_t i = 1; i < matcher->count; i++)
        starts[depths[i] + 1]++;
    for (size_t depth = 1; depth <= deepest + 1; depth++)
        starts[depth] += starts[depth - 1];
    for (size_t i = 1; i < matcher->count; i++)
        order[starts[depths[i]]++] = (uint32_t)i;
    for (size_t i = 0; i + 1 < matcher->count; i++) {
        struct eg_matcher_node *node = &matcher->nodes[order[i]];
        node->fail = node->parent == ROOT ? ROOT : step(matcher, matcher->nodes[node->parent].fail, node->symbol);
        if (node->length == 0) {
            node->pattern = matcher->nodes[node->fail].pattern;
            node->length = matcher->nodes[node->fail].length;
        }
    }
}

static void
note_ends(eg_matcher *matcher, const eg_pattern *patterns, size_t count)
{
    size_t distinct = 0;
    matcher->only_end = -1;
    for (size_t i = 0; i < count; i++) {
        uint32_t end = patterns[i].symbols[patterns[i].length - 1];
        if (end > UINT8_MAX || matcher->ends_pattern[end])
            continue;
        matcher->ends_pattern[end] = true;
        matcher->only_end = ++distinct == 1 ? (int)end : -1;
    }
}

eg_status
eg_matcher_new(eg_matcher *matcher, const eg_pattern *patterns, size_t count, eg_arena *arena, eg_error *err)
{
    size_t nodes = 1, deepest = 0, slots = 16;
    *matcher = (eg_matcher){0};
    if (count == 0)
        return EG_OK;
    for (size_t i = 0; i < count; i++) {
        if (!eg_add_size(nodes, patterns[i].length, &nodes) || nodes > UINT32_MAX / 4)
            return eg_fail(err, EG_E_INPUT, "the added tokens have too many characters");
        if (patterns[i].length > deepest)
            deepest = patterns[i].length;
    }
    while (slots < 2 * nodes)
        slots *= 2;
    matcher->mask = slots - 1;
    matcher->nodes = eg_arena_calloc(arena, nodes, sizeof *matcher->nodes);
    matcher->edges = eg_arena_calloc(arena, slots, sizeof *matcher->edges);
    matcher->targets = eg_arena_calloc(arena, slots, sizeof *matcher->targets);
    matcher->ends_pattern = eg_arena_calloc(arena, UINT8_MAX + 1, sizeof *matcher->ends_pattern);
    uint32_t *depths = eg_calloc(nodes, sizeof *depths), *order = eg_calloc(nodes, sizeof *order);
    size_t *starts = eg_calloc(deepest + 3, sizeof *starts);
    bool ok =
        matcher->nodes && matcher->edges && matcher->targets && matcher->ends_pattern && depths && order && starts;
    if (ok) {
        matcher->count = 1;
        for (size_t i = 0; i < count; i++)
            add_pattern(matcher, &patterns[i], (uint32_t)i);
        link_failures(matcher, depths, order, starts, deepest);
        note_ends(matcher, patterns, count);
    }
    eg_free(depths);
    eg_free(order);
    eg_free(starts);
    return ok ? EG_OK : eg_fail_nomem(err, "added tokens");
}

/* One character further to the left, at `at`; false when out of memory. */
static bool
feed(const eg_matcher *matcher, uint32_t *node, uint32_t symbol, size_t at, eg_work *work)
{
    *node = step(matcher, *node, symbol);
    const struct eg_matcher_node *now = &matcher->nodes[*node];
    return now->length == 0 || EG_PUSH(&work->matches, ((eg_match){at, at + now->length, now->pattern}));
}

/* The last place before `end` where a pattern may end, + 1; 0 if there is none. */
static size_t
last_candidate(const eg_matcher *matcher, const char *text, size_t end)
{
    if (matcher->only_end >= 0) {
        const char *found = memrchr(text, matcher->only_end, end);
        return found ? (size_t)(found - text) + 1 : 0;
    }
    while (end > 0 && !matcher->ends_pattern[(unsigned char)text[end - 1]])
        end--;
    return end;
}

bool
eg_matcher_scan_bytes(const eg_matcher *matcher, const char *text, size_t length, eg_work *work)
{
    uint32_t node = ROOT;
    work->matches.count = 0;
    if (matcher->count == 0)
        return true;
    for (size_t i = length; i > 0; i--) {
        if (node == ROOT && (i = last_candidate(matcher, text, i)) == 0)
            break;
        if (!feed(matcher, &node, (unsigned char)text[i - 1], i - 1, work))
            return false;
    }
    return true;
}

bool
eg_matcher_scan_chars(const eg_matcher *matcher, const eg_char *text, size_t length, eg_work *work)
{
    uint32_t node = ROOT;
    work->matches.count = 0;
    if (matcher->count == 0)
        return true;
    for (size_t i = length; i > 0; i--)
        if (!feed(matcher, &node, text[i - 1].c, i - 1, work))
            return false;
    return true;
}
