/* SPDX-License-Identifier: MIT */
/*
 * intern.h - contents that many objects share (texts, hop sets, metric sets), each stored once under a dense id.
 *
 * Owns:      id, content, reference count and content hash of each; the records of its tree in the region.
 * Promises:  equal content has one id; an id whose count fell to zero keeps its meaning until nv_intern_collect,
 *            which runs before a commit. Id 0 means "nothing" and is never stored.
 */
#ifndef NV_INTERN_H
#define NV_INTERN_H

#include "tree_edit.h"

struct nv_interned {
    uint64_t hash;    /* of the content, for finding it */
    uint64_t content; /* content.h's hash, for digests; a set folds it, a text hashes it */
    uint32_t refs;
    uint32_t len;
    bool zero;            /* listed in zeros */
    unsigned char *bytes; /* NULL: the id is free */
};

struct nv_intern {
    unsigned tree;             /* NETVANE_TREE_STRINGS, _HOPS or _METRICS */
    struct nv_interned *items; /* by id; item 0 is not used */
    uint32_t item_count, item_capacity;
    uint32_t *table; /* open addressing, ids; 0: free */
    uint32_t table_size, table_used;
    uint32_t *zeros; /* ids whose count fell to zero, each once: there is room for all */
    uint32_t zero_count;
    uint32_t free_id; /* first of a chain of free ids through items[].refs, 0: none */
    uint32_t last;    /* the id that was asked for last: dumps ask for the same again and again */
    /* Content that is deleted, and content that gets its first or loses its last reference; both may be NULL. */
    void (*on_drop)(void *arg, const unsigned char *bytes, uint32_t len);
    void (*on_use)(void *arg, const unsigned char *bytes, uint32_t len, bool used);
    void *arg;
};

int nv_intern_make_room(struct nv_intern *in); /* of nv_intern_reserve: what is seldom to be done */
/*
 * The id of this content, with one more reference; 0: no memory. If ret_new is set the caller writes the records to
 * the tree and sets items[id].content.
 */
uint32_t nv_intern_get(struct nv_intern *in, const void *bytes, uint32_t len, bool *ret_new);
void nv_intern_unref(struct nv_intern *in, uint32_t id);
/* Deletes what nobody refers to, from the tree too; keeps what it has no room to delete for the next time. */
void nv_intern_collect(struct nv_intern *in, struct nv_draft *d);
void nv_intern_destroy(struct nv_intern *in);

static inline bool nv_intern_table_full(const struct nv_intern *in)
{
    return (in->table_used + 1) * 2u > in->table_size;
}

static inline bool nv_intern_items_full(const struct nv_intern *in)
{
    return in->item_count + 1 >= in->item_capacity;
}

/* Makes sure that the next nv_intern_get succeeds. 0 or -1: no memory. */
static inline int nv_intern_reserve(struct nv_intern *in)
{
    return nv_intern_table_full(in) || nv_intern_items_full(in) ? nv_intern_make_room(in) : 0;
}

/* One more reference; id 0 has none. */
static inline void nv_intern_ref(struct nv_intern *in, uint32_t id)
{
    if (id && !in->items[id].refs++ && in->on_use)
        in->on_use(in->arg, in->items[id].bytes, in->items[id].len, true);
}

static inline uint64_t nv_intern_content(const struct nv_intern *in, uint32_t id)
{
    return id ? in->items[id].content : 0;
}

#endif
