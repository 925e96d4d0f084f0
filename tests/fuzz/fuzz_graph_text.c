/* SPDX-License-Identifier: Apache-2.0 */
/* What is accepted verifies, survives the passes, and is written and read to the same bytes. */
#include "graph/pass.h"
#include "tests/fuzz/fuzz.h"

static char *
write_text(const eg_graph *graph)
{
    eg_strbuf text = {0};
    FUZZ_CHECK(eg_graph_write(graph, &text, NULL) == EG_OK);
    return text.data;
}

static void
check_round_trip(const eg_graph *graph)
{
    eg_graph again;
    char *text = write_text(graph);
    FUZZ_CHECK(eg_graph_parse(text, strlen(text), "f", &again, NULL) == EG_OK);
    char *same = write_text(&again);
    FUZZ_CHECK(strcmp(text, same) == 0);
    eg_free(same);
    eg_free(text);
    eg_graph_finish(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const eg_row_set sets[2] = {{.T = 40, .P = 600, .max_n = 20}, {.T = 4, .P = 8, .max_n = 2}};
    const eg_dims sizes = {.size = sizeof sizes, .B = 3, .set_count = 2, .sets = sets};
    const eg_pass_options options = {.sizes = &sizes};
    eg_pass_result result;
    eg_graph graph;
    eg_error err;
    eg_error_init(&err);
    if (eg_graph_parse((const char *)data, size, "f", &graph, &err) != EG_OK) {
        FUZZ_CHECK(err.code == EG_E_INPUT && err.line > 0 && err.message[0]);
        return 0;
    }
    check_round_trip(&graph);
    FUZZ_CHECK(eg_run_passes(&graph, &options, &result, &err) == EG_OK);
    eg_pass_result_finish(&result);
    check_round_trip(&graph);
    eg_graph_finish(&graph);
    return 0;
}
