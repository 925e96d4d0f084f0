/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a graph in text form from stdin and writes it to stdout, for a test that compares the two. */
#include <stdio.h>

#include "base/error.h"
#include "graph/graph.h"

static bool
read_all(eg_strbuf *out)
{
    char block[4096];
    size_t n;
    while ((n = fread(block, 1, sizeof block, stdin)) > 0)
        eg_strbuf_append(out, block, n);
    return !ferror(stdin) && !out->failed;
}

static eg_status
rewrite(const eg_strbuf *text, eg_strbuf *out, eg_error *err)
{
    eg_graph graph;
    EG_TRY(eg_graph_parse(text->data ? text->data : "", text->length, "stdin", &graph, err));
    eg_status status = eg_graph_write(&graph, out, err);
    eg_graph_finish(&graph);
    return status;
}

int
main(void)
{
    eg_strbuf text = {0}, again = {0};
    eg_error error;
    char line[2048];
    eg_error_init(&error);
    bool fine = read_all(&text);
    if (fine && rewrite(&text, &again, &error) != EG_OK) {
        eg_error_format(&error, line, sizeof line);
        fprintf(stderr, "%s\n", line);
        fine = false;
    }
    if (fine)
        fine = fwrite(again.data, 1, again.length, stdout) == again.length;
    eg_strbuf_finish(&text);
    eg_strbuf_finish(&again);
    return fine ? 0 : 1;
}
