/* SPDX-License-Identifier: MIT */
/*
 * fib.h - what the files of the FIB's decision share: a question on its way, and what was found.
 *
 * Owns:      struct nv_fib, the kernel's struct flowi and struct fib_result in one.
 * Assumes:   all of it stands inside one read section; the region may hold anything at all.
 * Promises:  functions that return int return NV_TREE_OK (found), NV_TREE_END (there is none) or NV_TREE_BAD.
 * Leaves:    the search for a prefix to nv_fib_next_prefix alone.
 */
#ifndef NV_FIB_H
#define NV_FIB_H

#include "reader.h"

#include "nv/kernel.h"

/* The route and the hop that a table gave. */
struct nv_fib_hit {
    union nv_route_record u;
    struct netvane_rec_hop hop; /* ifindex 0: none */
    uint32_t set;               /* of hops; 0: none */
    uint32_t hop_index, hop_count;
    uint32_t table;
    uint8_t len;
    uint8_t type;
};

struct nv_fib {
    struct nv_snap s;
    /* The flow, as rules and tables see it. */
    unsigned family;
    uint32_t iif, oif;
    uint32_t mark, uid, hash;
    uint8_t tos, ip_proto, scope;
    bool has_src; /* IPv6 */
    uint16_t sport, dport;
    uint64_t tun_id;
    uint8_t dst[16], src[16];
    uint32_t dst4, src4;
    uint32_t wishes; /* NETVANE_FIB_* of the question */
    /* From here on zeros to begin with. On the way: */
    uint32_t l3mdev;
    bool l3mdev_by_oif;
    bool strict;     /* IPv6: only hops of `prefer` */
    bool input;      /* IPv6: it came in by a link */
    uint32_t prefer; /* IPv6: the link that is better than others */
    bool missed; /* IPv4: some route of the last search had a nexthop object of which no hop does */
    bool missed_local; /* that was so in table local, asked first */
    bool threw_local;  /* which gave a route of type throw */
    /* What came out. */
    bool found; /* hit is the route that decided, be it one that rejects */
    uint8_t outcome;
    uint8_t type;       /* of the packet */
    uint8_t source[16]; /* that the packet will have */
    bool gateway_used;
    uint32_t ifindex;
    uint32_t rule;
    uint32_t flags, uncertain;
    struct nv_fib_hit hit; /* if found; not zeros */
};

/* ---- fib_prefix.c ------------------------------------------------------------------------------------------ */

/* The longest prefix of a table that covers dst and is not longer than max_len. */
int nv_fib_next_prefix(const struct nv_snap *s, unsigned family, uint32_t table, const uint8_t *dst,
                       int max_len, int *ret_len);
/*
 * The same for the longest of all. ret_plain: the prefix answers for every source and type of service with the route that
 * ret_info tells, all of whose hops can be used.
 */
int nv_fib_first_prefix(const struct nv_snap *s, unsigned family, uint32_t table,
                        const uint8_t *dst, int *ret_len, bool *ret_plain,
                        struct netvane_region_info *ret_info);
/* The first len bits of ip, the rest zero; 16 bytes. */
void nv_fib_mask(const uint8_t *ip, unsigned len, uint8_t ret_ip[16]);
bool nv_fib_covers(const uint8_t *prefix, unsigned len, const uint8_t *ip);

/* ---- fib_hop.c --------------------------------------------------------------------------------------------- */

/* The hops of a route: those of a set, or the members of the nexthop group that the set only names. */
struct nv_fib_hops {
    struct netvane_rec_hop first;
    uint32_t set, count;
    bool members;
};
int nv_fib_hops_open(const struct nv_snap *s, uint32_t set, struct nv_fib_hops *ret_hops);
int nv_fib_hops_at(const struct nv_snap *s, const struct nv_fib_hops *hops, uint32_t index,
                   struct netvane_rec_hop *ret_hop);
uint32_t nv_fib_hop_weight(const struct netvane_rec_hop *hop);
bool nv_fib_hop_alive(const struct netvane_rec_hop *hop);
/* The hop of a route that has one, where its info tells all of it. */
void nv_fib_hop_of_info(const struct netvane_region_info *info, struct netvane_rec_hop *ret_hop);
/* May a hash choose it? Of a nexthop group any member, of other routes a live hop. */
bool nv_fib_hop_counts(const struct nv_fib_hops *hops, const struct netvane_rec_hop *hop);
/* Is the hash to choose, among several of those? OK with the hops of the route and the sum of their weights; END: no. */
int nv_fib_hops_several(struct nv_fib *f, struct nv_fib_hops *ret_hops, uint64_t *ret_total);
/* The greatest hash that chooses a hop, of the weights up to it (linux/net/ipv4/fib_semantics.c, fib_rebalance). */
int64_t nv_fib_upper_bound(uint64_t weight_so_far, uint64_t total);

