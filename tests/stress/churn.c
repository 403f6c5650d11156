/* SPDX-License-Identifier: MIT */
/*
 * churn.c - readers look at every State they can catch while a writer changes everything as fast as it can.
 *
 * Proves, for readers in threads of the writer's process (where tsan sees both sides) and in processes of their own (where
 * the writer is also killed and started again under them): what a State shows belongs together. Every address has its
 * link, every route's hops lead to links that exist, the index by IP agrees with the list, a lookup finds each route, counts
 * equal contents, the whole integrity check finds nothing, versions never go back, and who follows by changes alone has as
 * many objects. Options: --seconds S (4), --readers N (6); the seed is printed and taken from SEED. Now and then a reader
 * dawdles, so that States expire under it: that is counted, and has to happen.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "netvane/netvane.h"
#include "writer/commit.h"

#define LINKS      24u
#define ADDRS_EACH 6u
#define ROUTES     400u

struct tally {
    _Atomic uint64_t states, changes, followed, expired, corrupt, wrong, backwards, checks;
    _Atomic int stop;
};

static struct tally *tally;
static char dir[64];
static unsigned reader_count = 6;
static double seconds = 4;

static void nap(uint64_t ns)
{
    struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    (void)nanosleep(&t, NULL);
}

/* ---- writer ------------------------------------------------------------------------------------------- */

struct world {
    struct nv_mirror mirror;
    struct nv_publisher pub;
    struct nv_commit commit;
    struct nv_shm *shm;
    uint64_t random;
    bool up[LINKS + 1];
};

static uint32_t draw(struct world *w, uint32_t below)
{
    w->random += UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(nv_mix(w->random) >> 32) % below;
}

static int grow(void *arg, uint64_t size_bytes)
{
    return nv_shm_grow(arg, size_bytes);
}

static void put_link(struct world *w, uint32_t ifindex)
{
    static const struct nv_text kinds[] = {
        {"veth", 4}, {"bridge", 6}, {"a kind with a long name", 23}};
    char alt[24];
    int n = snprintf(alt, sizeof(alt), "alternative%u", ifindex);
    struct nv_text altname = {alt, (uint32_t)n};
    struct nv_link f = {.has = NV_LINK_COMPLETE | NV_LINK_HAS_NAME | NV_LINK_HAS_MTU |
                               NV_LINK_HAS_KIND,
                        .ifindex = ifindex,
                        .flags = 0x11043,
                        .mtu = 1000 + draw(w, 500),
                        .kind = kinds[draw(w, 3)],
                        .altnames = &altname,
                        .altname_count = draw(w, 2)};
    (void)snprintf(f.name, sizeof(f.name), "net%u.%u", ifindex, draw(w, 3));
    (void)nv_mirror_link_put(&w->mirror, &f);
    w->up[ifindex] = true;
}

