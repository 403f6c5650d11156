/* SPDX-License-Identifier: MIT */
/*
 * fake_source.c - see fake_source.h.
 */
#include "tests/fake/fake_source.h"

#include <errno.h>
#include <string.h>

#include "tests/fake/fake_must.h"

static struct fake_source *of(struct nv_source *s)
{
    return (struct fake_source *)(void *)s;
}

/* ---- events ---------------------------------------------------------------------------------------------- */

static void set_fact(struct nv_event *ev, enum nv_class cls, const void *fact)
{
    ev->cls = cls;
    switch (cls) {
    case NV_LINK: ev->link = fact; break;
    case NV_ADDR: ev->addr = fact; break;
    case NV_ROUTE: ev->route = fact; break;
    case NV_RULE: ev->rule = fact; break;
    case NV_NEXTHOP: ev->nexthop = fact; break;
    case NV_CLASS_COUNT: break;
    }
}

static void send_fact(struct fake_source *s, enum nv_event_kind kind, enum nv_class cls,
                      const void *fact, uint32_t dump, uint32_t list)
{
    struct nv_event ev = {.kind = kind, .dump = dump, .list = list};
    set_fact(&ev, cls, fact);
    s->sink(s->sink_arg, &ev);
}

static const void *fact_in(const struct fake_object *o)
{
    switch (o->cls) {
    case NV_LINK: return &o->link;
    case NV_ADDR: return &o->addr;
    case NV_ROUTE: return &o->route;
    case NV_RULE: return &o->rule;
    case NV_NEXTHOP: return &o->nexthop;
    case NV_CLASS_COUNT: break;
    }
    return NULL;
}

void fake_tell(struct fake_source *s, enum nv_event_kind kind, enum nv_class cls, const void *fact)
{
    send_fact(s, kind, cls, fact, 0, NV_LIST_CREATE | NV_LIST_EXCL);
}

void fake_tell_lost(struct fake_source *s, enum nv_lost reason)
{
    struct nv_event ev = {.kind = NV_EV_LOST, .lost = reason};
    s->sink(s->sink_arg, &ev);
}

void fake_tell_hint(struct fake_source *s, enum nv_hint hint, uint32_t ifindex)
{
    struct nv_event ev = {.kind = NV_EV_HINT, .hint = hint, .ifindex = ifindex};
    s->sink(s->sink_arg, &ev);
}

/* ---- the world --------------------------------------------------------------------------------------------- */

struct fake_object *fake_know(struct fake_source *s, enum nv_class cls, const void *fact)
{
    MUST(s->objects < FAKE_OBJECTS_MAX);
    struct fake_object *o = &s->world[s->objects++];
    memset(o, 0, sizeof(*o));
    o->cls = cls;
    switch (cls) {
    case NV_LINK: memcpy(&o->link, fact, sizeof(o->link)); break;
    case NV_ADDR: memcpy(&o->addr, fact, sizeof(o->addr)); break;
    case NV_ROUTE:
        memcpy(&o->route, fact, sizeof(o->route));
        MUST(o->route.hop_count <= FAKE_HOPS_MAX);
        if (o->route.hop_count)
            memcpy(o->hops, o->route.hops, o->route.hop_count * sizeof(o->hops[0]));
        o->route.hops = o->hops;
        break;
    case NV_RULE: memcpy(&o->rule, fact, sizeof(o->rule)); break;
    case NV_NEXTHOP: memcpy(&o->nexthop, fact, sizeof(o->nexthop)); break;
    case NV_CLASS_COUNT: break;
    }
    return o;
}

struct fake_object *fake_add_and_tell(struct fake_source *s, enum nv_class cls, const void *fact)
{
    struct fake_object *o = fake_know(s, cls, fact);
    fake_tell(s, NV_EV_UPSERT, cls, fact_in(o));
    return o;
}

void fake_remove_and_tell(struct fake_source *s, struct fake_object *o)
{
    o->gone = true;
    fake_tell(s, NV_EV_REMOVE, o->cls, fact_in(o));
}

void fake_change_and_tell(struct fake_source *s, struct fake_object *o, uint32_t list)
{
    send_fact(s, NV_EV_UPSERT, o->cls, fact_in(o), 0, list);
}

