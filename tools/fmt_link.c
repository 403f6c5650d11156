/* SPDX-License-Identifier: MIT */
/*
 * fmt_link.c - a link as `ip link` prints it.
 *
 * Owns:      the keys of `ip -j -d link` and the two lines of `ip link`.
 * Assumes:   see fmt.h.
 * Promises:  info_data of the kinds whose settings the State holds: vlan, vrf, vxlan, macvlan, macvtap.
 * Leaves:    the addresses below a link to fmt_addr.c.
 */
#include "fmt.h"
#include "names.h"
#include "out_text.h"

#include <linux/if.h>
#include <linux/if_link.h>
#include <string.h>

/* Each word of the flags as `ip` shows them; returns the bits that have none. */
static uint32_t each_flag(const struct netvane_link *link, bool link_is_down,
                          void (*fn)(void *arg, const char *word), void *arg)
{
    uint32_t flags = link->flags;
    char rest[16];

    if ((flags & IFF_UP) && !(flags & IFF_RUNNING))
        fn(arg, "NO-CARRIER");
    flags &= ~(uint32_t)IFF_RUNNING;
    for (const struct name_flag *flag = name_link_flags; flag->word != NULL; flag++) {
        if (flags & flag->bit)
            fn(arg, flag->word);
        flags &= ~flag->bit;
    }
    if (flags != 0) {
        snprintf(rest, sizeof(rest), "%x", flags);
        fn(arg, rest);
    }
    if (link_is_down)
        fn(arg, "M-DOWN");
    return flags;
}

static void flag_json(void *arg, const char *word)
{
    json_string(arg, NULL, word);
}

struct word_list {
    FILE *out;
    bool some;
};

static void flag_text(void *arg, const char *word)
{
    struct word_list *list = arg;

    fprintf(list->out, "%s%s", list->some ? "," : "", word);
    list->some = true;
}

/* Is the lower link of this namespace there, and down? */
static bool lower_is_down(struct view *v, const struct netvane_link *link)
{
    struct netvane_link lower;

    if (!(link->present & NETVANE_LINK_HAS_LINK) || link->link == 0 ||
        (link->present & NETVANE_LINK_HAS_LINK_NETNS))
        return false;
    NETVANE_INIT(&lower);
    int rc = netvane_link_get(&v->snap, link->link, &lower);
    view_fail(v, rc);
    return rc == 0 && !(lower.flags & IFF_UP);
}

const char *fmt_link_kind(struct view *v, const struct netvane_link *link,
                          char buf[VIEW_STRING_MAX])
{
    char type[NAME_TEXT_MAX];

    if (view_string(v, link->kind, buf) == 0)
        snprintf(buf, VIEW_STRING_MAX, "%s", name_link_type(link->type, type));
    return buf;
}

static const char *macvlan_mode(uint32_t mode)
{
    switch (mode) {
    case MACVLAN_MODE_PRIVATE: return "private";
    case MACVLAN_MODE_VEPA: return "vepa";
    case MACVLAN_MODE_BRIDGE: return "bridge";
    case MACVLAN_MODE_PASSTHRU: return "passthru";
    case MACVLAN_MODE_SOURCE: return "source";
    default: return "unknown";
    }
}

static void vlan_json(struct json *j, const uint32_t info[3])
{
    uint32_t flags = info[2];
    char buf[NAME_TEXT_MAX];

    json_string(j, "protocol", name_eth_proto(info[1], buf));
    json_uint(j, "id", info[0]);
    json_open_array(j, "flags");
    for (const struct name_flag *flag = name_vlan_flags; flag->word != NULL; flag++) {
        if (flags & flag->bit)
            json_string(j, NULL, flag->word);
        flags &= ~flag->bit;
    }
    json_close_array(j);
}

static void info_json(struct json *j, const char *kind, const uint32_t info[3])
{
    bool macvlan = strcmp(kind, "macvlan") == 0 || strcmp(kind, "macvtap") == 0;

    if (!macvlan && strcmp(kind, "vlan") != 0 && strcmp(kind, "vrf") != 0 &&
        strcmp(kind, "vxlan") != 0)
        return;
    json_open_object(j, "info_data");
    if (macvlan)
        json_string(j, "mode", macvlan_mode(info[0]));
    else if (strcmp(kind, "vlan") == 0)
        vlan_json(j, info);
    else if (strcmp(kind, "vrf") == 0)
        json_uint(j, "table", info[0]);
    else
        json_uint(j, "id", info[0]);
    json_close_object(j);
}

