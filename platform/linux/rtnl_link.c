/* SPDX-License-Identifier: MIT */
/*
 * rtnl_link.c - RTM_NEWLINK and RTM_DELLINK to a link.
 *
 * Owns:      which attributes of a link are kept.
 * Assumes:   rtnl_decode.c has set the event's kind from the message's type.
 * Promises:  what was not in the message has no bit in `has`. NV_LINK_COMPLETE only where absence means
 *            absence: not for the wireless extensions' events, which carry a name and nothing else.
 * Leaves:    merging of partial messages to the mirror.
 */
#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "nv/base.h"
#include "rtnl_attr.h"
#include "rtnl_decode.h"

static bool text_is(const struct nv_text *t, const char *word)
{
    return t->len == strlen(word) && !memcmp(t->bytes, word, t->len);
}

static void decode_info_data(struct nv_link *l, struct rtnl_attrs *info)
{
    struct rtnl_attrs data;
    uint16_t u16 = 0;
    rtnl_parse_nested(info, IFLA_INFO_DATA, &data);
    if (text_is(&l->kind, "vlan")) {
        struct ifla_vlan_flags flags = {0};
        if (rtnl_u16(&data, IFLA_VLAN_ID, &u16))
            l->info[0] = u16;
        if (rtnl_u16(&data, IFLA_VLAN_PROTOCOL, &u16))
            l->info[1] = ntohs(u16);
        if (rtnl_struct(&data, IFLA_VLAN_FLAGS, &flags, sizeof flags))
            l->info[2] = flags.flags;
    } else if (text_is(&l->kind, "vrf")) {
        (void)rtnl_u32(&data, IFLA_VRF_TABLE, &l->info[0]);
    } else if (text_is(&l->kind, "vxlan")) {
        (void)rtnl_u32(&data, IFLA_VXLAN_ID, &l->info[0]);
    } else if (text_is(&l->kind, "macvlan") || text_is(&l->kind, "macvtap")) {
        (void)rtnl_u32(&data, IFLA_MACVLAN_MODE, &l->info[0]);
    } else {
        return;
    }
    l->has |= NV_LINK_HAS_INFO;
    if (data.bad)
        info->bad = true;
}

static void decode_info(struct nv_rtnl_decoder *d, struct rtnl_attrs *a)
{
    struct nv_link *l = &d->link;
    struct rtnl_attrs info;
    rtnl_parse_nested(a, IFLA_LINKINFO, &info);
    if (rtnl_text(&info, IFLA_INFO_KIND, &l->kind, &d->clipped)) {
        l->has |= NV_LINK_HAS_KIND;
        if (rtnl_get(&info, IFLA_INFO_DATA))
            decode_info_data(l, &info);
    }
    if (rtnl_text(&info, IFLA_INFO_SLAVE_KIND, &l->slave_kind, &d->clipped))
        l->has |= NV_LINK_HAS_SLAVE_KIND;
    if (info.bad)
        a->bad = true;
}

static void decode_altnames(struct nv_rtnl_decoder *d, struct rtnl_attrs *a)
{
    struct nv_link *l = &d->link;
    const struct nlattr *list = rtnl_get(a, IFLA_PROP_LIST);
    l->altnames = d->altnames;
    if (!list)
        return;
    const void *end = rtnl_end(list);
    const struct nlattr *attr = mnl_attr_get_payload(list);
    for (; mnl_attr_ok(attr, rtnl_left(attr, end)); attr = mnl_attr_next(attr)) {
        if (mnl_attr_get_type(attr) != IFLA_ALT_IFNAME)
            continue;
        if (l->altname_count == NV_ALTNAMES_MAX) {
            d->clipped++;
            return;
        }
        struct nv_text name = rtnl_string(attr);
        if (!name.len || name.len >= 128) { /* ALTIFNAMSIZ */
            a->bad = true;
            return;
        }
        d->altnames[l->altname_count++] = name;
    }
    if (rtnl_left(attr, end) > 0)
        a->bad = true;
}

static void decode_af_spec(struct nv_link *l, struct rtnl_attrs *a)
{
    struct rtnl_attrs families;
    struct rtnl_attrs inet6;
    rtnl_parse_nested(a, IFLA_AF_SPEC, &families);
    rtnl_parse_nested(&families, AF_INET6, &inet6);
    if (rtnl_u8(&inet6, IFLA_INET6_ADDR_GEN_MODE, &l->addrgen))
        l->has |= NV_LINK_HAS_ADDRGEN;
    if (families.bad || inet6.bad)
        a->bad = true;
}

static bool decode_hwaddr(struct rtnl_attrs *a, unsigned type, uint8_t ret[32], uint8_t *ret_len)
{
    const struct nlattr *attr = rtnl_get(a, type);
    if (!attr)
        return false;
    uint16_t len = mnl_attr_get_payload_len(attr);
    if (len > 32) { /* MAX_ADDR_LEN */
        a->bad = true;
        return false;
    }
    memcpy(ret, mnl_attr_get_payload(attr), len);
    *ret_len = (uint8_t)len;
    return true;
}

