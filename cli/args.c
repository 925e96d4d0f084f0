/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args_table.h"
#include "cli/mem.h"
#include "cli/say.h"

/* Copies of values that were taken apart, in a list that eg_arguments_free() walks. */
typedef struct owned_text {
    struct owned_text *next;
    char text[];
} owned_text;

/* --- values -------------------------------------------------------------------------------------- */

eg_status
eg_read_int(const char *text, const char *what, int64_t min, int64_t max, int64_t *out, eg_error *err)
{
    const char *digits = text + (*text == '-');
    size_t count = strspn(digits, "0123456789");
    if (count == 0 || digits[count] != '\0' || (digits[0] == '0' && count > 1)) {
        eg_fault(err, EG_E_USAGE, "%s: '%.100s' is not an integer", what, text);
        return eg_fault_hint(err, "digits alone, without leading zeros, as in %lld", (long long)(min > 8 ? min : 8));
    }
    bool negative = *text == '-';
    uint64_t value = 0, most = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    bool fits = true;
    for (size_t i = 0; i < count && fits; i++) {
        uint64_t digit = (uint64_t)(digits[i] - '0');
        fits = value <= (most - digit) / 10;
        value = fits ? 10 * value + digit : value;
    }
    int64_t number = negative ? (int64_t)(0 - value) : (int64_t)value;
    if (!fits || number < min || number > max) {
        eg_fault(err, EG_E_USAGE, "%s: %.100s is out of range", what, text);
        return max == INT64_MAX ? eg_fault_hint(err, "at least %lld", (long long)min)
                                : eg_fault_hint(err, "from %lld to %lld", (long long)min, (long long)max);
    }
    *out = number;
    return EG_OK;
}

eg_status
eg_read_ints(const char *text, const char *what, int64_t min, int64_t max, int64_t **out, size_t *out_count,
             eg_error *err)
{
    int64_t *values = NULL;
    size_t count = 0, capacity = 0;
    eg_status status = EG_OK;
    for (const char *at = text; status == EG_OK;) {
        size_t length = strcspn(at, ",");
        char number[128];
        snprintf(number, sizeof number, "%.*s", length < sizeof number ? (int)length : (int)sizeof number - 1, at);
        status = eg_reserve(&values, &capacity, count + 1, sizeof *values, err);
        if (status == EG_OK)
            status = eg_read_int(number, what, min, max, &values[count], err);
        count++;
        if (at[length] == '\0')
            break;
        at += length + 1;
    }
    if (status != EG_OK) {
        free(values);
        return status;
    }
    *out = values;
    *out_count = count;
    return EG_OK;
}

/* A decimal such as 0.5, 3 or 1e-4: digits, perhaps a point and digits, perhaps a power of ten. */
static eg_status
read_number(const char *text, const char *what, double *out, eg_error *err)
{
    size_t whole = strspn(text, "0123456789"), length = whole;
    if (text[length] == '.' && strspn(text + length + 1, "0123456789"))
        length += 1 + strspn(text + length + 1, "0123456789");
    size_t sign = text[length] == 'e' && (text[length + 1] == '-' || text[length + 1] == '+');
    size_t power = text[length] == 'e' ? strspn(text + length + 1 + sign, "0123456789") : 0;
    if (power)
        length += 1 + sign + power;
    double value = strtod(text, NULL);
    if (whole == 0 || text[length] != '\0' || (text[0] == '0' && whole > 1) || !(value > 0.0) || value > 1e6) {
        eg_fault(err, EG_E_USAGE, "%s: '%.100s' is not a number above 0", what, text);
        return eg_fault_hint(err, "a number such as 2 or 0.5");
    }
    *out = value;
    return EG_OK;
}

static bool
is_choice(const char *choices, const char *text)
{
    size_t n = strlen(text);
    for (const char *at = choices; n; at++) {
        size_t length = strcspn(at, "|");
        if (length == n && strncmp(at, text, n) == 0)
            return true;
        at += length;
        if (*at == '\0')
            break;
    }
    return false;
}

static eg_status
read_choice(const char *choices, const char *text, const char *what, eg_error *err)
{
    if (is_choice(choices, text))
        return EG_OK;
    eg_fault(err, EG_E_USAGE, "%s: unknown value '%.100s'", what, text);
    return eg_fault_hint(err, "one of %s", choices);
}

