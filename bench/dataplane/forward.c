/* SPDX-License-Identifier: MIT */
/*
 * forward.c - the forwarding loop's inside: find all ways of a batch, then act on them.
 *
 * Finding only reads: where the version expires in the middle it is simply done again on a newer one. Acting changes and
 * sends packets, and is done once. Most packets are decided by two or three bulk lookups, whose loads from memory run side by
 * side, and an adjacency of the cache; the whole FIB (netvane_fib_lookup) is asked where that is not enough: there are
 * policy rules, the match is CONDITIONAL, the route is no plain one with one hop, or an address is one of this host.
 */
#include "forward.h"

#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "view.h"

#define ADJACENCIES 4096u /* a power of two */
#define TRIES       8
#define ICMP_BURST  50u

enum way_kind {
    WAY_NOT_ROUTED, /* `first` says why */
    WAY_ASK,        /* the whole FIB has to be asked */
    WAY_OUT,
    WAY_HOST,
    WAY_NO_ROUTE,
    WAY_UNREACHABLE,
    WAY_NET_UNREACHABLE,
    WAY_PROHIBITED,
    WAY_SILENT,
    WAY_EXCEPTION,
    WAY_NO_PORT
};

/* What becomes of one packet. */
struct way {
    enum way_kind kind;
    enum packet_kind first;
    bool asked;
    bool resolved; /* WAY_OUT: mac is known */
    uint32_t port;
    uint8_t mac[6];
};

/*
 * What a match of table main leads to, for packets of one family. Matches are equal where their answer is, but within one version
 * only; and a neighbour may have moved: so the key is (version, neighbours' generation, match).
 */
struct adjacency {
    uint64_t version;
    uint32_t neighbours;
    uint32_t info;
    uint8_t family; /* 0: empty */
    bool on_link;   /* the next hop is the destination itself, of each packet another one... */
    uint32_t link;  /* ... on this link */
    struct way way;
};

struct forward {
    struct view view;
    struct neigh *neigh;
    struct fallback *fallback;
    struct forward_out out;
    struct counters *counters;
    struct icmp_bucket icmp;
    struct way ways[FORWARD_BATCH];
    uint8_t answers[FORWARD_BATCH][ICMP_FRAME_MAX];
    unsigned answer_count;
    int error; /* of the library, while acting */
    struct adjacency adjacencies[ADJACENCIES];
};

static void count(struct forward *fw, enum counter which)
{
    fw->counters->values[which]++;
}

struct forward *forward_new(struct netvane *nv, struct neigh *neigh, struct fallback *fallback,
                            const char *const *ports, uint32_t port_count,
                            const struct forward_out *out, struct counters *counters)
{
    struct forward *fw = calloc(1, sizeof(*fw));
    if (!fw)
        return NULL;
    fw->view.nv = nv;
    fw->view.names = ports;
    fw->view.port_count = port_count;
    fw->view.counters = counters;
    fw->neigh = neigh;
    fw->fallback = fallback;
    fw->out = *out;
    fw->counters = counters;
    fw->icmp.burst = ICMP_BURST;
    return fw;
}

void forward_free(struct forward *fw)
{
    free(fw);
}

void forward_limit_icmp(struct forward *fw, uint32_t per_second)
{
    fw->icmp.per_second = per_second;
}

/* ---- the whole FIB ------------------------------------------------------------------------------ */

static void question_of(const struct forward *fw, const struct packet *p, const uint8_t *dst,
                        struct netvane_fib_question *q)
{
    const size_t bytes = p->family == 4 ? 4 : 16;
    struct packet_flow flow;
    packet_flow(p, &flow);
    NETVANE_INIT(q);
    q->family = p->family;
    q->tos = p->tos;
    q->ip_proto = p->proto;
    q->sport = p->sport;
    q->dport = p->dport;
    q->iif = fw->view.ports[p->port].ifindex;
    q->flags = NETVANE_FIB_FORWARDING | NETVANE_FIB_NO_SOURCE;
    q->hash = packet_flow_hash(&flow) >> 1;
    memcpy(q->dst, dst, bytes);
    memcpy(q->src, p->src, bytes);
}

