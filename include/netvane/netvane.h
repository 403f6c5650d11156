/* SPDX-License-Identifier: MIT */
/*
 * netvane.h - read this host's network state at the price of a memory load.
 *
 * A writer process (netvaned) mirrors what the kernel holds: links, addresses, routes of all tables,
 * nexthops, policy rules, the default route. It publishes each version, immutable, in shared memory. This
 * library maps that memory read-only.
 *
 * What to know first
 *
 *   Versions   A struct netvane_snap names one version of the State. Everything read through it is of that
 *              one version. It lives on the caller's stack, owns nothing and is never released. Old versions
 *              stay readable for about a second, then calls on them return NETVANE_EXPIRED: begin again.
 *              What a call has returned is always whole and of that version, never torn.
 *   Errors     0 or more is success, else a negative enum netvane_error. "Not there" (NETVANE_NOT_FOUND),
 *              "too slow, begin again" (NETVANE_EXPIRED) and "the writer is gone" (netvane_health_get) are
 *              three different answers. On an error, what the caller passed for results is untouched.
 *   Threads    A handle may be used by any number of threads at once; a snap, an iterator and a private State
 *              by one at a time. netvane_close must be the last call on a handle. No read takes a lock,
 *              allocates memory or makes a system call, except the first after a new writer took over, and
 *              netvane_snap_begin after the writer stopped.
 *   Fork       The child may go on reading through the handle; it must not use watches or the descriptor of
 *              the parent.
 *   Ownership  The caller owns every struct that it passes. netvane_free-like calls are named at each maker.
 *   Sizes      Structs begin with their size, which the caller sets (NETVANE_INIT does): fields are only ever
 *              appended, and a program built against an older header gets the fields that it knows.
 *   Units      Times are CLOCK_BOOTTIME nanoseconds, suffix _ns; durations too. UINT64_MAX: for ever.
 *   Bytes      IP addresses and MAC addresses are in network order; everything else is a native integer.
 *              IPv4 addresses use the first 4 of 16 bytes. Families are 4 and 6, on every OS.
 *   Numbers    Flags, types, scopes and protocols have the kernel's values (linux/if.h, linux/rtnetlink.h,
 *              linux/if_addr.h, linux/fib_rules.h, linux/nexthop.h).
 */
#ifndef NETVANE_NETVANE_H
#define NETVANE_NETVANE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define NETVANE_API
#elif defined(__GNUC__)
#define NETVANE_API __attribute__((visibility("default")))
#else
#define NETVANE_API
#endif

#define NETVANE_VERSION_MAJOR 0
#define NETVANE_VERSION_MINOR 1
#define NETVANE_VERSION_PATCH 0

/* Zeroes a struct of this header and sets its size. */
#define NETVANE_INIT(ptr)                       \
    do {                                        \
        memset((ptr), 0, sizeof(*(ptr)));       \
        (ptr)->size = (uint32_t)sizeof(*(ptr)); \
    } while (0)

/* ---- errors ------------------------------------------------------------------------------------------ */

/* Values never change and are the same on every OS. */
enum netvane_error {
    NETVANE_OK = 0,
    NETVANE_NOT_FOUND = -1, /* the State holds no such object */
    NETVANE_EXPIRED = -2,   /* that version is no longer readable: begin again */
    NETVANE_CORRUPT = -3,   /* the region breaks its own rules: do not retry; report it */
    NETVANE_NO_WRITER = -4, /* no region of that name: is netvaned running? */
    NETVANE_NOT_READY = -5, /* the writer has not published its first State yet */
    NETVANE_TIMEOUT = -6,
    NETVANE_INVALID = -7, /* an argument is out of range */
    NETVANE_NO_MEMORY = -8,
    NETVANE_PERMISSION = -9,   /* may not open the region */
    NETVANE_NOT_REGULAR = -10, /* the name leads to something that is not a regular file */
    NETVANE_BAD_OWNER = -11,   /* owned by neither root, nor this user, nor the trusted uid */
    NETVANE_BAD_MODE = -12,    /* group or others may write it */
    NETVANE_TOO_SMALL = -13,   /* shorter than a region's header */
    NETVANE_BAD_MAGIC = -14,   /* not a netvane region */
    NETVANE_BAD_LAYOUT = -15,  /* a region of another version, build, machine or boot */
    NETVANE_LIMIT = -16,       /* a documented limit is met */
    NETVANE_INTERRUPTED = -17, /* a signal arrived while waiting */
    NETVANE_SYSTEM = -18,      /* the OS refused something else; errno says what */
    NETVANE_TRUNCATED = -19    /* the caller's buffer is too small */
};

/* A sentence for an error; for unknown values too. Never NULL, never freed. Any thread. */
NETVANE_API const char *netvane_strerror(int error);

/* "0.1.0": of the library that is running, which may be newer than this header. */
NETVANE_API const char *netvane_version(void);

/* ---- opening --------------------------------------------------------------------------------------------- */

struct netvane; /* a handle on one region, and on every region that takes its place */

struct netvane_open_args {
    uint32_t size;
    uint32_t
        trust_uid; /* accept a region of this owner too, if trust_flags has NETVANE_TRUST_UID */
    const char
        *dir; /* NULL: NETVANE_DIR, else /run/netvane, /dev/shm/netvane, $XDG_RUNTIME_DIR/netvane */
    const char *name; /* NULL: "default" */
    uint32_t trust_flags;
    uint32_t reserved;
};
#define NETVANE_TRUST_UID 1u

/*
 * Opens the region of a writer and maps it read-only. args may be NULL: all defaults.
 * Errors: NO_WRITER, PERMISSION, NOT_REGULAR, BAD_OWNER, BAD_MODE, TOO_SMALL, BAD_MAGIC, BAD_LAYOUT, CORRUPT
 * (a damaged header), INVALID, NO_MEMORY, SYSTEM. A region whose writer has died can still be opened: its last
 * State is readable.
 * Cost: about ten system calls. Any thread.
 */
NETVANE_API int netvane_open(const struct netvane_open_args *args, struct netvane **ret_nv);

/* Stops the watches, unmaps all. NULL is fine. No other thread may be inside a call on nv. */
NETVANE_API void netvane_close(struct netvane *nv);

/* The name and the directory that were opened; valid until close. */
NETVANE_API const char *netvane_name(const struct netvane *nv);
NETVANE_API const char *netvane_dir(const struct netvane *nv);

