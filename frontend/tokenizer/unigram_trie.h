/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which entries of a vocabulary end at each place of a text that is read a byte at a time, in time linear in the text
 * and in what is found (Aho and Corasick's automaton). After each byte the reader stands at the node of the longest end
 * of the text with which an entry begins. The nodes are a trie in a double array: one look tells whether a node has a
 * child. Entries that end in one another ("a", "aa", ...) are found at the same place: at most as many as have different
 * lengths, which is the square root of twice the vocabulary's bytes.
 *
 * Thread-safety: immutable once made.
 */
#ifndef EG_FRONTEND_TOKENIZER_UNIGRAM_TRIE_H
#define EG_FRONTEND_TOKENIZER_UNIGRAM_TRIE_H

#include "frontend/tokenizer/parts.h"

typedef struct eg_trie_node {
    uint32_t base;   /* its child by a byte is at base ^ byte, if the node there has it as its parent */
    uint32_t parent; /* EG_NO_NODE: no node is here; the root's is itself */
    uint32_t next;   /* the node of the longest shorter end of its text: where to go on if it has no child */
    int32_t entry;   /* the longest entry that its text ends in; -1: none */
} eg_trie_node;

/* An entry by its id. */
typedef struct eg_unigram_entry {
    double score;
    uint32_t length;
    int32_t shorter; /* the next longest entry that this one ends in; -1: none */
} eg_unigram_entry;

enum { EG_TRIE_ROOT = 0 };
#define EG_NO_NODE UINT32_MAX

/*
 * Makes the nodes of the vocabulary's tokens, and sets `shorter` of each entry. Of equal entries only the last is ever
 * found; an empty one never.
 */
EG_NODISCARD eg_status eg_unigram_trie_new(const eg_vocab *vocab, eg_unigram_entry *entries, eg_arena *arena,
                                           const eg_trie_node **out, eg_error *err);

/* The node after one more byte. */
static inline uint32_t
eg_trie_step(const eg_trie_node *nodes, uint32_t node, unsigned char byte)
{
    for (;;) {
        uint32_t child = nodes[node].base ^ byte;
        if (nodes[child].parent == node)
            return child;
        if (node == EG_TRIE_ROOT)
            return EG_TRIE_ROOT;
        node = nodes[node].next;
    }
}

/* How long the node's text is. */
static inline size_t
eg_trie_depth(const eg_trie_node *nodes, uint32_t node)
{
    size_t depth = 0;
    for (; node != EG_TRIE_ROOT; depth++)
        node = nodes[node].parent;
    return depth;
}

#endif
