/* SPDX-License-Identifier: MIT */
/*
 * facts.c - what the sync machine does with each fact: applies it, follows its edges, notes drift.
 *
 * An event is applied at once, and remembered while a dump of its kind runs. A fact of that dump about the same object
 * that may be older is dropped. In a reconcile a fact that changes the mirror is drift, unless an event
 * that was on its way explains it before the dump ends.
 */
#include "log.h"
#include "sync.h"

/* ---- kinds and keys ------------------------------------------------------------------------------------- */

enum nv_kind nv_sync_kind_of(enum nv_class cls, uint8_t family)
{
    switch (cls) {
    case NV_LINK: return NV_K_LINK;
    case NV_ADDR: return NV_K_ADDR;
    case NV_ROUTE: return family == NV_AF_4 ? NV_K_ROUTE4 : NV_K_ROUTE6;
    case NV_RULE: return NV_K_RULE;
    case NV_NEXTHOP:
    case NV_CLASS_COUNT: break;
    }
    return NV_K_NEXTHOP;
}

static uint8_t family_of(const struct nv_event *ev)
{
    switch (ev->cls) {
    case NV_ADDR: return ev->addr->family;
    case NV_ROUTE: return ev->route->family;
    case NV_RULE: return ev->rule->family;
    case NV_LINK:
    case NV_NEXTHOP:
    case NV_CLASS_COUNT: break;
    }
    return 0;
}

static uint64_t touch_of(const struct nv_event *ev)
{
    switch (ev->cls) {
    case NV_LINK: return nv_touch_link(ev->link->ifindex);
    case NV_ADDR: return nv_touch_addr(ev->addr->family, ev->addr->ifindex, ev->addr->local);
    case NV_ROUTE:
        return nv_touch_route(ev->route->family, ev->route->table, ev->route->dst,
                              ev->route->dst_len);
    case NV_RULE: return nv_touch_rule(ev->rule->family, ev->rule->priority);
    case NV_NEXTHOP: return nv_touch_nexthop(ev->nexthop->id);
    case NV_CLASS_COUNT: break;
    }
    return 0;
}

/* ---- drift ------------------------------------------------------------------------------------------------ */

bool nv_sync_hunting(const struct nv_sync *s, const struct nv_sync_lane *l)
{
    return s->round == NV_ROUND_RECONCILE && l->job.full && !l->forfeited;
}

/* Do objects of this kind wait to be read again? */
static bool awaits(const struct nv_sync *s, enum nv_kind kind)
{
    for (unsigned i = 0; i < s->queued; i++) {
        const struct nv_dump_request *req = &s->queue[i].req;
        if (nv_sync_kind_of(req->cls, req->family) == kind)
            return true;
    }
    return false;
}

/* The mirror is known to be behind, which is no drift. */
static bool is_behind(const struct nv_sync *s, const struct nv_sync_lane *l)
{
    return awaits(s, nv_sync_kind_of(l->step_job.req.cls, l->step_job.req.family));
}

void nv_sync_drift_begin(struct nv_sync *s, struct nv_sync_lane *l)
{
    l->drift_listed = l->drift_unlisted = 0;
    l->drift_excused = is_behind(s, l);
}

static void drift_note(struct nv_sync_lane *l, uint64_t key, const char *missing, const char *text)
{
    if (l->drift_excused)
        return;
    if (l->drift_listed == NV_DRIFT_LOGGED_MAX) {
        l->drift_unlisted++;
        return;
    }
    struct nv_drift *d = &l->drift[l->drift_listed++];
    d->key = key;
    d->missing = missing;
    size_t n = 0;
    while (n + 1 < sizeof(d->text) && text[n]) {
        d->text[n] = text[n];
        n++;
    }
    d->text[n] = 0;
}

/* The event that explains a difference has come after all: of one object, or of what others follow. */
static void drift_forget(const struct nv_sync *s, struct nv_sync_lane *l, enum nv_class cls,
                         uint64_t key)
{
    if (is_behind(s, l)) {
        l->drift_listed = l->drift_unlisted = 0;
        return;
    }
    if (cls != l->step_job.req.cls) { /* a link, say, whose routes the dump shows as they are now */
        if (cls != NV_ROUTE)
            l->drift_listed = l->drift_unlisted = 0;
        return;
    }
    for (uint32_t i = 0; i < l->drift_listed; i++)
        if (l->drift[i].key == key)
            l->drift[i--] = l->drift[--l->drift_listed];
}

