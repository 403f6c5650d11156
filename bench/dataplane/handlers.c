/* SPDX-License-Identifier: MIT */
/*
 * handlers.c - three small fallback handlers, all of which look at the destination alone.
 */
#include "handlers.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool covers(const struct handler *h, const struct packet *p)
{
    const unsigned bytes = h->prefix_len / 8u, bits = h->prefix_len % 8u;
    if (p->family != h->family || memcmp(p->dst, h->prefix, bytes) != 0)
        return false;
    return !bits || !((p->dst[bytes] ^ h->prefix[bytes]) >> (8 - bits));
}

static enum fallback_verdict ask_claim(void *arg, const struct packet *p)
{
    return covers(arg, p) ? FALLBACK_CLAIM : FALLBACK_DECLINE;
}

static enum fallback_verdict ask_reject(void *arg, const struct packet *p)
{
    return covers(arg, p) ? FALLBACK_CLAIM_AND_REJECT : FALLBACK_DECLINE;
}

static enum fallback_take take_via(void *arg, struct flow *flow, const struct packet *p,
                                   uint8_t ret_via[16])
{
    const struct handler *h = arg;
    (void)flow;
    (void)p;
    memcpy(ret_via, h->via, sizeof(h->via));
    return FALLBACK_SEND_VIA;
}

/* The flow counts its packets itself. Who needs more than that keeps it behind flow->cookie, and frees it in `end`. */
static enum fallback_take take_sink(void *arg, struct flow *flow, const struct packet *p,
                                    uint8_t ret_via[16])
{
    const struct handler *h = arg;
    (void)p;
    (void)ret_via;
    return flow->packets < h->packets ? FALLBACK_TAKEN : FALLBACK_TAKEN_LAST;
}

static int parse_address(const char *text, uint8_t *ret_family, uint8_t ret_ip[16])
{
    memset(ret_ip, 0, 16);
    *ret_family = strchr(text, ':') ? 6 : 4;
    return inet_pton(*ret_family == 4 ? AF_INET : AF_INET6, text, ret_ip) == 1 ? 0 : -1;
}

static int parse_prefix(char *text, struct handler *h)
{
    char *slash = strchr(text, '/'), *end;
    if (!slash)
        return -1;
    *slash = '\0';
    if (parse_address(text, &h->family, h->prefix))
        return -1;
    const unsigned long len = strtoul(slash + 1, &end, 10);
    if (end == slash + 1 || *end || len > (h->family == 4 ? 32 : 128))
        return -1;
    h->prefix_len = (uint8_t)len;
    return 0;
}

static int parse_more(const char *kind, const char *more, struct handler *h)
{
    struct fallback_handler *f = &h->fallback;
    uint8_t family;
    char *end;
    if (!strcmp(kind, "reject") && !more) {
        f->name = "reject";
        f->ask = ask_reject;
        f->take = take_sink; /* never called: what is rejected is not in flight */
        return 0;
    }
    f->ask = ask_claim;
    if (!strcmp(kind, "via") && more) {
        f->name = "via";
        f->take = take_via;
        return parse_address(more, &family, h->via) || family != h->family ? -1 : 0;
    }
    if (!strcmp(kind, "sink") && more) {
        f->name = "sink";
        f->take = take_sink;
        h->packets = strtoull(more, &end, 10);
        return end == more || *end || !h->packets ? -1 : 0;
    }
    return -1;
}

int handler_parse(const char *text, struct handler *ret_handler)
{
    char copy[160];
    struct handler h = {0};
    if (snprintf(copy, sizeof(copy), "%s", text) >= (int)sizeof(copy))
        return -1;
    char *prefix = strchr(copy, ',');
    if (!prefix)
        return -1;
    *prefix++ = '\0';
    char *more = strchr(prefix, ',');
    if (more)
        *more++ = '\0';
    if (parse_prefix(prefix, &h) || parse_more(copy, more, &h))
        return -1;
    *ret_handler = h;
    ret_handler->fallback.arg = ret_handler;
    return 0;
}
