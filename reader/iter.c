/* SPDX-License-Identifier: MIT */
/*
 * iter.c - what all iterators have in common: start, one step, the end.
 *
 * Owns:      the life of a struct nv_iter in the caller's memory.
 * Promises:  a step hands out nothing that was not verified, and once an iterator has ended it stays so.
 * Leaves:    which records count to the files of the objects.
 */
#include "reader.h"

int nv_iter_begin(const struct netvane_snap *snap, enum nv_iter_kind kind, struct nv_iter *ret_it)
{
    memset(ret_it, 0, sizeof(*ret_it));
    ret_it->kind = kind;
    return nv_enter(snap, &ret_it->snap);
}

int nv_iter_started(struct nv_iter *it, int walk, struct netvane_iter *ret_it)
{
    int r = nv_leave(&it->snap, walk);
    if (r && r != NETVANE_NOT_FOUND)
        return r;
    memset(ret_it, 0, sizeof(*ret_it));
    memcpy(ret_it, it, sizeof(*it));
    return NETVANE_OK;
}

int nv_iter_enter(struct nv_iter *it, enum nv_iter_kind kind)
{
    if (nv_unlikely(!it || it->kind != (uint32_t)kind))
        return NETVANE_INVALID;
    if (nv_unlikely(it->ended))
        return it->ended > 0 ? 0 : it->ended;
    int r = nv_reenter(&it->snap);
    if (nv_unlikely(r))
        return nv_iter_fail(it, r);
    return 1;
}

int nv_iter_leave(struct nv_iter *it, int walk)
{
    int r = nv_leave(&it->snap, walk);
    if (nv_likely(!r))
        return 1;
    if (r != NETVANE_NOT_FOUND)
        return nv_iter_fail(it, r);
    it->ended = 1;
    return 0;
}

int nv_iter_fail(struct nv_iter *it, int error)
{
    it->ended = error;
    return error;
}