void nv_sync_drift_swept(void *lane, uint64_t key, const char *text)
{
    drift_note(lane, key, "its end", text);
}

void nv_sync_drift_count(struct nv_sync *s, struct nv_sync_lane *l)
{
    static const uint16_t counters[NV_K_COUNT] = {
        NETVANE_RC_DRIFT_LINKS,  NETVANE_RC_DRIFT_ADDRS, NETVANE_RC_DRIFT_ROUTES,
        NETVANE_RC_DRIFT_ROUTES, NETVANE_RC_DRIFT_RULES, NETVANE_RC_DRIFT_NEXTHOPS};
    uint32_t n = l->drift_listed + l->drift_unlisted;
    if (!n || is_behind(s, l))
        return;
    s->counter[counters[nv_sync_kind_of(l->job.req.cls, l->job.req.family)]] += n;
    s->round_drift += n;
    for (uint32_t i = 0; i < l->drift_listed; i++)
        nv_log(NV_LOG_WARNING, "drift", "object=\"%s\" untold=\"%s\"", l->drift[i].text,
               l->drift[i].missing);
    if (l->drift_unlisted)
        nv_log(NV_LOG_WARNING, "drift", "more=%u", l->drift_unlisted);
}

/* ---- facts --------------------------------------------------------------------------------------------------- */

static enum nv_effect apply_put(struct nv_sync *s, const struct nv_event *ev)
{
    struct nv_mirror *m = s->mirror;
    switch (ev->cls) {
    case NV_LINK: return nv_mirror_link_put(m, ev->link);
    case NV_ADDR: return nv_mirror_addr_put(m, ev->addr, ev->dump, nv_clock_boottime_ns());
    case NV_ROUTE:
        return nv_mirror_route_put(m, ev->route, ev->list, ev->dump,
                                   ev->route->has_expires ? nv_clock_boottime_ns() : 0);
    case NV_RULE: return nv_mirror_rule_put(m, ev->rule, ev->dump);
    case NV_NEXTHOP: return nv_mirror_nexthop_put(m, ev->nexthop);
    case NV_CLASS_COUNT: break;
    }
    return NV_SAME;
}

static enum nv_effect apply_remove(struct nv_sync *s, const struct nv_event *ev)
{
    struct nv_mirror *m = s->mirror;
    switch (ev->cls) {
    case NV_LINK: return nv_mirror_link_remove(m, ev->link->ifindex);
    case NV_ADDR: return nv_mirror_addr_remove(m, ev->addr);
    case NV_ROUTE: return nv_mirror_route_remove(m, ev->route);
    case NV_RULE: return nv_mirror_rule_remove(m, ev->rule);
    case NV_NEXTHOP: return nv_mirror_nexthop_remove(m, ev->nexthop->id);
    case NV_CLASS_COUNT: break;
    }
    return NV_SAME;
}

/* The edges of a link, from what the mirror held before and holds now. */
static void link_edge(struct nv_sync *s, uint32_t ifindex, bool was,
                      const struct netvane_rec_link *before)
{
    struct netvane_rec_link after;
    bool is = nv_mirror_link(s->mirror, ifindex, &after);
    if (was || is)
        nv_edge_link(s, was ? before : NULL, is ? &after : NULL);
}

/* An address of a link that is not known yet: its NEWLINK is on the way, or was lost. */
static void want_orphan(struct nv_sync *s, const struct nv_addr *f)
{
    uint64_t soon = nv_clock_boottime_ns() + NV_DUMP_RETRY_NS;
    nv_sync_want(s, (struct nv_dump_request){.cls = NV_LINK}, soon);
    nv_sync_want(s, (struct nv_dump_request){.cls = NV_ADDR, .ifindex = f->ifindex}, soon);
}

/* A route that the State is not to hold? It may decide the egress all the same, which the kernel is asked for then. */
static bool left_out(const struct nv_sync *s, const struct nv_event *ev)
{
    return ev->cls == NV_ROUTE && !nv_tables_all(&s->tables) &&
           !nv_tables_hold(&s->tables, ev->route->table, ev->route->dst_len);
}

static void count_left_out(struct nv_sync *s, const struct nv_event *ev)
{
    uint64_t *n = &s->left_out[ev->route->family == NV_AF_6];
    if (ev->kind == NV_EV_REMOVE)
        *n -= *n > 0;
    else
        *n += !(ev->list & NV_LIST_REPLACE);
    nv_mirror_route_left_out(s->mirror, ev->route);
}

