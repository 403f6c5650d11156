/* SPDX-License-Identifier: MIT */
/*
 * fib.c - answers what the kernel would do with a packet.
 *
 * Owns:      netvane_fib_question and netvane_fib_answer: into struct nv_fib, and out of it.
 * Promises:  one read section for the whole decision, no allocation, no lock.
 * Leaves:    the usual way of a packet to fib_usual4.c, all others to fib_output4.c, fib_input4.c and fib_way6.c, which ask
 *            the rules (fib_rule.c), those the tables (fib_table4.c, fib_table6.c); then hops (fib_hop.c) and sources
 *            (fib_source4.c, fib_source6.c).
 */
#include "fib.h"

static const char *const outcome_names[] = {
    [NETVANE_FIB_FOUND] = "found",
    [NETVANE_FIB_NO_ROUTE] = "no route",
    [NETVANE_FIB_UNREACHABLE] = "unreachable",
    [NETVANE_FIB_PROHIBIT] = "prohibit",
    [NETVANE_FIB_BLACKHOLE] = "blackhole",
    [NETVANE_FIB_RULE_UNREACHABLE] = "unreachable by rule",
    [NETVANE_FIB_NO_SUCH_LINK] = "no such link",
    [NETVANE_FIB_LINK_DOWN] = "link down",
    [NETVANE_FIB_NOT_MY_SOURCE] = "source is not of this host",
    [NETVANE_FIB_MARTIAN] = "martian",
};

const char *netvane_fib_outcome_name(unsigned outcome)
{
    return outcome < sizeof(outcome_names) / sizeof(outcome_names[0]) ? outcome_names[outcome]
                                                                      : "unknown";
}

/* A call into libc: what compilers put in its place for some hundred bytes takes several times as long to begin. */
static __attribute__((noinline)) void clear(void *bytes, size_t count)
{
    memset(bytes, 0, count);
}

/* ---- the question --------------------------------------------------------------------------------------------- */

static bool take_question(const struct netvane_fib_question *question, struct nv_fib *f)
{
    const struct netvane_fib_question *q = question;
    struct netvane_fib_question whole;
    static const uint8_t none[16];
    if (!q || q->size < offsetof(struct netvane_fib_question, flags))
        return false;
    /* Field by field: what was written so is not there yet for a wider load. */
    if (nv_unlikely(q->size < sizeof(whole))) {
        memset(&whole, 0, sizeof(whole));
        memcpy(&whole, question, question->size);
        q = &whole;
    }
    if (!nv_is_family(q->family))
        return false;
    f->family = q->family;
    f->iif = q->iif;
    f->oif = q->oif;
    f->mark = q->mark;
    f->uid = q->uid;
    f->hash = q->hash & 0x7fffffff;
    f->tos = q->tos;
    f->ip_proto = q->ip_proto;
    f->scope = q->scope;
    f->sport = q->sport;
    f->dport = q->dport;
    f->tun_id = q->tun_id;
    f->wishes = q->flags;
    f->dst4 = nv_load_be32(q->dst);
    f->src4 = nv_load_be32(q->src);
    f->has_src = f->src4 != 0;
    if (q->family == NV_AF_4) {
        memcpy(f->dst, q->dst, 4);
        memcpy(f->src, q->src, 4);
        memset(f->dst + 4, 0, sizeof(f->dst) - 4);
        memset(f->src + 4, 0, sizeof(f->src) - 4);
    } else {
        memcpy(f->dst, q->dst, 16);
        memcpy(f->src, q->src, 16);
        f->has_src = memcmp(q->src, none, sizeof(none)) != 0;
    }
    return true;
}

/* ---- the answer ----------------------------------------------------------------------------------------------- */

static void show_route4(const struct netvane_rec_route4 *r, struct netvane_fib_answer *a)
{
    a->metric = (uint32_t)(r->key[1] >> 16);
    a->tos = (uint8_t)(r->key[1] >> 48);
    a->dst_len = (uint8_t)(r->key[1] >> 56);
    nv_store_be32(a->dst, (uint32_t)r->key[0]);
    a->route_flags = r->flags;
    a->route_type = r->type;
    a->protocol = r->protocol;
    a->scope = r->scope;
    a->hops = r->hops;
    a->metrics = r->metrics;
}

static void show_route6(const struct netvane_rec_route6 *r, struct netvane_fib_answer *a)
{
    a->metric = (uint32_t)(r->key[5] >> 32);
    a->dst_len = (uint8_t)(r->key[2] >> 24);
    a->src_len = (uint8_t)(r->key[2] >> 16);
    nv_store_be32(a->dst, (uint32_t)r->key[0]);
    nv_store_be64(a->dst + 4, r->key[1]);
    nv_store_be32(a->dst + 12, (uint32_t)(r->key[2] >> 32));
    nv_store_be64(a->src, r->key[3]);
    nv_store_be64(a->src + 8, r->key[4]);
    a->route_flags = r->flags;
    a->route_type = r->type;
    a->protocol = r->protocol;
    a->scope = r->scope;
    a->pref = r->pref;
    a->hops = r->hops;
    a->metrics = r->metrics;
}

