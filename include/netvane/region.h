/* SPDX-License-Identifier: MIT */
/*
 * region.h - every byte of the shared memory region, and no code.
 *
 * Owns:      the layout that the writer publishes and that any reader, in any language, may map.
 * Assumes:   one byte order and one set of alignments on a host; NETVANE_REGION_LAYOUT tells if they differ.
 * Promises:  offsets and meanings within one major number never change; new fields take reserved bytes.
 * Leaves:    who stores what in which order to nv/proto.h, and the walk over the trees to nv/tree.h.
 *
 *     0x000000  header      set once, before the region gets its name
 *     0x000400  hot line    newest version, horizon, committed size, successor
 *     0x000480  topics      one generation each; `any` is the futex word
 *     0x000500  liveness    heartbeat, state, pid
 *     0x000580  doorbell    one byte that the writer writes at each publish (inotify)
 *     0x000600  nothing     zeros: the empty cell of a longest-prefix index
 *     0x000800  counters    u64 each
 *     0x001000  root ring   NETVANE_RING_SLOTS records of NETVANE_SLOT_BYTES, version v in slot v % N
 *     0x101000  journal     ring of NETVANE_JOURNAL_ENTRIES: which objects each version changed
 *     0x200000  arena       nodes of NETVANE_NODE_BYTES; a reference is an offset divided by that
 *
 * IP addresses outside of keys are bytes in network order. Key words are native integers made so that
 * their numeric order, word by word, is the order of the objects. Times are CLOCK_BOOTTIME nanoseconds.
 */
#ifndef NETVANE_REGION_H
#define NETVANE_REGION_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#error "region.h describes bytes in C11; C++ programs use netvane.h"
#endif

#define NETVANE_REGION_MAGIC UINT64_C(0x00454e415654454e) /* "NETVANE\0" as little-endian bytes */
#define NETVANE_REGION_MAJOR 1
#define NETVANE_REGION_MINOR 0
#define NETVANE_REGION_MUST  0u /* features that a reader has to understand */
#define NETVANE_REGION_MAY   0u /* features that a reader may ignore */

#define NETVANE_HOT_OFFSET      0x400
#define NETVANE_TOPICS_OFFSET   0x480
#define NETVANE_LIVENESS_OFFSET 0x500
#define NETVANE_DOORBELL_OFFSET 0x580
#define NETVANE_NOTHING_OFFSET \
    0x600 /* 512 bytes of zeros, never written: the cell of reference 0 */
#define NETVANE_COUNTERS_OFFSET   0x800
#define NETVANE_RING_OFFSET       0x1000
#define NETVANE_RING_SLOTS        1024
#define NETVANE_SLOT_BYTES        1024
#define NETVANE_JOURNAL_OFFSET    0x101000
#define NETVANE_JOURNAL_ENTRIES   16320
#define NETVANE_ARENA_OFFSET      0x200000
#define NETVANE_NODE_BYTES        256
#define NETVANE_NODE_HEADER_BYTES 16
#define NETVANE_TREE_HEIGHT_MAX   20
#define NETVANE_TABLES_BYTES      96
#define NETVANE_HEADER_PAGES_BYTES \
    NETVANE_JOURNAL_OFFSET /* stays mapped until close: header and roots */

/* ---- words of the hot lines ---------------------------------------------------------------------- */

/* head carries this bit once a successor has replaced the region: the version below it stays readable. */
#define NETVANE_HEAD_MOVED (UINT64_C(1) << 63)

struct netvane_region_header {
    uint64_t magic;
    uint16_t major;
    uint16_t minor;
    uint32_t layout; /* NETVANE_REGION_LAYOUT of the writer's build */
    uint32_t features_must;
    uint32_t features_may;
    uint32_t ring_slots;
    uint32_t slot_bytes;
    uint32_t node_bytes;
    uint32_t tree_count;
    uint64_t ring_offset;
    uint64_t journal_offset;
    uint64_t journal_bytes; /* 0: this writer keeps no journal */
    uint64_t arena_offset;
    uint64_t max_bytes;   /* the file never grows past this: map so much */
    uint64_t instance_id; /* random, one per life of a writer */
    uint8_t boot_id[16];
    uint64_t netns_dev; /* st_dev and st_ino of the namespace's nsfs file; 0 where there is none */
    uint64_t netns_ino;
    uint64_t created_ns;
    uint64_t first_version; /* the first version that this instance published */
    uint64_t coalesce_ns;   /* at most one version per this time in a storm */
    uint64_t reconcile_ns;  /* full re-read at least this often, 0: never */
    uint64_t heartbeat_ns;  /* a heartbeat older than three of these is late */
    char tables
        [NETVANE_TABLES_BYTES]; /* which routes are held, zero-padded text: see netvaned(8); empty: all */
    uint64_t checksum;          /* netvane hash of the bytes before this field */
};

struct netvane_region_hot {
    uint64_t
        head; /* newest version, with NETVANE_HEAD_MOVED once replaced; 0: nothing published yet */
    uint64_t horizon;       /* the oldest version that is still readable */
    uint64_t committed;     /* bytes of the file, from its start, that are backed by memory */
    uint64_t successor;     /* instance id of the region that replaced this one, or 0 */
    uint64_t journal_floor; /* entries of the journal below this position are not to be read */
};

enum netvane_region_topic {
    NETVANE_RT_DEFAULT4,
    NETVANE_RT_DEFAULT6,
    NETVANE_RT_LINKS,
    NETVANE_RT_ADDRS,
    NETVANE_RT_ROUTES,
    NETVANE_RT_RULES,
    NETVANE_RT_NEXTHOPS,
    NETVANE_RT_HEALTH,
    NETVANE_RT_COUNT
};
#define NETVANE_TOPIC_SLOTS 15

