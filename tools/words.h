/* SPDX-License-Identifier: MIT */
/*
 * words.h - the writer's life and the State's quality in words.
 *
 * Owns:      the words.
 * Assumes:   values of netvane.h.
 * Promises:  a word for every value, known or not.
 * Leaves:    what to do about it to show and watch.
 */
#ifndef WORDS_H
#define WORDS_H

#include "out_json.h"

#define WORDS_MAX 128

/* "alive", "late", "dead", "stopped", "starting" */
const char *words_writer(uint32_t writer);
/* "exact", or the bits' words joined by commas. */
const char *words_quality(uint32_t quality, char buf[WORDS_MAX]);
/* The bits' words as elements of an open array. */
void words_quality_json(struct json *j, uint32_t quality);

#endif