static void kind_json(struct json *j, struct view *v, const struct netvane_link *link)
{
    char text[VIEW_STRING_MAX];

    if (link->kind == 0 && link->slave_kind == 0)
        return;
    json_open_object(j, "linkinfo");
    if (view_string(v, link->kind, text) > 0) {
        json_string(j, "info_kind", text);
        if (link->present & NETVANE_LINK_HAS_INFO)
            info_json(j, text, link->info);
    }
    if (view_string(v, link->slave_kind, text) > 0)
        json_string(j, "info_slave_kind", text);
    json_close_object(j);
}

static const char *addrgen_name(unsigned mode, char buf[NAME_TEXT_MAX])
{
    static const char *const modes[] = {"eui64", "none", "stable_secret", "random"};

    if (mode < sizeof(modes) / sizeof(modes[0]))
        return modes[mode];
    snprintf(buf, NAME_TEXT_MAX, "%#.2x", mode);
    return buf;
}

static bool has_other_perm_address(const struct netvane_link *link)
{
    return link->perm_address_len > 0 &&
           (link->perm_address_len != link->address_len ||
            memcmp(link->perm_address, link->address, link->address_len) != 0);
}

static void lladdr_json(struct json *j, const struct netvane_link *link)
{
    char buf[OUT_LLADDR_MAX], type[NAME_TEXT_MAX];

    json_string(j, "link_type", name_link_type(link->type, type));
    if (link->address_len > 0)
        json_string(j, "address", out_lladdr(link->type, link->address, link->address_len, buf));
    if (link->broadcast_len > 0) {
        if (link->flags & IFF_POINTOPOINT)
            json_bool(j, "link_pointtopoint", true);
        json_string(j, "broadcast",
                    out_lladdr(link->type, link->broadcast, link->broadcast_len, buf));
    }
    if (has_other_perm_address(link))
        json_string(j, "permaddr",
                    out_lladdr(link->type, link->perm_address, link->perm_address_len, buf));
}

static void altnames_json(struct json *j, struct view *v, const struct netvane_link *link)
{
    char name[130];

    if (link->altname_count == 0)
        return;
    json_open_array(j, "altnames");
    for (uint32_t i = 0; i < link->altname_count; i++) {
        int rc = netvane_link_altname(&v->snap, link->ifindex, i, name, sizeof(name));
        view_fail(v, rc);
        if (rc >= 0)
            json_string(j, NULL, name);
    }
    json_close_array(j);
}

static void head_json(struct json *j, struct view *v, const struct netvane_link *link, unsigned how)
{
    char name[VIEW_NAME_MAX], text[VIEW_STRING_MAX], buf[NAME_TEXT_MAX];

    json_uint(j, "ifindex", link->ifindex);
    if (link->present & NETVANE_LINK_HAS_LINK) {
        if (link->link == 0)
            json_null(j, "link");
        else if (link->present & NETVANE_LINK_HAS_LINK_NETNS)
            json_uint(j, "link_index", link->link);
        else
            json_string(j, "link", view_ifname(v, link->link, name));
    }
    snprintf(name, sizeof(name), "%.16s", link->name);
    json_string(j, "ifname", name);
    json_open_array(j, "flags");
    each_flag(link, lower_is_down(v, link), flag_json, j);
    json_close_array(j);
    json_uint(j, "mtu", link->mtu);
    if (view_string(v, link->qdisc, text) > 0)
        json_string(j, "qdisc", text);
    if (link->master != 0)
        json_string(j, "master", view_ifname(v, link->master, name));
    if (name_operstate(link->operstate) != NULL)
        json_string(j, "operstate", name_operstate(link->operstate));
    else
        json_uint(j, "operstate_index", link->operstate);
    if (!(how & FMT_ADDR_VERB)) {
        if (link->linkmode <= 1)
            json_string(j, "linkmode", link->linkmode == 0 ? "DEFAULT" : "DORMANT");
        else
            json_uint(j, "linkmode_index", link->linkmode);
    }
    json_string(j, "group", name_of(NAME_GROUP, link->group, buf));
    if ((link->present & NETVANE_LINK_HAS_TXQLEN) && link->txqlen != 0)
        json_uint(j, "txqlen", link->txqlen);
}

void fmt_link_json(struct json *j, struct view *v, const struct netvane_link *link, unsigned how)
{
    char text[VIEW_STRING_MAX], buf[NAME_TEXT_MAX];

    head_json(j, v, link, how);
    lladdr_json(j, link);
    if (link->present & NETVANE_LINK_HAS_LINK_NETNS)
        json_int(j, "link_netnsid", link->link_netnsid);
    if (link->present & NETVANE_LINK_PROTO_DOWN)
        json_bool(j, "proto_down", true);
    if (link->present & NETVANE_LINK_HAS_MTU_RANGE) {
        json_uint(j, "min_mtu", link->min_mtu);
        json_uint(j, "max_mtu", link->max_mtu);
    }
    kind_json(j, v, link);
    if (!(how & FMT_ADDR_VERB) && (link->present & NETVANE_LINK_HAS_ADDRGEN))
        json_string(j, "inet6_addr_gen_mode", addrgen_name(link->addrgen, buf));
    json_uint(j, "num_tx_queues", link->num_tx_queues);
    json_uint(j, "num_rx_queues", link->num_rx_queues);
    if (view_string(v, link->parent_bus, text) > 0)
        json_string(j, "parentbus", text);
    if (view_string(v, link->parent_dev, text) > 0)
        json_string(j, "parentdev", text);
    if (view_string(v, link->alias, text) > 0)
        json_string(j, "ifalias", text);
    altnames_json(j, v, link);
}

