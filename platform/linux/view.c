/* SPDX-License-Identifier: MIT */
/*
 * view.c - the reader's side of the region's file.
 *
 * Owns:      one descriptor and at most two read-only mappings; one page for all views that are buried.
 * Assumes:   who may write the file is trusted not to cut it: owner and mode are checked before content.
 * Promises:  follows no link, waits for nothing (a FIFO or a device with that name is refused), writes
 *            nothing. The directory is looked up by path each time: a service manager may remove it and
 *            make it again while a reader lives.
 * Leaves:    every byte of the content to the reader.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nv/base.h"
#include "nv/plat.h"
#include "shm_file.h"

struct nv_view {
    int fd;
    dev_t dev;
    ino_t ino;
    void *header;
    size_t header_bytes;
    void *base;
    size_t base_bytes;
    char path[];
};

static int check_file(const struct stat *st, uint32_t trusted_uid, size_t header_bytes)
{
    if (!S_ISREG(st->st_mode))
        return -NV_E_NOT_REGULAR;
    bool trusted = trusted_uid != UINT32_MAX && st->st_uid == trusted_uid;
    if (st->st_uid != 0 && st->st_uid != geteuid() && !trusted)
        return -NV_E_OWNER;
    if (st->st_mode & (S_IWGRP | S_IWOTH))
        return -NV_E_WRITABLE;
    if (st->st_size < 0 || (uint64_t)st->st_size < header_bytes)
        return -NV_E_TOO_SMALL;
    return 0;
}

int nv_view_open(const char *dir, const char *name, uint32_t trusted_uid, size_t header_bytes,
                 struct nv_view **ret_view)
{
    if (!nv_shm_name_ok(name) || !header_bytes)
        return -EINVAL;
    size_t path_bytes = strlen(dir) + strlen(name) + 2;
    struct nv_view *v = calloc(1, sizeof *v + path_bytes);
    if (!v)
        return -ENOMEM;
    v->fd = -1;
    (void)snprintf(v->path, path_bytes, "%s/%s", dir, name);

    int err;
    struct stat st;
    v->fd = open(v->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (v->fd < 0) {
        /* ELOOP: a link; ENXIO: a socket or a device without a driver */
        err = errno == ELOOP || errno == ENXIO ? -NV_E_NOT_REGULAR : -errno;
        goto out;
    }
    if (fstat(v->fd, &st)) {
        err = -errno;
        goto out;
    }
    v->dev = st.st_dev;
    v->ino = st.st_ino;
    err = check_file(&st, trusted_uid, header_bytes);
    if (err)
        goto out;
    void *header = mmap(NULL, header_bytes, PROT_READ, MAP_SHARED, v->fd, 0);
    if (header == MAP_FAILED) {
        err = -errno;
        goto out;
    }
    v->header = header;
    v->header_bytes = header_bytes;
    *ret_view = v;
    return 0;
out:
    nv_view_close(v);
    return err;
}

const void *nv_view_header(const struct nv_view *v)
{
    return v->header;
}

int nv_view_map(struct nv_view *v, uint64_t max_bytes, const void **ret_base)
{
    if (v->base)
        return -EBUSY;
    if (!max_bytes || max_bytes > SIZE_MAX / 2)
        return -EINVAL;
    void *base = mmap(NULL, (size_t)max_bytes, PROT_READ, MAP_SHARED | MAP_NORESERVE, v->fd, 0);
    if (base == MAP_FAILED)
        return -errno;
    v->base = base;
    v->base_bytes = (size_t)max_bytes;
    *ret_base = base;
    return 0;
}

/* One call: a thread that touches a page in between waits for it inside the kernel. */
void nv_view_revoke(struct nv_view *v)
{
    if (v->base)
        (void)mmap(v->base, v->base_bytes, PROT_READ,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

/* The page that buried headers show: made once, for ever. NULL: there is no memory. */
static void *tomb(const void *page, size_t page_bytes, size_t size)
{
    static void *_Atomic made;
    void *known = NULL;
    if (atomic_load(&made))
        return atomic_load(&made);
    void *new = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (new == MAP_FAILED)
        return NULL;
    memcpy(new, page, page_bytes);
    (void)mprotect(new, size, PROT_READ);
    if (atomic_compare_exchange_strong(&made, &known, new))
        return new;
    (void)munmap(new, size); /* another thread was first */
    return known;
}

int nv_view_bury(struct nv_view *v, const void *page, size_t page_bytes)
{
    const size_t size = (size_t)sysconf(_SC_PAGESIZE);
    if (page_bytes > size || v->header_bytes < size)
        return -EINVAL;
    void *shown = tomb(page, page_bytes, size);
    if (!shown)
        return -ENOMEM;
    /* From a length of 0 a second mapping of the same page is made. */
    if (mremap(shown, 0, size, MREMAP_MAYMOVE | MREMAP_FIXED, v->header) == MAP_FAILED)
        return -errno;
    if (v->header_bytes > size &&
        mmap((char *)v->header + size, v->header_bytes - size, PROT_READ,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
        return -errno;
    return 0;
}

void nv_view_release(struct nv_view *v)
{
    if (v->fd >= 0)
        (void)close(v->fd);
    v->fd = -1;
}

uint64_t nv_view_size_bytes(const struct nv_view *v)
{
    struct stat st;
    return fstat(v->fd, &st) || st.st_size < 0 ? 0 : (uint64_t)st.st_size;
}

bool nv_view_writer_alive(const struct nv_view *v)
{
    return v->fd >= 0 && nv_shm_file_locked(v->fd);
}

bool nv_view_is_current(const struct nv_view *v)
{
    struct stat st;
    return !fstatat(AT_FDCWD, v->path, &st, AT_SYMLINK_NOFOLLOW) && st.st_dev == v->dev &&
           st.st_ino == v->ino;
}

void nv_view_close(struct nv_view *v)
{
    if (!v)
        return;
    if (v->base)
        (void)munmap(v->base, v->base_bytes);
    nv_view_release(v);
    if (v->header)
        (void)munmap(v->header, v->header_bytes);
    free(v);
}
