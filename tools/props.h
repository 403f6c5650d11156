/* SPDX-License-Identifier: MIT */
/*
 * props.h - what differs between two objects, from their JSON.
 *
 * Owns:      comparing the members of two JSON objects and telling the differences in words.
 * Assumes:   both come from out_json.c, compact: no blanks between tokens.
 * Promises:  every member that differs is named; lists of words are told as +WORD -WORD.
 * Leaves:    what the objects are to changes.c.
 */
#ifndef PROPS_H
#define PROPS_H

#include <stdio.h>

/* Writes "mtu 1500 -> 1400, flags +UP" and returns how many members differ. */
unsigned props_differ(FILE *out, const char *before, const char *after);

#endif