/* ---- is there a change? -------------------------------------------------------------------------------- */

/* The leading words of a handle: for netvane_changed only. */
struct netvane_poll_words {
    const uint64_t *head;
};

/*
 * Is there a version other than this one? Not 0: yes, or a new writer took over: begin a snapshot.
 * Two loads, no call, no fence that costs anything on x86. Any thread.
 */
static inline int netvane_changed(const struct netvane *nv, uint64_t version)
{
#if defined(__GNUC__)
    const uint64_t *head = __atomic_load_n(
        &((const struct netvane_poll_words *)(const void *)nv)->head, __ATOMIC_ACQUIRE);
    return __atomic_load_n(head, __ATOMIC_ACQUIRE) != version;
#else
    const volatile uint64_t *head = ((const struct netvane_poll_words *)(const void *)nv)->head;
    return *head != version;
#endif
}

/* ---- snapshots --------------------------------------------------------------------------------------------- */

/* One version of the State. Copy it freely; the words are the library's. */
struct netvane_snap {
    uint64_t version;
    uint64_t opaque[7];
};

/*
 * Takes the newest version. Errors: NOT_READY (no State yet), CORRUPT, and those of netvane_open where a new
 * writer took over. Cost: a few loads. Any thread.
 */
NETVANE_API int netvane_snap_begin(struct netvane *nv, struct netvane_snap *ret_snap);

/* NETVANE_OK while the version can still be read, else EXPIRED. Two loads. */
NETVANE_API int netvane_snap_check(const struct netvane_snap *snap);

/* Topics: what a reader can wait for alone. */
#define NETVANE_TOPIC_DEFAULT4 (1u << 0) /* the IPv4 default of table main, or the IPv4 egress */
#define NETVANE_TOPIC_DEFAULT6 (1u << 1)
#define NETVANE_TOPIC_LINKS    (1u << 2)
#define NETVANE_TOPIC_ADDRS    (1u << 3)
#define NETVANE_TOPIC_ROUTES   (1u << 4)
#define NETVANE_TOPIC_RULES    (1u << 5)
#define NETVANE_TOPIC_NEXTHOPS (1u << 6)
#define NETVANE_TOPIC_HEALTH   (1u << 7) /* quality changed; the writer ended, or one came after */
#define NETVANE_TOPIC_ALL      0xffu
#define NETVANE_TOPIC_COUNT    8

/* "default4", ... for bit 1 << index; NULL past the last. */
NETVANE_API const char *netvane_topic_name(unsigned index);

/* Quality of a State. No bit set: exact and synced. */
#define NETVANE_QUALITY_RESYNCING   (1u << 0) /* something was missed; a full re-read is under way */
#define NETVANE_QUALITY_APPROXIMATE (1u << 1) /* the kernel kept changing under the re-reads */
#define NETVANE_QUALITY_DEGRADED    (1u << 2) /* out of memory or over a limit: something is missing */
#define NETVANE_QUALITY_STOPPED     (1u << 3) /* the writer stopped in order; nothing follows */
#define NETVANE_QUALITY_FILTERED \
    (1u << 4) /* the writer was told to leave routes out: health.tables */

struct netvane_info {
    uint32_t size;
    uint32_t quality; /* NETVANE_QUALITY_* */
    uint64_t version;
    uint64_t published_ns;
    uint64_t verified_ns; /* when the last full re-read contained in this State ended */
    uint64_t instance_id; /* differs after a writer's restart */
    uint32_t changed;     /* topics that this version moved */
    uint32_t links, addrs, routes4, routes6, rules, nexthops; /* counts */
    uint32_t generations[NETVANE_TOPIC_COUNT];
    uint32_t reserved;
    uint64_t
        digests[NETVANE_TOPIC_COUNT]; /* equal content has equal digests, across restarts too */
};
/* Errors: EXPIRED, INVALID. */
NETVANE_API int netvane_snap_info(const struct netvane_snap *snap, struct netvane_info *ret_info);

/* ---- iteration ----------------------------------------------------------------------------------------------- */

/*
 * An iterator walks one class of objects of one snapshot. <object>_iter starts it, <object>_next gives the
 * next: 1 with an object, 0 at the end, or EXPIRED, CORRUPT, INVALID. On the caller's stack; never released.
 * Each object that was returned is whole, even if a later call returns EXPIRED.
 */
struct netvane_iter {
    uint64_t opaque[56];
};

/* ---- links ------------------------------------------------------------------------------------------------------ */

#define NETVANE_LINK_HAS_LINK       (1u << 0)
#define NETVANE_LINK_HAS_LINK_NETNS (1u << 1)
#define NETVANE_LINK_HAS_INFO       (1u << 2)
#define NETVANE_LINK_PROTO_DOWN     (1u << 3)
#define NETVANE_LINK_HAS_ADDRGEN    (1u << 4)
#define NETVANE_LINK_HAS_MTU_RANGE  (1u << 5)
#define NETVANE_LINK_HAS_TXQLEN     (1u << 6)

struct netvane_link {
    uint32_t size;
    uint32_t ifindex;
    uint32_t flags;   /* IFF_* */
    uint32_t present; /* NETVANE_LINK_* */
    char name[16];
    uint32_t mtu, min_mtu, max_mtu, txqlen;
    uint32_t master; /* ifindex of the bridge, bond, VRF, ... or 0 */
    uint32_t link;   /* ifindex of the lower device or peer, if HAS_LINK */
    int32_t link_netnsid;
    uint32_t group;
    uint32_t num_tx_queues, num_rx_queues;
    uint16_t type;     /* ARPHRD_* */
    uint8_t operstate; /* IF_OPER_* */
    uint8_t linkmode;
    uint8_t address_len, broadcast_len, perm_address_len;
    uint8_t addrgen; /* IN6_ADDR_GEN_MODE_* */
    uint8_t address[32], broadcast[32], perm_address[32];
    uint32_t kind, slave_kind, qdisc, alias, parent_bus,
        parent_dev; /* string ids: netvane_string_get */
    uint32_t
        info[3]; /* if HAS_INFO. vlan: id, protocol, flags; vrf: table; vxlan: vni; macvlan: mode */
    uint32_t altname_count;
    uint32_t id; /* tells a link from an earlier one of the same ifindex, within one instance */
};

/* Errors: NOT_FOUND, EXPIRED, CORRUPT, INVALID. Cost: a tree walk, about 100 ns. */
NETVANE_API int netvane_link_get(const struct netvane_snap *snap, uint32_t ifindex,
                                 struct netvane_link *ret_link);
