/* SPDX-License-Identifier: MIT */
/*
 * rtnl_record.h - a file that every datagram of a source goes to.
 *
 * Owns:      the file and its predecessor, FILE.old; the turn that a record belongs to; time stamps.
 * Assumes:   one thread.
 * Promises:  a recorder that is NULL, or has failed, does nothing. Nothing waits for a disk beyond what write(2) of a
 *            regular file does; a datagram is in the file a second after it came, if the source is pumped. The file
 *            always ends at a whole record, unless the process is killed during a write. FILE and FILE.old together
 *            are no larger than the bound and two datagrams. Both are 0600, and no link is followed.
 *            Time stamps are the wall clock when the file began and the time since, sleep included: they never go
 *            back, whatever is done to the wall clock.
 * Leaves:    the format to rtnl_pcap.h; having everything read again where a new file begins, to the writer.
 */
#ifndef NV_LINUX_RTNL_RECORD_H
#define NV_LINUX_RTNL_RECORD_H

#include <libmnl/libmnl.h>

#include "nv/plat.h"
#include "rtnl_pcap.h"

struct nv_recorder;

/* A file that has the name becomes FILE.old. On failure *ret_recorder is NULL. */
int nv_recorder_open(const char *file, uint64_t max_bytes, struct nv_recorder **ret_recorder);
void nv_recorder_close(struct nv_recorder *r);
void nv_recorder_stats(const struct nv_recorder *r, struct nv_source_stats *ret_stats);

/* The source is pumped; drain: for events only. */
void nv_recorder_turn(struct nv_recorder *r, bool drain);
void nv_recorder_datagram(struct nv_recorder *r, uint8_t role, const void *data, size_t len,
                          size_t full_len, bool foreign);
/* A message that was sent from the socket with that port id. */
void nv_recorder_request(struct nv_recorder *r, uint8_t role, const struct nlmsghdr *nlh,
                         uint32_t portid, bool full);
/* An errno value that the socket gave instead of a datagram, or of taking one. */
void nv_recorder_failure(struct nv_recorder *r, uint8_t role, int error, uint32_t seq,
                         uint32_t portid);
void nv_recorder_note(struct nv_recorder *r, enum nv_pcap_what what, uint64_t value);

#endif