/* ---- fib_table4.c, fib_table6.c ---------------------------------------------------------------------------- */

/* The answer of one table. A route that rejects is one; of type throw it ends the table's part. */
int nv_fib_table4(struct nv_fib *f, uint32_t table, struct nv_fib_hit *ret_hit);
/* That of table local and table main where the kernel has them as one. */
int nv_fib_local_and_main4(struct nv_fib *f, struct nv_fib_hit *ret_hit);
int nv_fib_table6(struct nv_fib *f, uint32_t table, struct nv_fib_hit *ret_hit);
/* The hop for the hash, after the rules have chosen the route. */
int nv_fib_choose4(struct nv_fib *f, bool by_source);
int nv_fib_choose6(struct nv_fib *f);

/* IPv4, of a /0: is there another of the same metric? Then the kernel asks its neighbour table first. OK or BAD. */
int nv_fib_note_rival4(struct nv_fib *f, uint32_t table, uint64_t key1);

/* ---- fib_rule.c -------------------------------------------------------------------------------------------- */

/* Asks the rules: OK with f->hit, END with f->outcome, or BAD. */
int nv_fib_rules(struct nv_fib *f);
/* What a route of this type means for the packet: enum netvane_fib_outcome. */
uint8_t nv_fib_outcome_of(uint8_t type);
/* IPv4: are there but the three rules that every namespace begins with? OK, END, BAD. */
int nv_fib_rules_plain(const struct nv_fib *f);

/* ---- fib_link.c -------------------------------------------------------------------------------------------- */

/* The VRF that a link belongs to, or is; 0: none. A link that is not there has none. */
int nv_fib_l3mdev(const struct nv_snap *s, uint32_t ifindex, uint32_t *ret_l3mdev);
int nv_fib_is_vrf(const struct nv_snap *s, const struct netvane_rec_link *link);
/* What a rule sees of oif and iif: the VRF behind them. Sets f->l3mdev, unless it is set, and oif to 0 where it is a VRF. */
int nv_fib_l3mdev_flow(struct nv_fib *f);

/* ---- fib_source4.c, fib_source6.c --------------------------------------------------------------------------- */

/* inet_select_addr: 0 in ret_ip where there is none. */
int nv_fib_source4(struct nv_fib *f, uint32_t ifindex, uint32_t gateway, uint8_t scope,
                   uint32_t *ret_ip);
/* The link of a local address, also of those that only table local knows (127.0.0.0/8). */
int nv_fib_local4(struct nv_fib *f, uint32_t ip, uint32_t *ret_ifindex);
bool nv_fib_is_addr4(const struct nv_snap *s, uint32_t ip, int *ret_walk);
/* ipv6_dev_get_saddr. */
int nv_fib_source6(struct nv_fib *f, uint32_t ifindex, uint8_t ret_ip[16]);

/* ---- fib_usual4.c ------------------------------------------------------------------------------------------- */

/* A decision, the way to which has nothing unusual. */
struct nv_fib_usual {
    struct netvane_region_info info; /* of the route */
    uint32_t table, rule, source;
    int len;
};
/* False: the whole way has to be gone, from the start on. */
bool nv_fib_usual4(struct nv_fib *f, struct nv_fib_usual *ret_u);
/* Into an answer that is all zeros. */
void nv_fib_usual4_show(const struct nv_fib *f, const struct nv_fib_usual *u,
                        struct netvane_fib_answer *ret_answer);

/* ---- fib_output4.c, fib_input4.c, fib_way6.c ---------------------------------------------------------------- */

/* The whole way of a packet: fills what came out. OK or BAD. */
int nv_fib_output4(struct nv_fib *f);
/* The rules, and local and main as one table where the kernel has them so: OK with f->outcome, or BAD. */
int nv_fib_lookup4(struct nv_fib *f);
int nv_fib_input4(struct nv_fib *f);
int nv_fib_way6(struct nv_fib *f);

/* Ends the way with an outcome, and without a route. */
static inline int nv_fib_end(struct nv_fib *f, uint8_t outcome)
{
    f->outcome = outcome;
    f->found = false;
    return NV_TREE_OK;
}

/* The first len bits, at most 32, the rest zero. */
static inline uint32_t nv_fib_mask4(uint32_t ip, int len)
{
    return len ? ip & UINT32_MAX << (32 - len) : 0;
}

static inline bool nv_fib_is_multicast4(uint32_t ip)
{
    return ip >> 28 == 0xe;
}

static inline bool nv_fib_is_loopback4(uint32_t ip)
{
    return ip >> 24 == 127;
}

#endif