/* May the dump's fact be older than an event that was applied? */
static bool outdated(struct nv_sync_lane *l, const struct nv_event *ev)
{
    const uint32_t sets = NV_ARRAY_LEN(l->fresh);
    if (ev->datagram != l->datagram) {
        l->fresh_at = (l->fresh_at + 1) % sets;
        nv_touched_clear(&l->fresh[l->fresh_at]);
        l->datagram = ev->datagram;
    }
    if (!nv_touched_any(&l->touched)) /* all that any of them has */
        return false;
    uint64_t key = 0;
    for (uint32_t i = 0; i <= ev->ahead; i++) {
        const struct nv_touched *t = &l->fresh[(l->fresh_at + sets - i) % sets];
        if (!nv_touched_any(t))
            continue;
        key = key ? key : touch_of(ev);
        if (nv_touched_has(t, key))
            return true;
    }
    return false;
}

/* Applies what a dump shows of anything but a route. ret_told_later: an event about it may be yet to come. */
static enum nv_effect put_small(struct nv_sync *s, const struct nv_event *ev, bool *ret_told_later)
{
    struct netvane_rec_link link;
    bool was = ev->cls == NV_LINK && nv_mirror_link(s->mirror, ev->link->ifindex, &link);
    enum nv_effect e = apply_put(s, ev);
    if (e != NV_CHANGED)
        return e;
    if (ev->cls == NV_LINK && !nv_sync_resyncing(s))
        link_edge(s, ev->link->ifindex, was, &link);
    if (ev->cls == NV_NEXTHOP && !nv_sync_resyncing(s))
        nv_edge_nexthop(s, ev->nexthop->id, false);
    *ret_told_later = ev->cls == NV_LINK && nv_mirror_link(s->mirror, ev->link->ifindex, &link) &&
                      nv_edge_link_waits(&link);
    return e;
}

static void fact_of_dump(struct nv_sync *s, const struct nv_event *ev)
{
    struct nv_sync_lane *l = &s->lane[nv_lane_of(ev->cls)];
    s->counter[NETVANE_RC_DUMP_MESSAGES]++;
    if (!l->active || ev->dump != l->job.req.number || ev->kind != NV_EV_UPSERT)
        return;
    if (left_out(s, ev)) {
        s->left_out_seen++;
        return;
    }
    if (outdated(l, ev)) {
        /* Of a link or a nexthop an event tells all that a dump does. */
        l->skipped += ev->cls != NV_LINK && ev->cls != NV_NEXTHOP;
        if (ev->cls == NV_ROUTE)
            nv_mirror_route_skip(s->mirror, ev->route);
        return;
    }
    const bool hunting = nv_sync_hunting(s, l);
    s->mirror->noting = hunting;
    const enum nv_kind kind = nv_sync_kind_of(ev->cls, family_of(ev));
    const uint32_t count = s->mirror->draft.tree[nv_kind_tree(kind)].count;
    enum nv_effect e;
    bool told_later = false;
    if (ev->cls == NV_ROUTE) { /* most facts are */
        e = apply_put(s, ev);
        nv_edge_route(s, ev->route, e);
    } else {
        e = put_small(s, ev, &told_later);
    }
    if (e != NV_CHANGED || !hunting || told_later)
        return;
    char text[sizeof(l->drift[0].text)];
    nv_mirror_describe(kind, s->mirror->last_record, text, sizeof(text));
    bool came = s->mirror->draft.tree[nv_kind_tree(kind)].count > count;
    drift_note(l, touch_of(ev), came ? "its beginning" : "a change", text);
}

bool nv_sync_disturb(struct nv_sync *s, enum nv_class cls, uint8_t family)
{
    struct nv_sync_lane *l = &s->lane[nv_lane_of(cls)];
    const struct nv_dump_request *req = &l->job.req;
    bool hit = l->active && req->cls == cls && (!req->family || !family || req->family == family);
    l->disturbed |= hit;
    return hit;
}

/* An event reaches into the lane's running dump: what that shows of the object may be older. */
static void disturb(struct nv_sync *s, const struct nv_event *ev, uint64_t key)
{
    struct nv_sync_lane *l = &s->lane[nv_lane_of(ev->cls)];
    if ((ev->cls == NV_ROUTE && l->job.req.table && l->job.req.table != ev->route->table) ||
        !nv_sync_disturb(s, ev->cls, family_of(ev)))
        return;
    nv_touched_add(&l->touched, key);
    nv_touched_add(&l->fresh[l->fresh_at], key);
}