/* By name or alternative name. */
NETVANE_API int netvane_link_get_by_name(const struct netvane_snap *snap, const char *name,
                                         struct netvane_link *ret_link);
/* In order of ifindex. */
NETVANE_API int netvane_link_iter(const struct netvane_snap *snap, struct netvane_iter *ret_it);
NETVANE_API int netvane_link_next(struct netvane_iter *it, struct netvane_link *ret_link);
/* Alternative name number index (from 0). buf of 128 bytes always suffices. Errors: also TRUNCATED. */
NETVANE_API int netvane_link_altname(const struct netvane_snap *snap, uint32_t ifindex,
                                     uint32_t index, char *buf, size_t size);
/*
 * Copies string id of this snapshot (a kind, a qdisc, an encapsulation, ...) and a final zero; returns its
 * length, or NOT_FOUND (id 0 too), TRUNCATED, EXPIRED, CORRUPT. Encapsulations are bytes and may hold zeros.
 */
NETVANE_API int netvane_string_get(const struct netvane_snap *snap, uint32_t id, char *buf,
                                   size_t size);

/* ---- addresses ---------------------------------------------------------------------------------------------------- */

#define NETVANE_ADDR_HAS_PEER      (1u << 0)
#define NETVANE_ADDR_HAS_BROADCAST (1u << 1)
#define NETVANE_ADDR_HAS_LABEL     (1u << 2)
#define NETVANE_ADDR_HAS_METRIC    (1u << 3)

struct netvane_addr {
    uint32_t size;
    uint32_t ifindex;
    uint8_t family; /* 4 or 6 */
    uint8_t prefix_len;
    uint8_t scope;    /* RT_SCOPE_* */
    uint8_t protocol; /* IFAPROT_* */
    uint32_t flags;   /* IFA_F_* */
    uint8_t local[16];
    uint8_t peer[16]; /* the same as local unless HAS_PEER */
    uint8_t broadcast[4];
    uint32_t
        position; /* in the kernel's order of its link, 0 comes first; among equals the first is the source */
    uint32_t metric;
    uint32_t present; /* NETVANE_ADDR_* */
    char label[16];
    uint64_t valid_until_ns;
    uint64_t preferred_until_ns;
};

/* By link (0: all) and family (0: both); in order of family, link, address. */
NETVANE_API int netvane_addr_iter(const struct netvane_snap *snap, uint32_t ifindex, uint8_t family,
                                  struct netvane_iter *ret_it);
/* Each entry with this address: "is this IP mine, and where?" */
NETVANE_API int netvane_addr_iter_ip(const struct netvane_snap *snap, uint8_t family,
                                     const uint8_t *ip, struct netvane_iter *ret_it);
NETVANE_API int netvane_addr_next(struct netvane_iter *it, struct netvane_addr *ret_addr);
/* "Is this IP mine?": the first entry with it, else NOT_FOUND. Cost: two tree walks. */
NETVANE_API int netvane_addr_find(const struct netvane_snap *snap, uint8_t family,
                                  const uint8_t *ip, struct netvane_addr *ret_addr);

#define NETVANE_LOCAL_LINK_LOCAL (1u << 0) /* link-local addresses too */
#define NETVANE_LOCAL_DEPRECATED (1u << 1)
#define NETVANE_LOCAL_LOOPBACK   (1u << 2) /* addresses of loopback links too */

/*
 * What an unspecified bind (0.0.0.0 or ::) means now: the usable addresses of a family, best first. Usable:
 * its link is up, and it is not tentative (unless optimistic), DAD-failed, deprecated, link-local or loopback
 * unless asked. Best: on the link of the egress; global scope before narrower; primary before secondary, then
 * not temporary before temporary; the kernel's order; ifindex. Writes at most capacity entries (the size field
 * of the first counts for all) and the number of all to ret_count. Errors: EXPIRED, CORRUPT, INVALID, NO_MEMORY.
 */
NETVANE_API int netvane_local_list(const struct netvane_snap *snap, uint8_t family, uint32_t flags,
                                   struct netvane_addr *ret_addrs, size_t capacity,
                                   size_t *ret_count);

/* ---- routes ----------------------------------------------------------------------------------------------------------- */

#define NETVANE_METRIC_SLOTS 32

struct netvane_hop {
    uint32_t size;
    uint32_t ifindex; /* 0: none */
    uint32_t weight;  /* 1.. */
    uint32_t realm;
    uint8_t flags;       /* RTNH_F_* */
    uint8_t gw_family;   /* 4, 6, or 0: on-link */
    uint16_t encap_type; /* LWTUNNEL_ENCAP_*, 0: none */
    uint32_t encap;      /* string id of the raw attributes */
    uint8_t gateway[16];
};

struct netvane_route {
    uint32_t size;
    uint32_t table;
    uint8_t family; /* 4 or 6 */
    uint8_t dst_len, src_len;
    uint8_t tos;
    uint8_t type;     /* RTN_* */
    uint8_t protocol; /* RTPROT_* */
    uint8_t scope;    /* RT_SCOPE_* */
    uint8_t pref;     /* ICMPV6_ROUTER_PREF_* */
    uint8_t dst[16], src[16];
    uint32_t metric; /* priority */
    uint32_t flags;  /* RTNH_F_*, RTM_F_* */
    uint32_t
        position; /* IPv4: among routes of equal table, prefix, tos and metric. IPv6: tells such routes apart */
    uint32_t nhid; /* nexthop object, 0: none */
    uint8_t prefsrc[16];
    uint8_t has_prefsrc;
    uint8_t multipath; /* the kernel lists its hops as a multipath route, even if it is one */
    uint16_t reserved;
    uint32_t hop_count; /* netvane_route_hop gives each */
    uint32_t hops;      /* set id, for netvane_route_hop: routes with equal hops share it */
    uint32_t metrics;   /* set id, for netvane_route_metrics; 0: none */
    uint64_t valid_until_ns;
    struct netvane_hop hop; /* the first; its size field is not used */
};

