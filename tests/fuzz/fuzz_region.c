/* SPDX-License-Identifier: MIT */
/*
 * fuzz_region.c - any damage to a region, and every function of the library that reads one: each has to come back, with any answer.
 *
 * The region is a real writer's: random facts in some versions, with indexes and a journal. Each twelve bytes of the input are a
 * patch: where, how far from there, eight bytes. Damage to the header is met by a new handle, too. corpus/region has an input for
 * each edge that a longer search reached.
 */
#include <netvane/netvane.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fake/fake_file.h"
#include "tests/fake/fake_must.h"
#include "writer/limits.h"

#define PATCHES_MAX 24u
#define STEPS_MAX   100000u /* of an iterator: more than the region has bytes for */
#define VERSIONS    12u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fake_file w;
static unsigned char *base;
static char dir[] = "/dev/shm/netvane-test.XXXXXX";
static struct netvane *nv;           /* open since before any damage */
static struct netvane_snap snaps[2]; /* of the oldest and the newest version, from before */

/* ---- a real region -------------------------------------------------------------------------------------------------- */

static int open_region(struct netvane **ret_nv)
{
    struct netvane_open_args args;
    NETVANE_INIT(&args);
    args.dir = dir;
    args.name = "fuzz";
    return netvane_open(&args, ret_nv);
}

