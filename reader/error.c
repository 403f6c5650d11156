/* SPDX-License-Identifier: MIT */
/*
 * error.c - the names and sentences of the API.
 *
 * Owns:      texts for errors, topics and reasons; the translation of the platform's errors.
 * Promises:  each error text says what is wrong, then what to do. Strings are constants.
 */
#include "reader.h"

#include <errno.h>

#define NV_TEXT_(x) #x
#define NV_TEXT(x)  NV_TEXT_(x)

const char *netvane_strerror(int error)
{
    if (error >= 0)
        return "Success";
    switch ((enum netvane_error)error) {
    case NETVANE_OK: break;
    case NETVANE_NOT_FOUND: return "No such object in this State";
    case NETVANE_EXPIRED: return "This version is no longer readable: begin a new snapshot";
    case NETVANE_CORRUPT:
        return "The region breaks its own rules: restart netvaned, run `netvane check` and report "
               "it";
    case NETVANE_NO_WRITER:
        return "No region of that name: start netvaned, or check name and directory";
    case NETVANE_NOT_READY:
        return "The writer has not published its first State yet: wait with netvane_wait_ready";
    case NETVANE_TIMEOUT: return "The time is up: nothing happened that was waited for";
    case NETVANE_INVALID:
        return "An argument is out of range: check pointers, sizes, families and the name";
    case NETVANE_NO_MEMORY:
        return "Out of memory or address space: raise the limit (ulimit -v), or lower netvaned's "
               "--max-bytes";
    case NETVANE_PERMISSION:
        return "May not open the region: check the permissions of its directory and file";
    case NETVANE_NOT_REGULAR:
        return "The name leads to something that is not a regular file: remove it and restart "
               "netvaned";
    case NETVANE_BAD_OWNER:
        return "The region belongs to another user: run netvaned as root or as this user, or trust "
               "that "
               "user's id when opening";
    case NETVANE_BAD_MODE:
        return "Group or others may write the region, so that it cannot be trusted: remove it and "
               "restart "
               "netvaned";
    case NETVANE_TOO_SMALL:
        return "The file is shorter than a region's header: remove it and restart netvaned";
    case NETVANE_BAD_MAGIC: return "The file is not a netvane region: check name and directory";
    case NETVANE_BAD_LAYOUT:
        return "The region is of another version, build or machine: use netvaned and libnetvane of "
               "the same "
               "release";
    case NETVANE_LIMIT: return "A limit is met: see netvane(3) for the limits";
    case NETVANE_INTERRUPTED: return "A signal arrived while waiting: wait again";
    case NETVANE_SYSTEM: return "The operating system refused: errno says what";
    case NETVANE_TRUNCATED: return "The buffer is too small: pass a larger one";
    }
    return "An error that this version of libnetvane does not know";
}

const char *netvane_version(void)
{
    return NV_TEXT(NETVANE_VERSION_MAJOR) "." NV_TEXT(NETVANE_VERSION_MINOR) "." NV_TEXT(
        NETVANE_VERSION_PATCH);
}

const char *netvane_topic_name(unsigned index)
{
    static const char *const names[NETVANE_TOPIC_COUNT] = {
        "default4", "default6", "links", "addrs", "routes", "rules", "nexthops", "health"};
    return index < NETVANE_TOPIC_COUNT ? names[index] : NULL;
}

const char *netvane_reason_name(unsigned reason)
{
    static const char *const names[] = {"first",      "metric", "order", "link down",
                                        "no carrier", "dead",   "reject"};
    return reason < NV_ARRAY_LEN(names) ? names[reason] : "unknown";
}

int nv_error(int plat_error)
{
    switch (-plat_error) {
    case 0: return NETVANE_OK;
    case ENOENT:
    case ENOTDIR: return NETVANE_NO_WRITER;
    case EACCES:
    case EPERM: return NETVANE_PERMISSION;
    case ELOOP: /* O_NOFOLLOW on a symbolic link */
    case ENXIO: /* a socket, or a device that is not there */
    case EISDIR:
    case NV_E_NOT_REGULAR: return NETVANE_NOT_REGULAR;
    case NV_E_OWNER: return NETVANE_BAD_OWNER;
    case NV_E_WRITABLE: return NETVANE_BAD_MODE;
    case NV_E_TOO_SMALL: return NETVANE_TOO_SMALL;
    case ENOMEM: return NETVANE_NO_MEMORY;
    case EINVAL:
    case ENAMETOOLONG: return NETVANE_INVALID;
    case EINTR: return NETVANE_INTERRUPTED;
    case ETIMEDOUT: return NETVANE_TIMEOUT;
    default: errno = -plat_error; return NETVANE_SYSTEM;
    }
}
