/* SPDX-License-Identifier: MIT */
/*
 * rtnl_replay.h - a recording in memory: its records in order, and the requests among them.
 *
 * Owns:      struct nv_recording. rtnl_replay_file.c makes it, rtnl_replay.c plays it.
 * Promises:  no socket, nothing that only Linux has but the numbers of its headers.
 */
#ifndef NV_LINUX_RTNL_REPLAY_H
#define NV_LINUX_RTNL_REPLAY_H

#include "nv/plat.h"
#include "rtnl_pcap.h"

#define NV_REPLAY_NONE UINT32_MAX

/* Where a request of the writer stands in the recording. */
struct nv_replay_request {
    uint32_t ask;    /* entry at which it was asked: its barrier, or */
    uint32_t main;   /* the request itself */
    uint32_t second; /* request that the source sent by itself when this one had ended, or NONE */
    bool is_second;
    bool taken;                  /* matched or passed over */
    struct nv_dump_request what; /* cls NV_CLASS_COUNT: a query */
    uint8_t dst[16];             /* of a query */
    uint32_t portid, seq;
};

struct nv_replay_entry {
    struct nv_pcap_record rec; /* stamp_ns: since the first record */
    uint32_t request;          /* that this entry is the ask or the main of, or NONE */
};

struct nv_recording {
    uint8_t *bytes;
    struct nv_replay_entry *entries;
    struct nv_replay_request *requests;
    uint32_t entry_count, request_count;
    bool cut; /* the last record was not whole, and is left out */
};

/* Reads a file. On failure `why` says what is wrong with it and what to do, and nothing is kept. */
int nv_recording_load(struct nv_recording *ret, const char *file, char *why, size_t why_size);
/* The same from memory, which the recording owns from now on if it comes from malloc. */
int nv_recording_parse(struct nv_recording *ret, uint8_t *bytes, size_t size, char *why,
                       size_t why_size);
void nv_recording_free(struct nv_recording *r);

/* A source that plays it from the beginning, and owns it from now on. -ENOMEM: it does not. */
int nv_replay_open(const struct nv_replay_args *args, const struct nv_recording *recording,
                   struct nv_source **ret_source);

#endif
