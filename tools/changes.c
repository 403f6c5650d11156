/* SPDX-License-Identifier: MIT */
/*
 * changes.c - the differences of two States, a line each.
 *
 * Owns:      the line of a change: time, sign, class, which object, and what changed of it.
 * Assumes:   before is read through the older view, after through the newer.
 * Promises:  a changed object is named by its key and told by the properties that differ.
 * Leaves:    the comparison of properties to props.c.
 */
#include "changes.h"

#include "names.h"
#include "out_text.h"
#include "props.h"

#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

static const char *class_name(enum netvane_class cls)
{
    switch (cls) {
    case NETVANE_CLASS_LINK: return "link";
    case NETVANE_CLASS_ADDR: return "addr";
    case NETVANE_CLASS_ROUTE: return "route";
    case NETVANE_CLASS_RULE: return "rule";
    case NETVANE_CLASS_NEXTHOP: return "nexthop";
    case NETVANE_CLASS_COUNT: break;
    }
    return "?";
}

static void object_json(struct json *j, struct view *v, enum netvane_class cls, const void *object)
{
    switch (cls) {
    case NETVANE_CLASS_LINK:
        json_open_object(j, NULL);
        fmt_link_json(j, v, object, 0);
        json_close_object(j);
        break;
    case NETVANE_CLASS_ADDR: fmt_addr_json(j, object); break;
    case NETVANE_CLASS_ROUTE: fmt_route_json(j, v, object, FMT_NO_INFO); break;
    case NETVANE_CLASS_RULE: fmt_rule_json(j, object); break;
    case NETVANE_CLASS_NEXTHOP: fmt_nexthop_json(j, v, object, NULL); break;
    case NETVANE_CLASS_COUNT: break;
    }
}