static enum way_kind kind_of(const struct netvane_fib_answer *a)
{
    switch ((enum netvane_fib_outcome)a->outcome) {
    case NETVANE_FIB_FOUND: break;
    case NETVANE_FIB_NO_ROUTE: return WAY_NO_ROUTE;
    case NETVANE_FIB_UNREACHABLE: return WAY_UNREACHABLE;
    case NETVANE_FIB_RULE_UNREACHABLE: return WAY_NET_UNREACHABLE;
    case NETVANE_FIB_PROHIBIT: return WAY_PROHIBITED;
    case NETVANE_FIB_BLACKHOLE:
    case NETVANE_FIB_NO_SUCH_LINK:
    case NETVANE_FIB_LINK_DOWN:
    case NETVANE_FIB_NOT_MY_SOURCE:
    case NETVANE_FIB_MARTIAN: return WAY_SILENT;
    }
    if (a->type != RTN_UNICAST)
        return WAY_HOST; /* local, broadcast, multicast, anycast */
    return a->encap_type ? WAY_EXCEPTION : WAY_OUT;
}

/* The port and MAC address of a next hop. */
static void find_hop(struct forward *fw, uint32_t ifindex, uint8_t family, const uint8_t *hop,
                     struct way *way)
{
    way->port = view_port_of(&fw->view, ifindex);
    way->kind = way->port < fw->view.port_count ? WAY_OUT : WAY_NO_PORT;
    way->resolved =
        way->kind == WAY_OUT && neigh_find(fw->neigh, ifindex, family, hop, true, way->mac);
}

static void way_of_answer(struct forward *fw, const struct netvane_fib_answer *a,
                          const uint8_t *dst, struct way *way)
{
    way->kind = kind_of(a);
    if (way->kind == WAY_OUT)
        find_hop(fw, a->ifindex, a->gw_family ? a->gw_family : a->family,
                 a->gw_family ? a->gateway : dst, way);
}

static int ask(struct forward *fw, const struct packet *p, struct way *way)
{
    struct netvane_fib_question q;
    struct netvane_fib_answer a;
    NETVANE_INIT(&a);
    question_of(fw, p, p->dst, &q);
    const int r = netvane_fib_lookup(&fw->view.snap, &q, &a);
    if (r)
        return r;
    way_of_answer(fw, &a, p->dst, way);
    way->asked = true;
    return 0;
}

/* ---- adjacencies -------------------------------------------------------------------------------- */

static int fill_adjacency(struct forward *fw, const struct netvane_table *table,
                          const struct netvane_match *match, struct adjacency *adjacency)
{
    struct netvane_default answer;
    struct netvane_hop hop;
    NETVANE_INIT(&answer);
    NETVANE_INIT(&hop);
    memset(adjacency, 0, sizeof(*adjacency));
    int r = netvane_match_answer(table, match, &answer);
    if (r)
        return r;
    adjacency->way.kind = WAY_ASK;
    if (answer.type == RTN_UNICAST && answer.hop_count == 1) {
        r = netvane_match_hop(table, match, 0, &hop);
        if (r)
            return r;
        adjacency->on_link = !answer.gw_family;
        adjacency->link = answer.ifindex;
        adjacency->way.kind = hop.encap_type ? WAY_EXCEPTION : WAY_OUT;
        if (!hop.encap_type && !adjacency->on_link)
            find_hop(fw, answer.ifindex, answer.gw_family, answer.gateway, &adjacency->way);
    }
    adjacency->version = fw->view.snap.version;
    adjacency->neighbours = neigh_generation(fw->neigh);
    adjacency->info = match->info;
    /* What is not resolved is asked for with each packet, until the kernel has found it. */
    const bool keep =
        adjacency->way.kind != WAY_OUT || adjacency->on_link || adjacency->way.resolved;
    adjacency->family = keep ? table->family : 0;
    count(fw, COUNT_ADJACENCIES);
    return 0;
}

static int follow_match(struct forward *fw, const struct netvane_table *table,
                        const struct netvane_match *match, const struct packet *p, struct way *way)
{
    const uint32_t slot = (match->info ^ (uint32_t)table->family << 28) * 2654435761u >> 20;
    struct adjacency *adjacency = &fw->adjacencies[slot & (ADJACENCIES - 1)];
    if (adjacency->info != match->info || adjacency->family != table->family ||
        adjacency->version != fw->view.snap.version ||
        adjacency->neighbours != neigh_generation(fw->neigh)) {
        const int r = fill_adjacency(fw, table, match, adjacency);
        if (r)
            return r;
    }
    *way = adjacency->way;
    if (way->kind == WAY_OUT && adjacency->on_link)
        find_hop(fw, adjacency->link, p->family, p->dst, way);
    return way->kind == WAY_ASK ? ask(fw, p, way) : 0;
}

