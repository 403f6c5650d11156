/* SPDX-License-Identifier: MIT */
/*
 * view.c - takes a version of the State, and begins again where it expires meanwhile.
 */
#include "view.h"

#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>

#define TRIES 8

/* The number of a topic in netvane_info. */
static uint32_t generation(const struct netvane_info *info, uint32_t topic)
{
    return info->generations[__builtin_ctz(topic)];
}

static int find_ports(struct view *view, const struct netvane_snap *snap)
{
    for (uint32_t i = 0; i < view->port_count; i++) {
        struct netvane_link link;
        NETVANE_INIT(&link);
        const int r = netvane_link_get_by_name(snap, view->names[i], &link);
        if (r < 0 && r != NETVANE_NOT_FOUND)
            return r;
        if (r < 0 || !(link.flags & IFF_UP)) {
            view->ports[i] = (struct view_port){0};
            continue;
        }
        view->ports[i].ifindex = link.ifindex;
        view->ports[i].mtu = link.mtu;
        memcpy(view->ports[i].mac, link.address, sizeof(view->ports[i].mac));
    }
    return 0;
}

/* Does the rule send every packet to this table? */
static bool is_plain(const struct netvane_rule *rule, uint32_t table)
{
    return rule->action == FR_ACT_TO_TBL && rule->table == table && !rule->present &&
           !rule->src_len && !rule->dst_len && !rule->tos && !rule->ip_proto && !rule->iif[0] &&
           !rule->oif[0];
}

static int read_rules(struct view *view, const struct netvane_snap *snap)
{
    static const uint32_t first[] = {RT_TABLE_LOCAL, RT_TABLE_MAIN};
    for (int f = 0; f < VIEW_FAMILIES; f++) {
        struct netvane_iter it;
        struct netvane_rule rule;
        NETVANE_INIT(&rule);
        int r = netvane_rule_iter(snap, f == VIEW_4 ? 4 : 6, &it);
        bool plain = true;
        for (int i = 0; i < 2 && r >= 0 && plain; i++) {
            r = netvane_rule_next(&it, &rule);
            plain = r > 0 && is_plain(&rule, first[i]);
        }
        if (r < 0)
            return r;
        view->plain_rules[f] = plain;
    }
    return 0;
}

static int find_table(const struct netvane_snap *snap, int f, uint32_t number,
                      struct netvane_table *ret_table, bool *ret_has)
{
    NETVANE_INIT(ret_table);
    const int r = netvane_table_get(snap, f == VIEW_4 ? 4 : 6, number, ret_table);
    *ret_has = r == NETVANE_OK;
    return r == NETVANE_NOT_FOUND ? 0 : r;
}

static int find_tables(struct view *view, const struct netvane_snap *snap)
{
    for (int f = 0; f < VIEW_FAMILIES; f++) {
        int r = find_table(snap, f, RT_TABLE_LOCAL, &view->local[f], &view->has_local[f]);
        if (!r)
            r = find_table(snap, f, RT_TABLE_MAIN, &view->main[f], &view->has_main[f]);
        if (r == NETVANE_LIMIT)
            view->plain_rules[f] = false; /* no index: the whole FIB has to be asked */
        else if (r)
            return r;
    }
    return 0;
}

static int take_once(struct view *view)
{
    struct netvane_snap snap;
    struct netvane_info info;
    NETVANE_INIT(&info);
    int r = netvane_snap_begin(view->nv, &snap);
    if (!r)
        r = netvane_snap_info(&snap, &info);
    if (r)
        return r;
    const uint32_t links = generation(&info, NETVANE_TOPIC_LINKS);
    const uint32_t rules = generation(&info, NETVANE_TOPIC_RULES);
    const bool first = !view->filled;
    view->filled = false; /* should one of these fail, all is to be done again */
    if (first || links != view->links_generation)
        r = find_ports(view, &snap);
    if (!r && (first || rules != view->rules_generation))
        r = read_rules(view, &snap);
    if (!r)
        r = find_tables(view, &snap);
    if (r)
        return r;
    view->snap = snap;
    view->links_generation = links;
    view->rules_generation = rules;
    view->filled = true;
    view->counters->values[COUNT_SNAPSHOTS]++;
    return 0;
}

int view_take(struct view *view)
{
    int r = NETVANE_EXPIRED;
    for (int i = 0; i < TRIES && r == NETVANE_EXPIRED; i++) {
        if (i)
            view->counters->values[COUNT_BEGUN_AGAIN]++;
        r = take_once(view);
    }
    return r;
}

int view_ask(struct view *view, const struct netvane_fib_question *q, struct netvane_fib_answer *a)
{
    int r = netvane_fib_lookup(&view->snap, q, a);
    for (int i = 0; i < TRIES && r == NETVANE_EXPIRED; i++) {
        view->counters->values[COUNT_BEGUN_AGAIN]++;
        r = view_take(view);
        if (!r)
            r = netvane_fib_lookup(&view->snap, q, a);
    }
    return r;
}

uint32_t view_port_of(const struct view *view, uint32_t ifindex)
{
    uint32_t port = 0;
    while (port < view->port_count && (!ifindex || view->ports[port].ifindex != ifindex))
        port++;
    return port;
}
