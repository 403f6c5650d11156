/* SPDX-License-Identifier: MIT */
/*
 * fmt_nexthop.c - a nexthop object as `ip nexthop` prints it.
 *
 * Owns:      the keys of `ip -j -d nexthop`, also as the nh_info of a route, and the line of `ip nexthop`.
 * Assumes:   see fmt.h.
 * Promises:  members of a group in the kernel's order. The time for which a resilient group is
 *            unbalanced is not part of the State, and absent.
 * Leaves:    nothing.
 */
#include "fmt.h"
#include "names.h"
#include "out_text.h"

#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <unistd.h>

static double seconds_of(uint32_t ticks)
{
    long hz = sysconf(_SC_CLK_TCK);

    return ticks / (double)(hz > 0 ? hz : 100);
}

static bool member_at(struct view *v, const struct netvane_nexthop *nh, uint32_t index,
                      struct netvane_member *ret_member)
{
    NETVANE_INIT(ret_member);
    int rc = netvane_nexthop_member(&v->snap, nh->nhid, index, ret_member);
    view_fail(v, rc);
    return rc == 0;
}

static const char *group_type(uint32_t type)
{
    return type == NEXTHOP_GRP_TYPE_RES ? "resilient" : "<unknown type>";
}

static void group_json(struct json *j, struct view *v, const struct netvane_nexthop *nh)
{
    struct netvane_member member;

    json_open_array(j, "group");
    for (uint32_t i = 0; i < nh->member_count && member_at(v, nh, i, &member); i++) {
        json_open_object(j, NULL);
        json_uint(j, "id", member.nhid);
        if (member.weight > 1)
            json_uint(j, "weight", member.weight);
        json_close_object(j);
    }
    json_close_array(j);
    if (nh->group_type != NEXTHOP_GRP_TYPE_MPATH)
        json_string(j, "type", group_type(nh->group_type));
    if (nh->group_type == NEXTHOP_GRP_TYPE_RES) {
        json_open_object(j, "resilient_args");
        json_uint(j, "buckets", nh->buckets);
        json_double(j, "idle_timer", seconds_of(nh->idle_timer));
        json_double(j, "unbalanced_timer", seconds_of(nh->unbalanced_timer));
        json_close_object(j);
    }
}

void fmt_nexthop_json(struct json *j, struct view *v, const struct netvane_nexthop *nh,
                      const char *name)
{
    char ip[OUT_IP_MAX], buf[NAME_TEXT_MAX], dev[VIEW_NAME_MAX];

    json_open_object(j, name);
    json_uint(j, "id", nh->nhid);
    if (nh->present & NETVANE_NEXTHOP_GROUP)
        group_json(j, v, nh);
    fmt_encap_json(j, v, nh->encap_type, nh->encap);
    if (nh->gw_family != 0)
        json_string(j, "gateway", out_ip(nh->gw_family, nh->gateway, ip));
    if (nh->ifindex != 0)
        json_string(j, "dev", view_ifname(v, nh->ifindex, dev));
    json_string(j, "scope", name_of(NAME_SCOPE, nh->scope, buf));
    if (nh->present & NETVANE_NEXTHOP_BLACKHOLE)
        json_null(j, "blackhole");
    json_string(j, "protocol", name_of(NAME_PROTO, nh->protocol, buf));
    fmt_route_flags_json(j, nh->flags);
    if (nh->present & NETVANE_NEXTHOP_FDB)
        json_null(j, "fdb");
    json_close_object(j);
}

static void group_text(FILE *out, struct view *v, const struct netvane_nexthop *nh)
{
    struct netvane_member member;

    fputs("group ", out);
    for (uint32_t i = 0; i < nh->member_count && member_at(v, nh, i, &member); i++) {
        fprintf(out, i == 0 ? "%u" : "/%u", member.nhid);
        if (member.weight > 1)
            fprintf(out, ",%u", member.weight);
    }
    fputc(' ', out);
    if (nh->group_type != NEXTHOP_GRP_TYPE_MPATH)
        fprintf(out, "type %s ", group_type(nh->group_type));
    if (nh->group_type == NEXTHOP_GRP_TYPE_RES)
        fprintf(out, "buckets %u idle_timer %g unbalanced_timer %g ", nh->buckets,
                seconds_of(nh->idle_timer), seconds_of(nh->unbalanced_timer));
}

void fmt_nexthop_text(FILE *out, struct view *v, const struct netvane_nexthop *nh)
{
    char ip[OUT_IP_MAX], buf[NAME_TEXT_MAX], dev[VIEW_NAME_MAX];

    fprintf(out, "id %u ", nh->nhid);
    if (nh->present & NETVANE_NEXTHOP_GROUP)
        group_text(out, v, nh);
    fmt_encap_text(out, v, nh->encap_type, nh->encap);
    if (nh->gw_family != 0) {
        fputs("via ", out);
        out_color(out, out_family_color(nh->gw_family), "%s ",
                  out_ip(nh->gw_family, nh->gateway, ip));
    }
    if (nh->ifindex != 0) {
        fputs("dev ", out);
        out_color(out, OUT_IFNAME, "%s ", view_ifname(v, nh->ifindex, dev));
    }
    if (nh->scope != RT_SCOPE_UNIVERSE)
        fprintf(out, "scope %s ", name_of(NAME_SCOPE, nh->scope, buf));
    if (nh->present & NETVANE_NEXTHOP_BLACKHOLE)
        fputs("blackhole ", out);
    if (nh->protocol != RTPROT_UNSPEC)
        fprintf(out, "proto %s ", name_of(NAME_PROTO, nh->protocol, buf));
    fmt_route_flags_text(out, nh->flags);
    if (nh->present & NETVANE_NEXTHOP_FDB)
        fputs("fdb", out);
}