/* ---- ways of a batch ---------------------------------------------------------------------------- */

/* IPv4 addresses that no packet may come from or go to by the kernel's own law, whatever the tables say. */
static bool is_special4(const struct packet *p)
{
    return p->src[0] == 0 || p->src[0] == 127 || p->src[0] >= 224 || p->dst[0] == 0 ||
           p->dst[0] == 127 || p->dst[0] >= 240;
}

struct bulk {
    unsigned count;
    unsigned numbers[FORWARD_BATCH]; /* of the packets */
    uint8_t dsts[FORWARD_BATCH * 16], srcs[FORWARD_BATCH * 16];
    struct netvane_match dst_local[FORWARD_BATCH], src_local[FORWARD_BATCH], main[FORWARD_BATCH];
};

/* The packets of a family that bulk lookups may decide, and their addresses side by side. */
static void gather(struct forward *fw, const struct packet *packets, unsigned n, int f,
                   struct bulk *bulk)
{
    const size_t bytes = f == VIEW_4 ? 4 : 16;
    bulk->count = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct packet *p = &packets[i];
        if (fw->ways[i].kind == WAY_NOT_ROUTED || view_family(p->family) != f)
            continue;
        if (!fw->view.plain_rules[f] || (f == VIEW_4 && is_special4(p)))
            continue; /* stays WAY_ASK */
        memcpy(bulk->dsts + bulk->count * bytes, p->dst, bytes);
        memcpy(bulk->srcs + bulk->count * bytes, p->src, bytes);
        bulk->numbers[bulk->count++] = i;
    }
}

static int look_up(const struct netvane_table *table, bool has, const uint8_t *addresses,
                   unsigned n, struct netvane_match *ret_matches)
{
    if (has)
        return netvane_route_lookup_bulk(table, addresses, n, ret_matches);
    memset(ret_matches, 0, n * sizeof(*ret_matches));
    return 0;
}

static int find_fast(struct forward *fw, const struct packet *packets, unsigned n, int f)
{
    const struct view *view = &fw->view;
    struct bulk b;
    gather(fw, packets, n, f, &b);
    if (!b.count)
        return 0;
    int r = look_up(&view->local[f], view->has_local[f], b.dsts, b.count, b.dst_local);
    /* IPv4: the kernel takes no packet from an address that is its own. */
    if (!r)
        r = look_up(&view->local[f], view->has_local[f] && f == VIEW_4, b.srcs, b.count,
                    b.src_local);
    if (!r)
        r = look_up(&view->main[f], view->has_main[f], b.dsts, b.count, b.main);
    for (unsigned i = 0; i < b.count && !r; i++) {
        const struct netvane_match *match = &b.main[i];
        const bool mine = b.dst_local[i].info || b.src_local[i].info;
        if (!mine && match->info && !(match->info & NETVANE_MATCH_CONDITIONAL))
            r = follow_match(fw, &view->main[f], match, &packets[b.numbers[i]],
                             &fw->ways[b.numbers[i]]);
    }
    return r;
}

/* All ways, by the version that the view shows. Nothing is changed or sent. */
static int find_ways(struct forward *fw, struct packet *packets, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = &packets[i];
        memset(&fw->ways[i], 0, sizeof(fw->ways[i]));
        fw->ways[i].first = packet_parse(p, fw->view.ports[p->port].mac);
        if (fw->ways[i].first == PACKET_ROUTE)
            fw->ways[i].kind = WAY_ASK;
    }
    int r = find_fast(fw, packets, n, VIEW_4);
    if (!r)
        r = find_fast(fw, packets, n, VIEW_6);
    for (unsigned i = 0; i < n && !r; i++)
        if (fw->ways[i].kind == WAY_ASK)
            r = ask(fw, &packets[i], &fw->ways[i]);
    return r;
}

/* ---- acting ------------------------------------------------------------------------------------- */

