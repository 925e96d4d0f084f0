/* SPDX-License-Identifier: Apache-2.0 */
/* The example program, as its reader would run it: the first text is like itself, every text has its line. */
#include "engine_programs.h"

enum { OUTPUT = 4096 };

/* What the program prints, and its exit status. */
static int
run_example(const char *program, const char *model, char *output)
{
    char command[1024];
    snprintf(command, sizeof command, "'%s' '%s' 'the cat sat' 'dog' '' 2>/dev/null", program, model);
    FILE *pipe = popen(command, "r");
    if (!pipe)
        return -1;
    size_t n = fread(output, 1, OUTPUT - 1, pipe);
    output[n] = '\0';
    return pclose(pipe);
}

static bool
is_right(const char *output)
{
    int lines = 0;
    for (const char *at = output; *at; at++)
        lines += *at == '\n';
    return lines == 3 && strncmp(output, "1.0000  the cat sat\n", 20) == 0 && strstr(output, "  dog\n");
}

int
main(int argc, char **argv)
{
    tiny_folder folder;
    char output[OUTPUT];
    if (argc != 2 || !tiny_folder_make(&folder))
        return 1;
    int status = run_example(argv[1], folder.path, output);
    bool right = status == 0 && is_right(output);
    if (!right)
        fprintf(stderr, "status %d, output:\n%s", status, output);
    int missing = run_example(argv[1], "/nonexistent", output);
    if (missing == 0 || output[0])
        fprintf(stderr, "a model that is not there is no error\n");
    tiny_folder_remove(&folder);
    return !(right && missing != 0);
}
