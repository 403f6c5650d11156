/* SPDX-License-Identifier: MIT */
/*
 * main.c - netvaned: options, a writer, an exit status.
 */
#include <errno.h>
#include <stdlib.h>

#include "options.h"

enum { EXIT_USAGE = 2, EXIT_RUNNING = 3 };

int main(int argc, char **argv)
{
    static struct nv_writer w;
    struct nv_writer_options o;
    int r = nv_options_parse(argc, argv, &o);
    if (r)
        return r == NV_OPTIONS_ANSWERED ? EXIT_SUCCESS : EXIT_USAGE;
    r = nv_writer_open(&w, &o);
    if (!r)
        r = nv_writer_run(&w);
    nv_writer_close(&w);
    return r == -EEXIST ? EXIT_RUNNING : r ? EXIT_FAILURE : EXIT_SUCCESS;
}