static void put_macs(struct forward *fw, uint8_t *frame, const struct way *way)
{
    memcpy(frame, way->mac, 6);
    memcpy(frame + 6, fw->view.ports[way->port].mac, 6);
}

/* The way back to who sent p, and the address that the answer comes from: as for any packet that this host sends. */
static int way_back(struct forward *fw, const struct packet *p, struct netvane_fib_answer *a,
                    struct way *way)
{
    const size_t bytes = p->family == 4 ? 4 : 16;
    struct netvane_fib_question q;
    NETVANE_INIT(&q);
    NETVANE_INIT(a);
    q.family = p->family;
    q.ip_proto = p->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    q.tos = icmp_tos(p);
    if (p->family == 6 && p->src[0] == 0xfe && (p->src[1] & 0xc0) == 0x80)
        q.oif = fw->view.ports[p->port].ifindex; /* such an address means nothing elsewhere */
    memcpy(q.dst, p->src, bytes);
    const int r = view_ask(&fw->view, &q, a);
    if (!r)
        way_of_answer(fw, a, p->src, way);
    return r;
}

static void answer(struct forward *fw, const struct packet *p, enum icmp_reason reason,
                   uint32_t mtu, uint64_t now_ns)
{
    const struct icmp_error error = icmp_error_of(p->family, reason, mtu);
    struct netvane_fib_answer a;
    struct way way = {0};
    if (!error.type || !icmp_may_answer(p))
        return;
    if (!icmp_bucket_take(&fw->icmp, now_ns)) {
        count(fw, COUNT_ICMP_LIMITED);
        return;
    }
    const int r = way_back(fw, p, &a, &way);
    if (r) {
        fw->error = r;
        return;
    }
    if (way.kind != WAY_OUT || !way.resolved || !(a.flags & NETVANE_FIB_HAS_PREFSRC)) {
        count(fw, COUNT_ICMP_NO_WAY);
        return;
    }
    uint8_t *frame = fw->answers[fw->answer_count++];
    const uint32_t len = icmp_build(p, &error, a.prefsrc, frame);
    put_macs(fw, frame, &way);
    fw->out.wire(fw->out.arg, way.port, frame, len);
    count(fw, COUNT_ICMP_SENT);
}

/* IPv6 sources that must stay on their link. */
static bool leaves_its_link(const struct packet *p, const struct way *way)
{
    return p->family == 6 && way->port != p->port && p->src[0] == 0xfe &&
           (p->src[1] & 0xc0) == 0x80;
}

static bool is_nobody6(const struct packet *p)
{
    static const uint8_t loopback[16] = {[15] = 1}, unspecified[16];
    return p->family == 6 &&
           (p->src[0] == 0xff || !memcmp(p->src, loopback, 16) || !memcmp(p->src, unspecified, 16));
}

/* In the order in which ip_forward and ip6_forward look. */
static void send_on(struct forward *fw, struct packet *p, const struct way *way, uint64_t now_ns)
{
    const uint32_t mtu = fw->view.ports[way->port].mtu;
    if (is_nobody6(p)) {
        count(fw, COUNT_SILENT);
    } else if (p->ttl <= 1) {
        count(fw, COUNT_HOPS);
        answer(fw, p, ICMP_REASON_HOPS, 0, now_ns);
    } else if (leaves_its_link(p, way)) {
        count(fw, COUNT_SCOPE);
        answer(fw, p, ICMP_REASON_SCOPE, 0, now_ns);
    } else if (packet_ip_len(p) > mtu) {
        count(fw, COUNT_TOO_BIG);
        if (packet_dont_fragment(p))
            answer(fw, p, ICMP_REASON_TOO_BIG, mtu, now_ns);
    } else if (!way->resolved) {
        count(fw, COUNT_NO_NEIGHBOUR);
    } else {
        packet_hop(p);
        put_macs(fw, p->frame, way);
        fw->out.wire(fw->out.arg, way->port, p->frame, p->len);
        count(fw, COUNT_FORWARDED);
    }
}

/* As if it were for another destination: a fallback handler wants it so. */
static void send_via(struct forward *fw, struct packet *p, const uint8_t *via, uint64_t now_ns)
{
    struct netvane_fib_question q;
    struct netvane_fib_answer a;
    struct way way = {0};
    NETVANE_INIT(&a);
    question_of(fw, p, via, &q);
    fw->error = view_ask(&fw->view, &q, &a);
    if (fw->error) {
        count(fw, COUNT_DROPPED_BUSY);
        return;
    }
    way_of_answer(fw, &a, via, &way);
    if (way.kind == WAY_OUT)
        send_on(fw, p, &way, now_ns);
    else
        count(fw, COUNT_UNCLAIMED);
}