static eg_status
add_string(eg_strings *list, const char *text, eg_error *err)
{
    EG_TRY(eg_reserve(&list->items, &list->capacity, list->count + 1, sizeof *list->items, err));
    list->items[list->count++] = text;
    return EG_OK;
}

/* Adds the parts of a text; `what` is refused if one is empty. */
static eg_status
add_parts(eg_arguments *args, eg_strings *list, const char *text, char separator, const char *what, eg_error *err)
{
    size_t length = strlen(text);
    owned_text *copy = malloc(sizeof *copy + length + 1);
    if (!copy)
        return eg_fault(err, EG_E_NOMEM, "out of memory");
    memcpy(copy->text, text, length + 1);
    copy->next = args->owned;
    args->owned = copy;
    for (char *at = copy->text;;) {
        char *end = strchr(at, separator);
        if (end)
            *end = '\0';
        if (*at == '\0')
            return eg_fault(err, EG_E_USAGE, "%s: an empty name in '%.200s'", what, text);
        EG_TRY(add_string(list, at, err));
        if (!end)
            return EG_OK;
        at = end + 1;
    }
}

static eg_status
read_dump_ir(eg_arguments *args, const char *text, const char *what, eg_error *err)
{
    args->dumps_ir = EG_ON;
    if (!text) {
        args->dump_ir = "";
        return EG_OK;
    }
    if (strncmp(text, "after:", 6) != 0 || text[6] == '\0') {
        eg_fault(err, EG_E_USAGE, "%s: '%.100s' names no pass", what, text);
        return eg_fault_hint(err, "--dump-ir=after:PASS, or --dump-ir alone");
    }
    args->dump_ir = text + 6;
    return EG_OK;
}

/* The library's words, after what they are about. */
static eg_status
read_passes(const char *text, const char *what, eg_error *err)
{
    eg_status status = eg_fuse_check(text, err);
    char message[sizeof err->message];
    if (status == EG_OK)
        return EG_OK;
    snprintf(message, sizeof message, "%s", err->message);
    snprintf(err->message, sizeof err->message, "%s: %.*s", what, (int)(sizeof message - strlen(what) - 3), message);
    return status;
}

/* Stores the value of a row. `what` is the flag or the variable; text is NULL for a switch. */
static eg_status
store(eg_arguments *args, const eg_arg *arg, const char *text, const char *what, bool from_variable, eg_error *err)
{
    void *field = (char *)args + arg->at;
    switch (arg->type) {
    case EG_ARG_SWITCH:
        *(eg_switch *)field = (eg_switch)arg->min;
        return EG_OK;
    case EG_ARG_CHOICE:
        EG_TRY(read_choice(arg->choices, text, what, err));
        *(const char **)field = text;
        return EG_OK;
    case EG_ARG_PASSES:
        EG_TRY(read_passes(text, what, err));
        *(const char **)field = text;
        return EG_OK;
    case EG_ARG_TEXT:
        *(const char **)field = text;
        return EG_OK;
    case EG_ARG_ON_OFF:
        EG_TRY(read_choice("on|off", text, what, err));
        *(eg_switch *)field = text[1] == 'n' ? EG_ON : EG_OFF;
        return EG_OK;
    case EG_ARG_INT:
        return eg_read_int(text, what, arg->min, arg->max, field, err);
    case EG_ARG_NUMBER:
        return read_number(text, what, field, err);
    case EG_ARG_LIST:
        return add_parts(args, field, text, ',', what, err);
    case EG_ARG_FILES:
        return from_variable ? add_parts(args, field, text, ':', what, err) : add_string(field, text, err);
    case EG_ARG_DUMP_IR:
        return read_dump_ir(args, text, what, err);
    }
    return eg_fault(err, EG_E_INTERNAL, "%s has a type that is not known", what);
}

/* --- names --------------------------------------------------------------------------------------- */

