/* SPDX-License-Identifier: MIT */
/*
 * rtnl_replay_match.c - which request of a recording is the one that the writer makes now?
 *
 * Owns:      `taken` of each request.
 * Promises:  pure: no clock, no allocation. A request is found by what it asks for, never by its bytes, so that another
 *            version may have built it.
 */
#include "nv/base.h"
#include "rtnl_replay.h"

/* A request further away than this, and others before it, is not the one that is asked for now. */
#define WINDOW_NS NV_NS_PER_S

/* Steps of a full re-read: was there one of this class and family? */
static unsigned full_bit(const struct nv_dump_request *req)
{
    return 1u << (req->cls * 3 + (req->family == NV_AF_4 ? 1 : req->family == NV_AF_6 ? 2 : 0));
}

static bool same(const struct nv_replay_request *r, const struct nv_dump_request *req)
{
    return !r->taken && !(r->is_second && req->family != NV_AF_6) && r->what.cls == req->cls &&
           r->what.family == nv_replay_first_family(req) && r->what.ifindex == req->ifindex &&
           r->what.table == req->table && r->what.full == req->full;
}

/* A targeted one that shows at least what is asked for: another version of the writer may have asked for more. */
static bool covers(const struct nv_replay_request *r, const struct nv_dump_request *req)
{
    return !r->taken && !r->is_second && !r->what.full && !req->full && req->cls < NV_CLASS_COUNT &&
           r->what.cls == req->cls && r->what.family == nv_replay_first_family(req) &&
           (r->second != NV_REPLAY_NONE) == nv_replay_is_double(req) &&
           (!r->what.ifindex || r->what.ifindex == req->ifindex) &&
           (!r->what.table || r->what.table == req->table);
}

/* The next one that fits, if it is meant: the first of its kind to come, or to come soon. NONE: none. */
static uint32_t find_by(const struct nv_replay *s, const struct nv_dump_request *req,
                        bool (*fits)(const struct nv_replay_request *,
                                     const struct nv_dump_request *))
{
    bool query = req->cls == NV_CLASS_COUNT, nearest = true;
    for (uint32_t i = s->first; i < s->rec.request_count; i++) {
        const struct nv_replay_request *r = &s->rec.requests[i];
        if (fits(r, req)) {
            bool first_full = req->full && !(s->full_taken & full_bit(req));
            bool soon = s->begin_ns + s->rec.entries[r->ask].rec.stamp_ns <= s->now_ns + WINDOW_NS;
            return nearest || first_full || soon ? i : NV_REPLAY_NONE;
        }
        if (!r->taken && !r->is_second && query == (r->what.cls == NV_CLASS_COUNT))
            nearest = false;
    }
    return NV_REPLAY_NONE;
}

uint32_t nv_replay_find(const struct nv_replay *s, const struct nv_dump_request *req)
{
    uint32_t i = find_by(s, req, same);
    return i != NV_REPLAY_NONE ? i : find_by(s, req, covers);
}

bool nv_replay_is_near(const struct nv_replay *s, const struct nv_replay_request *r)
{
    for (uint32_t i = s->at; i < r->ask; i++)
        if (!s->rec.entries[i].rec.sent)
            return false;
    return true;
}

static void take(struct nv_replay *s, uint32_t request)
{
    s->rec.requests[request].taken = true;
    while (s->first < s->rec.request_count && s->rec.requests[s->first].taken)
        s->first++;
}

void nv_replay_take(struct nv_replay *s, uint32_t request, const struct nv_dump_request *req)
{
    uint32_t second = s->rec.requests[request].second;
    s->full_taken |= req->full ? full_bit(req) : 0;
    take(s, request);
    if (second == NV_REPLAY_NONE)
        return;
    if (req->family) /* this writer asks for one family at a time */
        s->rec.requests[second].is_second = false;
    else
        take(s, second);
}
