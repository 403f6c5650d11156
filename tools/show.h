/* SPDX-License-Identifier: MIT */
/*
 * show.h - the parts of the `netvane show` screen.
 *
 * Owns:      struct screen, what the parts share.
 * Assumes:   parts are printed in the order in which they are declared.
 * Promises:  lines fit into the terminal's width, as long as names do.
 * Leaves:    colours and width to out_text.h.
 */
#ifndef SHOW_H
#define SHOW_H

#include "tool.h"

struct screen {
    struct tool *tool;
    struct view *v;
    FILE *out;
    unsigned width;
    struct netvane_health health;
    struct netvane_info info;
    uint32_t egress_link[2]; /* of IPv4, IPv6; 0: none */
};

/* show_head.c */
void show_heading(struct screen *s);
void show_defaults(struct screen *s);
/* show_links.c */
void show_links(struct screen *s);
/* show_tables.c */
void show_routes(struct screen *s);
void show_rules(struct screen *s);
void show_nexthops(struct screen *s);

#endif
