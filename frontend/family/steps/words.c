/* SPDX-License-Identifier: Apache-2.0 */
/* The table of words, and what is reserved for words to come. */
#include <string.h>

#include "frontend/family/steps/steps.h"

#define LINEAR_ARGS                                                                                                    \
    {"name", EG_ARG_WEIGHT}, {"weight", EG_ARG_WEIGHT}, {"bias", EG_ARG_OWN},                                          \
    {                                                                                                                  \
        "layout", EG_ARG_TEXT                                                                                          \
    }

static const eg_arg_spec linear_args[] = {LINEAR_ARGS, {"out", EG_ARG_NUMBER}, {"groups", EG_ARG_NUMBER}, {NULL, 0}};
static const eg_arg_spec conv1d_args[] = {{"name", EG_ARG_WEIGHT},
                                          {"weight", EG_ARG_WEIGHT},
                                          {"bias", EG_ARG_OWN},
                                          {"out", EG_ARG_NUMBER},
                                          {"kernel", EG_ARG_NUMBER},
                                          {"groups", EG_ARG_NUMBER},
                                          {NULL, 0}};
static const eg_arg_spec glu_args[] = {
    LINEAR_ARGS, {"out", EG_ARG_NUMBER}, {"gate", EG_ARG_TEXT}, {"activation", EG_ARG_TEXT}, {NULL, 0}};
static const eg_arg_spec norm_args[] = {
    {"name", EG_ARG_WEIGHT}, {"kind", EG_ARG_TEXT}, {"eps", EG_ARG_NUMBER}, {"bias", EG_ARG_NUMBER}, {NULL, 0}};
static const eg_arg_spec gather_args[] = {{"name", EG_ARG_WEIGHT}, {"weight", EG_ARG_WEIGHT}, {"index", EG_ARG_VALUES},
                                          {"rows", EG_ARG_NUMBER}, {"out", EG_ARG_NUMBER},    {NULL, 0}};
static const eg_arg_spec weight_args[] = {
    {"name", EG_ARG_WEIGHT}, {"weight", EG_ARG_WEIGHT}, {"rows", EG_ARG_NUMBER}, {"out", EG_ARG_NUMBER}, {NULL, 0}};
static const eg_arg_spec vector_args[] = {{"weight", EG_ARG_WEIGHT}, {NULL, 0}};
static const eg_arg_spec affine_args[] = {{"name", EG_ARG_WEIGHT}, {NULL, 0}};
static const eg_arg_spec positions_args[] = {{"skip", EG_ARG_NUMBER}, {NULL, 0}};
static const eg_arg_spec activation_args[] = {{"name", EG_ARG_TEXT}, {NULL, 0}};
static const eg_arg_spec split_args[] = {{"parts", EG_ARG_NUMBER}, {"squeeze", EG_ARG_NUMBER}, {"axis", EG_ARG_NUMBER},
                                         {"order", EG_ARG_TEXT},   {"heads", EG_ARG_NUMBER},   {NULL, 0}};
static const eg_arg_spec attention_args[] = {
    {"heads", EG_ARG_NUMBER},  {"key_heads", EG_ARG_NUMBER}, {"head_size", EG_ARG_NUMBER}, {"query", EG_ARG_OWN},
    {"key", EG_ARG_OWN},       {"value", EG_ARG_OWN},        {"qkv", EG_ARG_OWN},          {"output", EG_ARG_OWN},
    {"out", EG_ARG_NUMBER},    {"bias", EG_ARG_VALUES},      {"scale", EG_ARG_NUMBER},     {"window", EG_ARG_NUMBER},
    {"causal", EG_ARG_NUMBER}, {"rotary", EG_ARG_OWN},       {"alibi", EG_ARG_NUMBER},     {NULL, 0}};
static const eg_arg_spec rotary_args[] = {{"heads", EG_ARG_NUMBER},
                                          {"theta", EG_ARG_NUMBER},
                                          {"frequencies", EG_ARG_WEIGHT},
                                          {"style", EG_ARG_TEXT},
                                          {"divide", EG_ARG_NUMBER},
                                          {"fraction", EG_ARG_NUMBER},
                                          {NULL, 0}};
static const eg_arg_spec relative_bias_args[] = {{"name", EG_ARG_WEIGHT},         {"weight", EG_ARG_WEIGHT},
                                                 {"buckets", EG_ARG_NUMBER},      {"heads", EG_ARG_NUMBER},
                                                 {"max_distance", EG_ARG_NUMBER}, {NULL, 0}};
static const eg_arg_spec relative_scores_args[] = {
    {"rows", EG_ARG_TEXT},      {"table", EG_ARG_VALUES},        {"heads", EG_ARG_NUMBER}, {"offset", EG_ARG_NUMBER},
    {"buckets", EG_ARG_NUMBER}, {"max_distance", EG_ARG_NUMBER}, {"scale", EG_ARG_NUMBER}, {NULL, 0}};
