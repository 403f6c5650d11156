/* SPDX-License-Identifier: MIT */
/*
 * mirror.h - the writer's truth: facts in, edits of the draft trees out.
 *
 * Owns:      the draft, dense ids, shared contents, the digest of what the draft holds for each topic, and notes
 *            of what it changes.
 * Assumes:   one thread. Facts are as event.h says; their order is the source's.
 * Promises:  a fact that tells nothing new edits nothing; an edit is whole or not made at all (REFUSED).
 * Leaves:    when to re-read to sync.c, when to publish to commit.c.
 */
#ifndef NV_MIRROR_H
#define NV_MIRROR_H

#include "ids.h"
#include "intern.h"
#include "journal.h"
#include "limits.h"
#include "link_uses.h"
#include "mirror_lpm.h"
#include "nv/content.h"
#include "nv/event.h"
#include "tree_edit.h"

enum nv_kind {
    NV_K_LINK,
    NV_K_ADDR,
    NV_K_ROUTE4,
    NV_K_ROUTE6,
    NV_K_RULE,
    NV_K_NEXTHOP,
    NV_K_COUNT
};

/* What a fact did. */
enum nv_effect {
    NV_SAME,    /* nothing new */
    NV_TOUCHED, /* only lifetimes moved */
    NV_CHANGED,
    NV_SUSPECT, /* applied as well as could be told; only a re-read can say whether that is right */
    NV_REFUSED  /* no memory or a limit: the mirror lacks it, and says so (DEGRADED) */
};

/* A table's index, and how many routes it has of each prefix length. */
struct nv_table {
    uint32_t table;
    uint8_t family;
    bool bared;  /* of IPv6: see nv_mirror_bared_tables */
    bool stale;  /* its record in the region is not as it should be */
    bool broken; /* there was no memory for its index */
    uint32_t total;
    uint32_t count[129];
    struct nv_lpm_draft lpm;
};

/* Does its index stand in the root record? Of tables main and local. */
static inline bool nv_table_in_root(const struct nv_table *t)
{
    return nv_lpm_root_slot(t->family == NV_AF_4, t->table) < NETVANE_LPM_SLOTS;
}

/* Consecutive entries of a dump that share all but the position are positions 0, 1, 2, ... */
struct nv_run {
    uint64_t key[NV_TREE_KEY_WORDS_MAX];
    uint32_t position;
    bool valid;
};

struct nv_route_kin;

struct nv_mirror {
    struct nv_draft draft;
    struct nv_ids ids[NV_K_COUNT];
    struct nv_intern strings, hops, metrics;
    struct nv_link_uses uses; /* of links by hop sets that routes have */
    struct nv_link_uses wary; /* by those of several hops, or with one that is dead or linkdown */
    uint64_t digest[NETVANE_RT_COUNT];
    struct nv_journal journal;
    uint64_t counts_refused;
    bool edited;       /* the draft differs from the newest version */
    bool degraded;     /* something was refused since the last full re-read began */
    bool early_expiry; /* set by an edit that had to expire versions */
    bool
        behind4; /* IPv4 routes that are gone may be there still: a re-read of them waits, or runs */
    bool bared6;    /* some table is bared */
    bool has_twins; /* some IPv6 route had to take another slot than its own */
    bool
        lookalikes_sure; /* those of the running dump are: it is the second in a row to show them */
    uint64_t lookalikes; /* times that a dump showed an IPv6 route once more than it is held */
    bool choice_stale[2]; /* defaults or egress of IPv4, IPv6 have to be chosen again */
    uint8_t probe[2][16]; /* the egress's probe destinations */
    struct nv_table *tables;
    uint32_t table_count, table_capacity, table_last; /* last: the one that was asked for last */
    bool tables_stale;                                /* some table is */
    struct nv_mirror_lpm lpm;
    uint32_t expiring6_count; /* IPv6 routes that end at a time */
    uint32_t prefsrc6_count;  /* IPv6 routes that prefer a source */
    struct nv_run run;        /* of the addresses or rules that are being dumped */
    struct nv_run route_run;  /* of the routes that are equal but for the place in their list */
    uint32_t route6_order;    /* of the IPv6 route that came last */
    struct nv_route_kin *kin; /* of the routes; NULL: none kept */
    bool noting;              /* keep the object that was put last in last_record, for the log */
    uint64_t last_record[NV_RECORD_MAX / 8];
    uint32_t route_run_link; /* the running dump of routes shows only this link's, 0: all */
    struct nv_hop hop_scratch[NV_HOPS_MAX];
    struct netvane_rec_hop rec_scratch[NV_HOPS_MAX];
};

