/* SPDX-License-Identifier: MIT */
/*
 * publish_lmdb.c - LMDB as a peer: one transaction for each changed record of 64 bytes.
 */
#include "publish_peers.h"

#ifdef NETVANE_HAVE_LMDB

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "world.h"

static char dir[48];
static MDB_env *env;
static MDB_dbi dbi;
static uint32_t records;

static void check(int r)
{
    if (r) {
        (void)fprintf(stderr, "bench_publish: lmdb: %s\n", mdb_strerror(r));
        exit(1);
    }
}

static void put(MDB_txn *txn, uint32_t number, uint64_t content, unsigned flags)
{
    uint32_t key = __builtin_bswap32(number); /* in the order of the numbers */
    uint64_t value[8] = {content};
    MDB_val k = {sizeof(key), &key}, v = {sizeof(value), value};
    check(mdb_put(txn, dbi, &k, &v, flags));
}

const char *publish_lmdb_open(uint32_t count)
{
    char path[96];
    MDB_txn *txn;
    world_dir_make(dir);
    (void)snprintf(path, sizeof(path), "%s/lmdb", dir);
    check(mdb_env_create(&env));
    check(mdb_env_set_mapsize(env, (size_t)1 << 30));
    check(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOSYNC, 0600));
    check(mdb_txn_begin(env, NULL, 0, &txn));
    check(mdb_dbi_open(txn, NULL, 0, &dbi));
    for (records = 0; records < count; records++)
        put(txn, records, 0, MDB_APPEND);
    check(mdb_txn_commit(txn));
    return NULL;
}

double publish_lmdb_ns(uint32_t changes)
{
    static uint32_t seed = 12345;
    const uint64_t start = bench_now_ns();
    for (uint32_t i = 0; i < changes; i++) {
        MDB_txn *txn;
        seed = seed * 1664525u + 1013904223u;
        check(mdb_txn_begin(env, NULL, 0, &txn));
        put(txn, (uint32_t)((uint64_t)seed * records >> 32), i, 0);
        check(mdb_txn_commit(txn));
    }
    return (double)(bench_now_ns() - start) / changes;
}

void publish_lmdb_close(void)
{
    mdb_env_close(env);
    world_dir_remove(dir);
}

#else

#include <math.h>

const char *publish_lmdb_open(uint32_t count)
{
    (void)count;
    return "liblmdb-dev was not found when this was built";
}

double publish_lmdb_ns(uint32_t changes)
{
    (void)changes;
    return NAN;
}

void publish_lmdb_close(void) {}

#endif
