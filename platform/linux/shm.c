/* SPDX-License-Identifier: MIT */
/*
 * shm.c - the writer's side of the region's file.
 *
 * Owns:      the temporary file until nv_shm_show, the name after it, two locks, and the mappings.
 * Assumes:   a directory that only its owner may write, or a sticky one; a file system with OFD locks.
 * Promises:  one writer per name. The lock file gives exclusion: it is 0600, so that no reader can take a
 *            lock on it. The lock on the region itself says only "my writer lives"; it is taken while the
 *            file is still 0600 and stays when the file is opened to readers. Both are OFD locks: the kernel
 *            drops them with the last descriptor, whatever the writer dies of.
 * Leaves:    the content, and whether a predecessor's content is of use, to the writer.
 *
 * Large pages: where the directory is a tmpfs with huge=always or within_size, the kernel backs the file by them; with
 * huge=advise for those who ask (MADV_HUGEPAGE), and by faults only.
 *
 * After a crash: a temporary file without a lock (removed by the next writer of that name), or a region
 * without a lock (the next writer's predecessor).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "nv/base.h"
#include "nv/plat.h"
#include "shm_file.h"

#define TEMP_RANDOM_DIGITS 16
#define TEMP_NAME_BYTES    (NV_SHM_NAME_MAX + 32)

struct nv_shm {
    int dir_fd;
    int lock_fd;
    int fd;
    bool temp_exists;
    bool shown;
    bool by_faults; /* memory has to come by page faults, so that it is in large pages */
    void *base;
    uint64_t max_bytes;
    uint64_t size_bytes;
    uint8_t doorbell;

    int pred_fd;
    void *pred;
    uint64_t pred_bytes;

    char name[NV_SHM_NAME_MAX + 1];
    char lock_name[NV_SHM_NAME_MAX + 8];
    char temp_name[TEMP_NAME_BYTES];
};

/* ---- directory ------------------------------------------------------------------------------------ */

