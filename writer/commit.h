/* SPDX-License-Identifier: MIT */
/*
 * commit.h - decides what a draft changed, and turns it into a version.
 */
#ifndef NV_COMMIT_H
#define NV_COMMIT_H

#include "publish.h"
#include "select.h"

/* What a resync reads: first all but the routes, then those. Texts and sets that they share are only added to. */
#define NV_HOLD_ROUTES \
    (1u << NETVANE_TREE_ROUTES4 | 1u << NETVANE_TREE_ROUTES6 | 1u << NETVANE_TREE_TABLES)
#define NV_HOLD_ALL                                                                            \
    (NV_HOLD_ROUTES | 1u << NETVANE_TREE_LINKS | 1u << NETVANE_TREE_NAMES |                    \
     1u << NETVANE_TREE_ALTNAMES | 1u << NETVANE_TREE_ADDRS | 1u << NETVANE_TREE_ADDRS_BY_IP | \
     1u << NETVANE_TREE_RULES | 1u << NETVANE_TREE_NEXTHOPS | 1u << NETVANE_TREE_MEMBERS)

struct nv_commit {
    bool confirmed; /* the kernel has just said yes: publish that, though it moves no topic */
    struct nv_mirror *mirror;
    struct nv_publisher *pub;
    struct nv_choice choice[2]; /* as the mirror sees it */
    struct netvane_region_default
        egress[2]; /* as published: confirmed or corrected by the kernel */
    bool
        filtered; /* the mirror does not hold all routes: the kernel's answer counts, and contradicts nothing */
    bool ask[2];           /* the kernel has to be asked about the egress */
    unsigned disagreed[2]; /* answers in a row that differed from the mirror's */
    uint32_t quality;      /* NETVANE_RQ_* of the next version */
    uint32_t published_quality;
    /*
     * Trees (bits) that are being read again, and are not to be seen half read: the next version shows all of them that
     * there is, and those behind it keep that until a tree is no longer named here. The default routes always go on.
     */
    uint32_t hold;
    struct netvane_region_root held[NETVANE_TREE_COUNT];   /* those that the arena holds back */
    struct netvane_region_lpm held_lpm[NETVANE_LPM_SLOTS]; /* with the trees of routes */
    uint64_t verified_ns;    /* when the last full re-read in the draft ended */
    uint64_t quiet_since_ns; /* a draft without effect waits since then, 0: there is none */
};

void nv_commit_init(struct nv_commit *c, struct nv_mirror *m, struct nv_publisher *p);

/* Is the next version one that others keep something of? It is to come at once, before that is edited. */
static inline bool nv_commit_begins_to_hold(const struct nv_commit *c)
{
    return c->hold & ~c->mirror->draft.arena.held;
}

/* Is there anything that nv_commit would look at? */
bool nv_commit_wanted(const struct nv_commit *c);

/*
 * Publishes the draft if it moves a topic, or after NV_QUIET_PUBLISH_NS if it only moves lifetimes, or if force is set.
 * Returns whether a version was published; its sleepers are awake then.
 */
bool nv_commit(struct nv_commit *c, bool force, uint64_t now_ns);

/*
 * The kernel's answer about family f (index): answer with its route, or NULL with its errno. False: it contradicts the mirror
 * (twice in a row; the first time it is only asked again), and is what the next version shows.
 */
bool nv_commit_answer(struct nv_commit *c, unsigned f, const struct nv_route *answer);

#endif
