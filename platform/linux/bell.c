/* SPDX-License-Identifier: MIT */
/*
 * bell.c - a pollable descriptor for "the region may have changed" (inotify).
 *
 * Owns:      one inotify descriptor with up to three watches: the region's file (doorbell, end of its
 *            writer), its directory (a successor takes the name), and, only while the directory is missing,
 *            the directory above.
 * Assumes:   the writer's doorbell is a write(2) (nv_shm_ring): inotify does not see stores to a mapping.
 * Promises:  no gap: the watch on the directory stands before the name is looked up, so that a rename
 *            comes either before the look or as an event after it. After nv_bell_rearm the caller looks at the
 *            State once more before it sleeps.
 * Leaves:    what changed, and if anything did: a ring may be spurious.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "nv/base.h"
#include "nv/plat.h"
#include "shm_file.h"

#define FILE_MASK  (IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_DONT_FOLLOW)
#define DIR_MASK   (IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define ABOVE_MASK (IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)

struct nv_bell {
    int fd;
    int wd_file;
    int wd_dir;
    int wd_above;
    char *dir;
    char *above;
    char *path;
    char *name;
};

static void drop_watch(struct nv_bell *b, int *wd)
{
    if (*wd >= 0)
        (void)inotify_rm_watch(b->fd, *wd);
    *wd = -1;
}

/* Watches path instead of what *wd watched. The same inode gives the same number again. */
static int move_watch(struct nv_bell *b, int *wd, const char *path, uint32_t mask)
{
    int now = inotify_add_watch(b->fd, path, mask);
    int err = now < 0 ? -errno : 0;
    if (now != *wd)
        drop_watch(b, wd);
    *wd = now;
    return err;
}

int nv_bell_rearm(struct nv_bell *b)
{
    int err = move_watch(b, &b->wd_dir, b->dir, DIR_MASK);
    if (err == -ENOENT) {
        err = move_watch(b, &b->wd_above, b->above, ABOVE_MASK);
        if (err)
            return err;
        err = move_watch(b, &b->wd_dir, b->dir, DIR_MASK); /* made between the two looks? */
        if (err == -ENOENT) {
            drop_watch(b, &b->wd_file);
            return 0;
        }
    }
    if (err)
        return err;
    drop_watch(b, &b->wd_above);
    err = move_watch(b, &b->wd_file, b->path, FILE_MASK);
    return err == -ENOENT ? 0 : err; /* no region yet: its rename into place will ring */
}

static char *join(const char *dir, const char *name)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        (void)snprintf(path, size, "%s/%s", dir, name);
    return path;
}

/* The directory above, by text: "/run/netvane" gives "/run", "x" gives ".". */
static char *path_above(const char *dir)
{
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/')
        len--;
    while (len && dir[len - 1] != '/')
        len--;
    while (len > 1 && dir[len - 1] == '/')
        len--;
    return len ? strndup(dir, len) : strdup(".");
}

int nv_bell_open(const char *dir, const char *name, struct nv_bell **ret_bell)
{
    if (!nv_shm_name_ok(name))
        return -EINVAL;
    struct nv_bell *b = calloc(1, sizeof *b);
    if (!b)
        return -ENOMEM;
    b->fd = b->wd_file = b->wd_dir = b->wd_above = -1;

    int err = -ENOMEM;
    b->dir = strdup(dir);
    b->name = strdup(name);
    b->path = join(dir, name);
    b->above = path_above(dir);
    if (!b->dir || !b->name || !b->path || !b->above)
        goto out;
    b->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (b->fd < 0) {
        err = -errno;
        goto out;
    }
    err = nv_bell_rearm(b);
    if (err)
        goto out;
    *ret_bell = b;
    return 0;
out:
    nv_bell_close(b);
    return err;
}

intptr_t nv_bell_handle(const struct nv_bell *b)
{
    return b->fd;
}

/* Whether one event says that the name, the file or the directory may be another. */
static bool is_another(struct nv_bell *b, const struct inotify_event *ev)
{
    if (ev->mask & IN_Q_OVERFLOW)
        return true;
    if (ev->wd == b->wd_file) {
        if (ev->mask & IN_IGNORED)
            b->wd_file = -1;
        return ev->mask & (IN_ATTRIB | IN_DELETE_SELF | IN_IGNORED | IN_UNMOUNT);
    }
    if (ev->wd == b->wd_dir) {
        if (ev->mask & IN_IGNORED)
            b->wd_dir = -1;
        if (ev->mask & IN_MOVED_TO)
            return ev->len && !strcmp(ev->name, b->name);
        return true;
    }
    return ev->wd == b->wd_above; /* else: a watch that was dropped */
}

int nv_bell_drain(struct nv_bell *b)
{
    union {
        struct inotify_event first; /* for its alignment */
        char bytes[4096];
    } buf;
    int another = 0;
    for (;;) {
        ssize_t n = read(b->fd, buf.bytes, sizeof buf.bytes);
        if (n <= 0) {
            if (n < 0 && errno == EINTR)
                continue;
            return n < 0 && errno == EAGAIN ? another : 1;
        }
        size_t at = 0;
        while (at + sizeof(struct inotify_event) <= (size_t)n) {
            const struct inotify_event *ev = (const void *)(buf.bytes + at);
            if (is_another(b, ev))
                another = 1;
            at += sizeof *ev + ev->len;
        }
    }
}

void nv_bell_close(struct nv_bell *b)
{
    if (!b)
        return;
    if (b->fd >= 0)
        (void)close(b->fd);
    free(b->dir);
    free(b->above);
    free(b->path);
    free(b->name);
    free(b);
}