/* Which routes an iterator gives. Zero fields do not limit it. */
struct netvane_route_filter {
    uint32_t size;
    uint32_t table;
    uint32_t ifindex; /* with a hop through it; costs a walk over all routes of the table */
    uint8_t family;
    uint8_t type;
    uint8_t protocol;
    uint8_t exact; /* only the prefix dst/dst_len */
    uint8_t dst_len;
    uint8_t reserved[3];
    uint8_t dst[16];
};
/* filter may be NULL. In order of family, table, prefix, tos, metric, position. */
NETVANE_API int netvane_route_iter(const struct netvane_snap *snap,
                                   const struct netvane_route_filter *filter,
                                   struct netvane_iter *ret_it);
NETVANE_API int netvane_route_next(struct netvane_iter *it, struct netvane_route *ret_route);
/* Hop number index (from 0). Errors: NOT_FOUND, EXPIRED, CORRUPT, INVALID. */
NETVANE_API int netvane_route_hop(const struct netvane_snap *snap,
                                  const struct netvane_route *route, uint32_t index,
                                  struct netvane_hop *ret_hop);

struct netvane_metrics {
    uint32_t size;
    uint32_t mask; /* bit RTAX_*: values[RTAX_*] is set */
    uint32_t values[NETVANE_METRIC_SLOTS];
    char cc_algo[16];
};
/* A route without metrics gives mask 0. Errors: EXPIRED, CORRUPT, INVALID. */
NETVANE_API int netvane_route_metrics(const struct netvane_snap *snap,
                                      const struct netvane_route *route,
                                      struct netvane_metrics *ret_metrics);

/* ---- the default route ---------------------------------------------------------------------------------------------------- */

#define NETVANE_DEFAULT_PRESENT   (1u << 0)
#define NETVANE_DEFAULT_GATEWAY   (1u << 1)
#define NETVANE_DEFAULT_PREFSRC   (1u << 2)
#define NETVANE_DEFAULT_MULTIPATH (1u << 3)
#define NETVANE_DEFAULT_CONFIRMED (1u << 4) /* egress: the kernel gave the same answer */
#define NETVANE_DEFAULT_KERNEL    (1u << 5) /* egress: the kernel's answer; the mirror's differed */
#define NETVANE_DEFAULT_REJECT \
    (1u << 6) /* unreachable, blackhole, prohibit: an answer, not an absence */
#define NETVANE_DEFAULT_LINKDOWN (1u << 7)
#define NETVANE_DEFAULT_DEAD     (1u << 8)
#define NETVANE_DEFAULT_ONLINK   (1u << 9)

/* One default route, or one answer of the FIB. 64 bytes for ever. */
struct netvane_default {
    uint32_t size;
    uint32_t ifindex;
    uint8_t gateway[16];
    uint8_t prefsrc[16];
    uint32_t metric;
    uint32_t table;
    uint8_t family;
    uint8_t gw_family;
    uint8_t type;       /* RTN_* */
    uint8_t protocol;   /* RTPROT_* */
    uint32_t flags;     /* NETVANE_DEFAULT_* */
    uint16_t hop_count; /* the fields above tell the first; the route tells all */
    uint8_t scope;
    uint8_t reason; /* enum netvane_reason */
    uint32_t nhid;
};

/* Why a default route is not first among the candidates. */
enum netvane_reason {
    NETVANE_REASON_IS_FIRST = 0,
    NETVANE_REASON_IS_METRIC = 1, /* another has a lower metric */
    NETVANE_REASON_IS_ORDER =
        2, /* same metric; another comes first in the kernel's list, or is preferred */
    NETVANE_REASON_IS_LINK_DOWN = 3,  /* its link is down */
    NETVANE_REASON_IS_NO_CARRIER = 4, /* its link has no carrier */
    NETVANE_REASON_IS_DEAD = 5,       /* its nexthops are dead */
    NETVANE_REASON_IS_REJECT = 6      /* unreachable, blackhole or prohibit */
};
/* "metric", "link down", ... Never NULL. */
NETVANE_API const char *netvane_reason_name(unsigned reason);

/*
 * The main default of a family: the best usable /0 of table main. Of the newest version, straight from the handle:
 * no snapshot is needed, no lock is taken. Errors: NOT_FOUND (there is none), NOT_READY, CORRUPT, INVALID, and
 * those of netvane_open where a new writer took over.
 * Cost: about twice a copy of 64 bytes. Any thread.
 */
NETVANE_API int netvane_default_get(struct netvane *nv, uint8_t family,
                                    struct netvane_default *ret_default);
/* The egress: what the FIB, rules included, answers for the family's probe destination. */
NETVANE_API int netvane_egress_get(struct netvane *nv, uint8_t family,
                                   struct netvane_default *ret_egress);
/* The same, of a snapshot. Errors: also EXPIRED. */
NETVANE_API int netvane_snap_default(const struct netvane_snap *snap, uint8_t family,
                                     struct netvane_default *ret_default);
NETVANE_API int netvane_snap_egress(const struct netvane_snap *snap, uint8_t family,
                                    struct netvane_default *ret_egress);
/*
 * All /0 of a table (0: main), best first, each with the reason why it is not first; the first has one too where no
 * hop of it can be used, and then there is no main default.
 */
NETVANE_API int netvane_default_iter(const struct netvane_snap *snap, uint8_t family,
                                     uint32_t table, struct netvane_iter *ret_it);
NETVANE_API int netvane_default_next(struct netvane_iter *it, struct netvane_default *ret_default);

/* ---- lookups -------------------------------------------------------------------------------------------------------------------- */

/* The longest-prefix index of one table, of one snapshot. Copy it freely; the words are the library's. */
struct netvane_table {
    uint32_t size;
    uint32_t table;
    uint8_t family;
    uint8_t reserved[3];
    uint32_t routes; /* in the table */
    uint64_t opaque[15];
};

/*
 * Finds a table of a snapshot (family 4 or 6; table 254 is main, 255 local). Errors: NOT_FOUND (it has no route), LIMIT
 * (the writer had no memory for its index: netvane_fib_lookup and netvane_route_iter answer all the same), EXPIRED,
 * CORRUPT, INVALID. Cost: some loads for main and local, a tree walk for others; once for each snapshot. Any thread.
 */
NETVANE_API int netvane_table_get(const struct netvane_snap *snap, uint8_t family, uint32_t table,
                                  struct netvane_table *ret_table);

/* The answer of one lookup, in 8 bytes. */
struct netvane_match {
    uint32_t
        info; /* 0: no prefix covers the destination. Equal: the same answer, within one snapshot */
    uint32_t dst_len;
};
/*
 * In info: what the prefix answers depends on more than the destination. It has routes for some types of service or sources
 * only, or some that cannot be used now. The match tells the first that can be; netvane_fib_lookup decides.
 */
