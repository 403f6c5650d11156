/* SPDX-License-Identifier: MIT */
/*
 * longest.h - the longest prefix of a table that covers an address, for the functions that are compiled around it.
 *
 * The walk counts bits. Where the compiler may not assume an instruction for that, what calls it is compiled a second time for
 * processors that have it (NV_COUNTING; on x86: those since 2013), and nv_counts_bits chooses.
 */
#ifndef NV_LONGEST_H
#define NV_LONGEST_H

#include "reader.h"

#include "nv/lpm.h"

#define NV_NOINLINE __attribute__((noinline))
#if defined(__x86_64__) && !defined(__POPCNT__)
#define NV_COUNTING __attribute__((target("popcnt,lzcnt,bmi,bmi2")))
#endif

static inline bool nv_counts_bits(void)
{
#ifdef NV_COUNTING
    /* All that have AVX2 have lzcnt, which not every compiler can ask for. */
    return __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("avx2");
#else
    return false;
#endif
}

/* The root of a table's index; END: the table has no route. */
static inline NV_SPECIALIZED int nv_table_root(const struct nv_snap *s, unsigned family,
                                               uint32_t table, struct netvane_region_lpm *ret_root)
{
    const bool is4 = family == NV_AF_4;
    const unsigned slot = nv_lpm_root_slot(is4, table);
    if (slot < NETVANE_LPM_SLOTS) {
        nv_payload_load(ret_root,
                        nv_snap_slot(s) + offsetof(struct netvane_region_slot, lpm) +
                            slot * sizeof(*ret_root),
                        sizeof(*ret_root));
    } else {
        struct netvane_rec_table r;
        const uint64_t key = (uint64_t)family << 32 | table;
        int w = nv_snap_find(s, NETVANE_TREE_TABLES, &key, &r);
        if (w != NV_TREE_OK)
            return w;
        *ret_root = r.lpm;
    }
    return ret_root->state == NETVANE_LS_NONE ? NV_TREE_END : NV_TREE_OK;
}

/* What the leaf of an IPv4 table says: the answer, that the fans have it, or that a node may. */
enum nv_usual { NV_USUAL_FOUND, NV_USUAL_SHORT, NV_USUAL_NOT };

/*
 * The caller has seen that top is below the limit. A leaf is some lines long: the next one is fetched while the first is waited
 * for.
 */
static inline NV_SPECIALIZED enum nv_usual nv_find_usual4(const struct nv_lpm *f, uint64_t head,
                                                          struct nv_lpm_hit *ret_hit)
{
    const unsigned char *leaf, *at;
    if (nv_unlikely(!nv_lpm_leaf(f, head, &leaf)))
        return NV_USUAL_NOT;
    __builtin_prefetch(leaf + 64);
    if (nv_unlikely(!nv_leaf_usual4(leaf, head, &at)))
        return NV_USUAL_NOT;
    ret_hit->value = (uint32_t)nv_lpm_word32(at);
    ret_hit->len = ret_hit->value & NETVANE_FV_LENGTH;
    return nv_likely(ret_hit->value != 0) ? NV_USUAL_FOUND : NV_USUAL_SHORT;
}

/* False: the walk has to be done. As above. */
static inline NV_SPECIALIZED bool nv_find_usual6(const struct nv_lpm *f, uint64_t hi,
                                                 struct nv_lpm_hit *ret_hit)
{
    const unsigned char *leaf;
    if (nv_unlikely(!nv_lpm_leaf(f, hi, &leaf)))
        return false;
    const struct netvane_region_leaf_group g = nv_leaf_group(leaf, nv_leaf_place(hi) / 32);
    const unsigned char *node = nv_leaf_node(leaf, g), *below;
    if (nv_unlikely(!nv_group_node(g.place) || !node))
        return false;
    unsigned depth = NETVANE_LPM_NODES;
    while (depth < NV_LPM_DEPTH6 && (below = nv_lpm_down(f, hi, depth, node)) != NULL) {
        node = below;
        depth += NETVANE_LPM_STRIDE;
    }
    const unsigned char *value = nv_lpm_end6(f, hi, depth, node, &ret_hit->len);
    if (nv_unlikely(!value))
        return false;
    ret_hit->value = (uint32_t)nv_lpm_word32(value);
    return true;
}

static inline NV_SPECIALIZED int nv_find(const struct nv_lpm *f, struct nv_bits dst,
                                         unsigned family, struct nv_lpm_hit *ret_hit)
{
    if (family == NV_AF_6)
        return nv_likely(nv_find_usual6(f, dst.hi, ret_hit)) ? NV_TREE_OK
                                                             : nv_lpm_find(f, dst, 128, ret_hit);
    const enum nv_usual usual = nv_find_usual4(f, dst.hi, ret_hit);
    return nv_likely(usual == NV_USUAL_FOUND) ? NV_TREE_OK
           : usual == NV_USUAL_SHORT          ? nv_lpm_find_short(f, dst, ret_hit)
                                              : nv_lpm_find(f, dst, 32, ret_hit);
}

#endif
