/* SPDX-License-Identifier: MIT */
/*
 * fake_writer.c - see fake_writer.h.
 */
#include "tests/fake/fake_writer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/fake/fake_must.h"

/* ---- a region without a file ------------------------------------------------------------------------ */

void fake_memory_map(struct fake_memory *mem, uint64_t max_bytes)
{
    *mem = (struct fake_memory){.max_bytes = max_bytes, .backed_bytes = NETVANE_ARENA_OFFSET};
    mem->base =
        mmap(NULL, max_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    MUST(mem->base != MAP_FAILED);
    MUST(!mprotect(mem->base, NETVANE_ARENA_OFFSET, PROT_READ | PROT_WRITE));
}

void fake_memory_free(struct fake_memory *mem)
{
    munmap(mem->base, mem->max_bytes);
    mem->base = NULL;
}

int fake_memory_grow(void *arg, uint64_t size_bytes)
{
    struct fake_memory *mem = arg;
    mem->grows++;
    if (size_bytes > mem->max_bytes || (mem->fail_from && mem->grows >= mem->fail_from))
        return -ENOSPC;
    /* What is not asked for cannot be touched: a node past the end is a crash, not a wrong result. */
    MUST(!mprotect(mem->base, size_bytes, PROT_READ | PROT_WRITE));
    mem->backed_bytes = size_bytes;
    return 0;
}

/* ---- random tests ------------------------------------------------------------------------------------- */

uint64_t fake_seed(void)
{
    const char *text = getenv("SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : UINT64_C(20240901);
    printf("SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

uint32_t fake_random(uint64_t *state, uint32_t below)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(nv_mix(*state) >> 32) % below;
}

/* ---- facts ---------------------------------------------------------------------------------------------- */

uint8_t fact_ip(const char *text, uint8_t ret_ip[16])
{
    memset(ret_ip, 0, 16);
    if (!text)
        return NV_AF_NONE;
    if (inet_pton(AF_INET, text, ret_ip) == 1)
        return NV_AF_4;
    MUST(inet_pton(AF_INET6, text, ret_ip) == 1);
    return NV_AF_6;
}

struct nv_text fact_text(const char *text)
{
    return (struct nv_text){.bytes = text, .len = (uint32_t)strlen(text)};
}

struct nv_link fact_link(uint32_t ifindex, const char *name, uint32_t flags)
{
    struct nv_link f = {.has = NV_LINK_COMPLETE | NV_LINK_HAS_NAME | NV_LINK_HAS_MTU |
                               NV_LINK_HAS_OPERSTATE,
                        .ifindex = ifindex,
                        .flags = flags,
                        .type = 1,
                        .mtu = 1500,
                        .operstate = 6};
    snprintf(f.name, sizeof(f.name), "%s", name);
    return f;
}

struct nv_addr fact_addr(uint32_t ifindex, const char *ip, uint8_t prefix_len)
{
    struct nv_addr f = {.ifindex = ifindex,
                        .prefix_len = prefix_len,
                        .valid_s = UINT32_MAX,
                        .preferred_s = UINT32_MAX};
    f.family = fact_ip(ip, f.local);
    memcpy(f.peer, f.local, sizeof(f.peer));
    return f;
}

struct nv_hop fact_hop(uint32_t ifindex, const char *gateway)
{
    struct nv_hop h = {.ifindex = ifindex, .weight = 1};
    h.gw_family = fact_ip(gateway, h.gateway);
    return h;
}

struct nv_route fact_route(uint32_t table, const char *dst, uint8_t dst_len, uint32_t metric,
                           const struct nv_hop *hops, uint32_t hop_count)
{
    struct nv_route f = {.table = table,
                         .dst_len = dst_len,
                         .metric = metric,
                         .type = 1,
                         .protocol = 4,
                         .hops = hops,
                         .hop_count = hop_count,
                         .multipath = hop_count > 1};
    f.family = fact_ip(dst, f.dst);
    for (unsigned i = 0; i < sizeof(f.dst);
         i++) /* as the kernel's are: nothing behind the prefix */
        f.dst[i] &= (uint8_t)(dst_len >= 8 * i + 8 ? 0xff
                              : dst_len <= 8 * i   ? 0
                                                   : 0xff00 >> (dst_len - 8 * i));
    return f;
}

struct nv_rule fact_rule(uint8_t family, uint32_t priority, uint32_t table)
{
    return (struct nv_rule){.family = family, .priority = priority, .table = table, .action = 1};
}

struct nv_nexthop fact_nexthop(uint32_t id, uint32_t ifindex, const char *gateway)
{
    struct nv_nexthop f = {.id = id, .ifindex = ifindex, .protocol = 4};
    f.gw_family = fact_ip(gateway, f.gateway);
    f.family = f.gw_family ? f.gw_family : NV_AF_4;
    return f;
}

/* ---- audits -------------------------------------------------------------------------------------------------- */

struct audit {
    const struct nv_draft *draft;
    unsigned tree;
    uint32_t nodes, records;
    const char *fault;
    bool first;
    uint64_t last[NV_TREE_KEY_WORDS_MAX];
};

/* Everything under ref, in order; low and high bound it (NULL: not). */
static void audit_node(struct audit *a, uint32_t ref, unsigned level, const uint64_t *low,
                       const uint64_t *high)
{
    const struct nv_tree_shape *s = nv_tree_shape(a->tree);
    struct nv_tree t = nv_draft_tree(a->draft, a->tree);
    unsigned count;
    const unsigned char *n = nv_node(&t, ref, level, &count);
    if (!n) {
        a->fault = "a node that the walk refuses";
        return;
    }
    a->nodes++;
    const struct netvane_region_node *node = nv_arena_node(&a->draft->arena, ref);
    if (node->checksum && node->checksum != nv_node_checksum(node, s))
        a->fault = "a node that was edited after it was sealed";
    uint64_t key[NV_TREE_KEY_WORDS_MAX], next[NV_TREE_KEY_WORDS_MAX];
    for (unsigned i = 0; i < count && !a->fault; i++) {
        if (level) {
            nv_payload_load(key, nv_node_key(s, n, i), s->key_words * 8u);
            if (i + 1 < count)
                nv_payload_load(next, nv_node_key(s, n, i + 1), s->key_words * 8u);
            audit_node(a, nv_node_child(s, n, i), level - 1, i ? key : low,
                       i + 1 < count ? next : high);
            continue;
        }
        nv_payload_load(key, nv_node_record(s, n, i), s->key_words * 8u);
        if (low && nv_key_compare(key, low, s->key_words) < 0)
            a->fault = "a record under its lower bound";
        if (high && nv_key_compare(key, high, s->key_words) >= 0)
            a->fault = "a record above the next lower bound";
        if (!a->first && nv_key_compare(a->last, key, s->key_words) >= 0)
            a->fault = "records out of order";
        a->first = false;
        memcpy(a->last, key, sizeof(key));
        a->records++;
    }
}

const char *fake_tree_fault(const struct nv_draft *d, unsigned tree, uint32_t *nodes)
{
    const struct netvane_region_root *root = &d->tree[tree];
    struct audit a = {.draft = d, .tree = tree, .first = true};
    if (!root->height)
        return root->ref || root->count ? "an empty tree with a root" : NULL;
    if (root->height > 1 && nv_arena_node(&d->arena, root->ref)->count < 1)
        return "an empty root";
    audit_node(&a, root->ref, root->height - 1, NULL, NULL);
    *nodes += a.nodes;
    if (!a.fault && a.records != root->count)
        return "the count of the root differs from the records";
    return a.fault;
}

const char *fake_arena_fault(const struct nv_draft *d)
{
    uint32_t nodes = 0;
    for (unsigned t = 0; t < NETVANE_TREE_COUNT; t++) {
        const char *fault = fake_tree_fault(d, t, &nodes);
        if (fault)
            return fault;
    }
    const struct nv_arena *a = &d->arena;
    if (nodes != a->used)
        return "nodes in use that no root reaches, or the reverse";
    /* Not a->capacity: after a failed growth the lists have room for more than there is. */
    uint64_t all = (a->size_bytes - NETVANE_ARENA_OFFSET) / NETVANE_NODE_BYTES;
    if ((uint64_t)a->used + a->free_count + a->limbo_count + a->lent != all || all > a->capacity)
        return "used + free + limbo + lent is not all there is";
    for (uint32_t i = 1; i < a->limbo_count; i++)
        if (a->limbo[(a->limbo_head + i - 1) % a->capacity].last_version >
            a->limbo[(a->limbo_head + i) % a->capacity].last_version)
            return "limbo out of order";
    return NULL;
}

/* First record of a tree from key on whose first word has the same upper half. */
#define EACH(m, tree_number, c, r)                                                         \
    for (int more_ = begin(m, tree_number, &(c)); more_ == NV_TREE_OK && take(&(c), &(r)); \
         more_ = nv_cursor_next(&(c)))

static int begin(const struct nv_mirror *m, unsigned tree, struct nv_cursor *c)
{
    struct nv_tree t = nv_draft_tree(&m->draft, tree);
    return nv_cursor_seek(c, &t, NULL);
}

static bool take(const struct nv_cursor *c, void *r)
{
    return nv_cursor_get(c, r) == NV_TREE_OK;
}

static uint64_t text_hash(const struct nv_mirror *m, uint32_t id)
{
    char bytes[NV_TEXT_MAX + 48];
    struct netvane_rec_string r;
    uint32_t len = 0, at = 0;
    if (!id)
        return 0;
    for (uint32_t chunk = 0; !chunk || at < len; chunk++) {
        uint64_t key[1] = {(uint64_t)id << 32 | chunk};
        MUST(nv_draft_find(&m->draft, NETVANE_TREE_STRINGS, key, &r));
        len = r.len;
        memcpy(bytes + at, r.bytes, sizeof(r.bytes));
        at += (uint32_t)sizeof(r.bytes);
    }
    return nv_content_text(bytes, len);
}

static uint64_t hops_hash(const struct nv_mirror *m, uint32_t set)
{
    uint64_t h = 0;
    struct netvane_rec_hop r = {.count = 1};
    for (uint32_t i = 0; set && i < r.count; i++) {
        uint64_t key[1] = {(uint64_t)set << 32 | i};
        MUST(nv_draft_find(&m->draft, NETVANE_TREE_HOPS, key, &r));
        h = nv_content_hop(h, &r, text_hash(m, r.encap));
    }
    return h;
}

static uint64_t metrics_hash(const struct nv_mirror *m, uint32_t set)
{
    uint64_t h = 0;
    struct netvane_rec_metric r;
    for (uint32_t i = 0; set && i < NV_METRICS_MAX; i++) {
        uint64_t key[1] = {(uint64_t)set << 32 | i};
        if (nv_draft_find(&m->draft, NETVANE_TREE_METRICS, key, &r))
            h = nv_content_metric(h, &r);
    }
    return h;
}

static uint64_t link_hash(const struct nv_mirror *m, const struct netvane_rec_link *r)
{
    const uint64_t texts[6] = {text_hash(m, r->kind),       text_hash(m, r->slave_kind),
                               text_hash(m, r->qdisc),      text_hash(m, r->alias),
                               text_hash(m, r->parent_bus), text_hash(m, r->parent_dev)};
    uint64_t h = nv_content_link(r, texts);
    for (uint32_t i = 1; i <= r->altname_count; i++) {
        struct netvane_rec_altname a;
        uint64_t key[1] = {r->key[0] << 32 | i};
        MUST(nv_draft_find(&m->draft, NETVANE_TREE_ALTNAMES, key, &a));
        h = nv_content_fold(h, nv_content_text(a.name, a.len));
    }
    return h;
}

static uint64_t nexthop_hash(const struct nv_mirror *m, const struct netvane_rec_nexthop *r)
{
    uint64_t h = nv_content_nexthop(r, text_hash(m, r->encap));
    for (uint32_t i = 0; i < r->member_count; i++) {
        struct netvane_rec_member member;
        uint64_t key[1] = {r->key[0] << 32 | i};
        MUST(nv_draft_find(&m->draft, NETVANE_TREE_MEMBERS, key, &member));
        h = nv_content_member(h, &member);
    }
    return h;
}

uint64_t fake_digest(const struct nv_mirror *m, unsigned topic)
{
    struct nv_cursor c;
    uint64_t sum = 0;
    struct netvane_rec_link link;
    struct netvane_rec_addr addr;
    struct netvane_rec_route4 r4;
    struct netvane_rec_route6 r6;
    struct netvane_rec_rule rule;
    struct netvane_rec_nexthop nexthop;
    if (topic == NETVANE_RT_LINKS)
        EACH(m, NETVANE_TREE_LINKS, c, link)
    sum += link_hash(m, &link);
    if (topic == NETVANE_RT_ADDRS)
        EACH(m, NETVANE_TREE_ADDRS, c, addr)
    sum += nv_content_addr(&addr);
    if (topic == NETVANE_RT_ROUTES) {
        EACH(m, NETVANE_TREE_ROUTES4, c, r4)
        sum += nv_content_route4(&r4, hops_hash(m, r4.hops), metrics_hash(m, r4.metrics));
        EACH(m, NETVANE_TREE_ROUTES6, c, r6)
        sum += nv_content_route6(&r6, hops_hash(m, r6.hops), metrics_hash(m, r6.metrics));
    }
    if (topic == NETVANE_RT_RULES)
        EACH(m, NETVANE_TREE_RULES, c, rule)
    sum += nv_content_rule(&rule);
    if (topic == NETVANE_RT_NEXTHOPS)
        EACH(m, NETVANE_TREE_NEXTHOPS, c, nexthop)
    sum += nexthop_hash(m, &nexthop);
    return sum;
}

static size_t length_of(const char *text, size_t max)
{
    const char *end = memchr(text, 0, max);
    return end ? (size_t)(end - text) : max;
}

static const char *index_fault(const struct nv_mirror *m)
{
    struct nv_cursor c;
    struct netvane_rec_link link;
    struct netvane_rec_altname alt;
    struct netvane_rec_name name;
    struct netvane_rec_addr addr;
    struct netvane_rec_addr_by_ip by_ip;
    const struct netvane_region_root *t = m->draft.tree;
    if (t[NETVANE_TREE_NAMES].count != t[NETVANE_TREE_LINKS].count + t[NETVANE_TREE_ALTNAMES].count)
        return "names: another number than links and altnames";
    EACH(m, NETVANE_TREE_LINKS, c, link)
    {
        uint64_t key[2] = {nv_hash(link.name, length_of(link.name, sizeof(link.name))),
                           link.key[0] << 32};
        if (!nv_draft_find(&m->draft, NETVANE_TREE_NAMES, key, &name) || name.id != link.id)
            return "names: a link is missing";
    }
    EACH(m, NETVANE_TREE_ALTNAMES, c, alt)
    {
        uint64_t key[2] = {nv_hash(alt.name, alt.len), alt.key[0]};
        if (!nv_draft_find(&m->draft, NETVANE_TREE_NAMES, key, &name))
            return "names: an altname is missing";
    }
    if (t[NETVANE_TREE_ADDRS].count != t[NETVANE_TREE_ADDRS_BY_IP].count)
        return "addresses by IP: another number than addresses";
    EACH(m, NETVANE_TREE_ADDRS, c, addr)
    {
        uint64_t key[4] = {addr.key[1], addr.key[2], addr.key[0], addr.key[3]};
        if (!nv_draft_find(&m->draft, NETVANE_TREE_ADDRS_BY_IP, key, &by_ip) || by_ip.id != addr.id)
            return "addresses by IP: one is missing";
        key[0] = (uint32_t)addr.key[0];
        if (!nv_draft_find(&m->draft, NETVANE_TREE_LINKS, key, &link))
            return "an address of a link that is not there";
    }
    return NULL;
}

const char *fake_mirror_fault(struct nv_mirror *m)
{
    static const char *const names[NETVANE_RT_COUNT] = {[NETVANE_RT_LINKS] = "digest of links",
                                                        [NETVANE_RT_ADDRS] = "digest of addresses",
                                                        [NETVANE_RT_ROUTES] = "digest of routes",
                                                        [NETVANE_RT_RULES] = "digest of rules",
                                                        [NETVANE_RT_NEXTHOPS] =
                                                            "digest of nexthops"};
    const char *fault = fake_arena_fault(&m->draft);
    if (!fault)
        fault = index_fault(m);
    for (unsigned t = 0; t < NETVANE_RT_COUNT && !fault; t++)
        if (names[t] && fake_digest(m, t) != m->digest[t])
            fault = names[t];
    return fault ? fault : fake_lpm_fault(m);
}