static const eg_arg_spec residual_args[] = {{"body", EG_ARG_STEPS},         {"of", EG_ARG_VALUES},
                                            {"norm_before", EG_ARG_WEIGHT}, {"norm_after", EG_ARG_WEIGHT},
                                            {"scale", EG_ARG_NUMBER},       {NULL, 0}};
static const eg_arg_spec repeat_args[] = {
    {"counter", EG_ARG_OWN}, {"block", EG_ARG_STEPS}, {"hidden_states", EG_ARG_NUMBER}, {NULL, 0}};
static const eg_arg_spec switch_args[] = {{"on", EG_ARG_NUMBER}, {"cases", EG_ARG_OWN}, {NULL, 0}};
static const eg_arg_spec steps_args[] = {{"steps", EG_ARG_STEPS}, {NULL, 0}};
static const eg_arg_spec use_args[] = {{"name", EG_ARG_TEXT}, {NULL, 0}};
static const eg_arg_spec primitive_args[] = {{"of", EG_ARG_VALUES}, {NULL, 0}};

static const eg_word words[] = {
    {"repeat", "counter", repeat_args, false, eg_run_repeat, eg_check_repeat},
    {"switch", NULL, switch_args, false, eg_run_switch, eg_check_switch},
    {"block", "steps", steps_args, false, eg_run_block, NULL},
    {"aside", "steps", steps_args, false, eg_run_aside, NULL},
    {"use", "name", use_args, true, eg_run_use, NULL},
    {"linear", "name", linear_args, false, eg_run_linear, NULL},
    {"conv1d", "name", conv1d_args, false, eg_run_conv1d, NULL},
    {"norm", "name", norm_args, false, eg_run_norm, NULL},
    {"gather", "name", gather_args, false, eg_run_gather, NULL},
    {"weight", "name", weight_args, false, eg_run_weight, NULL},
    {"vector", "weight", vector_args, false, eg_run_vector, NULL},
    {"affine", "name", affine_args, false, eg_run_affine, NULL},
    {"positions", NULL, positions_args, false, eg_run_positions, NULL},
    {"activation", "name", activation_args, false, eg_run_activation, NULL},
    {"split", "parts", split_args, false, eg_run_split, NULL},
    {"attention", NULL, attention_args, false, eg_run_attention, eg_check_attention},
    {"residual", NULL, residual_args, false, eg_run_residual, NULL},
    {"glu", "name", glu_args, false, eg_run_glu, NULL},
    {"rotary", NULL, rotary_args, false, eg_run_rotary, NULL},
    {"relative_bias", "name", relative_bias_args, false, eg_run_relative_bias, NULL},
    {"relative_scores", NULL, relative_scores_args, false, eg_run_relative_scores, NULL},
    {"", "of", primitive_args, false, eg_run_primitive, NULL}, /* the ops of the graph */
};
enum { WORD_COUNT = sizeof words / sizeof *words };

const eg_word *
eg_word_find(const char *name)
{
    for (size_t i = 0; i < WORD_COUNT; i++) {
        if (strcmp(words[i].name, name) == 0)
            return &words[i];
    }
    return NULL;
}

const char *const *
eg_word_names(size_t *out_count)
{
    static const char *const names[] = {"repeat",     "switch",        "block",
                                        "aside",      "use",           "linear",
                                        "norm",       "gather",        "weight",
                                        "vector",     "affine",        "positions",
                                        "activation", "split",         "attention",
                                        "residual",   "glu",           "rotary",
                                        "alibi",      "relative_bias", "relative_scores",
                                        "add",        "sub",           "mul",
                                        "div",        "gelu",          "relu",
                                        "silu",       "tanh",          "sigmoid",
                                        "log1p",      "scores",        "softmax",
                                        "apply",      "first_token",   "last_token",
                                        "token",      "mean",          "max",
                                        "sum",        "mean_sqrt_len", "weighted_mean",
                                        "normalize",  "equal",         "where",
                                        "shift",      "unfold",        "conv1d",
                                        "scale",      "concat",        "slice",
                                        "transpose",  "squeeze",       "cast",
                                        "as",         "from",          "when",
                                        "let",        "scope"};
    *out_count = sizeof names / sizeof *names;
    return names;
}

const char *
eg_word_later(const char *name)
{
    static const char *const reserved[][2] = {
        {"prepend", "comes with the families that change the rows"},
        {"keep_rows", "comes with the families that change the rows"},
        {"pool_rows", "comes with the families that change the rows"},
    };
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (strcmp(reserved[i][0], name) == 0)
            return reserved[i][1];
    }
    return NULL;
}
