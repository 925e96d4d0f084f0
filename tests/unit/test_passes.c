/* SPDX-License-Identifier: Apache-2.0 */
/* Each pass by what it makes of a small graph, folding by the bytes that the views show, the list of passes. */
#include "base/utf8.h"
#include "graph/pass.h"
#include "tests/unit/random_graph.h"
#include "tests/unit/support.h"

#define X "graph \"g\" sets 1\ninput %x : token f32 [T, 4]\n"

static eg_graph
parse(const char *text)
{
    eg_graph graph;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_graph_parse(text, strlen(text), "t", &graph, &err), EG_OK, "%s", test_error_line(&err));
    return graph;
}

static eg_pass_result
run(eg_graph *graph, const char *fuse)
{
    const eg_pass_options options = {.fuse = fuse, .dump_after = ""};
    eg_pass_result result;
    eg_error err;
    eg_error_init(&err);
    cr_assert_eq(eg_run_passes(graph, &options, &result, &err), EG_OK, "%s", test_error_line(&err));
    return result;
}

static const eg_pass_report *
report_of(const eg_pass_result *result, const char *pass)
{
    for (size_t i = 0; i < result->reports.count; i++) {
        if (strcmp(result->reports.items[i].pass, pass) == 0)
            return &result->reports.items[i];
    }
    cr_assert_fail("no report of %s", pass);
    return NULL;
}

