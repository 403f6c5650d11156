/* SPDX-License-Identifier: MIT */
/* The smallest program that uses the installed package: it opens a region that nobody publishes. */
#include <stddef.h>
#include <stdio.h>

#include <netvane/netvane.h>

int main(void)
{
    struct netvane_open_args args = {0};
    struct netvane *nv = NULL;
    int err;

    args.size = sizeof(args);
    args.dir = "/nonexistent";
    args.name = "nobody-publishes-this";
    err = netvane_open(&args, &nv);
    printf("%d: %s\n", err, netvane_strerror(err));
    return err < 0 && nv == NULL ? 0 : 1;
}