int nv_mirror_init(struct nv_mirror *m, void *base, uint64_t max_bytes, nv_arena_grow_fn *grow,
                   void *grow_arg, uint64_t first_version);
void nv_mirror_destroy(struct nv_mirror *m);

/* now_ns: CLOCK_BOOTTIME, for lifetimes. from_dump: positions come from the order of the facts. */
enum nv_effect nv_mirror_link_put(struct nv_mirror *m, const struct nv_link *f);
enum nv_effect nv_mirror_link_remove(struct nv_mirror *m, uint32_t ifindex);
enum nv_effect nv_mirror_addr_put(struct nv_mirror *m, const struct nv_addr *f, bool from_dump,
                                  uint64_t now_ns);
enum nv_effect nv_mirror_addr_remove(struct nv_mirror *m, const struct nv_addr *f);
enum nv_effect nv_mirror_route_put(struct nv_mirror *m, const struct nv_route *f, uint32_t list,
                                   bool from_dump, uint64_t now_ns);
enum nv_effect nv_mirror_route_remove(struct nv_mirror *m, const struct nv_route *f);
/* An event about a route that the mirror is not to hold: the egress may have changed. */
void nv_mirror_route_left_out(struct nv_mirror *m, const struct nv_route *f);
/* A fact of a dump that is not applied: its place in the order of the dump counts all the same. */
void nv_mirror_route_skip(struct nv_mirror *m, const struct nv_route *f);
enum nv_effect nv_mirror_rule_put(struct nv_mirror *m, const struct nv_rule *f, bool from_dump);
enum nv_effect nv_mirror_rule_remove(struct nv_mirror *m, const struct nv_rule *f);
enum nv_effect nv_mirror_nexthop_put(struct nv_mirror *m, const struct nv_nexthop *f);
enum nv_effect nv_mirror_nexthop_remove(struct nv_mirror *m, uint32_t nhid);

/* ---- mirror_reach.c: what a change reaches ----------------------------------------------------------- */

/*
 * What follows with certainty. A link lost IFF_UP: its IPv4 routes are gone, those of type local and those that reject aside. A link, or a
 * nexthop object, is gone: so are the routes that go nowhere else. The last IPv4 address left a link (if the mirror
 * holds no other): its IPv4 routes are gone, those of nexthop objects aside.
 */
void nv_mirror_link_went_down(struct nv_mirror *m, uint32_t ifindex);
void nv_mirror_routes_of_gone_link(struct nv_mirror *m, uint32_t ifindex);
void nv_mirror_routes_of_gone_nexthop(struct nv_mirror *m, uint32_t nhid);
void nv_mirror_addr4_went(struct nv_mirror *m, uint32_t ifindex);

/* Does any route have a hop on the link? */
bool nv_mirror_uses_link(const struct nv_mirror *m, uint32_t ifindex);
/* Tables that have routes which name the nexthop object, or a group that holds it; or which prefer this IPv6 source. */
typedef void nv_table_fn(void *arg, uint8_t family, uint32_t table);
void nv_mirror_tables_of_nexthop(const struct nv_mirror *m, uint32_t nhid, nv_table_fn *found,
                                 void *arg);