static void fact_of_event(struct nv_sync *s, const struct nv_event *ev)
{
    if (left_out(s, ev)) {
        count_left_out(s, ev);
        return;
    }
    uint64_t key = touch_of(ev);
    disturb(s, ev, key);
    struct netvane_rec_link before;
    bool was = ev->cls == NV_LINK && nv_mirror_link(s->mirror, ev->link->ifindex, &before);
    bool removed = ev->kind == NV_EV_REMOVE;
    if (ev->cls == NV_ROUTE && ev->list & NV_LIST_REPLACE)
        s->mirror->behind4 = awaits(s, NV_K_ROUTE4) || s->lane[NV_LANE_ROUTES].active;
    const uint32_t nexthops = s->mirror->draft.tree[NETVANE_TREE_NEXTHOPS].count;
    enum nv_effect e = removed ? apply_remove(s, ev) : apply_put(s, ev);
    switch (ev->cls) {
    case NV_LINK:
        if (e != NV_SAME)
            link_edge(s, ev->link->ifindex, was, &before);
        else if (!removed)
            nv_edge_link_again(s, ev->link->ifindex);
        if (e == NV_SUSPECT)
            nv_sync_want(s, (struct nv_dump_request){.cls = NV_LINK}, 0);
        else if (!removed && !(ev->link->has & NV_LINK_COMPLETE) && s->lane[NV_LANE_SMALL].active)
            nv_sync_want(
                s, (struct nv_dump_request){.cls = NV_LINK, .ifindex = ev->link->ifindex},
                0); /* but a partial one: the dump that runs may have been to tell the rest */
        break;
    case NV_ADDR: /* told again: so was its peer's route, or whether its prefix route may end */
        if (e == NV_SUSPECT)
            want_orphan(s, ev->addr);
        else if (e != NV_SAME || ev->addr->has_peer || ev->addr->family == NV_AF_6)
            nv_edge_addr(s, ev->addr, removed, e == NV_CHANGED);
        break;
    case NV_ROUTE: nv_edge_route_told(s, ev->route, e); break;
    case NV_RULE: nv_edge_rule(s, ev->rule->family, removed); break;
    case NV_NEXTHOP:
        if (removed || s->mirror->draft.tree[NETVANE_TREE_NEXTHOPS].count == nexthops ||
            nv_sync_resyncing(s)) /* a new one is named by nothing yet */
            nv_edge_nexthop(s, ev->nexthop->id, removed);
        break;
    case NV_CLASS_COUNT: break;
    }
    nv_edge_bared(s, ev->cls == NV_ROUTE);
    for (unsigned lane = 0; lane < NV_LANES; lane++)
        if (s->lane[lane].drift_listed)
            drift_forget(s, &s->lane[lane], ev->cls, key);
}

static void end_dump(struct nv_sync_lane *l, const struct nv_event *ev)
{
    if (!l->active || ev->dump != l->job.req.number)
        return;
    l->ended = true;
    l->status = ev->status;
    l->error = ev->error;
}

void nv_sync_event(void *sync, const struct nv_event *ev)
{
    struct nv_sync *s = sync;
    static const char *const lost[NV_LOST_REASONS] = {"overrun", "truncated", "malformed",
                                                      "socket error"};
    switch (ev->kind) {
    case NV_EV_UPSERT:
    case NV_EV_REMOVE:
        if (ev->dump)
            fact_of_dump(s, ev);
        else
            fact_of_event(s, ev);
        break;
    case NV_EV_HINT:
        for (unsigned lane = 0; lane < NV_LANES; lane++) /* explained */
            s->lane[lane].drift_listed = s->lane[lane].drift_unlisted = 0;
        nv_edge_hint(s, ev);
        break;
    case NV_EV_LOST: nv_sync_lose(s, lost[ev->lost]); break;
    case NV_EV_DUMP_BEGIN: break;
    case NV_EV_DUMP_END: end_dump(&s->lane[nv_lane_of(ev->cls)], ev); break;
    case NV_EV_ANSWER:
        if (s->answer)
            s->answer(s->answer_arg, ev->dump & 1u, ev);
        break;
    }
}
