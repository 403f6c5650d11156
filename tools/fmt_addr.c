/* SPDX-License-Identifier: MIT */
/*
 * fmt_addr.c - an address as `ip addr` prints it.
 *
 * Owns:      the keys of an element of addr_info, and its two lines of text.
 * Assumes:   see fmt.h.
 * Promises:  lifetimes are seconds left, 4294967295 for ever, as the kernel would round them now.
 * Leaves:    the link above to fmt_link.c.
 */
#include "fmt.h"
#include "names.h"
#include "out_text.h"

#include <linux/if_addr.h>
#include <string.h>

static const struct name_flag addr_flags[] = {
    {IFA_F_SECONDARY, "secondary"},
    {IFA_F_NODAD, "nodad"},
    {IFA_F_OPTIMISTIC, "optimistic"},
    {IFA_F_DADFAILED, "dadfailed"},
    {IFA_F_HOMEADDRESS, "home"},
    {IFA_F_DEPRECATED, "deprecated"},
    {IFA_F_TENTATIVE, "tentative"},
    {IFA_F_PERMANENT, "dynamic"}, /* the word stands for its absence */
    {IFA_F_MANAGETEMPADDR, "mngtmpaddr"},
    {IFA_F_NOPREFIXROUTE, "noprefixroute"},
    {IFA_F_MCAUTOJOIN, "autojoin"},
    {IFA_F_STABLE_PRIVACY, "stable-privacy"},
    {0, NULL},
};

uint32_t fmt_addr_flags(const struct netvane_addr *addr, void (*fn)(void *arg, const char *word),
                        void *arg)
{
    uint32_t flags = addr->flags;

    for (const struct name_flag *flag = addr_flags; flag->word != NULL; flag++) {
        bool set = (flags & flag->bit) != 0;

        if (flag->bit == IFA_F_PERMANENT)
            set = !set;
        if (set && flag->bit == IFA_F_SECONDARY && addr->family == 6)
            fn(arg, "temporary");
        else if (set)
            fn(arg, flag->word);
        flags &= ~flag->bit;
    }
    return flags;
}

static void flag_json(void *arg, const char *word)
{
    json_bool(arg, word, true);
}

static void flag_text(void *arg, const char *word)
{
    fprintf(arg, "%s ", word);
}

void fmt_addr_json(struct json *j, const struct netvane_addr *addr)
{
    char ip[OUT_IP_MAX], buf[NAME_TEXT_MAX];

    json_open_object(j, NULL);
    json_string(j, "family", name_family(addr->family));
    json_string(j, "local", out_ip(addr->family, addr->local, ip));
    if (addr->present & NETVANE_ADDR_HAS_PEER)
        json_string(j, "address", out_ip(addr->family, addr->peer, ip));
    json_uint(j, "prefixlen", addr->prefix_len);
    if (addr->present & NETVANE_ADDR_HAS_METRIC)
        json_uint(j, "metric", addr->metric);
    if (addr->present & NETVANE_ADDR_HAS_BROADCAST)
        json_string(j, "broadcast", out_ip(4, addr->broadcast, ip));
    json_string(j, "scope", name_of(NAME_SCOPE, addr->scope, buf));
    uint32_t rest = fmt_addr_flags(addr, flag_json, j);
    if (rest != 0) {
        snprintf(buf, sizeof(buf), "%02x", rest);
        json_string(j, "ifa_flags", buf);
    }
    if (addr->present & NETVANE_ADDR_HAS_LABEL) {
        snprintf(buf, sizeof(buf), "%.16s", addr->label);
        json_string(j, "label", buf);
    }
    json_uint(j, "valid_life_time", fmt_seconds_left(addr->valid_until_ns, true));
    json_uint(j, "preferred_life_time", fmt_seconds_left(addr->preferred_until_ns, true));
    json_close_object(j);
}

static void lifetime_text(FILE *out, const char *name, uint64_t until_ns)
{
    if (until_ns == UINT64_MAX)
        fprintf(out, "%s forever", name);
    else
        fprintf(out, "%s %usec", name, fmt_seconds_left(until_ns, true));
}

void fmt_addr_text(FILE *out, const struct netvane_addr *addr, unsigned how)
{
    enum out_color color = out_family_color(addr->family);
    char ip[OUT_IP_MAX], buf[NAME_TEXT_MAX];

    fprintf(out, "%s%s ", how & FMT_ONE_LINE ? "" : "    ", name_family(addr->family));
    out_color(out, color, "%s", out_ip(addr->family, addr->local, ip));
    if (addr->present & NETVANE_ADDR_HAS_PEER) {
        fputs(" peer ", out);
        out_color(out, color, "%s", out_ip(addr->family, addr->peer, ip));
    }
    fprintf(out, "/%u ", (unsigned)addr->prefix_len);
    if (addr->present & NETVANE_ADDR_HAS_METRIC)
        fprintf(out, "metric %u ", addr->metric);
    if (addr->present & NETVANE_ADDR_HAS_BROADCAST) {
        fputs("brd ", out);
        out_color(out, color, "%s ", out_ip(4, addr->broadcast, ip));
    }
    fprintf(out, "scope %s ", name_of(NAME_SCOPE, addr->scope, buf));
    uint32_t rest = fmt_addr_flags(addr, flag_text, out);
    if (rest != 0)
        fprintf(out, "flags %02x ", rest);
    if (addr->present & NETVANE_ADDR_HAS_LABEL)
        fprintf(out, "%.16s", addr->label);
    if (how & FMT_ONE_LINE)
        return;
    lifetime_text(out, "\n       valid_lft", addr->valid_until_ns);
    lifetime_text(out, " preferred_lft", addr->preferred_until_ns);
}
