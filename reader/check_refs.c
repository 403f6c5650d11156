/* SPDX-License-Identifier: MIT */
/*
 * check_refs.c - checks what the records of one tree say against the others.
 *
 * Owns:      every relation: names and links, addresses and their links and index, sets and who uses them,
 *            groups and members, the inline defaults, and the digests over all.
 * Assumes:   check.c found the trees whole, so that a walk that ends has seen everything.
 * Promises:  an index and what it indexes are compared both ways: one by one, and by count.
 */
#include "check.h"

#include "nv/kernel.h"

/* What is summed up or carried along while trees are walked. */
struct sums {
    uint64_t digest[NETVANE_TOPIC_COUNT];
    uint64_t altnames, members; /* that links and groups promise */
    uint64_t routes;            /* that tables have */
    struct nv_route_hasher hasher;
    union nv_record before; /* the record visited last; key[0] 0: none */
};

typedef void visit_fn(struct nv_check *c, struct sums *sums, const union nv_record *r);

static void visit_all(struct nv_check *c, struct sums *sums, unsigned tree, visit_fn *visit)
{
    struct nv_cursor cursor;
    union nv_record r;
    memset(&sums->before, 0, sizeof(sums->before));
    int w = nv_snap_seek(&c->s, tree, NULL, &cursor);
    while (w == NV_TREE_OK && (w = nv_step(&cursor, &r)) == NV_TREE_OK) {
        visit(c, sums, &r);
        memcpy(&sums->before, &r, nv_tree_shape(tree)->stride);
    }
    if (w == NV_TREE_BAD)
        nv_finding(c, "Tree %s: a walk from its first record to its last is not possible.",
                   nv_tree_name(tree));
}

static bool has(const struct nv_check *c, unsigned tree, const uint64_t *key)
{
    unsigned char record[NV_RECORD_MAX];
    return nv_snap_find(&c->s, tree, key, record) == NV_TREE_OK;
}

static bool has_link(const struct nv_check *c, uint32_t ifindex)
{
    const uint64_t key = ifindex;
    return has(c, NETVANE_TREE_LINKS, &key);
}

static bool has_string(const struct nv_check *c, uint32_t id)
{
    size_t len;
    return !id || nv_string_find(&c->s, id, NULL, 0, &len) == NV_TREE_OK;
}

static size_t name_len(const struct netvane_rec_link *l)
{
    const char *end = memchr(l->name, '\0', sizeof(l->name));
    return end ? (size_t)(end - l->name) : sizeof(l->name);
}

static uint32_t upper(uint64_t key)
{
    return (uint32_t)(key >> 32);
}

static uint32_t lower(uint64_t key)
{
    return (uint32_t)key;
}

/* Sets are numbered without a gap: is this the record that must follow the one before? */
static bool follows(const struct sums *sums, uint64_t key, uint32_t first)
{
    return lower(key) == first || sums->before.key[0] + 1 == key;
}

/* ---- links ------------------------------------------------------------------------------------------------ */

static void visit_link(struct nv_check *c, struct sums *sums, const union nv_record *r)
{
    const struct netvane_rec_link *l = &r->link;
    const uint32_t ids[] = {l->kind,  l->slave_kind, l->qdisc,
                            l->alias, l->parent_bus, l->parent_dev};
    const uint32_t ifindex = lower(l->key[0]);
    const size_t len = name_len(l);
    const uint64_t name[2] = {nv_hash(l->name, len), (uint64_t)ifindex << 32};
    uint64_t hash = 0;
    if (!len || len == sizeof(l->name))
        nv_finding(c, "Link %u: its name is empty or has no end.", (unsigned)ifindex);
    else if (!has(c, NETVANE_TREE_NAMES, name))
        nv_finding(c, "Link %u (%s): it cannot be found by its name.", (unsigned)ifindex, l->name);
    if (l->addr_len > sizeof(l->addr) || l->brd_len > sizeof(l->brd) ||
        l->perm_len > sizeof(l->perm))
        nv_finding(c, "Link %u: an address is longer than its room.", (unsigned)ifindex);
    for (unsigned i = 0; i < NV_ARRAY_LEN(ids); i++)
        if (!has_string(c, ids[i]))
            nv_finding(c, "Link %u: it names string %u, which is not there.", (unsigned)ifindex,
                       (unsigned)ids[i]);
    if (nv_hash_link(&c->s, l, &hash) != NV_TREE_OK)
        nv_finding(c, "Link %u: it has other alternative names than the %u that it says.",
                   (unsigned)ifindex, (unsigned)l->altname_count);
    sums->digest[NETVANE_RT_LINKS] += hash;
    sums->altnames += l->altname_count;
}

