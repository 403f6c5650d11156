/* SPDX-License-Identifier: MIT */
/*
 * notify.c - the service manager: sd_notify(3)'s protocol without libsystemd.
 *
 * Owns:      nothing; a socket for the time of one message.
 * Assumes:   NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID mean what sd_notify(3) and
 *            sd_watchdog_enabled(3) say.
 * Promises:  harmless without a manager; a stuck one delays a message by a second at most.
 * Leaves:    what to say, and when, to the writer.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "nv/base.h"
#include "nv/plat.h"

void nv_service_notify(const char *state)
{
    const char *where = secure_getenv("NOTIFY_SOCKET");
    if (!where || (*where != '/' && *where != '@'))
        return;
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t len = strlen(where);
    if (len >= sizeof addr.sun_path)
        return;
    memcpy(addr.sun_path, where, len);
    /* A path may end with its zero; an abstract name begins with one and must not end with another. */
    if (*where == '@')
        addr.sun_path[0] = '\0';
    socklen_t addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);

    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    struct timeval patience = {.tv_sec = 1}; /* a stuck manager must not stop the writer */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ssize_t n;
    do
        n = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&addr,
                   addr_len);
    while (n < 0 && errno == EINTR);
    (void)close(fd);
}

static bool read_number(const char *name, uint64_t *ret_value)
{
    const char *text = secure_getenv(name);
    if (!text || *text < '0' || *text > '9')
        return false;
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    if (errno || *end)
        return false;
    *ret_value = v;
    return true;
}

/* Half of what the manager allows, as sd_watchdog_enabled(3) advises. */
uint64_t nv_service_watchdog_ns(void)
{
    uint64_t pid;
    uint64_t usec;
    if (secure_getenv("WATCHDOG_PID") &&
        (!read_number("WATCHDOG_PID", &pid) || pid != nv_proc_pid()))
        return 0;
    if (!read_number("WATCHDOG_USEC", &usec) || !usec || usec > UINT64_MAX / 1000)
        return 0;
    return usec * 1000 / 2;
}
