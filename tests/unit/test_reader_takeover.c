/* SPDX-License-Identifier: MIT */
/* A new writer's region takes the place of the old one under running readers. */
#include "reader/reader.h"
#include "tests/unit/reader_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void take_over(struct fixture *f, struct fake_state *st)
{
    struct fake_region next;
    fake_region_succeed(&next, &f->region);
    fake_publish(&next, st, false);
    fake_region_replace(&next, &f->region);
    fake_region_die(&f->region);
    fake_region_free(&f->region);
    f->region = next;
}

static void readers_follow_to_the_new_region(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap old = begin(f), snap;
    struct netvane_link l;
    struct netvane_default d;
    NETVANE_INIT(&l);
    NETVANE_INIT(&d);
    assert_false(netvane_changed(f->nv, old.version));
    fake_link(&f->state, 9, "new0", 1, NULL);
    take_over(f, &f->state);
    assert_true(netvane_changed(f->nv, old.version));
    assert_int_equal(netvane_snap_check(&old), NETVANE_OK); /* not followed yet */
    assert_int_equal(netvane_default_get(f->nv, 4, &d), NETVANE_OK);
    assert_int_equal(netvane_snap_check(&old), NETVANE_EXPIRED);
    assert_int_equal(netvane_link_get(&old, 2, &l), NETVANE_EXPIRED);
    snap = begin(f);
    assert_true(snap.version > old.version);
    assert_false(netvane_changed(f->nv, snap.version));
    assert_int_equal(netvane_link_get_by_name(&snap, "new0", &l), NETVANE_OK);
    for (unsigned i = 0; i < 5; i++)
        take_over(f, &f->state);
    snap = begin(f);
    assert_int_equal(netvane_link_get_by_name(&snap, "new0", &l), NETVANE_OK);
    assert_int_equal(netvane_check(f->nv, NULL, NULL), 0);
}

/* Files without a name that this process has mapped: regions that were replaced. */
static unsigned kept_files(void)
{
    char line[512];
    unsigned kept = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps))
        kept += strstr(line, "netvane") && strstr(line, "(deleted)");
    (void)fclose(maps);
    return kept;
}

static int wait_since(struct fixture *f, const struct netvane_snap *since)
{
    struct netvane_wait_args a;
    NETVANE_INIT(&a);
    a.topics = NETVANE_TOPIC_LINKS;
    a.since = since;
    return netvane_wait(f->nv, &a, NULL);
}

static void regions_of_long_ago_hold_no_memory_and_are_expired(void **state)
{
    struct fixture *f = *state;
    struct netvane_snap snap[NV_MAPPINGS_KEPT + 4];
    struct netvane_link l;
    NETVANE_INIT(&l);
    for (unsigned i = 0; i < NV_ARRAY_LEN(snap); i++) {
        snap[i] = begin(f);
        take_over(f, &f->state);
        (void)begin(f);
        assert_true(kept_files() <= NV_MAPPINGS_KEPT);
    }
    assert_int_equal(kept_files(), NV_MAPPINGS_KEPT);
    for (unsigned i = 0; i < NV_ARRAY_LEN(snap); i++) {
        const bool kept = i + NV_MAPPINGS_KEPT >= NV_ARRAY_LEN(snap);
        assert_int_equal(netvane_snap_check(&snap[i]), NETVANE_EXPIRED);
        assert_int_equal(netvane_link_get(&snap[i], 2, &l), NETVANE_EXPIRED);
        /* Nothing changed; of a version that nothing is known of any more, all may have. */
        assert_int_equal(wait_since(f, &snap[i]), kept ? NETVANE_TIMEOUT : NETVANE_OK);
    }
}

static void where_the_successor_is_gone_again_the_last_state_stays(void **state)
{
    struct fixture *f = *state;
    struct netvane_link l;
    struct netvane_snap snap;
    struct netvane_default d;
    char path[200];
    NETVANE_INIT(&l);
    NETVANE_INIT(&d);
    snprintf(path, sizeof(path), "%s/%s", f->region.dir, f->region.name);
    assert_int_equal(unlink(path), 0);
    nv_write_moved(f->region.base, 4711);
    snap = begin(f);
    assert_int_equal(netvane_link_get(&snap, 2, &l), NETVANE_OK);
    assert_int_equal(netvane_default_get(f->nv, 4, &d), NETVANE_OK);
}

static void a_successor_of_another_layout_is_an_error_that_says_so(void **state)
{
    struct fixture *f = *state;
    struct fake_region next;
    struct netvane_snap snap;
    fake_region_succeed(&next, &f->region);
    fake_publish(&next, &f->state, false);
    ((struct netvane_region_header *)(void *)next.base)->major++;
    fake_header_seal(&next);
    fake_region_replace(&next, &f->region);
    assert_int_equal(netvane_snap_begin(f->nv, &snap), NETVANE_BAD_LAYOUT);
    fake_region_free(&f->region);
    f->region = next;
}

