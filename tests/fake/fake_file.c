/* SPDX-License-Identifier: MIT */
/*
 * fake_file.c - opens it, as writer/open.c does.
 */
#include "tests/fake/fake_file.h"

#include "tests/fake/fake_must.h"
#include "writer/limits.h"

static int grow(void *arg, uint64_t size_bytes)
{
    return nv_shm_grow(arg, size_bytes);
}

void fake_file_open(struct fake_file *f, const char *dir, const char *name)
{
    struct nv_legacy legacy;
    uint64_t size = 0;
    const struct nv_shm_args args = {.dir = dir, .name = name, .max_bytes = NV_MAX_BYTES_LEAST};
    const struct nv_header_args header = {.max_bytes = NV_MAX_BYTES_LEAST};
    MUST(!nv_shm_create(&args, &f->shm));
    MUST(!nv_shm_grow(f->shm, NETVANE_ARENA_OFFSET));
    nv_legacy_none(&legacy);
    const void *old = nv_shm_predecessor(f->shm, &size);
    if (old)
        (void)nv_legacy_read(old, size, &legacy);
    void *base = nv_shm_base(f->shm);
    MUST(!nv_publisher_init(&f->p, base, f->shm, &header, &legacy));
    MUST(!nv_mirror_init(&f->m, base, NV_MAX_BYTES_LEAST, grow, f->shm, legacy.version + 1));
    nv_commit_init(&f->c, &f->m, &f->p);
}