/* The object as compact JSON; freed by the caller, NULL without memory. */
static char *json_text(struct view *v, enum netvane_class cls, const void *object)
{
    char *text = NULL;
    size_t len = 0;
    struct json j;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        return NULL;
    json_begin(&j, out, false);
    object_json(&j, v, cls, object);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static void link_text(FILE *out, struct view *v, const struct netvane_link *link)
{
    char kind[VIEW_STRING_MAX], mac[OUT_LLADDR_MAX];

    out_color(out, OUT_IFNAME, "%.16s", link->name);
    fprintf(out, " index %u, %s, %s, mtu %u", link->ifindex, fmt_link_kind(v, link, kind),
            link->flags & IFF_UP ? "up" : "down", link->mtu);
    if (link->address_len > 0) {
        fputs(", ", out);
        out_color(out, OUT_MAC, "%s",
                  out_lladdr(link->type, link->address, link->address_len, mac));
    }
}

static void object_text(FILE *out, struct view *v, enum netvane_class cls, const void *object)
{
    const struct netvane_rule *rule = object;
    const struct netvane_addr *addr = object;
    char name[VIEW_NAME_MAX];

    switch (cls) {
    case NETVANE_CLASS_LINK: link_text(out, v, object); break;
    case NETVANE_CLASS_ADDR:
        out_color(out, OUT_IFNAME, "%s ", view_ifname(v, addr->ifindex, name));
        fmt_addr_text(out, addr, FMT_ONE_LINE);
        break;
    case NETVANE_CLASS_ROUTE: fmt_route_text(out, v, object, FMT_ONE_LINE); break;
    case NETVANE_CLASS_RULE:
        fprintf(out, "%s ", name_family(rule->family));
        fmt_rule_text(out, rule, FMT_ONE_LINE);
        break;
    case NETVANE_CLASS_NEXTHOP: fmt_nexthop_text(out, v, object); break;
    case NETVANE_CLASS_COUNT: break;
    }
}

/* Just enough to know which object it is. */
static void key_text(FILE *out, struct view *v, enum netvane_class cls, const void *object)
{
    const struct netvane_addr *addr = object;
    const struct netvane_route *route = object;
    const struct netvane_rule *rule = object;
    const struct netvane_nexthop *nh = object;
    const struct netvane_link *link = object;
    char name[VIEW_NAME_MAX], ip[OUT_IP_MAX], table[NAME_TEXT_MAX];

    switch (cls) {
    case NETVANE_CLASS_LINK: out_color(out, OUT_IFNAME, "%.16s", link->name); break;
    case NETVANE_CLASS_ADDR:
        out_color(out, OUT_IFNAME, "%s ", view_ifname(v, addr->ifindex, name));
        out_color(out, out_family_color(addr->family), "%s/%u",
                  out_ip(addr->family, addr->local, ip), (unsigned)addr->prefix_len);
        break;
    case NETVANE_CLASS_ROUTE:
        if (route->dst_len == 0)
            fprintf(out, "%s default", name_family(route->family));
        else
            out_color(out, out_family_color(route->family), "%s",
                      out_prefix(route->family, route->dst, route->dst_len, ip));
        if (route->table != RT_TABLE_MAIN)
            fprintf(out, " table %s", name_of(NAME_TABLE, route->table, table));
        if (route->metric != 0)
            fprintf(out, " metric %u", route->metric);
        break;
    case NETVANE_CLASS_RULE:
        fprintf(out, "%s %u", name_family(rule->family), rule->priority);
        break;
    case NETVANE_CLASS_NEXTHOP: fprintf(out, "id %u", nh->nhid); break;
    case NETVANE_CLASS_COUNT: break;
    }
}

/* What an object's own JSON does not say of it. */
static void context_json(struct json *j, struct view *v, enum netvane_class cls, const void *object)
{
    const struct netvane_addr *addr = object;
    const struct netvane_route *route = object;
    const struct netvane_rule *rule = object;
    char name[VIEW_NAME_MAX];

    if (cls == NETVANE_CLASS_ADDR)
        json_string(j, "dev", view_ifname(v, addr->ifindex, name));
    else if (cls == NETVANE_CLASS_ROUTE)
        json_string(j, "family", name_family(route->family));
    else if (cls == NETVANE_CLASS_RULE)
        json_string(j, "family", name_family(rule->family));
}

void changes_begin_event(struct changes *c, struct json *j, const char *op, const char *cls)
{
    json_begin(j, c->out, false);
    json_open_object(j, NULL);
    if (c->stamp != NULL)
        json_string(j, "time", c->stamp);
    json_uint(j, "version", c->to.snap.version);
    json_string(j, "op", op);
    json_string(j, "class", cls);
}

static void change_json(struct changes *c, const struct netvane_change *change, char *before,
                        char *after)
{
    const char *op = before == NULL ? c->added : after == NULL ? c->removed : "change";
    struct json j;

    changes_begin_event(c, &j, op, class_name(change->cls));
    context_json(&j, after != NULL ? &c->to : &c->from, change->cls,
                 after != NULL ? change->after : change->before);
    if (before != NULL)
        json_raw(&j, "before", before);
    if (after != NULL)
        json_raw(&j, "after", after);
    json_close_object(&j);
    json_end_line(&j);
}

static void change_text(struct changes *c, const struct netvane_change *change, const char *before,
                        const char *after)
{
    enum out_color color = before == NULL ? OUT_GOOD : after == NULL ? OUT_BAD : OUT_WARN;

    if (c->time != NULL)
        out_color(c->out, OUT_DIM, "%s ", c->time);
    out_color(c->out, color, "%c", before == NULL ? '+' : after == NULL ? '-' : '~');
    fprintf(c->out, " %-7s ", class_name(change->cls));
    if (before == NULL) {
        object_text(c->out, &c->to, change->cls, change->after);
    } else if (after == NULL) {
        object_text(c->out, &c->from, change->cls, change->before);
    } else {
        key_text(c->out, &c->to, change->cls, change->after);
        fputs(": ", c->out);
        if (props_differ(c->out, before, after) == 0)
            fputs("order or lifetime", c->out);
    }
    fputc('\n', c->out);
}

int changes_one(struct changes *c, const struct netvane_change *change)
{
    char *before = NULL, *after = NULL;

    if (change->before != NULL &&
        (before = json_text(&c->from, change->cls, change->before)) == NULL)
        view_fail(&c->from, NETVANE_NO_MEMORY);
    if (change->after != NULL && (after = json_text(&c->to, change->cls, change->after)) == NULL)
        view_fail(&c->to, NETVANE_NO_MEMORY);
    if (c->from.error == 0 && c->to.error == 0) {
        if (c->tool->json)
            change_json(c, change, before, after);
        else
            change_text(c, change, before, after);
        c->count++;
    }
    free(before);
    free(after);
    return c->from.error != 0 ? c->from.error : c->to.error;
}

static int on_change(void *arg, const struct netvane_change *change)
{
    return changes_one(arg, change);
}

int changes_print(struct changes *c, uint32_t classes)
{
    c->from.error = c->to.error = 0;
    int rc = netvane_diff(&c->from.snap, &c->to.snap, classes, on_change, c);
    if (rc == 0)
        rc = c->from.error != 0 ? c->from.error : c->to.error;
    return rc;
}
