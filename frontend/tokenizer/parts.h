/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rooms inside the tokenizer. A text goes through them in this order, as in Hugging Face's library:
 *
 *   added tokens that are not normalised are cut out of the raw text (added_tokens.c)
 *   → each stretch between is normalised (normalizer_*.c), keeping for each character what it came from
 *   → added tokens that are normalised are cut out → the rest becomes words (pretokenizer_*.c)
 *   → the model turns words into tokens (model_*.c) → truncation (encode.c) → special tokens (post_*.c)
 *
 * A component is a row in parts.c: its name in tokenizer.json, how its settings are read, what it does. bert_fast.c
 * does the steps of BERT's own pipeline at once, for the same tokens.
 */
#ifndef EG_FRONTEND_TOKENIZER_PARTS_H
#define EG_FRONTEND_TOKENIZER_PARTS_H

#include "base/map.h"
#include "frontend/json.h"
#include "frontend/tokenizer.h"

/* ---- Text being worked on ---- */

/* A character and the characters [start, end) of the original text that it stands for. */
typedef struct eg_char {
    uint32_t c, start, end;
} eg_char;

typedef EG_VEC(eg_char) eg_chars;

/*
 * One character of a rewritten text. change 0: it replaces the next character of the old text; 1: it is put in and
 * shares the place of the one before; -n: it replaces the next and swallows n more.
 */
typedef struct eg_change {
    uint32_t c;
    int32_t change;
} eg_change;

/* Part of a word, and whether it is what the pre-tokenizer looks for. */
typedef struct eg_segment {
    size_t begin, end;
    bool match;
} eg_segment;

typedef struct eg_span {
    size_t begin, end;
} eg_span;

typedef EG_VEC(eg_span) eg_spans;

/* An added token found at [begin, end) of a text, or the text between two (token NULL). */
typedef struct eg_added_token eg_added_token;
typedef struct eg_cut {
    size_t begin, end;
    const eg_added_token *token;
} eg_cut;

typedef EG_VEC(eg_cut) eg_cuts;

typedef struct eg_tokens {
    int32_t *ids;
    uint32_t *starts, *ends;
    size_t count, capacity;
} eg_tokens;

/* A match of the matcher, in the order of the scan (from the end of the text). */
typedef struct eg_match {
    size_t begin, end;
    uint32_t pattern;
} eg_match;

/* A symbol of a word that BPE puts together, and what it and its right neighbour would become. */
typedef struct eg_bpe_symbol {
    int32_t id, into; /* into -1: nothing */
    uint32_t rank, bytes;
    uint32_t previous, next;
} eg_bpe_symbol;

/* One that a word begins as. */
typedef struct eg_bpe_letter {
    int32_t id;
    uint32_t bytes;
} eg_bpe_letter;

/* A symbol that waits for its merge, in the list of those of one rank. */
typedef struct eg_bpe_waiting {
    uint32_t at, next; /* next + 1 of the list; 0: the last */
} eg_bpe_waiting;

/* An added token among the tokens, and the blanks at its ends that it took from the text. */
typedef struct eg_padded_token {
    size_t at;
    uint32_t leading, trailing;
} eg_padded_token;

/* The buffers of one eg_encoding: they grow and stay. */
typedef struct eg_work {
    eg_chars text, next;               /* the stretch, normalised so far, or a piece of it; what it becomes */
    eg_chars normalized;               /* the stretch whose pieces are encoded */
    EG_VEC(eg_change) changes, sorted; /* a rewriting under way; marks being sorted */
    eg_spans words, words_next;        /* pre-tokens of the stretch */
    EG_VEC(eg_segment) segments;       /* what a pre-tokenizer found in one word */
    EG_VEC(eg_match) matches;
    eg_cuts cuts, inner_cuts;
    EG_VEC(char) bytes;             /* a word in UTF-8 */
    EG_VEC(char) stretch, prefixed; /* the normalised stretch in UTF-8; with a blank in front */
    struct eg_word_cache *cache;
    struct eg_moses_work *moses;
    unsigned (*mark_class)(uint32_t c); /* combining classes to order marks by; NULL: the library's */
    EG_VEC(uint64_t) hashes;            /* of its prefixes */
    EG_VEC(eg_bpe_symbol) symbols;
    EG_VEC(eg_bpe_letter) letters;
    EG_VEC(uint64_t) merges; /* a heap of rank << 32 | symbol, the next to be done first */
    EG_VEC(eg_bpe_waiting) waiting;
    EG_VEC(uint32_t) ranks;            /* by rank: the first that waits + 1, or 0 */
    EG_VEC(uint64_t) rank_bits;        /* by rank: whether any waits */
    EG_VEC(int32_t) lattice;           /* by place of a word: the piece that ends there */
    EG_VEC(double) scores;             /* of the last places: the sum so far */
    EG_VEC(eg_padded_token) padded[2]; /* of each sequence, if offsets are trimmed */
    eg_tokens sequences[2];
    bool wants_words, ids_only;
    EG_VEC(uint32_t) words_of[2]; /* if so: of each sequence's tokens the number of the word */
    uint32_t word_count;          /* so far in the sequence under way */
} eg_work;

