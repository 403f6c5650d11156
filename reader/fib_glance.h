/* SPDX-License-Identifier: MIT */
/*
 * fib_glance.h - the policy rules one after the other, and what a few words of each tell.
 *
 * Idea:      rules are asked for every packet, most are passed over, and a leaf holds one: so they are looked at where they
 *            stand, and the inner node over them is found once.
 * Leaves:    to fib_rule.c the rules that have more than marks and prefixes.
 */
#ifndef NV_FIB_GLANCE_H
#define NV_FIB_GLANCE_H

#include "fib.h"

#define NV_FR_ACT_TABLE 1 /* FR_ACT_TO_TBL of linux/fib_rules.h */

/* What a look at a few words of a rule says of it. */
enum nv_fib_glance { NV_FIB_PASSED, NV_FIB_FOLLOWED, NV_FIB_ASKED };

#define NV_RULE_AT(field) offsetof(struct netvane_rec_rule, field)

static inline uint32_t nv_fib_rule_half(const unsigned char *rule, size_t offset)
{
    return nv_load32(rule + offset, memory_order_relaxed);
}

static inline uint64_t nv_fib_rule_load(const unsigned char *rule, size_t offset)
{
    return nv_load64(rule + offset, memory_order_relaxed);
}

/* The word of a rule that begins with src_len, and its use as a mask, on any byte order. */
struct nv_fib_rule_word {
    uint8_t src_len, dst_len, tos, action, protocol, ip_proto, reserved[2];
};
_Static_assert(NV_RULE_AT(fwmark) - NV_RULE_AT(src_len) == sizeof(struct nv_fib_rule_word) &&
                   NV_RULE_AT(ip_proto) - NV_RULE_AT(src_len) ==
                       offsetof(struct nv_fib_rule_word, ip_proto),
               "as struct netvane_rec_rule has it");

static inline NV_SPECIALIZED uint64_t nv_fib_rule_mask(struct nv_fib_rule_word w)
{
    uint64_t mask;
    memcpy(&mask, &w, sizeof(mask));
    return mask;
}

/* Does an IPv4 prefix of a rule cover ip? len is at most 32. */
static inline bool nv_fib_rule_covers4(const unsigned char *rule, size_t offset, unsigned len,
                                       const uint8_t *ip)
{
    const uint32_t word = nv_fib_rule_half(rule, offset);
    uint8_t prefix[4];
    memcpy(prefix, &word, sizeof(prefix));
    return !(((uint64_t)nv_load_be32(prefix) ^ nv_load_be32(ip)) >> (32 - len));
}

/*
 * Most rules name no more than marks and prefixes: they are passed over, or followed, without being read whole. NV_FIB_FOLLOWED:
 * they lead to the table that is told. NV_FIB_ASKED: the whole record has to say. A record that is torn is told apart later.
 */
static inline NV_SPECIALIZED enum nv_fib_glance nv_fib_glance_at(const struct nv_fib *f,
                                                                 const unsigned char *rule,
                                                                 uint32_t *ret_table)
{
    const uint32_t plain = NETVANE_UF_UNRESOLVED | NETVANE_UF_IIF_DETACHED |
                           NETVANE_UF_OIF_DETACHED | NETVANE_UF_HAS_FWMARK;
    const uint32_t present = nv_fib_rule_half(rule, NV_RULE_AT(present));
    const uint64_t word = nv_fib_rule_load(rule, NV_RULE_AT(src_len));
    if (present & NETVANE_UF_INVERT)
        return NV_FIB_ASKED;
    if ((nv_fib_rule_half(rule, NV_RULE_AT(fwmark)) ^ f->mark) &
        nv_fib_rule_half(rule, NV_RULE_AT(fwmask)))
        return NV_FIB_PASSED;
    if (word & nv_fib_rule_mask((struct nv_fib_rule_word){.src_len = 0xff, .dst_len = 0xff})) {
        struct nv_fib_rule_word w;
        memcpy(&w, &word, sizeof(w));
        if (f->family != NV_AF_4 || w.src_len > 32 || w.dst_len > 32)
            return NV_FIB_ASKED;
        if (!nv_fib_rule_covers4(rule, NV_RULE_AT(src), w.src_len, f->src) ||
            !nv_fib_rule_covers4(rule, NV_RULE_AT(dst), w.dst_len, f->dst))
            return NV_FIB_PASSED;
    }
    const uint64_t rest =
        nv_fib_rule_mask((struct nv_fib_rule_word){.tos = 0xff, .action = 0xff, .ip_proto = 0xff});
    if (present & ~plain ||
        (word & rest) != nv_fib_rule_mask((struct nv_fib_rule_word){.action = NV_FR_ACT_TABLE}) ||
        nv_fib_rule_load(rule, NV_RULE_AT(iif)) | nv_fib_rule_load(rule, NV_RULE_AT(oif)))
        return NV_FIB_ASKED;
    *ret_table = nv_fib_rule_half(rule, NV_RULE_AT(table));
    return NV_FIB_FOLLOWED;
}