static size_t
least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Insertions, deletions and replacements between two short words; words beyond the limit are far from everything. */
static size_t
distance(const char *a, const char *b)
{
    enum { LIMIT = 48 };
    size_t n = strlen(a), m = strlen(b);
    if (n > LIMIT || m > LIMIT)
        return LIMIT;
    size_t row[LIMIT + 1];
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[m];
}

const char *
eg_nearest(const char *word, const char *const *names, size_t count)
{
    const char *best = NULL;
    size_t best_distance = strlen(word) / 3 + 1; /* a third of the letters may be wrong */
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(word, names[i]);
        if (d <= best_distance && !(best && d == best_distance)) {
            best = names[i];
            best_distance = d;
        }
    }
    return best;
}

static const eg_arg *
find(uint32_t uses, const char *name, size_t length)
{
    for (size_t i = 0; i < eg_arg_count; i++) {
        const eg_arg *arg = &eg_arg_table[i];
        if ((arg->on & uses) && strlen(arg->name) == length && strncmp(arg->name, name, length) == 0)
            return arg;
    }
    return NULL;
}

static eg_status
refuse_flag(uint32_t uses, const char *command, const char *name, size_t length, eg_error *err)
{
    char word[64];
    snprintf(word, sizeof word, "%.*s", length < sizeof word ? (int)length : (int)sizeof word - 1, name);
    if (find(EG_ON_EVERY, name, length) || length == 0) {
        eg_fault(err, EG_E_USAGE, "'egbert %s' takes no flag --%s", command, word);
        return eg_fault_hint(err, "see 'egbert help %s'", command);
    }
    const char *names[128];
    size_t count = 0;
    for (size_t i = 0; i < eg_arg_count && count < sizeof names / sizeof *names; i++)
        if (eg_arg_table[i].on & uses)
            names[count++] = eg_arg_table[i].name;
    const char *nearest = eg_nearest(word, names, count);
    eg_fault(err, EG_E_USAGE, "unknown flag --%s", word);
    return nearest ? eg_fault_hint(err, "did you mean --%s?", nearest)
                   : eg_fault_hint(err, "see 'egbert help %s'", command);
}

/* --- the command line and the environment -------------------------------------------------------- */

/* words[*i] is an option; takes the next word too where that is its value. */
static eg_status
read_flag(eg_arguments *args, bool *given, uint32_t uses, const char *command, int count, char *const *words, int *i,
          eg_error *err)
{
    const char *name = words[*i] + 2;
    size_t length = strcspn(name, "=");
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    const eg_arg *arg = find(uses, name, length);
    if (!arg)
        return refuse_flag(uses, command, name, length, err);
    char what[72];
    snprintf(what, sizeof what, "--%s", arg->name);
    given[arg - eg_arg_table] = true;
    bool takes_none = arg->type == EG_ARG_SWITCH;
    if (takes_none && value)
        return eg_fault(err, EG_E_USAGE, "%s takes no value", what);
    if (!takes_none && arg->type != EG_ARG_DUMP_IR && !value) {
        if (*i + 1 >= count) {
            eg_fault(err, EG_E_USAGE, "%s needs a value", what);
            return eg_fault_hint(err, "%s %s", what, arg->value);
        }
        value = words[++*i];
    }
    return store(args, arg, value, what, false, err);
}

static eg_status
read_words(eg_arguments *args, bool *given, uint32_t uses, const char *command, int count, char *const *words,
           eg_error *err)
{
    bool options = true;
    for (int i = 0; i < count; i++) {
        const char *word = words[i];
        if (options && strcmp(word, "--") == 0) {
            options = false;
        } else if (options && strcmp(word, "-h") == 0) {
            args->help = EG_ON;
        } else if (options && word[0] == '-' && word[1] == '-') {
            EG_TRY(read_flag(args, given, uses, command, count, words, &i, err));
        } else if (options && word[0] == '-' && word[1] != '\0') {
            eg_fault(err, EG_E_USAGE, "unknown flag '%.100s'", word);
            return eg_fault_hint(err, "flags begin with --; a text that begins with - goes after --");
        } else {
            EG_TRY(add_string(&args->words, word, err));
        }
    }
    return EG_OK;
}