struct netvane_region_topics {
    uint32_t any; /* moves with every topic */
    uint32_t gen[NETVANE_TOPIC_SLOTS];
};

enum netvane_region_state {
    NETVANE_RS_STARTING = 0, /* no State yet */
    NETVANE_RS_LIVE = 1,
    NETVANE_RS_STOPPED = 2, /* the writer ended in order */
    NETVANE_RS_REPLACED = 3 /* a successor took over */
};

struct netvane_region_liveness {
    uint64_t heartbeat_ns;
    uint32_t state;
    uint32_t writer_pid;
    uint64_t started_ns;
    uint64_t verified_ns; /* when the last full re-read ended */
};

/* Counters: one u64 each, only ever growing within one instance. Gauges say so. */
#define NETVANE_COUNTERS(X)                                                                    \
    X(PUBLISHES, "publishes", "versions published")                                            \
    X(QUIET_PUBLISHES, "quiet_publishes", "versions that moved no topic (lifetimes only)")     \
    X(EVENTS, "events", "kernel messages taken from the event socket")                         \
    X(EVENT_BYTES, "event_bytes", "bytes taken from the event socket")                         \
    X(DUMPS, "dumps", "dumps completed, full and targeted")                                    \
    X(DUMP_MESSAGES, "dump_messages", "kernel messages taken from dumps")                      \
    X(DUMPS_INTERRUPTED, "dumps_interrupted", "dumps that the kernel flagged NLM_F_DUMP_INTR") \
    X(DUMPS_DISTURBED, "dumps_disturbed", "dumps during which an event of their kind arrived") \
    X(DUMP_ERRORS, "dump_errors", "dumps that ended with an error")                            \
    X(REREADS, "rereads", "targeted re-reads scheduled by an event")                           \
    X(RESYNCS, "resyncs", "full re-reads because something was lost or on demand")             \
    X(RECONCILES, "reconciles", "periodic full re-reads")                                      \
    X(OVERRUNS, "overruns", "times the event socket overflowed (ENOBUFS)")                     \
    X(TRUNCATED, "truncated", "datagrams cut by MSG_TRUNC")                                    \
    X(MALFORMED, "malformed", "messages that could not be parsed")                             \
    X(UNKNOWN, "unknown", "messages of a type or family that the State does not hold")         \
    X(RESUMES, "resumes", "times the host slept (BOOTTIME moved against MONOTONIC)")           \
    X(SOCKET_REOPENS, "socket_reopens", "times the event socket was opened again")             \
    X(DRIFT_LINKS, "drift_links", "links that a reconcile had to repair")                      \
    X(DRIFT_ADDRS, "drift_addrs", "addresses that a reconcile had to repair")                  \
    X(DRIFT_ROUTES, "drift_routes", "routes that a reconcile had to repair")                   \
    X(DRIFT_RULES, "drift_rules", "rules that a reconcile had to repair")                      \
    X(DRIFT_NEXTHOPS, "drift_nexthops", "nexthops that a reconcile had to repair")             \
    X(EGRESS_QUERIES, "egress_queries", "egress questions put to the kernel")                  \
    X(EGRESS_DISAGREED, "egress_disagreed",                                                    \
      "times the kernel's egress differed from the mirror's")                                  \
    X(EARLY_EXPIRIES, "early_expiries", "versions expired before their grace time")            \
    X(LIMITS_HIT, "limits_hit", "changes refused because a limit was met")                     \
    X(NO_MEMORY, "no_memory", "times the region could not grow")                               \
    X(NODES_COPIED, "nodes_copied", "tree nodes copied or made by commits")                    \
    X(BYTES_COPIED, "bytes_copied", "bytes written by commits: nodes, root records, journal")  \
    X(WAKES, "wakes", "sleeping readers woken")                                                \
    X(NODES_USED, "nodes_used", "gauge: nodes that hold a readable version or the draft")      \
    X(NODES_LIMBO, "nodes_limbo", "gauge: nodes that wait for the horizon")                    \
    X(NODES_FREE, "nodes_free", "gauge: nodes free for use")                                   \
    X(SOCKET_BUFFER, "socket_buffer", "gauge: bytes of the event socket's receive buffer")     \
    X(DUMP_NS, "dump_ns", "gauge: nanoseconds the last full re-read took")                     \
    X(STRAYS, "strays", "messages of another sender or of no open request: not looked at")     \
    X(DUMPS_BUSY, "dumps_busy", "dumps that the kernel refused with EBUSY")                    \
    X(DUMP_TIMEOUTS, "dump_timeouts", "dumps given up because the kernel fell silent")         \
    X(SOCKET_ERRORS, "socket_errors", "errors of the event socket other than an overflow")     \
    X(UNTOLD_DROPS, "untold_drops", "times the kernel dropped events and did not say so")      \
    X(LOST_GROUPS, "lost_groups", "times the event socket was found without its groups")       \
    X(DRIFT_REOPENS, "drift_reopens", "times two drifting reconciles made the socket suspect") \
    X(UNKNOWN_ATTRS, "unknown_attrs", "attributes of a number that the writer does not know")  \
    X(CLIPPED, "clipped", "lists and texts too long for the State, cut")                       \
    X(ROUTES_LEFT_OUT, "routes_left_out",                                                      \
      "gauge: routes of the kernel left out on request (--tables)")                            \
    X(JOURNAL_BREAKS, "journal_breaks", "versions that changed more than the journal takes")

enum netvane_region_counter {
#define NETVANE_COUNTER_ENUM(ID, name, text) NETVANE_RC_##ID,
    NETVANE_COUNTERS(NETVANE_COUNTER_ENUM)
#undef NETVANE_COUNTER_ENUM
        NETVANE_RC_COUNT
};
#define NETVANE_COUNTER_SLOTS 256