/* ---- one after the other ------------------------------------------------------------------------------------ */

_Static_assert((unsigned)NV_TREE_PAYLOAD / sizeof(struct netvane_rec_rule) == 1,
               "a leaf is a rule");

/* A place among the rules of a family: a cursor, and where the last of its inner nodes stands. */
struct nv_fib_walk {
    struct nv_cursor c;
    const unsigned char *inner; /* NULL: the rule is the only one */
    const unsigned char *rule;
    uint64_t key0; /* of the rule: family << 32 | priority */
};

/* OK, or END: the rule is of another family, or not behind the one before. */
static inline NV_SPECIALIZED int nv_fib_walk_arrive(struct nv_fib_walk *w, uint64_t least)
{
    w->key0 = nv_fib_rule_load(w->rule, NV_RULE_AT(key[0]));
    return w->key0 >> 32 == least >> 32 && w->key0 >= least ? NV_TREE_OK : NV_TREE_END;
}

/* After the cursor was moved otherwise: it has looked at both nodes. */
static inline NV_SPECIALIZED int nv_fib_walk_nodes(struct nv_fib_walk *w, uint64_t least)
{
    const unsigned char *base = w->c.tree.base;
    w->inner = w->c.tree.height > 1 ? base + (uint64_t)w->c.path[1].ref * NETVANE_NODE_BYTES : NULL;
    w->rule = base + (uint64_t)w->c.path[0].ref * NETVANE_NODE_BYTES + NETVANE_NODE_HEADER_BYTES;
    return nv_fib_walk_arrive(w, least);
}

/* To the first rule of a family from a priority on, which key0 names: OK, END or BAD. */
static inline NV_SPECIALIZED int nv_fib_walk_seek(const struct nv_fib *f, uint64_t key0,
                                                  struct nv_fib_walk *ret_w)
{
    const uint64_t key[2] = {key0, 0};
    const bool first = key0 == (uint64_t)NV_AF_4 << 32; /* of all: IPv4 stands before IPv6 */
    int w = first ? nv_snap_seek_in(&f->s, NETVANE_TREE_RULES, NULL, &ret_w->c)
                  : nv_snap_seek(&f->s, NETVANE_TREE_RULES, key, &ret_w->c);
    return w == NV_TREE_OK ? nv_fib_walk_nodes(ret_w, key0) : w;
}

/* To the next rule of the family: OK, END or BAD. */
static inline NV_SPECIALIZED int nv_fib_walk_next(struct nv_fib_walk *w)
{
    const struct nv_tree_shape *s = nv_tree_shape(NETVANE_TREE_RULES);
    if (!w->c.left--)
        return NV_TREE_BAD;
    if (!w->inner || w->c.path[1].index + 1u >= w->c.path[1].count) {
        int r = nv_cursor_leave(&w->c, 0);
        return r == NV_TREE_OK ? nv_fib_walk_nodes(w, w->key0) : r;
    }
    unsigned count;
    const uint32_t ref = nv_node_child(s, w->inner, ++w->c.path[1].index);
    const unsigned char *leaf = nv_node_in(&w->c.tree, NETVANE_TREE_RULES, ref, 0, &count);
    if (nv_unlikely(!leaf))
        return NV_TREE_BAD;
    w->c.path[0].ref = ref;
    w->rule = leaf + NETVANE_NODE_HEADER_BYTES;
    return nv_fib_walk_arrive(w, w->key0);
}

#endif
