/* SPDX-License-Identifier: MIT */
/*
 * fib_link.c - which VRF a link belongs to.
 *
 * A VRF is the one kind of link that is an L3 master device with a table of its own (linux/drivers/net/vrf.c).
 */
#include "fib.h"

int nv_fib_is_vrf(const struct nv_snap *s, const struct netvane_rec_link *link)
{
    char kind[8];
    size_t len = 0;
    if (!link->kind || !(link->present & NETVANE_LF_HAS_INFO))
        return NV_TREE_END;
    int w = nv_string_find(s, link->kind, kind, sizeof(kind), &len);
    if (w != NV_TREE_OK)
        return w;
    return len == 3 && !memcmp(kind, "vrf", 3) ? NV_TREE_OK : NV_TREE_END;
}

int nv_fib_l3mdev(const struct nv_snap *s, uint32_t ifindex, uint32_t *ret_l3mdev)
{
    struct netvane_rec_link link;
    *ret_l3mdev = 0;
    int w = nv_link_find(s, ifindex, &link);
    if (w != NV_TREE_OK)
        return w == NV_TREE_END ? NV_TREE_OK : w;
    w = nv_fib_is_vrf(s, &link);
    if (w == NV_TREE_OK)
        *ret_l3mdev = ifindex;
    if (w != NV_TREE_END || !link.master)
        return w == NV_TREE_BAD ? w : NV_TREE_OK;
    const uint32_t master = link.master;
    w = nv_link_find(s, master, &link);
    if (w == NV_TREE_OK)
        w = nv_fib_is_vrf(s, &link);
    if (w == NV_TREE_OK)
        *ret_l3mdev = master;
    return w == NV_TREE_BAD ? w : NV_TREE_OK;
}

/* linux/net/l3mdev/l3mdev.c, l3mdev_update_flow */
int nv_fib_l3mdev_flow(struct nv_fib *f)
{
    int w = NV_TREE_OK;
    f->l3mdev_by_oif = false;
    if (f->oif) {
        w = nv_fib_l3mdev(&f->s, f->oif, &f->l3mdev);
        f->l3mdev_by_oif = f->l3mdev != 0;
        if (f->l3mdev == f->oif)
            f->oif = 0;
    } else if (!f->l3mdev && f->iif > NV_LOOPBACK_IFINDEX) {
        w = nv_fib_l3mdev(&f->s, f->iif, &f->l3mdev);
    }
    return w;
}
