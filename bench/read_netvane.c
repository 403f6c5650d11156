/* SPDX-License-Identifier: MIT */
/*
 * read_netvane.c - our reads, through the shared library, as any program gets it.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netvane/netvane.h"
#include "read_peers.h"
#include "world.h"

static int (*lib_open)(const struct netvane_open_args *, struct netvane **);
static int (*lib_default_get)(struct netvane *, uint8_t, struct netvane_default *);
static int (*lib_snap_begin)(struct netvane *, struct netvane_snap *);
static int (*lib_link_get)(const struct netvane_snap *, uint32_t, struct netvane_link *);
static struct netvane *nv;

static _Noreturn void fail(const char *what)
{
    (void)fprintf(stderr, "bench_read: %s\n", what);
    exit(1);
}

static void symbol(void *lib, const char *name, void *ret_function)
{
    void *p = dlsym(lib, name);
    if (!p)
        fail(dlerror());
    memcpy(ret_function, &p, sizeof(p));
}

/* libnetvane.so of this build: bench/ and lib/ lie side by side. */
static const char *open_library(const char *dir)
{
    static char path[4200];
    struct netvane_open_args args = {.size = sizeof(args), .dir = dir, .name = WORLD_NAME};
    ssize_t n = readlink("/proc/self/exe", path, 4096);
    char *slash = n > 0 ? (path[n] = '\0', strrchr(path, '/')) : NULL;
    if (nv)
        return NULL;
    if (!slash)
        return "no /proc";
    (void)snprintf(slash, sizeof(path) - (size_t)(slash - path), "/../lib/libnetvane.so.0");
    void *lib = dlopen(path, RTLD_NOW);
    if (!lib)
        return "libnetvane.so.0 is not beside it";
    symbol(lib, "netvane_open", &lib_open);
    symbol(lib, "netvane_default_get", &lib_default_get);
    symbol(lib, "netvane_snap_begin", &lib_snap_begin);
    symbol(lib, "netvane_link_get", &lib_link_get);
    if (lib_open(&args, &nv))
        fail("cannot open the region");
    return NULL;
}

/* As a program does it: where there is a new version, begin a snapshot of it. */
static void poll_batch(void)
{
    static uint64_t known;
    const struct netvane *const handle = nv;
    uint64_t version = known;
    for (unsigned i = 0; i < READ_BATCH; i++) {
        if (__builtin_expect(netvane_changed(handle, version), 0)) {
            struct netvane_snap snap;
            if (lib_snap_begin(nv, &snap))
                fail("no snapshot");
            version = snap.version;
        }
        bench_keep(version);
    }
    known = version;
}

static void default_batch(void)
{
    int (*const get)(struct netvane *, uint8_t, struct netvane_default *) = lib_default_get;
    struct netvane *const handle = nv;
    struct netvane_default d;
    NETVANE_INIT(&d);
    for (unsigned i = 0; i < READ_BATCH; i++) {
        if (get(handle, 4, &d))
            fail("no default route");
        bench_keep((uint64_t)(uintptr_t)&d);
    }
    if (d.ifindex != 2)
        fail("another default route");
}

static void link_batch(void)
{
    struct netvane_snap snap;
    struct netvane_link l;
    NETVANE_INIT(&l);
    for (unsigned i = 0; i < READ_BATCH / 16; i++) {
        int r;
        do
            r = lib_snap_begin(nv, &snap);
        while (r || (r = lib_link_get(&snap, 2, &l)) == NETVANE_EXPIRED);
        if (r)
            fail("no link");
        bench_keep((uint64_t)(uintptr_t)&l);
    }
}

const struct read_way read_netvane[] = {
    {.name = "poll", .open = open_library, .batch = poll_batch, .reads = READ_BATCH},
    {.name = "default_get", .open = open_library, .batch = default_batch, .reads = READ_BATCH},
    {.name = "begin_and_link_get",
     .open = open_library,
     .batch = link_batch,
     .reads = READ_BATCH / 16},
    {.name = NULL},
};
