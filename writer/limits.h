/* SPDX-License-Identifier: MIT */
/*
 * limits.h - every bound of the writer, with what happens when it is met.
 */
#ifndef NV_LIMITS_H
#define NV_LIMITS_H

#include "nv/base.h"

/* Region file: may grow to this by default; beyond it versions expire early, then changes are refused (DEGRADED). */
#define NV_MAX_BYTES_DEFAULT (UINT64_C(1) << 30)
#define NV_MAX_BYTES_LEAST   (UINT64_C(4) << 20)
#define NV_MAX_BYTES_MOST    (UINT64_C(64) << 30)
/* It is a multiple of this: a large page of any system. */
#define NV_MAX_BYTES_GRAIN (UINT64_C(64) << 10)
/* The file grows by this: memory that the OS has just cleared is written while it is still in the cache. */
#define NV_GROW_BYTES (UINT64_C(512) << 10)
/* One edit of the mirror copies fewer nodes than this; so many are kept free before it starts. */
#define NV_EDIT_NODES 512u

/* A version stays readable this long after the next one, unless memory or the ring runs out (counted). */
#define NV_GRACE_NS NV_NS_PER_S
/* Older versions are kept past their grace while they hold no more than this. */
#define NV_LIMBO_KEEP_NODES (UINT32_C(8) * 1024 * 1024 / NETVANE_NODE_BYTES)

/* Objects that a draft notes for the journal; more: readers find that version's changes by comparing trees (counted). */
#define NV_JOURNAL_NOTES_MAX 8160u

/* Versions in a storm: one per this time. */
#define NV_COALESCE_DEFAULT_NS NV_NS_PER_MS
#define NV_COALESCE_MOST_NS    (UINT64_C(10) * NV_NS_PER_S)
/*
 * A storm lasts once it has made so many versions more than one per this time: from then on the kernel's events about routes are
 * left to gather in their queue for as long.
 */
#define NV_STORM_NS       (UINT64_C(8) * NV_NS_PER_MS)
#define NV_STORM_VERSIONS 64u
/* A draft that moves no topic (lifetimes were refreshed) is published after this. */
#define NV_QUIET_PUBLISH_NS (UINT64_C(10) * NV_NS_PER_MS)

/* A recording and its predecessor together. The half of the least holds a few datagrams of any size. */
#define NV_RECORD_MAX_DEFAULT (UINT64_C(64) << 20)
#define NV_RECORD_MAX_LEAST   (UINT64_C(256) << 10)

#define NV_HEARTBEAT_NS         NV_NS_PER_S
#define NV_RECONCILE_DEFAULT_NS (UINT64_C(15) * NV_NS_PER_S)
/* Reconciles take at most 1 / this of one processor. */
#define NV_RECONCILE_SHARE 100u

/* Re-reads waiting at once; one more collapses those of its class into one of everything. */
#define NV_REREADS_MAX 1024u
/* A disturbed dump is repeated so often, then APPROXIMATE is set and it is tried again later. */
#define NV_DUMP_TRIES    6u
#define NV_DUMP_RETRY_NS (UINT64_C(2) * NV_NS_PER_MS)
#define NV_DUMP_LATER_NS (UINT64_C(500) * NV_NS_PER_MS)
/* That later is at least so many times as long as the dump took. */
#define NV_DUMP_LATER_SHARE 20u
/* Queued re-reads that may go before a step of a reconcile; before one of a resync: one. */
#define NV_JOBS_BEFORE_STEP 8u
/* Objects that events touched during one dump; more: the dump is repeated. */
#define NV_TOUCHED_MAX 65536u
/* Links of which a route was linkdown: so long each message about one has its routes read again; more: about any link. */
#define NV_RESTLESS_LINKS 32u
#define NV_RESTLESS_NS    (UINT64_C(3) * NV_NS_PER_S)
/* Dump datagrams taken before the loop looks at its other work: some milliseconds, which a version may be late by. */
#define NV_PUMP_BUDGET 8u

/* Sleepers woken by the thread that publishes: eight, and one by whom it knows that there are more, which the notifier wakes. */
#define NV_WAKE_INLINE 9

/* So many routes that go at once, and at least this share of a family's, are taken out by building the tree anew. */
#define NV_FILTER_LEAST 1024u
#define NV_FILTER_SHARE 16u
/* IPv6 routes of one set over one link without a gateway; more are shown as fewer. */
#define NV_TWINS_MAX 8u
/* Routes that share table, prefix, tos and metric. */
#define NV_ROUTE_POSITIONS_MAX 1024u
/* What a reconcile repaired is drift if no event explains it for so long, and behind a barrier. */
#define NV_DRIFT_WAIT_NS (UINT64_C(100) * NV_NS_PER_MS)
/* Differences that one reconcile logs by name. */
#define NV_DRIFT_LOGGED_MAX 16u

/* The kernel is asked for its egress at most this often. */
#define NV_QUERY_INTERVAL_NS (UINT64_C(2) * NV_NS_PER_MS)
/* A disagreement about the egress makes a full re-read at most this often. */
#define NV_EGRESS_VERIFY_NS (UINT64_C(30) * NV_NS_PER_S)

#endif
