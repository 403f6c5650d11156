/* SPDX-License-Identifier: MIT */
/*
 * fib_prefix.c - finds the longest prefix of a table that covers an address.
 *
 * The first one comes from the table's index. A shorter one, where the routes of that do not do, and any of a table whose
 * index found no memory, is looked for in the tree of routes, by the lengths that the table has.
 */
#include "fib.h"

#include "nv/lpm.h"

void nv_fib_mask(const uint8_t *ip, unsigned len, uint8_t ret_ip[16])
{
    memset(ret_ip, 0, 16);
    memcpy(ret_ip, ip, len / 8);
    if (len % 8)
        ret_ip[len / 8] = (uint8_t)(ip[len / 8] & (0xff00u >> len % 8));
}

bool nv_fib_covers(const uint8_t *prefix, unsigned len, const uint8_t *ip)
{
    if (memcmp(prefix, ip, len / 8))
        return false;
    return !(len % 8) || !((prefix[len / 8] ^ ip[len / 8]) & (0xff00u >> len % 8) & 0xffu);
}

/* Does the table hold a route with just this prefix? */
static int probe(const struct nv_snap *s, unsigned family, uint32_t table, const uint8_t dst[16],
                 unsigned len)
{
    uint64_t key[NV_TREE_KEY_WORDS_MAX] = {(uint64_t)table << 32 | nv_load_be32(dst)};
    uint64_t record[NV_RECORD_MAX / 8];
    struct nv_cursor c;
    bool same;
    if (family == NV_AF_4) {
        key[1] = (uint64_t)len << 56;
    } else {
        key[1] = nv_load_be64(dst + 4);
        key[2] = (uint64_t)nv_load_be32(dst + 12) << 32 | (uint64_t)len << 24;
    }
    int w =
        nv_snap_seek(s, family == NV_AF_4 ? NETVANE_TREE_ROUTES4 : NETVANE_TREE_ROUTES6, key, &c);
    if (w == NV_TREE_OK)
        w = nv_cursor_get(&c, record);
    if (w != NV_TREE_OK)
        return w;
    if (family == NV_AF_4)
        same = record[0] == key[0] && record[1] >> 56 == len;
    else
        same = record[0] == key[0] && record[1] == key[1] && record[2] >> 24 == key[2] >> 24;
    return same ? NV_TREE_OK : NV_TREE_END;
}

int nv_fib_first_prefix(const struct nv_snap *s, unsigned family, uint32_t table,
                        const uint8_t *dst, int *ret_len, bool *ret_plain,
                        struct netvane_region_info *ret_info)
{
    struct nv_lpm_hit hit;
    bool broken;
    *ret_plain = false;
    int w = nv_table_longest(s, family, table, dst, &hit, &broken);
    if (nv_unlikely(broken))
        return nv_fib_next_prefix(s, family, table, dst, family == NV_AF_4 ? 32 : 128, ret_len);
    *ret_len = (int)hit.len;
    if (w != NV_TREE_OK || hit.value & NETVANE_FV_CONDITIONAL)
        return w;
    *ret_plain = true;
    return nv_lpm_info(s->base, s->limit, hit.value, ret_info);
}

int nv_fib_next_prefix(const struct nv_snap *s, unsigned family, uint32_t table, const uint8_t *dst,
                       int max_len, int *ret_len)
{
    const uint64_t key = (uint64_t)family << 32 | table;
    struct netvane_rec_table t;
    int w = nv_snap_find(s, NETVANE_TREE_TABLES, &key, &t);
    if (w != NV_TREE_OK)
        return w;
    for (int len = max_len; len >= 0; len--) {
        uint8_t masked[16];
        if (!(t.lengths[len / 32] >> len % 32 & 1u))
            continue;
        nv_fib_mask(dst, (unsigned)len, masked);
        w = probe(s, family, table, masked, (unsigned)len);
        if (w == NV_TREE_OK)
            *ret_len = len;
        if (w != NV_TREE_END)
            return w;
    }
    return NV_TREE_END;
}
