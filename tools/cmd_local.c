/* SPDX-License-Identifier: MIT */
/*
 * cmd_local.c - `netvane local`: what an unspecified bind (0.0.0.0 or ::) means now.
 *
 * Owns:      the words after "local", and the list.
 * Assumes:   netvane_local_list decides what is usable, and what is best.
 * Promises:  one address a line, best first; exit 1 if there is none.
 * Leaves:    all addresses, usable or not, to cmd_addr.c.
 */
#include "names.h"
#include "out_text.h"
#include "tool.h"

#include <stdlib.h>
#include <string.h>

/* All usable addresses of a family; freed by the caller. */
static struct netvane_addr *list(struct view *v, unsigned family, uint32_t flags, size_t *ret_count)
{
    size_t capacity = 64, count = 0;

    for (;;) {
        struct netvane_addr *addrs = calloc(capacity, sizeof(*addrs));
        int rc = NETVANE_NO_MEMORY;

        if (addrs != NULL) {
            addrs[0].size = (uint32_t)sizeof(addrs[0]);
            rc = netvane_local_list(&v->snap, (uint8_t)family, flags, addrs, capacity, &count);
        }
        if (rc == 0 && count <= capacity) {
            *ret_count = count;
            return addrs;
        }
        free(addrs);
        if (rc != 0) {
            view_fail(v, rc);
            return NULL;
        }
        capacity = count;
    }
}

static void print(struct tool *t, struct view *v, struct json *j, const struct netvane_addr *addr)
{
    char ip[OUT_IP_MAX], name[VIEW_NAME_MAX], scope[NAME_TEXT_MAX];

    out_ip(addr->family, addr->local, ip);
    view_ifname(v, addr->ifindex, name);
    name_of(NAME_SCOPE, addr->scope, scope);
    if (t->json) {
        json_open_object(j, NULL);
        json_string(j, "family", name_family(addr->family));
        json_string(j, "local", ip);
        json_uint(j, "prefixlen", addr->prefix_len);
        json_string(j, "dev", name);
        json_string(j, "scope", name_of(NAME_SCOPE, addr->scope, scope));
        json_close_object(j);
        return;
    }
    out_color(j->out, out_family_color(addr->family), "%s", ip);
    fprintf(j->out, "/%u dev ", (unsigned)addr->prefix_len);
    out_color(j->out, OUT_IFNAME, "%s", name);
    fprintf(j->out, " scope %s\n", name_of(NAME_SCOPE, addr->scope, scope));
}

static int render(void *arg, struct tool *t, struct view *v, FILE *out)
{
    uint32_t flags = *(const uint32_t *)arg;
    size_t all = 0;
    struct json j;

    json_begin(&j, out, t->pretty);
    if (t->json)
        json_open_array(&j, NULL);
    for (unsigned family = 4; family <= 6; family += 2) {
        size_t count = 0;

        if (t->family != 0 && t->family != family)
            continue;
        struct netvane_addr *addrs = list(v, family, flags, &count);
        for (size_t i = 0; addrs != NULL && i < count; i++)
            print(t, v, &j, &addrs[i]);
        all += count;
        free(addrs);
    }
    if (t->json) {
        json_close_array(&j);
        json_end_line(&j);
    }
    return all > 0 ? EXIT_OK : EXIT_DIFFERENT;
}

int cmd_local(struct tool *t, struct args *a)
{
    uint32_t flags = 0;

    args_skip_show(a);
    for (const char *word; (word = args_next(a)) != NULL;) {
        if (strcmp(word, "--link-local") == 0 || strcmp(word, "link-local") == 0)
            flags |= NETVANE_LOCAL_LINK_LOCAL;
        else if (strcmp(word, "--deprecated") == 0 || strcmp(word, "deprecated") == 0)
            flags |= NETVANE_LOCAL_DEPRECATED;
        else if (strcmp(word, "--loopback") == 0 || strcmp(word, "loopback") == 0)
            flags |= NETVANE_LOCAL_LOOPBACK;
        else
            return args_unknown(a, word, "say local [--link-local] [--deprecated] [--loopback]");
    }
    return tool_render(t, render, &flags);
}