static void visit_name(struct nv_check *c, struct sums *sums, const union nv_record *r)
{
    const uint32_t ifindex = upper(r->name.key[1]), index = lower(r->name.key[1]);
    const uint64_t key = index ? r->name.key[1] : ifindex;
    union nv_record named;
    uint64_t hash = 0;
    (void)sums;
    if (nv_snap_find(&c->s, index ? NETVANE_TREE_ALTNAMES : NETVANE_TREE_LINKS, &key, &named) !=
        NV_TREE_OK) {
        nv_finding(c, "Name index: it leads to name %u of link %u, which is not there.",
                   (unsigned)index, (unsigned)ifindex);
        return;
    }
    if (index)
        hash =
            nv_hash(named.altname.name, nv_min_u64(named.altname.len, sizeof(named.altname.name)));
    else
        hash = nv_hash(named.link.name, name_len(&named.link));
    if (hash != r->name.key[0])
        nv_finding(c, "Name index: name %u of link %u is not the one that led to it.",
                   (unsigned)index, (unsigned)ifindex);
}

static void visit_altname(struct nv_check *c, struct sums *sums, const union nv_record *r)
{
    const uint32_t ifindex = upper(r->key[0]);
    if (!has_link(c, ifindex))
        nv_finding(c, "Alternative name %u: link %u is not there.", (unsigned)lower(r->key[0]),
                   (unsigned)ifindex);
    if (!r->altname.len || r->altname.len > sizeof(r->altname.name) || !follows(sums, r->key[0], 1))
        nv_finding(c, "Alternative name %u of link %u: bad length or number.",
                   (unsigned)lower(r->key[0]), (unsigned)ifindex);
}

static void visit_string(struct nv_check *c, struct sums *sums, const union nv_record *r)
{
    const bool first = lower(r->key[0]) == 0;
    if (!upper(r->key[0]) || !follows(sums, r->key[0], 0) ||
        (!first && r->string.len != sums->before.string.len) ||
        (first && !has_string(c, upper(r->key[0]))))
        nv_finding(c, "String %u: its parts do not make a whole.", (unsigned)upper(r->key[0]));
}

/* ---- addresses ----------------------------------------------------------------------------------------------- */

static void visit_addr(struct nv_check *c, struct sums *sums, const union nv_record *r)
{
    const uint64_t *k = r->addr.key;
    const uint64_t by_ip[4] = {k[1], k[2], k[0], k[3]};
    const unsigned family = upper(k[0]);
    if (!has_link(c, lower(k[0])))
        nv_finding(c, "An IPv%u address is on link %u, which is not there.", family,
                   (unsigned)lower(k[0]));
    if (!nv_is_family(family) || r->addr.prefix_len > 8 * nv_af_bytes(family))
        nv_finding(c, "An address of link %u has a bad family or prefix length.",
                   (unsigned)lower(k[0]));
    if (!has(c, NETVANE_TREE_ADDRS_BY_IP, by_ip))
        nv_finding(c, "An IPv%u address of link %u cannot be found by its IP.", family,
                   (unsigned)lower(k[0]));
    sums->digest[NETVANE_RT_ADDRS] += nv_content_addr(&r->addr);
}

static void visit_by_ip(struct nv_check *c, struct sums *sums, const union nv_record *r)
{
    const uint64_t *k = r->by_ip.key;
    const uint64_t key[4] = {k[2], k[0], k[1], k[3]};
    (void)sums;
    if (!has(c, NETVANE_TREE_ADDRS, key))
        nv_finding(c, "Index by IP: it leads to an IPv%u address of link %u that is not there.",
                   (unsigned)upper(k[2]), (unsigned)lower(k[2]));
}

/* ---- routes -------------------------------------------------------------------------------------------------- */

static void visit_route4(struct nv_check *c, struct sums *sums, const union nv_record *r)
{
    uint64_t hash = 0;
    if (r->route4.key[1] >> 56 > 32)
        nv_finding(c, "An IPv4 route of table %u has a bad prefix length.",
                   (unsigned)upper(r->key[0]));
    if (nv_hash_route4(&c->s, &sums->hasher, &r->route4, &hash) != NV_TREE_OK)
        nv_finding(c,
                   "An IPv4 route of table %u names hop set %u and metric set %u: one is not there "
                   "or not whole.",
                   (unsigned)upper(r->key[0]), (unsigned)r->route4.hops,
                   (unsigned)r->route4.metrics);
    sums->digest[NETVANE_RT_ROUTES] += hash;
}