static void change(struct world *w)
{
    uint32_t ifindex = 1 + draw(w, LINKS), what = draw(w, 20);
    if (what == 0) { /* takes its addresses and routes along */
        (void)nv_mirror_link_remove(&w->mirror, ifindex);
        w->up[ifindex] = false;
        return;
    }
    if (what < 3 || !w->up[ifindex]) {
        put_link(w, ifindex);
        return;
    }
    if (what < 9) {
        struct nv_addr a = {.ifindex = ifindex,
                            .family = what < 6 ? NV_AF_4 : NV_AF_6,
                            .prefix_len = what < 6 ? 24 : 64,
                            .valid_s = UINT32_MAX,
                            .preferred_s = UINT32_MAX};
        a.local[0] = 10;
        a.local[1] = (uint8_t)ifindex;
        a.local[3] = (uint8_t)draw(w, ADDRS_EACH);
        if (draw(w, 3))
            (void)nv_mirror_addr_put(&w->mirror, &a, false, 0);
        else
            (void)nv_mirror_addr_remove(&w->mirror, &a);
        return;
    }
    bool v4 = what < 16;
    struct nv_hop hops[3];
    uint32_t count = 0;
    for (uint32_t i = 0; i < 1 + draw(w, 3); i++) {
        uint32_t on = i ? 1 + draw(w, LINKS) : ifindex;
        if (w->up[on])
            hops[count++] = (struct nv_hop){.ifindex = on,
                                            .weight = 1 + i,
                                            .gw_family = v4 ? NV_AF_4 : NV_AF_6,
                                            .gateway = {10, (uint8_t)on, 0, 9}};
    }
    struct nv_route r = {.family = v4 ? NV_AF_4 : NV_AF_6,
                         .dst_len = v4 ? 24 : 48,
                         .type = 1,
                         .protocol = (uint8_t)(3 + draw(w, 3)),
                         .table = draw(w, 4) ? 254 : 100,
                         .metric = 10,
                         .multipath = count > 1,
                         .hop_count = count,
                         .hops = hops,
                         .metric_mask = draw(w, 2) ? 4u : 0,
                         .metrics = {0, 0, 1400 + draw(w, 3)}};
    uint32_t prefix = draw(w, ROUTES);
    r.dst[0] = v4 ? 172 : 0x20;
    r.dst[1] = (uint8_t)(prefix >> 8);
    r.dst[2] = (uint8_t)prefix;
    if (prefix == 0) { /* a default route among them */
        memset(r.dst, 0, sizeof(r.dst));
        r.dst_len = 0;
    }
    if (draw(w, 3))
        (void)nv_mirror_route_put(&w->mirror, &r, NV_LIST_REPLACE, false, 0);
    else
        (void)nv_mirror_route_remove(&w->mirror, &r);
}

/* A link of a multipath route's other hops may go: such routes go too, as the kernel's re-read would have it. */
static void drop_stray_routes(struct world *w)
{
    for (unsigned v6 = 0; v6 < 2; v6++) {
        unsigned tree = v6 ? NETVANE_TREE_ROUTES6 : NETVANE_TREE_ROUTES4;
        bool again = true;
        while (again) {
            struct nv_tree t = nv_draft_tree(&w->mirror.draft, tree);
            struct nv_cursor c;
            union {
                struct netvane_rec_route4 r4;
                struct netvane_rec_route6 r6;
            } r;
            again = false;
            for (int more = nv_cursor_seek(&c, &t, NULL); more == NV_TREE_OK && !again;
                 more = nv_cursor_next(&c)) {
                if (nv_cursor_get(&c, &r) != NV_TREE_OK)
                    break;
                uint32_t count;
                const struct netvane_rec_hop *set =
                    nv_mirror_hops(&w->mirror, v6 ? r.r6.hops : r.r4.hops, &count);
                for (uint32_t i = 0; i < count; i++)
                    again |= !w->up[set[i].ifindex];
            }
            if (again && nv_mirror_reserve(&w->mirror, v6 ? NV_K_ROUTE6 : NV_K_ROUTE4))
                nv_mirror_drop_route(&w->mirror, tree, &r);
        }
    }
}

static void open_world(struct world *w, uint64_t seed)
{
    struct nv_shm_args args = {.dir = dir, .name = "default", .max_bytes = UINT64_C(64) << 20};
    struct nv_header_args header = {.max_bytes = args.max_bytes};
    struct nv_legacy legacy = {0};
    uint64_t size;
    memset(w, 0, sizeof(*w));
    w->random = seed;
    int r;
    for (int i = 0; (r = nv_shm_create(&args, &w->shm)) == -EEXIST && i < 500; i++)
        nap(2000000); /* the kernel is still dropping the lock of the one that was killed */
    assert(!r);
    assert(!nv_shm_grow(w->shm, NETVANE_ARENA_OFFSET));
    void *old = nv_shm_predecessor(w->shm, &size);
    if (old)
        (void)nv_legacy_read(old, size, &legacy);
    assert(!nv_publisher_init(&w->pub, nv_shm_base(w->shm), w->shm, &header, &legacy));
    assert(!nv_mirror_init(&w->mirror, nv_shm_base(w->shm), args.max_bytes, grow, w->shm,
                           legacy.version + 1));
    nv_commit_init(&w->commit, &w->mirror, &w->pub);
    for (uint32_t i = 1; i <= LINKS; i++)
        put_link(w, i);
    (void)nv_commit(&w->commit, true, nv_clock_boottime_ns());
    nv_publisher_state(&w->pub, NETVANE_RS_LIVE);
    assert(!nv_shm_show(w->shm));
    if ((old = nv_shm_predecessor(w->shm, &size)))
        nv_legacy_end(old, size, w->pub.instance_id);
    nv_shm_forget_predecessor(w->shm);
}