#define NETVANE_MATCH_CONDITIONAL (1u << 5)

/*
 * The longest prefix of a table that covers dst (4 or 16 bytes, network order). No rules are asked, no other table, and
 * routes for some types of service or sources do not count: for the kernel's whole decision see netvane_fib_lookup.
 * Errors: NOT_FOUND, EXPIRED, CORRUPT, INVALID.
 * Cost: five loads that depend on one another for a prefix of 17 to 24 bits, three more for a shorter one; for a longer one
 * another for each 5 bits beyond the first 19, up to 27 in all (IPv6). No call into the system. Any thread.
 */
NETVANE_API int netvane_route_lookup(const struct netvane_table *table, const uint8_t *dst,
                                     struct netvane_match *ret_match);

#define NETVANE_BULK_MAX 64
/*
 * The same for n (1 to NETVANE_BULK_MAX) destinations of 4 or 16 bytes each, one behind the other: memory is fetched for
 * all of them at once. A destination that no prefix covers gets info 0; that is no error. Errors: EXPIRED, CORRUPT, INVALID.
 */
NETVANE_API int netvane_route_lookup_bulk(const struct netvane_table *table, const uint8_t *dsts,
                                          unsigned n, struct netvane_match *ret_matches);

/*
 * What a match leads to: type, gateway and link of its first usable hop, source, metric. Errors: NOT_FOUND (info is
 * 0), EXPIRED, CORRUPT, INVALID. Cost: one cache line.
 */
NETVANE_API int netvane_match_answer(const struct netvane_table *table,
                                     const struct netvane_match *match,
                                     struct netvane_default *ret_answer);
/* Its hop number index (from 0). Errors: as above. Cost: a tree walk. */
NETVANE_API int netvane_match_hop(const struct netvane_table *table,
                                  const struct netvane_match *match, uint32_t index,
                                  struct netvane_hop *ret_hop);

/* ---- rules ------------------------------------------------------------------------------------------------------------------ */

#define NETVANE_RULE_INVERT              (1u << 0)
#define NETVANE_RULE_UNRESOLVED          (1u << 1)
#define NETVANE_RULE_IIF_DETACHED        (1u << 2)
#define NETVANE_RULE_OIF_DETACHED        (1u << 3)
#define NETVANE_RULE_HAS_FWMARK          (1u << 4)
#define NETVANE_RULE_HAS_UID             (1u << 5)
#define NETVANE_RULE_HAS_SPORT           (1u << 6)
#define NETVANE_RULE_HAS_DPORT           (1u << 7)
#define NETVANE_RULE_HAS_SUPPRESS_PREFIX (1u << 8)
#define NETVANE_RULE_HAS_SUPPRESS_GROUP  (1u << 9)
#define NETVANE_RULE_L3MDEV              (1u << 10)
#define NETVANE_RULE_HAS_TUN_ID          (1u << 11)

struct netvane_rule {
    uint32_t size;
    uint32_t priority;
    uint32_t position; /* among rules of the same priority */
    uint32_t table;
    uint8_t family;
    uint8_t src_len, dst_len;
    uint8_t tos;
    uint8_t action;   /* FR_ACT_* */
    uint8_t protocol; /* RTPROT_*: who made it */
    uint8_t ip_proto; /* IPPROTO_*, 0: any */
    uint8_t reserved0;
    uint8_t src[16], dst[16];
    uint32_t present; /* NETVANE_RULE_* */
    uint32_t fwmark, fwmask;
    uint32_t target; /* of goto */
    char iif[16], oif[16];
    uint32_t suppress_prefix_len, suppress_group;
    uint32_t realms;
    uint32_t uid_start, uid_end;
    uint16_t sport_start, sport_end, dport_start, dport_end;
    uint32_t reserved1;
    uint64_t tun_id;
};
/* By family (0: both), in the order in which the kernel asks them. */
NETVANE_API int netvane_rule_iter(const struct netvane_snap *snap, uint8_t family,
                                  struct netvane_iter *ret_it);
NETVANE_API int netvane_rule_next(struct netvane_iter *it, struct netvane_rule *ret_rule);

/* ---- what the kernel would do with a packet --------------------------------------------------------------------------------- */

/* Of a question. What sysctls decide is asked here, since the State holds no sysctls. */
#define NETVANE_FIB_FORWARDING \
    (1u                        \
     << 0) /* with iif, IPv4: net.ipv4.conf.<iif>.forwarding is set; else only local packets are taken */
#define NETVANE_FIB_PREFER_TEMPORARY \
    (1u << 1) /* IPv6: use_tempaddr >= 2, or IPV6_PREFER_SRC_TMP: temporary addresses first */
#define NETVANE_FIB_NO_SOURCE \
    (1u                       \
     << 2) /* do not choose a source: it is none of the caller's business, and the answer comes sooner */

/* A packet. What is zero is not set, as in the kernel's struct flowi. */
struct netvane_fib_question {
    uint32_t size;
    uint8_t family; /* 4 or 6 */
    uint8_t tos;    /* the whole byte; of IPv4 the kernel compares the bits 0x1c */
    uint8_t
        ip_proto;  /* IPPROTO_*; `ip route get` asks about UDP where it is not told, of IPv4 only */
    uint8_t scope; /* IPv4: RT_SCOPE_*, at least the scope of the route; 0 but for MSG_DONTROUTE */
    uint32_t flags; /* NETVANE_FIB_* of a question */
    uint32_t iif;   /* the link that it came in by; 0: this host sends it */
    uint32_t oif;   /* the link that the socket is bound to; not looked at with iif */
    uint32_t mark;
    uint32_t uid; /* of the sending socket; IPv4 with iif: the kernel asks as uid 0 */
    uint32_t
        hash; /* 31 bits; chooses among the hops of a multipath route. The kernel's is a secret */
    uint16_t sport, dport;
    uint64_t tun_id;
    uint8_t dst[16], src[16]; /* src of zeros: not set */
};

