/* SPDX-License-Identifier: MIT */
/*
 * proc.c - this process and its host: identity, randomness, and where regions live.
 *
 * Owns:      the order of the candidate directories.
 * Assumes:   /proc is mounted; where it is not, boot and namespace identities are errors.
 * Promises:  the environment is not trusted in a set-user-ID program (secure_getenv).
 * Leaves:    checks of the directory itself to shm.c, of the file to view.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "nv/base.h"
#include "nv/plat.h"

#define DIR_RUN "/run/netvane"
#define DIR_SHM "/dev/shm/netvane"

uint32_t nv_proc_pid(void)
{
    return (uint32_t)getpid();
}

bool nv_proc_privileged(void)
{
    return geteuid() == 0;
}

uint64_t nv_proc_cpu_ns(void)
{
    struct timespec ts;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts))
        return 0;
    return (uint64_t)ts.tv_sec * NV_NS_PER_S + (uint64_t)ts.tv_nsec;
}

int nv_proc_random(void *buf, size_t len)
{
    unsigned char *p = buf;
    while (len) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

int nv_proc_boot_id(uint8_t ret_id[16])
{
    char text[64];
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = read(fd, text, sizeof text);
    int err = n < 0 ? -errno : 0;
    (void)close(fd);
    if (err)
        return err;

    uint8_t id[16] = {0};
    unsigned digits = 0;
    for (ssize_t i = 0; i < n && digits < 32; i++) {
        int v = hex_digit(text[i]);
        if (v < 0)
            continue;
        id[digits / 2] = (uint8_t)(id[digits / 2] << 4 | v);
        digits++;
    }
    if (digits != 32)
        return -EBADMSG;
    memcpy(ret_id, id, sizeof id);
    return 0;
}

int nv_proc_netns(uint64_t *ret_dev, uint64_t *ret_ino)
{
    struct stat st;
    if (stat("/proc/thread-self/ns/net", &st) && stat("/proc/self/ns/net", &st))
        return -errno;
    *ret_dev = st.st_dev;
    *ret_ino = st.st_ino;
    return 0;
}

static bool run_is_tmpfs(void)
{
    struct statfs fs;
    return !statfs("/run", &fs) && (unsigned long)fs.f_type == TMPFS_MAGIC;
}

static int put_path(char *buf, size_t size, const char *head, const char *tail)
{
    int n = snprintf(buf, size, "%s%s", head, tail);
    return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int nv_proc_region_dir(unsigned n, bool for_writer, char *buf, size_t size)
{
    const char *forced = secure_getenv("NETVANE_DIR");
    if (forced && *forced)
        return n ? -ENOENT : put_path(buf, size, forced, "");

    const char *own = secure_getenv("XDG_RUNTIME_DIR");
    if (own && *own != '/')
        own = NULL;

    if (for_writer) {
        if (n)
            return -ENOENT;
        if (nv_proc_privileged())
            return put_path(buf, size, run_is_tmpfs() ? DIR_RUN : DIR_SHM, "");
        return own ? put_path(buf, size, own, "/netvane") : -ENOENT;
    }
    switch (n) {
    case 0: return put_path(buf, size, DIR_RUN, "");
    case 1: return put_path(buf, size, DIR_SHM, "");
    case 2: return own ? put_path(buf, size, own, "/netvane") : -ENOENT;
    default: return -ENOENT;
    }
}