/* ---- root records -------------------------------------------------------------------------------- */

/* Quality bits of a State. None set: an exact and synced mirror. */
#define NETVANE_RQ_RESYNCING   (1u << 0) /* something was lost; a full re-read is under way */
#define NETVANE_RQ_APPROXIMATE (1u << 1) /* dumps kept being disturbed; absences are not proven */
#define NETVANE_RQ_DEGRADED    (1u << 2) /* out of memory or over a limit: something is missing */
#define NETVANE_RQ_STOPPED     (1u << 3) /* the writer has stopped in order */
#define NETVANE_RQ_FILTERED \
    (1u << 4) /* routes are left out on request: header.tables says which are held */

enum netvane_region_tree {
    NETVANE_TREE_LINKS,
    NETVANE_TREE_NAMES,
    NETVANE_TREE_ALTNAMES,
    NETVANE_TREE_STRINGS,
    NETVANE_TREE_ADDRS,
    NETVANE_TREE_ADDRS_BY_IP,
    NETVANE_TREE_ROUTES4,
    NETVANE_TREE_ROUTES6,
    NETVANE_TREE_HOPS,
    NETVANE_TREE_METRICS,
    NETVANE_TREE_RULES,
    NETVANE_TREE_NEXTHOPS,
    NETVANE_TREE_MEMBERS,
    NETVANE_TREE_DEFAULTS,
    NETVANE_TREE_TABLES,
    NETVANE_TREE_COUNT
};
#define NETVANE_TREE_SLOTS 20

/* Tables whose longest-prefix index stands in the root record; that of any other is in its record of TREE_TABLES. */
enum netvane_region_slot_lpm {
    NETVANE_SL_MAIN4,
    NETVANE_SL_MAIN6,
    NETVANE_SL_LOCAL4,
    NETVANE_SL_LOCAL6,
    NETVANE_LPM_SLOTS
};

struct netvane_region_root {
    uint32_t ref;    /* node, or 0: empty */
    uint32_t height; /* 0: empty, 1: the root is a leaf */
    uint32_t count;  /* records */
    uint32_t reserved;
};

enum netvane_region_lpm_state {
    NETVANE_LS_NONE = 0,  /* no route in this table, or the index is elsewhere */
    NETVANE_LS_VALID = 1, /* the index holds every prefix of the table */
    NETVANE_LS_BROKEN = 2 /* no memory for it: ask the tree of routes */
};

/* The longest-prefix index of one table: see the section on it below. */
struct netvane_region_lpm {
    uint32_t top;    /* the first fan, 0: no prefix but /0 */
    uint32_t def;    /* value of /0, 0: there is none */
    uint32_t routes; /* in the table */
    uint32_t state;  /* enum netvane_region_lpm_state */
};

/* One /0, or one answer for the probe destination. Exactly 64 bytes: one cache line. */
struct netvane_region_default {
    uint32_t size; /* 64 where there is an answer, so that readers copy it as it is; else 0 */
    uint32_t ifindex;
    uint8_t gateway[16];
    uint8_t prefsrc[16];
    uint32_t metric;
    uint32_t table;
    uint8_t family;    /* 4 or 6; 0: there is none */
    uint8_t gw_family; /* 4, 6 or 0: on-link */
    uint8_t type;      /* RTN_* */
    uint8_t protocol;  /* RTPROT_* */
    uint32_t flags;    /* NETVANE_DF_* */
    uint16_t hop_count;
    uint8_t scope;
    uint8_t reason; /* why it is not first: NETVANE_REASON_*; 0 for the first */
    uint32_t nhid;
};

#define NETVANE_DF_PRESENT   (1u << 0)
#define NETVANE_DF_GATEWAY   (1u << 1)
#define NETVANE_DF_PREFSRC   (1u << 2)
#define NETVANE_DF_MULTIPATH (1u << 3)
#define NETVANE_DF_CONFIRMED (1u << 4) /* egress: the kernel gave the same answer to this State */
#define NETVANE_DF_KERNEL    (1u << 5) /* egress: the kernel's own answer; the mirror's differed */
#define NETVANE_DF_REJECT \
    (1u << 6) /* unreachable, blackhole or prohibit: an answer, not an absence */
#define NETVANE_DF_LINKDOWN (1u << 7) /* no hop has carrier */
#define NETVANE_DF_DEAD     (1u << 8) /* every hop is dead */
#define NETVANE_DF_ONLINK   (1u << 9)

struct netvane_region_slot {
    uint64_t version;
    uint64_t checksum; /* netvane hash of the bytes after this field */
    uint64_t published_ns;
    uint64_t verified_ns; /* when the last full re-read that this State contains ended */
    uint32_t quality;     /* NETVANE_RQ_* */
    uint32_t changed;     /* topics that this version moved, bit 1 << topic */
    uint64_t instance_id;
    uint64_t
        journal_end; /* the journal's position behind this version; 0: nothing is noted of it */
    uint64_t reserved0;
    struct netvane_region_default main4;
    struct netvane_region_default main6;
    struct netvane_region_default egress4;
    struct netvane_region_default egress6;
    uint32_t gen[16]; /* gen[0..14] as in topics, gen[15] = any */
    struct netvane_region_root tree[NETVANE_TREE_SLOTS];
    struct netvane_region_lpm lpm[NETVANE_LPM_SLOTS]; /* enum netvane_region_slot_lpm */
    uint64_t digest
        [8]; /* sum of the content hashes of each topic's objects: equal State, equal digest */
};

/* ---- longest-prefix indexes ------------------------------------------------------------------------- */