static void visit_route6(struct nv_check *c, struct sums *sums, const union nv_record *r)
{
    uint64_t hash = 0;
    if ((uint8_t)(r->route6.key[2] >> 24) > 128 || (uint8_t)(r->route6.key[2] >> 16) > 128)
        nv_finding(c, "An IPv6 route of table %u has a bad prefix length.",
                   (unsigned)upper(r->key[0]));
    if (nv_hash_route6(&c->s, &sums->hasher, &r->route6, &hash) != NV_TREE_OK)
        nv_finding(c,
                   "An IPv6 route of table %u names hop set %u and metric set %u: one is not there "
                   "or not whole.",
                   (unsigned)upper(r->key[0]), (unsigned)r->route6.hops,
                   (unsigned)r->route6.metrics);
    sums->digest[NETVANE_RT_ROUTES] += hash;
}

static void visit_hop(struct nv_check *c, struct sums *sums, const union nv_record *r)
{
    const struct netvane_rec_hop *before = &sums->before.hop;
    const uint32_t set = upper(r->key[0]), index = lower(r->key[0]);
    if (!set || !follows(sums, r->key[0], 0) || index >= r->hop.count ||
        (index && (before->count != r->hop.count || before->nhid != r->hop.nhid)))
        nv_finding(c, "Hop set %u: hop %u does not fit the set's count or nexthop.", (unsigned)set,
                   (unsigned)index);
    if (sums->before.key[0] && !index && before->count != lower(before->key[0]) + 1)
        nv_finding(c, "Hop set %u: it has fewer hops than it says.",
                   (unsigned)upper(before->key[0]));
    if (!has_string(c, r->hop.encap))
        nv_finding(c, "Hop set %u: it names encapsulation %u, which is not there.", (unsigned)set,
                   (unsigned)r->hop.encap);
}

static void visit_metric(struct nv_check *c, struct sums *sums, const union nv_record *r)
{
    (void)sums;
    if (!upper(r->key[0]) || lower(r->key[0]) >= NETVANE_METRIC_SLOTS)
        nv_finding(c, "Metric set %u: metric %u is not one.", (unsigned)upper(r->key[0]),
                   (unsigned)lower(r->key[0]));
}

/* ---- rules, nexthops, defaults ------------------------------------------------------------------------------- */

static void visit_rule(struct nv_check *c, struct sums *sums, const union nv_record *r)
{
    if (!nv_is_family(upper(r->key[0])))
        nv_finding(c, "A rule of priority %u has a bad family.", (unsigned)lower(r->key[0]));
    sums->digest[NETVANE_RT_RULES] += nv_content_rule(&r->rule);
}

static void visit_nexthop(struct nv_check *c, struct sums *sums, const union nv_record *r)
{
    uint64_t hash = 0;
    if (nv_hash_nexthop(&c->s, &r->nexthop, &hash) != NV_TREE_OK)
        nv_finding(c, "Nexthop %u: its encapsulation or one of its %u members is not there.",
                   (unsigned)r->key[0], (unsigned)r->nexthop.member_count);
    sums->digest[NETVANE_RT_NEXTHOPS] += hash;
    sums->members += r->nexthop.member_count;
}

static void visit_member(struct nv_check *c, struct sums *sums, const union nv_record *r)
{
    const uint64_t group = upper(r->key[0]);
    if (!has(c, NETVANE_TREE_NEXTHOPS, &group) || !follows(sums, r->key[0], 0))
        nv_finding(c, "Member %u of nexthop group %u: no such group, or a gap before it.",
                   (unsigned)lower(r->key[0]), (unsigned)group);
}

static void visit_default(struct nv_check *c, struct sums *sums, const union nv_record *r)
{
    const unsigned family = (unsigned)(r->key[0] >> 56);
    const uint64_t hops = (uint64_t)r->def.hops << 32;
    const bool first = !(r->key[0] & 0xffff);
    if (!nv_is_family(family) || !(first || sums->before.key[0] + 1 == r->key[0]) ||
        !(r->def.value.flags & NETVANE_DF_PRESENT) || r->def.value.family != family)
        nv_finding(c, "Default routes: an entry of family %u does not fit its place.", family);
    if (r->def.hops && !has(c, NETVANE_TREE_HOPS, &hops))
        nv_finding(c, "Default routes: an entry names hop set %u, which is not there.",
                   (unsigned)r->def.hops);
}

