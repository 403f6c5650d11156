/* SPDX-License-Identifier: MIT */
/*
 * library.c - finds libnetvane.so beside the bench: bench/ and lib/ lie side by side in a build.
 */
#include "library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

static void *lib;
static int (*lib_open)(const struct netvane_open_args *, struct netvane **);
static void (*lib_close)(struct netvane *);
static int (*lib_snap_begin)(struct netvane *, struct netvane_snap *);

static _Noreturn void fail(const char *what)
{
    (void)fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

const char *library_open(void)
{
    static char path[4200];
    if (lib)
        return NULL;
    ssize_t n = readlink("/proc/self/exe", path, 4096);
    char *slash = n > 0 ? (path[n] = '\0', strrchr(path, '/')) : NULL;
    if (!slash)
        return "no /proc";
    (void)snprintf(slash, sizeof(path) - (size_t)(slash - path), "/../lib/libnetvane.so.0");
    lib = dlopen(path, RTLD_NOW);
    if (!lib)
        return "libnetvane.so.0 is not beside it";
    library_symbol("netvane_open", &lib_open);
    library_symbol("netvane_close", &lib_close);
    library_symbol("netvane_snap_begin", &lib_snap_begin);
    return NULL;
}

void library_symbol(const char *name, void *ret_function)
{
    void *p = dlsym(lib, name);
    if (!p)
        fail(dlerror());
    memcpy(ret_function, &p, sizeof(p));
}

struct netvane *library_reader(const char *dir)
{
    struct netvane_open_args args = {.size = sizeof(args), .dir = dir, .name = WORLD_NAME};
    struct netvane *nv;
    if (lib_open(&args, &nv))
        fail("cannot open the region");
    return nv;
}

int library_snap_begin(struct netvane *nv, struct netvane_snap *ret_snap)
{
    return lib_snap_begin(nv, ret_snap);
}

void library_close(struct netvane *nv)
{
    lib_close(nv);
}