/*
 * Cells of some words lie in pieces of the arena of NETVANE_EXTENT_BYTES, aligned to that; a cell is aligned to 16 bytes. A
 * reference to one is its distance from NETVANE_NOTHING_OFFSET divided by NETVANE_CELL_UNIT (the largest that processors scale
 * an index by), so that reference 0 leads to zeros: a walk goes on through them without a question.
 *
 * The first 16 bits of an address lead through three fans, of 32, 32 and 64 slots, to a leaf, which looks at the next 8. A prefix
 * of 1 to 16 bits is written to every slot that it covers of the fan that its last bit lies in, one of 17 to 24 bits to every
 * place of its leaf, unless a longer one of the same fan, or leaf, has it. /0 stands in the root.
 *
 * A leaf has 256 places, 32 in a group, and its values once for each run of places that have the same (as poptrie does; Asai,
 * Ohara, SIGCOMM 2015). Where there are longer prefixes, a group has a node; that and those below look at five bits each (a
 * tree bitmap; Eatherton, Varghese, Dittia, SIGCOMM CCR 34(2), 2004). A node's reference leads to a block: a node for each bit
 * of `children`, in order, then a value for each bit of `prefixes`, in order.
 *
 * A value is the offset of an info, whose low 6 bits are free: for NETVANE_FV_CONDITIONAL, and outside of blocks for the length
 * of the prefix. So infos lie below 4 GiB. 0: none.
 */
#define NETVANE_EXTENT_BYTES 65536
#define NETVANE_CELL_UNIT    8
#define NETVANE_CELL_MAX     1232 /* a leaf of 256 values and 8 nodes */
#define NETVANE_LPM_STRIDE   5
#define NETVANE_LPM_LEAF     16 /* bits before a leaf */
#define NETVANE_LPM_GROUPS   8  /* of a leaf: the first 3 of its 8 bits */
#define NETVANE_LPM_NODES    19 /* bits before the node of a group */
#define NETVANE_LPM_LONG     24 /* prefixes that are longer stand in blocks */

#define NETVANE_FV_INFO   (~UINT32_C(63))
#define NETVANE_FV_LENGTH 31u
#define NETVANE_FV_CONDITIONAL \
    32u /* type of service, source or links' state decide: ask the routes */

struct netvane_region_fan_slot {
    uint32_t child; /* the next fan, or the leaf behind the last */
    uint32_t value;
};

/* 32 places of a leaf. Read as one word of 64 bits. */
struct netvane_region_leaf_group {
    uint32_t ends;  /* bit i: place i has not the value of place i + 1 */
    uint32_t place; /* NETVANE_LG_* */
};

#define NETVANE_LG_VALUE \
    255u /* of place: word of the leaf, of 4 bytes, that the value of the group's first place stands in */
#define NETVANE_LG_NODE_SHIFT \
    8 /* place >> this: where the group's node stands, in 16 bytes from the leaf on; 0: it has none */

/* The beginning of a leaf. Its values follow, one of 4 bytes for each run, and behind them, aligned to 16, its groups' nodes. */
struct netvane_region_leaf {
    struct netvane_region_leaf_group group[NETVANE_LPM_GROUPS];
    uint32_t hidden; /* bit n: longer prefixes may have all places of some prefix of 16 + n bits */
};

struct netvane_region_lpm_node {
    uint32_t
        prefixes; /* bit 1 << length | bits: a prefix that is `length` (0 to 4) bits longer than the node's place; none of 24 bits or less */
    uint32_t children; /* bit i: a node for the next five bits being i */
    uint32_t block;
    uint32_t reserved;
};

/* In hop_flags: the hop has an encapsulation, a realm, a weight or a nexthop object, which only its record tells. */
#define NETVANE_IF_MORE 128u

/* What a lookup ends at, shared by all routes that it is true of. Exactly 64 bytes, aligned to that. */
struct netvane_region_info {
    uint32_t hops;    /* hop set id, 0: none */
    uint32_t metrics; /* metric set id, 0: none */
    uint32_t flags;   /* of the route */
    uint32_t metric;
    uint8_t type, protocol, scope;
    uint8_t pref;       /* IPv6 */
    uint8_t gw_family;  /* of the first hop that can be used, or of the first */
    uint8_t hop_flags;  /* RTNH_F_* of that; NETVANE_IF_MORE */
    uint16_t hop_count; /* hops in the set */
    uint32_t ifindex;   /* of that hop, as the next */
    uint32_t nhid;
    uint8_t gateway[16];
    uint8_t prefsrc[16];
};

/* ---- journal --------------------------------------------------------------------------------------- */

/*
 * One object that a version changed: made, altered or removed; the trees of that version and of the one before tell which.
 * Positions count from 1 on and never go back; position p lies in place p % (journal_bytes / 64). The entries of version v
 * are those from journal_end of v - 1 up to journal_end of v, each object once. They are complete unless
 * journal_floor is above the first of them: then they were overwritten, or there were too many to note.
 */
struct netvane_region_entry {
    uint64_t version;
    uint32_t since; /* version minus that of the object's entry before; 0: not one of the ring's */
    uint8_t tree;   /* LINKS, ADDRS, ROUTES4, ROUTES6, RULES or NEXTHOPS */
    uint8_t reserved[3];
    uint64_t key[6]; /* of the object in that tree; the words that it does not have are 0 */
};

/* ---- nodes --------------------------------------------------------------------------------------- */

/*
 * A node is a header and either records (level 0) or keys and children (level > 0). Inner node: capacity
 * c = (256 - 16) / (8 * key_words + 4); c keys of key_words u64 at 16, then c u32 references. Key i is a
 * lower bound of everything under child i and greater than everything under child i - 1; key 0 is not read.
 */