static eg_status
read_switch_variable(eg_arguments *args, const eg_arg *arg, const char *text, eg_error *err)
{
    if (is_choice("1|true|on|yes", text))
        return store(args, arg, NULL, arg->variable, true, err);
    if (is_choice("0|false|off|no", text))
        return EG_OK;
    eg_fault(err, EG_E_USAGE, "%s: unknown value '%.100s'", arg->variable, text);
    return eg_fault_hint(err, "1 or 0");
}

/* Variables that are set to nothing count as not set. */
static eg_status
read_variables(eg_arguments *args, const bool *given, uint32_t uses, eg_error *err)
{
    for (size_t i = 0; i < eg_arg_count; i++) {
        const eg_arg *arg = &eg_arg_table[i];
        if (!(arg->on & uses) || !arg->variable || given[i])
            continue;
        const char *text = getenv(arg->variable);
        if (!text || *text == '\0')
            continue;
        if (arg->type == EG_ARG_SWITCH)
            EG_TRY(read_switch_variable(args, arg, text, err));
        else
            EG_TRY(store(args, arg, text, arg->variable, true, err));
    }
    return EG_OK;
}

/* A flag that contradicts a variable wins; two flags that contradict each other are an error. */
static eg_status
settle_loudness(eg_arguments *args, const bool *given, eg_error *err)
{
    bool verbose = given[find(EG_ON_EVERY, "verbose", 7) - eg_arg_table];
    bool quiet = given[find(EG_ON_EVERY, "quiet", 5) - eg_arg_table];
    if (verbose && quiet)
        return eg_fault(err, EG_E_USAGE, "--verbose and --quiet contradict each other");
    if (verbose)
        args->quiet = EG_DEFAULT;
    if (quiet)
        args->verbose = EG_DEFAULT;
    return EG_OK;
}

eg_status
eg_arguments_read(eg_arguments *args, uint32_t uses, const char *command, int count, char *const *words, eg_error *err)
{
    bool given[128] = {false};
    if (eg_arg_count > sizeof given / sizeof *given)
        return eg_fault(err, EG_E_INTERNAL, "the argument table has outgrown its reader");
    EG_TRY(read_words(args, given, uses, command, count, words, err));
    if (args->help)
        return EG_OK;
    EG_TRY(read_variables(args, given, uses, err));
    return settle_loudness(args, given, err);
}

void
eg_arguments_free(eg_arguments *args)
{
    for (owned_text *text = args->owned; text;) {
        owned_text *next = text->next;
        free(text);
        text = next;
    }
    free(args->words.items);
    for (size_t i = 0; i < eg_arg_count; i++) {
        const eg_arg *arg = &eg_arg_table[i];
        if (arg->type != EG_ARG_LIST && arg->type != EG_ARG_FILES)
            continue;
        eg_strings *list = (eg_strings *)((char *)args + arg->at);
        free(list->items);
        *list = (eg_strings){0}; /* two rows may fill one list */
    }
    *args = (eg_arguments){0};
}

/* --- help ---------------------------------------------------------------------------------------- */

static void
help_row(eg_out *out, const eg_arg *arg)
{
    char flag[80];
    int length = arg->type == EG_ARG_DUMP_IR ? snprintf(flag, sizeof flag, "--%s[=%s]", arg->name, arg->value)
                 : arg->value                ? snprintf(flag, sizeof flag, "--%s %s", arg->name, arg->value)
                                             : snprintf(flag, sizeof flag, "--%s", arg->name);
    eg_out_format(out, "  %-26s%s%s\n", flag, length >= 26 ? "\n                            " : "", arg->help);
}

void
eg_arguments_help(eg_out *out, uint32_t uses)
{
    bool own = false, shared = false;
    for (size_t i = 0; i < eg_arg_count; i++) {
        const eg_arg *arg = &eg_arg_table[i];
        if (!(arg->on & uses))
            continue;
        if (arg->on != EG_ON_EVERY && !own)
            eg_out_text(out, "\nOptions\n");
        if (arg->on == EG_ON_EVERY && !shared)
            eg_out_text(out, "\nShared options, each also a variable: --batch-tokens is EGBERT_BATCH_TOKENS\n");
        own = own || arg->on != EG_ON_EVERY;
        shared = shared || arg->on == EG_ON_EVERY;
        help_row(out, arg);
    }
}
