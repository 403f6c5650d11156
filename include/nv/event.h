/* SPDX-License-Identifier: MIT */
/*
 * event.h - one decoded fact, as a source hands it to the writer.
 *
 * Owns:      the shape of facts: an object upserted or removed, a hint, a loss, the bounds of a dump.
 * Assumes:   pointers inside a fact live until the sink returns; the sink copies what it keeps.
 * Promises:  no OS type appears here; families are NV_AF_*, every count is bounded by the limits below,
 *            addresses are network order and bytes behind a prefix length are zero.
 * Leaves:    what a fact means for the mirror to writer/sync.c and writer/mirror.c.
 */
#ifndef NV_EVENT_H
#define NV_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NV_HOPS_MAX     512 /* hops of one route; the kernel's own bound is a message of 64 KiB */
#define NV_MEMBERS_MAX  512 /* members of one nexthop group */
#define NV_ALTNAMES_MAX 32
#define NV_METRICS_MAX  32  /* RTAX_* up to 31 */
#define NV_TEXT_MAX     256 /* longest string or encapsulation blob that is kept, in bytes */

enum nv_class { NV_LINK, NV_ADDR, NV_ROUTE, NV_RULE, NV_NEXTHOP, NV_CLASS_COUNT };

/* Bytes that need not end in a zero; len 0: absent. */
struct nv_text {
    const char *bytes;
    uint32_t len;
};

/* Bits of nv_link.has: a field without its bit was not in the message and keeps its former value. */
#define NV_LINK_HAS_NAME       (1u << 0)
#define NV_LINK_HAS_MTU        (1u << 1)
#define NV_LINK_HAS_MTU_RANGE  (1u << 2)
#define NV_LINK_HAS_TXQLEN     (1u << 3)
#define NV_LINK_HAS_OPERSTATE  (1u << 4)
#define NV_LINK_HAS_LINKMODE   (1u << 5)
#define NV_LINK_HAS_GROUP      (1u << 6)
#define NV_LINK_HAS_QUEUES     (1u << 7)
#define NV_LINK_HAS_ADDR       (1u << 8)
#define NV_LINK_HAS_BRD        (1u << 9)
#define NV_LINK_HAS_PERM       (1u << 10)
#define NV_LINK_HAS_QDISC      (1u << 11)
#define NV_LINK_HAS_ALIAS      (1u << 12)
#define NV_LINK_HAS_LINK       (1u << 13) /* link */
#define NV_LINK_HAS_LINK_NETNS (1u << 14) /* link_netnsid */
#define NV_LINK_HAS_KIND       (1u << 15)
#define NV_LINK_HAS_SLAVE_KIND (1u << 16)
#define NV_LINK_HAS_INFO       (1u << 17)
#define NV_LINK_HAS_PARENT     (1u << 18)
#define NV_LINK_HAS_ADDRGEN    (1u << 19)
#define NV_LINK_HAS_PROTO_DOWN (1u << 20)
#define NV_LINK_HAS_MASTER     (1u << 21)
/* A whole message (of a dump, or an RTM_NEWLINK of AF_UNSPEC): what has no bit is absent, not unchanged. */
#define NV_LINK_COMPLETE (1u << 31)

struct nv_link {
    uint32_t has;
    uint32_t ifindex;
    uint32_t flags;  /* IFF_* */
    uint32_t change; /* ifi_change */
    uint16_t type;   /* ARPHRD_* */
    uint8_t operstate;
    uint8_t linkmode;
    char name[16]; /* zero-padded */
    uint32_t mtu, min_mtu, max_mtu, txqlen;
    uint32_t master, link;
    int32_t link_netnsid;
    uint32_t group, num_tx_queues, num_rx_queues;
    uint8_t addr[32], brd[32], perm[32];
    uint8_t addr_len, brd_len, perm_len;
    uint8_t addrgen;
    bool proto_down;
    bool moved_netns; /* DELLINK because the link went to another namespace */
    struct nv_text qdisc, alias, kind, slave_kind, parent_bus, parent_dev;
    uint32_t info
        [3]; /* vlan: id, protocol (host order), flags; vrf: table; vxlan: vni; macvlan/macvtap: mode */
    const struct nv_text *altnames;
    uint32_t altname_count;
};

struct nv_addr {
    uint32_t ifindex;
    uint8_t family; /* NV_AF_4 or NV_AF_6 */
    uint8_t prefix_len;
    uint8_t scope;
    uint8_t protocol;
    uint32_t flags;    /* IFA_F_*, the 32-bit attribute where the kernel sends it */
    uint8_t local[16]; /* the host's own address */
    uint8_t peer[16];  /* IFA_ADDRESS where it differs from local; else the same as local */
    bool has_peer;
    bool has_broadcast;
    bool has_label;
    bool has_metric;
    uint8_t broadcast[4];
    char label[16];
    uint32_t metric;
    uint32_t valid_s;     /* UINT32_MAX: forever */
    uint32_t preferred_s; /* UINT32_MAX: forever */
};

struct nv_hop {
    uint32_t ifindex;
    uint32_t weight; /* 1.. */
    uint8_t flags;   /* RTNH_F_* */
    uint8_t gw_family;
    uint8_t gateway[16];
    uint16_t encap_type;
    struct nv_text encap; /* payload of RTA_ENCAP, raw */
    uint32_t realm;
};