bool eg_tokens_grow(eg_tokens *tokens, size_t more);

static inline bool
eg_tokens_reserve(eg_tokens *tokens, size_t more)
{
    return tokens->capacity - tokens->count >= more || eg_tokens_grow(tokens, more);
}

static inline void
eg_tokens_put(eg_tokens *tokens, int32_t id, uint32_t start, uint32_t end) /* room must be reserved */
{
    tokens->ids[tokens->count] = id;
    tokens->starts[tokens->count] = start;
    tokens->ends[tokens->count++] = end;
}

/* ---- text.c: rewriting with the alignment kept ---- */

/* Replaces work->text by what work->changes makes of it. */
EG_NODISCARD eg_status eg_text_transform(eg_work *work, eg_error *err);
/* Keeps the characters that have none of the flags (unicode.h). */
void eg_text_drop(eg_work *work, unsigned flags);
EG_NODISCARD eg_status eg_text_lower(eg_work *work, eg_error *err);
EG_NODISCARD eg_status eg_text_decompose(eg_work *work, bool compatible, eg_error *err);
EG_NODISCARD eg_status eg_text_compose(eg_work *work, bool compatible, eg_error *err);

/* grapheme.c: where the extended grapheme cluster that begins at `begin` < count ends. */
size_t eg_grapheme_end(const eg_char *text, size_t begin, size_t count);

/* What becomes of the matches when a word is split at them. */
typedef enum {
    EG_SPLIT_ISOLATED,
    EG_SPLIT_REMOVED,
    EG_SPLIT_MERGED_WITH_PREVIOUS,
    EG_SPLIT_MERGED_WITH_NEXT,
    EG_SPLIT_CONTIGUOUS
} eg_split;

/* Splits each word at the characters with these flags, each a match of its own. */
EG_NODISCARD eg_status eg_words_split(eg_work *work, unsigned flags, eg_split behavior, eg_error *err);
/*
 * Splits each word as `find` segments it: find fills work->segments with all of the word, in order, and returns false
 * when out of memory.
 */
typedef bool (*eg_segmenter)(eg_work *work, eg_span word, const void *context);
EG_NODISCARD eg_status eg_words_split_by(eg_work *work, eg_segmenter find, const void *context, eg_split behavior,
                                         eg_error *err);

/* ---- Components ---- */

/* Reading tokenizer.json. Everything is allocated in the tokenizer's arena. */
typedef struct eg_loading {
    const char *file;
    eg_tokenizer *tokenizer;
    eg_arena *arena;
    uint32_t depth;                /* of Sequences */
    size_t extra_ids, extra_bytes; /* room that the vocabulary leaves for added tokens */
    size_t entries;                /* of the model's vocabulary, before any is added */
} eg_loading;

typedef struct eg_decoding { /* the texts of the tokens, one after another */
    eg_strbuf text;
    EG_VEC(size_t) ends;
} eg_decoding;

const char *eg_decoding_token(const eg_decoding *tokens, size_t i, size_t *out_length);
void eg_decoding_end(eg_decoding *tokens); /* what was appended to the text since the last end is a token */
void eg_decoding_put(eg_decoding *tokens, const char *token, size_t length);
void eg_decoding_finish(eg_decoding *tokens);

