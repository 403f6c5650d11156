/* SPDX-License-Identifier: MIT */
/*
 * string.c - puts the chunks of a stored string together.
 *
 * Owns:      the STRINGS tree.
 * Promises:  at most as many steps as NV_STRING_MAX bytes need, whatever the region says.
 */
#include "reader.h"

#define NV_CHUNK      sizeof(((struct netvane_rec_string *)0)->bytes)
#define NV_STRING_MAX 65536u

int nv_string_find(const struct nv_snap *s, uint32_t id, char *buf, size_t size, size_t *ret_len)
{
    struct nv_cursor c;
    struct netvane_rec_string rec;
    const uint64_t key = (uint64_t)id << 32;
    int w = id ? nv_snap_seek(s, NETVANE_TREE_STRINGS, &key, &c) : NV_TREE_END;
    size_t len = 0;
    for (size_t at = 0; w == NV_TREE_OK; at += NV_CHUNK) {
        w = nv_cursor_get(&c, &rec);
        if (w != NV_TREE_OK)
            break;
        if (rec.key[0] !=
            key + at / NV_CHUNK) /* a first chunk that is missing: there is no such string */
            return at ? NV_TREE_BAD : NV_TREE_END;
        if (!at)
            len = rec.len;
        if (rec.len != len || !len || len > NV_STRING_MAX)
            return NV_TREE_BAD;
        size_t n = len - at < NV_CHUNK ? len - at : NV_CHUNK;
        if (at < size)
            memcpy(buf + at, rec.bytes, n < size - at ? n : size - at);
        if (at + n == len) {
            *ret_len = len;
            return NV_TREE_OK;
        }
        w = nv_cursor_next(&c);
        if (w == NV_TREE_END)
            return NV_TREE_BAD;
    }
    return w;
}

int netvane_string_get(const struct netvane_snap *snap, uint32_t id, char *buf, size_t size)
{
    struct nv_snap s;
    char text[1024];
    size_t len = 0;
    int r = nv_enter(snap, &s);
    if (r)
        return r;
    /* Not into the caller's buffer: it must stay untouched if the version has expired. */
    r = nv_leave(&s, nv_string_find(&s, id, text, sizeof(text), &len));
    if (r)
        return r;
    if (len > sizeof(text))
        return NETVANE_LIMIT;
    if (!buf || len >= size)
        return NETVANE_TRUNCATED;
    memcpy(buf, text, len);
    buf[len] = '\0';
    return (int)len;
}