static void churn(struct world *w, const _Atomic int *stop)
{
    while (!atomic_load_explicit(stop, memory_order_relaxed)) {
        for (uint32_t i = 0; i < 1 + draw(w, 8); i++)
            change(w);
        /* Often all links at once, so that the journal goes round while versions of it can be read. */
        for (uint32_t i = draw(w, 2) ? 1 : LINKS + 1; i <= LINKS; i++)
            if (w->up[i])
                put_link(w, i);
        drop_stray_routes(w);
        (void)nv_commit(&w->commit, false, nv_clock_boottime_ns());
        nv_publisher_beat(&w->pub, nv_clock_boottime_ns());
        if (draw(w, 400) == 0)
            nap(2000000); /* let readers finish one now and then */
    }
}

static void close_world(struct world *w)
{
    nv_publisher_destroy(&w->pub);
    nv_mirror_destroy(&w->mirror);
    nv_shm_close(w->shm, true);
}

/* ---- readers --------------------------------------------------------------------------------------------- */

static void complain(void *arg, const char *text)
{
    (void)arg;
    (void)fprintf(stderr, "finding: %s\n", text);
}

static void wrong(const char *what, uint64_t version)
{
    (void)fprintf(stderr, "WRONG in version %" PRIu64 ": %s\n", version, what);
    atomic_fetch_add(&tally->wrong, 1);
}

static bool same_link(const struct netvane_snap *snap, uint32_t ifindex, int *ret_error)
{
    struct netvane_link link;
    NETVANE_INIT(&link);
    int r = netvane_link_get(snap, ifindex, &link);
    if (r && r != NETVANE_NOT_FOUND)
        *ret_error = r;
    return !r && link.ifindex == ifindex;
}

/* Is a route found in the index of its table? All prefixes of one length are apart here, and there is /0. */
static int same_by_lookup(const struct netvane_snap *snap, const struct netvane_route *route,
                          struct netvane_table *table)
{
    struct netvane_match match[2];
    struct netvane_default answer;
    uint8_t dsts[2][16];
    const size_t bytes = route->family == 4 ? 4 : 16;
    int r = NETVANE_OK;
    NETVANE_INIT(&answer);
    if (table->family != route->family || table->table != route->table) {
        NETVANE_INIT(table);
        r = netvane_table_get(snap, route->family, route->table, table);
    }
    memcpy(&dsts[0][0], route->dst, bytes);
    memcpy(&dsts[0][0] + bytes, route->dst, bytes);
    if (!r)
        r = netvane_route_lookup(table, dsts[0], &match[0]);
    if (!r && (match[0].dst_len != route->dst_len || !match[0].info))
        wrong("a lookup finds another prefix than the route's", snap->version);
    const struct netvane_match one = match[0];
    if (!r)
        r = netvane_route_lookup_bulk(table, dsts[0], 2, match);
    if (!r && (memcmp(&match[0], &one, sizeof(one)) || memcmp(&match[1], &one, sizeof(one))))
        wrong("lookups of many and of one differ", snap->version);
    if (!r)
        r = netvane_match_answer(table, &one, &answer);
    if (!r && (answer.table != route->table || answer.family != route->family ||
               answer.metric != route->metric ||
               (route->family == 4 &&
                (answer.protocol != route->protocol || answer.hop_count != route->hop_count))))
        wrong("a lookup's answer is not the route's", snap->version);
    if (r == NETVANE_NOT_FOUND)
        wrong("a route is not found by its destination", snap->version);
    return r == NETVANE_NOT_FOUND ? NETVANE_OK : r;
}

