/* SPDX-License-Identifier: MIT */
/*
 * show_links.c - the links of the `netvane show` screen, a line each.
 *
 * Owns:      which links are worth a line when there are many, and how a line is cut to the width.
 * Assumes:   a link's rank: it leads out, it is up with more than link-local addresses, it is up, it is down.
 * Promises:  at most LINES_MAX lines; how many are not shown is said.
 * Leaves:    everything about a link to cmd_link.c.
 */
#include "out_text.h"
#include "show.h"

#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 12
#define TEXT_MAX  200

struct line {
    struct netvane_link link;
    unsigned rank; /* 0 is best */
};

struct columns {
    int name, state, kind;
};

static const char *state_of(const struct netvane_link *link, enum out_color *ret_color)
{
    *ret_color = OUT_DIM;
    if (!(link->flags & IFF_UP))
        return "down";
    if (link->operstate == 5) {
        *ret_color = OUT_WARN;
        return "dormant";
    }
    if (!(link->flags & IFF_RUNNING) || !(link->flags & IFF_LOWER_UP)) {
        *ret_color = OUT_BAD;
        return "no carrier";
    }
    *ret_color = OUT_GOOD;
    return "up";
}

/* Has it an address that others than its neighbours can reach? */
static bool has_wide_addr(struct screen *s, uint32_t ifindex)
{
    struct netvane_addr addr;
    struct netvane_iter it;
    bool found = false;

    NETVANE_INIT(&addr);
    int rc = netvane_addr_iter(&s->v->snap, ifindex, (uint8_t)s->tool->family, &it);
    while (rc >= 0 && !found && (rc = netvane_addr_next(&it, &addr)) == 1)
        found = addr.scope != RT_SCOPE_LINK;
    view_fail(s->v, rc);
    return found;
}

static unsigned rank_of(struct screen *s, const struct netvane_link *link)
{
    bool up = (link->flags & IFF_UP) != 0;

    if (link->ifindex == s->egress_link[0] || link->ifindex == s->egress_link[1])
        return 0;
    if (up && has_wide_addr(s, link->ifindex))
        return 1;
    return up ? 2 : 3;
}

/* Keeps the best lines, in order of ifindex among equals, because links come in that order. */
static unsigned insert(struct line lines[LINES_MAX], unsigned count, const struct line *line)
{
    unsigned at = count;

    while (at > 0 && lines[at - 1].rank > line->rank)
        at--;
    if (at == LINES_MAX)
        return count;
    unsigned kept = count < LINES_MAX ? count : LINES_MAX - 1;
    memmove(&lines[at + 1], &lines[at], (kept - at) * sizeof(*lines));
    lines[at] = *line;
    return kept + 1;
}

static int by_ifindex(const void *a, const void *b)
{
    const struct line *x = a, *y = b;

    return x->link.ifindex < y->link.ifindex ? -1 : x->link.ifindex > y->link.ifindex;
}

static unsigned choose(struct screen *s, struct line lines[LINES_MAX], unsigned *ret_all)
{
    struct netvane_iter it;
    struct line line;
    unsigned count = 0;

    *ret_all = 0;
    NETVANE_INIT(&line.link);
    int rc = netvane_link_iter(&s->v->snap, &it);
    while (rc >= 0 && (rc = netvane_link_next(&it, &line.link)) == 1) {
        (*ret_all)++;
        line.rank = rank_of(s, &line.link);
        count = insert(lines, count, &line);
    }
    view_fail(s->v, rc);
    qsort(lines, count, sizeof(*lines), by_ifindex);
    return count;
}

/* As many addresses as fit into width, then how many do not. */
static void print_addrs(struct screen *s, uint32_t ifindex, unsigned width)
{
    struct netvane_addr addr;
    struct netvane_iter it;
    unsigned used = 0, shown = 0, hidden = 0;
    char ip[OUT_IP_MAX], text[TEXT_MAX];

    NETVANE_INIT(&addr);
    int rc = netvane_addr_iter(&s->v->snap, ifindex, (uint8_t)s->tool->family, &it);
    while (rc >= 0 && (rc = netvane_addr_next(&it, &addr)) == 1) {
        int len = snprintf(text, sizeof(text), "%s/%u", out_ip(addr.family, addr.local, ip),
                           (unsigned)addr.prefix_len);

        /* 8 columns are kept for " +99 more" unless this one is the first. */
        if (shown > 0 && (hidden > 0 || used + (unsigned)len + 2 + 9 > width)) {
            hidden++;
            continue;
        }
        if (shown++ > 0)
            fputs(", ", s->out);
        out_color(s->out, out_family_color(addr.family), "%s", text);
        used += (unsigned)len + 2;
    }
    view_fail(s->v, rc);
    if (hidden > 0)
        fprintf(s->out, " +%u more", hidden);
}

static int text_width(const char *text, int least)
{
    int len = (int)strlen(text);

    return len > least ? len : least;
}

static struct columns measure(struct screen *s, const struct line *lines, unsigned count)
{
    struct columns c = {.name = 4, .state = 5, .kind = 4};
    char kind[VIEW_STRING_MAX];
    enum out_color color;

    for (unsigned i = 0; i < count; i++) {
        c.name = text_width(lines[i].link.name, c.name);
        c.state = text_width(state_of(&lines[i].link, &color), c.state);
        c.kind = text_width(fmt_link_kind(s->v, &lines[i].link, kind), c.kind);
    }
    return c;
}

void show_links(struct screen *s)
{
    struct line lines[LINES_MAX];
    char kind[VIEW_STRING_MAX], master[VIEW_NAME_MAX];
    enum out_color color;
    unsigned all, count = choose(s, lines, &all);
    struct columns c = measure(s, lines, count);

    out_color(s->out, OUT_HEAD, "Links");
    fprintf(s->out, " (%u)\n", all);
    for (unsigned i = 0; i < count; i++) {
        const struct netvane_link *link = &lines[i].link;
        const char *state = state_of(link, &color);
        unsigned before = (unsigned)(2 + c.name + 2 + c.state + 2 + c.kind + 2);

        fputs("  ", s->out);
        out_color(s->out, OUT_IFNAME, "%-*s", c.name, link->name);
        out_color(s->out, color, "  %-*s", c.state, state);
        fprintf(s->out, "  %-*s  ", c.kind, fmt_link_kind(s->v, link, kind));
        if (link->master != 0)
            before += (unsigned)fprintf(s->out, "in %s ", view_ifname(s->v, link->master, master));
        print_addrs(s, link->ifindex, s->width > before ? s->width - before : 0);
        fputc('\n', s->out);
    }
    if (all > count)
        out_color(s->out, OUT_DIM, "  and %u more, see: netvane addr\n", all - count);
    fputc('\n', s->out);
}
