/* SPDX-License-Identifier: MIT */
/*
 * fmt.h - one object of the State as JSON and as text, in iproute2's shape.
 *
 * Owns:      struct view: the snapshot that an object's names and strings are read from.
 * Assumes:   an object is written with the view that it was read with.
 * Promises:  keys, values, nesting and the order of keys are those of `ip -j -d`, of each property that the
 *            State holds; text is that of plain `ip`. Errors stick in view.error: what was written until
 *            then must be thrown away.
 * Leaves:    which objects, and in which order, to cmd_*.c.
 */
#ifndef FMT_H
#define FMT_H

#include "out_json.h"

#include <netvane/netvane.h>
#include <stdbool.h>
#include <stdio.h>

struct view {
    struct netvane_snap snap;
    int error; /* the first that a lookup met, but NOT_FOUND */
};

/* Remembers the first error; NOT_FOUND is none. */
void view_fail(struct view *v, int error);
#define VIEW_NAME_MAX 24
/* The link's name, "if7" where it has none in this State. */
const char *view_ifname(struct view *v, uint32_t ifindex, char buf[VIEW_NAME_MAX]);
#define VIEW_STRING_MAX 512
/* String id; empty where it is absent. Returns its length. */
size_t view_string(struct view *v, uint32_t id, char buf[VIEW_STRING_MAX]);

/* What `ip` leaves out because the user asked for just that. */
#define FMT_HIDE_TABLE (1u << 0)
#define FMT_HIDE_DEV   (1u << 1)
#define FMT_HIDE_PROTO (1u << 2)
#define FMT_HIDE_MAC   (1u << 3) /* text of `ip -4 addr` has no link/ether line */
#define FMT_ADDR_VERB \
    (1u << 4) /* a link as the head of its addresses: without mode and addrgenmode */
#define FMT_ONE_LINE (1u << 5) /* text in one line, whatever `ip` does */
#define FMT_NO_INFO  (1u << 6) /* a route without the nexthop object that it names */

/* The keys of a link go into an object that the caller opens, and may add to. */
void fmt_link_json(struct json *j, struct view *v, const struct netvane_link *link, unsigned how);
void fmt_link_text(FILE *out, struct view *v, const struct netvane_link *link, unsigned how);
/* "veth", "loopback", "ether": what a link is, in one word. */
const char *fmt_link_kind(struct view *v, const struct netvane_link *link,
                          char buf[VIEW_STRING_MAX]);

void fmt_addr_json(struct json *j, const struct netvane_addr *addr);
void fmt_addr_text(FILE *out, const struct netvane_addr *addr, unsigned how);
/* Calls fn with each flag's word: "dynamic", "tentative", ... and returns the bits that have none. */
uint32_t fmt_addr_flags(const struct netvane_addr *addr, void (*fn)(void *arg, const char *word),
                        void *arg);

void fmt_route_json(struct json *j, struct view *v, const struct netvane_route *route,
                    unsigned how);
void fmt_route_text(FILE *out, struct view *v, const struct netvane_route *route, unsigned how);
void fmt_metrics_json(struct json *j, struct view *v, const struct netvane_route *route);
void fmt_metrics_text(FILE *out, struct view *v, const struct netvane_route *route);
void fmt_route_flags_json(struct json *j, uint32_t flags);
void fmt_route_flags_text(FILE *out, uint32_t flags);

/* The parts of a route that an answer has, too. */
void fmt_gateway_json(struct json *j, unsigned family, const struct netvane_hop *hop);
void fmt_gateway_text(FILE *out, unsigned family, const struct netvane_hop *hop);
void fmt_realm_json(struct json *j, uint32_t realm);
void fmt_realm_text(FILE *out, uint32_t realm);
#define FMT_PREF_MAX 64
const char *fmt_pref_name(unsigned pref, char buf[FMT_PREF_MAX]);

void fmt_encap_json(struct json *j, struct view *v, uint32_t type, uint32_t string_id);
void fmt_encap_text(FILE *out, struct view *v, uint32_t type, uint32_t string_id);

void fmt_rule_json(struct json *j, const struct netvane_rule *rule);
void fmt_rule_text(FILE *out, const struct netvane_rule *rule, unsigned how);

/* name: the key of the object, NULL in an array. */
void fmt_nexthop_json(struct json *j, struct view *v, const struct netvane_nexthop *nh,
                      const char *name);
void fmt_nexthop_text(FILE *out, struct view *v, const struct netvane_nexthop *nh);

/* Whole seconds left, as the kernel counts: rounded up for addresses, down for routes. */
uint32_t fmt_seconds_left(uint64_t until_ns, bool round_up);

#endif