static void visit_table(struct nv_check *c, struct sums *sums, const union nv_record *r)
{
    sums->routes += nv_check_table(c, &r->table);
}

static void check_main_default(struct nv_check *c, unsigned family,
                               const struct netvane_region_default *inlined)
{
    const uint64_t key = (uint64_t)family << 56 | (uint64_t)NV_TABLE_MAIN << 16;
    struct netvane_rec_default best;
    /* The first is only the main default if the kernel would use it: else it says why not. */
    const bool present = nv_snap_find(&c->s, NETVANE_TREE_DEFAULTS, &key, &best) == NV_TREE_OK &&
                         best.value.reason == NETVANE_REASON_FIRST;
    if (present != !!(inlined->flags & NETVANE_DF_PRESENT) ||
        (present && memcmp(&best.value, inlined, sizeof(*inlined)) != 0))
        nv_finding(c, "The main default of IPv%u is not the first of its candidates.", family);
}

/* ---- all ------------------------------------------------------------------------------------------------------ */

static void compare_count(struct nv_check *c, unsigned tree, uint64_t wanted, const char *what)
{
    const uint64_t got = nv_snap_tree(&c->s, tree).count;
    if (got != wanted)
        nv_finding(c, "Tree %s: it has %llu records, but there are %llu %s.", nv_tree_name(tree),
                   (unsigned long long)got, (unsigned long long)wanted, what);
}

static void compare_digests(struct nv_check *c, struct sums *sums)
{
    sums->digest[NETVANE_RT_DEFAULT4] = nv_content_defaults(&c->slot.main4, &c->slot.egress4);
    sums->digest[NETVANE_RT_DEFAULT6] = nv_content_defaults(&c->slot.main6, &c->slot.egress6);
    sums->digest[NETVANE_RT_HEALTH] = c->slot.quality;
    for (unsigned t = 0; t < NETVANE_TOPIC_COUNT; t++)
        if (sums->digest[t] != c->slot.digest[t])
            nv_finding(
                c, "Topic %s: the digest of its content is not the one that the root slot holds.",
                netvane_topic_name(t));
}

void nv_check_references(struct nv_check *c)
{
    static visit_fn *const visits[NETVANE_TREE_COUNT] = {
        [NETVANE_TREE_LINKS] = visit_link,       [NETVANE_TREE_NAMES] = visit_name,
        [NETVANE_TREE_ALTNAMES] = visit_altname, [NETVANE_TREE_STRINGS] = visit_string,
        [NETVANE_TREE_ADDRS] = visit_addr,       [NETVANE_TREE_ADDRS_BY_IP] = visit_by_ip,
        [NETVANE_TREE_ROUTES4] = visit_route4,   [NETVANE_TREE_ROUTES6] = visit_route6,
        [NETVANE_TREE_HOPS] = visit_hop,         [NETVANE_TREE_METRICS] = visit_metric,
        [NETVANE_TREE_RULES] = visit_rule,       [NETVANE_TREE_NEXTHOPS] = visit_nexthop,
        [NETVANE_TREE_MEMBERS] = visit_member,   [NETVANE_TREE_DEFAULTS] = visit_default,
        [NETVANE_TREE_TABLES] = visit_table,
    };
    struct sums sums;
    memset(&sums, 0, sizeof(sums));
    for (unsigned tree = 0; tree < NETVANE_TREE_COUNT && nv_valid(&c->s); tree++)
        visit_all(c, &sums, tree, visits[tree]);
    const uint64_t links = nv_snap_tree(&c->s, NETVANE_TREE_LINKS).count;
    compare_count(c, NETVANE_TREE_ALTNAMES, sums.altnames, "alternative names of links");
    compare_count(c, NETVANE_TREE_NAMES, links + sums.altnames, "names of links");
    compare_count(c, NETVANE_TREE_ADDRS_BY_IP, nv_snap_tree(&c->s, NETVANE_TREE_ADDRS).count,
                  "addresses");
    compare_count(c, NETVANE_TREE_MEMBERS, sums.members, "members of groups");
    if (nv_snap_tree(&c->s, NETVANE_TREE_ROUTES4).count +
            (uint64_t)nv_snap_tree(&c->s, NETVANE_TREE_ROUTES6).count !=
        sums.routes)
        nv_finding(c, "There are routes of tables that have no record, or are not to be found.");
    check_main_default(c, NV_AF_4, &c->slot.main4);
    check_main_default(c, NV_AF_6, &c->slot.main6);
    compare_digests(c, &sums);
}
