/* SPDX-License-Identifier: MIT */
/*
 * fmt_rule.c - a policy rule as `ip rule` prints it.
 *
 * Owns:      the keys of `ip -j -d rule` and the line of `ip rule`.
 * Assumes:   see fmt.h.
 * Promises:  every selector and every action that the State holds.
 * Leaves:    nothing.
 */
#include "fmt.h"
#include "names.h"
#include "out_text.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

static unsigned host_len(const struct netvane_rule *rule)
{
    return rule->family == 4 ? 32 : 128;
}

static void prefix_json(struct json *j, const struct netvane_rule *rule, const char *key,
                        const char *len_key, const uint8_t *ip, unsigned len)
{
    char buf[OUT_IP_MAX];

    json_string(j, key, out_ip(rule->family, ip, buf));
    if (len != host_len(rule))
        json_uint(j, len_key, len);
}

static void ports_json(struct json *j, const char *one, const char *from, const char *to,
                       uint16_t start, uint16_t end)
{
    if (start == end) {
        json_uint(j, one, start);
        return;
    }
    json_uint(j, from, start);
    json_uint(j, to, end);
}

static void selectors_json(struct json *j, const struct netvane_rule *rule)
{
    char buf[NAME_TEXT_MAX];

    if (rule->present & NETVANE_RULE_HAS_FWMARK) {
        json_hex(j, "fwmark", rule->fwmark);
        if (rule->fwmask != UINT32_MAX)
            json_hex(j, "fwmask", rule->fwmask);
    }
    if (rule->iif[0] != 0) {
        snprintf(buf, sizeof(buf), "%.16s", rule->iif);
        json_string(j, "iif", buf);
        if (rule->present & NETVANE_RULE_IIF_DETACHED)
            json_null(j, "iif_detached");
    }
    if (rule->oif[0] != 0) {
        snprintf(buf, sizeof(buf), "%.16s", rule->oif);
        json_string(j, "oif", buf);
        if (rule->present & NETVANE_RULE_OIF_DETACHED)
            json_null(j, "oif_detached");
    }
    if (rule->present & NETVANE_RULE_L3MDEV)
        json_null(j, "l3mdev");
    if (rule->present & NETVANE_RULE_HAS_UID) {
        json_uint(j, "uid_start", rule->uid_start);
        json_uint(j, "uid_end", rule->uid_end);
    }
    if (rule->ip_proto != 0)
        json_string(j, "ipproto", name_ip_proto(rule->ip_proto, buf));
    if (rule->present & NETVANE_RULE_HAS_SPORT)
        ports_json(j, "sport", "sport_start", "sport_end", rule->sport_start, rule->sport_end);
    if (rule->present & NETVANE_RULE_HAS_DPORT)
        ports_json(j, "dport", "dport_start", "dport_end", rule->dport_start, rule->dport_end);
    if (rule->present & NETVANE_RULE_HAS_TUN_ID)
        json_uint(j, "tun_id", rule->tun_id);
}

static bool has_suppress_prefix(const struct netvane_rule *rule)
{
    return (rule->present & NETVANE_RULE_HAS_SUPPRESS_PREFIX) &&
           rule->suppress_prefix_len != UINT32_MAX;
}

static bool has_suppress_group(const struct netvane_rule *rule)
{
    return (rule->present & NETVANE_RULE_HAS_SUPPRESS_GROUP) && rule->suppress_group != UINT32_MAX;
}

static void action_json(struct json *j, const struct netvane_rule *rule)
{
    char buf[NAME_TEXT_MAX];

    if (rule->table != 0) {
        json_string(j, "table", name_of(NAME_TABLE, rule->table, buf));
        if (has_suppress_prefix(rule))
            json_uint(j, "suppress_prefixlen", rule->suppress_prefix_len);
        if (has_suppress_group(rule))
            json_string(j, "suppress_ifgroup", name_of(NAME_GROUP, rule->suppress_group, buf));
    }
    if (rule->realms != 0) {
        if (rule->realms >> 16 != 0)
            json_string(j, "flow_from", name_of(NAME_REALM, rule->realms >> 16, buf));
        json_string(j, "flow_to", name_of(NAME_REALM, rule->realms & 0xffffu, buf));
    }
    if (rule->action == FR_ACT_GOTO) {
        json_uint(j, "goto", rule->target);
        if (rule->present & NETVANE_RULE_UNRESOLVED)
            json_null(j, "unresolved");
    } else if (rule->action == FR_ACT_NOP) {
        json_null(j, "nop");
    } else if (rule->action != FR_ACT_TO_TBL) {
        json_string(j, "action", name_route_type(rule->action, buf));
    }
}