static void remove_region(void)
{
    nv_shm_close(w.shm, false);
    (void)rmdir(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    uint64_t random = 7;
    (void)argc;
    (void)argv;
    MUST(mkdtemp(dir));
    fake_file_open(&w, dir, "fuzz");
    MUST(!atexit(remove_region));
    base = nv_shm_base(w.shm);
    for (uint64_t version = 1; version <= VERSIONS; version++) {
        for (unsigned i = 0; i < 60; i++)
            fake_random_fact(&w.m, &random);
        MUST(nv_commit(&w.c, true, version * NV_NS_PER_MS));
        if (version == 1)
            MUST(!nv_shm_show(w.shm));
        if (version == 2)
            MUST(!open_region(&nv) && !netvane_snap_begin(nv, &snaps[0]));
    }
    MUST(!netvane_snap_begin(nv, &snaps[1]));
    return 0;
}

/* ---- damage ------------------------------------------------------------------------------------------------------------ */

struct patch {
    unsigned char *at;
    uint64_t before;
};

static unsigned char *place(unsigned where, uint32_t offset)
{
    switch (where % 6) {
    case 0: return base + offset % NETVANE_RING_OFFSET / 4 * 4;
    case 1: return base + NV_SLOT(w.p.head) + offset % NETVANE_SLOT_BYTES / 4 * 4;
    case 2: return base + NV_SLOT(w.p.head - VERSIONS + 2) + offset % NETVANE_SLOT_BYTES / 4 * 4;
    case 3:
        return base + NV_JOURNAL_PLACE(offset % 1024, NETVANE_JOURNAL_ENTRIES) +
               offset / 1024 % 16 * 4;
    default: return base + NETVANE_ARENA_OFFSET + offset % (NV_GROW_BYTES - 8) / 4 * 4;
    }
}

static unsigned damage(const uint8_t *data, size_t size, struct patch *patches)
{
    unsigned n = 0;
    for (; size >= 12 && n < PATCHES_MAX; data += 12, size -= 12, n++) {
        patches[n].at = place(data[0], (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3]);
        memcpy(&patches[n].before, patches[n].at, 8);
        memcpy(patches[n].at, data + 4, 8);
    }
    return n;
}

static void mend(const struct patch *patches, unsigned n)
{
    while (n-- > 0)
        memcpy(patches[n].at, &patches[n].before, 8);
}

/* ---- every function ------------------------------------------------------------------------------------------------------ */

static const uint8_t addresses[2][16] = {{192, 0, 2, 1}, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
static char text[256];

/* Takes all that an iterator gives. */
#define ALL(begin, next)                          \
    do {                                          \
        struct netvane_iter it;                   \
        unsigned steps = 0;                       \
        for (int r = (begin); !r && (next) == 1;) \
            MUST(++steps < STEPS_MAX);            \
    } while (0)

static void use_links(const struct netvane_snap *snap)
{
    struct netvane_link link;
    NETVANE_INIT(&link);
    ALL(netvane_link_iter(snap, &it), netvane_link_next(&it, &link));
    for (uint32_t i = 1; i < 10; i++) {
        (void)netvane_link_get(snap, i, &link);
        (void)netvane_link_altname(snap, i, i % 4, text, sizeof(text));
        (void)netvane_string_get(snap, i, text, sizeof(text));
    }
    (void)netvane_link_get_by_name(snap, "eth0", &link);
    (void)netvane_link_get_by_name(snap, "alt-a", &link);
}

static void use_addrs(const struct netvane_snap *snap)
{
    struct netvane_addr addr, list[8];
    size_t count;
    NETVANE_INIT(&addr);
    NETVANE_INIT(&list[0]);
    ALL(netvane_addr_iter(snap, 0, 0, &it), netvane_addr_next(&it, &addr));
    ALL(netvane_addr_iter(snap, 3, 6, &it), netvane_addr_next(&it, &addr));
    for (unsigned f = 0; f < 2; f++) {
        const uint8_t family = f ? 6 : 4;
        ALL(netvane_addr_iter_ip(snap, family, addresses[f], &it), netvane_addr_next(&it, &addr));
        (void)netvane_addr_find(snap, family, addresses[f], &addr);
        (void)netvane_local_list(snap, family, UINT32_MAX, list, 8, &count);
    }
}

static void use_routes(const struct netvane_snap *snap)
{
    struct netvane_route route;
    struct netvane_hop hop;
    struct netvane_metrics metrics;
    struct netvane_iter it;
    NETVANE_INIT(&route);
    NETVANE_INIT(&hop);
    NETVANE_INIT(&metrics);
    unsigned steps = 0;
    for (int r = netvane_route_iter(snap, NULL, &it); !r && netvane_route_next(&it, &route) == 1;) {
        (void)netvane_route_hop(snap, &route, steps % 3, &hop);
        (void)netvane_route_metrics(snap, &route, &metrics);
        MUST(++steps < STEPS_MAX);
    }
}

static void use_filter(const struct netvane_snap *snap)
{
    struct netvane_route route;
    struct netvane_route_filter filter;
    NETVANE_INIT(&route);
    NETVANE_INIT(&filter);
    filter.ifindex = 3;
    filter.table = 254;
    ALL(netvane_route_iter(snap, &filter, &it), netvane_route_next(&it, &route));
}

static void use_others(const struct netvane_snap *snap)
{
    struct netvane_rule rule;
    struct netvane_nexthop nexthop;
    struct netvane_member member;
    struct netvane_default def;
    struct netvane_info info;
    NETVANE_INIT(&rule);
    NETVANE_INIT(&nexthop);
    NETVANE_INIT(&member);
    NETVANE_INIT(&def);
    NETVANE_INIT(&info);
    (void)netvane_snap_info(snap, &info);
    ALL(netvane_rule_iter(snap, 0, &it), netvane_rule_next(&it, &rule));
    ALL(netvane_nexthop_iter(snap, &it), netvane_nexthop_next(&it, &nexthop));
    for (uint32_t id = 0; id < 6; id++) {
        (void)netvane_nexthop_get(snap, id, &nexthop);
        (void)netvane_nexthop_member(snap, id, id % 3, &member);
    }
    for (unsigned f = 0; f < 2; f++) {
        const uint8_t family = f ? 6 : 4;
        ALL(netvane_default_iter(snap, family, 254, &it), netvane_default_next(&it, &def));
        (void)netvane_snap_default(snap, family, &def);
        (void)netvane_snap_egress(snap, family, &def);
    }
}

static void use_indexes(const struct netvane_snap *snap)
{
    static const uint32_t tables[] = {254, 255, 100, 0, 1000};
    for (unsigned i = 0; i < 2 * NV_ARRAY_LEN(tables); i++) {
        const uint8_t family = i & 1 ? 6 : 4;
        struct netvane_table table;
        struct netvane_match match[64];
        struct netvane_default def;
        struct netvane_hop hop;
        uint8_t dsts[64 * 16];
        NETVANE_INIT(&table);
        NETVANE_INIT(&def);
        NETVANE_INIT(&hop);
        if (netvane_table_get(snap, family, tables[i / 2], &table))
            continue;
        for (unsigned k = 0; k < sizeof(dsts); k++)
            dsts[k] = k % (family == 4 ? 4 : 16) ? (uint8_t)(k * 7) : addresses[i & 1][k % 4];
        (void)netvane_route_lookup_bulk(&table, dsts, 64, match);
        for (unsigned k = 0; k < 8; k++) {
            (void)netvane_route_lookup(&table, dsts + 16 * k, &match[0]);
            (void)netvane_match_answer(&table, &match[0], &def);
            (void)netvane_match_hop(&table, &match[0], k, &hop);
        }
    }
}

static void use_fib(const struct netvane_snap *snap)
{
    struct netvane_fib_question q;
    struct netvane_fib_answer a;
    struct netvane_hop hop;
    NETVANE_INIT(&q);
    NETVANE_INIT(&a);
    NETVANE_INIT(&hop);
    for (unsigned i = 0; i < 16; i++) {
        q.family = i & 1 ? 6 : 4;
        q.iif = i & 2 ? 2 + i % 5 : 0;
        q.oif = i & 4 ? 3 : 0;
        q.mark = i;
        memcpy(q.dst, addresses[i & 1], 16);
        q.dst[i & 1 ? 15 : 3] = (uint8_t)i;
        if (i & 8)
            memcpy(q.src, addresses[i & 1], 16);
        if (!netvane_fib_lookup(snap, &q, &a))
            (void)netvane_fib_hop(snap, &a, i % 3, &hop);
    }
}

static int count_change(void *arg, const struct netvane_change *change)
{
    unsigned *count = arg;
    (void)change;
    MUST(++*count < STEPS_MAX);
    return 0;
}

static void use_differences(struct netvane *from, const struct netvane_snap *a,
                            const struct netvane_snap *b)
{
    struct netvane_changes it;
    struct netvane_change change;
    struct netvane_snap before, after;
    unsigned count = 0;
    NETVANE_INIT(&change);
    (void)netvane_diff(a, b, UINT32_MAX, count_change, &count);
    count = 0;
    (void)netvane_diff(b, a, UINT32_MAX, count_change, &count);
    count = 0;
    if (!netvane_changes_begin(from, a, UINT32_MAX, &it))
        while (netvane_changes_next(&it, &change) == 1)
            MUST(++count < STEPS_MAX);
    (void)netvane_changes_snap(&it, &before, &after);
}

static void use_snap(const struct netvane_snap *snap)
{
    struct netvane_state *copy = NULL;
    struct netvane_snap private;
    use_links(snap);
    use_addrs(snap);
    use_routes(snap);
    use_filter(snap);
    use_others(snap);
    use_indexes(snap);
    use_fib(snap);
    (void)netvane_snap_check(snap);
    if (!netvane_state_copy(snap, &copy)) {
        netvane_state_snap(copy, &private);
        use_routes(&private);
        use_indexes(&private);
        use_fib(&private);
        netvane_state_free(copy);
    }
}

static void use_handle(struct netvane *handle)
{
    struct netvane_health health;
    struct netvane_default def;
    struct netvane_wait_args wait;
    struct netvane_snap snap;
    uint64_t value;
    NETVANE_INIT(&health);
    NETVANE_INIT(&def);
    NETVANE_INIT(&wait);
    (void)netvane_health_get(handle, &health);
    (void)netvane_default_get(handle, 4, &def);
    (void)netvane_egress_get(handle, 6, &def);
    (void)netvane_counter_get(handle, 3, NULL, NULL, &value);
    wait.since = &snaps[0];
    (void)netvane_wait(handle, &wait, NULL);
    (void)netvane_check(handle, NULL, NULL);
    if (netvane_snap_begin(handle, &snap))
        snap = snaps[1];
    use_snap(&snap);
    use_differences(handle, &snaps[0], &snap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct patch patches[PATCHES_MAX];
    struct netvane *fresh = NULL;
    bool header = false;
    const unsigned n = damage(data, size, patches);
    for (unsigned i = 0; i < n; i++)
        header |= patches[i].at < base + NETVANE_RING_OFFSET;
    use_handle(nv);
    if (header && !open_region(&fresh)) {
        use_handle(fresh);
        netvane_close(fresh);
    }
    mend(patches, n);
    return 0;
}
