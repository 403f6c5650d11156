/* SPDX-License-Identifier: MIT */
/*
 * route_filter.c - builds a tree of routes anew without those that go.
 *
 * A link that goes down can take a million routes along, and the version that shows it down is not to show them. One after
 * the other costs a microsecond each; what is left of a tree is appended in a tenth of that. Positions of IPv4 lists have no
 * gaps, so those behind a route that goes move up.
 */
#include "route_filter.h"

struct filter {
    struct nv_mirror *m;
    nv_doomed_fn *doomed;
    void *arg;
    struct nv_route_rec r;
    uint64_t list[2]; /* the key of the list that is being copied, without the position */
    uint32_t kept;    /* of that list */
};

/* Moves an IPv4 route to the next position of its list. */
static void close_up(struct filter *f)
{
    struct nv_route_rec *r = &f->r;
    const uint64_t list[2] = {r->u.key[0], r->u.key[1] & ~NV_POSITION_MASK};
    if (nv_key_compare(list, f->list, 2)) {
        memcpy(f->list, list, sizeof(list));
        f->kept = 0;
    }
    const uint32_t position = f->kept++;
    if (nv_route_position(r) == position)
        return;
    const uint64_t before = nv_route_content(f->m, r), from[2] = {r->u.key[0], r->u.key[1]};
    nv_route_set_position(r, position);
    nv_mirror_account_move(f->m, r->kind, from, before, r->u.key, nv_route_content(f->m, r));
}

static bool keep(void *arg, void *record)
{
    struct filter *f = arg;
    const size_t bytes = nv_tree_shape(f->r.tree)->stride;
    memcpy(&f->r.u, record, bytes);
    if (f->doomed(f->m, f->arg, record)) {
        nv_route_forget(f->m, &f->r);
        return false;
    }
    if (nv_route_is4(&f->r)) {
        close_up(f);
        memcpy(record, &f->r.u, bytes);
    }
    return true;
}

bool nv_routes_filter(struct nv_mirror *m, unsigned tree, nv_doomed_fn *doomed, void *arg)
{
    struct filter f = {.m = m,
                       .doomed = doomed,
                       .arg = arg,
                       .r = nv_route_new(tree == NETVANE_TREE_ROUTES4 ? NV_AF_4 : NV_AF_6)};
    nv_mirror_lpm_pause(m);
    const bool done = nv_draft_filter(&m->draft, tree, keep, &f, &m->early_expiry);
    nv_mirror_lpm_resume(m, tree);
    return done;
}
