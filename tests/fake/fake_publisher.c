/* SPDX-License-Identifier: MIT */
/*
 * fake_publisher.c - makes it, takes it apart, looks at it.
 */
#include "tests/fake/fake_publisher.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/fake/fake_must.h"

struct fake_publisher *fake_publisher_new(const struct nv_legacy *legacy)
{
    static const struct nv_legacy none;
    const struct nv_header_args args = {.max_bytes = FAKE_PUBLISHER_BYTES};
    struct fake_publisher *f = calloc(1, sizeof(*f));
    MUST(f);
    if (!legacy)
        legacy = &none;
    f->now_ns = 1000 * NV_NS_PER_S;
    fake_memory_map(&f->mem, FAKE_PUBLISHER_BYTES);
    MUST(!nv_publisher_init(&f->p, f->mem.base, NULL, &args, legacy));
    MUST(!nv_mirror_init(&f->m, f->mem.base, FAKE_PUBLISHER_BYTES, fake_memory_grow, &f->mem,
                         legacy->version + 1));
    nv_commit_init(&f->c, &f->m, &f->p);
    return f;
}

void fake_publisher_free(struct fake_publisher *f)
{
    nv_publisher_destroy(&f->p);
    nv_mirror_destroy(&f->m);
    fake_memory_free(&f->mem);
    free(f);
}

int fake_publisher_end(struct fake_publisher *f)
{
    const char *fault = fake_mirror_fault(&f->m);
    fake_publisher_free(f);
    if (fault)
        (void)fprintf(stderr, "%s\n", fault);
    return fault ? -1 : 0;
}

struct netvane_region_slot fake_publisher_slot(const struct fake_publisher *f, uint64_t version)
{
    struct netvane_region_slot s;
    nv_payload_load(&s, nv_at(f->mem.base, NV_SLOT(version)), sizeof(s));
    MUST(s.version == version);
    return s;
}
