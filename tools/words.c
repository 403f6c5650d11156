/* SPDX-License-Identifier: MIT */
/*
 * words.c - the writer's life and the State's quality in words.
 *
 * Owns:      the tables.
 * Assumes:   values of netvane.h.
 * Promises:  see words.h.
 * Leaves:    nothing.
 */
#include "words.h"

#include <netvane/netvane.h>
#include <stdio.h>

static const struct {
    uint32_t bit;
    const char *word;
} qualities[] = {
    {NETVANE_QUALITY_RESYNCING, "resyncing"}, {NETVANE_QUALITY_APPROXIMATE, "approximate"},
    {NETVANE_QUALITY_DEGRADED, "degraded"},   {NETVANE_QUALITY_STOPPED, "stopped"},
    {NETVANE_QUALITY_FILTERED, "filtered"},
};

#define QUALITY_COUNT (sizeof(qualities) / sizeof(qualities[0]))

const char *words_writer(uint32_t writer)
{
    static const char *const words[] = {
        [NETVANE_WRITER_LIVE] = "alive",        [NETVANE_WRITER_LATE] = "late",
        [NETVANE_WRITER_DEAD] = "dead",         [NETVANE_WRITER_STOPPED] = "stopped",
        [NETVANE_WRITER_STARTING] = "starting",
    };

    return writer < sizeof(words) / sizeof(words[0]) ? words[writer] : "unknown";
}

const char *words_quality(uint32_t quality, char buf[WORDS_MAX])
{
    size_t used = 0;

    snprintf(buf, WORDS_MAX, "exact");
    if (quality == NETVANE_QUALITY_FILTERED) {
        snprintf(buf, WORDS_MAX, "exact, filtered");
        return buf;
    }
    for (size_t i = 0; i < QUALITY_COUNT; i++) {
        if (quality & qualities[i].bit)
            used += (size_t)snprintf(buf + used, WORDS_MAX - used, used == 0 ? "%s" : ", %s",
                                     qualities[i].word);
    }
    return buf;
}

void words_quality_json(struct json *j, uint32_t quality)
{
    for (size_t i = 0; i < QUALITY_COUNT; i++) {
        if (quality & qualities[i].bit)
            json_string(j, NULL, qualities[i].word);
    }
}