/* Walks one State, with a long pause in the middle if dawdle is set. 0, or the error that ended it. */
static int look(const struct netvane_snap *snap, bool dawdle)
{
    struct netvane_info info;
    struct netvane_iter it;
    struct netvane_link link;
    struct netvane_addr addr, again;
    struct netvane_route route;
    struct netvane_hop hop;
    struct netvane_table table;
    uint32_t links = 0, addrs = 0, routes = 0;
    int r, error = 0;
    NETVANE_INIT(&info);
    NETVANE_INIT(&link);
    NETVANE_INIT(&addr);
    NETVANE_INIT(&again);
    NETVANE_INIT(&route);
    NETVANE_INIT(&hop);
    if ((r = netvane_snap_info(snap, &info)) || (r = netvane_link_iter(snap, &it)))
        return r;
    while ((r = netvane_link_next(&it, &link)) > 0) {
        struct netvane_link by_name;
        char kind[64];
        NETVANE_INIT(&by_name);
        links++;
        int e = netvane_link_get_by_name(snap, link.name, &by_name);
        if (e && e != NETVANE_NOT_FOUND)
            return e;
        if (e || by_name.ifindex != link.ifindex)
            wrong("a link is not found by its name", snap->version);
        e = netvane_string_get(snap, link.kind, kind, sizeof(kind));
        if (e == NETVANE_NOT_FOUND)
            wrong("a link's kind has no text", snap->version);
        else if (e < 0)
            return e;
    }
    if (r || (r = netvane_addr_iter(snap, 0, 0, &it)))
        return r;
    while ((r = netvane_addr_next(&it, &addr)) > 0) {
        addrs++;
        if (!same_link(snap, addr.ifindex, &error)) {
            if (error)
                return error;
            wrong("an address has no link", snap->version);
        }
        int e = netvane_addr_find(snap, addr.family, addr.local, &again);
        if (e && e != NETVANE_NOT_FOUND)
            return e;
        if (e)
            wrong("an address is not found by its IP", snap->version);
    }
    NETVANE_INIT(&table);
    if (netvane_table_get(snap, 4, 254, &table))
        table.family = 0;
    /* The ring goes round meanwhile: the rest has to say EXPIRED, not lie. */
    for (unsigned i = 0;
         dawdle && i < 300 && !netvane_snap_check(snap) && !atomic_load(&tally->stop); i++)
        nap(10000000);
    if (r || (r = netvane_route_iter(snap, NULL, &it)))
        return r;
    while ((r = netvane_route_next(&it, &route)) > 0) {
        routes++;
        int looked_up = same_by_lookup(snap, &route, &table);
        if (looked_up)
            return looked_up;
        for (uint32_t i = 0; i < route.hop_count; i++) {
            int e = netvane_route_hop(snap, &route, i, &hop);
            if (e && e != NETVANE_NOT_FOUND)
                return e;
            if (e || !same_link(snap, hop.ifindex, &error)) {
                if (error)
                    return error;
                wrong("a hop leads to no link", snap->version);
            }
        }
    }
    if (r)
        return r;
    if (links != info.links || addrs != info.addrs || routes != info.routes4 + info.routes6)
        wrong("counts differ from contents", snap->version);
    return netvane_snap_check(snap);
}

/* A consumer that follows the State by its changes alone, and counts what it has. */
struct follower {
    struct netvane_changes it;
    int64_t count[NETVANE_CLASS_COUNT];
};

