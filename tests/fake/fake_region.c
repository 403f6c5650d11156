/* SPDX-License-Identifier: MIT */
/*
 * fake_region.c - builds regions by hand: sorts, cuts into nodes, sums, and writes the words in order.
 *
 * Owns:      the bulk build of trees. Written against region.h alone, so that it is a second opinion on the
 *            format; only hashes and the order of stores come from the shared headers.
 */
#include "fake_region.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "nv/content.h"

#define MUST(x)         \
    do {                \
        if (!(x)) {     \
            perror(#x); \
            abort();    \
        }               \
    } while (0)

/* ---- lists of records ---------------------------------------------------------------------------- */

static size_t stride_of(unsigned tree)
{
    return nv_tree_shape(tree)->stride;
}

void fake_state_free(struct fake_state *st)
{
    for (unsigned t = 0; t < NETVANE_TREE_COUNT; t++)
        free(st->trees[t].bytes);
    memset(st, 0, sizeof(*st));
}

void fake_state_copy(const struct fake_state *from, struct fake_state *to)
{
    *to = *from;
    for (unsigned t = 0; t < NETVANE_TREE_COUNT; t++) {
        size_t bytes = from->trees[t].capacity * stride_of(t);
        if (!bytes)
            continue;
        MUST((to->trees[t].bytes = malloc(bytes)));
        memcpy(to->trees[t].bytes, from->trees[t].bytes, from->trees[t].count * stride_of(t));
    }
}

void *fake_add(struct fake_state *st, unsigned tree, const void *record)
{
    struct fake_list *l = &st->trees[tree];
    const size_t stride = stride_of(tree);
    if (l->count == l->capacity) {
        l->capacity = l->capacity ? l->capacity * 2 : 16;
        MUST((l->bytes = realloc(l->bytes, l->capacity * stride)));
    }
    void *place = l->bytes + l->count++ * stride;
    memcpy(place, record, stride);
    return place;
}

void *fake_find(struct fake_state *st, unsigned tree, const uint64_t *key)
{
    const size_t words = nv_tree_shape(tree)->key_words;
    for (unsigned i = 0; i < st->trees[tree].count; i++) {
        void *r = st->trees[tree].bytes + i * stride_of(tree);
        if (!memcmp(r, key, words * 8))
            return r;
    }
    return NULL;
}

void fake_remove(struct fake_state *st, unsigned tree, const uint64_t *key)
{
    struct fake_list *l = &st->trees[tree];
    unsigned char *r = fake_find(st, tree, key);
    MUST(r);
    unsigned char *last = l->bytes + --l->count * stride_of(tree);
    if (r != last)
        memcpy(r, last, stride_of(tree));
}

/* ---- objects ---------------------------------------------------------------------------------------- */

uint32_t fake_string(struct fake_state *st, const void *bytes, size_t len)
{
    if (!len)
        return 0;
    uint32_t id = ++st->next_string;
    for (size_t at = 0, chunk = 0; at < len; at += 48, chunk++) {
        struct netvane_rec_string r = {
            .key = {(uint64_t)id << 32 | chunk}, .id = id, .len = (uint32_t)len};
        memcpy(r.bytes, (const char *)bytes + at, len - at < 48 ? len - at : 48);
        fake_add(st, NETVANE_TREE_STRINGS, &r);
    }
    return id;
}

static void add_name(struct fake_state *st, uint32_t ifindex, uint32_t index, const char *name)
{
    struct netvane_rec_name r = {
        .key = {nv_hash(name, strlen(name)), (uint64_t)ifindex << 32 | index}, .id = 1};
    fake_add(st, NETVANE_TREE_NAMES, &r);
}

struct netvane_rec_link *fake_link(struct fake_state *st, uint32_t ifindex, const char *name,
                                   uint32_t flags, const char *kind)
{
    struct netvane_rec_link r = {
        .key = {ifindex}, .id = ifindex + 1000, .flags = flags, .mtu = 1500};
    snprintf(r.name, sizeof(r.name), "%s", name);
    r.kind = kind ? fake_string(st, kind, strlen(kind)) : 0;
    add_name(st, ifindex, 0, r.name);
    return fake_add(st, NETVANE_TREE_LINKS, &r);
}

void fake_altname(struct fake_state *st, uint32_t ifindex, const char *name)
{
    const uint64_t key = ifindex;
    struct netvane_rec_link *l = fake_find(st, NETVANE_TREE_LINKS, &key);
    struct netvane_rec_altname r = {.id = 1, .len = (uint32_t)strlen(name)};
    r.key[0] = (uint64_t)ifindex << 32 | ++l->altname_count;
    memcpy(r.name, name, r.len);
    add_name(st, ifindex, l->altname_count, name);
    fake_add(st, NETVANE_TREE_ALTNAMES, &r);
}

/* Splits "address/length"; returns the family. */
static unsigned parse(const char *text, uint8_t ip[16], unsigned *len)
{
    char address[64];
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    MUST(n < sizeof(address));
    memcpy(address, text, n);
    address[n] = '\0';
    memset(ip, 0, 16);
    const unsigned family = strchr(address, ':') ? NV_AF_6 : NV_AF_4;
    MUST(inet_pton(family == NV_AF_6 ? AF_INET6 : AF_INET, address, ip) == 1);
    *len = slash ? (unsigned)atoi(slash + 1) : family == NV_AF_6 ? 128 : 32;
    return family;
}

struct netvane_rec_addr *fake_addr(struct fake_state *st, uint32_t ifindex, const char *text,
                                   uint8_t scope, uint32_t flags, uint32_t position)
{
    struct netvane_rec_addr r = {.flags = flags,
                                 .position = position,
                                 .scope = scope,
                                 .valid_until_ns = UINT64_MAX,
                                 .preferred_until_ns = UINT64_MAX};
    uint8_t ip[16];
    unsigned len;
    const unsigned family = parse(text, ip, &len);
    r.prefix_len = (uint8_t)len;
    r.key[0] = (uint64_t)family << 32 | ifindex;
    if (family == NV_AF_4) {
        uint32_t v = nv_load_be32(ip);
        r.key[2] = v;
        r.key[3] = (uint64_t)len << 32 | (len ? v & (UINT32_MAX << (32 - len)) : 0);
    } else {
        r.key[1] = nv_load_be64(ip);
        r.key[2] = nv_load_be64(ip + 8);
    }
    struct netvane_rec_addr_by_ip by = {.key = {r.key[1], r.key[2], r.key[0], r.key[3]}, .id = 1};
    fake_add(st, NETVANE_TREE_ADDRS_BY_IP, &by);
    return fake_add(st, NETVANE_TREE_ADDRS, &r);
}

struct netvane_rec_hop *fake_hop(struct fake_state *st, uint32_t set, uint32_t index,
                                 uint32_t count, uint32_t ifindex, const char *gateway)
{
    struct netvane_rec_hop r = {.key = {(uint64_t)set << 32 | index},
                                .id = set,
                                .count = count,
                                .ifindex = ifindex,
                                .weight = 1};
    unsigned len;
    if (gateway)
        r.gw_family = (uint8_t)parse(gateway, r.gateway, &len);
    r.multipath = count > 1;
    return fake_add(st, NETVANE_TREE_HOPS, &r);
}

void fake_metric(struct fake_state *st, uint32_t set, uint32_t which, uint32_t value)
{
    struct netvane_rec_metric r = {.key = {(uint64_t)set << 32 | which}, .id = set, .value = value};
    fake_add(st, NETVANE_TREE_METRICS, &r);
}

void *fake_route(struct fake_state *st, uint32_t table, const char *text, uint32_t metric,
                 uint32_t hops)
{
    uint8_t ip[16];
    unsigned len;
    if (parse(text, ip, &len) == NV_AF_4) {
        struct netvane_rec_route4 r = {.id = 1, .type = 1, .protocol = 4, .hops = hops};
        r.key[0] = (uint64_t)table << 32 | nv_load_be32(ip);
        r.key[1] = (uint64_t)len << 56 | (uint64_t)metric << 16;
        return fake_add(st, NETVANE_TREE_ROUTES4, &r);
    }
    struct netvane_rec_route6 r = {
        .id = 1, .type = 1, .protocol = 4, .hops = hops, .valid_until_ns = UINT64_MAX};
    r.key[0] = (uint64_t)table << 32 | nv_load_be32(ip);
    r.key[1] = nv_load_be64(ip + 4);
    r.key[2] = (uint64_t)nv_load_be32(ip + 12) << 32 | (uint64_t)len << 24;
    r.key[5] = (uint64_t)metric << 32;
    return fake_add(st, NETVANE_TREE_ROUTES6, &r);
}

struct netvane_rec_rule *fake_rule(struct fake_state *st, uint8_t family, uint32_t priority,
                                   uint32_t table)
{
    struct netvane_rec_rule r = {
        .key = {(uint64_t)family << 32 | priority, 0}, .id = 1, .table = table, .action = 1};
    return fake_add(st, NETVANE_TREE_RULES, &r);
}

struct netvane_rec_nexthop *fake_nexthop(struct fake_state *st, uint32_t nhid, uint32_t ifindex,
                                         uint32_t members)
{
    struct netvane_rec_nexthop r = {
        .key = {nhid}, .id = nhid, .ifindex = ifindex, .member_count = members};
    r.family = members ? 0 : NV_AF_4;
    r.present = members ? NETVANE_NF_GROUP : 0;
    return fake_add(st, NETVANE_TREE_NEXTHOPS, &r);
}

void fake_member(struct fake_state *st, uint32_t group, uint32_t index, uint32_t nhid,
                 uint32_t weight)
{
    struct netvane_rec_member r = {
        .key = {(uint64_t)group << 32 | index}, .id = group, .member = nhid, .weight = weight};
    fake_add(st, NETVANE_TREE_MEMBERS, &r);
}

void fake_default(struct fake_state *st, uint8_t family, uint32_t table, uint32_t rank,
                  uint32_t ifindex, uint32_t metric, uint32_t hops)
{
    struct netvane_rec_default r = {
        .key = {(uint64_t)family << 56 | (uint64_t)table << 16 | rank}, .id = 1, .hops = hops};
    r.value = (struct netvane_region_default){.size = sizeof(r.value),
                                              .ifindex = ifindex,
                                              .metric = metric,
                                              .table = table,
                                              .family = family,
                                              .type = 1,
                                              .flags = NETVANE_DF_PRESENT,
                                              .hop_count = 1,
                                              .reason = rank ? NETVANE_REASON_METRIC : 0};
    fake_add(st, NETVANE_TREE_DEFAULTS, &r);
    if (table == 254 && !rank) {
        *(family == NV_AF_4 ? &st->main4 : &st->main6) = r.value;
        *(family == NV_AF_4 ? &st->egress4 : &st->egress6) = r.value;
    }
}

void fake_example(struct fake_state *st)
{
    memset(st, 0, sizeof(*st));
    fake_link(st, 1, "lo", 0x9, NULL);
    fake_link(st, 2, "eth0", 0x1, NULL);
    fake_link(st, 3, "wg0", 0x1, "wireguard");
    fake_altname(st, 2, "enp1s0");
    fake_altname(st, 2, "lan");
    fake_addr(st, 1, "127.0.0.1/8", 254, 0x80, 0);
    fake_addr(st, 1, "::1/128", 254, 0x80, 0);
    fake_addr(st, 2, "192.0.2.10/24", 0, 0x80, 0);
    fake_addr(st, 2, "192.0.2.11/24", 0, 0x81, 1);
    fake_addr(st, 2, "2001:db8::10/64", 0, 0x80, 0);
    fake_addr(st, 2, "fe80::10/64", 253, 0x80, 1);
    fake_addr(st, 3, "10.9.0.2/32", 0, 0x80, 0);
    fake_hop(st, 1, 0, 1, 2, "192.0.2.1");
    fake_hop(st, 2, 0, 2, 2, "192.0.2.1");
    fake_hop(st, 2, 1, 2, 3, NULL);
    fake_hop(st, 3, 0, 1, 2, "fe80::1");
    fake_hop(st, 4, 0, 1, 3, NULL);
    fake_metric(st, 1, 2, 1400);
    fake_route(st, 254, "0.0.0.0/0", 100, 1);
    fake_route(st, 254, "0.0.0.0/0", 200, 4);
    struct netvane_rec_route4 *r = fake_route(st, 254, "10.0.0.0/8", 0, 2);
    r->metrics = 1;
    fake_route(st, 254, "10.9.0.0/16", 0, 4);
    fake_route(st, 100, "198.51.100.0/24", 0, 4);
    r = fake_route(st, 100, "203.0.113.0/24", 0, 0);
    r->type = 6;
    fake_route(st, 254, "::/0", 1024, 3);
    fake_route(st, 254, "2001:db8:1::/48", 1024, 4);
    fake_rule(st, NV_AF_4, 0, 255);
    fake_rule(st, NV_AF_4, 32766, 254);
    fake_rule(st, NV_AF_6, 0, 255);
    fake_nexthop(st, 7, 2, 0);
    fake_nexthop(st, 8, 3, 0);
    fake_nexthop(st, 9, 0, 2);
    fake_member(st, 9, 0, 7, 1);
    fake_member(st, 9, 1, 8, 3);
    fake_default(st, NV_AF_4, 254, 0, 2, 100, 1);
    fake_default(st, NV_AF_4, 254, 1, 3, 200, 4);
    fake_default(st, NV_AF_6, 254, 0, 2, 1024, 3);
}

/* ---- digests: parts are found by walking the lists ---------------------------------------------------- */

static uint64_t text_hash(const struct fake_state *st, uint32_t id)
{
    char text[1024];
    uint32_t len = 0;
    const struct netvane_rec_string *s = (const void *)st->trees[NETVANE_TREE_STRINGS].bytes;
    for (unsigned i = 0; i < st->trees[NETVANE_TREE_STRINGS].count; i++)
        if (id && s[i].key[0] >> 32 == id) {
            memcpy(text + 48 * (uint32_t)s[i].key[0], s[i].bytes, 48);
            len = s[i].len;
        }
    return nv_content_text(text, len);
}

static uint64_t hops_hash(const struct fake_state *st, uint32_t set)
{
    const struct netvane_rec_hop *h = (const void *)st->trees[NETVANE_TREE_HOPS].bytes;
    uint64_t hash = 0;
    for (unsigned i = 0; set && i < st->trees[NETVANE_TREE_HOPS].count; i++)
        if (h[i].key[0] >> 32 == set)
            hash = nv_content_hop(hash, &h[i], text_hash(st, h[i].encap));
    return hash;
}

static uint64_t metrics_hash(const struct fake_state *st, uint32_t set)
{
    const struct netvane_rec_metric *m = (const void *)st->trees[NETVANE_TREE_METRICS].bytes;
    uint64_t hash = 0;
    for (unsigned i = 0; set && i < st->trees[NETVANE_TREE_METRICS].count; i++)
        if (m[i].key[0] >> 32 == set)
            hash = nv_content_metric(hash, &m[i]);
    return hash;
}

static uint64_t link_hash(const struct fake_state *st, const struct netvane_rec_link *l)
{
    const uint64_t texts[6] = {text_hash(st, l->kind),       text_hash(st, l->slave_kind),
                               text_hash(st, l->qdisc),      text_hash(st, l->alias),
                               text_hash(st, l->parent_bus), text_hash(st, l->parent_dev)};
    const struct netvane_rec_altname *a = (const void *)st->trees[NETVANE_TREE_ALTNAMES].bytes;
    uint64_t hash = nv_content_link(l, texts);
    for (unsigned i = 0; i < st->trees[NETVANE_TREE_ALTNAMES].count; i++)
        if (a[i].key[0] >> 32 == l->key[0])
            hash = nv_content_fold(hash, nv_content_text(a[i].name, a[i].len));
    return hash;
}

static uint64_t nexthop_hash(const struct fake_state *st, const struct netvane_rec_nexthop *n)
{
    const struct netvane_rec_member *m = (const void *)st->trees[NETVANE_TREE_MEMBERS].bytes;
    uint64_t hash = nv_content_nexthop(n, text_hash(st, n->encap));
    for (unsigned i = 0; i < st->trees[NETVANE_TREE_MEMBERS].count; i++)
        if (m[i].key[0] >> 32 == n->key[0])
            hash = nv_content_member(hash, &m[i]);
    return hash;
}

static void digests(const struct fake_state *st, uint64_t d[8])
{
    memset(d, 0, 8 * sizeof(*d));
#define EACH(TREE, type, topic, expression)                                                  \
    for (unsigned i = 0; i < st->trees[TREE].count; i++) {                                   \
        const struct type *r = (const struct type *)(const void *)st->trees[TREE].bytes + i; \
        d[topic] += (expression);                                                            \
    }
    EACH(NETVANE_TREE_LINKS, netvane_rec_link, NETVANE_RT_LINKS, link_hash(st, r))
    EACH(NETVANE_TREE_ADDRS, netvane_rec_addr, NETVANE_RT_ADDRS, nv_content_addr(r))
    EACH(NETVANE_TREE_ROUTES4, netvane_rec_route4, NETVANE_RT_ROUTES,
         nv_content_route4(r, hops_hash(st, r->hops), metrics_hash(st, r->metrics)))
    EACH(NETVANE_TREE_ROUTES6, netvane_rec_route6, NETVANE_RT_ROUTES,
         nv_content_route6(r, hops_hash(st, r->hops), metrics_hash(st, r->metrics)))
    EACH(NETVANE_TREE_RULES, netvane_rec_rule, NETVANE_RT_RULES, nv_content_rule(r))
    EACH(NETVANE_TREE_NEXTHOPS, netvane_rec_nexthop, NETVANE_RT_NEXTHOPS, nexthop_hash(st, r))
#undef EACH
    d[NETVANE_RT_DEFAULT4] = nv_content_defaults(&st->main4, &st->egress4);
    d[NETVANE_RT_DEFAULT6] = nv_content_defaults(&st->main6, &st->egress6);
    d[NETVANE_RT_HEALTH] = st->quality;
}

/* ---- nodes ------------------------------------------------------------------------------------------------ */

struct netvane_region_node *fake_node(struct fake_region *r, uint32_t ref)
{
    return (struct netvane_region_node *)(void *)(r->base + (uint64_t)ref * NETVANE_NODE_BYTES);
}

void fake_node_seal(struct fake_region *r, uint32_t ref)
{
    struct netvane_region_node *n = fake_node(r, ref);
    n->checksum = nv_node_checksum(n, nv_tree_shape(n->tree));
}

static unsigned char *child_place(struct netvane_region_node *n, unsigned i)
{
    const struct nv_tree_shape *s = nv_tree_shape(n->tree);
    return n->bytes + (size_t)s->inner_capacity * s->key_words * 8u + 4u * i;
}

uint32_t fake_child(struct fake_region *r, uint32_t ref, unsigned i)
{
    uint32_t child;
    memcpy(&child, child_place(fake_node(r, ref), i), 4);
    return child;
}

void fake_set_child(struct fake_region *r, uint32_t ref, unsigned i, uint32_t child)
{
    memcpy(child_place(fake_node(r, ref), i), &child, 4);
    fake_node_seal(r, ref);
}

static uint32_t store_node(struct fake_region *r, struct netvane_region_node *node)
{
    MUST(r->used + NETVANE_NODE_BYTES <= r->file_bytes);
    node->version = r->version;
    node->checksum = nv_node_checksum(node, nv_tree_shape(node->tree));
    nv_payload_store(r->base + r->used, node, sizeof(*node));
    r->used += NETVANE_NODE_BYTES;
    return (uint32_t)(r->used / NETVANE_NODE_BYTES - 1);
}

static unsigned compare_words;

static int compare_keys(const void *a, const void *b)
{
    uint64_t ka[NV_TREE_KEY_WORDS_MAX], kb[NV_TREE_KEY_WORDS_MAX];
    memcpy(ka, a, compare_words * 8);
    memcpy(kb, b, compare_words * 8);
    return nv_key_compare(ka, kb, compare_words);
}

struct level {
    uint32_t *refs;
    uint64_t *keys; /* key_words each: the least key below */
    unsigned count;
};

static void build(struct fake_region *r, unsigned tree, const struct fake_list *list,
                  struct netvane_region_root *root)
{
    const struct nv_tree_shape *s = nv_tree_shape(tree);
    const size_t key_bytes = s->key_words * 8u;
    memset(root, 0, sizeof(*root));
    root->count = list->count;
    if (!list->count)
        return;
    struct level l = {calloc(list->count, 4), calloc(list->count, key_bytes), 0};
    MUST(l.refs && l.keys);
    for (unsigned at = 0; at < list->count;) {
        struct netvane_region_node n = {.tree = (uint8_t)tree};
        unsigned take = list->count - at < s->leaf_capacity ? list->count - at : s->leaf_capacity;
        n.count = (uint16_t)take;
        memcpy(n.bytes, list->bytes + at * (size_t)s->stride, take * (size_t)s->stride);
        memcpy((unsigned char *)l.keys + l.count * key_bytes, n.bytes, key_bytes);
        l.refs[l.count++] = store_node(r, &n);
        at += take;
    }
    root->height = 1;
    while (l.count > 1) {
        unsigned parents = 0;
        for (unsigned at = 0; at < l.count;) {
            struct netvane_region_node n = {.tree = (uint8_t)tree, .level = (uint8_t)root->height};
            unsigned take = l.count - at < s->inner_capacity ? l.count - at : s->inner_capacity;
            n.count = (uint16_t)take;
            memcpy(n.bytes, (unsigned char *)l.keys + at * key_bytes, take * key_bytes);
            memcpy(child_place(&n, 0), l.refs + at, take * 4);
            memmove((unsigned char *)l.keys + parents * key_bytes, n.bytes, key_bytes);
            l.refs[parents++] = store_node(r, &n);
            at += take;
        }
        l.count = parents;
        root->height++;
    }
    root->ref = l.refs[0];
    free(l.refs);
    free(l.keys);
}

/* ---- the region ------------------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (uint64_t)ts.tv_sec * NV_NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void path_of(const struct fake_region *r, const char *suffix, char path[200])
{
    snprintf(path, 200, "%s/%s%s", r->dir, suffix, r->name);
}

void fake_header_seal(struct fake_region *r)
{
    struct netvane_region_header *h = (struct netvane_region_header *)(void *)r->base;
    h->checksum = nv_hash(h, offsetof(struct netvane_region_header, checksum));
}

static void make_file(struct fake_region *r, const char *suffix)
{
    char path[200];
    static uint64_t instances;
    path_of(r, suffix, path);
    r->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    MUST(r->fd >= 0);
    MUST(!fchmod(r->fd, 0644));
    r->file_bytes = FAKE_BYTES;
    MUST(!ftruncate(r->fd, (off_t)r->file_bytes));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    MUST(!fcntl(r->fd, F_OFD_SETLK, &lock));
    r->base = mmap(NULL, r->file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
    MUST(r->base != MAP_FAILED);
    r->used = NETVANE_ARENA_OFFSET;
    r->instance_id = now_ns() * 16 + ++instances;

    struct netvane_region_header *h = (struct netvane_region_header *)(void *)r->base;
    *h = (struct netvane_region_header){
        .magic = NETVANE_REGION_MAGIC,
        .major = NETVANE_REGION_MAJOR,
        .minor = NETVANE_REGION_MINOR,
        .layout = NETVANE_REGION_LAYOUT,
        .ring_slots = NETVANE_RING_SLOTS,
        .slot_bytes = NETVANE_SLOT_BYTES,
        .node_bytes = NETVANE_NODE_BYTES,
        .tree_count = NETVANE_TREE_COUNT,
        .ring_offset = NETVANE_RING_OFFSET,
        .journal_offset = NETVANE_JOURNAL_OFFSET,
        .arena_offset = NETVANE_ARENA_OFFSET,
        .max_bytes = UINT64_C(64) << 20, /* past the end of the file, as a writer does */
        .instance_id = r->instance_id,
        .created_ns = now_ns(),
        .first_version = 1,
        .coalesce_ns = NV_NS_PER_MS,
        .reconcile_ns = 15 * NV_NS_PER_S,
        .heartbeat_ns = NV_NS_PER_S,
    };
    fake_header_seal(r);
    nv_write_word(r->base, NV_LIVE(heartbeat_ns), now_ns());
    nv_write_word(r->base, NV_LIVE(started_ns), now_ns());
    nv_write_word32(r->base, NV_LIVE(writer_pid), (uint32_t)getpid());
}

