/* SPDX-License-Identifier: MIT */
/*
 * fuzz_mirror.c - any bytes as rtnetlink messages, decoded and applied to a mirror that is then published and checked.
 *
 * The input is what a socket would deliver: messages behind each other. Even events and dumps alternate, so that both ways of
 * placing routes run. Whatever comes, the decoder stays inside its input, the mirror keeps its trees sound, and an
 * address never shows without its link. Seeds: the recorded datagrams of tests/data/rtnl.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "nv/plat.h"
#include "platform/linux/rtnl_decode.h"
#include "platform/linux/rtnl_source.h"
#include "writer/commit.h"

#define REGION_BYTES (UINT64_C(16) << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int grow(void *arg, uint64_t size_bytes)
{
    (void)arg;
    return size_bytes > REGION_BYTES ? -1 : 0;
}

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void apply(struct nv_mirror *m, const struct nv_event *ev, bool from_dump)
{
    bool put = ev->kind == NV_EV_UPSERT;
    if (!put && ev->kind != NV_EV_REMOVE)
        return;
    switch (ev->cls) {
    case NV_LINK:
        (void)(put ? nv_mirror_link_put(m, ev->link) : nv_mirror_link_remove(m, ev->link->ifindex));
        break;
    case NV_ADDR:
        (void)(put ? nv_mirror_addr_put(m, ev->addr, from_dump, 1)
                   : nv_mirror_addr_remove(m, ev->addr));
        break;
    case NV_ROUTE:
        (void)(put ? nv_mirror_route_put(m, ev->route, ev->list, from_dump, 1)
                   : nv_mirror_route_remove(m, ev->route));
        break;
    case NV_RULE:
        (void)(put ? nv_mirror_rule_put(m, ev->rule, from_dump)
                   : nv_mirror_rule_remove(m, ev->rule));
        break;
    case NV_NEXTHOP:
        (void)(put ? nv_mirror_nexthop_put(m, ev->nexthop)
                   : nv_mirror_nexthop_remove(m, ev->nexthop->id));
        break;
    case NV_CLASS_COUNT: break;
    }
}

/* Each tree's walk meets as many records as its root says, in ascending order. */
static void check_trees(const struct nv_mirror *m)
{
    for (unsigned tree = 0; tree < NETVANE_TREE_COUNT; tree++) {
        struct nv_tree t = nv_draft_tree(&m->draft, tree);
        const struct nv_tree_shape *s = nv_tree_shape(tree);
        uint64_t record[NV_RECORD_MAX / 8], last[NV_TREE_KEY_WORDS_MAX] = {0};
        struct nv_cursor c;
        uint32_t count = 0;
        int more = nv_cursor_seek(&c, &t, NULL);
        for (; more == NV_TREE_OK; more = nv_cursor_next(&c)) {
            require(nv_cursor_get(&c, record) == NV_TREE_OK);
            require(!count || nv_key_compare(last, record, s->key_words) < 0);
            memcpy(last, record, s->key_words * 8u);
            count++;
            struct netvane_rec_link link;
            require(tree != NETVANE_TREE_ADDRS || nv_mirror_link(m, (uint32_t)record[0], &link));
        }
        require(more == NV_TREE_END && count == t.count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct nv_rtnl_decoder decoder;
    static struct nv_mirror mirror;
    static struct nv_publisher pub;
    static struct nv_commit commit;
    static uint32_t words[16384];
    static void *base;
    struct nv_header_args header = {.max_bytes = REGION_BYTES};
    struct nv_legacy legacy = {0};
    if (size > sizeof(words))
        return 0;
    if (!base)
        base = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    (void)madvise(base, REGION_BYTES, MADV_REMOVE);
    memcpy(words, data, size);
    require(base != MAP_FAILED && !nv_publisher_init(&pub, base, NULL, &header, &legacy) &&
            !nv_mirror_init(&mirror, base, REGION_BYTES, grow, NULL, 1));
    nv_commit_init(&commit, &mirror, &pub);
    int left = (int)size;
    bool from_dump = false;
    for (const struct nlmsghdr *nlh = (const void *)words; nv_rtnl_ok(nlh, left);
         nlh = mnl_nlmsg_next(nlh, &left)) {
        struct nv_event ev;
        if (nv_rtnl_decode(&decoder, nlh, &ev) == NV_RTNL_FACT)
            apply(&mirror, &ev, from_dump);
        from_dump = !from_dump;
    }
    check_trees(&mirror);
    (void)nv_commit(&commit, true, 1);
    check_trees(&mirror);
    nv_mirror_destroy(&mirror);
    nv_publisher_destroy(&pub);
    return 0;
}