struct netvane_region_node {
    uint64_t version; /* the first version that can show this node */
    uint16_t count;
    uint8_t level;
    uint8_t tree;
    uint32_t
        checksum; /* netvane hash, low 32 bits, of version, count, level, tree and the used bytes */
    uint8_t bytes[NETVANE_NODE_BYTES - NETVANE_NODE_HEADER_BYTES];
};

/* ---- records: the key first, then a dense id that tells lives of an object apart ------------------ */

#define NETVANE_LF_HAS_LINK       (1u << 0) /* IFLA_LINK was sent */
#define NETVANE_LF_HAS_LINK_NETNS (1u << 1) /* link lies in namespace link_netnsid */
#define NETVANE_LF_HAS_INFO       (1u << 2) /* info[] is set: the meaning depends on the kind */
#define NETVANE_LF_PROTO_DOWN     (1u << 3)
#define NETVANE_LF_HAS_ADDRGEN    (1u << 4)
#define NETVANE_LF_HAS_MINMAX_MTU (1u << 5)
#define NETVANE_LF_HAS_TXQLEN     (1u << 6)

struct netvane_rec_link {
    uint64_t key[1]; /* ifindex */
    uint32_t id;
    uint32_t flags; /* IFF_* */
    char name[16];
    uint32_t mtu;
    uint32_t min_mtu;
    uint32_t max_mtu;
    uint32_t txqlen;
    uint32_t master; /* ifindex or 0 */
    uint32_t link;   /* ifindex of the lower device or peer, 0: none */
    int32_t link_netnsid;
    uint32_t group;
    uint32_t num_tx_queues;
    uint32_t num_rx_queues;
    uint16_t type; /* ARPHRD_* */
    uint8_t operstate;
    uint8_t linkmode;
    uint8_t addr_len;
    uint8_t brd_len;
    uint8_t perm_len;
    uint8_t addrgen;
    uint8_t addr[32];
    uint8_t brd[32];
    uint8_t perm[32];
    uint32_t kind; /* string id, 0: none; the same below */
    uint32_t slave_kind;
    uint32_t qdisc;
    uint32_t alias;
    uint32_t parent_bus;
    uint32_t parent_dev;
    uint32_t info[3]; /* vlan: id, protocol, flags; vrf: table; vxlan: vni; macvlan: mode */
    uint32_t altname_count;
    uint32_t present; /* NETVANE_LF_* */
    uint32_t reserved;
};

struct netvane_rec_name {
    uint64_t
        key[2]; /* netvane hash of the name; ifindex << 32 | altname index (0: the name itself) */
    uint32_t id;
    uint32_t reserved;
};

struct netvane_rec_altname {
    uint64_t key[1]; /* ifindex << 32 | index from 1 */
    uint32_t id;
    uint32_t len;
    char name[128];
};

struct netvane_rec_string {
    uint64_t key[1]; /* string id << 32 | chunk */
    uint32_t id;
    uint32_t len; /* of the whole string, without a final zero */
    char bytes[48];
};

#define NETVANE_AF_HAS_PEER      (1u << 0) /* peer differs from the address */
#define NETVANE_AF_HAS_BROADCAST (1u << 1)
#define NETVANE_AF_HAS_LABEL     (1u << 2)
#define NETVANE_AF_HAS_METRIC    (1u << 3)

struct netvane_rec_addr {
    uint64_t key
        [4]; /* family << 32 | ifindex; address (v4: 0, value); v4: prefix length << 32 | peer's network */
    uint32_t id;
    uint32_t flags;    /* IFA_F_* */
    uint32_t position; /* IPv4: in the kernel's order on its link */
    uint8_t prefix_len;
    uint8_t scope;
    uint8_t protocol; /* IFAPROT_* */
    uint8_t reserved0;
    uint8_t peer[16];
    uint8_t broadcast[4];
    uint32_t metric; /* IFA_RT_PRIORITY */
    char label[16];
    uint64_t valid_until_ns; /* CLOCK_BOOTTIME; UINT64_MAX: forever */
    uint64_t preferred_until_ns;
    uint32_t present; /* NETVANE_AF_* */
    uint32_t reserved1;
};

struct netvane_rec_addr_by_ip {
    uint64_t key[4]; /* address, family << 32 | ifindex, last word of the address's key */
    uint32_t id;     /* of the address */
    uint32_t reserved;
};

struct netvane_rec_route4 {
    uint64_t
        key[2]; /* table << 32 | dst; prefix length << 56 | tos << 48 | metric << 16 | position */
    uint32_t id;
    uint32_t flags; /* RTNH_F_* and RTM_F_* of the route */
    uint8_t type;
    uint8_t protocol;
    uint8_t scope;
    uint8_t reserved;
    uint32_t hops; /* hop set id, 0: none */
    uint8_t prefsrc[4];
    uint32_t metrics; /* metric set id, 0: none */
};

struct netvane_rec_route6 {
    uint64_t key
        [6]; /* table << 32 | dst[0..3]; dst[4..11]; dst[12..15] << 32 | dst len << 24 | src len << 16; src; metric << 32 | slot */
    /* slot tells routes of equal metric apart: 0 for the one with gateways, else the link, or a hash with bit 31 set */
    uint32_t id;
    uint32_t flags;
    uint8_t type;
    uint8_t protocol;
    uint8_t scope;
    uint8_t pref; /* ICMPV6_ROUTER_PREF_* */
    uint32_t hops;
    uint32_t metrics;
    uint32_t
        order; /* among routes of equal key but for the slot: the lower comes first in the kernel's list */
    uint8_t prefsrc[16];
    uint64_t valid_until_ns; /* UINT64_MAX: no limit */
};