static void head_text(FILE *out, struct view *v, const struct netvane_link *link, unsigned how)
{
    struct word_list list = {.out = out};
    char name[VIEW_NAME_MAX], text[VIEW_STRING_MAX], buf[NAME_TEXT_MAX];

    fprintf(out, "%u: ", link->ifindex);
    if (!(link->present & NETVANE_LINK_HAS_LINK))
        out_color(out, OUT_IFNAME, "%.16s: ", link->name);
    else if (link->link == 0)
        out_color(out, OUT_IFNAME, "%.16s@NONE: ", link->name);
    else if (link->present & NETVANE_LINK_HAS_LINK_NETNS)
        out_color(out, OUT_IFNAME, "%.16s@if%u: ", link->name, link->link);
    else
        out_color(out, OUT_IFNAME, "%.16s@%s: ", link->name, view_ifname(v, link->link, name));
    fputc('<', out);
    each_flag(link, lower_is_down(v, link), flag_text, &list);
    fprintf(out, "> mtu %u ", link->mtu);
    if (view_string(v, link->qdisc, text) > 0)
        fprintf(out, "qdisc %s ", text);
    if (link->master != 0)
        fprintf(out, "master %s ", view_ifname(v, link->master, name));
    if (name_operstate(link->operstate) == NULL) {
        fprintf(out, "state %#x ", (unsigned)link->operstate);
    } else {
        fputs("state ", out);
        out_color(out,
                  link->operstate == 6   ? OUT_GOOD
                  : link->operstate == 2 ? OUT_BAD
                                         : OUT_PLAIN,
                  "%s ", name_operstate(link->operstate));
    }
    if (!(how & FMT_ADDR_VERB))
        fprintf(out, "mode %s ", link->linkmode == 0 ? "DEFAULT" : "DORMANT");
    fprintf(out, "group %s ", name_of(NAME_GROUP, link->group, buf));
    if ((link->present & NETVANE_LINK_HAS_TXQLEN) && link->txqlen != 0)
        fprintf(out, "qlen %u", link->txqlen);
}

static void lladdr_text(FILE *out, const struct netvane_link *link)
{
    char buf[OUT_LLADDR_MAX], type[NAME_TEXT_MAX];

    fprintf(out, "link/%s ", name_link_type(link->type, type));
    if (link->address_len > 0)
        out_color(out, OUT_MAC, "%s",
                  out_lladdr(link->type, link->address, link->address_len, buf));
    if (link->broadcast_len > 0) {
        fputs(link->flags & IFF_POINTOPOINT ? " peer " : " brd ", out);
        out_color(out, OUT_MAC, "%s",
                  out_lladdr(link->type, link->broadcast, link->broadcast_len, buf));
    }
    if (has_other_perm_address(link)) {
        fputs(" permaddr ", out);
        out_color(out, OUT_MAC, "%s",
                  out_lladdr(link->type, link->perm_address, link->perm_address_len, buf));
    }
    if ((link->present & NETVANE_LINK_HAS_LINK_NETNS) && link->link_netnsid < 0)
        fputs(" link-netnsid unknown", out);
    else if (link->present & NETVANE_LINK_HAS_LINK_NETNS)
        fprintf(out, " link-netnsid %d", link->link_netnsid);
    if (link->present & NETVANE_LINK_PROTO_DOWN)
        fputs(" protodown on ", out);
}

void fmt_link_text(FILE *out, struct view *v, const struct netvane_link *link, unsigned how)
{
    const char *new_line = how & FMT_ONE_LINE ? " " : "\n    ";
    char text[VIEW_STRING_MAX], name[130];

    head_text(out, v, link, how);
    if (!(how & FMT_HIDE_MAC)) {
        fputs(new_line, out);
        lladdr_text(out, link);
    }
    if (!(how & FMT_ADDR_VERB) && view_string(v, link->alias, text) > 0)
        fprintf(out, "%salias %s", new_line, text);
    for (uint32_t i = 0; i < link->altname_count; i++) {
        int rc = netvane_link_altname(&v->snap, link->ifindex, i, name, sizeof(name));
        view_fail(v, rc);
        if (rc >= 0)
            fprintf(out, "%saltname %s", new_line, name);
    }
}
