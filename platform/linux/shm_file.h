/* SPDX-License-Identifier: MIT */
/*
 * shm_file.h - what both sides of the region's file agree on: names and the liveness lock.
 *
 * Owns: nothing. Pure but for one system call on the caller's descriptor.
 */
#ifndef NV_LINUX_SHM_FILE_H
#define NV_LINUX_SHM_FILE_H

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define NV_SHM_NAME_MAX 64

/* A file name that is neither hidden (temporary and lock files are) nor a path. */
static inline bool nv_shm_name_ok(const char *name)
{
    return name && *name && *name != '.' && !strchr(name, '/') && strlen(name) <= NV_SHM_NAME_MAX;
}

/* Whether some other open file description holds the writer's lock. A read-only descriptor may ask. */
static inline bool nv_shm_file_locked(int fd)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    return !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}

#endif
