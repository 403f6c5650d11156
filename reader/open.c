/* SPDX-License-Identifier: MIT */
/*
 * open.c - makes and ends a handle.
 *
 * Owns:      where a region is looked for, and what a name may be.
 * Assumes:   netvane_close is the last call on a handle.
 * Promises:  the first directory that has the name decides: an unusable region there is an error and not a
 *            reason to take another one silently.
 * Leaves:    mapping and takeover to map.c.
 */
#include "reader.h"

#include <stdlib.h>

#define NV_PATH_MAX 4096
#define NV_NAME_MAX 200

/* A name is one component of a path. A leading dot is the writer's own, for names that are not shown yet. */
static bool name_is_valid(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= NV_NAME_MAX && name[0] != '.' && !strchr(name, '/');
}

static char *copy_text(const char *text)
{
    size_t len = strlen(text) + 1;
    char *copy = malloc(len);
    if (copy)
        memcpy(copy, text, len);
    return copy;
}

static int open_somewhere(const char *dir, const char *name, uint32_t trusted_uid, char *found,
                          size_t size, struct nv_mapping **ret_mapping)
{
    if (dir) {
        size_t len = strlen(dir);
        if (len == 0 || len >= size)
            return NETVANE_INVALID;
        memcpy(found, dir, len + 1);
        return nv_mapping_open(found, name, trusted_uid, ret_mapping);
    }
    for (unsigned n = 0; n < 16; n++) {
        if (nv_proc_region_dir(n, false, found, size))
            break;
        int r = nv_mapping_open(found, name, trusted_uid, ret_mapping);
        if (r != NETVANE_NO_WRITER)
            return r;
    }
    return NETVANE_NO_WRITER;
}

int netvane_open(const struct netvane_open_args *args, struct netvane **ret_nv)
{
    struct netvane_open_args a;
    char found[NV_PATH_MAX];
    memset(&a, 0, sizeof(a));
    if (!ret_nv || (args && args->size < sizeof(uint32_t)))
        return NETVANE_INVALID;
    if (args)
        memcpy(&a, args, args->size < sizeof(a) ? args->size : sizeof(a));
    const char *name = a.name ? a.name : "default";
    if (!name_is_valid(name) || (a.trust_flags & ~NETVANE_TRUST_UID))
        return NETVANE_INVALID;

    struct netvane *nv = calloc(1, sizeof(*nv));
    struct nv_mapping *m = NULL;
    if (!nv)
        return NETVANE_NO_MEMORY;
    nv->pid = nv_proc_pid();
    nv->trusted_uid = a.trust_flags & NETVANE_TRUST_UID ? a.trust_uid : UINT32_MAX;
    int r = nv_mutex_new(&nv->mutex) ? NETVANE_NO_MEMORY : NETVANE_OK;
    if (r)
        goto fail;
    r = open_somewhere(a.dir, name, nv->trusted_uid, found, sizeof(found), &m);
    if (r)
        goto fail_mutex;
    nv->dir = copy_text(found);
    nv->name = copy_text(name);
    if (!nv->dir || !nv->name) {
        r = NETVANE_NO_MEMORY;
        goto fail_mapping;
    }
    atomic_init(&nv->current, m);
    nv->words.head = (const uint64_t *)(const void *)nv_at(m->header, NV_HOT(head));
    *ret_nv = nv;
    return NETVANE_OK;

fail_mapping:
    free(nv->name);
    free(nv->dir);
    nv_mapping_close(m);
fail_mutex:
    nv_mutex_free(nv->mutex);
fail:
    free(nv);
    return r;
}

void netvane_close(struct netvane *nv)
{
    if (!nv)
        return;
    nv_watch_shutdown(nv);
    if (nv->bell)
        nv_bell_close(nv->bell);
    struct nv_mapping *m = atomic_load_explicit(&nv->current, memory_order_relaxed);
    while (m) {
        struct nv_mapping *older = m->older;
        nv_mapping_close(m);
        m = older;
    }
    nv_mutex_free(nv->mutex);
    free(nv->name);
    free(nv->dir);
    free(nv);
}

const char *netvane_name(const struct netvane *nv)
{
    return nv->name;
}

const char *netvane_dir(const struct netvane *nv)
{
    return nv->dir;
}
