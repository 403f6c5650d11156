/* SPDX-License-Identifier: MIT */
/*
 * rtnl_record.c - writes a recording: a buffer in front of a file that is begun anew when it grows too large.
 *
 * Owns:      see rtnl_record.h.
 */
#include "rtnl_record.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nv/base.h"

#define BUFFER_BYTES (4u * NV_PCAP_DATAGRAM_MAX)
#define FLUSH_NS     NV_NS_PER_S
#define SLEPT_NS     (100 * NV_NS_PER_MS) /* as the writer sees it */

struct nv_recorder {
    char *file, *old;
    int fd; /* -1: the recording has ended by `error` */
    int error;
    uint64_t half_bytes, written_bytes; /* of the file, the buffer not counted */
    uint64_t wall_ns, began_ns;         /* the same moment, when the file began */
    uint64_t flushed_ns;
    int64_t sleep_offset_ns; /* BOOTTIME minus MONOTONIC */
    uint64_t lost;
    uint32_t files, turn;
    bool drain;
    size_t used;
    uint8_t buffer[BUFFER_BYTES];
};

/* ---- the file ------------------------------------------------------------------------------------- */

static void end_by(struct nv_recorder *r, int error)
{
    r->error = error;
    r->used = 0;
    if (r->fd < 0)
        return;
    (void)ftruncate(
        r->fd, (off_t)r->written_bytes); /* if it fails: the end is cut, which a replay bears */
    (void)close(r->fd);
    r->fd = -1;
}

static void flush(struct nv_recorder *r)
{
    size_t done = 0;
    while (r->fd >= 0 && done < r->used) {
        ssize_t n = write(r->fd, r->buffer + done, r->used - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || errno != EINTR)
            end_by(r, n ? -errno : -ENOSPC);
    }
    r->written_bytes += r->used;
    r->used = 0;
}

/* What has the name is kept as FILE.old; -ELOOP: it is nothing that may be put aside. */
static int put_aside(const struct nv_recorder *r)
{
    struct stat st;
    if (lstat(r->file, &st))
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISREG(st.st_mode))
        return -ELOOP;
    return rename(r->file, r->old) ? -errno : 0;
}

