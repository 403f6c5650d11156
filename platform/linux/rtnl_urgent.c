/* SPDX-License-Identifier: MIT */
/*
 * rtnl_urgent.c - tells, while events gather in the event socket, that one of them must not wait.
 *
 * Owns:      a second socket in the same groups, which a filter keeps routes from, but for default routes and the halves of the
 *            address space that go before them (0/1 and 128/1 lead into many a VPN).
 * Promises:  what arrives after the last pump makes the socket readable. What it says is not looked at: the event stream has
 *            the same, in order. So it may overflow, and may ring for what has been read already. It may also ring for what
 *            the event socket is just about to get: for one turn after a ring nothing gathers.
 * Leaves:    when events may gather to the writer.
 */
#include <errno.h>
#include <sys/socket.h>

#include "rtnl_source.h"

/* Less, and a storm might overflow it: a million events a second fill a half in the time that the writer lets them gather. */
#define DEEP_BYTES (UINT64_C(16) << 20)
/* More than fit in; what is left rings again. */
#define CLEARED_MAX 4096u

int nv_rtnl_urgent_fd(struct nv_rtnl_source *s)
{
    if (!s->urgent_tried) {
        s->urgent_tried = true;
        if (s->event_sock.buffer_bytes >= DEEP_BYTES)
            (void)nv_rtnl_renew(s, &s->urgent_sock); /* where it fails, nothing ever gathers */
        return -1;                                   /* what came before is not on it */
    }
    if (s->urgent_rang) {
        s->urgent_rang = false;
        return -1;
    }
    s->urgent_asked = true;
    return nv_rtnl_fd(&s->urgent_sock);
}

void nv_rtnl_urgent_clear(struct nv_rtnl_source *s)
{
    char byte;
    bool more = s->urgent_asked;
    s->urgent_asked = false;
    for (unsigned i = 0; more && i < CLEARED_MAX; i++) {
        more = recv(nv_rtnl_fd(&s->urgent_sock), &byte, 1, MSG_DONTWAIT) >= 0 || errno == ENOBUFS ||
               errno == EINTR;
        s->urgent_rang |= more;
    }
}
