/* SPDX-License-Identifier: MIT */
/*
 * cmd_get.c - `netvane get`: what the kernel would do with a packet, as `ip route get` says it.
 *
 * Owns:      the words after "get" and the question that they make.
 * Assumes:   fmt_get.c.
 * Promises:  the answer comes from the State alone, the kernel is not asked; a rejection is one line on stderr, exit code 1.
 * Leaves:    the decision to netvane_fib_lookup.
 */
#include "fmt_get.h"
#include "names.h"
#include "out_text.h"
#include "tool.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct get_query {
    struct netvane_fib_question question;
    const char *iif, *oif;
    bool has_dst;
};

static int read_number(struct args *a, const char *word, uint32_t max, uint32_t *ret_value)
{
    const char *value = args_value(a, word, "a number");

    if (value == NULL)
        return EXIT_USAGE;
    if (!args_u32(value, ret_value) || *ret_value > max)
        return args_unknown(a, value, max == UINT16_MAX ? "say 0 to 65535" : "say a number");
    return EXIT_OK;
}

static int read_address(struct tool *t, struct args *a, struct get_query *q, const char *word,
                        uint8_t ip[16])
{
    uint8_t family, len;
    const unsigned wanted = q->question.family != 0 ? q->question.family : t->family;

    if (!args_prefix(word, wanted, &family, ip, &len) || len != (family == 4 ? 32 : 128))
        return args_unknown(a, word,
                            wanted == 6   ? "an IPv6 address is wanted here"
                            : wanted == 4 ? "an IPv4 address is wanted here"
                                          : "an IP address is wanted here");
    q->question.family = family;
    return EXIT_OK;
}

static int read_proto(struct args *a, const char *word, uint8_t *ret_proto)
{
    const char *value = args_value(a, word, "tcp, udp, icmp, ipv6-icmp or a number");
    uint32_t number = 0;

    if (value == NULL)
        return EXIT_USAGE;
    if (strcmp(value, "tcp") == 0)
        number = IPPROTO_TCP;
    else if (strcmp(value, "udp") == 0)
        number = IPPROTO_UDP;
    else if (strcmp(value, "icmp") == 0)
        number = IPPROTO_ICMP;
    else if (strcmp(value, "ipv6-icmp") == 0 || strcmp(value, "icmpv6") == 0)
        number = IPPROTO_ICMPV6;
    else if (!args_u32(value, &number) || number > UINT8_MAX)
        return args_unknown(a, value, "say tcp, udp, icmp, ipv6-icmp or a number");
    *ret_proto = (uint8_t)number;
    return EXIT_OK;
}

/* The numbers: mark, uid, tos, hash and ports. */
static int read_selector(struct args *a, struct get_query *q, const char *word, bool *ret_known)
{
    struct netvane_fib_question *question = &q->question;
    uint32_t number = 0;
    int rc = EXIT_OK;

    *ret_known = true;
    if (strcmp(word, "mark") == 0) {
        rc = read_number(a, word, UINT32_MAX, &question->mark);
    } else if (strcmp(word, "uid") == 0) {
        rc = read_number(a, word, UINT32_MAX, &question->uid);
    } else if (strcmp(word, "hash") == 0) {
        rc = read_number(a, word, INT32_MAX, &question->hash);
    } else if (strcmp(word, "tos") == 0 || strcmp(word, "dsfield") == 0) {
        rc = read_number(a, word, UINT8_MAX, &number);
        question->tos = (uint8_t)number;
    } else if (strcmp(word, "sport") == 0) {
        rc = read_number(a, word, UINT16_MAX, &number);
        question->sport = (uint16_t)number;
    } else if (strcmp(word, "dport") == 0) {
        rc = read_number(a, word, UINT16_MAX, &number);
        question->dport = (uint16_t)number;
    } else if (strcmp(word, "ipproto") == 0) {
        rc = read_proto(a, word, &question->ip_proto);
    } else if (strcmp(word, "forwarding") == 0) {
        question->flags |= NETVANE_FIB_FORWARDING;
    } else {
        *ret_known = false;
    }
    return rc;
}

static int read_word(struct tool *t, struct args *a, struct get_query *q, const char *word)
{
    bool known;
    int rc = read_selector(a, q, word, &known);

    if (known)
        return rc;
    if (strcmp(word, "iif") == 0)
        return (q->iif = args_value(a, word, "a link's name")) != NULL ? EXIT_OK : EXIT_USAGE;
    if (strcmp(word, "oif") == 0 || strcmp(word, "dev") == 0)
        return (q->oif = args_value(a, word, "a link's name")) != NULL ? EXIT_OK : EXIT_USAGE;
    if (strcmp(word, "from") == 0) {
        word = args_value(a, word, "an address");
        return word != NULL ? read_address(t, a, q, word, q->question.src) : EXIT_USAGE;
    }
    if (strcmp(word, "to") == 0 && (word = args_value(a, word, "an address")) == NULL)
        return EXIT_USAGE;
    if (q->has_dst)
        return args_unknown(a, word,
                            "say get DST [from SRC] [iif L] [oif L] [mark M] [uid U] [tos T] "
                            "[ipproto P] [sport P] [dport P] [hash H] [forwarding]");
    q->has_dst = true;
    return read_address(t, a, q, word, q->question.dst);
}

static bool find_links(struct view *v, struct get_query *q)
{
    struct netvane_link link;

    if (q->iif != NULL) {
        if (!tool_find_link(v, q->iif, &link))
            return false;
        q->question.iif = link.ifindex;
    }
    if (q->oif != NULL) {
        if (!tool_find_link(v, q->oif, &link))
            return false;
        q->question.oif = link.ifindex;
    }
    return true;
}

static int render(void *arg, struct tool *t, struct view *v, FILE *out)
{
    struct get_query *q = arg;
    struct netvane_fib_answer answer;
    struct json j;

    if (!find_links(v, q))
        return EXIT_DIFFERENT;
    NETVANE_INIT(&answer);
    view_fail(v, netvane_fib_lookup(&v->snap, &q->question, &answer));
    if (v->error != 0)
        return EXIT_OK;
    if (answer.outcome != NETVANE_FIB_FOUND)
        return tool_fail(EXIT_DIFFERENT, "%s", netvane_fib_outcome_name(answer.outcome));
    json_begin(&j, out, t->pretty);
    if (t->json) {
        json_open_array(&j, NULL);
        fmt_get_json(&j, v, &q->question, &answer);
        json_close_array(&j);
        json_end_line(&j);
    } else {
        fmt_get_text(out, v, &q->question, &answer);
    }
    return EXIT_OK;
}

int cmd_get(struct tool *t, struct args *a)
{
    struct get_query q = {.has_dst = false};

    NETVANE_INIT(&q.question);
    q.question.uid = (uint32_t)geteuid();
    for (const char *word; (word = args_next(a)) != NULL;) {
        int rc = read_word(t, a, &q, word);

        if (rc != EXIT_OK)
            return rc;
    }
    if (!q.has_dst)
        return tool_fail(EXIT_USAGE, "get: needs a destination; say get DST [from SRC] ...");
    if (q.question.family == 4 && q.question.ip_proto == 0)
        q.question.ip_proto = IPPROTO_UDP; /* as the kernel has it for `ip route get` */
    return tool_render(t, render, &q);
}
