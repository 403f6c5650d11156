/* SPDX-License-Identifier: MIT */
/*
 * intern.c - a hash table from content to id, with the content kept privately for comparison.
 */
#include "intern.h"

#include <stdlib.h>

/* Records of one content in the region's tree: key id << 32 | index, indexes without gaps except for metrics. */
static void delete_records(struct nv_draft *d, unsigned tree, uint32_t id)
{
    for (;;) {
        uint64_t key[1] = {(uint64_t)id << 32};
        unsigned char record[NV_RECORD_MAX];
        struct nv_tree t = nv_draft_tree(d, tree);
        struct nv_cursor c;
        if (nv_cursor_seek(&c, &t, key) != NV_TREE_OK || nv_cursor_get(&c, record) != NV_TREE_OK)
            return;
        memcpy(key, record, 8);
        if (key[0] >> 32 != id)
            return;
        (void)nv_draft_delete(d, tree, key);
    }
}

static uint32_t slot_of(const struct nv_intern *in, uint64_t hash, const void *bytes, uint32_t len)
{
    uint32_t mask = in->table_size - 1;
    for (uint32_t i = (uint32_t)hash & mask;; i = (i + 1) & mask) {
        uint32_t id = in->table[i];
        if (!id)
            return i;
        const struct nv_interned *it = &in->items[id];
        if (it->hash == hash && it->len == len && !memcmp(it->bytes, bytes, len))
            return i;
    }
}

static int grow_table(struct nv_intern *in)
{
    uint32_t size = in->table_size ? in->table_size * 2u : 64u;
    uint32_t *table = calloc(size, sizeof(*table));
    if (!table)
        return -1;
    for (uint32_t id = 1; id < in->item_count; id++) {
        if (!in->items[id].bytes)
            continue;
        uint32_t i = (uint32_t)in->items[id].hash & (size - 1);
        while (table[i])
            i = (i + 1) & (size - 1);
        table[i] = id;
    }
    free(in->table);
    in->table = table;
    in->table_size = size;
    return 0;
}

int nv_intern_make_room(struct nv_intern *in)
{
    if (nv_intern_table_full(in) && grow_table(in))
        return -1;
    if (nv_intern_items_full(in)) {
        uint32_t capacity = in->item_capacity ? in->item_capacity * 2u : 64u;
        struct nv_interned *items = realloc(in->items, (size_t)capacity * sizeof(*items));
        if (!items)
            return -1;
        in->items = items;
        uint32_t *zeros = realloc(in->zeros, (size_t)capacity * sizeof(*zeros));
        if (!zeros)
            return -1;
        in->zeros = zeros;
        in->item_capacity = capacity;
        if (!in->item_count) {
            in->items[0] = (struct nv_interned){0};
            in->item_count = 1;
        }
    }
    return 0;
}

uint32_t nv_intern_get(struct nv_intern *in, const void *bytes, uint32_t len, bool *ret_new)
{
    *ret_new = false;
    if (in->last) {
        struct nv_interned *it = &in->items[in->last];
        if (it->bytes && it->len == len && !memcmp(it->bytes, bytes, len)) {
            nv_intern_ref(in, in->last);
            return in->last;
        }
    }
    uint64_t hash = nv_hash(bytes, len);
    uint32_t slot = slot_of(in, hash, bytes, len);
    uint32_t id = in->table[slot];
    if (!id) {
        unsigned char *copy = malloc(len ? len : 1);
        if (!copy)
            return 0;
        memcpy(copy, bytes, len);
        id = in->free_id;
        if (id)
            in->free_id = in->items[id].refs;
        else
            id = in->item_count++;
        in->items[id] = (struct nv_interned){.hash = hash, .len = len, .bytes = copy};
        in->table[slot] = id;
        in->table_used++;
        *ret_new = true;
    }
    nv_intern_ref(in, id);
    in->last = id;
    return id;
}

void nv_intern_unref(struct nv_intern *in, uint32_t id)
{
    if (!id || --in->items[id].refs)
        return;
    if (in->on_use)
        in->on_use(in->arg, in->items[id].bytes, in->items[id].len, false);
    if (in->items[id].zero)
        return;
    in->items[id].zero = true;
    in->zeros[in->zero_count++] = id;
}

static void table_remove(struct nv_intern *in, uint32_t id)
{
    uint32_t mask = in->table_size - 1;
    uint32_t i = (uint32_t)in->items[id].hash & mask;
    while (in->table[i] != id)
        i = (i + 1) & mask;
    /* Close the gap: move back whatever would no longer be found. */
    for (uint32_t j = (i + 1) & mask; in->table[j]; j = (j + 1) & mask) {
        uint32_t home = (uint32_t)in->items[in->table[j]].hash & mask;
        if (((j - home) & mask) >= ((j - i) & mask)) {
            in->table[i] = in->table[j];
            i = j;
        }
    }
    in->table[i] = 0;
    in->table_used--;
}

void nv_intern_collect(struct nv_intern *in, struct nv_draft *d)
{
    for (uint32_t k = 0; k < in->zero_count; k++) {
        uint32_t id = in->zeros[k];
        struct nv_interned *it = &in->items[id];
        if (it->refs) { /* it is used again */
            it->zero = false;
            continue;
        }
        bool expired = false;
        if (nv_arena_reserve(&d->arena, NV_TREE_KEY_WORDS_MAX * NETVANE_TREE_HEIGHT_MAX * 4u,
                             &expired)) {
            in->zeros[0] = id; /* no room to delete it now: later */
            memmove(in->zeros + 1, in->zeros + k + 1,
                    (size_t)(in->zero_count - k - 1) * sizeof(*in->zeros));
            in->zero_count -= k;
            return;
        }
        delete_records(d, in->tree, id);
        table_remove(in, id);
        unsigned char *bytes = it->bytes;
        uint32_t len = it->len;
        *it = (struct nv_interned){.refs = in->free_id};
        in->free_id = id;
        if (in->on_drop)
            in->on_drop(in->arg, bytes, len);
        free(bytes);
        if (in->last == id)
            in->last = 0;
    }
    in->zero_count = 0;
}

void nv_intern_destroy(struct nv_intern *in)
{
    for (uint32_t id = 1; id < in->item_count; id++)
        free(in->items[id].bytes);
    free(in->items);
    free(in->table);
    free(in->zeros);
    *in = (struct nv_intern){.tree = in->tree};
}