/* Where the words of a stretch end, as fused.c finds it. */
typedef struct eg_fused {
    bool usable;
    enum { EG_FUSED_WHOLE, EG_FUSED_BYTE_LEVEL, EG_FUSED_PATTERN, EG_FUSED_WHITE, EG_FUSED_METASPACE } words;
    bool bytes;                                                                           /* each byte is a symbol */
    enum { EG_FUSED_PREFIX_NEVER, EG_FUSED_PREFIX_ALWAYS, EG_FUSED_PREFIX_FIRST } prefix; /* a blank in front */
    char mark[4]; /* what a blank becomes; length 0: it stays */
    size_t mark_length;
    bool drops_white;     /* METASPACE: WhitespaceSplit comes before it */
    bool may_end[256];    /* METASPACE: bytes in which a blank, a mark or white space may begin */
    uint16_t kinds[0x80]; /* of ASCII: the flags that tell words apart */
} eg_fused;

struct eg_stretch; /* fused.h */

typedef struct eg_part_type {
    const char *name;
    eg_status (*load)(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err);
    union {
        eg_status (*normalize)(const void *state, eg_work *work, eg_error *err);    /* rewrites work->text */
        eg_status (*split)(const void *state, eg_work *work, eg_error *err);        /* refines work->words */
        void (*decode)(const void *state, const eg_decoding *in, eg_decoding *out); /* out->text.failed: no memory */
    };
    /* A normalizer: whether it is known to leave this text as it is. NULL: it never says so. */
    bool (*keeps)(const void *state, const char *text, size_t length);
    /* A pre-tokenizer: tells where words end, for fused.c; false if it can not. NULL: it can not. `out` is what those
       before it in a Sequence told. */
    bool (*fuse)(const void *state, eg_fused *out);
    /* A pre-tokenizer: does a stretch from its bytes on, by_word.h; `split` is not there then. NULL: it does not. */
    eg_status (*encode)(const eg_tokenizer *tokenizer, const struct eg_stretch *stretch, size_t limit, eg_work *work,
                        eg_tokens *out, eg_error *err);
} eg_part_type;

typedef struct eg_part { /* type NULL: none */
    const eg_part_type *type;
    const void *state;
} eg_part;

void eg_decoding_run(const eg_part *decoder, eg_decoding *tokens);

typedef struct eg_part_list {
    const eg_part *parts;
    size_t count;
} eg_part_list;

typedef enum { EG_PART_NORMALIZER, EG_PART_PRETOKENIZER, EG_PART_DECODER } eg_part_kind;

/* parts.c: the component that `spec` describes (null: none), found by its "type". */
EG_NODISCARD eg_status eg_part_load(eg_loading *in, eg_part_kind kind, const eg_json *spec, eg_part *out,
                                    eg_error *err);
/* The "normalizers"-like array of a Sequence. */
EG_NODISCARD eg_status eg_part_load_list(eg_loading *in, eg_part_kind kind, const eg_json *spec, const char *key,
                                         const void **out_state, eg_error *err);

/* The "behavior" of a pre-tokenizer that splits. */
EG_NODISCARD eg_status eg_split_read(eg_loading *in, const eg_json *spec, eg_split *out, eg_error *err);

/* ---- charsmap.c: what SentencePiece's normalizer replaces ---- */

typedef struct eg_charsmap {
    const uint32_t *units;
    size_t count;
    const char *strings;
} eg_charsmap;

/* Checks all of it, so that no look-up leaves it; `blob` need not last. Errors are at `where` (NULL: the file). */
EG_NODISCARD eg_status eg_charsmap_new(eg_loading *in, const unsigned char *blob, size_t length, const eg_json *where,
                                       eg_charsmap *out, eg_error *err);
/* What the text is replaced by: the replacement of its shortest prefix that is a key; NULL if none is. */
const char *eg_charsmap_find(const eg_charsmap *map, const char *text, size_t length);
/* The state of the normalizer Precompiled. */
EG_NODISCARD eg_status eg_precompiled_new(eg_loading *in, const unsigned char *blob, size_t length,
                                          const eg_json *where, const void **out_state, eg_error *err);

/* ---- vocab.c ---- */