struct netvane_rec_hop {
    uint64_t key[1]; /* hop set id << 32 | index */
    uint32_t id;
    uint32_t count;    /* hops in the set */
    uint32_t ifindex;  /* 0: none (blackhole nexthop) */
    uint32_t nhid;     /* of the route; the same in each hop of a set */
    uint16_t weight;   /* 1..65536, 0 stands for 65536 */
    uint8_t flags;     /* RTNH_F_* */
    uint8_t gw_family; /* 4, 6 or 0 */
    uint8_t gateway[16];
    uint16_t encap_type; /* LWTUNNEL_ENCAP_* */
    uint8_t multipath;   /* the kernel sent the set as RTA_MULTIPATH, even if it has one hop */
    uint8_t reserved0;
    uint32_t encap; /* string id of the raw attributes */
    uint32_t realm;
};

struct netvane_rec_metric {
    uint64_t key[1]; /* metric set id << 32 | RTAX_* */
    uint32_t id;
    uint32_t value;
    char text[16]; /* RTAX_CC_ALGO */
};

#define NETVANE_UF_INVERT                 (1u << 0) /* FIB_RULE_INVERT */
#define NETVANE_UF_UNRESOLVED             (1u << 1)
#define NETVANE_UF_IIF_DETACHED           (1u << 2)
#define NETVANE_UF_OIF_DETACHED           (1u << 3)
#define NETVANE_UF_HAS_FWMARK             (1u << 4)
#define NETVANE_UF_HAS_UID                (1u << 5)
#define NETVANE_UF_HAS_SPORT              (1u << 6)
#define NETVANE_UF_HAS_DPORT              (1u << 7)
#define NETVANE_UF_HAS_SUPPRESS_PREFIXLEN (1u << 8)
#define NETVANE_UF_HAS_SUPPRESS_IFGROUP   (1u << 9)
#define NETVANE_UF_L3MDEV                 (1u << 10)
#define NETVANE_UF_HAS_TUN_ID             (1u << 11)

struct netvane_rec_rule {
    uint64_t key[2]; /* family << 32 | priority; position among equals */
    uint32_t id;
    uint32_t table;
    uint8_t src[16];
    uint8_t dst[16];
    uint8_t src_len;
    uint8_t dst_len;
    uint8_t tos;
    uint8_t action; /* FR_ACT_* */
    uint8_t protocol;
    uint8_t ip_proto;
    uint8_t reserved0[2];
    uint32_t fwmark;
    uint32_t fwmask;
    char iif[16];
    char oif[16];
    uint32_t target; /* of goto */
    uint32_t suppress_prefix_len;
    uint32_t suppress_ifgroup;
    uint32_t realms;
    uint32_t uid_start;
    uint32_t uid_end;
    uint16_t sport_start;
    uint16_t sport_end;
    uint16_t dport_start;
    uint16_t dport_end;
    uint64_t tun_id;
    uint32_t present; /* NETVANE_UF_* */
    uint32_t reserved1;
};

#define NETVANE_NF_BLACKHOLE (1u << 0)
#define NETVANE_NF_GROUP     (1u << 1)
#define NETVANE_NF_FDB       (1u << 2)

struct netvane_rec_nexthop {
    uint64_t key[1]; /* nexthop id */
    uint32_t id;
    uint32_t flags; /* RTNH_F_* */
    uint32_t ifindex;
    uint8_t family;    /* of the nexthop, 0: unspecified */
    uint8_t gw_family; /* 4, 6 or 0 */
    uint8_t scope;
    uint8_t protocol;
    uint8_t gateway[16];
    uint16_t encap_type;
    uint16_t group_type; /* NEXTHOP_GRP_TYPE_* */
    uint32_t encap;
    uint32_t member_count;
    uint32_t buckets; /* resilient groups */
    uint32_t idle_timer;
    uint32_t unbalanced_timer;
    uint32_t present; /* NETVANE_NF_* */
    uint32_t reserved;
};

struct netvane_rec_member {
    uint64_t key[1]; /* group's nexthop id << 32 | index */
    uint32_t id;
    uint32_t member; /* nexthop id */
    uint32_t weight; /* 1.. */
    uint32_t reserved;
};

/* Why a default route does not come before the one above it. */
enum netvane_region_reason {
    NETVANE_REASON_FIRST = 0,
    NETVANE_REASON_METRIC = 1, /* a lower metric comes first */
    NETVANE_REASON_ORDER = 2,  /* same metric: position in the kernel's list, or IPv6 preference */
    NETVANE_REASON_LINK_DOWN = 3,  /* no hop's link is up */
    NETVANE_REASON_NO_CARRIER = 4, /* no hop's link has carrier */
    NETVANE_REASON_DEAD = 5,       /* every hop is dead */
    NETVANE_REASON_REJECT = 6      /* unreachable, blackhole or prohibit */
};

struct netvane_rec_default {
    uint64_t key[1]; /* family << 56 | table << 16 | rank */
    uint32_t id;
    uint32_t hops; /* hop set id */
    struct netvane_region_default value;
};

struct netvane_rec_table {
    uint64_t key[1]; /* family << 32 | table */
    uint32_t id;
    uint32_t
        lengths[5]; /* bit length % 32 of word length / 32: the table has prefixes of that length */
    struct netvane_region_lpm lpm; /* zeros where it stands in the root record */
};

/* ---- the layout, held by the compiler --------------------------------------------------------------- */

