/* SPDX-License-Identifier: MIT */
/*
 * names_fixed.c - words for numbers that the kernel fixes.
 *
 * Owns:      route types, link types, operational states, flags, EtherTypes, families.
 * Assumes:   the values of the kernel's headers, which never change.
 * Promises:  the words of iproute2; numbers without a word keep their digits.
 * Leaves:    IP protocol names to the C library (/etc/protocols).
 */
#include "names.h"

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct word {
    uint32_t id;
    const char *name;
};

static const struct word route_types[] = {
    {RTN_UNSPEC, "none"},
    {RTN_UNICAST, "unicast"},
    {RTN_LOCAL, "local"},
    {RTN_BROADCAST, "broadcast"},
    {RTN_ANYCAST, "anycast"},
    {RTN_MULTICAST, "multicast"},
    {RTN_BLACKHOLE, "blackhole"},
    {RTN_UNREACHABLE, "unreachable"},
    {RTN_PROHIBIT, "prohibit"},
    {RTN_THROW, "throw"},
    {RTN_NAT, "nat"},
    {RTN_XRESOLVE, "xresolve"},
};

static const struct word link_types[] = {
    {ARPHRD_NETROM, "netrom"},
    {ARPHRD_ETHER, "ether"},
    {ARPHRD_EETHER, "eether"},
    {ARPHRD_AX25, "ax25"},
    {ARPHRD_PRONET, "pronet"},
    {ARPHRD_CHAOS, "chaos"},
    {ARPHRD_IEEE802, "ieee802"},
    {ARPHRD_ARCNET, "arcnet"},
    {ARPHRD_APPLETLK, "atalk"},
    {ARPHRD_DLCI, "dlci"},
    {ARPHRD_ATM, "atm"},
    {ARPHRD_METRICOM, "metricom"},
    {ARPHRD_IEEE1394, "ieee1394"},
    {ARPHRD_INFINIBAND, "infiniband"},
    {ARPHRD_SLIP, "slip"},
    {ARPHRD_CSLIP, "cslip"},
    {ARPHRD_SLIP6, "slip6"},
    {ARPHRD_CSLIP6, "cslip6"},
    {ARPHRD_RSRVD, "rsrvd"},
    {ARPHRD_ADAPT, "adapt"},
    {ARPHRD_ROSE, "rose"},
    {ARPHRD_X25, "x25"},
    {ARPHRD_HWX25, "hwx25"},
    {ARPHRD_CAN, "can"},
    {ARPHRD_PPP, "ppp"},
    {ARPHRD_HDLC, "hdlc"},
    {ARPHRD_LAPB, "lapb"},
    {ARPHRD_DDCMP, "ddcmp"},
    {ARPHRD_RAWHDLC, "rawhdlc"},
    {ARPHRD_TUNNEL, "ipip"},
    {ARPHRD_TUNNEL6, "tunnel6"},
    {ARPHRD_FRAD, "frad"},
    {ARPHRD_SKIP, "skip"},
    {ARPHRD_LOOPBACK, "loopback"},
    {ARPHRD_LOCALTLK, "ltalk"},
    {ARPHRD_FDDI, "fddi"},
    {ARPHRD_BIF, "bif"},
    {ARPHRD_SIT, "sit"},
    {ARPHRD_IPDDP, "ip/ddp"},
    {ARPHRD_IPGRE, "gre"},
    {ARPHRD_PIMREG, "pimreg"},
    {ARPHRD_HIPPI, "hippi"},
    {ARPHRD_ASH, "ash"},
    {ARPHRD_ECONET, "econet"},
    {ARPHRD_IRDA, "irda"},
    {ARPHRD_FCPP, "fcpp"},
    {ARPHRD_FCAL, "fcal"},
    {ARPHRD_FCPL, "fcpl"},
    {ARPHRD_IEEE802_TR, "tr"},
    {ARPHRD_IEEE80211, "ieee802.11"},
    {ARPHRD_IEEE80211_PRISM, "ieee802.11/prism"},
    {ARPHRD_IEEE80211_RADIOTAP, "ieee802.11/radiotap"},
    {ARPHRD_IEEE802154, "ieee802.15.4"},
    {ARPHRD_IEEE802154_MONITOR, "ieee802.15.4/monitor"},
    {ARPHRD_PHONET, "phonet"},
    {ARPHRD_PHONET_PIPE, "phonet_pipe"},
    {ARPHRD_CAIF, "caif"},
    {ARPHRD_IP6GRE, "gre6"},
    {ARPHRD_NETLINK, "netlink"},
    {ARPHRD_6LOWPAN, "6lowpan"},
    {ARPHRD_NONE, "none"},
    {ARPHRD_VOID, "void"},
};

