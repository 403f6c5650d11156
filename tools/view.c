/* SPDX-License-Identifier: MIT */
/*
 * view.c - names and strings of a snapshot.
 *
 * Owns:      the sticky error of a view.
 * Assumes:   one thread per view.
 * Promises:  always a printable answer, even where the State has none.
 * Leaves:    what to do about an error to the caller.
 */
#include "fmt.h"
#include "out_text.h"

void view_fail(struct view *v, int error)
{
    if (error < 0 && error != NETVANE_NOT_FOUND && v->error == 0)
        v->error = error;
}

const char *view_ifname(struct view *v, uint32_t ifindex, char buf[VIEW_NAME_MAX])
{
    struct netvane_link link;
    NETVANE_INIT(&link);
    int rc = netvane_link_get(&v->snap, ifindex, &link);

    view_fail(v, rc);
    if (rc == 0)
        snprintf(buf, VIEW_NAME_MAX, "%.16s", link.name);
    else
        snprintf(buf, VIEW_NAME_MAX, "if%u", ifindex);
    return buf;
}

size_t view_string(struct view *v, uint32_t id, char buf[VIEW_STRING_MAX])
{
    int rc = id == 0 ? NETVANE_NOT_FOUND : netvane_string_get(&v->snap, id, buf, VIEW_STRING_MAX);

    view_fail(v, rc);
    if (rc < 0) {
        buf[0] = 0;
        return 0;
    }
    return (size_t)rc;
}

uint32_t fmt_seconds_left(uint64_t until_ns, bool round_up)
{
    uint64_t now = out_boottime_ns();

    if (until_ns == UINT64_MAX)
        return UINT32_MAX;
    if (until_ns <= now)
        return 0;
    return (uint32_t)((until_ns - now + (round_up ? 999999999u : 0u)) / 1000000000u);
}