/* The decision. Each names the error that the kernel's callers see. */
enum netvane_fib_outcome {
    NETVANE_FIB_FOUND = 0,
    NETVANE_FIB_NO_ROUTE = 1, /* ENETUNREACH: nothing in any table that the rules ask */
    NETVANE_FIB_UNREACHABLE =
        2, /* EHOSTUNREACH: a route of that type; or IPv4 input, not forwarding */
    NETVANE_FIB_PROHIBIT = 3,         /* EACCES: a route or rule of that type */
    NETVANE_FIB_BLACKHOLE = 4,        /* EINVAL: a route or rule of that type */
    NETVANE_FIB_RULE_UNREACHABLE = 5, /* ENETUNREACH: a rule of type unreachable */
    NETVANE_FIB_NO_SUCH_LINK = 6,     /* ENODEV: oif or iif */
    NETVANE_FIB_LINK_DOWN = 7,        /* ENETUNREACH: IPv4, oif is down */
    NETVANE_FIB_NOT_MY_SOURCE = 8,    /* ENETUNREACH: IPv4, src is no address of this host */
    NETVANE_FIB_MARTIAN = 9           /* EINVAL: IPv4, such a source or destination cannot be */
};
/* "found", "no route", ... Never NULL. */
NETVANE_API const char *netvane_fib_outcome_name(unsigned outcome);

/* Of an answer. */
#define NETVANE_FIB_HAS_ROUTE   (1u << 0) /* table to hop tell the route that decided */
#define NETVANE_FIB_HAS_PREFSRC (1u << 1) /* prefsrc is the source that the kernel would choose */
#define NETVANE_FIB_MULTIPATH \
    (1u << 2) /* another hash may choose another hop: netvane_fib_hop tells all */
#define NETVANE_FIB_ASSUMED \
    (1u << 3) /* IPv4 with oif, no route: the kernel takes the destination for on-link */
#define NETVANE_FIB_MERGED \
    (1u                    \
     << 4) /* IPv4: no rule was ever added, so that the kernel keeps table local in main, and says main */

/*
 * Why the kernel may answer otherwise although the State is exact: what it decides by is not in the State.
 * No bit: it answers just so, but for PMTU exceptions and redirects, which no dump shows; they change the MTU, and the
 * gateway of single destinations.
 */
#define NETVANE_FIB_BY_NEIGHBOUR \
    (1u                          \
     << 0) /* several routers, and the kernel leaves out those whose neighbour entry has failed */
#define NETVANE_FIB_BY_ORDER \
    (1u << 1) /* equals in all that is known: the kernel takes the first of its list */
#define NETVANE_FIB_BY_HISTORY \
    (1u                        \
     << 2) /* on what was there before. IPv4: another rule, local routes, addresses younger than a nexthop; IPv6: a
              route for every source beside those for certain sources */
#define NETVANE_FIB_BY_GROUPS (1u << 3) /* IPv4 multicast with iif: which groups are joined */

struct netvane_fib_answer {
    uint32_t size;
    uint32_t outcome;   /* enum netvane_fib_outcome */
    uint32_t flags;     /* NETVANE_FIB_* of an answer */
    uint32_t uncertain; /* NETVANE_FIB_BY_* */
    uint32_t ifindex;   /* of the link that it leaves by; of a local one the loopback, or the VRF */
    uint32_t rule;      /* priority of the rule that decided; UINT32_MAX: none did */
    uint8_t family;
    uint8_t type;      /* RTN_* of the packet: unicast, local, broadcast, multicast, ... */
    uint8_t gw_family; /* 4, 6, or 0: on-link */
    uint8_t hop_flags; /* RTNH_F_* */
    uint16_t encap_type;
    uint16_t reserved0;
    uint8_t gateway[16];
    uint8_t prefsrc[16];
    /* The route, if HAS_ROUTE. */
    uint32_t table;
    uint32_t metric;
    uint32_t route_flags; /* RTNH_F_*, RTM_F_* */
    uint8_t route_type;   /* RTN_* */
    uint8_t protocol, scope, pref;
    uint8_t dst_len, src_len;
    uint8_t tos;
    uint8_t reserved1;
    uint8_t dst[16], src[16]; /* prefixes */
    uint32_t nhid;
    uint32_t hop_ifindex; /* of the chosen hop: differs from ifindex where the packet is local */
    uint32_t hop_index;
    uint32_t hop_count;
    uint32_t hop_weight;
    uint32_t realm;
    uint32_t encap;   /* string id */
    uint32_t hops;    /* set id */
    uint32_t metrics; /* set id: as in struct netvane_route */
    uint32_t reserved2;
};

/*
 * What the kernel would do with this packet: rules in order with all their selectors, goto, inversion, suppressors and
 * l3mdev; in each table the longest prefix with a usable route (tos, scope, metric, dead and linkdown hops, IPv6
 * router preference and source-specific routes); the hop for q->hash; the source address (RFC 6724 for IPv6; IPv4: primary,
 * scope, the gateway's subnet first). It equals `ip route get`, which the tests compare it with; its semantics
 * are those of linux 6.18: net/core/fib_rules.c, net/ipv4/{route,fib_trie,fib_semantics,devinet}.c,
 * net/ipv6/{route,ip6_fib,fib6_rules,addrconf,addrlabel}.c.
 *
 * A rejection is an answer: returns OK with its outcome. A hop with the flag linkdown is passed over where the State shows it as
 * dead, too: so the kernel shows that ignore_routes_with_linkdown is set.
 * Not derived, and taken to be as in a fresh kernel: rp_filter 0, accept_local 0, route_localnet 0, src_valid_mark 0,
 * send_redirects 1, use_optimistic 0, use_oif_addrs_only 0, the default address labels (ip addrlabel), no resilient nexthop groups
 * (their buckets), no IPv6 flow labels; links in order of ifindex where addresses of all links come into question.
 *
 * Errors: EXPIRED, CORRUPT, INVALID (family, size). Cost: one search per table asked, one for the source and a few loads per
 * rule: below 100 ns for an IPv4 packet that this host sends, under 5 rules that name marks and prefixes. Rules that name more,
 * several hops, IPv6, or iif, whose source has to be judged, take two to four times as long (bench/bench_fib). No system
 * call, unless an IPv6 route has a lifetime. Any thread.
 */
NETVANE_API int netvane_fib_lookup(const struct netvane_snap *snap,
                                   const struct netvane_fib_question *question,
                                   struct netvane_fib_answer *ret_answer);
/* Hop number index (from 0) of the route of an answer, of a nexthop group also where the kernel lists only its id.
 * Errors: NOT_FOUND, EXPIRED, CORRUPT, INVALID. */
