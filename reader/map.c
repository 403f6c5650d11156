/* SPDX-License-Identifier: MIT */
/*
 * map.c - maps a region, and goes over to its successor under running readers.
 *
 * Owns:      struct nv_mapping, and the order in which a takeover changes the handle's words.
 * Assumes:   a writer renames its region into place before it marks the old one MOVED (edge F).
 * Promises:  one thread follows, the others find it done; the old arena is replaced by zeros under running readers, who
 *            find out by edge H; header pages stay until close. Where the successor cannot be found, the old region stays
 *            current: its last State is readable.
 * Leaves:    what is inside a region to nv/tree.h, what to do about EXPIRED to the callers.
 */
#include "reader.h"

#include <stdlib.h>

int nv_mapping_open(const char *dir, const char *name, uint32_t trusted_uid,
                    struct nv_mapping **ret_mapping)
{
    const void *base = NULL;
    struct nv_mapping *m = calloc(1, sizeof(*m));
    if (!m)
        return NETVANE_NO_MEMORY;
    int r = nv_error(nv_view_open(dir, name, trusted_uid, NETVANE_HEADER_PAGES_BYTES, &m->view));
    if (r)
        goto fail;
    m->header = nv_view_header(m->view);
    r = nv_header_verify(m->header, &m->facts);
    if (r)
        goto fail_view;
    m->max_bytes = m->facts.max_bytes;
    r = nv_error(nv_view_map(m->view, m->max_bytes, &base));
    if (r)
        goto fail_view;
    atomic_init(&m->base, (const unsigned char *)base);
    *ret_mapping = m;
    return NETVANE_OK;
fail_view:
    nv_view_close(m->view);
fail:
    free(m);
    return r;
}

void nv_mapping_close(struct nv_mapping *m)
{
    nv_view_close(m->view);
    free(m);
}

/* ---- questions to the OS about a mapping: only while it is current ------------------------------------- */

/* Enters a read section in which the view stays whole; false: the mapping was replaced. */
static bool use_view(const struct nv_mapping *m)
{
    nv_rcu_lock();
    if (atomic_load_explicit(&m->base, memory_order_acquire))
        return true;
    nv_rcu_unlock();
    return false;
}

bool nv_mapping_gone(struct nv_mapping *m)
{
    if (nv_read_word32(m->header, NV_LIVE(state)) == NETVANE_RS_STOPPED)
        return true;
    if (!use_view(m))
        return false;
    bool gone = !nv_view_writer_alive(m->view);
    nv_rcu_unlock();
    return gone;
}

bool nv_mapping_renamed(struct nv_mapping *m)
{
    if (!use_view(m))
        return false;
    bool renamed = !nv_view_is_current(m->view);
    nv_rcu_unlock();
    return renamed;
}

/* ---- takeover ------------------------------------------------------------------------------------------------ */

#ifdef NV_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
static char grace_tag;

void nv_rcu_tsan_release(void)
{
    __tsan_release(&grace_tag);
}
#endif

/*
 * A child of fork may not wait: threads that were reading in the parent would never leave. Nor may a thread
 * that is itself in a read section, which only a program that uses urcu-bp for its own data can be.
 */
bool nv_grace(const struct netvane *nv)
{
    if (nv->pid != nv_proc_pid() || urcu_bp_read_ongoing())
        return false;
    urcu_bp_synchronize_rcu();
#ifdef NV_TSAN
    __tsan_acquire(&grace_tag);
#endif
    return true;
}

static void publish(struct netvane *nv, struct nv_mapping *old, struct nv_mapping *new)
{
    new->older = old;
    atomic_store_explicit(&nv->current, new, memory_order_release);
    __atomic_store_n(&nv->words.head,
                     (const uint64_t *)(const void *)nv_at(new->header, NV_HOT(head)),
                     __ATOMIC_RELEASE);
    atomic_store_explicit(&old->base, NULL, memory_order_seq_cst); /* H: before its memory goes */
}

/*
 * Lets go of the files of regions that were replaced long ago: each would hold its header's memory until close. What shows instead
 * says that every version has expired. The page with the horizon goes first: who has read one zero of the rest sees it (B, H).
 */
static void bury_old(struct netvane *nv)
{
    struct {
        unsigned char before[NETVANE_HOT_OFFSET];
        struct netvane_region_hot hot;
    } page = {.hot = {.head = NETVANE_HEAD_MOVED, .horizon = UINT64_MAX}};
    nv_mutex_lock(nv->mutex);
    struct nv_mapping *m = atomic_load_explicit(&nv->current, memory_order_relaxed);
    for (unsigned i = 0; m && i <= NV_MAPPINGS_KEPT; i++)
        m = m->older;
    for (; m && !m->buried; m = m->older)
        m->buried = !nv_view_bury(m->view, &page, sizeof(page));
    nv_mutex_unlock(nv->mutex);
}

int nv_follow(struct netvane *nv, struct nv_mapping *from)
{
    struct nv_mapping *next = NULL;
    bool moved = false;
    nv_mutex_lock(nv->mutex);
    int r = NETVANE_OK;
    if (atomic_load_explicit(&nv->current, memory_order_relaxed) == from)
        r = nv_mapping_open(nv->dir, nv->name, nv->trusted_uid, &next);
    if (next && next->facts.instance_id != from->facts.instance_id) {
        publish(nv, from, next);
        moved = true;
    } else if (next) {
        nv_mapping_close(next);
    }
    nv_mutex_unlock(nv->mutex);
    if (moved)
        nv_view_revoke(from->view); /* H */
    /* Not under the mutex: a thread that is in a read section of its own may be waiting for it. */
    if (moved && nv_grace(nv))
        nv_view_release(from->view);
    if (moved)
        bury_old(nv);
    return r;
}

int nv_current(struct netvane *nv, struct nv_mapping **ret_mapping)
{
    for (unsigned hops = 0;; hops++) {
        struct nv_mapping *m = atomic_load_explicit(&nv->current, memory_order_acquire);
        *ret_mapping = m;
        if (nv_likely(!(nv_read_head(m->header) & NETVANE_HEAD_MOVED)) || hops == 8)
            return NETVANE_OK;
        int r = nv_follow(nv, m);
        if (r ==
            NETVANE_NO_WRITER) /* the old State serves until the successor has taken its memory back */
            return nv_read_check(m->header, nv_read_head(m->header) & ~NETVANE_HEAD_MOVED)
                       ? NETVANE_OK
                       : NETVANE_NO_WRITER;
        if (r)
            return r;
        if (atomic_load_explicit(&nv->current, memory_order_acquire) == m)
            return NETVANE_OK;
    }
}