struct nv_route {
    uint32_t
        kin; /* routes of one source and one kin differ in nothing but dst and dst_len; 0: not known */
    uint8_t family;
    uint8_t dst_len, src_len;
    uint8_t tos;
    uint8_t type, protocol, scope, pref;
    uint32_t table;
    uint32_t metric; /* RTA_PRIORITY */
    uint32_t flags;  /* rtm_flags */
    uint32_t nhid;
    uint8_t dst[16], src[16]; /* no bit is set behind the prefix: the kernel sees to that */
    uint8_t prefsrc[16];
    bool has_prefsrc;
    bool multipath; /* hops came as RTA_MULTIPATH */
    bool has_expires;
    uint32_t expires_s;
    uint32_t hop_count; /* 0: no oif and no gateway at all */
    const struct nv_hop *hops;
    uint32_t
        metric_mask; /* bit RTAX_*: metrics[] holds it; RTAX_LOCK is a metric like the others */
    uint32_t metrics[NV_METRICS_MAX];
    char cc_algo[16]; /* RTAX_CC_ALGO, zero-padded; its mask bit is set too */
};

struct nv_rule {
    uint8_t family;
    uint8_t src_len, dst_len;
    uint8_t tos;
    uint8_t action; /* FR_ACT_* */
    uint8_t protocol;
    uint8_t ip_proto;
    uint8_t src[16], dst[16];
    uint32_t priority;
    uint32_t table;
    uint32_t present; /* NETVANE_UF_* of region.h: flags and which of the fields below were sent */
    uint32_t fwmark, fwmask;
    char iif[16], oif[16]; /* zero-padded, empty: none */
    uint32_t target;
    uint32_t suppress_prefix_len, suppress_ifgroup;
    uint32_t realms;
    uint32_t uid_start, uid_end;
    uint16_t sport_start, sport_end, dport_start, dport_end;
    uint64_t tun_id;
};

struct nv_member {
    uint32_t id;
    uint32_t weight; /* 1.. */
};

struct nv_nexthop {
    uint32_t id;
    uint32_t flags; /* RTNH_F_* */
    uint32_t ifindex;
    uint8_t family;
    uint8_t gw_family;
    uint8_t scope;
    uint8_t protocol;
    uint8_t gateway[16];
    uint16_t encap_type;
    uint16_t group_type;
    struct nv_text encap;
    uint32_t present; /* NETVANE_NF_* of region.h */
    uint32_t member_count;
    const struct nv_member *members;
    uint32_t buckets, idle_timer, unbalanced_timer;
};

enum nv_event_kind {
    NV_EV_UPSERT,
    NV_EV_REMOVE,
    NV_EV_HINT,       /* something that is no object changed; hint says what must be re-read */
    NV_EV_LOST,       /* facts were missed: everything must be re-read */
    NV_EV_DUMP_BEGIN, /* facts with the same dump number follow */
    NV_EV_DUMP_END,
    NV_EV_ANSWER /* to a route query; route is the kernel's answer or status an error */
};

enum nv_hint {
    NV_HINT_NETCONF, /* forwarding, ignore_routes_with_linkdown, ...; ifindex 0: of every link */
    NV_HINT_RA,      /* RA parameters of link ifindex: its IPv6 routes may have changed */
    NV_HINT_NSID     /* namespace ids changed: link_netnsid of links may have */
};

enum nv_lost {
    NV_LOST_OVERRUN,
    NV_LOST_TRUNCATED,
    NV_LOST_MALFORMED,
    NV_LOST_ERROR, /* the event socket failed and was opened again */
    NV_LOST_REASONS
};

/* Bits of nv_event.list: how the kernel placed an upserted object among its equals (NLM_F_*). */
#define NV_LIST_REPLACE (1u << 0)
#define NV_LIST_APPEND  (1u << 1)
#define NV_LIST_CREATE  (1u << 2)
#define NV_LIST_EXCL    (1u << 3)

/* Ends of a dump. A dump that failed proves nothing; what it sent was true when it was sent. */
enum nv_dump_status {
    NV_DUMP_OK,
    NV_DUMP_INTERRUPTED, /* the kernel said that its tables changed meanwhile (NLM_F_DUMP_INTR) */
    NV_DUMP_NO_SUCH, /* the link or table that it was limited to does not exist: an empty answer */
    NV_DUMP_FAILED,  /* an error, a timeout or a malformed message */
    NV_DUMP_UNAVAILABLE /* a recording does not have it: nothing is known, and asking again is no use */
};

/*
 * A fact of a dump may be older than an event that came before it: where an event of its object came while datagram n was
 * the newest, the event is to be believed over the datagrams n + 1 to n + ahead, and those behind over the event.
 */
#define NV_DATAGRAMS_AHEAD 32u /* at most */

struct nv_event {
    enum nv_event_kind kind;
    enum nv_class cls;
    uint32_t dump;     /* number of the dump that this comes from; 0: from the event stream */
    uint32_t datagram; /* of a fact of a dump: grows with each batch that the OS made at once */
    uint32_t ahead;    /* of a fact of a dump, 1 to NV_DATAGRAMS_AHEAD */
    uint32_t list;     /* NV_LIST_* */
    uint32_t ifindex;  /* of a hint; 0: all */
    enum nv_hint hint;
    enum nv_lost lost;
    enum nv_dump_status status;
    int error; /* errno value of an ANSWER or of a failed dump, 0: none */
    union {
        const struct nv_link *link;
        const struct nv_addr *addr;
        const struct nv_route *route;
        const struct nv_rule *rule;
        const struct nv_nexthop *nexthop;
    };
};

typedef void nv_event_fn(void *arg, const struct nv_event *ev);

#endif