static void counts_of(const struct netvane_info *i, int64_t count[NETVANE_CLASS_COUNT])
{
    count[NETVANE_CLASS_LINK] = i->links;
    count[NETVANE_CLASS_ADDR] = i->addrs;
    count[NETVANE_CLASS_ROUTE] = (int64_t)i->routes4 + i->routes6;
    count[NETVANE_CLASS_RULE] = i->rules;
    count[NETVANE_CLASS_NEXTHOP] = i->nexthops;
}

/* Takes the State whole that the follower stands at. */
static int follow_from_here(struct follower *f)
{
    struct netvane_snap snap;
    struct netvane_info info;
    NETVANE_INIT(&info);
    (void)netvane_changes_snap(&f->it, NULL, &snap);
    int r = netvane_snap_info(&snap, &info);
    if (!r)
        counts_of(&info, f->count);
    return r;
}

/* Goes on until it has caught up: then it has as much of everything as the State. 0, or an error. */
static int follow(struct netvane *nv, struct follower *f, bool *io_follows)
{
    struct netvane_change change;
    struct netvane_snap snap;
    struct netvane_info info;
    int64_t count[NETVANE_CLASS_COUNT];
    int r = 0;
    if (!*io_follows)
        r = netvane_changes_begin(nv, NULL, NETVANE_CLASS_ALL, &f->it);
    if (!r && !*io_follows)
        r = follow_from_here(f);
    if (r)
        return r;
    *io_follows = true;
    NETVANE_INIT(&change);
    while ((r = netvane_changes_next(&f->it, &change)) > 0) {
        f->count[change.cls] += (change.after != NULL) - (change.before != NULL);
        atomic_fetch_add(&tally->changes, 1);
    }
    if (r == NETVANE_EXPIRED)
        r = follow_from_here(f);
    if (r) {
        *io_follows = false;
        return r;
    }
    NETVANE_INIT(&info);
    (void)netvane_changes_snap(&f->it, NULL, &snap);
    r = netvane_snap_info(&snap, &info);
    if (r)
        return r;
    counts_of(&info, count);
    if (memcmp(count, f->count, sizeof(count)))
        wrong("who applied every change has another State", snap.version);
    atomic_fetch_add(&tally->followed, 1);
    return 0;
}

static void *reader(void *arg)
{
    struct netvane_open_args args;
    struct netvane *nv;
    struct follower follower;
    bool follows = false;
    uint64_t last = 0, n = 0, looks = 0;
    (void)arg;
    NETVANE_INIT(&args);
    args.dir = dir;
    int r;
    for (int i = 0; (r = netvane_open(&args, &nv)) && i < 1000; i++)
        nap(2000000);
    assert(!r);
    while (!atomic_load(&tally->stop)) {
        struct netvane_snap snap;
        r = netvane_snap_begin(nv, &snap);
        if (!r) {
            if (snap.version < last)
                atomic_fetch_add(&tally->backwards, 1);
            last = snap.version;
            r = look(&snap, ++looks % 32 == 0);
        }
        if (!r)
            r = follow(nv, &follower, &follows);
        if (!r && ++n % 25 == 0) {
            int found = netvane_check(nv, complain, NULL);
            if (found > 0)
                wrong("the integrity check found something", snap.version);
            atomic_fetch_add(&tally->checks, found >= 0);
        }
        if (r == NETVANE_CORRUPT)
            atomic_fetch_add(&tally->corrupt, 1);
        else if (r == NETVANE_EXPIRED)
            atomic_fetch_add(&tally->expired, 1);
        else if (!r)
            atomic_fetch_add(&tally->states, 1);
        else
            wrong(netvane_strerror(r), last);
    }
    netvane_close(nv);
    return NULL;
}

/* ---- both arrangements -------------------------------------------------------------------------------------- */

static void *churn_thread(void *arg)
{
    churn(arg, &tally->stop);
    return NULL;
}