static void a_writer_that_stopped_in_order_is_followed_without_a_mark(void **state)
{
    struct fixture *f = *state;
    struct fake_region next;
    struct netvane_snap snap;
    f->state.quality = NETVANE_RQ_STOPPED;
    fake_publish(&f->region, &f->state, false);
    nv_write_word32(f->region.base, NV_LIVE(state), NETVANE_RS_STOPPED);
    snap = begin(f);
    f->state.quality = 0;
    fake_region_succeed(&next, &f->region);
    fake_publish(&next, &f->state, false);
    fake_region_rename(&next, &f->region);
    snap = begin(f);
    assert_true(snap.version == next.version);
    fake_region_free(&f->region);
    f->region = next;
}

struct crowd {
    struct fixture *f;
    atomic_int stop;
    atomic_int failed;
    atomic_ullong reads;
};

/* Every State that this test shows has a link whose mtu is its version: what is read must fit together. */
static void *read_on(void *arg)
{
    struct crowd *c = arg;
    struct netvane_link l;
    struct netvane_addr a;
    struct netvane_iter it;
    struct netvane_default d;
    const uint8_t ip[4] = {192, 0, 2, 10};
    NETVANE_INIT(&l);
    NETVANE_INIT(&a);
    NETVANE_INIT(&d);
    while (!atomic_load(&c->stop)) {
        struct netvane_snap snap;
        int r = netvane_snap_begin(c->f->nv, &snap), n = 0;
        if (r)
            goto bad;
        r = netvane_link_get_by_name(&snap, "eth0", &l);
        if (r == NETVANE_EXPIRED)
            continue;
        if (r || l.mtu != snap.version)
            goto bad;
        r = netvane_addr_find(&snap, 4, ip, &a);
        if (r && r != NETVANE_EXPIRED)
            goto bad;
        r = netvane_addr_iter(&snap, 0, 0, &it);
        while (!r || r == 1)
            if ((r = netvane_addr_next(&it, &a)) == 0)
                break;
            else
                n++;
        if ((r && r != NETVANE_EXPIRED) || (!r && n != 7))
            goto bad;
        r = netvane_default_get(c->f->nv, 4, &d);
        if (r || d.ifindex != 2)
            goto bad;
        atomic_fetch_add(&c->reads, 1);
        continue;
    bad:
        atomic_store(&c->failed, r ? r : 1);
        break;
    }
    return NULL;
}

static void takeovers_under_reading_threads_show_only_whole_states(void **state)
{
    struct fixture *f = *state;
    struct crowd c = {.f = f};
    const uint64_t key = 2;
    pthread_t threads[3];
    struct netvane_rec_link *l = fake_find(&f->state, NETVANE_TREE_LINKS, &key);
    l->mtu = 2;
    fake_publish(&f->region, &f->state, false);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &c), 0);
    for (unsigned i = 0; i < 60 && !atomic_load(&c.failed); i++) {
        l = fake_find(&f->state, NETVANE_TREE_LINKS, &key);
        l->mtu = (uint32_t)f->region.version + 1;
        if (i % 3 == 2) {
            take_over(f, &f->state);
        } else {
            fake_publish(&f->region, &f->state, false);
            fake_expire(&f->region, f->region.version - 1);
        }
        usleep(2000);
    }
    atomic_store(&c.stop, 1);
    for (unsigned i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&c.failed), 0);
    assert_true(atomic_load(&c.reads) > 10);
}

static void a_child_of_fork_reads_on_and_follows(void **state)
{
    struct fixture *f = *state;
    int status = -1;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        struct netvane_snap snap;
        struct netvane_link l;
        NETVANE_INIT(&l);
        if (netvane_snap_begin(f->nv, &snap) || netvane_link_get(&snap, 2, &l))
            _exit(1);
        take_over(f, &f->state);
        if (netvane_link_get(&snap, 2, &l) || netvane_snap_begin(f->nv, &snap) ||
            netvane_link_get(&snap, 2, &l))
            _exit(2);
        netvane_close(f->nv);
        _exit(0);
    }
    assert_true(waitpid(pid, &status, 0) == pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(readers_follow_to_the_new_region),
        fixture_test(regions_of_long_ago_hold_no_memory_and_are_expired),
        fixture_test(where_the_successor_is_gone_again_the_last_state_stays),
        fixture_test(a_successor_of_another_layout_is_an_error_that_says_so),
        fixture_test(a_writer_that_stopped_in_order_is_followed_without_a_mark),
        fixture_test(takeovers_under_reading_threads_show_only_whole_states),
        fixture_test(a_child_of_fork_reads_on_and_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