typedef struct eg_token_slot {
    uint32_t tag;
    int32_t id; /* -1: empty */
} eg_token_slot;

/* From bytes to id. Hashes are made a byte at a time, so that all prefixes of a word are known after one pass. */
typedef struct eg_token_index {
    eg_token_slot *slots;
    uint32_t shift; /* 64 - log2 of the slots */
    uint32_t skip;  /* bytes of each token that are no part of the key (a prefix such as "##") */
    size_t longest; /* key, in bytes */
    uint8_t *near;  /* by the first two bytes: the longest key's length, 255 = more */
    uint64_t seed;
} eg_token_index;

enum { EG_NEAR_SIZE = 4096 };

typedef struct eg_vocab {
    char *bytes; /* the tokens, one after another, each NUL-terminated */
    size_t used;
    uint32_t *begins, *lengths; /* by id; a length of EG_NO_TOKEN: no such id */
    size_t ids, capacity;       /* one beyond the largest id; ids that there is room for */
    size_t count;               /* entries */
    eg_token_index index;
} eg_vocab;

#define EG_NO_TOKEN UINT32_MAX

static inline uint64_t
eg_token_hash(uint64_t hash, unsigned char byte)
{
    return (hash ^ byte) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint64_t
eg_token_hash_end(uint64_t hash)
{
    return (hash ^ hash >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
}

static inline unsigned
eg_near_key(unsigned char first, unsigned char second)
{
    return (first * 31u ^ second) & (EG_NEAR_SIZE - 1);
}

/* Room for ids below `ids` and `bytes` bytes of tokens (below EG_NO_TOKEN). */
EG_NODISCARD eg_status eg_vocab_new(eg_vocab *vocab, eg_arena *arena, size_t ids, size_t bytes, eg_error *err);
/* False if the id is taken. Whether the token is there already is not looked for. */
bool eg_vocab_set(eg_vocab *vocab, int32_t id, const char *token, size_t length);
/* An index of the tokens that begin with `prefix`, by what follows it. Of equal tokens the last id stays. */
EG_NODISCARD eg_status eg_vocab_index(eg_vocab *vocab, const char *prefix, size_t prefix_length, eg_arena *arena,
                                      eg_token_index *out, eg_error *err);
/* Fills the tokenizer's vocabulary from {"token": id, …} (vocab_json.c); the index is still to be made. */
EG_NODISCARD eg_status eg_vocab_load(eg_loading *in, const eg_json *entries, eg_error *err);
int32_t eg_vocab_find(const eg_vocab *vocab, const eg_token_index *index, uint64_t hash, const char *key,
                      size_t length);
int32_t eg_vocab_id(const eg_vocab *vocab, const char *token, size_t length); /* -1: none */

/* ---- Models ---- */

typedef struct eg_model_type {
    const char *name;
    eg_status (*load)(eg_loading *in, const eg_json *spec, const void **out_state, eg_error *err);
    /* Appends the tokens of work->text's characters [word.begin, word.end). */
    eg_status (*encode)(const void *state, eg_work *work, eg_span word, eg_tokens *out, eg_error *err);
    /* NULL, or: whether it does the words of this pre-tokenizer, given in bytes; their tokens' places are in bytes. */
    bool (*fuses)(const void *state, const eg_fused *fused);
    eg_status (*encode_bytes)(const void *state, const eg_fused *fused, const char *word, size_t length, eg_work *work,
                              eg_tokens *out, eg_error *err);
} eg_model_type;

/* parts.c: reads the model; in->tokenizer->vocab is filled by it. */
EG_NODISCARD eg_status eg_model_load(eg_loading *in, const eg_json *spec, eg_error *err);

struct eg_bpe;

typedef struct eg_wordpiece {
    const eg_vocab *vocab;
    eg_token_index continuing;
    size_t max_chars;
    int32_t unknown;
} eg_wordpiece;

EG_NODISCARD eg_status eg_wordpiece_new(eg_loading *in, const char *unknown, size_t unknown_length, const char *prefix,
                                        size_t prefix_length, size_t max_chars, const void **out_state, eg_error *err);
/*
 * Greedy longest match over a word of `length` bytes: appends ids and the byte range of each piece to `out`, whose room
 * for `length` tokens is reserved. A word that does not come out becomes one unknown token. `hashes` has room for
 * eg_wordpiece_hashes() numbers.
 */
void eg_wordpiece_match(const eg_wordpiece *model, const char *word, size_t length, uint64_t *hashes, eg_tokens *out);
size_t eg_wordpiece_hashes(const eg_wordpiece *model);

/* The stand-in of a byte among printable characters, and back: -1 if the character stands for none. */
uint32_t eg_byte_stand_in(unsigned char byte);
int eg_byte_of_stand_in(uint32_t c);

/* Fields of a BPE model; strings need not last. Texts NULL: none. */
typedef struct eg_bpe_options {
    const char *unknown, *prefix, *suffix;
    size_t unknown_length, prefix_length, suffix_length;
    bool fuse_unknown, byte_fallback, ignore_merges;
} eg_bpe_options;

/* Makes the model of the tokenizer's vocabulary, with room for `merges` merges. */
EG_NODISCARD eg_status eg_bpe_new(eg_loading *in, const eg_bpe_options *options, size_t merges, struct eg_bpe **out,
                                  eg_error *err);
/* The next merge, of lower rank than all before. NULL, or what is wrong with it. */
const char *eg_bpe_put(struct eg_bpe *model, const char *left, size_t left_length, const char *right,
                       size_t right_length);

struct eg_unigram;
extern const eg_model_type eg_model_unigram;

/* Makes the model of entries put one after another: at most `entries`, of `bytes` (below EG_NO_TOKEN) together. */
EG_NODISCARD eg_status eg_unigram_new(eg_loading *in, size_t entries, size_t bytes, struct eg_unigram **out,
                                      eg_error *err);
/* The next entry. A score may be any number that is not NaN. */
void eg_unigram_put(eg_loading *in, struct eg_unigram *model, const char *token, size_t length, double score);
/* The tokenizer's model is this one from now on. unknown -1: none. */
EG_NODISCARD eg_status eg_unigram_finish(eg_loading *in, struct eg_unigram *model, int32_t unknown, bool fall_back,
                                         eg_error *err);

/* ---- Post-processors ---- */

enum { EG_PIECE_TOKEN, EG_PIECE_FIRST, EG_PIECE_SECOND };

typedef struct eg_piece {
    int kind;
    int32_t id, type_id;
} eg_piece;

/* What is put around a text or a pair. */
typedef struct eg_template {
    eg_piece *pieces;
    size_t count;
    uint32_t specials;
    bool first_window_only; /* the second text has its type id in the first window, and 1 in the others */
} eg_template;

/* What a post-processor does to offsets: blanks at a token's ends belong to no token. */
typedef struct eg_trim {
    bool on, add_prefix_space;
    struct eg_trim_ends {
        uint32_t leading, trailing;
    } * of; /* by id */
} eg_trim;

EG_NODISCARD eg_status eg_trim_new(eg_loading *in, bool add_prefix_space, const eg_json *spec, eg_error *err);
bool eg_trim_blank(uint32_t c);
/* Blanks at the ends of a token's text. */
struct eg_trim_ends eg_trim_count(const char *token, size_t length);
/* Trims `count` tokens of a sequence from its token `from` on, whose offsets are at these places. */
void eg_trim_offsets(const eg_trim *trim, const eg_work *work, int sequence, size_t from, size_t count,
                     const int32_t *ids, uint32_t *starts, uint32_t *ends);

/* ---- Added tokens ---- */

struct eg_added_token {
    const char *content;
    size_t length;
    const char *shown; /* what decoding gives: the content, normalised if the token is */
    size_t shown_length;
    int32_t id;
    bool single_word, lstrip, rstrip, normalized, special;
};

/* matcher.c: finds patterns in time linear in the text, by an automaton that reads it from its end. */
typedef struct eg_matcher {
    struct eg_matcher_node *nodes;
    size_t count;
    uint64_t *edges; /* open addressing: node << 21 | symbol, + 1; 0 = empty */
    uint32_t *targets;
    size_t mask;
    bool *ends_pattern; /* by byte: whether a pattern ends in it (bytes only) */
    int only_end;       /* the one byte that all patterns end in, or -1 */
} eg_matcher;

typedef struct eg_pattern {
    const uint32_t *symbols;
    size_t length;
} eg_pattern;

EG_NODISCARD eg_status eg_matcher_new(eg_matcher *matcher, const eg_pattern *patterns, size_t count, eg_arena *arena,
                                      eg_error *err);
/* The longest pattern at each place where one begins, the last place first; of equal patterns the first. */
bool eg_matcher_scan_bytes(const eg_matcher *matcher, const char *text, size_t length, eg_work *work);
bool eg_matcher_scan_chars(const eg_matcher *matcher, const eg_char *text, size_t length, eg_work *work);

typedef struct eg_added_tokens {
    eg_added_token *tokens;
    size_t count;
    int64_t largest;                              /* id, or -1 */
    eg_map by_content;                            /* → index of tokens */
    uint32_t *by_id;                              /* index + 1, or 0 */
    eg_matcher raw, normalized, normalized_bytes; /* the last: of texts that the normalizer leaves as they are */
    const eg_added_token **raw_tokens, **normalized_tokens; /* by pattern */
} eg_added_tokens;

/* Makes room for in->extra_ids tokens; the vocabulary must be there. */
EG_NODISCARD eg_status eg_added_tokens_reserve(eg_loading *in, eg_error *err);
EG_NODISCARD eg_status eg_added_token_read(eg_loading *in, const eg_json *spec, eg_added_token *out, eg_error *err);
/* Adds one, or changes it if it is there. Its id, unless -1, must be the one that the library would give. */
EG_NODISCARD eg_status eg_added_tokens_put(eg_loading *in, const eg_added_token *token, const eg_json *spec,
                                           eg_error *err);
/* Reads the array of tokenizer.json. */
EG_NODISCARD eg_status eg_added_tokens_load(eg_loading *in, const eg_json *list, eg_error *err);
/* Builds the matchers once the normalizer is known. */
EG_NODISCARD eg_status eg_added_tokens_index(eg_tokenizer *tokenizer, eg_error *err);
/* Cuts a raw text (bytes), or work->text (characters), into `out`. */
EG_NODISCARD eg_status eg_added_tokens_cut_raw(const eg_tokenizer *tokenizer, const char *text, size_t length,
                                               eg_work *work, eg_cuts *out, eg_error *err);
EG_NODISCARD eg_status eg_added_tokens_cut(const eg_tokenizer *tokenizer, eg_work *work, eg_cuts *out, eg_error *err);
/* The same as eg_added_tokens_cut() on bytes that the normalizer leaves as they are. */
EG_NODISCARD eg_status eg_added_tokens_cut_kept(const eg_tokenizer *tokenizer, const char *text, size_t length,
                                                eg_work *work, eg_cuts *out, eg_error *err);
const eg_added_token *eg_added_tokens_by_id(const eg_tokenizer *tokenizer, int64_t id);
/* Whether skipping special tokens skips a token that shows this text, be it another entry: so the library does it. */
bool eg_added_token_is_special(const eg_tokenizer *tokenizer, const char *shown, size_t length);

/* ---- BERT's pipeline at once ---- */

typedef struct eg_bert_normalizer {
    bool clean_text, handle_chinese_chars, strip_accents, lowercase;
} eg_bert_normalizer;

typedef struct eg_bert_fast {
    bool usable;
    eg_bert_normalizer normalizer;
    const eg_wordpiece *model;
    uint8_t kinds[256], lower[256]; /* of each byte */
} eg_bert_fast;

void eg_bert_fast_new(eg_tokenizer *tokenizer);
/*
 * Appends the tokens of a stretch that begins with the original's character `first`; it may stop once `out` has `limit`
 * of them. False when it meets a character that it leaves to the general path; nothing is
 * appended then. *out_nomem tells when memory ran out.
 */
bool eg_bert_fast_encode(const eg_bert_fast *fast, const char *text, size_t length, uint32_t first, size_t limit,
                         eg_tokens *out, bool *out_nomem);

/* ---- The tokenizer ---- */

struct eg_tokenizer {
    eg_arena arena;
    eg_vocab vocab;
    const eg_model_type *model_type;
    const void *model;
    eg_part normalizer, pretokenizer, decoder;
    eg_template single, pair;
    eg_trim trim;
    eg_added_tokens added;
    eg_bert_fast fast;
    eg_fused fused;
    uint64_t opened; /* when; with the address it tells tokenizers apart */
    bool clean_up;   /* clean_up_tokenization_spaces of tokenizer_config.json */
    bool in_python;  /* a Python class: an id that is none decodes to the unknown token; the special ids are set */
    eg_tokenizer_info info;
};

/* The buffers: a stretch of raw text beginning with the original's character `first`; its normalisation. */
EG_NODISCARD eg_status eg_work_set_text(eg_work *work, const char *text, size_t length, uint32_t first, eg_error *err);
EG_NODISCARD eg_status eg_work_normalize(const eg_tokenizer *tokenizer, eg_work *work, eg_error *err);
void eg_work_finish(eg_work *work);
/* The tokens appended since the last call are a word; without any there is one more all the same. False: no memory. */
EG_NODISCARD bool eg_work_end_word(eg_work *work, const eg_tokens *out);

/* ---- load.c, vocab_txt.c, config.c ---- */

/* The JSON files of a folder that speak about its tokenizer; NULL: not there. */
typedef struct eg_tokenizer_files {
    const eg_json *config, *specials_map, *added_tokens;
    const char *config_file, *specials_map_file, *added_tokens_file;
} eg_tokenizer_files;

/* The special tokens of a class and the tokens that its files add (class_tokens.c). */
typedef struct eg_class_token {
    const char *text;
    size_t length;
    bool has_flags; /* written as an object: the flags are the file's */
    bool lstrip, rstrip, single_word, normalized;
} eg_class_token;

enum { EG_CLASS_TOKENS = 128 };

typedef struct eg_class_tokens {
    eg_class_token specials[EG_CLASS_TOKENS];
    size_t count;
    const eg_json *entries; /* of added_tokens_decoder, or if `legacy` of added_tokens.json */
    const char *file;       /* theirs */
    bool legacy;
} eg_class_tokens;

/* Reads them and sets in->extra_*, the room that the vocabulary must leave. At most EG_CLASS_TOKENS names. */
EG_NODISCARD eg_status eg_class_tokens_find(eg_loading *in, const eg_tokenizer_files *files, const char *const *names,
                                            const char *const *defaults, size_t count, eg_class_tokens *out,
                                            eg_error *err);
/* Adds those without a name of the class: tokenizer_config.json's further "…_token", extra and additional ones. */
EG_NODISCARD eg_status eg_class_tokens_find_more(eg_loading *in, const eg_tokenizer_files *files,
                                                 eg_class_tokens *tokens, eg_error *err);
EG_NODISCARD eg_status eg_class_tokens_put(eg_loading *in, const eg_class_tokens *tokens, eg_error *err);

EG_NODISCARD eg_status eg_tokenizer_load_json(eg_tokenizer *tokenizer, const eg_json *root, const char *file,
                                              eg_error *err);
/* `doubled`: with the tokens of RobertaProcessing around a text. */
EG_NODISCARD eg_status eg_tokenizer_load_vocab_txt(eg_tokenizer *tokenizer, const char *text, size_t length,
                                                   const char *file, const eg_tokenizer_files *files, bool doubled,
                                                   eg_error *err);
/* The length of the line at *at; moves *at behind its end. */
size_t eg_cut_line(const char *text, size_t length, size_t *at);

typedef struct eg_merges_file {
    const char *text, *file;
    size_t length;
} eg_merges_file;

/* How vocab.json and merges.txt of a class are read as byte-level BPE: named for what is around a text. */
typedef enum {
    EG_BYTES_NONE,
    EG_BYTES_PLAIN,           /* nothing, or the tokens at the ends that tokenizer_config.json asks for */
    EG_BYTES_COMPOSED,        /* the same; texts are composed by NFC */
    EG_BYTES_DOUBLED,         /* cls A sep, cls A sep sep B sep */
    EG_BYTES_DOUBLED_TRIMMED, /* the same, and offsets without blanks */
} eg_bytes_style;

EG_NODISCARD eg_status eg_tokenizer_load_merges(eg_tokenizer *tokenizer, const eg_json *vocab, const char *vocab_file,
                                                const eg_merges_file *merges, const eg_tokenizer_files *files,
                                                eg_bytes_style style, eg_error *err);
/* What tokenizer_config.json says beside the tokens: limits, sides, names of the special tokens. */
EG_NODISCARD eg_status eg_tokenizer_configure(eg_tokenizer *tokenizer, const eg_tokenizer_files *files, eg_error *err);
/* What the files say of the special token `key` ("cls_token"), and which of them; NULL: nothing. */
const eg_json *eg_special_value(const eg_tokenizer_files *files, const char *key, const char **out_file);
/* The special token `key` of the files, or `fallback`. */
EG_NODISCARD eg_status eg_special_token(const eg_tokenizer_files *files, const char *key, const char *fallback,
                                        const char **out, size_t *out_length, eg_error *err);
/* How the SentencePiece model of a class is read (vocab_sentencepiece.c): named for what its pipeline does. */
typedef enum {
    EG_SP_NONE,
    EG_SP_FAIRSEQ,        /* four tokens in front of the pieces */
    EG_SP_FAIRSEQ_UNUSED, /* and some of no use among them */
    EG_SP_QUOTES,         /* Latin quotes become plain ones, accents and case go */
    EG_SP_QUOTES_BLANKS,  /* and runs of blanks become one */
    EG_SP_BLANKS,         /* runs of blanks alone */
    EG_SP_SPACE_RUNS,     /* runs of white space, NFC */
} eg_sp_style;

EG_NODISCARD eg_status eg_tokenizer_load_sentencepiece(eg_tokenizer *tokenizer, eg_sp_style style, const char *data,
                                                       size_t length, const char *file, const eg_tokenizer_files *files,
                                                       eg_error *err);
const char *eg_sp_style_file(eg_sp_style style);
/* The style of a class, or EG_SP_NONE (also for NULL). */
eg_sp_style eg_class_sentencepiece(const char *class_name);
/* Whether vocab.txt of this class (NULL: none is named) is BERT's, and with the tokens of RobertaProcessing. */
bool eg_class_is_bert(const char *class_name, bool *out_doubled);
eg_bytes_style eg_class_bytes(const char *class_name);
/* The class of a model type of config.json ("some-model": SomeModelTokenizer), "Fast" not at its end; NULL: unknown. */
const char *eg_class_of_model_type(const char *model_type);
bool eg_class_is_known(const char *class_name);
bool eg_class_feeds_type_ids(const char *class_name, const char *model);

EG_NODISCARD eg_status eg_post_processor_load(eg_loading *in, const eg_json *spec, eg_error *err);
EG_NODISCARD eg_status eg_template_doubled(eg_loading *in, int32_t cls, int32_t sep, eg_error *err);
EG_NODISCARD eg_status eg_template_none(eg_loading *in, eg_error *err); /* nothing is put in */
/* These around each text; -1: none. */
EG_NODISCARD eg_status eg_template_ends(eg_loading *in, int64_t bos, int64_t eos, eg_error *err);
EG_NODISCARD eg_status eg_template_bert(eg_loading *in, int32_t cls, int32_t sep, eg_error *err);

/* Members of an object with their type checked. A missing or null one leaves *out as it is, unless required. */
EG_NODISCARD eg_status eg_read_bool(eg_loading *in, const eg_json *object, const char *key, bool *out, eg_error *err);
EG_NODISCARD eg_status eg_read_int(eg_loading *in, const eg_json *object, const char *key, int64_t min, int64_t max,
                                   int64_t *out, eg_error *err);
EG_NODISCARD eg_status eg_read_string(eg_loading *in, const eg_json *object, const char *key, const char **out,
                                      size_t *out_length, eg_error *err);
/* The member, which must be there and of this type. */
EG_NODISCARD eg_status eg_read_member(eg_loading *in, const eg_json *object, const char *key, eg_json_type type,
                                      const eg_json **out, eg_error *err);
/* EG_E_INPUT at the value (NULL: the file only). */
EG_NODISCARD eg_status eg_fail_json(eg_loading *in, const eg_json *value, eg_error *err, const char *fmt, ...)
    EG_PRINTF(4, 5);

#endif
