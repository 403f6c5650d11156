/* SPDX-License-Identifier: MIT */
/*
 * handlers.h - the fallback handlers that the command line can ask for, as examples of what one may do.
 *
 *     reject,PREFIX        claims flows to PREFIX and has them refused
 *     via,PREFIX,ADDRESS   claims them, and sends them the way that leads to ADDRESS: a gateway of last resort
 *     sink,PREFIX,PACKETS  claims them, swallows so many packets of each, then is finished with it
 */
#ifndef DATAPLANE_HANDLERS_H
#define DATAPLANE_HANDLERS_H

#include "fallback.h"

struct handler {
    struct fallback_handler fallback; /* to register; its arg is this struct */
    uint8_t family, prefix_len;
    uint8_t prefix[16], via[16];
    uint64_t packets;
};

/* Fills *ret_handler, which must stay where it is while it is registered. -1: not understood. */
int handler_parse(const char *text, struct handler *ret_handler);

#endif
