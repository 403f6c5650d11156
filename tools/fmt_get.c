/* SPDX-License-Identifier: MIT */
/*
 * fmt_get.c - an answer of the FIB as `ip route get` prints it.
 *
 * iproute2/ip/iproute.c, print_route. Of IPv4 the kernel tells the packet's way, of IPv6 the route, too.
 */
#include "fmt_get.h"
#include "names.h"
#include "out_text.h"

#include <linux/rtnetlink.h>
#include <string.h>

_Static_assert(NAME_TEXT_MAX <= FMT_PREF_MAX, "a name has to fit");

/* What `ip` prints, after what the kernel leaves out. */
struct said {
    const struct netvane_fib_question *q;
    const struct netvane_fib_answer *a;
    bool six, has_src;
    const uint8_t *prefsrc; /* NULL: not said */
    uint32_t table;         /* 0: not said */
    struct netvane_hop hop;
    struct netvane_route route; /* its metrics */
};

static struct said said_of(const struct netvane_fib_question *q, const struct netvane_fib_answer *a)
{
    static const uint8_t none[16];
    struct said s = {.q = q, .a = a, .six = q->family == 6};

    s.has_src = memcmp(q->src, none, sizeof(none)) != 0;
    if (a->flags & NETVANE_FIB_HAS_PREFSRC && (s.six || (!s.has_src && q->iif == 0)))
        s.prefsrc = a->prefsrc;
    if (a->flags & NETVANE_FIB_HAS_ROUTE)
        s.table = a->table;
    if (a->flags & NETVANE_FIB_MERGED || s.table == RT_TABLE_MAIN)
        s.table = 0;
    s.hop.gw_family = a->gw_family;
    memcpy(s.hop.gateway, a->gateway, sizeof(s.hop.gateway));
    NETVANE_INIT(&s.route);
    s.route.metrics = a->metrics;
    return s;
}

/* "local", "brd", "mc": what the kernel's cache entry of an IPv4 packet is. */
static unsigned cache_words(const struct said *s, const char *words[3])
{
    unsigned n = 0;
    const uint8_t type = s->a->type;

    if (s->six)
        return 0;
    if (type == RTN_LOCAL || type == RTN_BROADCAST)
        words[n++] = "local";
    if (type == RTN_BROADCAST)
        words[n++] = "brd";
    if (type == RTN_MULTICAST)
        words[n++] = "mc";
    return n;
}

void fmt_get_json(struct json *j, struct view *v, const struct netvane_fib_question *question,
                  const struct netvane_fib_answer *answer)
{
    const struct said s = said_of(question, answer);
    char ip[OUT_IP_MAX], buf[NAME_TEXT_MAX], name[VIEW_NAME_MAX], pref[FMT_PREF_MAX];
    const char *cache[3];

    json_open_object(j, NULL);
    if (answer->type != RTN_UNICAST)
        json_string(j, "type", name_route_type(answer->type, buf));
    json_string(j, "dst", out_ip(question->family, question->dst, ip));
    if (s.six || s.has_src)
        json_string(j, "from", out_ip(question->family, question->src, ip));
    fmt_encap_json(j, v, answer->encap_type, answer->encap);
    if (answer->tos != 0)
        json_string(j, "tos", name_of(NAME_DSFIELD, answer->tos, buf));
    fmt_gateway_json(j, question->family, &s.hop);
    json_string(j, "dev", view_ifname(v, answer->ifindex, name));
    if (s.table != 0)
        json_string(j, "table", name_of(NAME_TABLE, s.table, buf));
    if (s.six && answer->protocol != RTPROT_BOOT)
        json_string(j, "protocol", name_of(NAME_PROTO, answer->protocol, buf));
    if (s.prefsrc != NULL)
        json_string(j, "prefsrc", out_ip(question->family, s.prefsrc, ip));
    if (s.six)
        json_uint(j, "metric", answer->metric);
    fmt_route_flags_json(j, 0);
    if (question->mark != 0 && !s.six)
        json_uint(j, "mark", question->mark);
    fmt_realm_json(j, answer->realm);
    if (!s.six && question->iif == 0)
        json_uint(j, "uid", question->uid);
    if (!s.six) {
        json_open_array(j, "cache");
        const unsigned n = cache_words(&s, cache);
        for (unsigned i = 0; i < n; i++)
            json_string(j, NULL, cache[i]);
        json_close_array(j);
    }
    fmt_metrics_json(j, v, &s.route);
    if (question->iif != 0)
        json_string(j, "iif", view_ifname(v, question->iif, name));
    if (s.six)
        json_string(j, "pref", fmt_pref_name(answer->pref, pref));
    json_close_object(j);
}

void fmt_get_text(FILE *out, struct view *v, const struct netvane_fib_question *question,
                  const struct netvane_fib_answer *answer)
{
    const struct said s = said_of(question, answer);
    const enum out_color color = out_family_color(question->family);
    char ip[OUT_IP_MAX], buf[NAME_TEXT_MAX], name[VIEW_NAME_MAX], pref[FMT_PREF_MAX];
    const char *cache[3];

    if (answer->type != RTN_UNICAST)
        fprintf(out, "%s ", name_route_type(answer->type, buf));
    out_color(out, color, "%s ", out_ip(question->family, question->dst, ip));
    if (s.six || s.has_src)
        fprintf(out, "from %s ", out_ip(question->family, question->src, ip));
    fmt_encap_text(out, v, answer->encap_type, answer->encap);
    if (answer->tos != 0)
        fprintf(out, "tos %s ", name_of(NAME_DSFIELD, answer->tos, buf));
    fmt_gateway_text(out, question->family, &s.hop);
    fputs("dev ", out);
    out_color(out, OUT_IFNAME, "%s ", view_ifname(v, answer->ifindex, name));
    if (s.table != 0)
        fprintf(out, "table %s ", name_of(NAME_TABLE, s.table, buf));
    if (s.six && answer->protocol != RTPROT_BOOT)
        fprintf(out, "proto %s ", name_of(NAME_PROTO, answer->protocol, buf));
    if (s.prefsrc != NULL) {
        fputs("src ", out);
        out_color(out, color, "%s ", out_ip(question->family, s.prefsrc, ip));
    }
    if (s.six)
        fprintf(out, "metric %u ", answer->metric);
    if (question->mark != 0 && !s.six)
        fprintf(out, question->mark >= 16 ? "mark 0x%x " : "mark %u ", question->mark);
    fmt_realm_text(out, answer->realm);
    if (!s.six && question->iif == 0)
        fprintf(out, "uid %u ", question->uid);
    if (!s.six) {
        fputs("\n    cache ", out);
        const unsigned n = cache_words(&s, cache);
        for (unsigned i = 0; i < n; i++)
            fprintf(out, "%s%s%s", i == 0 ? "<" : ",", cache[i], i + 1 == n ? "> " : "");
    }
    fmt_metrics_text(out, v, &s.route);
    if (question->iif != 0)
        fprintf(out, "iif %s ", view_ifname(v, question->iif, name));
    if (s.six)
        fprintf(out, "pref %s", fmt_pref_name(answer->pref, pref));
    fputc('\n', out);
}
