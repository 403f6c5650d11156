/* SPDX-License-Identifier: MIT */
/*
 * fake_file.h - a writer's mirror, publisher and commits in a region's file, of the least size: for tests with readers.
 */
#ifndef FAKE_FILE_H
#define FAKE_FILE_H

#include "tests/fake/fake_writer.h"
#include "writer/commit.h"

struct fake_file {
    struct nv_shm *shm;
    struct nv_mirror m;
    struct nv_publisher p;
    struct nv_commit c;
};

/* Goes on from whoever had the name; nobody sees it before nv_shm_show. */
void fake_file_open(struct fake_file *f, const char *dir, const char *name);

#endif
