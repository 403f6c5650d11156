/* SPDX-License-Identifier: MIT */
/*
 * fake_publisher.h - a writer's mirror, publisher and commits on memory: for tests of what is published, without a reader.
 */
#ifndef FAKE_PUBLISHER_H
#define FAKE_PUBLISHER_H

#include "tests/fake/fake_writer.h"
#include "writer/commit.h"

#define FAKE_PUBLISHER_BYTES (UINT64_C(64) << 20)

struct fake_publisher {
    struct fake_memory mem;
    struct nv_mirror m;
    struct nv_publisher p;
    struct nv_commit c;
    uint64_t now_ns; /* for the tests to move */
};

/* legacy: of the writer before, NULL: there was none. */
struct fake_publisher *fake_publisher_new(const struct nv_legacy *legacy);
void fake_publisher_free(struct fake_publisher *f);
/* For a test's end: 0, or -1 with a complaint if the mirror is not whole. */
int fake_publisher_end(struct fake_publisher *f);
/* The root slot of a version that can be read. */
struct netvane_region_slot fake_publisher_slot(const struct fake_publisher *f, uint64_t version);

#endif