void fake_region_make(struct fake_region *r, const char *name)
{
    static const char template[] = "/dev/shm/netvane-test-XXXXXX";
    memset(r, 0, sizeof(*r));
    memcpy(r->dir, template, sizeof(template));
    MUST(mkdtemp(r->dir));
    r->own_dir = true;
    snprintf(r->name, sizeof(r->name), "%s", name);
    make_file(r, "");
}

void fake_region_succeed(struct fake_region *r, const struct fake_region *old)
{
    memset(r, 0, sizeof(*r));
    memcpy(r->dir, old->dir, sizeof(r->dir));
    memcpy(r->name, old->name, sizeof(r->name));
    make_file(r, ".new-");
    r->version = old->version;
    memcpy(r->gens, old->gens, sizeof(r->gens));
    memcpy(r->digest, old->digest, sizeof(r->digest));
    nv_write_any(r->base, r->gens[15]);
    for (unsigned t = 0; t < NETVANE_RT_COUNT; t++)
        nv_write_gen(r->base, t, r->gens[t]);
}

static void wake(const struct fake_region *r)
{
    syscall(SYS_futex, r->base + NV_TOPIC_ANY, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
    MUST(pwrite(r->fd, "", 1, NETVANE_DOORBELL_OFFSET) == 1);
}

void fake_region_rename(struct fake_region *r, struct fake_region *old)
{
    char from[200], to[200];
    path_of(r, ".new-", from);
    path_of(r, "", to);
    MUST(!rename(from, to));
    r->own_dir = old->own_dir;
    old->own_dir = false;
}

void fake_region_replace(struct fake_region *r, struct fake_region *old)
{
    fake_region_rename(r, old);
    nv_write_word32(old->base, NV_LIVE(state), NETVANE_RS_REPLACED);
    nv_write_moved(old->base, r->instance_id);
    wake(old);
}

void fake_region_die(struct fake_region *r)
{
    struct flock lock = {.l_type = F_UNLCK,
                         .l_whence = SEEK_SET}; /* the mapping keeps the file open */
    MUST(!fcntl(r->fd, F_OFD_SETLK, &lock));
    close(r->fd);
    r->fd = -1;
}

void fake_region_free(struct fake_region *r)
{
    char path[200];
    munmap(r->base, r->file_bytes);
    if (r->fd >= 0)
        close(r->fd);
    path_of(r, "", path);
    if (r->own_dir) {
        unlink(path);
        rmdir(r->dir);
    }
}

struct netvane_region_slot *fake_slot(struct fake_region *r, uint64_t version)
{
    return (struct netvane_region_slot *)(void *)(r->base + NV_SLOT(version));
}

static uint64_t slot_sum(const struct netvane_region_slot *s)
{
    const size_t from = offsetof(struct netvane_region_slot, published_ns);
    return nv_hash((const unsigned char *)s + from, sizeof(*s) - from);
}

void fake_slot_seal(struct fake_region *r, uint64_t version)
{
    struct netvane_region_slot *s = fake_slot(r, version);
    s->checksum = slot_sum(s);
}

uint32_t fake_publish(struct fake_region *r, struct fake_state *st, bool with_wake)
{
    struct netvane_region_slot slot = {
        .published_ns = now_ns(), .verified_ns = now_ns(), .quality = st->quality};
    uint32_t changed = 0;
    slot.version = ++r->version;
    slot.instance_id = r->instance_id;
    slot.main4 = st->main4;
    slot.main6 = st->main6;
    slot.egress4 = st->egress4;
    slot.egress6 = st->egress6;
    bool routed = false;
    for (unsigned t = 0; t < NETVANE_TREE_COUNT; t++) {
        if (t == NETVANE_TREE_TABLES && routed)
            fake_build_lpms(r, st); /* the trees before it are sorted */
        compare_words = nv_tree_shape(t)->key_words;
        if (st->trees[t].count)
            qsort(st->trees[t].bytes, st->trees[t].count, stride_of(t), compare_keys);
        uint64_t hash = nv_hash(st->trees[t].bytes, st->trees[t].count * stride_of(t));
        if (hash != r->tree_hash[t])
            build(r, t, &st->trees[t], &r->roots[t]);
        routed |= hash != r->tree_hash[t] && (t == NETVANE_TREE_ROUTES4 ||
                                              t == NETVANE_TREE_ROUTES6 || t == NETVANE_TREE_HOPS);
        r->tree_hash[t] = hash;
    }
    memcpy(slot.tree, r->roots, sizeof(slot.tree));
    memcpy(slot.lpm, r->lpms, sizeof(slot.lpm));
    digests(st, slot.digest);
    for (unsigned t = 0; t < NETVANE_RT_COUNT; t++)
        changed |= (uint32_t)(slot.digest[t] != r->digest[t]) << t;
    for (unsigned t = 0; t < NETVANE_RT_COUNT; t++)
        r->gens[t] += changed >> t & 1u;
    r->gens[15] += changed != 0;
    memcpy(r->digest, slot.digest, sizeof(r->digest));
    memcpy(slot.gen, r->gens, sizeof(slot.gen));
    slot.changed = changed;
    slot.checksum = slot_sum(&slot);

    if (r->version > NETVANE_RING_SLOTS &&
        nv_read_word(r->base, NV_HOT(horizon)) + NETVANE_RING_SLOTS <= r->version)
        nv_write_horizon(r->base, r->version - NETVANE_RING_SLOTS + 1);
    else if (!nv_read_word(r->base, NV_HOT(horizon)))
        nv_write_horizon(r->base, r->version);
    nv_write_committed(r->base, r->used);
    nv_payload_store(r->base + NV_SLOT(r->version), &slot, sizeof(slot));
    nv_write_head(r->base, r->version);
    nv_write_word32(r->base, NV_LIVE(state), NETVANE_RS_LIVE);
    for (unsigned t = 0; t < NETVANE_RT_COUNT; t++)
        if (changed & 1u << t)
            nv_write_gen(r->base, t, r->gens[t]);
    if (changed)
        nv_write_any(r->base, r->gens[15]);
    if (with_wake)
        wake(r);
    return changed;
}

void fake_expire(struct fake_region *r, uint64_t horizon)
{
    nv_write_horizon(r->base, horizon);
}
