/* SPDX-License-Identifier: MIT */
/*
 * fmt_route.c - a route as `ip route` prints it.
 *
 * Owns:      the keys of `ip -j -d route` and the line of `ip route`, one more for each hop.
 * Assumes:   see fmt.h.
 * Promises:  hops of a multipath route in the order of the State, which is the kernel's.
 * Leaves:    metrics to fmt_metrics.c, encapsulations to fmt_encap.c, nexthop objects to fmt_nexthop.c.
 */
#include "fmt.h"
#include "names.h"
#include "out_text.h"

#include <linux/icmpv6.h>
#include <linux/rtnetlink.h>

void fmt_route_flags_json(struct json *j, uint32_t flags)
{
    json_open_array(j, "flags");
    for (const struct name_flag *flag = name_route_flags; flag->word != NULL; flag++) {
        if (flags & flag->bit)
            json_string(j, NULL, flag->word);
    }
    json_close_array(j);
}

void fmt_route_flags_text(FILE *out, uint32_t flags)
{
    for (const struct name_flag *flag = name_route_flags; flag->word != NULL; flag++) {
        if (flags & flag->bit)
            fprintf(out, "%s ", flag->word);
    }
}

static const char *destination(const struct netvane_route *route, char buf[OUT_IP_MAX])
{
    return route->dst_len == 0 ? "default"
                               : out_prefix(route->family, route->dst, route->dst_len, buf);
}

void fmt_realm_json(struct json *j, uint32_t realm)
{
    char buf[NAME_TEXT_MAX];

    if (realm == 0)
        return;
    json_open_object(j, "flow");
    if (realm >> 16 != 0)
        json_string(j, "from", name_of(NAME_REALM, realm >> 16, buf));
    json_string(j, "to", name_of(NAME_REALM, realm & 0xffffu, buf));
    json_close_object(j);
}

void fmt_realm_text(FILE *out, uint32_t realm)
{
    char buf[NAME_TEXT_MAX];

    if (realm == 0)
        return;
    fputs(realm >> 16 != 0 ? "realms " : "realm ", out);
    if (realm >> 16 != 0)
        fprintf(out, "%s/", name_of(NAME_REALM, realm >> 16, buf));
    fprintf(out, "%s ", name_of(NAME_REALM, realm & 0xffffu, buf));
}

void fmt_gateway_json(struct json *j, unsigned family, const struct netvane_hop *hop)
{
    char ip[OUT_IP_MAX];

    if (hop->gw_family == 0)
        return;
    if (hop->gw_family == family) {
        json_string(j, "gateway", out_ip(family, hop->gateway, ip));
        return;
    }
    json_open_object(j, "via");
    json_string(j, "family", name_family(hop->gw_family));
    json_string(j, "host", out_ip(hop->gw_family, hop->gateway, ip));
    json_close_object(j);
}

void fmt_gateway_text(FILE *out, unsigned family, const struct netvane_hop *hop)
{
    char ip[OUT_IP_MAX];

    if (hop->gw_family == 0)
        return;
    fputs("via ", out);
    if (hop->gw_family != family)
        fprintf(out, "%s ", name_family(hop->gw_family));
    out_color(out, out_family_color(hop->gw_family), "%s ",
              out_ip(hop->gw_family, hop->gateway, ip));
}

const char *fmt_pref_name(unsigned pref, char buf[NAME_TEXT_MAX])
{
    switch (pref) {
    case ICMPV6_ROUTER_PREF_LOW: return "low";
    case ICMPV6_ROUTER_PREF_MEDIUM: return "medium";
    case ICMPV6_ROUTER_PREF_HIGH: return "high";
    default: snprintf(buf, NAME_TEXT_MAX, "%u", pref); return buf;
    }
}

static bool hop_at(struct view *v, const struct netvane_route *route, uint32_t index,
                   struct netvane_hop *ret_hop)
{
    NETVANE_INIT(ret_hop);
    int rc = netvane_route_hop(&v->snap, route, index, ret_hop);
    view_fail(v, rc);
    return rc == 0;
}

static void hops_json(struct json *j, struct view *v, const struct netvane_route *route)
{
    struct netvane_hop hop;
    char name[VIEW_NAME_MAX];

    json_open_array(j, "nexthops");
    for (uint32_t i = 0; i < route->hop_count && hop_at(v, route, i, &hop); i++) {
        json_open_object(j, NULL);
        fmt_encap_json(j, v, hop.encap_type, hop.encap);
        fmt_gateway_json(j, route->family, &hop);
        fmt_realm_json(j, hop.realm);
        json_string(j, "dev", view_ifname(v, hop.ifindex, name));
        json_uint(j, "weight", hop.weight);
        fmt_route_flags_json(j, hop.flags);
        json_close_object(j);
    }
    json_close_array(j);
}

static void hops_text(FILE *out, struct view *v, const struct netvane_route *route, unsigned how)
{
    struct netvane_hop hop;
    char name[VIEW_NAME_MAX];

    for (uint32_t i = 0; i < route->hop_count && hop_at(v, route, i, &hop); i++) {
        if (!(how & FMT_ONE_LINE))
            fputs("\n\t", out);
        else if (i == 0 && route->family == 6)
            fputc(' ', out); /* behind "pref medium" */
        fputs("nexthop ", out);
        fmt_encap_text(out, v, hop.encap_type, hop.encap);
        fmt_gateway_text(out, route->family, &hop);
        fmt_realm_text(out, hop.realm);
        fputs("dev ", out);
        out_color(out, OUT_IFNAME, "%s ", view_ifname(v, hop.ifindex, name));
        fprintf(out, "weight %u ", hop.weight);
        fmt_route_flags_text(out, hop.flags);
    }
}

