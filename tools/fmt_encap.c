/* SPDX-License-Identifier: MIT */
/*
 * fmt_encap.c - a lightweight tunnel of a route or nexthop, as `ip route` prints it.
 *
 * Owns:      reading the raw attributes that the State keeps of an encapsulation.
 * Assumes:   they are netlink attributes in this host's byte order, but hostile otherwise.
 * Promises:  mpls, ip, ip6, seg6, bpf and xfrm in full but for tunnel options; of other types the name.
 *            Attributes that are cut short are left out.
 * Leaves:    nothing.
 */
#include "fmt.h"
#include "out_text.h"

#include <arpa/inet.h>
#include <linux/lwtunnel.h>
#include <linux/mpls.h>
#include <linux/mpls_iptunnel.h>
#include <linux/netlink.h>
#include <linux/seg6_iptunnel.h>
#include <string.h>

#define ATTRS_MAX  16
#define ATTR_HEAD  sizeof(struct nlattr)
#define ATTR_TYPES 0x3fffu /* without the bits "nested" and "byte order" */

struct attr {
    const uint8_t *bytes;
    size_t len;
};

/* One writer for both shapes: j or out is NULL. */
struct sink {
    struct json *j;
    FILE *out;
    struct view *v;
};

static void parse(const uint8_t *bytes, size_t len, struct attr attrs[ATTRS_MAX])
{
    struct nlattr head;

    memset(attrs, 0, ATTRS_MAX * sizeof(*attrs));
    while (len >= ATTR_HEAD) {
        memcpy(&head, bytes, sizeof(head));
        size_t step = (head.nla_len + (size_t)3) & ~(size_t)3;
        unsigned type = head.nla_type & ATTR_TYPES;

        if (head.nla_len < ATTR_HEAD || head.nla_len > len)
            return;
        if (type < ATTRS_MAX) {
            attrs[type].bytes = bytes + ATTR_HEAD;
            attrs[type].len = head.nla_len - ATTR_HEAD;
        }
        if (step > len)
            return;
        bytes += step;
        len -= step;
    }
}

static uint32_t word_of(const struct attr *attr)
{
    uint32_t value = 0;

    memcpy(&value, attr->bytes, 4);
    return value;
}

static void put_uint(struct sink *s, const char *key, uint64_t value)
{
    if (s->j != NULL)
        json_uint(s->j, key, value);
    else
        fprintf(s->out, "%s %llu ", key, (unsigned long long)value);
}

static void put_string(struct sink *s, const char *key, const char *value)
{
    if (s->j != NULL)
        json_string(s->j, key, value);
    else
        fprintf(s->out, "%s %s ", key, value);
}

static void put_ip(struct sink *s, const char *key, unsigned family, const struct attr *attr)
{
    char ip[OUT_IP_MAX];

    if (attr->len < (family == 4 ? 4u : 16u))
        return;
    out_ip(family, attr->bytes, ip);
    if (s->j != NULL) {
        json_string(s->j, key, ip);
        return;
    }
    fprintf(s->out, "%s ", key);
    out_color(s->out, out_family_color(family), "%s ", ip);
}

static void put_byte(struct sink *s, const char *key, const struct attr *attr)
{
    if (attr->len >= 1)
        put_uint(s, key, attr->bytes[0]);
}

static void put_flag(struct sink *s, const char *key)
{
    if (s->j != NULL)
        json_bool(s->j, key, true);
    else
        fprintf(s->out, "%s ", key);
}

static void print_mpls(struct sink *s, const struct attr attrs[ATTRS_MAX])
{
    const struct attr *dst = &attrs[MPLS_IPTUNNEL_DST];
    char labels[160];
    size_t used = 0;

    labels[0] = 0;
    for (size_t at = 0; at + 4 <= dst->len && used + 12 < sizeof(labels); at += 4) {
        uint32_t entry;

        memcpy(&entry, dst->bytes + at, 4);
        entry = ntohl(entry);
        used += (size_t)snprintf(labels + used, sizeof(labels) - used, at == 0 ? "%u" : "/%u",
                                 (entry & MPLS_LS_LABEL_MASK) >> MPLS_LS_LABEL_SHIFT);
        if (entry & MPLS_LS_S_MASK)
            break;
    }
    if (dst->len >= 4 && s->j != NULL)
        json_string(s->j, "dst", labels);
    else if (dst->len >= 4)
        fprintf(s->out, " %s ", labels);
    put_byte(s, "ttl", &attrs[MPLS_IPTUNNEL_TTL]);
}

/* The attributes of ip and ip6 have the same numbers, but other names and sizes. */
static void print_ip(struct sink *s, const struct attr attrs[ATTRS_MAX], unsigned family)
{
    const struct attr *id = &attrs[LWTUNNEL_IP_ID], *flags = &attrs[LWTUNNEL_IP_FLAGS];

    if (id->len >= 8) {
        uint64_t value = 0;
        for (unsigned i = 0; i < 8; i++)
            value = value << 8 | id->bytes[i];
        put_uint(s, "id", value);
    }
    put_ip(s, "src", family, &attrs[LWTUNNEL_IP_SRC]);
    put_ip(s, "dst", family, &attrs[LWTUNNEL_IP_DST]);
    put_byte(s, family == 4 ? "ttl" : "hoplimit", &attrs[LWTUNNEL_IP_TTL]);
    put_byte(s, family == 4 ? "tos" : "tc", &attrs[LWTUNNEL_IP_TOS]);
    if (flags->len < 2)
        return;
    uint16_t bits; /* big-endian: TUNNEL_CSUM 1, TUNNEL_KEY 4, TUNNEL_SEQ 8 */
    memcpy(&bits, flags->bytes, 2);
    bits = ntohs(bits);
    if (bits & 0x0004)
        put_flag(s, "key");
    if (bits & 0x0001)
        put_flag(s, "csum");
    if (bits & 0x0008)
        put_flag(s, "seq");
}