void nv_mirror_tables_preferring(const struct nv_mirror *m, const uint8_t ip[16],
                                 nv_table_fn *found, void *arg);
/*
 * Tables that lost an IPv6 route of several gateways since this was asked last: a dump passes over what stands between two
 * of them in the kernel's list, which shows now. found NULL: they are only forgotten.
 */
void nv_mirror_bared_tables(struct nv_mirror *m, nv_table_fn *found, void *arg);
/* Does a rule name a link of this name, be it there or not? */
bool nv_mirror_rules_name(const struct nv_mirror *m, const char name[16]);
/* A link's master, the links that lie on it, and the one that it lies on. */
void nv_mirror_links_beside(const struct nv_mirror *m, const struct netvane_rec_link *link,
                            void (*found)(void *arg, uint32_t ifindex), void *arg);

/* ---- sweeps ------------------------------------------------------------------------------------------- */

/* What a dump covered; zero fields do not limit. */
struct nv_scope {
    enum nv_kind kind;
    uint8_t family; /* addresses, rules */
    uint32_t ifindex;
    uint32_t table;
};

/* One object that a sweep removed: its touch key, and words for the log. */
typedef void nv_swept_fn(void *arg, uint64_t key, const char *text);

/* A dump begins; ifindex: it is limited to this link, 0: it is not. */
void nv_mirror_mark_begin(struct nv_mirror *m, enum nv_kind kind, uint32_t ifindex);
/*
 * Removes what the dump did not show. twice: only what the dump before did not show either (missed bits), and notes
 * what this one did not. touched (may be NULL): keys that events touched meanwhile are left alone. Returns how many
 * objects were removed.
 */
typedef bool nv_touched_fn(void *arg, uint64_t key);
/* Routes of this table could not be told gone from there: it has to be read whole. */
typedef void nv_doubt_fn(void *arg, uint8_t family, uint32_t table);
/* This link or nexthop object was removed: what follows? */
typedef void nv_gone_fn(void *arg, enum nv_kind kind, const void *record);
struct nv_sweep {
    struct nv_scope scope;
    bool twice;
    uint32_t noted; /* set by the sweep: objects that were not shown, and stay for now */
    nv_touched_fn *touched;
    void *touched_arg;
    nv_swept_fn *swept; /* may be NULL, as the next */
    void *swept_arg;
    nv_doubt_fn *doubt;
    void *doubt_arg;
    nv_gone_fn *gone;
    void *gone_arg;
};
uint32_t nv_mirror_sweep(struct nv_mirror *m, struct nv_sweep *sweep);

/* The number by which events and dump facts about one object, or one list of equals, are matched. */
uint64_t nv_touch_link(uint32_t ifindex);
uint64_t nv_touch_addr(uint8_t family, uint32_t ifindex, const uint8_t *local);
uint64_t nv_touch_route(uint8_t family, uint32_t table, const uint8_t *dst, uint8_t dst_len);
uint64_t nv_touch_rule(uint8_t family, uint32_t priority);
uint64_t nv_touch_nexthop(uint32_t nhid);

/* ---- for the files that implement the above, and select.c --------------------------------------------- */