NETVANE_API int netvane_fib_hop(const struct netvane_snap *snap,
                                const struct netvane_fib_answer *answer, uint32_t index,
                                struct netvane_hop *ret_hop);

/* ---- nexthop objects --------------------------------------------------------------------------------------------------------- */

#define NETVANE_NEXTHOP_BLACKHOLE (1u << 0)
#define NETVANE_NEXTHOP_GROUP     (1u << 1)
#define NETVANE_NEXTHOP_FDB       (1u << 2)

struct netvane_nexthop {
    uint32_t size;
    uint32_t nhid;
    uint32_t flags; /* RTNH_F_* */
    uint32_t ifindex;
    uint8_t family, gw_family, scope, protocol;
    uint8_t gateway[16];
    uint16_t encap_type;
    uint16_t group_type; /* NEXTHOP_GRP_TYPE_* */
    uint32_t encap;      /* string id */
    uint32_t present;    /* NETVANE_NEXTHOP_* */
    uint32_t member_count;
    uint32_t buckets, idle_timer,
        unbalanced_timer; /* resilient groups; times as the kernel's clock_t */
};
struct netvane_member {
    uint32_t size;
    uint32_t nhid;
    uint32_t weight;
};
NETVANE_API int netvane_nexthop_get(const struct netvane_snap *snap, uint32_t nhid,
                                    struct netvane_nexthop *ret_nexthop);
/* In order of id. */
NETVANE_API int netvane_nexthop_iter(const struct netvane_snap *snap, struct netvane_iter *ret_it);
NETVANE_API int netvane_nexthop_next(struct netvane_iter *it, struct netvane_nexthop *ret_nexthop);
/* Member number index (from 0) of group nhid. */
NETVANE_API int netvane_nexthop_member(const struct netvane_snap *snap, uint32_t nhid,
                                       uint32_t index, struct netvane_member *ret_member);

/* ---- private copies, differences ------------------------------------------------------------------------------------------------ */

struct netvane_state; /* a State in this process's own memory */

/*
 * Copies a whole State, for those who must keep one long. Errors: EXPIRED (it was overtaken while copying: begin
 * again), CORRUPT, NO_MEMORY. Cost: about the size of the State in memory traffic.
 */
NETVANE_API int netvane_state_copy(const struct netvane_snap *snap,
                                   struct netvane_state **ret_state);
/* A snapshot of the copy that never expires; valid until netvane_state_free. */
NETVANE_API void netvane_state_snap(const struct netvane_state *state,
                                    struct netvane_snap *ret_snap);
NETVANE_API void netvane_state_free(struct netvane_state *state);

enum netvane_class {
    NETVANE_CLASS_LINK,
    NETVANE_CLASS_ADDR,
    NETVANE_CLASS_ROUTE,
    NETVANE_CLASS_RULE,
    NETVANE_CLASS_NEXTHOP,
    NETVANE_CLASS_COUNT
};
#define NETVANE_CLASS_ALL 0x1fu

/*
 * One difference. before or after is NULL where the object is not in that State; both point to a struct
 * netvane_link, _addr, _route, _rule or _nexthop, valid during the call. Strings, hops and members of
 * `before` are read through the snapshot it comes from.
 */
struct netvane_change {
    uint32_t size;
    enum netvane_class cls;
    const void *before;
    const void *after;
};
/* Not 0 ends the walk, and netvane_diff returns it. */
typedef int netvane_diff_fn(void *arg, const struct netvane_change *change);

/*
 * Calls fn for each object that differs between two States, which may be of the same handle, of two handles, or
 * private copies; classes: bits 1 << enum netvane_class. An object that changed several times is one difference; one that
 * was changed back, and lifetimes that only tick or were refreshed, are none. By class, in the order of enum netvane_class;
 * within a class in no particular order. Errors: EXPIRED (take the newest State whole), CORRUPT, INVALID.
 * Cost: the writer notes what each version changes; for two versions of one region that are not further apart than
 * its notes reach (some 14000 changes) two lookups for each change. Else both States are walked, but for what
 * versions of one region share.
 * A snapshot does not survive a takeover: to compare across a writer's restart keep a private copy.
 */
NETVANE_API int netvane_diff(const struct netvane_snap *from, const struct netvane_snap *to,
                             uint32_t classes, netvane_diff_fn *fn, void *arg);

/*
 * Follows the State over any number of versions: each change since the version that the consumer has, none missing, none
 * twice. On the caller's stack; never released. Of one thread at a time.
 *
 *     netvane_changes_begin(nv, NULL, NETVANE_CLASS_ALL, &it);
 *     for (;;) {
 *         netvane_changes_snap(&it, NULL, &snap);         read the State of snap whole
 *         while ((r = netvane_changes_next(&it, &change)) >= 0)
 *             if (r > 0) apply the change; else netvane_wait() with since: the snap that netvane_changes_snap gives now
 *         if (r != NETVANE_EXPIRED) break;
 *     }
 *
 * netvane_changes_next goes on towards the newest version in steps: from the version that the consumer has to the
 * newest one, as netvane_diff does. Who applies each change of a step has exactly the State that the step leads to;
 * in the middle of one, neither. What changes several times within a step is one change.
 */
struct netvane_changes {
    uint64_t opaque[448];
};

/*
 * Starts from `since`: a snapshot of nv, or of a private copy, which then has to stay until netvane_changes_next has
 * returned 0 or an error. NULL: from the newest version. classes: bits 1 << enum netvane_class.
 * Errors: INVALID; with NULL also those of netvane_snap_begin.
 */
NETVANE_API int netvane_changes_begin(struct netvane *nv, const struct netvane_snap *since,
                                      uint32_t classes, struct netvane_changes *ret_it);
/*
 * 1 with the next change, whose objects lie in the iterator and stay until its next call. 0: no change is left up to the
 * newest version; call again whenever there may be one. Never sleeps.
 * EXPIRED: the consumer was away too long, or another writer has taken over and the State is not the one that the consumer
 * has. What it has is to be dropped, and the State that netvane_changes_snap gives now taken whole: the iterator goes on
 * from there. A new writer whose State is the same is no reason for that.
 * CORRUPT, which stays; INVALID; and the errors of netvane_snap_begin, after which the consumer has what it had.
 * Cost: see netvane_diff; a few loads where there is no new version.
 */