void fmt_rule_json(struct json *j, const struct netvane_rule *rule)
{
    char buf[NAME_TEXT_MAX];

    json_open_object(j, NULL);
    json_uint(j, "priority", rule->priority);
    if (rule->present & NETVANE_RULE_INVERT)
        json_null(j, "not");
    if (rule->src_len != 0)
        prefix_json(j, rule, "src", "srclen", rule->src, rule->src_len);
    else
        json_string(j, "src", "all");
    if (rule->dst_len != 0)
        prefix_json(j, rule, "dst", "dstlen", rule->dst, rule->dst_len);
    if (rule->tos != 0)
        json_string(j, "tos", name_of(NAME_DSFIELD, rule->tos, buf));
    selectors_json(j, rule);
    action_json(j, rule);
    json_string(j, "protocol", name_of(NAME_PROTO, rule->protocol, buf));
    json_close_object(j);
}

static void ports_text(FILE *out, const char *name, uint16_t start, uint16_t end)
{
    if (start == end)
        fprintf(out, " %s %u", name, (unsigned)start);
    else
        fprintf(out, " %s %u-%u", name, (unsigned)start, (unsigned)end);
}

static void selectors_text(FILE *out, const struct netvane_rule *rule)
{
    char buf[NAME_TEXT_MAX];

    if (rule->present & NETVANE_RULE_HAS_FWMARK) {
        fprintf(out, " fwmark %#x", rule->fwmark);
        if (rule->fwmask != UINT32_MAX)
            fprintf(out, "/%#x", rule->fwmask);
    }
    if (rule->iif[0] != 0) {
        fputs(" iif ", out);
        out_color(out, OUT_IFNAME, "%.16s", rule->iif);
        if (rule->present & NETVANE_RULE_IIF_DETACHED)
            fputs(" [detached]", out);
    }
    if (rule->oif[0] != 0) {
        fputs(" oif ", out);
        out_color(out, OUT_IFNAME, "%.16s", rule->oif);
        if (rule->present & NETVANE_RULE_OIF_DETACHED)
            fputs(" [detached]", out);
    }
    if (rule->present & NETVANE_RULE_L3MDEV)
        fputs(" lookup [l3mdev-table]", out);
    if (rule->present & NETVANE_RULE_HAS_UID)
        fprintf(out, " uidrange %u-%u", rule->uid_start, rule->uid_end);
    if (rule->ip_proto != 0)
        fprintf(out, " ipproto %s", name_ip_proto(rule->ip_proto, buf));
    if (rule->present & NETVANE_RULE_HAS_SPORT)
        ports_text(out, "sport", rule->sport_start, rule->sport_end);
    if (rule->present & NETVANE_RULE_HAS_DPORT)
        ports_text(out, "dport", rule->dport_start, rule->dport_end);
    if (rule->present & NETVANE_RULE_HAS_TUN_ID)
        fprintf(out, " tun_id %llu", (unsigned long long)rule->tun_id);
}

static void action_text(FILE *out, const struct netvane_rule *rule)
{
    char buf[NAME_TEXT_MAX];

    if (rule->table != 0) {
        fprintf(out, " lookup %s", name_of(NAME_TABLE, rule->table, buf));
        if (has_suppress_prefix(rule))
            fprintf(out, " suppress_prefixlength %u", rule->suppress_prefix_len);
        if (has_suppress_group(rule))
            fprintf(out, " suppress_ifgroup %s", name_of(NAME_GROUP, rule->suppress_group, buf));
    }
    if (rule->realms != 0) {
        fputs(" realms ", out);
        if (rule->realms >> 16 != 0)
            fprintf(out, "%s/", name_of(NAME_REALM, rule->realms >> 16, buf));
        fputs(name_of(NAME_REALM, rule->realms & 0xffffu, buf), out);
    }
    if (rule->action == FR_ACT_GOTO)
        fprintf(out, " goto %u%s", rule->target,
                rule->present & NETVANE_RULE_UNRESOLVED ? " [unresolved]" : "");
    else if (rule->action == FR_ACT_NOP)
        fputs(" nop", out);
    else if (rule->action != FR_ACT_TO_TBL)
        fprintf(out, " %s", name_route_type(rule->action, buf));
}

void fmt_rule_text(FILE *out, const struct netvane_rule *rule, unsigned how)
{
    enum out_color color = out_family_color(rule->family);
    char buf[OUT_IP_MAX], name[NAME_TEXT_MAX];

    fprintf(out, how & FMT_ONE_LINE ? "%u: " : "%u:\t", rule->priority);
    if (rule->present & NETVANE_RULE_INVERT)
        fputs("not ", out);
    fputs("from ", out);
    if (rule->src_len != 0)
        out_color(out, color, "%s", out_prefix(rule->family, rule->src, rule->src_len, buf));
    else
        fputs("all", out);
    if (rule->dst_len != 0) {
        fputs(" to ", out);
        out_color(out, color, "%s", out_prefix(rule->family, rule->dst, rule->dst_len, buf));
    }
    if (rule->tos != 0)
        fprintf(out, " tos %s", name_of(NAME_DSFIELD, rule->tos, name));
    selectors_text(out, rule);
    action_text(out, rule);
    if (rule->protocol != 0 && rule->protocol != RTPROT_KERNEL)
        fprintf(out, " proto %s", name_of(NAME_PROTO, rule->protocol, name));
}