/* The passes of the list turn `before` into `after`. */
static void
assert_becomes(const char *fuse, const char *before, const char *after)
{
    eg_graph graph = parse(before);
    eg_pass_result result = run(&graph, fuse);
    cr_assert_str_eq(result.dump.data, after);
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

/* No pass but this one. */
#define ONLY(pass) "-canonicalise,-precompute,-fold,-cse,-dce," pass

Test(canonicalise, removes_what_does_nothing)
{
    assert_becomes(ONLY("canonicalise"),
                   X "const %w : table f32 [4, 4]\n"
                     "%a = scale(%x) {factor=1.0} : token f32 [T, 4]\n"
                     "%b = concat(%a) : token f32 [T, 4]\n"
                     "%c = slice(%b) {end=4} : token f32 [T, 4]\n"
                     "%d = cast(%c) {to=\"f32\"} : token f32 [T, 4]\n"
                     "%t = transpose(%w) : table f32 [4, 4]\n"
                     "%u = transpose(%t) : table f32 [4, 4]\n"
                     "%y = matmul(%d, %u) : token f32 [T, 4]\n"
                     "%z = scale(%y) {factor=0.5} : token f32 [T, 4]\n"
                     "output %z\n",
                   X "const %w : table f32 [4, 4]\n"
                     "%t = transpose(%w) : table f32 [4, 4] from 5\n"
                     "%y = matmul(%x, %w) : token f32 [T, 4] from 7\n"
                     "%z = scale(%y) {factor=0.5} : token f32 [T, 4] from 8\n"
                     "output %z\n");
}

Test(canonicalise, puts_the_constant_second_where_order_is_free)
{
    assert_becomes(ONLY("canonicalise"),
                   X "const %w : table f32 [4]\n%a = add(%w, %x) : token f32 [T, 4]\n"
                     "%b = sub(%w, %a) : token f32 [T, 4]\noutput %b\n",
                   X "const %w : table f32 [4]\n%a = add(%x, %w) : token f32 [T, 4]\n"
                     "%b = sub(%w, %a) : token f32 [T, 4]\noutput %b\n");
}

Test(canonicalise, keeps_the_names_of_outputs)
{
    eg_graph graph = parse(X "%a = relu(%x) : token f32 [T, 4]\n%b = scale(%a) {factor=1.0} : token f32 [T, 4]\n"
                             "%c = scale(%x) {factor=1.0} : token f32 [T, 4]\noutput %b\noutput %c\n");
    eg_pass_result result = run(&graph, "all");
    cr_assert_str_eq(result.dump.data, X "%b = relu(%x) : token f32 [T, 4]\n"
                                         "%c = scale(%x) {factor=1.0} : token f32 [T, 4] from 3\n"
                                         "output %b\noutput %c\n");
    const eg_pass_report *report = report_of(&result, "canonicalise");
    cr_assert(report->hits == 1 && report->refused.count == 1);
    cr_assert_str_eq(report->refused.items[0].at, "c");
    cr_assert(strstr(report->refused.items[0].why, "is an output"));
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

Test(cse, computes_once_in_either_order)
{
    assert_becomes(ONLY("cse"),
                   X "input %y : token f32 [T, 4]\n"
                     "%a = add(%x, %y) : token f32 [T, 4] in \"one\"\n%b = add(%y, %x) : token f32 [T, 4]\n"
                     "%c = sub(%x, %y) : token f32 [T, 4]\n%d = sub(%y, %x) : token f32 [T, 4]\n"
                     "%e = gelu(%a) : token f32 [T, 4]\n%f = gelu(%b) : token f32 [T, 4]\n"
                     "%g = gelu(%b) {form=\"tanh\"} : token f32 [T, 4]\n"
                     "%out = concat(%c, %d, %e, %f, %g) : token f32 [T, 20]\noutput %out\n",
                   X "input %y : token f32 [T, 4]\n"
                     "%a = add(%x, %y) : token f32 [T, 4] in \"one\"\n"
                     "%c = sub(%x, %y) : token f32 [T, 4] from 3\n%d = sub(%y, %x) : token f32 [T, 4] from 4\n"
                     "%e = gelu(%a) : token f32 [T, 4] from 5\n"
                     "%g = gelu(%a) {form=\"tanh\"} : token f32 [T, 4] from 7\n"
                     "%out = concat(%c, %d, %e, %e, %g) : token f32 [T, 20] from 8\noutput %out\n");
}

Test(cse, two_outputs_stay_two)
{
    eg_graph graph = parse(X "%a = relu(%x) : token f32 [T, 4]\n%b = relu(%x) : token f32 [T, 4]\n"
                             "output %a\noutput %b\n");
    eg_pass_result result = run(&graph, "all");
    const eg_pass_report *report = report_of(&result, "cse");
    cr_assert(report->hits == 0 && report->refused.count == 1 && graph.order.count == 2);
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

Test(dce, keeps_what_outputs_need)
{
    assert_becomes(ONLY("dce"),
                   X "const %unread : table f32 [4]\nconst %w : table f32 [4, 4]\n"
                     "%a = matmul(%x, %w) : token f32 [T, 4]\n%b = relu(%x) : token f32 [T, 4]\n"
                     "%c = add(%a, %b) : token f32 [T, 4]\noutput %b\n",
                   X "%b = relu(%x) : token f32 [T, 4] from 2\noutput %b\n");
}

/* --- folding, by the bytes ----------------------------------------------------------------------- */

static eg_value_id
add_table(eg_graph *graph, const char *name, const float *data, int64_t rows, int64_t width)
{
    eg_value_id id;
    eg_type type = eg_type_table(EG_F32, rows, width);
    eg_host_view view = {sizeof view, EG_F32, data, {rows, width}, {width, 1}, {0}};
    cr_assert_eq(eg_graph_add_const(graph, name, &type, &view, 1, &id, NULL), EG_OK);
    return id;
}

static eg_value_id
add_op(eg_graph *graph, const char *op, const eg_value_id *inputs, uint32_t count, int64_t axis, int64_t begin,
       int64_t end)
{
    eg_value_id id;
    bool slice = strcmp(op, "slice") == 0;
    eg_attr attrs[3] = {{.name = "axis", .type = EG_ATTR_INT, .integer = axis},
                        {.name = "begin", .type = EG_ATTR_INT, .integer = begin},
                        {.name = "end", .type = EG_ATTR_INT, .integer = end}};
    uint32_t attr_count = slice ? 3 : strcmp(op, "concat") == 0 ? 1 : 0;
    cr_assert_eq(eg_graph_add_node(graph, eg_op_find(op), NULL, "", inputs, count, attrs, attr_count, &id, NULL),
                 EG_OK);
    return id;
}

/* The constant as a dense matrix; NAN where no block lies. */
static void
read_constant(const eg_graph *graph, eg_value_id id, float *out)
{
    const eg_value *value = eg_graph_value(graph, id);
    cr_assert(value->flags & EG_VALUE_CONST, "%s is not folded", value->name);
    int64_t width = value->type.rank == 2 ? value->type.dims[1].k : 1;
    for (uint32_t v = 0; v < value->constant->view_count; v++) {
        const eg_host_view *view = &value->constant->views[v];
        for (int64_t r = 0; r < view->dims[0]; r++) {
            for (int64_t c = 0; c < (value->type.rank == 2 ? view->dims[1] : 1); c++)
                out[(view->at[0] + r) * width + view->at[1] + c] =
                    ((const float *)view->data)[r * view->strides[0] + c * view->strides[1]];
        }
    }
}

Test(fold, views_show_the_right_numbers)
{
    float a[6], b[9], got[64];
    eg_graph graph;
    for (int i = 0; i < 9; i++) {
        if (i < 6)
            a[i] = (float)(10 + i);
        b[i] = (float)(20 + i);
    }
    cr_assert_eq(eg_graph_init(&graph, "g", NULL), EG_OK);
    /* [a; b] is [5, 3]; its columns 1 and 2, transposed, are [2, 5]; of those columns 1 to 3. */
    eg_value_id tables[] = {add_table(&graph, "a", a, 2, 3), add_table(&graph, "b", b, 3, 3)};
    eg_value_id joined = add_op(&graph, "concat", tables, 2, 0, 0, 0);
    eg_value_id columns = add_op(&graph, "slice", &joined, 1, 1, 1, 3);
    eg_value_id turned = add_op(&graph, "transpose", &columns, 1, 0, 0, 0);
    eg_value_id part = add_op(&graph, "slice", &turned, 1, 1, 1, 4);
    eg_value_id only_b = add_op(&graph, "slice", &joined, 1, 0, 2, 5);
    eg_value_id column = add_op(&graph, "slice", &only_b, 1, 1, 2, 3);
    eg_value_id vector = add_op(&graph, "squeeze", &column, 1, 0, 0, 0);
    eg_value_id x, y;
    eg_type type = eg_type_token(EG_F32, 0, 3);
    cr_assert_eq(eg_graph_add_input(&graph, "x", &type, &x, NULL), EG_OK);
    eg_value_id product[] = {x, part}, sum[] = {x, vector};
    y = add_op(&graph, "matmul", product, 2, 0, 0, 0);
    eg_value_id z = add_op(&graph, "add", sum, 2, 0, 0, 0);
    cr_assert_eq(eg_graph_add_output(&graph, y, NULL), EG_OK);
    cr_assert_eq(eg_graph_add_output(&graph, z, NULL), EG_OK);

    eg_pass_result result = run(&graph, "all");
    cr_assert_eq(report_of(&result, "fold")->hits, 7);
    cr_assert_eq(graph.order.count, 2);
    const float want_part[] = {14, 21, 24, 15, 22, 25}, want_vector[] = {22, 25, 28};
    read_constant(&graph, part, got);
    cr_assert_arr_eq(got, want_part, sizeof want_part);
    read_constant(&graph, vector, got);
    cr_assert_arr_eq(got, want_vector, sizeof want_vector);
    cr_assert_eq(eg_graph_value(&graph, vector)->constant->view_count, 1, "the block that is cut away is gone");
    for (uint32_t i = 0; i < 2; i++) {
        const eg_host_view *view = &eg_graph_value(&graph, part)->constant->views[i];
        const char *data = view->data;
        bool inside = (data >= (char *)a && data < (char *)(a + 6)) || (data >= (char *)b && data < (char *)(b + 9));
        cr_assert(inside, "the data was moved");
    }
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

Test(fold, computes_nothing)
{
    eg_graph graph = parse(X "const %w : table f32 [4]\n%h = scale(%w) {factor=0.5} : table f32 [4]\n"
                             "%y = mul(%x, %h) : token f32 [T, 4]\noutput %y\n");
    eg_pass_result result = run(&graph, NULL);
    const eg_pass_report *report = report_of(&result, "fold");
    cr_assert(report->hits == 0 && report->refused.count == 1);
    cr_assert_str_eq(report->refused.items[0].at, "h");
    cr_assert(strstr(report->refused.items[0].why, "computes"));
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

Test(cse, one_constant_for_the_same_bytes)
{
    float data[6] = {0};
    eg_graph graph;
    eg_value_id x;
    eg_type type = eg_type_token(EG_F32, 0, 3);
    cr_assert_eq(eg_graph_init(&graph, "g", NULL), EG_OK);
    cr_assert_eq(eg_graph_add_input(&graph, "x", &type, &x, NULL), EG_OK);
    eg_value_id one[] = {x, add_table(&graph, "one", data, 2, 3)}, two[] = {x, add_table(&graph, "two", data, 2, 3)};
    eg_value_id products[] = {add_op(&graph, "matmul", one, 2, 0, 0, 0), add_op(&graph, "matmul", two, 2, 0, 0, 0)};
    eg_value_id sum = add_op(&graph, "add", products, 2, 0, 0, 0);
    cr_assert_eq(eg_graph_add_output(&graph, sum, NULL), EG_OK);
    eg_pass_result result = run(&graph, "all");
    cr_assert(graph.order.count == 2 && eg_graph_find(&graph, "two") == 0 && eg_graph_find(&graph, "one") != 0);
    cr_assert_eq(report_of(&result, "cse")->after.weight_bytes, sizeof data);
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

/* --- what is computed elsewhere ------------------------------------------------------------------ */

/* Says what it was asked for, and gives numbers of its own. */
typedef struct asked {
    eg_strbuf text;
    uint32_t times;
    eg_status answer;
} asked;

static const float numbers[] = {1, 2, 3, 4, 5, 6, 7, 8};

static eg_status
note_work(void *user, eg_graph *work, const void **data, eg_error *err)
{
    asked *a = user;
    a->times++;
    cr_assert_eq(eg_graph_verify(work, err), EG_OK, "%s", test_error_line(err));
    cr_assert_eq(eg_graph_write(work, &a->text, err), EG_OK);
    for (size_t i = 0; i < work->outputs.count; i++)
        data[i] = numbers;
    return a->answer == EG_OK ? EG_OK : eg_fail(err, a->answer, "it cannot be computed");
}

static void
give_data(eg_graph *graph)
{
    for (eg_value_id id = 1; id < graph->values.count; id++) {
        const eg_const *constant = eg_graph_value(graph, id)->constant;
        for (uint32_t i = 0; constant && i < constant->view_count; i++)
            constant->views[i].data = numbers;
    }
}

static eg_status
run_computing(eg_graph *graph, const char *fuse, asked *a, eg_pass_result *out, eg_error *err)
{
    const eg_computer computer = {note_work, a};
    const eg_pass_options options = {.fuse = fuse, .dump_after = "precompute", .computer = &computer};
    eg_error_init(err);
    return eg_run_passes(graph, &options, out, err);
}

/* %keys and %sum are computed, %turned is moved before and %values after that; %unread is for nobody. */
#define TABLES                                                                                                         \
    X "const %w : table f32 [2, 4]\n"                                                                                  \
      "const %v : table f32 [4, 2]\n"                                                                                  \
      "%turned = transpose(%v) : table f32 [2, 4]\n"                                                                   \
      "%keys = add(%w, %turned) : table f32 [2, 4]\n"                                                                  \
      "%sum = add(%keys, %turned) : table f32 [2, 4]\n"                                                                \
      "%unread = relu(%keys) : table f32 [2, 4]\n"                                                                     \
      "%values = transpose(%sum) : table f32 [4, 2]\n"                                                                 \
      "%a = matmul(%x, %sum) : token f32 [T, 2]\n"                                                                     \
      "%b = matmul(%a, %values) : token f32 [T, 4]\n"                                                                  \
      "%y = matmul(%b, %turned) : token f32 [T, 2]\n"                                                                  \
      "output %y\n"
#define NO_CLEANUP "-canonicalise,-fold,-cse,-dce,-tidy,-order"

Test(precompute, what_depends_on_constants_alone)
{
    eg_graph graph = parse(TABLES);
    eg_pass_result result;
    eg_error err;
    asked a = {.answer = EG_OK};
    give_data(&graph);
    cr_assert_eq(run_computing(&graph, NO_CLEANUP, &a, &result, &err), EG_OK, "%s", test_error_line(&err));
    cr_assert_str_eq(a.text.data, "graph \"g\" sets 1\n"
                                  "const %v : table f32 [4, 2]\n"
                                  "const %w : table f32 [2, 4]\n"
                                  "%turned = transpose(%v) : table f32 [2, 4]\n"
                                  "%keys = add(%w, %turned) : table f32 [2, 4]\n"
                                  "%sum = add(%keys, %turned) : table f32 [2, 4]\n"
                                  "output %sum\n");
    cr_assert_str_eq(result.dump.data, X "const %w : table f32 [2, 4]\n"
                                         "const %v : table f32 [4, 2]\n"
                                         "const %sum : table f32 [2, 4]\n"
                                         "%turned = transpose(%v) : table f32 [2, 4]\n"
                                         "%values = transpose(%sum) : table f32 [4, 2] from 5\n"
                                         "%a = matmul(%x, %sum) : token f32 [T, 2] from 6\n"
                                         "%b = matmul(%a, %values) : token f32 [T, 4] from 7\n"
                                         "%y = matmul(%b, %turned) : token f32 [T, 2] from 8\n"
                                         "output %y\n");
    cr_assert(a.times == 1 && report_of(&result, "precompute")->hits == 2);
    const eg_host_view *view = &eg_graph_value(&graph, eg_graph_find(&graph, "sum"))->constant->views[0];
    cr_assert(view->data == numbers && view->strides[0] == 4 && view->strides[1] == 1);
    eg_strbuf_finish(&a.text);
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

Test(precompute, moves_after_it_are_folded)
{
    eg_graph graph = parse(TABLES);
    eg_pass_result result;
    eg_error err;
    asked a = {.answer = EG_OK};
    give_data(&graph);
    cr_assert_eq(run_computing(&graph, "none", &a, &result, &err), EG_OK, "%s", test_error_line(&err));
    cr_assert_eq(graph.order.count, 3);
    const eg_host_view *turned = &eg_graph_value(&graph, eg_graph_find(&graph, "values"))->constant->views[0];
    cr_assert(turned->data == numbers && turned->strides[0] == 1 && turned->strides[1] == 4);
    eg_strbuf_finish(&a.text);
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

Test(precompute, without_a_checkpoint_there_are_sizes)
{
    eg_graph graph = parse(TABLES);
    eg_pass_result result;
    eg_error err;
    asked a = {.answer = EG_E_FAILED};
    cr_assert_eq(run_computing(&graph, "none", &a, &result, &err), EG_OK, "%s", test_error_line(&err));
    cr_assert(a.times == 0 && graph.order.count == 3 && report_of(&result, "precompute")->hits == 2);
    cr_assert_null(eg_graph_value(&graph, eg_graph_find(&graph, "sum"))->constant->views[0].data);
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

Test(precompute, an_output_stays)
{
    eg_graph graph = parse("graph \"g\" sets 1\nconst %w : table f32 [2, 4]\n"
                           "%a = relu(%w) : table f32 [2, 4]\n%b = tanh(%a) : table f32 [2, 4]\noutput %b\n");
    eg_pass_result result;
    eg_error err;
    asked a = {.answer = EG_OK};
    give_data(&graph);
    cr_assert_eq(run_computing(&graph, "none", &a, &result, &err), EG_OK, "%s", test_error_line(&err));
    cr_assert_eq(graph.order.count, 1);
    cr_assert_neq(strstr(a.text.data, "output %a\n"), NULL);
    eg_strbuf_finish(&a.text);
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

Test(precompute, needs_somebody_who_computes)
{
    eg_graph graph = parse(TABLES);
    give_data(&graph);
    eg_pass_result result = run(&graph, "none");
    const eg_pass_report *report = report_of(&result, "precompute");
    cr_assert(report->hits == 0 && report->refused.count == 2);
    cr_assert_str_eq(report->refused.items[1].at, "sum");
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

Test(precompute, a_failure_is_the_passes)
{
    eg_graph graph = parse(TABLES);
    eg_pass_result result;
    eg_error err;
    asked a = {.answer = EG_E_NONFINITE};
    give_data(&graph);
    cr_assert_eq(run_computing(&graph, "none", &a, &result, &err), EG_E_NONFINITE);
    eg_strbuf_finish(&a.text);
    eg_graph_finish(&graph);
}

/* --- the list, the reports ----------------------------------------------------------------------- */

Test(list, is_checked)
{
    static const char *const good[] = {NULL, "all", "none", "all,-cse", "none,fold", "-dce", "cse,dce"};
    static const char *const bad[][2] = {
        {"al", "did you mean 'all'?"}, {"all,-cze", "did you mean 'cse'?"},
        {"all,", "empty entry"},       {"all,,-cse", "empty entry"},
        {"-", "empty entry"},          {"canonicalize", "'canonicalise'"},
        {"-all", "mean 'none'?"},      {"all,-none", "mean 'all'?"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cr_expect_eq(eg_pass_check_list(good[i], NULL), EG_OK, "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        eg_error err;
        eg_error_init(&err);
        cr_expect_eq(eg_pass_check_list(bad[i][0], &err), EG_E_USAGE, "%s", bad[i][0]);
        cr_expect(strstr(test_error_line(&err), bad[i][1]), "%s: %s", bad[i][0], test_error_line(&err));
    }
}

Test(list, wrong_name_is_cut_between_characters)
{
    char list[2 + 2 * 40 + 1] = "a";
    eg_error err;
    for (int i = 0; i < 40; i++)
        strcat(list, "\u00e9");
    eg_error_init(&err);
    cr_assert_eq(eg_pass_check_list(list, &err), EG_E_USAGE);
    cr_assert(eg_utf8_valid(err.message, strlen(err.message), NULL), "%s", err.message);
}

#define TWICE                                                                                                          \
    X "%a = relu(%x) : token f32 [T, 4]\n%b = relu(%x) : token f32 [T, 4]\n%c = add(%a, %b) : token f32 [T, 4]\n"      \
      "output %c\n"

Test(list, switches_passes)
{
    static const struct {
        const char *list;
        bool cse;
    } cases[] = {{NULL, true},        {"all", true},        {"none", true},
                 {"all,-cse", false}, {"none,-cse", false}, {"-cse,cse", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        eg_graph graph = parse(TWICE);
        eg_pass_result result = run(&graph, cases[i].list);
        cr_assert_eq(report_of(&result, "cse")->enabled, cases[i].cse);
        cr_assert_eq(graph.order.count, cases[i].cse ? 2 : 3, "%s", cases[i].list);
        eg_pass_result_finish(&result);
        eg_graph_finish(&graph);
    }
}

Test(reports, tell_before_and_after)
{
    const eg_row_set set = {.T = 10, .P = 100, .max_n = 10};
    const eg_dims sizes = {.size = sizeof sizes, .B = 1, .set_count = 1, .sets = &set};
    const eg_pass_options options = {.sizes = &sizes, .dump_after = "canonicalise"};
    eg_graph graph = parse(TWICE);
    eg_pass_result result;
    cr_assert_eq(eg_run_passes(&graph, &options, &result, NULL), EG_OK);
    const eg_pass_report *report = report_of(&result, "cse");
    cr_assert(report->hits == 1 && report->before.nodes == 3 && report->after.nodes == 2);
    cr_assert(report->before.flops == 120 && report->after.flops == 80 && report->ns > 0);
    cr_assert(report->before.bytes == 7 * 160 && report->after.bytes == 5 * 160);
    cr_assert(report->before.peak == 4 * 160 && report->after.peak == 3 * 160);
    size_t count;
    cr_assert(eg_pass_all(&count)[0]->flags & EG_PASS_ALWAYS);
    cr_assert_eq(result.reports.count, count);
    eg_pass_result_finish(&result);
    eg_graph_finish(&graph);
}

Test(reports, a_dump_after_an_unknown_pass_is_refused)
{
    eg_error err;
    eg_error_init(&err);
    eg_graph graph = parse(TWICE);
    const eg_pass_options options = {.dump_after = "csee"};
    eg_pass_result result;
    cr_assert_eq(eg_run_passes(&graph, &options, &result, &err), EG_E_USAGE);
    eg_graph_finish(&graph);
}

/* Running once more finds nothing: a fixed point was reached. Outputs keep their names and types. */
Test(passes, reach_a_fixed_point_on_random_graphs)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        eg_graph graph, before;
        eg_error err;
        eg_error_init(&err);
        cr_assert_eq(random_graph(seed, 60, &graph, &err), EG_OK, "%s", test_error_line(&err));
        cr_assert_eq(eg_graph_clone(&graph, &before, &err), EG_OK);
        eg_pass_result result = run(&graph, "all");
        eg_pass_result_finish(&result);
        cr_assert_eq(graph.outputs.count, before.outputs.count);
        for (size_t i = 0; i < graph.outputs.count; i++) {
            const eg_value *was = eg_graph_value(&before, before.outputs.items[i]);
            const eg_value *is = eg_graph_value(&graph, graph.outputs.items[i]);
            cr_assert_str_eq(is->name, was->name);
            cr_assert(eg_type_equal(&is->type, &was->type));
        }
        result = run(&graph, "all");
        for (size_t i = 0; i < result.reports.count; i++)
            cr_assert_eq(result.reports.items[i].hits, 0, "%s still hits", result.reports.items[i].pass);
        eg_pass_result_finish(&result);
        eg_graph_finish(&graph);
        eg_graph_finish(&before);
    }
}
