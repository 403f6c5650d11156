/* SPDX-License-Identifier: MIT */
/*
 * health.c - tells whether the writer lives, how old the State is, and what the writer counted.
 *
 * Owns:      the judgement of heartbeat, lock and state; names of counters.
 * Assumes:   each word of the liveness line stands alone.
 */
#include "reader.h"

/* A heartbeat older than so many periods is late. */
#define NV_LATE_BEATS 3
#define NV_BEAT_NS    NV_NS_PER_S /* where the header does not say */

static uint64_t age(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}

static uint32_t judge(struct nv_mapping *m, uint64_t heartbeat_age_ns)
{
    const uint64_t beat = m->facts.heartbeat_ns ? m->facts.heartbeat_ns : NV_BEAT_NS;
    if (nv_read_word32(m->header, NV_LIVE(state)) == NETVANE_RS_STOPPED)
        return NETVANE_WRITER_STOPPED;
    if (nv_mapping_gone(m))
        return NETVANE_WRITER_DEAD;
    if (!(nv_read_head(m->header) & ~NETVANE_HEAD_MOVED))
        return NETVANE_WRITER_STARTING;
    return heartbeat_age_ns > NV_LATE_BEATS * beat ? NETVANE_WRITER_LATE : NETVANE_WRITER_LIVE;
}

/* The region to report on: where the writer has ended, perhaps another has the name by now. */
static int look(struct netvane *nv, struct nv_mapping **ret_mapping)
{
    int r = nv_current(nv, ret_mapping);
    if (!r && nv_mapping_gone(*ret_mapping) && nv_mapping_renamed(*ret_mapping)) {
        r = nv_follow(nv, *ret_mapping);
        if (!r || r == NETVANE_NO_WRITER)
            r = nv_current(nv, ret_mapping);
    }
    return r;
}

int netvane_health_get(struct netvane *nv, struct netvane_health *ret_health)
{
    struct nv_mapping *m;
    struct netvane_health h;
    struct netvane_region_slot slot;
    if (!nv || !ret_health)
        return NETVANE_INVALID;
    int r = look(nv, &m);
    if (r)
        return r;
    memset(&h, 0, sizeof(h));
    memset(&slot, 0, sizeof(slot));
    h.version = nv_read_head(m->header) & ~NETVANE_HEAD_MOVED;
    /* The newest version moves on while it is read: any of the last few does. */
    for (unsigned i = 0; i < 16 && h.version && nv_slot_read(m->header, h.version, &slot); i++)
        h.version = nv_read_head(m->header) & ~NETVANE_HEAD_MOVED;

    const uint64_t now = nv_clock_boottime_ns();
    h.heartbeat_age_ns = age(now, nv_read_word(m->header, NV_LIVE(heartbeat_ns)));
    h.writer = judge(m, h.heartbeat_age_ns);
    h.quality = slot.quality;
    h.writer_pid = nv_read_word32(m->header, NV_LIVE(writer_pid));
    h.published_age_ns = h.version ? age(now, slot.published_ns) : UINT64_MAX;
    h.verified_age_ns =
        h.version
            ? age(now, nv_max_u64(slot.verified_ns, nv_read_word(m->header, NV_LIVE(verified_ns))))
            : UINT64_MAX;
    h.started_ns = nv_read_word(m->header, NV_LIVE(started_ns));
    h.instance_id = m->facts.instance_id;
    h.horizon = nv_read_word(m->header, NV_HOT(horizon));
    h.region_bytes = nv_read_committed(m->header);
    h.max_bytes = m->max_bytes;
    h.netns_dev = m->facts.netns_dev;
    h.netns_ino = m->facts.netns_ino;
    h.coalesce_ns = m->facts.coalesce_ns;
    h.reconcile_ns = m->facts.reconcile_ns;
    memcpy(h.tables, m->facts.tables, sizeof(h.tables));
    h.tables[sizeof(h.tables) - 1] = 0;
    h.routes_left_out = nv_read_word(m->header, NV_COUNTER(NETVANE_RC_ROUTES_LEFT_OUT));
    return nv_out(ret_health, &h, sizeof(h));
}

int netvane_counter_get(struct netvane *nv, unsigned index, const char **ret_name,
                        const char **ret_text, uint64_t *ret_value)
{
#define NV_COUNTER_ROW(ID, name, text) {name, text},
    static const struct {
        const char *name, *text;
    } rows[NETVANE_RC_COUNT] = {NETVANE_COUNTERS(NV_COUNTER_ROW)};
#undef NV_COUNTER_ROW
    struct nv_mapping *m;
    if (!nv)
        return NETVANE_INVALID;
    if (index >= NETVANE_RC_COUNT)
        return NETVANE_NOT_FOUND;
    int r = nv_current(nv, &m);
    if (r)
        return r;
    if (ret_name)
        *ret_name = rows[index].name;
    if (ret_text)
        *ret_text = rows[index].text;
    if (ret_value)
        *ret_value = nv_read_word(m->header, NV_COUNTER(index));
    return NETVANE_OK;
}
