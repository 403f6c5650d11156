/* SPDX-License-Identifier: MIT */
/*
 * route_kin.c - a small table of route records, keyed by the kin number of their facts.
 *
 * What is kept holds references on hop and metric sets, so that their ids mean the same until nv_mirror_kin_forget.
 */
#include "route_kin.h"

#include <stdlib.h>

#define SLOTS 256u

struct nv_route_kin {
    struct {
        uint32_t kin; /* 0: free */
        struct nv_route_rec r;
    } slots[SLOTS];
};

/* Of an IPv4 route the much shorter part that it uses. */
static void copy(struct nv_route_rec *restrict to, const struct nv_route_rec *restrict from)
{
    to->tree = from->tree;
    to->kind = from->kind;
    if (nv_route_is4(from))
        to->u.r4 = from->u.r4;
    else
        to->u = from->u;
}

bool nv_route_kin_find(struct nv_mirror *m, const struct nv_route *f, struct nv_route_rec *ret_r)
{
    if (!m->kin || m->kin->slots[f->kin % SLOTS].kin != f->kin)
        return false;
    copy(ret_r, &m->kin->slots[f->kin % SLOTS].r);
    nv_route_set_dst(ret_r, f);
    nv_intern_ref(&m->hops, nv_route_hops(ret_r));
    nv_intern_ref(&m->metrics, nv_route_metrics(ret_r));
    return true;
}

static void forget(struct nv_mirror *m, uint32_t slot)
{
    if (m->kin->slots[slot].kin)
        nv_route_unref_sets(m, &m->kin->slots[slot].r);
    m->kin->slots[slot].kin = 0;
}

void nv_route_kin_keep(struct nv_mirror *m, const struct nv_route *f, const struct nv_route_rec *r)
{
    if (!m->kin && !(m->kin = calloc(1, sizeof(*m->kin))))
        return; /* it only goes faster with it */
    forget(m, f->kin % SLOTS);
    m->kin->slots[f->kin % SLOTS].kin = f->kin;
    m->kin->slots[f->kin % SLOTS].r = *r;
    nv_intern_ref(&m->hops, nv_route_hops(r));
    nv_intern_ref(&m->metrics, nv_route_metrics(r));
}

void nv_mirror_kin_forget(struct nv_mirror *m)
{
    for (uint32_t slot = 0; m->kin && slot < SLOTS; slot++)
        forget(m, slot);
    free(m->kin);
    m->kin = NULL;
}