static void nexthop_info_json(struct json *j, struct view *v, uint32_t nhid)
{
    struct netvane_nexthop nh;
    NETVANE_INIT(&nh);
    int rc = netvane_nexthop_get(&v->snap, nhid, &nh);

    view_fail(v, rc);
    if (rc == 0)
        fmt_nexthop_json(j, v, &nh, "nh_info");
}

/* IPv6 routes always have a metric; on IPv4 0 means none. */
static bool has_metric(const struct netvane_route *route)
{
    return route->metric != 0 || route->family == 6;
}

void fmt_route_json(struct json *j, struct view *v, const struct netvane_route *route, unsigned how)
{
    char ip[OUT_IP_MAX], buf[NAME_TEXT_MAX], name[VIEW_NAME_MAX];

    json_open_object(j, NULL);
    json_string(j, "type", name_route_type(route->type, buf));
    json_string(j, "dst", destination(route, ip));
    if (route->src_len != 0)
        json_string(j, "from", out_prefix(route->family, route->src, route->src_len, ip));
    if (route->nhid != 0)
        json_uint(j, "nhid", route->nhid);
    if (!route->multipath)
        fmt_encap_json(j, v, route->hop.encap_type, route->hop.encap);
    if (route->tos != 0)
        json_string(j, "tos", name_of(NAME_DSFIELD, route->tos, buf));
    if (!route->multipath) {
        fmt_gateway_json(j, route->family, &route->hop);
        if (route->hop.ifindex != 0 && !(how & FMT_HIDE_DEV))
            json_string(j, "dev", view_ifname(v, route->hop.ifindex, name));
    }
    if (!(how & FMT_HIDE_TABLE))
        json_string(j, "table", name_of(NAME_TABLE, route->table, buf));
    if (!(how & FMT_HIDE_PROTO))
        json_string(j, "protocol", name_of(NAME_PROTO, route->protocol, buf));
    json_string(j, "scope", name_of(NAME_SCOPE, route->scope, buf));
    if (route->has_prefsrc)
        json_string(j, "prefsrc", out_ip(route->family, route->prefsrc, ip));
    if (has_metric(route))
        json_uint(j, "metric", route->metric);
    fmt_route_flags_json(j, route->flags);
    if (!route->multipath)
        fmt_realm_json(j, route->hop.realm);
    if (route->valid_until_ns != UINT64_MAX && route->family == 6)
        json_uint(j, "expires", fmt_seconds_left(route->valid_until_ns, false));
    fmt_metrics_json(j, v, route);
    if (route->family == 6)
        json_string(j, "pref", fmt_pref_name(route->pref, buf));
    if (route->nhid != 0 && !(how & FMT_NO_INFO))
        nexthop_info_json(j, v, route->nhid);
    if (route->multipath)
        hops_json(j, v, route);
    json_close_object(j);
}

static void where_text(FILE *out, struct view *v, const struct netvane_route *route, unsigned how)
{
    char name[VIEW_NAME_MAX];

    fmt_encap_text(out, v, route->hop.encap_type, route->hop.encap);
    if (route->tos != 0)
        fprintf(out, "tos %s ", name_of(NAME_DSFIELD, route->tos, (char[NAME_TEXT_MAX]){0}));
    fmt_gateway_text(out, route->family, &route->hop);
    if (route->hop.ifindex != 0 && !(how & FMT_HIDE_DEV)) {
        fputs("dev ", out);
        out_color(out, OUT_IFNAME, "%s ", view_ifname(v, route->hop.ifindex, name));
    }
}

void fmt_route_text(FILE *out, struct view *v, const struct netvane_route *route, unsigned how)
{
    enum out_color color = route->dst_len == 0 ? OUT_PLAIN : out_family_color(route->family);
    char ip[OUT_IP_MAX], buf[NAME_TEXT_MAX];

    if (route->type != RTN_UNICAST)
        fprintf(out, "%s ", name_route_type(route->type, buf));
    out_color(out, color, "%s ", destination(route, ip));
    if (route->src_len != 0)
        fprintf(out, "from %s ", out_prefix(route->family, route->src, route->src_len, ip));
    if (route->nhid != 0)
        fprintf(out, "nhid %u ", route->nhid);
    if (!route->multipath)
        where_text(out, v, route, how);
    else if (route->tos != 0)
        fprintf(out, "tos %s ", name_of(NAME_DSFIELD, route->tos, buf));
    if (route->table != RT_TABLE_MAIN && !(how & FMT_HIDE_TABLE))
        fprintf(out, "table %s ", name_of(NAME_TABLE, route->table, buf));
    if (route->protocol != RTPROT_BOOT && !(how & FMT_HIDE_PROTO))
        fprintf(out, "proto %s ", name_of(NAME_PROTO, route->protocol, buf));
    if (route->scope != RT_SCOPE_UNIVERSE)
        fprintf(out, "scope %s ", name_of(NAME_SCOPE, route->scope, buf));
    if (route->has_prefsrc) {
        fputs("src ", out);
        out_color(out, out_family_color(route->family), "%s ",
                  out_ip(route->family, route->prefsrc, ip));
    }
    if (has_metric(route))
        fprintf(out, "metric %u ", route->metric);
    fmt_route_flags_text(out, route->flags);
    if (!route->multipath)
        fmt_realm_text(out, route->hop.realm);
    if (route->valid_until_ns != UINT64_MAX && route->family == 6)
        fprintf(out, "expires %usec ", fmt_seconds_left(route->valid_until_ns, false));
    fmt_metrics_text(out, v, route);
    if (route->family == 6)
        fprintf(out, "pref %s", fmt_pref_name(route->pref, buf));
    if (route->multipath)
        hops_text(out, v, route, how);
}