NETVANE_API int netvane_changes_next(struct netvane_changes *it, struct netvane_change *ret_change);
/*
 * The two ends of the current step, each of which may be NULL. ret_before: the State that all changes before the step
 * led to; `before` of a change is of it. ret_after: the State that the step leads to; `after` is of it. They are the same
 * after begin, 0 and EXPIRED: the State that the consumer has, or is to take. Errors: INVALID.
 */
NETVANE_API int netvane_changes_snap(const struct netvane_changes *it,
                                     struct netvane_snap *ret_before,
                                     struct netvane_snap *ret_after);

/* ---- health ------------------------------------------------------------------------------------------------------------------------ */

enum netvane_writer {
    NETVANE_WRITER_LIVE = 0,    /* alive, and its heartbeat is on time */
    NETVANE_WRITER_LATE = 1,    /* alive, but its heartbeat is late: stopped, hung or starved */
    NETVANE_WRITER_DEAD = 2,    /* ended without a word; the State ages from now on */
    NETVANE_WRITER_STOPPED = 3, /* ended in order */
    NETVANE_WRITER_STARTING = 4 /* alive, no State yet */
};

struct netvane_health {
    uint32_t size;
    uint32_t writer;  /* enum netvane_writer */
    uint32_t quality; /* of the newest State */
    uint32_t writer_pid;
    uint64_t version;
    uint64_t heartbeat_age_ns;
    uint64_t published_age_ns; /* of the newest version: old where nothing changes */
    uint64_t verified_age_ns;  /* since the last full re-read of the kernel ended */
    uint64_t started_ns;
    uint64_t instance_id;
    uint64_t horizon;      /* the oldest version that can be read */
    uint64_t region_bytes; /* backed by memory now */
    uint64_t max_bytes;
    uint64_t netns_dev, netns_ino;
    uint64_t coalesce_ns, reconcile_ns;
    char tables[96]; /* which tables' routes the State holds (netvaned --tables); empty: all */
    uint64_t routes_left_out; /* routes of the kernel that it does not hold for that reason */
};
/* One system call (the probe of the writer's lock). Errors: INVALID, and those of netvane_open after a takeover. */
NETVANE_API int netvane_health_get(struct netvane *nv, struct netvane_health *ret_health);

/* Counter number index: its name, its meaning and its value. NOT_FOUND past the last. */
NETVANE_API int netvane_counter_get(struct netvane *nv, unsigned index, const char **ret_name,
                                    const char **ret_text, uint64_t *ret_value);

/* One finding of netvane_check; text is a sentence. */
typedef void netvane_check_fn(void *arg, const char *text);
/*
 * Checks the whole newest version: every node's bounds, order and checksum, every index against what it names, every
 * count and digest; and the journal of the versions that can be read, against their trees. Returns the number of findings, or EXPIRED where it was overtaken. fn may be NULL.
 */
NETVANE_API int netvane_check(struct netvane *nv, netvane_check_fn *fn, void *arg);

/* ---- waiting ------------------------------------------------------------------------------------------------------------------------- */

struct netvane_wait_args {
    uint32_t size;
    uint32_t topics; /* NETVANE_TOPIC_*; 0: any */
    /* Return at once if a topic differs from this State already, so that nothing is lost between looking and
     * sleeping; once this State has expired, all topics asked for count as changed. NULL: from now on. */
    const struct netvane_snap *since;
    uint64_t timeout_ns; /* 0: do not sleep; UINT64_MAX: for ever */
    uint64_t
        settle_ns; /* then return only once the topics have been quiet for so long, 0: at once */
    uint64_t settle_max_ns; /* but at most so long after the first change, 0: ten times settle_ns */
};
/*
 * Sleeps until a topic changes; ret_topics (may be NULL) gets those that did. A new writer with the same content
 * wakes nobody. Errors: TIMEOUT, INTERRUPTED (a signal), INVALID, and those of netvane_open. A death of the writer
 * is seen within a second and returns NETVANE_TOPIC_HEALTH if that topic was asked for. Any thread.
 */
NETVANE_API int netvane_wait(struct netvane *nv, const struct netvane_wait_args *args,
                             uint32_t *ret_topics);

/*
 * Waits for a State without RESYNCING and APPROXIMATE bits, be its writer alive or not (see netvane_health_get).
 * Errors: TIMEOUT, INTERRUPTED, and those of netvane_wait.
 */
NETVANE_API int netvane_wait_ready(struct netvane *nv, uint64_t timeout_ns);

/*
 * A descriptor for poll, epoll or select: readable when a version moved a topic, the writer ended or was
 * replaced. Made at the first call, closed by netvane_close. Errors: SYSTEM, NO_MEMORY.
 */
NETVANE_API int netvane_fd(struct netvane *nv, int *ret_fd);
/*
 * Empties the descriptor and tells which topics moved since the last call (since netvane_fd at the first).
 * None may have: the descriptor also tells that the file, or its writer, is another now.
 * Never sleeps. Errors: those of netvane_open after a takeover.
 */
NETVANE_API int netvane_fd_take(struct netvane *nv, uint32_t *ret_topics);

/* ---- watch callbacks --------------------------------------------------------------------------------------------------------------------- */

#define NETVANE_WATCHES_MAX 256

enum netvane_verdict {
    NETVANE_CONTINUE = 0,
    NETVANE_HANDLED = 1 /* the watches registered later are not asked about this change */
};

struct netvane_watch; /* a registered callback */

/* topics: those that moved and that the watch asked for. snap: the State after the change. */
typedef enum netvane_verdict netvane_watch_fn(void *arg, uint32_t topics,
                                              const struct netvane_snap *snap);

/*
 * Registers fn for these topics (0: any). The first registration starts the one observer thread of the handle, the last deregistration stops
 * it and joins it. Callbacks run in that thread, in order of registration, outside every lock, over the list as it
 * was when the change was seen; one that was removed meanwhile is not called. A callback may register and remove watches,
 * itself included. Errors: LIMIT (NETVANE_WATCHES_MAX are registered), INVALID, NO_MEMORY, SYSTEM.
 */
NETVANE_API int netvane_watch_add(struct netvane *nv, uint32_t topics, netvane_watch_fn *fn,
                                  void *arg, struct netvane_watch **ret_watch);
/*
 * Deregisters. When it returns, fn is not running and will not run again, except where it is called from a callback:
 * then that one call may still be on the stack below. NULL is fine.
 */
NETVANE_API void netvane_watch_remove(struct netvane *nv, struct netvane_watch *watch);

#ifdef __cplusplus
}
#endif

#endif