static void unmatched(struct forward *fw, struct packet *p, uint64_t now_ns)
{
    uint8_t via[16];
    switch (fallback_packet(fw->fallback, p, now_ns, via)) {
    case FALLBACK_OFF:
        count(fw, COUNT_NO_ROUTE);
        answer(fw, p, ICMP_REASON_NO_ROUTE, 0, now_ns);
        break;
    case FALLBACK_HANDED: count(fw, COUNT_HANDED); break;
    case FALLBACK_VIA: send_via(fw, p, via, now_ns); break;
    case FALLBACK_REJECT:
        count(fw, COUNT_REJECTED);
        answer(fw, p, ICMP_REASON_PROHIBITED, 0, now_ns);
        break;
    case FALLBACK_DROP_UNCLAIMED: count(fw, COUNT_UNCLAIMED); break;
    case FALLBACK_DROP_LIMIT: count(fw, COUNT_FLOW_LIMIT); break;
    }
}

static void to_host(struct forward *fw, const struct packet *p)
{
    count(fw, COUNT_TO_HOST);
    fw->out.host(fw->out.arg, p->port, p->frame, p->len);
}

static void act_unrouted(struct forward *fw, const struct packet *p, enum packet_kind kind)
{
    switch (kind) {
    case PACKET_HOST: to_host(fw, p); break;
    case PACKET_EXCEPTION: count(fw, COUNT_EXCEPTION); break;
    case PACKET_STRANGE: count(fw, COUNT_STRANGE); break;
    case PACKET_BAD:
    case PACKET_ROUTE: count(fw, COUNT_BAD); break;
    }
}

static void act(struct forward *fw, struct packet *p, const struct way *way, uint64_t now_ns)
{
    if (way->kind != WAY_NOT_ROUTED)
        count(fw, way->asked ? COUNT_ASKED : COUNT_FAST);
    switch (way->kind) {
    case WAY_ASK:
    case WAY_NOT_ROUTED: act_unrouted(fw, p, way->first); break;
    case WAY_OUT: send_on(fw, p, way, now_ns); break;
    case WAY_HOST: to_host(fw, p); break;
    case WAY_NO_ROUTE: unmatched(fw, p, now_ns); break;
    case WAY_UNREACHABLE:
        count(fw, COUNT_UNREACHABLE);
        answer(fw, p, ICMP_REASON_UNREACHABLE, 0, now_ns);
        break;
    case WAY_NET_UNREACHABLE:
        count(fw, COUNT_UNREACHABLE);
        answer(fw, p, ICMP_REASON_NO_ROUTE, 0, now_ns);
        break;
    case WAY_PROHIBITED:
        count(fw, COUNT_PROHIBITED);
        answer(fw, p, ICMP_REASON_PROHIBITED, 0, now_ns);
        break;
    case WAY_SILENT: count(fw, COUNT_SILENT); break;
    case WAY_EXCEPTION: count(fw, COUNT_EXCEPTION); break;
    case WAY_NO_PORT: count(fw, COUNT_NO_PORT); break;
    }
}

int forward_batch(struct forward *fw, struct packet *packets, unsigned n, uint64_t now_ns)
{
    int r = view_stale(&fw->view) ? view_take(&fw->view) : 0;
    if (!r)
        r = find_ways(fw, packets, n);
    for (int i = 0; i < TRIES && r == NETVANE_EXPIRED; i++) {
        count(fw, COUNT_BEGUN_AGAIN);
        r = view_take(&fw->view);
        if (!r)
            r = find_ways(fw, packets, n);
    }
    if (r == NETVANE_EXPIRED) {
        fw->counters->values[COUNT_DROPPED_BUSY] += n;
        return 0;
    }
    if (r)
        return r;
    fw->answer_count = 0;
    fw->error = 0;
    for (unsigned i = 0; i < n; i++)
        act(fw, &packets[i], &fw->ways[i], now_ns);
    return fw->error == NETVANE_EXPIRED ? 0 : fw->error;
}