static void in_threads(uint64_t seed)
{
    static struct world w;
    pthread_t writer, readers[64];
    open_world(&w, seed);
    assert(!pthread_create(&writer, NULL, churn_thread, &w));
    for (unsigned i = 0; i < reader_count; i++)
        assert(!pthread_create(&readers[i], NULL, reader, NULL));
    nap((uint64_t)(seconds * 1e9 / 3));
    atomic_store(&tally->stop, 1);
    (void)pthread_join(writer, NULL);
    for (unsigned i = 0; i < reader_count; i++)
        (void)pthread_join(readers[i], NULL);
    close_world(&w);
    atomic_store(&tally->stop, 0);
}

static pid_t start_writer(uint64_t seed)
{
    pid_t pid = fork();
    assert(pid >= 0);
    if (!pid) {
        static struct world w;
        open_world(&w, seed);
        churn(&w, &tally->stop);
        close_world(&w);
        _exit(0);
    }
    return pid;
}

static unsigned in_processes(uint64_t seed)
{
    pid_t readers[64], writer = start_writer(seed);
    unsigned kills = 0, failed = 0;
    int status;
    for (unsigned i = 0; i < reader_count; i++) {
        readers[i] = fork();
        assert(readers[i] >= 0);
        if (!readers[i]) {
            (void)reader(NULL);
            _exit(0);
        }
    }
    uint64_t end = nv_clock_monotonic_ns() + (uint64_t)(seconds * 1e9 * 2 / 3);
    while (nv_clock_monotonic_ns() < end) {
        nap(150000000 + (seed + kills) % 7 * 10000000);
        (void)kill(writer, SIGKILL);
        (void)waitpid(writer, &status, 0);
        writer = start_writer(seed + ++kills);
    }
    atomic_store(&tally->stop, 1);
    (void)waitpid(writer, &status, 0);
    failed += status != 0;
    for (unsigned i = 0; i < reader_count; i++) {
        (void)waitpid(readers[i], &status, 0);
        failed += status != 0;
    }
    if (failed)
        wrong("a process ended badly", failed);
    return kills;
}

int main(int argc, char **argv)
{
    const char *env = getenv("SEED");
    uint64_t seed = env ? strtoull(env, NULL, 10) : (uint64_t)time(NULL);
    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--seconds"))
            seconds = strtod(argv[i + 1], NULL);
        else if (!strcmp(argv[i], "--readers"))
            reader_count = (unsigned)strtoul(argv[i + 1], NULL, 10) % 65;
    }
    tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    (void)snprintf(dir, sizeof(dir), "/dev/shm/netvane-churn.XXXXXX");
    if (tally == MAP_FAILED || !mkdtemp(dir))
        return 1;
    (void)printf("seed %" PRIu64 ", %u readers, %.1f s\n", seed, reader_count, seconds);
    (void)fflush(stdout);
    in_threads(seed);
    (void)printf("threads:   %" PRIu64 " states, %" PRIu64 " expired, %" PRIu64 " checks\n",
                 tally->states, tally->expired, tally->checks);
    (void)fflush(stdout);
    unsigned kills = in_processes(seed);
    (void)printf("processes: %" PRIu64 " states in all, %" PRIu64 " expired, %" PRIu64
                 " checks, %u writers killed\n",
                 tally->states, tally->expired, tally->checks, kills);
    (void)printf("followed %" PRIu64 " times by %" PRIu64 " changes\n", tally->followed,
                 tally->changes);
    (void)printf("corrupt %" PRIu64 ", wrong %" PRIu64 ", versions gone back %" PRIu64 "\n",
                 tally->corrupt, tally->wrong, tally->backwards);
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/default", dir);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/.default.lock", dir);
    (void)unlink(path);
    bool clean = !rmdir(dir);
    if (!clean)
        (void)printf("%s is not empty: a writer left something behind\n", dir);
    bool looked = tally->states > 0 && tally->checks > 0 && tally->expired > 0 &&
                  tally->followed > 0 && tally->changes > 0;
    return tally->corrupt || tally->wrong || tally->backwards || !looked || !clean;
}