static void show_hop(const struct nv_fib *f, struct netvane_fib_answer *a)
{
    const struct netvane_rec_hop *hop = &f->hit.hop;
    if (!hop->ifindex)
        return;
    a->nhid = hop->nhid;
    a->hop_ifindex = hop->ifindex;
    a->hop_index = f->hit.hop_index;
    a->hop_count = f->hit.hop_count;
    a->hop_weight = nv_fib_hop_weight(hop);
    a->hop_flags = hop->flags;
    a->realm = hop->realm;
    a->encap_type = hop->encap_type;
    a->encap = hop->encap;
    if (!f->gateway_used)
        return;
    a->gw_family = hop->gw_family;
    memcpy(a->gateway, hop->gateway, sizeof(a->gateway));
}

static void show(const struct nv_fib *f, struct netvane_fib_answer *a)
{
    static const uint8_t none[16];
    a->family = (uint8_t)f->family;
    a->outcome = f->outcome;
    a->flags = f->flags;
    a->uncertain = f->uncertain;
    a->rule = f->rule;
    if (f->found) {
        a->flags |= NETVANE_FIB_HAS_ROUTE;
        a->table = f->hit.table;
        if (f->family == NV_AF_4)
            show_route4(&f->hit.u.r4, a);
        else
            show_route6(&f->hit.u.r6, a);
        show_hop(f, a);
    }
    if (f->outcome != NETVANE_FIB_FOUND)
        return;
    a->ifindex = f->ifindex;
    a->type = f->type;
    bool has_source = f->src4 != 0;
    if (f->family == NV_AF_4) {
        nv_store_be32(a->prefsrc, f->src4);
    } else {
        memcpy(a->prefsrc, f->source, sizeof(a->prefsrc));
        has_source = memcmp(f->source, none, sizeof(none)) != 0;
    }
    if (has_source)
        a->flags |= NETVANE_FIB_HAS_PREFSRC;
}

int netvane_fib_lookup(const struct netvane_snap *snap, const struct netvane_fib_question *question,
                       struct netvane_fib_answer *ret_answer)
{
    struct netvane_fib_answer answer;
    struct nv_fib_usual usual;
    struct nv_fib f;
    int r = ret_answer && take_question(question, &f) ? nv_enter(snap, &f.s) : NETVANE_INVALID;
    if (nv_unlikely(r))
        return r;
    f.uncertain = 0;
    const bool is_usual = nv_fib_usual4(&f, &usual);
    if (!is_usual) {
        clear(&f.l3mdev, offsetof(struct nv_fib, hit) - offsetof(struct nv_fib, l3mdev));
        f.rule = UINT32_MAX;
    }
    int w = is_usual              ? NV_TREE_OK
            : f.family == NV_AF_6 ? nv_fib_way6(&f)
            : f.iif               ? nv_fib_input4(&f)
                                  : nv_fib_output4(&f);
    r = nv_leave(&f.s, w == NV_TREE_OK ? NV_TREE_OK : NV_TREE_BAD);
    if (nv_unlikely(r))
        return r;
    struct netvane_fib_answer *a = ret_answer->size == sizeof(answer) ? ret_answer : &answer;
    clear(a, sizeof(*a));
    a->size = sizeof(*a);
    if (is_usual)
        nv_fib_usual4_show(&f, &usual, a);
    else
        show(&f, a);
    return a == ret_answer ? NETVANE_OK : nv_out(ret_answer, &answer, sizeof(answer));
}

int netvane_fib_hop(const struct netvane_snap *snap, const struct netvane_fib_answer *answer,
                    uint32_t index, struct netvane_hop *ret_hop)
{
    struct nv_snap s;
    struct nv_fib_hops hops;
    struct netvane_rec_hop rec;
    struct netvane_hop hop;
    int r = answer && ret_hop && answer->size >= offsetof(struct netvane_fib_answer, metrics)
                ? nv_enter(snap, &s)
                : NETVANE_INVALID;
    if (r)
        return r;
    int w = answer->hops ? nv_fib_hops_open(&s, answer->hops, &hops) : NV_TREE_END;
    if (w == NV_TREE_OK)
        w = index < hops.count ? nv_fib_hops_at(&s, &hops, index, &rec) : NV_TREE_END;
    r = nv_leave(&s, w);
    if (r)
        return r;
    nv_hop_show(&rec, &hop);
    return nv_out(ret_hop, &hop, sizeof(hop));
}