static void print_seg6(struct sink *s, const struct attr attrs[ATTRS_MAX])
{
    static const char *const modes[] = {"inline", "encap", "l2encap", "encap.red", "l2encap.red"};
    const struct attr *srh = &attrs[SEG6_IPTUNNEL_SRH];
    char ip[OUT_IP_MAX];

    /* int mode, then the header of RFC 8754: byte 4 is the index of the last segment. */
    if (srh->len < 4 + 8)
        return;
    uint32_t mode = word_of(srh);
    unsigned last = srh->bytes[4 + 4];
    const uint8_t *segments = srh->bytes + 4 + 8;

    if (srh->len < 4 + 8 + ((size_t)last + 1) * 16)
        return;
    put_string(s, "mode", mode < sizeof(modes) / sizeof(modes[0]) ? modes[mode] : "<unknown>");
    if (s->j != NULL)
        json_open_array(s->j, "segs");
    else
        fprintf(s->out, "segs %u [ ", last + 1);
    for (unsigned i = last + 1; i-- > 0;) {
        out_ip(6, segments + (size_t)i * 16, ip);
        if (s->j != NULL)
            json_string(s->j, NULL, ip);
        else
            out_color(s->out, OUT_INET6, "%s ", ip);
    }
    if (s->j != NULL)
        json_close_array(s->j);
    else
        fputs("] ", s->out);
}

static void print_bpf(struct sink *s, const struct attr attrs[ATTRS_MAX])
{
    static const char *const hooks[] = {
        [LWT_BPF_IN] = "in", [LWT_BPF_OUT] = "out", [LWT_BPF_XMIT] = "xmit"};

    for (unsigned hook = LWT_BPF_IN; hook <= LWT_BPF_XMIT; hook++) {
        struct attr prog[ATTRS_MAX];
        char name[256] = "<unknown>";

        if (attrs[hook].bytes == NULL)
            continue;
        parse(attrs[hook].bytes, attrs[hook].len, prog);
        if (prog[LWT_BPF_PROG_NAME].len > 0)
            snprintf(name, sizeof(name), "%.*s", (int)prog[LWT_BPF_PROG_NAME].len,
                     (const char *)prog[LWT_BPF_PROG_NAME].bytes);
        put_string(s, hooks[hook], name);
    }
    if (attrs[LWT_BPF_XMIT_HEADROOM].len >= 4)
        put_uint(s, "headroom", word_of(&attrs[LWT_BPF_XMIT_HEADROOM]));
}

static void print_xfrm(struct sink *s, const struct attr attrs[ATTRS_MAX])
{
    char name[VIEW_NAME_MAX];

    if (attrs[LWT_XFRM_IF_ID].len >= 4)
        put_uint(s, "if_id", word_of(&attrs[LWT_XFRM_IF_ID]));
    if (attrs[LWT_XFRM_LINK].len >= 4)
        put_string(s, "link_dev", view_ifname(s->v, word_of(&attrs[LWT_XFRM_LINK]), name));
}

static const char *type_name(uint32_t type)
{
    static const char *const names[] = {
        [LWTUNNEL_ENCAP_MPLS] = "mpls",
        [LWTUNNEL_ENCAP_IP] = "ip",
        [LWTUNNEL_ENCAP_ILA] = "ila",
        [LWTUNNEL_ENCAP_IP6] = "ip6",
        [LWTUNNEL_ENCAP_SEG6] = "seg6",
        [LWTUNNEL_ENCAP_BPF] = "bpf",
        [LWTUNNEL_ENCAP_SEG6_LOCAL] = "seg6local",
        [LWTUNNEL_ENCAP_RPL] = "rpl",
        [LWTUNNEL_ENCAP_IOAM6] = "ioam6",
        [LWTUNNEL_ENCAP_XFRM] = "xfrm",
    };

    if (type < sizeof(names) / sizeof(names[0]) && names[type] != NULL)
        return names[type];
    return "unknown";
}

static void print_encap(struct sink *s, uint32_t type, uint32_t string_id)
{
    struct attr attrs[ATTRS_MAX];
    char bytes[VIEW_STRING_MAX];

    parse((const uint8_t *)bytes, view_string(s->v, string_id, bytes), attrs);
    if (type == LWTUNNEL_ENCAP_MPLS)
        print_mpls(s, attrs);
    else if (type == LWTUNNEL_ENCAP_IP)
        print_ip(s, attrs, 4);
    else if (type == LWTUNNEL_ENCAP_IP6)
        print_ip(s, attrs, 6);
    else if (type == LWTUNNEL_ENCAP_SEG6)
        print_seg6(s, attrs);
    else if (type == LWTUNNEL_ENCAP_BPF)
        print_bpf(s, attrs);
    else if (type == LWTUNNEL_ENCAP_XFRM)
        print_xfrm(s, attrs);
}

void fmt_encap_json(struct json *j, struct view *v, uint32_t type, uint32_t string_id)
{
    struct sink s = {.j = j, .v = v};

    if (type == LWTUNNEL_ENCAP_NONE)
        return;
    json_string(j, "encap", type_name(type));
    print_encap(&s, type, string_id);
}

void fmt_encap_text(FILE *out, struct view *v, uint32_t type, uint32_t string_id)
{
    struct sink s = {.out = out, .v = v};

    if (type == LWTUNNEL_ENCAP_NONE)
        return;
    fprintf(out, " encap %s ", type_name(type));
    print_encap(&s, type, string_id);
}
