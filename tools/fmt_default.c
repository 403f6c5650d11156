/* SPDX-License-Identifier: MIT */
/*
 * fmt_default.c - a default route, or an answer of the FIB, in words and as JSON.
 *
 * Owns:      the wording; iproute2 has no such command.
 * Assumes:   see fmt.h.
 * Promises:  keys are those of a route where they mean the same.
 * Leaves:    the layout around it to cmd_default.c, cmd_show.c and cmd_watch.c.
 */
#include "fmt_default.h"

#include "names.h"
#include "out_text.h"

#include <linux/rtnetlink.h>
#include <string.h>

void fmt_default_json(struct json *j, struct view *v, const struct netvane_default *d,
                      const char *name)
{
    static const struct {
        uint32_t bit;
        const char *word;
    } flags[] = {
        {NETVANE_DEFAULT_MULTIPATH, "multipath"}, {NETVANE_DEFAULT_CONFIRMED, "confirmed"},
        {NETVANE_DEFAULT_KERNEL, "kernel"},       {NETVANE_DEFAULT_REJECT, "reject"},
        {NETVANE_DEFAULT_LINKDOWN, "linkdown"},   {NETVANE_DEFAULT_DEAD, "dead"},
        {NETVANE_DEFAULT_ONLINK, "onlink"},
    };
    char buf[NAME_TEXT_MAX], ip[OUT_IP_MAX], dev[VIEW_NAME_MAX];

    json_open_object(j, name);
    json_string(j, "type", name_route_type(d->type, buf));
    if (d->nhid != 0)
        json_uint(j, "nhid", d->nhid);
    if (d->flags & NETVANE_DEFAULT_GATEWAY)
        json_string(j, "gateway", out_ip(d->gw_family, d->gateway, ip));
    if (d->ifindex != 0)
        json_string(j, "dev", view_ifname(v, d->ifindex, dev));
    json_string(j, "table", name_of(NAME_TABLE, d->table, buf));
    json_string(j, "protocol", name_of(NAME_PROTO, d->protocol, buf));
    if (d->flags & NETVANE_DEFAULT_PREFSRC)
        json_string(j, "prefsrc", out_ip(d->family, d->prefsrc, ip));
    json_uint(j, "metric", d->metric);
    json_open_array(j, "flags");
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (d->flags & flags[i].bit)
            json_string(j, NULL, flags[i].word);
    }
    json_close_array(j);
    json_uint(j, "hops", d->hop_count);
    if (d->reason != NETVANE_REASON_IS_FIRST)
        json_string(j, "reason", netvane_reason_name(d->reason));
    json_close_object(j);
}

void fmt_default_text(FILE *out, struct view *v, const struct netvane_default *d)
{
    char buf[NAME_TEXT_MAX], ip[OUT_IP_MAX], dev[VIEW_NAME_MAX];
    const char *gap = "";

    if (d->type != RTN_UNICAST) {
        out_color(out, OUT_BAD, "%s", name_route_type(d->type, buf));
        gap = " ";
    }
    if (d->flags & NETVANE_DEFAULT_GATEWAY) {
        fprintf(out, "%svia ", gap);
        out_color(out, out_family_color(d->gw_family), "%s", out_ip(d->gw_family, d->gateway, ip));
        gap = " ";
    }
    if (d->ifindex != 0 && !(d->flags & NETVANE_DEFAULT_REJECT)) {
        fprintf(out, "%son ", gap);
        out_color(out, OUT_IFNAME, "%s", view_ifname(v, d->ifindex, dev));
    }
    if (d->hop_count > 1)
        fprintf(out, " and %u more %s", d->hop_count - 1u, d->hop_count == 2 ? "hop" : "hops");
    if (d->flags & NETVANE_DEFAULT_PREFSRC) {
        fputs(", source ", out);
        out_color(out, out_family_color(d->family), "%s", out_ip(d->family, d->prefsrc, ip));
    }
    if (d->metric != 0)
        fprintf(out, ", metric %u", d->metric);
    if (d->protocol != RTPROT_BOOT && d->protocol != RTPROT_UNSPEC)
        fprintf(out, ", from %s", name_of(NAME_PROTO, d->protocol, buf));
    if (d->table != RT_TABLE_MAIN && d->table != 0)
        fprintf(out, ", table %s", name_of(NAME_TABLE, d->table, buf));
    if (d->flags & NETVANE_DEFAULT_DEAD)
        out_color(out, OUT_BAD, " (dead)");
    else if (d->flags & NETVANE_DEFAULT_LINKDOWN)
        out_color(out, OUT_BAD, " (no carrier)");
}

bool fmt_default_same_way(const struct netvane_default *a, const struct netvane_default *b)
{
    uint32_t what = NETVANE_DEFAULT_GATEWAY | NETVANE_DEFAULT_REJECT;

    if (a->type != b->type || (a->flags & what) != (b->flags & what))
        return false;
    if (a->flags & NETVANE_DEFAULT_REJECT)
        return true;
    if (a->hop_count > 1 && b->table == a->table)
        return true; /* the kernel picks one hop of many */
    return a->ifindex == b->ifindex && a->gw_family == b->gw_family &&
           memcmp(a->gateway, b->gateway, sizeof(a->gateway)) == 0;
}
