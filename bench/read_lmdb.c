/* SPDX-License-Identifier: MIT */
/*
 * read_lmdb.c - LMDB on tmpfs: a read transaction renewed for each read, a value of 64 bytes copied.
 *
 * One record, and a table of 1,000,000 (fewer in a short run) under keys of 8 bytes: the same key, random keys, a walk with a
 * cursor. The writer commits one changed record for each version, without a sync.
 */
#include "read_peers.h"

#ifdef NETVANE_HAVE_LMDB

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAME_KEY 7u

struct table {
    const char *file;
    MDB_env *env;
    MDB_dbi dbi;
};

/* The reader's; the writer opens its own: an environment must not cross a fork. */
static struct table one = {.file = "lmdb-one"}, many = {.file = "lmdb-many"};
static struct table writer_one = {.file = "lmdb-one"}, writer_many = {.file = "lmdb-many"};
static MDB_txn *one_txn, *many_txn;
static uint32_t records = 1000000;
static uint64_t seed = 20261126;

void read_lmdb_size(uint32_t count)
{
    records = count;
}

static void check(int r)
{
    if (r) {
        (void)fprintf(stderr, "bench_read: lmdb: %s\n", mdb_strerror(r));
        exit(1);
    }
}

/* Big-endian keys are in the order of their numbers. */
static uint64_t key_of(uint64_t n)
{
    return __builtin_bswap64(n);
}

static void put(MDB_txn *txn, MDB_dbi dbi, uint64_t number, uint64_t n, unsigned flags)
{
    uint64_t key = key_of(number), value[8] = {n};
    MDB_val k = {sizeof(key), &key}, v = {sizeof(value), value};
    check(mdb_put(txn, dbi, &k, &v, flags));
}

static void open_table(struct table *t, const char *dir)
{
    char path[96];
    MDB_txn *txn;
    (void)snprintf(path, sizeof(path), "%s/%s", dir, t->file);
    check(mdb_env_create(&t->env));
    check(mdb_env_set_mapsize(t->env, (size_t)1 << 30));
    check(mdb_env_open(t->env, path, MDB_NOSUBDIR | MDB_NOSYNC, 0600));
    check(mdb_txn_begin(t->env, NULL, 0, &txn));
    check(mdb_dbi_open(txn, NULL, 0, &t->dbi));
    check(mdb_txn_commit(txn));
}

static void fill(struct table *t, uint32_t count)
{
    MDB_txn *txn;
    check(mdb_txn_begin(t->env, NULL, 0, &txn));
    for (uint32_t i = 0; i < count; i++)
        put(txn, t->dbi, i, 0, MDB_APPEND);
    check(mdb_txn_commit(txn));
}

static MDB_txn *begin(struct table *t)
{
    MDB_txn *txn;
    check(mdb_txn_begin(t->env, NULL, MDB_RDONLY, &txn));
    mdb_txn_reset(txn);
    return txn;
}

static const char *open_one(const char *dir)
{
    open_table(&one, dir);
    fill(&one, SAME_KEY + 1);
    one_txn = begin(&one);
    return NULL;
}

static const char *open_many(const char *dir)
{
    if (many.env)
        return NULL;
    open_table(&many, dir);
    fill(&many, records);
    many_txn = begin(&many);
    return NULL;
}

static void get(struct table *t, MDB_txn *txn, uint64_t number)
{
    uint64_t key = key_of(number);
    MDB_val k = {sizeof(key), &key}, v;
    char copy[64];
    check(mdb_txn_renew(txn));
    check(mdb_get(txn, t->dbi, &k, &v));
    memcpy(copy, v.mv_data, sizeof(copy));
    mdb_txn_reset(txn);
    bench_keep((uint64_t)(uintptr_t)copy);
}

static void one_batch(void)
{
    for (unsigned i = 0; i < READ_FEW; i++)
        get(&one, one_txn, SAME_KEY);
}

static void same_batch(void)
{
    for (unsigned i = 0; i < READ_FEW; i++)
        get(&many, many_txn, SAME_KEY);
}

static void random_batch(void)
{
    for (unsigned i = 0; i < READ_FEW; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        get(&many, many_txn, (seed >> 32) * records >> 32);
    }
}

/* READ_BATCH records of one walk. */
static void scan_batch(void)
{
    MDB_cursor *cursor;
    MDB_val k, v;
    char copy[64];
    check(mdb_txn_renew(many_txn));
    check(mdb_cursor_open(many_txn, many.dbi, &cursor));
    for (unsigned i = 0; i < READ_BATCH; i++) {
        check(mdb_cursor_get(cursor, &k, &v, i ? MDB_NEXT : MDB_FIRST));
        memcpy(copy, v.mv_data, sizeof(copy));
        bench_keep((uint64_t)(uintptr_t)copy);
    }
    mdb_cursor_close(cursor);
    mdb_txn_reset(many_txn);
}

static void update(struct table *t, const char *dir, uint64_t n)
{
    MDB_txn *txn;
    if (!t->env)
        open_table(t, dir);
    check(mdb_txn_begin(t->env, NULL, 0, &txn));
    put(txn, t->dbi, SAME_KEY, n, 0);
    check(mdb_txn_commit(txn));
}

static void one_update(const char *dir, uint64_t n)
{
    update(&writer_one, dir, n);
}

static void many_update(const char *dir, uint64_t n)
{
    update(&writer_many, dir, n);
}

const struct read_way read_lmdb[] = {
    {.name = "lmdb_one_record",
     .open = open_one,
     .batch = one_batch,
     .reads = READ_FEW,
     .update = one_update},
    {.name = "lmdb_same_key",
     .open = open_many,
     .batch = same_batch,
     .reads = READ_FEW,
     .update = many_update},
    {.name = "lmdb_random_key",
     .open = open_many,
     .batch = random_batch,
     .reads = READ_FEW,
     .update = many_update},
    {.name = "lmdb_scan_record",
     .open = open_many,
     .batch = scan_batch,
     .reads = READ_BATCH,
     .quiet_only = true},
    {.name = NULL},
};

#else

void read_lmdb_size(uint32_t count)
{
    (void)count;
}

static const char *missing(const char *dir)
{
    (void)dir;
    return "liblmdb-dev was not found when this was built";
}

const struct read_way read_lmdb[] = {{.name = "lmdb_one_record", .open = missing}, {.name = NULL}};

#endif