static const char *const operstates[] = {
    "UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP",
};

const struct name_flag name_link_flags[] = {
    {IFF_LOOPBACK, "LOOPBACK"},
    {IFF_BROADCAST, "BROADCAST"},
    {IFF_POINTOPOINT, "POINTOPOINT"},
    {IFF_MULTICAST, "MULTICAST"},
    {IFF_NOARP, "NOARP"},
    {IFF_ALLMULTI, "ALLMULTI"},
    {IFF_PROMISC, "PROMISC"},
    {IFF_MASTER, "MASTER"},
    {IFF_SLAVE, "SLAVE"},
    {IFF_DEBUG, "DEBUG"},
    {IFF_DYNAMIC, "DYNAMIC"},
    {IFF_AUTOMEDIA, "AUTOMEDIA"},
    {IFF_PORTSEL, "PORTSEL"},
    {IFF_NOTRAILERS, "NOTRAILERS"},
    {IFF_UP, "UP"},
    {IFF_LOWER_UP, "LOWER_UP"},
    {IFF_DORMANT, "DORMANT"},
    {IFF_ECHO, "ECHO"},
    {0, NULL},
};

const struct name_flag name_route_flags[] = {
    {RTNH_F_DEAD, "dead"},
    {RTNH_F_ONLINK, "onlink"},
    {RTNH_F_PERVASIVE, "pervasive"},
    {RTNH_F_OFFLOAD, "offload"},
    {RTNH_F_TRAP, "trap"},
    {RTM_F_NOTIFY, "notify"},
    {RTNH_F_LINKDOWN, "linkdown"},
    {RTNH_F_UNRESOLVED, "unresolved"},
    {RTM_F_OFFLOAD, "rt_offload"},
    {RTM_F_TRAP, "rt_trap"},
    {RTM_F_OFFLOAD_FAILED, "rt_offload_failed"},
    {0, NULL},
};

const struct name_flag name_vlan_flags[] = {
    {VLAN_FLAG_REORDER_HDR, "REORDER_HDR"},
    {VLAN_FLAG_GVRP, "GVRP"},
    {VLAN_FLAG_MVRP, "MVRP"},
    {VLAN_FLAG_LOOSE_BINDING, "LOOSE_BINDING"},
    {VLAN_FLAG_BRIDGE_BINDING, "BRIDGE_BINDING"},
    {0, NULL},
};

static const char *word_of(const struct word *words, size_t count, uint32_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i].id == id)
            return words[i].name;
    }
    return NULL;
}

const char *name_route_type(uint32_t type, char buf[NAME_TEXT_MAX])
{
    const char *word = word_of(route_types, sizeof(route_types) / sizeof(route_types[0]), type);

    if (word != NULL)
        return word;
    snprintf(buf, NAME_TEXT_MAX, "%u", type);
    return buf;
}

bool name_to_route_type(const char *text, uint8_t *ret_type)
{
    for (size_t i = 1; i < sizeof(route_types) / sizeof(route_types[0]); i++) {
        if (strcmp(route_types[i].name, text) == 0) {
            *ret_type = (uint8_t)route_types[i].id;
            return true;
        }
    }
    return false;
}

const char *name_link_type(uint32_t type, char buf[NAME_TEXT_MAX])
{
    const char *word = word_of(link_types, sizeof(link_types) / sizeof(link_types[0]), type);

    if (word != NULL)
        return word;
    if (type >= ARPHRD_FCFABRIC && type <= ARPHRD_FCFABRIC + 12)
        snprintf(buf, NAME_TEXT_MAX, "fcfb%u", type - ARPHRD_FCFABRIC);
    else
        snprintf(buf, NAME_TEXT_MAX, "[%u]", type);
    return buf;
}

const char *name_ip_proto(uint32_t proto, char buf[NAME_TEXT_MAX])
{
    const struct protoent *entry = getprotobynumber((int)proto);

    if (entry != NULL)
        snprintf(buf, NAME_TEXT_MAX, "%s", entry->p_name);
    else
        snprintf(buf, NAME_TEXT_MAX, "ipproto-%u", proto);
    return buf;
}

const char *name_eth_proto(uint32_t proto, char buf[NAME_TEXT_MAX])
{
    if (proto == 0x8100)
        return "802.1Q";
    if (proto == 0x88a8)
        return "802.1ad";
    snprintf(buf, NAME_TEXT_MAX, "[%u]", proto);
    return buf;
}

const char *name_operstate(uint32_t state)
{
    return state < sizeof(operstates) / sizeof(operstates[0]) ? operstates[state] : NULL;
}

const char *name_family(uint32_t family)
{
    return family == 4 ? "inet" : family == 6 ? "inet6" : "???";
}
