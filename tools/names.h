/* SPDX-License-Identifier: MIT */
/*
 * names.h - words for the kernel's numbers, as iproute2 writes them.
 *
 * Owns:      the name databases (tables, protocols, scopes, groups, realms, DS fields) and fixed words.
 * Assumes:   the files under /etc/iproute2 and /usr/share/iproute2 do not change while the tool runs.
 * Promises:  every number has a word, if only its digits; a missing or broken file is no error.
 * Leaves:    names of links, which are part of the State, to view.h.
 */
#ifndef NAMES_H
#define NAMES_H

#include <stdbool.h>
#include <stdint.h>

enum name_db {
    NAME_TABLE,
    NAME_PROTO,
    NAME_SCOPE,
    NAME_GROUP,
    NAME_REALM,
    NAME_DSFIELD,
    NAME_DB_COUNT
};

#define NAME_TEXT_MAX 64

/* Digits instead of names from now on (-N). */
void name_set_numeric(bool numeric);

/* The name of id, else its digits in buf. Valid as long as buf. */
const char *name_of(enum name_db db, uint32_t id, char buf[NAME_TEXT_MAX]);
/* By name or number. */
bool name_to_id(enum name_db db, const char *text, uint32_t *ret_id);
/* Calls fn for each name that is known, until it returns not 0. */
int name_each(enum name_db db, int (*fn)(void *arg, uint32_t id, const char *name), void *arg);

const char *name_route_type(uint32_t type, char buf[NAME_TEXT_MAX]);
bool name_to_route_type(const char *text, uint8_t *ret_type);
const char *name_link_type(uint32_t type, char buf[NAME_TEXT_MAX]);
const char *name_ip_proto(uint32_t proto, char buf[NAME_TEXT_MAX]);
const char *name_eth_proto(uint32_t proto, char buf[NAME_TEXT_MAX]);
/* NULL for states that have no name. */
const char *name_operstate(uint32_t state);
const char *name_family(uint32_t family);

/* One bit and its word; lists end with a NULL word and are in the order in which iproute2 prints them. */
struct name_flag {
    uint32_t bit;
    const char *word;
};
extern const struct name_flag name_link_flags[];
extern const struct name_flag name_route_flags[];
extern const struct name_flag name_vlan_flags[];

#endif