static int begin_file(struct nv_recorder *r)
{
    int err = put_aside(r);
    if (err)
        return err;
    r->fd = open(r->file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (r->fd < 0)
        return -errno;
    r->written_bytes = 0;
    r->wall_ns = nv_clock_realtime_ns();
    r->began_ns = r->flushed_ns = nv_clock_boottime_ns();
    r->files++;
    nv_pcap_put_file_header(r->buffer);
    r->used = NV_PCAP_FILE_HEADER;
    return 0;
}

static void begin_next(struct nv_recorder *r)
{
    flush(r);
    if (r->fd < 0)
        return;
    (void)close(r->fd);
    r->fd = -1;
    int err = begin_file(r);
    if (err)
        end_by(r, err);
}

int nv_recorder_open(const char *file, uint64_t max_bytes, struct nv_recorder **ret_recorder)
{
    *ret_recorder = NULL;
    size_t len = strlen(file);
    struct nv_recorder *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->fd = -1;
    r->half_bytes = max_bytes / 2;
    r->sleep_offset_ns = (int64_t)(nv_clock_boottime_ns() - nv_clock_monotonic_ns());
    r->file = malloc(len + 1);
    r->old = malloc(len + sizeof ".old");
    int err = -ENOMEM;
    if (r->file && r->old) {
        memcpy(r->file, file, len + 1);
        (void)snprintf(r->old, len + sizeof ".old", "%s.old", file);
        err = begin_file(r);
        if (!err)
            flush(r); /* a file system that takes nothing is found out now */
        err = err ? err : r->error;
    }
    if (err) {
        nv_recorder_close(r);
        return err;
    }
    *ret_recorder = r;
    return 0;
}

void nv_recorder_close(struct nv_recorder *r)
{
    if (!r)
        return;
    flush(r);
    if (r->fd >= 0)
        (void)close(r->fd);
    free(r->old);
    free(r->file);
    free(r);
}

void nv_recorder_stats(const struct nv_recorder *r, struct nv_source_stats *ret_stats)
{
    if (!r)
        return;
    ret_stats->record_files = r->files;
    ret_stats->record_error = r->error;
    ret_stats->record_lost = r->lost;
}

/* ---- records -------------------------------------------------------------------------------------- */

/* The data's first message may be given another nlmsg_pid. */
static void put(struct nv_recorder *r, struct nv_pcap_record *rec, const uint32_t *pid)
{
    size_t bytes = NV_PCAP_RECORD_HEADER + (size_t)rec->len;
    if (r->fd >= 0 && r->used + bytes > sizeof r->buffer)
        flush(r);
    if (r->fd >= 0 && r->written_bytes + r->used + bytes > r->half_bytes &&
        r->written_bytes + r->used > NV_PCAP_FILE_HEADER)
        begin_next(r);
    if (r->fd < 0) {
        r->lost++;
        return;
    }
    rec->stamp_ns = r->wall_ns + (nv_clock_boottime_ns() - r->began_ns);
    rec->turn = r->turn;
    if (r->drain && !rec->sent)
        rec->flags |= NV_PCAP_F_DRAIN;
    uint8_t *at = r->buffer + r->used;
    nv_pcap_put_record_header(at, rec);
    at += NV_PCAP_RECORD_HEADER;
    memcpy(at, rec->data, rec->len);
    if (pid)
        memcpy(at + offsetof(struct nlmsghdr, nlmsg_pid), pid, sizeof *pid);
    r->used += bytes;
}

void nv_recorder_turn(struct nv_recorder *r, bool drain)
{
    if (!r)
        return;
    r->turn++;
    r->drain = drain;
    uint64_t now = nv_clock_boottime_ns();
    if (now - r->flushed_ns >= FLUSH_NS) {
        flush(r);
        r->flushed_ns = now;
    }
    int64_t offset = (int64_t)(now - nv_clock_monotonic_ns());
    if (offset - r->sleep_offset_ns > (int64_t)SLEPT_NS)
        nv_recorder_note(r, NV_PCAP_SLEPT, (uint64_t)(offset - r->sleep_offset_ns));
    r->sleep_offset_ns = offset;
}

void nv_recorder_datagram(struct nv_recorder *r, uint8_t role, const void *data, size_t len,
                          size_t full_len, bool foreign)
{
    if (!r)
        return;
    struct nv_pcap_record rec = {
        .role = role,
        .flags = foreign ? NV_PCAP_F_FOREIGN : 0,
        .len = (uint32_t)nv_min_u64(len, NV_PCAP_DATAGRAM_MAX),
        .full_len = (uint32_t)nv_min_u64(full_len, UINT32_MAX / 2),
        .data = data,
    };
    put(r, &rec, NULL);
}

void nv_recorder_request(struct nv_recorder *r, uint8_t role, const struct nlmsghdr *nlh,
                         uint32_t portid, bool full)
{
    if (!r)
        return;
    struct nv_pcap_record rec = {.role = role,
                                 .flags = full ? NV_PCAP_F_FULL : 0,
                                 .sent = true,
                                 .len = nlh->nlmsg_len,
                                 .full_len = nlh->nlmsg_len,
                                 .data = (const void *)nlh};
    put(r, &rec, &portid);
}

static void put_made(struct nv_recorder *r, uint8_t role, const void *message, uint32_t len)
{
    struct nv_pcap_record rec = {
        .role = role, .flags = NV_PCAP_F_MADE, .len = len, .full_len = len, .data = message};
    put(r, &rec, NULL);
}

void nv_recorder_failure(struct nv_recorder *r, uint8_t role, int error, uint32_t seq,
                         uint32_t portid)
{
    if (!r)
        return;
    struct {
        struct nlmsghdr head;
        struct nlmsgerr body;
    } m = {.head = {.nlmsg_len = sizeof m,
                    .nlmsg_type = NLMSG_ERROR,
                    .nlmsg_seq = seq,
                    .nlmsg_pid = portid},
           .body = {.error = -error, .msg = {.nlmsg_len = sizeof(struct nlmsghdr)}}};
    if (role == NV_PCAP_EVENTS && error == ENOBUFS) {
        m.head.nlmsg_len = sizeof m.head;
        m.head.nlmsg_type = NLMSG_OVERRUN;
    }
    put_made(r, role, &m, m.head.nlmsg_len);
}

void nv_recorder_note(struct nv_recorder *r, enum nv_pcap_what what, uint64_t value)
{
    if (!r)
        return;
    struct {
        struct nlmsghdr head;
        struct nv_pcap_note body;
    } m = {.head = {.nlmsg_len = sizeof m, .nlmsg_type = NLMSG_NOOP},
           .body = {.what = (uint32_t)what, .value = value}};
    put_made(r, NV_PCAP_EVENTS, &m, sizeof m);
}