#define NETVANE_AT(type, field, offset) \
    _Static_assert(offsetof(struct type, field) == (offset), #type "." #field " moved")
#define NETVANE_SIZE(type, size) \
    _Static_assert(sizeof(struct type) == (size), #type " has another size")

NETVANE_AT(netvane_region_header, magic, 0);
NETVANE_AT(netvane_region_header, major, 8);
NETVANE_AT(netvane_region_header, minor, 10);
NETVANE_AT(netvane_region_header, layout, 12);
NETVANE_AT(netvane_region_header, features_must, 16);
NETVANE_AT(netvane_region_header, features_may, 20);
NETVANE_AT(netvane_region_header, ring_slots, 24);
NETVANE_AT(netvane_region_header, slot_bytes, 28);
NETVANE_AT(netvane_region_header, node_bytes, 32);
NETVANE_AT(netvane_region_header, tree_count, 36);
NETVANE_AT(netvane_region_header, ring_offset, 40);
NETVANE_AT(netvane_region_header, journal_offset, 48);
NETVANE_AT(netvane_region_header, journal_bytes, 56);
NETVANE_AT(netvane_region_header, arena_offset, 64);
NETVANE_AT(netvane_region_header, max_bytes, 72);
NETVANE_AT(netvane_region_header, instance_id, 80);
NETVANE_AT(netvane_region_header, boot_id, 88);
NETVANE_AT(netvane_region_header, netns_dev, 104);
NETVANE_AT(netvane_region_header, netns_ino, 112);
NETVANE_AT(netvane_region_header, created_ns, 120);
NETVANE_AT(netvane_region_header, first_version, 128);
NETVANE_AT(netvane_region_header, coalesce_ns, 136);
NETVANE_AT(netvane_region_header, reconcile_ns, 144);
NETVANE_AT(netvane_region_header, heartbeat_ns, 152);
NETVANE_AT(netvane_region_header, tables, 160);
NETVANE_AT(netvane_region_header, checksum, 256);
NETVANE_SIZE(netvane_region_header, 264);
NETVANE_AT(netvane_region_hot, head, 0);
NETVANE_AT(netvane_region_hot, horizon, 8);
NETVANE_AT(netvane_region_hot, committed, 16);
NETVANE_AT(netvane_region_hot, successor, 24);
NETVANE_AT(netvane_region_hot, journal_floor, 32);
NETVANE_SIZE(netvane_region_hot, 40);
NETVANE_AT(netvane_region_topics, gen, 4);
NETVANE_SIZE(netvane_region_topics, 64);
NETVANE_AT(netvane_region_liveness, state, 8);
NETVANE_AT(netvane_region_liveness, writer_pid, 12);
NETVANE_AT(netvane_region_liveness, started_ns, 16);
NETVANE_AT(netvane_region_liveness, verified_ns, 24);
NETVANE_SIZE(netvane_region_liveness, 32);
NETVANE_SIZE(netvane_region_root, 16);
NETVANE_SIZE(netvane_region_lpm, 16);
NETVANE_SIZE(netvane_region_fan_slot, 8);
NETVANE_SIZE(netvane_region_leaf_group, 8);
NETVANE_AT(netvane_region_leaf, hidden, 64);
NETVANE_SIZE(netvane_region_leaf, 68);
NETVANE_SIZE(netvane_region_lpm_node, 16);
NETVANE_AT(netvane_region_info, type, 16);
NETVANE_AT(netvane_region_info, hop_count, 22);
NETVANE_AT(netvane_region_info, gateway, 32);
NETVANE_AT(netvane_region_info, prefsrc, 48);
NETVANE_SIZE(netvane_region_info, 64);
NETVANE_AT(netvane_region_default, gateway, 8);
NETVANE_AT(netvane_region_default, prefsrc, 24);
NETVANE_AT(netvane_region_default, metric, 40);
NETVANE_AT(netvane_region_default, table, 44);
NETVANE_AT(netvane_region_default, family, 48);
NETVANE_AT(netvane_region_default, flags, 52);
NETVANE_AT(netvane_region_default, hop_count, 56);
NETVANE_AT(netvane_region_default, nhid, 60);
NETVANE_SIZE(netvane_region_default, 64);
NETVANE_AT(netvane_region_slot, checksum, 8);
NETVANE_AT(netvane_region_slot, published_ns, 16);
NETVANE_AT(netvane_region_slot, verified_ns, 24);
NETVANE_AT(netvane_region_slot, quality, 32);
NETVANE_AT(netvane_region_slot, changed, 36);
NETVANE_AT(netvane_region_slot, instance_id, 40);
NETVANE_AT(netvane_region_slot, journal_end, 48);
NETVANE_AT(netvane_region_slot, main4, 64);
NETVANE_AT(netvane_region_slot, main6, 128);
NETVANE_AT(netvane_region_slot, egress4, 192);
NETVANE_AT(netvane_region_slot, egress6, 256);
NETVANE_AT(netvane_region_slot, gen, 320);
NETVANE_AT(netvane_region_slot, tree, 384);
NETVANE_AT(netvane_region_slot, lpm, 704);
NETVANE_AT(netvane_region_slot, digest, 768);
NETVANE_SIZE(netvane_region_slot, 832);
_Static_assert(sizeof(struct netvane_region_slot) <= NETVANE_SLOT_BYTES,
               "a root record has to fit");
NETVANE_AT(netvane_region_entry, since, 8);
NETVANE_AT(netvane_region_entry, tree, 12);
NETVANE_AT(netvane_region_entry, key, 16);
NETVANE_SIZE(netvane_region_entry, 64);
_Static_assert(NETVANE_JOURNAL_OFFSET +
                       NETVANE_JOURNAL_ENTRIES * sizeof(struct netvane_region_entry) ==
                   NETVANE_ARENA_OFFSET,
               "the journal ends where the arena begins");
NETVANE_AT(netvane_region_node, count, 8);
NETVANE_AT(netvane_region_node, level, 10);
NETVANE_AT(netvane_region_node, tree, 11);
NETVANE_AT(netvane_region_node, checksum, 12);
NETVANE_AT(netvane_region_node, bytes, NETVANE_NODE_HEADER_BYTES);
NETVANE_SIZE(netvane_region_node, NETVANE_NODE_BYTES);
NETVANE_AT(netvane_rec_link, flags, 12);
NETVANE_AT(netvane_rec_link, name, 16);
NETVANE_AT(netvane_rec_link, mtu, 32);
NETVANE_AT(netvane_rec_link, master, 48);
NETVANE_AT(netvane_rec_link, type, 72);
NETVANE_AT(netvane_rec_link, addr_len, 76);
NETVANE_AT(netvane_rec_link, addr, 80);
NETVANE_AT(netvane_rec_link, kind, 176);
NETVANE_AT(netvane_rec_link, info, 200);
NETVANE_AT(netvane_rec_link, present, 216);
NETVANE_SIZE(netvane_rec_link, 224);
NETVANE_SIZE(netvane_rec_name, 24);
NETVANE_SIZE(netvane_rec_altname, 144);
NETVANE_SIZE(netvane_rec_string, 64);
NETVANE_AT(netvane_rec_addr, flags, 36);
NETVANE_AT(netvane_rec_addr, position, 40);
NETVANE_AT(netvane_rec_addr, prefix_len, 44);
NETVANE_AT(netvane_rec_addr, peer, 48);
NETVANE_AT(netvane_rec_addr, broadcast, 64);
NETVANE_AT(netvane_rec_addr, label, 72);
NETVANE_AT(netvane_rec_addr, valid_until_ns, 88);
NETVANE_AT(netvane_rec_addr, present, 104);
NETVANE_SIZE(netvane_rec_addr, 112);
NETVANE_SIZE(netvane_rec_addr_by_ip, 40);
NETVANE_AT(netvane_rec_route4, flags, 20);
NETVANE_AT(netvane_rec_route4, type, 24);
NETVANE_AT(netvane_rec_route4, hops, 28);
NETVANE_AT(netvane_rec_route4, prefsrc, 32);
NETVANE_AT(netvane_rec_route4, metrics, 36);
NETVANE_SIZE(netvane_rec_route4, 40);
NETVANE_AT(netvane_rec_route6, flags, 52);
NETVANE_AT(netvane_rec_route6, type, 56);
NETVANE_AT(netvane_rec_route6, hops, 60);
NETVANE_AT(netvane_rec_route6, prefsrc, 72);
NETVANE_AT(netvane_rec_route6, valid_until_ns, 88);
NETVANE_SIZE(netvane_rec_route6, 96);
NETVANE_AT(netvane_rec_hop, count, 12);
NETVANE_AT(netvane_rec_hop, ifindex, 16);
NETVANE_AT(netvane_rec_hop, weight, 24);
NETVANE_AT(netvane_rec_hop, gateway, 28);
NETVANE_AT(netvane_rec_hop, encap_type, 44);
NETVANE_AT(netvane_rec_hop, encap, 48);
NETVANE_SIZE(netvane_rec_hop, 56);
NETVANE_SIZE(netvane_rec_metric, 32);
NETVANE_AT(netvane_rec_rule, table, 20);
NETVANE_AT(netvane_rec_rule, src, 24);
NETVANE_AT(netvane_rec_rule, src_len, 56);
NETVANE_AT(netvane_rec_rule, fwmark, 64);
NETVANE_AT(netvane_rec_rule, iif, 72);
NETVANE_AT(netvane_rec_rule, target, 104);
NETVANE_AT(netvane_rec_rule, sport_start, 128);
NETVANE_AT(netvane_rec_rule, tun_id, 136);
NETVANE_AT(netvane_rec_rule, present, 144);
NETVANE_SIZE(netvane_rec_rule, 152);
NETVANE_AT(netvane_rec_nexthop, flags, 12);
NETVANE_AT(netvane_rec_nexthop, family, 20);
NETVANE_AT(netvane_rec_nexthop, gateway, 24);
NETVANE_AT(netvane_rec_nexthop, encap, 44);
NETVANE_AT(netvane_rec_nexthop, present, 64);
NETVANE_SIZE(netvane_rec_nexthop, 72);
NETVANE_SIZE(netvane_rec_member, 24);
NETVANE_AT(netvane_rec_default, value, 16);
NETVANE_SIZE(netvane_rec_default, 80);
NETVANE_AT(netvane_rec_table, lengths, 12);
NETVANE_AT(netvane_rec_table, lpm, 32);
NETVANE_SIZE(netvane_rec_table, 48);

/* A word that two builds share only if they agree on every size and on the byte order (checked as a u32). */
#define NETVANE_REGION_LAYOUT                                                               \
    ((uint32_t)sizeof(struct netvane_region_slot) * 31u +                                   \
     (uint32_t)sizeof(struct netvane_rec_link) * 37u +                                      \
     (uint32_t)sizeof(struct netvane_rec_addr) * 41u +                                      \
     (uint32_t)sizeof(struct netvane_rec_route4) * 43u +                                    \
     (uint32_t)sizeof(struct netvane_rec_route6) * 47u +                                    \
     (uint32_t)sizeof(struct netvane_rec_rule) * 53u +                                      \
     (uint32_t)sizeof(struct netvane_rec_nexthop) * 59u +                                   \
     (uint32_t)sizeof(struct netvane_rec_hop) * 61u + (uint32_t) _Alignof(uint64_t) * 67u + \
     (uint32_t)NETVANE_RING_SLOTS * 71u + (uint32_t)NETVANE_NODE_BYTES * 73u + 3u)

#endif
