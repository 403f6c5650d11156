/* SPDX-License-Identifier: MIT */
/*
 * rtnl_replay_file.c - reads a recording, and finds the requests in it.
 *
 * Owns:      what of a file is believed: records that are whole, in order; a cut end is left out and noted.
 * Assumes:   the file fits into memory; one of more than FILE_MAX is refused.
 * Promises:  any bytes give a recording, or one error that says what is wrong.
 */
#include "rtnl_replay.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nv/base.h"
#include "rtnl_attr.h"
#include "rtnl_decode.h"
#include "rtnl_reply.h"

#define FILE_MAX    (UINT64_C(4) << 30)
#define READ_STEP   (UINT32_C(1) << 20)
#define DATA_MAX    512u /* a request is shorter */
#define SOCKETS_MAX 8u

/* ---- requests ------------------------------------------------------------------------------------- */

enum asked { ASKED_NOTHING, ASKED_BARRIER, ASKED_DUMP, ASKED_QUERY };

static enum asked read_link_request(const struct nlmsghdr *nlh, struct nv_dump_request *what)
{
    const struct ifinfomsg *ifi = nv_rtnl_body(nlh, sizeof *ifi);
    if (!ifi)
        return ASKED_NOTHING;
    what->cls = NV_LINK;
    if ((nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
        return ASKED_DUMP;
    what->ifindex = (uint32_t)ifi->ifi_index;
    return nlh->nlmsg_flags & NLM_F_ACK ? ASKED_DUMP : ASKED_BARRIER;
}

static enum asked read_route_request(const struct nlmsghdr *nlh, struct nv_replay_request *r)
{
    const struct rtmsg *rtm = nv_rtnl_body(nlh, sizeof *rtm);
    struct rtnl_attrs a;
    if (!rtm || !nv_rtnl_family(rtm->rtm_family))
        return ASKED_NOTHING;
    rtnl_parse(&a, nlh, sizeof *rtm);
    r->what.family = (uint8_t)nv_rtnl_family(rtm->rtm_family);
    if ((nlh->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP) {
        r->what.cls = NV_CLASS_COUNT;
        return rtnl_bytes(&a, RTA_DST, r->dst, nv_af_bytes(r->what.family)) ? ASKED_QUERY
                                                                            : ASKED_NOTHING;
    }
    r->what.cls = NV_ROUTE;
    (void)rtnl_u32(&a, RTA_TABLE, &r->what.table);
    (void)rtnl_u32(&a, RTA_OIF, &r->what.ifindex);
    return a.bad ? ASKED_NOTHING : ASKED_DUMP;
}

/* What rtnl_socket.c would have sent this for. */
static enum asked read_request(const struct nlmsghdr *nlh, struct nv_replay_request *r)
{
    const struct ifaddrmsg *ifa;
    const struct rtgenmsg *gen = nv_rtnl_body(nlh, sizeof *gen);
    if (!gen)
        return ASKED_NOTHING;
    switch (nlh->nlmsg_type) {
    case RTM_GETLINK: return read_link_request(nlh, &r->what);
    case RTM_GETROUTE: return read_route_request(nlh, r);
    case RTM_GETADDR:
        ifa = nv_rtnl_body(nlh, sizeof *ifa);
        if (!ifa)
            return ASKED_NOTHING;
        r->what.cls = NV_ADDR;
        r->what.family = (uint8_t)nv_rtnl_family(ifa->ifa_family);
        r->what.ifindex = ifa->ifa_index;
        return ASKED_DUMP;
    case RTM_GETRULE:
        r->what.cls = NV_RULE;
        r->what.family = (uint8_t)nv_rtnl_family(gen->rtgen_family);
        return ASKED_DUMP;
    case RTM_GETNEXTHOP: r->what.cls = NV_NEXTHOP; return ASKED_DUMP;
    default: return ASKED_NOTHING;
    }
}

/* What is known of a dump socket while the records are gone through. */
struct socket_seen {
    uint32_t portid;
    uint32_t barrier; /* entry of one that its dump has not followed yet, or NONE */
    uint32_t last;    /* request */
    uint32_t heard_turn;
};

struct sockets {
    struct socket_seen seen[SOCKETS_MAX];
    unsigned count, next;
};

static struct socket_seen *socket_of(struct sockets *all, uint32_t portid)
{
    for (unsigned i = 0; i < all->count; i++)
        if (all->seen[i].portid == portid)
            return &all->seen[i];
    if (all->count < SOCKETS_MAX)
        all->count++;
    struct socket_seen *s = &all->seen[all->next++ % SOCKETS_MAX];
    *s = (struct socket_seen){.portid = portid, .barrier = NV_REPLAY_NONE, .last = NV_REPLAY_NONE};
    return s;
}

/* Addresses of both families are one dump for the writer: the source asks for the second by itself, in the turn in
 * which the first ends. */
static bool is_second(const struct nv_recording *rec, const struct socket_seen *s,
                      const struct nv_replay_request *r, uint32_t turn)
{
    if (s->last == NV_REPLAY_NONE || s->barrier != NV_REPLAY_NONE || s->heard_turn != turn)
        return false;
    const struct nv_dump_request *a = &rec->requests[s->last].what, *b = &r->what;
    return a->cls == NV_ADDR && b->cls == NV_ADDR && a->family == NV_AF_4 && b->family == NV_AF_6 &&
           a->ifindex == b->ifindex;
}

static void add_dump(struct nv_recording *rec, struct socket_seen *s, struct nv_replay_request *r,
                     uint32_t at)
{
    uint32_t own = rec->request_count++;
    r->ask = r->main = at;
    r->what.full = (rec->entries[at].rec.flags & NV_PCAP_F_FULL) != 0;
    r->is_second = is_second(rec, s, r, rec->entries[at].rec.turn);
    if (r->is_second)
        rec->requests[s->last].second = own;
    if (s->barrier != NV_REPLAY_NONE) {
        r->ask = s->barrier;
        rec->entries[r->ask].request = own;
    }
    rec->entries[at].request = own;
    s->barrier = NV_REPLAY_NONE;
    s->last = own;
    rec->requests[own] = *r;
}

static void add_request(struct nv_recording *rec, struct sockets *sockets, uint32_t at)
{
    const struct nv_pcap_record *p = &rec->entries[at].rec;
    struct nv_replay_request r = {.second = NV_REPLAY_NONE};
    uint64_t aligned[DATA_MAX / 8];
    const struct nlmsghdr *nlh = (const void *)aligned;
    if (p->len > sizeof aligned)
        return;
    memcpy(aligned, p->data, p->len);
    if (!nv_rtnl_ok(nlh, (int)p->len))
        return;
    r.portid = nlh->nlmsg_pid;
    r.seq = nlh->nlmsg_seq;
    enum asked asked = read_request(nlh, &r);
    struct socket_seen *s = socket_of(sockets, r.portid);
    if (asked == ASKED_BARRIER && p->role == NV_PCAP_DUMPS) {
        s->barrier = at;
    } else if (asked == ASKED_DUMP && p->role == NV_PCAP_DUMPS) {
        add_dump(rec, s, &r, at);
    } else if (asked == ASKED_QUERY && p->role == NV_PCAP_QUERIES) {
        r.ask = r.main = at;
        rec->entries[at].request = rec->request_count;
        rec->requests[rec->request_count++] = r;
    }
}

static void note_heard(struct sockets *sockets, const struct nv_pcap_record *p)
{
    uint32_t portid;
    if (p->role != NV_PCAP_DUMPS || p->len < sizeof(struct nlmsghdr))
        return;
    memcpy(&portid, p->data + offsetof(struct nlmsghdr, nlmsg_pid), sizeof portid);
    socket_of(sockets, portid)->heard_turn = p->turn;
}

static int find_requests(struct nv_recording *rec)
{
    uint32_t sent = 0;
    for (uint32_t i = 0; i < rec->entry_count; i++)
        sent += rec->entries[i].rec.sent;
    rec->requests = calloc(sent ? sent : 1, sizeof *rec->requests);
    if (!rec->requests)
        return -ENOMEM;
    struct sockets sockets = {.count = 0};
    for (uint32_t i = 0; i < rec->entry_count; i++) {
        if (rec->entries[i].rec.sent)
            add_request(rec, &sockets, i);
        else
            note_heard(&sockets, &rec->entries[i].rec);
    }
    return 0;
}

/* ---- the file ------------------------------------------------------------------------------------- */

static int fault(char *why, size_t size, const char *text, uint64_t at)
{
    if (at)
        (void)snprintf(why, size, "at byte %llu: %s", (unsigned long long)at, text);
    else
        (void)snprintf(why, size, "%s", text);
    return -EINVAL;
}

static int grow_entries(struct nv_recording *rec, uint32_t *room)
{
    uint32_t more = *room ? *room * 2 : 1024;
    struct nv_replay_entry *e = realloc(rec->entries, (size_t)more * sizeof *e);
    if (!e)
        return -ENOMEM;
    rec->entries = e;
    *room = more;
    return 0;
}

static int read_records(struct nv_recording *rec, struct nv_pcap_reader *r, char *why,
                        size_t why_size)
{
    uint32_t room = 0;
    uint64_t first = 0, last = 0;
    for (;;) {
        if (rec->entry_count == room && grow_entries(rec, &room))
            return -ENOMEM;
        struct nv_replay_entry *e = &rec->entries[rec->entry_count];
        enum nv_pcap_verdict v = nv_pcap_next(r, &e->rec);
        if (v == NV_PCAP_END || v == NV_PCAP_CUT) {
            rec->cut = v == NV_PCAP_CUT;
            return 0;
        }
        if (v != NV_PCAP_OK)
            return fault(why, why_size, nv_pcap_fault_text(v), r->at);
        if (!rec->entry_count)
            first = e->rec.stamp_ns;
        /* A tool may have sorted or merged: time never goes back here. */
        last = nv_max_u64(last, e->rec.stamp_ns > first ? e->rec.stamp_ns - first : 0);
        e->rec.stamp_ns = last;
        e->request = NV_REPLAY_NONE;
        rec->entry_count++;
    }
}

int nv_recording_parse(struct nv_recording *ret, uint8_t *bytes, size_t size, char *why,
                       size_t why_size)
{
    *ret = (struct nv_recording){.bytes = bytes};
    struct nv_pcap_reader r;
    enum nv_pcap_verdict v = nv_pcap_open(&r, bytes, size);
    int err = v == NV_PCAP_OK ? read_records(ret, &r, why, why_size)
                              : fault(why, why_size, nv_pcap_fault_text(v), 0);
    if (!err)
        err = find_requests(ret);
    if (!err && !ret->entry_count)
        err = fault(why, why_size, "no packet is in it: record for longer", 0);
    if (err == -ENOMEM)
        (void)snprintf(why, why_size, "it does not fit into memory");
    if (err)
        nv_recording_free(ret);
    return err;
}

static int read_file(FILE *f, uint8_t **ret_bytes, size_t *ret_size)
{
    uint8_t *bytes = NULL;
    size_t size = 0, room = 0, n;
    do {
        if (room - size < READ_STEP) {
            room = room ? room * 2 : READ_STEP;
            uint8_t *more = room > FILE_MAX ? NULL : realloc(bytes, room);
            if (!more) {
                free(bytes);
                return -ENOMEM;
            }
            bytes = more;
        }
        n = fread(bytes + size, 1, room - size, f);
        size += n;
    } while (n);
    *ret_bytes = bytes;
    *ret_size = size;
    return 0;
}

int nv_recording_load(struct nv_recording *ret, const char *file, char *why, size_t why_size)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    FILE *f = fopen(file, "rb");
    if (!f) {
        int err = -errno;
        (void)snprintf(why, why_size, "it cannot be opened: %s", strerror(-err));
        return err;
    }
    int err = read_file(f, &bytes, &size);
    if (!err && ferror(f)) {
        free(bytes);
        err = -EIO;
    }
    (void)fclose(f);
    if (err) {
        (void)snprintf(why, why_size, "%s",
                       err == -EIO ? "it cannot be read: is it a file?"
                                   : "it does not fit into memory");
        return err;
    }
    return nv_recording_parse(ret, bytes, size, why, why_size);
}

void nv_recording_free(struct nv_recording *r)
{
    free(r->requests);
    free(r->entries);
    free(r->bytes);
    *r = (struct nv_recording){.bytes = NULL};
}