/* Room for one change of the mirror; false: REFUSED, nothing was done. */
bool nv_mirror_reserve(struct nv_mirror *m, enum nv_kind kind);
/* The same for one removal, which is content with less: a full region can still be emptied. */
bool nv_mirror_reserve_removal(struct nv_mirror *m, enum nv_kind kind);
/* Ids of shared contents, each with one more reference; 0 for nothing (and for no memory). */
uint32_t nv_mirror_text(struct nv_mirror *m, const char *bytes, uint32_t len);
/* Names of links in rules and such: the record of a link in the draft. */
bool nv_mirror_link(const struct nv_mirror *m, uint32_t ifindex, struct netvane_rec_link *ret_link);
/* Deletes one object whose record the sweep found; the same as the removals above do. */
void nv_mirror_drop_link(struct nv_mirror *m, const struct netvane_rec_link *r);
void nv_mirror_drop_addr(struct nv_mirror *m, const struct netvane_rec_addr *r);
/* IPv4 routes behind it in its list move up: of several, drop the last first. */
void nv_mirror_drop_route(struct nv_mirror *m, unsigned tree, const void *record);
/* The table, made if there was none; NULL: no memory. */
struct nv_table *nv_mirror_table(struct nv_mirror *m, uint8_t family, uint32_t table);
/* from: the key where a walk over a tree goes on. Keeps it true where an IPv4 route before it was dropped. */
void nv_mirror_walk_dropped(unsigned tree, uint64_t *from, const void *dropped);
void nv_mirror_drop_rule(struct nv_mirror *m, const struct netvane_rec_rule *r);
void nv_mirror_drop_nexthop(struct nv_mirror *m, const struct netvane_rec_nexthop *r);
/* route_kin.c: a dump of routes has ended, or another begins. */
void nv_mirror_kin_forget(struct nv_mirror *m);
/* Does a hop of this set use the link? */
bool nv_mirror_set_uses(const struct nv_mirror *m, uint32_t hops, uint32_t ifindex);
/* One object in words, for the log. */
void nv_mirror_describe(enum nv_kind kind, const void *record, char *buf, size_t size);

static inline const struct netvane_rec_hop *nv_mirror_hops(const struct nv_mirror *m, uint32_t hops,
                                                           uint32_t *ret_count)
{
    const struct nv_interned *it = &m->hops.items[hops];
    *ret_count = hops ? it->len / (uint32_t)sizeof(struct netvane_rec_hop) : 0;
    return hops ? (const struct netvane_rec_hop *)(const void *)it->bytes : NULL;
}

static inline unsigned nv_kind_tree(enum nv_kind kind)
{
    static const uint8_t trees[NV_K_COUNT] = {NETVANE_TREE_LINKS,   NETVANE_TREE_ADDRS,
                                              NETVANE_TREE_ROUTES4, NETVANE_TREE_ROUTES6,
                                              NETVANE_TREE_RULES,   NETVANE_TREE_NEXTHOPS};
    return trees[kind];
}

static inline unsigned nv_kind_topic(enum nv_kind kind)
{
    static const uint8_t topics[NV_K_COUNT] = {NETVANE_RT_LINKS,  NETVANE_RT_ADDRS,
                                               NETVANE_RT_ROUTES, NETVANE_RT_ROUTES,
                                               NETVANE_RT_RULES,  NETVANE_RT_NEXTHOPS};
    return topics[kind];
}

/*
 * The object with this key is of content `after` now, and was of content `before` (0: not there). The topic's digest loses
 * one and gains the other, and the journal notes the object: this is the one way to do either.
 */
static inline void nv_mirror_account(struct nv_mirror *m, enum nv_kind kind, const uint64_t *key,
                                     uint64_t before, uint64_t after)
{
    m->digest[nv_kind_topic(kind)] += after - before;
    m->edited = true;
    if (before != after)
        nv_journal_note(&m->journal, nv_kind_tree(kind), key);
}

/* An object went from one key to another: two places of its list differ. */
static inline void nv_mirror_account_move(struct nv_mirror *m, enum nv_kind kind,
                                          const uint64_t *from, uint64_t before, const uint64_t *to,
                                          uint64_t after)
{
    nv_mirror_account(m, kind, to, 0, after);
    nv_mirror_account(m, kind, from, before, 0);
}

/* Remembers an object that was just put, if it is to. */
static inline void nv_mirror_note(struct nv_mirror *m, enum nv_kind kind, const void *record)
{
    if (m->noting)
        memcpy(m->last_record, record, nv_tree_shape(nv_kind_tree(kind))->stride);
}

#endif