static int open_dir(const char *path, int *ret_fd)
{
    bool made = !mkdir(path, 0755);
    if (!made && errno != EEXIST)
        return -errno;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;

    int err = 0;
    struct stat st;
    if (fstat(fd, &st) || (made && fchmod(fd, 0755))) { /* 0755 whatever the umask is */
        err = -errno;
    } else {
        bool others_write = (st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX);
        if ((st.st_uid != 0 && st.st_uid != geteuid()) || (others_write && !made))
            err = -EACCES;
    }
    if (err) {
        (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    return 0;
}

/* ---- locks ---------------------------------------------------------------------------------------- */

static bool leads_to(int dir_fd, const char *name, int fd)
{
    struct stat by_name;
    struct stat by_fd;
    return !fstatat(dir_fd, name, &by_name, AT_SYMLINK_NOFOLLOW) && !fstat(fd, &by_fd) &&
           by_name.st_dev == by_fd.st_dev && by_name.st_ino == by_fd.st_ino;
}

static bool own_regular(int fd, struct stat *ret_st)
{
    return !fstat(fd, ret_st) && S_ISREG(ret_st->st_mode) && ret_st->st_uid == geteuid();
}

static int lock_whole(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (!fcntl(fd, F_OFD_SETLK, &lock))
        return 0;
    return errno == EAGAIN || errno == EACCES ? -EEXIST : -errno;
}

/* Repeats when the lock file was removed between open and lock: such a lock excludes nobody. */
static int take_exclusion(struct nv_shm *shm)
{
    for (unsigned tries = 0; tries < 8; tries++) {
        int fd = openat(shm->dir_fd, shm->lock_name,
                        O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
        if (fd < 0)
            return errno == ELOOP ? -EACCES : -errno;

        struct stat st;
        int err = own_regular(fd, &st) ? lock_whole(fd) : -EACCES;
        if (err) {
            (void)close(fd);
            return err;
        }
        if (leads_to(shm->dir_fd, shm->lock_name, fd)) {
            shm->lock_fd = fd;
            return 0;
        }
        (void)close(fd);
    }
    return -EEXIST;
}

/* ---- leftovers of dead writers -------------------------------------------------------------------- */

/* ".<name>.<pid>.<16 hex digits>" and nothing else */
static bool is_temp_name(const char *file, const char *name)
{
    size_t len = strlen(name);
    if (file[0] != '.' || strncmp(file + 1, name, len) != 0 || file[1 + len] != '.')
        return false;
    const char *p = file + len + 2;
    size_t digits = strspn(p, "0123456789");
    if (!digits || p[digits] != '.')
        return false;
    p += digits + 1;
    return strlen(p) == TEMP_RANDOM_DIGITS && strspn(p, "0123456789abcdef") == TEMP_RANDOM_DIGITS;
}

static void remove_if_dead(int dir_fd, const char *file)
{
    int fd = openat(dir_fd, file, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return;
    struct stat st;
    if (own_regular(fd, &st) && !nv_shm_file_locked(fd))
        (void)unlinkat(dir_fd, file, 0);
    (void)close(fd);
}

static void remove_stale_temps(const struct nv_shm *shm)
{
    int fd = openat(shm->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        (void)close(fd);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(dir)))
        if (is_temp_name(entry->d_name, shm->name))
            remove_if_dead(shm->dir_fd, entry->d_name);
    (void)closedir(dir);
}

/* ---- predecessor ---------------------------------------------------------------------------------- */

/*
 * Only a region that is still locked is an error: its lock file was removed under a living writer. Anything
 * else that is not usable is no predecessor. The descriptor stays open until the predecessor is forgotten,
 * so that its closing (IN_CLOSE_WRITE) is one more ring for the readers of the old region.
 */
static int find_predecessor(struct nv_shm *shm)
{
    int fd = openat(shm->dir_fd, shm->name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return 0;
    int err = 0;
    struct stat st;
    if (!own_regular(fd, &st) || st.st_size <= 0)
        goto out;
    if (nv_shm_file_locked(fd)) {
        err = -EEXIST;
        goto out;
    }
    void *base = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED)
        goto out;
    (void)madvise(base, (size_t)st.st_size, MADV_DONTFORK);
    shm->pred = base;
    shm->pred_bytes = (uint64_t)st.st_size;
    shm->pred_fd = fd;
    return 0;
out:
    (void)close(fd);
    return err;
}

void *nv_shm_predecessor(struct nv_shm *shm, uint64_t *ret_size_bytes)
{
    if (shm->pred)
        *ret_size_bytes = shm->pred_bytes;
    return shm->pred;
}

void nv_shm_reclaim_predecessor(struct nv_shm *shm, uint64_t from_bytes)
{
    /* Where the file system cannot do it the memory stays until the last reader unmaps it. */
    if (shm->pred_fd >= 0 && from_bytes < shm->pred_bytes)
        (void)fallocate(shm->pred_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from_bytes,
                        (off_t)(shm->pred_bytes - from_bytes));
    nv_shm_forget_predecessor(shm);
}

void nv_shm_forget_predecessor(struct nv_shm *shm)
{
    if (shm->pred)
        (void)munmap(shm->pred, (size_t)shm->pred_bytes);
    shm->pred = NULL;
    if (shm->pred_fd >= 0)
        (void)close(shm->pred_fd);
    shm->pred_fd = -1;
}

/* ---- the region ----------------------------------------------------------------------------------- */

static int make_temp(struct nv_shm *shm)
{
    uint64_t random;
    int err = nv_proc_random(&random, sizeof random);
    if (err)
        return err;
    (void)snprintf(shm->temp_name, sizeof shm->temp_name, ".%s.%" PRIu32 ".%016" PRIx64, shm->name,
                   nv_proc_pid(), random);
    shm->fd = openat(shm->dir_fd, shm->temp_name,
                     O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (shm->fd < 0)
        return -errno;
    shm->temp_exists = true;
    err = lock_whole(shm->fd);
    if (err)
        return err;
    return fchmod(shm->fd, 0644) ? -errno : 0;
}

/* Does the file's tmpfs give large pages to who asks for them? */
static bool is_advised(int fd)
{
    char line[1024], device[32];
    struct stat st;
    bool advised = false;
    FILE *f = fopen("/proc/self/mountinfo", "re");
    if (f && !fstat(fd, &st)) {
        (void)snprintf(device, sizeof device, " %u:%u ", major(st.st_dev), minor(st.st_dev));
        while (!advised && fgets(line, sizeof line, f))
            advised =
                strstr(line, device) && strstr(line, " - tmpfs ") && strstr(line, ",huge=advise");
    }
    if (f)
        (void)fclose(f);
    return advised;
}

static int reserve(struct nv_shm *shm, uint64_t max_bytes)
{
    if (!max_bytes || max_bytes > SIZE_MAX / 2)
        return -EINVAL;
    void *base = mmap(NULL, (size_t)max_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                      shm->fd, 0);
    if (base == MAP_FAILED)
        return -errno;
    shm->base = base;
    shm->max_bytes = max_bytes;
    shm->by_faults = is_advised(shm->fd) && !madvise(base, (size_t)max_bytes, MADV_HUGEPAGE);
    return madvise(base, (size_t)max_bytes, MADV_DONTFORK) ? -errno : 0;
}

int nv_shm_create(const struct nv_shm_args *args, struct nv_shm **ret_shm)
{
    if (!nv_shm_name_ok(args->name))
        return -EINVAL;
    struct nv_shm *shm = calloc(1, sizeof *shm);
    if (!shm)
        return -ENOMEM;
    shm->dir_fd = shm->lock_fd = shm->fd = shm->pred_fd = -1;
    (void)snprintf(shm->name, sizeof shm->name, "%s", args->name);
    (void)snprintf(shm->lock_name, sizeof shm->lock_name, ".%s.lock", args->name);

    int err = open_dir(args->dir, &shm->dir_fd);
    if (!err)
        err = take_exclusion(shm);
    if (!err)
        err = find_predecessor(shm);
    if (!err) {
        remove_stale_temps(shm);
        err = make_temp(shm);
    }
    if (!err)
        err = reserve(shm, args->max_bytes);
    if (err) {
        nv_shm_close(shm, true);
        return err;
    }
    *ret_shm = shm;
    return 0;
}

void *nv_shm_base(const struct nv_shm *shm)
{
    return shm->base;
}

/* Maps in what the file has got, so that no commit meets a page fault; kernels before 5.14 cannot. */
static bool populate(struct nv_shm *shm, uint64_t size_bytes)
{
    return !madvise((char *)shm->base + shm->size_bytes, (size_t)(size_bytes - shm->size_bytes),
                    MADV_POPULATE_WRITE);
}

int nv_shm_grow(struct nv_shm *shm, uint64_t size_bytes)
{
    if (size_bytes <= shm->size_bytes)
        return 0;
    if (size_bytes > shm->max_bytes)
        return -ENOSPC;
    if (shm->by_faults && !ftruncate(shm->fd, (off_t)size_bytes) && populate(shm, size_bytes)) {
        shm->size_bytes = size_bytes;
        return 0;
    }
    int err;
    do
        err =
            posix_fallocate(shm->fd, (off_t)shm->size_bytes, (off_t)(size_bytes - shm->size_bytes));
    while (err == EINTR);
    if (err) {
        /* tmpfs undoes a failed allocation itself; others may keep a part */
        struct stat st;
        if (!fstat(shm->fd, &st) && (uint64_t)st.st_size > shm->size_bytes)
            (void)!ftruncate(shm->fd, (off_t)shm->size_bytes);
        return -err;
    }
    (void)populate(shm, size_bytes);
    shm->size_bytes = size_bytes;
    return 0;
}

int nv_shm_show(struct nv_shm *shm)
{
    if (shm->shown)
        return 0;
    if (renameat(shm->dir_fd, shm->temp_name, shm->dir_fd, shm->name))
        return -errno;
    shm->temp_exists = false;
    shm->shown = true;
    return 0;
}

/* A store into the mapping rings nothing: inotify watches system calls. */
void nv_shm_ring(struct nv_shm *shm, uint64_t doorbell_offset)
{
    if (doorbell_offset >= shm->size_bytes)
        return;
    shm->doorbell++;
    ssize_t n;
    do
        n = pwrite(shm->fd, &shm->doorbell, 1, (off_t)doorbell_offset);
    while (n < 0 && errno == EINTR);
}

void nv_shm_close(struct nv_shm *shm, bool keep_name)
{
    if (!shm)
        return;
    nv_shm_forget_predecessor(shm);
    if (shm->temp_exists)
        (void)unlinkat(shm->dir_fd, shm->temp_name, 0);
    if (shm->shown && !keep_name && leads_to(shm->dir_fd, shm->name, shm->fd))
        (void)unlinkat(shm->dir_fd, shm->name, 0);
    /* The mapping holds the file open too: IN_CLOSE_WRITE comes with the close, so the mapping goes first. */
    if (shm->base)
        (void)munmap(shm->base, (size_t)shm->max_bytes);
    if (shm->fd >= 0)
        (void)close(shm->fd);
    if (shm->lock_fd >= 0) {
        if (!keep_name && leads_to(shm->dir_fd, shm->lock_name, shm->lock_fd))
            (void)unlinkat(shm->dir_fd, shm->lock_name, 0);
        (void)close(shm->lock_fd);
    }
    if (shm->dir_fd >= 0)
        (void)close(shm->dir_fd);
    free(shm);
}
