/* SPDX-License-Identifier: MIT */
/*
 * args.c - reading the words after a verb.
 *
 * Owns:      numbers, durations, prefixes and topics as people type them.
 * Assumes:   words stay where main() has them.
 * Promises:  what is wrong is said once, with what would be right.
 * Leaves:    the meaning of the words to cmd_*.c.
 */
#include "out_text.h"
#include "tool.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

const char *args_next(struct args *a)
{
    if (a->left == 0)
        return NULL;
    a->left--;
    return *a->at++;
}

bool args_take(struct args *a, const char *const *words)
{
    for (; a->left > 0 && *words != NULL; words++) {
        if (strcmp(*a->at, *words) == 0) {
            args_next(a);
            return true;
        }
    }
    return false;
}

void args_skip_show(struct args *a)
{
    static const char *const words[] = {"show", "list", "lst", "ls", "s", "sh", "sho", NULL};

    args_take(a, words);
}

const char *args_value(struct args *a, const char *option, const char *what)
{
    const char *value = args_next(a);

    if (value == NULL)
        tool_fail(EXIT_USAGE, "%s: \"%s\" needs %s", a->verb, option, what);
    return value;
}

int args_unknown(const struct args *a, const char *word, const char *hint)
{
    return tool_fail(EXIT_USAGE, "%s: \"%s\" is not understood; %s", a->verb, word, hint);
}

int args_end(struct args *a)
{
    if (a->left == 0)
        return EXIT_OK;
    return tool_fail(EXIT_USAGE, "%s: \"%s\" is one word too many", a->verb, *a->at);
}

bool args_u32(const char *text, uint32_t *ret_value)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    unsigned long long value = strtoull(text, &end, 0);
    if (*end != 0 || value > UINT32_MAX)
        return false;
    *ret_value = (uint32_t)value;
    return true;
}

bool args_seconds(const char *text, uint64_t *ret_ns)
{
    char *end;
    double s = strtod(text, &end);

    if (end == text || *end != 0 || !(s >= 0) || s > 1e9)
        return false;
    *ret_ns = (uint64_t)(s * 1e9);
    return true;
}

/* Bits behind the prefix must be zero, as the kernel keeps them. */
static void clear_behind(uint8_t ip[16], unsigned len)
{
    for (unsigned bit = len; bit < 128; bit++)
        ip[bit / 8] = (uint8_t)(ip[bit / 8] & ~(0x80u >> bit % 8));
}

bool args_prefix(const char *text, unsigned family, uint8_t *ret_family, uint8_t ip[16],
                 uint8_t *ret_len)
{
    char host[OUT_IP_MAX];
    const char *slash = strchr(text, '/');
    size_t host_len = slash == NULL ? strlen(text) : (size_t)(slash - text);
    uint32_t len = 0;
    unsigned found;

    memset(ip, 0, 16);
    if (strcmp(text, "default") == 0 || strcmp(text, "any") == 0 || strcmp(text, "all") == 0) {
        *ret_family = (uint8_t)(family == 0 ? 4 : family);
        *ret_len = 0;
        return true;
    }
    if (host_len >= sizeof(host))
        return false;
    memcpy(host, text, host_len);
    host[host_len] = 0;
    if (inet_pton(AF_INET, host, ip) == 1)
        found = 4;
    else if (inet_pton(AF_INET6, host, ip) == 1)
        found = 6;
    else
        return false;
    unsigned most = found == 4 ? 32 : 128;
    if (slash == NULL)
        len = most;
    else if (!args_u32(slash + 1, &len) || len > most)
        return false;
    if (family != 0 && family != found)
        return false;
    clear_behind(ip, len);
    *ret_family = (uint8_t)found;
    *ret_len = (uint8_t)len;
    return true;
}

bool args_topic(const char *text, uint32_t *io_topics)
{
    const char *name;

    if (strcmp(text, "all") == 0) {
        *io_topics |= NETVANE_TOPIC_ALL;
        return true;
    }
    for (unsigned i = 0; (name = netvane_topic_name(i)) != NULL; i++) {
        size_t len = strlen(name);

        /* "route" is as good as "routes". */
        if (strcmp(text, name) == 0 || (strlen(text) == len - 1 && name[len - 1] == 's' &&
                                        strncmp(text, name, len - 1) == 0)) {
            *io_topics |= 1u << i;
            return true;
        }
    }
    if (strcmp(text, "default") == 0) {
        *io_topics |= NETVANE_TOPIC_DEFAULT4 | NETVANE_TOPIC_DEFAULT6;
        return true;
    }
    fprintf(stderr, "netvane: there is no topic \"%s\"; topics are:", text);
    for (unsigned i = 0; (name = netvane_topic_name(i)) != NULL; i++)
        fprintf(stderr, " %s", name);
    fputs(" all\n", stderr);
    return false;
}
