/* SPDX-License-Identifier: MIT */
/*
 * fmt_metrics.c - the metrics of a route (mtu, hoplimit, ...) as `ip route` prints them.
 *
 * Owns:      names, units and locks of RTAX_*.
 * Assumes:   see fmt.h.
 * Promises:  what iproute2 does not print (RTAX_LOCK itself, a hop limit of -1) is not printed here.
 * Leaves:    everything else of a route to fmt_route.c.
 */
#include "fmt.h"

#include <linux/rtnetlink.h>

static const char *const metric_names[NETVANE_METRIC_SLOTS] = {
    [RTAX_MTU] = "mtu",           [RTAX_WINDOW] = "window",
    [RTAX_RTT] = "rtt",           [RTAX_RTTVAR] = "rttvar",
    [RTAX_SSTHRESH] = "ssthresh", [RTAX_CWND] = "cwnd",
    [RTAX_ADVMSS] = "advmss",     [RTAX_REORDERING] = "reordering",
    [RTAX_HOPLIMIT] = "hoplimit", [RTAX_INITCWND] = "initcwnd",
    [RTAX_FEATURES] = "features", [RTAX_RTO_MIN] = "rto_min",
    [RTAX_INITRWND] = "initrwnd", [RTAX_QUICKACK] = "quickack",
    [RTAX_CC_ALGO] = "congctl",   [RTAX_FASTOPEN_NO_COOKIE] = "fastopen_no_cookie",
};

/* Not 0: metric number index is to be shown. */
static bool is_shown(const struct netvane_metrics *m, unsigned index, bool *ret_locked)
{
    uint32_t locks = m->mask & (1u << RTAX_LOCK) ? m->values[RTAX_LOCK] : 0;

    *ret_locked = (locks & (1u << index)) != 0;
    if (!(m->mask & (1u << index)) && !*ret_locked)
        return false;
    return !(index == RTAX_HOPLIMIT && m->values[index] == UINT32_MAX);
}

static uint32_t in_user_units(unsigned index, uint32_t value)
{
    if (index == RTAX_RTT)
        return value / 8;
    if (index == RTAX_RTTVAR)
        return value / 4;
    return value;
}

static bool get_metrics(struct view *v, const struct netvane_route *route,
                        struct netvane_metrics *ret_m)
{
    if (route->metrics == 0)
        return false;
    NETVANE_INIT(ret_m);
    int rc = netvane_route_metrics(&v->snap, route, ret_m);
    view_fail(v, rc);
    return rc == 0 && ret_m->mask != 0;
}

static void features_json(struct json *j, uint32_t features)
{
    if (features & RTAX_FEATURE_ECN)
        json_null(j, "ecn");
    if (features & ~(uint32_t)RTAX_FEATURE_ECN)
        json_hex(j, "features", features);
}

void fmt_metrics_json(struct json *j, struct view *v, const struct netvane_route *route)
{
    struct netvane_metrics m;
    bool locked;

    if (!get_metrics(v, route, &m))
        return;
    json_open_array(j, "metrics");
    json_open_object(j, NULL);
    for (unsigned i = RTAX_MTU; i < NETVANE_METRIC_SLOTS; i++) {
        if (!is_shown(&m, i, &locked))
            continue;
        if (i == RTAX_FEATURES)
            features_json(j, m.values[i]);
        else if (i == RTAX_CC_ALGO)
            json_string(j, "congestion", m.cc_algo);
        else if (metric_names[i] != NULL)
            json_uint(j, metric_names[i], in_user_units(i, m.values[i]));
    }
    json_close_object(j);
    json_close_array(j);
}

static void value_text(FILE *out, const struct netvane_metrics *m, unsigned index)
{
    uint32_t value = in_user_units(index, m->values[index]);

    if (index == RTAX_FEATURES) {
        if (value & RTAX_FEATURE_ECN)
            fputs("ecn ", out);
        if (value & ~(uint32_t)RTAX_FEATURE_ECN)
            fprintf(out, "%#x ", value);
    } else if (index == RTAX_CC_ALGO) {
        fprintf(out, "%s ", m->cc_algo);
    } else if (index == RTAX_RTT || index == RTAX_RTTVAR || index == RTAX_RTO_MIN) {
        if (value >= 1000)
            fprintf(out, "%gs ", value / 1e3);
        else
            fprintf(out, "%ums ", value);
    } else {
        fprintf(out, "%u ", value);
    }
}

void fmt_metrics_text(FILE *out, struct view *v, const struct netvane_route *route)
{
    struct netvane_metrics m;
    bool locked;

    if (!get_metrics(v, route, &m))
        return;
    for (unsigned i = RTAX_MTU; i < NETVANE_METRIC_SLOTS; i++) {
        if (!is_shown(&m, i, &locked))
            continue;
        if (metric_names[i] != NULL)
            fprintf(out, "%s ", metric_names[i]);
        else
            fprintf(out, "metric %u ", i);
        if (locked)
            fputs("lock ", out);
        value_text(out, &m, i);
    }
}