static bool covered(const struct fake_object *o, const struct nv_dump_request *req)
{
    if (o->gone || o->cls != req->cls)
        return false;
    bool through = !req->ifindex;
    switch (o->cls) {
    case NV_ADDR:
        return (!req->family || o->addr.family == req->family) &&
               (!req->ifindex || o->addr.ifindex == req->ifindex);
    case NV_ROUTE:
        for (uint32_t i = 0; i < o->route.hop_count; i++)
            through = through || o->hops[i].ifindex == req->ifindex;
        return through && o->route.family == req->family &&
               (!req->table || o->route.table == req->table);
    case NV_RULE: return o->rule.family == req->family;
    case NV_LINK: return !req->ifindex || o->link.ifindex == req->ifindex;
    case NV_NEXTHOP:
    case NV_CLASS_COUNT: break;
    }
    return true;
}

/* ---- what the writer calls ------------------------------------------------------------------------------------ */

static unsigned handles(struct nv_source *s, struct nv_poll_item *items, unsigned max)
{
    (void)s;
    (void)items;
    (void)max;
    return 0;
}

bool fake_dumping(const struct fake_source *s)
{
    return s->running[NV_LANE_SMALL].number || s->running[NV_LANE_ROUTES].number;
}

static void run_dump(struct fake_source *s, enum nv_lane lane)
{
    const struct nv_dump_request req = s->running[lane];
    struct nv_event ev = {.kind = NV_EV_DUMP_BEGIN, .cls = req.cls, .dump = req.number};
    s->sink(s->sink_arg, &ev);
    if (s->on_dump)
        s->on_dump(s, &req, FAKE_DUMP_BEGINS);
    for (unsigned i = 0; i < s->objects; i++)
        if (covered(&s->world[i], &req))
            send_fact(s, NV_EV_UPSERT, req.cls, fact_in(&s->world[i]), req.number, 0);
    if (s->on_dump)
        s->on_dump(s, &req, FAKE_DUMP_ENDS);
    ev.kind = NV_EV_DUMP_END;
    ev.status = NV_DUMP_OK;
    if (s->answer[req.cls].times) {
        s->answer[req.cls].times--;
        ev.status = s->answer[req.cls].status;
        ev.error = s->answer[req.cls].error;
    }
    s->running[lane].number = 0;
    s->sink(s->sink_arg, &ev);
}

static int pump(struct nv_source *source, unsigned budget)
{
    struct fake_source *s = of(source);
    s->pumps++;
    if (s->pump_result < 0)
        return s->pump_result;
    if (s->on_pump)
        s->on_pump(s);
    for (unsigned lane = 0; lane < NV_LANES; lane++)
        if (s->running[lane].number && budget && !s->hold)
            run_dump(s, (enum nv_lane)lane);
    return 0;
}

static int dump(struct nv_source *source, const struct nv_dump_request *req)
{
    struct fake_source *s = of(source);
    MUST(req->number);
    MUST(s->request_count < FAKE_REQUESTS_MAX);
    struct nv_dump_request *running = &s->running[nv_lane_of(req->cls)];
    if (running->number)
        return -EBUSY;
    s->requests[s->request_count++] = *req;
    if (s->dump_error)
        return s->dump_error;
    *running = *req;
    return 0;
}

static int query(struct nv_source *s, uint32_t number, uint8_t family, const uint8_t dst[16])
{
    (void)s;
    (void)number;
    (void)family;
    (void)dst;
    return -EBUSY;
}

static int reopen(struct nv_source *s)
{
    of(s)->reopens++;
    return 0;
}

static void stats(const struct nv_source *s, struct nv_source_stats *ret_stats)
{
    (void)s;
    *ret_stats = (struct nv_source_stats){0};
}

static int namespace_id(const struct nv_source *s, uint64_t *ret_dev, uint64_t *ret_ino)
{
    (void)s;
    *ret_dev = *ret_ino = 0;
    return 0;
}

static void close_it(struct nv_source *s)
{
    (void)s;
}

void fake_source_start(struct fake_source *s, nv_event_fn *sink, void *sink_arg)
{
    static const struct nv_source_ops ops = {.handles = handles,
                                             .pump = pump,
                                             .dump = dump,
                                             .query = query,
                                             .reopen = reopen,
                                             .stats = stats,
                                             .namespace_id = namespace_id,
                                             .close = close_it};
    memset(s, 0, sizeof(*s));
    s->source.ops = &ops;
    s->sink = sink;
    s->sink_arg = sink_arg;
}