static void decode_numbers(struct nv_link *l, struct rtnl_attrs *a)
{
    uint32_t u32;
    uint8_t u8;
    if (rtnl_u32(a, IFLA_MTU, &l->mtu))
        l->has |= NV_LINK_HAS_MTU;
    if (rtnl_u32(a, IFLA_MIN_MTU, &l->min_mtu) && rtnl_u32(a, IFLA_MAX_MTU, &l->max_mtu))
        l->has |= NV_LINK_HAS_MTU_RANGE;
    if (rtnl_u32(a, IFLA_TXQLEN, &l->txqlen))
        l->has |= NV_LINK_HAS_TXQLEN;
    if (rtnl_u8(a, IFLA_OPERSTATE, &l->operstate))
        l->has |= NV_LINK_HAS_OPERSTATE;
    if (rtnl_u8(a, IFLA_LINKMODE, &l->linkmode))
        l->has |= NV_LINK_HAS_LINKMODE;
    if (rtnl_u32(a, IFLA_GROUP, &l->group))
        l->has |= NV_LINK_HAS_GROUP;
    if (rtnl_u32(a, IFLA_NUM_TX_QUEUES, &l->num_tx_queues) &&
        rtnl_u32(a, IFLA_NUM_RX_QUEUES, &l->num_rx_queues))
        l->has |= NV_LINK_HAS_QUEUES;
    if (rtnl_u32(a, IFLA_LINK, &l->link))
        l->has |= NV_LINK_HAS_LINK;
    if (rtnl_u32(a, IFLA_LINK_NETNSID, &u32)) {
        memcpy(&l->link_netnsid, &u32, sizeof u32);
        l->has |= NV_LINK_HAS_LINK_NETNS;
    }
    if (rtnl_u32(a, IFLA_MASTER, &l->master))
        l->has |= NV_LINK_HAS_MASTER;
    if (rtnl_u8(a, IFLA_PROTO_DOWN, &u8)) {
        l->proto_down = u8 != 0;
        l->has |= NV_LINK_HAS_PROTO_DOWN;
    }
}

static void decode_texts(struct nv_rtnl_decoder *d, struct rtnl_attrs *a)
{
    struct nv_link *l = &d->link;
    if (rtnl_name(a, IFLA_IFNAME, l->name))
        l->has |= NV_LINK_HAS_NAME;
    if (decode_hwaddr(a, IFLA_ADDRESS, l->addr, &l->addr_len))
        l->has |= NV_LINK_HAS_ADDR;
    if (decode_hwaddr(a, IFLA_BROADCAST, l->brd, &l->brd_len))
        l->has |= NV_LINK_HAS_BRD;
    if (decode_hwaddr(a, IFLA_PERM_ADDRESS, l->perm, &l->perm_len))
        l->has |= NV_LINK_HAS_PERM;
    if (rtnl_text(a, IFLA_QDISC, &l->qdisc, &d->clipped))
        l->has |= NV_LINK_HAS_QDISC;
    if (rtnl_text(a, IFLA_IFALIAS, &l->alias, &d->clipped))
        l->has |= NV_LINK_HAS_ALIAS;
    bool bus = rtnl_text(a, IFLA_PARENT_DEV_BUS_NAME, &l->parent_bus, &d->clipped);
    bool dev = rtnl_text(a, IFLA_PARENT_DEV_NAME, &l->parent_dev, &d->clipped);
    if (bus || dev)
        l->has |= NV_LINK_HAS_PARENT;
}

enum nv_rtnl_verdict nv_rtnl_link(struct nv_rtnl_decoder *d, const struct nlmsghdr *nlh,
                                  struct nv_event *ev)
{
    const struct ifinfomsg *ifi = nv_rtnl_body(nlh, sizeof(struct ifinfomsg));
    if (!ifi)
        return NV_RTNL_MALFORMED;
    /* A port that leaves its bridge is announced as RTM_DELLINK of AF_BRIDGE: the link stays. */
    if (ifi->ifi_family == AF_BRIDGE)
        return NV_RTNL_IGNORED;
    if (ifi->ifi_index <= 0)
        return NV_RTNL_MALFORMED;
    if (ifi->ifi_family == AF_INET6) {
        if (ev->kind != NV_EV_UPSERT)
            return NV_RTNL_IGNORED;
        ev->kind = NV_EV_HINT;
        ev->hint = NV_HINT_RA;
        ev->ifindex = (uint32_t)ifi->ifi_index;
        return NV_RTNL_FACT;
    }
    if (ifi->ifi_family != AF_UNSPEC)
        return NV_RTNL_UNKNOWN;

    struct nv_link *l = &d->link;
    memset(l, 0, sizeof *l);
    l->ifindex = (uint32_t)ifi->ifi_index;
    l->flags = ifi->ifi_flags;
    l->change = ifi->ifi_change;
    l->type = ifi->ifi_type;

    struct rtnl_attrs a;
    rtnl_parse(&a, nlh, sizeof *ifi);
    d->unknown_attrs += a.strange;
    decode_numbers(l, &a);
    decode_texts(d, &a);
    decode_info(d, &a);
    decode_altnames(d, &a);
    decode_af_spec(l, &a);
    if (a.bad)
        return NV_RTNL_MALFORMED;

    if (ev->kind == NV_EV_REMOVE)
        l->moved_netns = rtnl_get(&a, IFLA_NEW_NETNSID) || rtnl_get(&a, IFLA_NEW_IFINDEX);
    else if ((l->has & NV_LINK_HAS_NAME) && (l->has & NV_LINK_HAS_MTU) &&
             !rtnl_get(&a, IFLA_WIRELESS))
        l->has |= NV_LINK_COMPLETE;
    ev->cls = NV_LINK;
    ev->link = l;
    return NV_RTNL_FACT;
}
