/* SPDX-License-Identifier: MIT */
/*
 * test_dataplane_forward.c - the dataplane's adjacency cache over States made by hand: what was found in one version, or with
 * other neighbours, is not believed in the next.
 */
#include "tests/unit/reader_fixture.h"

#include <netinet/in.h>

#include "bench/dataplane/forward.h"

enum { LOCAL = 255, MAIN = 254, IN = 2, OUT = 3, UP = 1 };

static const uint8_t port_mac[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};

/* ---- neighbours: the last byte of a MAC address is that of the IP address ----------------------------------- */

static uint32_t generation;
static uint8_t fifth; /* byte of all MAC addresses */

uint32_t neigh_generation(const struct neigh *neigh)
{
    (void)neigh;
    return generation;
}

bool neigh_find(struct neigh *neigh, uint32_t ifindex, uint8_t family, const uint8_t *ip, bool ask,
                uint8_t ret_mac[6])
{
    (void)neigh, (void)ifindex, (void)ask;
    const uint8_t mac[6] = {2, 1, 0, 0, fifth, ip[family == 4 ? 3 : 15]};
    memcpy(ret_mac, mac, sizeof(mac));
    return true;
}

/* ---- a router of two ports ------------------------------------------------------------------------------------- */

struct router {
    struct fixture *f;
    struct forward *fw;
    struct fallback *fallback;
    struct counters counters;
    unsigned sent;
    uint8_t to[6]; /* where the last frame went */
};

static void to_wire(void *arg, uint32_t port, const uint8_t *frame, uint32_t len)
{
    struct router *r = arg;
    assert_int_equal(port, 1);
    assert_true(len > PACKET_ETHERNET);
    memcpy(r->to, frame, sizeof(r->to));
    r->sent++;
}

static void to_host(void *arg, uint32_t port, const uint8_t *frame, uint32_t len)
{
    (void)arg, (void)port, (void)frame, (void)len;
    fail();
}

/* 192.0.2.0/24 by a gateway, 198.51.100.0/24 on the link. In the memory of the version before, which expires. */
static void publish(struct fixture *f, const char *gateway)
{
    fake_state_free(&f->state);
    memset(&f->state, 0, sizeof(f->state));
    for (unsigned i = 0; i < 2; i++) {
        struct netvane_rec_link *link = fake_link(&f->state, IN + i, i ? "out" : "in", UP, "veth");
        link->mtu = 1500;
        memcpy(link->addr, port_mac[i], 6);
        link->addr_len = 6;
    }
    for (uint8_t family = 4; family <= 6; family += 2) {
        fake_rule(&f->state, family, 0, LOCAL);
        fake_rule(&f->state, family, 32766, MAIN);
    }
    fake_hop(&f->state, 1, 0, 1, OUT, gateway);
    fake_hop(&f->state, 2, 0, 1, OUT, NULL);
    fake_route(&f->state, MAIN, "192.0.2.0/24", 0, 1);
    fake_route(&f->state, MAIN, "198.51.100.0/24", 0, 2);
    f->region.used = NETVANE_ARENA_OFFSET;
    memset(f->region.tree_hash, 0, sizeof(f->region.tree_hash)); /* all trees anew */
    fake_expire(&f->region, f->region.version + 1);
    fake_publish(&f->region, &f->state, false);
}

static void up(struct router *r, struct fixture *f)
{
    static const char *const ports[] = {"in", "out"};
    const struct flows_limits limits = {
        .distinct = 4, .in_flight = 4, .idle_ns = 1, .unclaimed_ns = 1};
    const struct forward_out out = {r, to_wire, to_host};
    *r = (struct router){.f = f};
    publish(f, "10.0.1.9");
    r->fallback = fallback_new(&limits, &r->counters);
    r->fw = forward_new(f->nv, NULL, r->fallback, ports, 2, &out, &r->counters);
    assert_true(r->fallback && r->fw);
}

static void down(struct router *r)
{
    forward_free(r->fw);
    fallback_free(r->fallback);
}

/* The MAC address that a packet to dst is sent to: its last two bytes. */
static unsigned sent_to(struct router *r, const uint8_t dst[4])
{
    uint8_t frame[64] = {0}, *ip = frame + PACKET_ETHERNET;
    struct packet p = {.frame = frame, .len = PACKET_ETHERNET + 28};
    const unsigned sent = r->sent;
    memcpy(frame, port_mac[0], 6);
    frame[12] = 0x08;
    ip[0] = 0x45;
    ip[3] = 28;
    ip[8] = 64;
    ip[9] = IPPROTO_UDP;
    memcpy(ip + 12, (const uint8_t[]){10, 0, 0, 7}, 4);
    memcpy(ip + 16, dst, 4);
    ip[25] = 8; /* of UDP: its length */
    const uint16_t sum = packet_sum_end(packet_sum(ip, 20, 0));
    ip[10] = (uint8_t)(sum >> 8);
    ip[11] = (uint8_t)sum;
    assert_int_equal(forward_batch(r->fw, &p, 1, 1000000000), 0);
    assert_int_equal(r->sent, sent + 1);
    return (unsigned)r->to[4] << 8 | r->to[5];
}

static const uint8_t by_gateway[4] = {192, 0, 2, 1}, on_link[4] = {198, 51, 100, 33};

static uint32_t info_of(const struct fixture *f)
{
    struct netvane_snap snap = begin(f);
    struct netvane_table table;
    struct netvane_match match;
    NETVANE_INIT(&table);
    assert_int_equal(netvane_table_get(&snap, 4, MAIN, &table), NETVANE_OK);
    assert_int_equal(netvane_route_lookup(&table, by_gateway, &match), NETVANE_OK);
    return match.info;
}

static void an_adjacency_is_of_one_version(void **state)
{
    struct router r;
    up(&r, *state);
    const uint32_t info = info_of(*state);
    assert_int_equal(sent_to(&r, by_gateway), 9);
    assert_int_equal(sent_to(&r, by_gateway), 9);
    assert_int_equal(sent_to(&r, on_link), 33);
    assert_int_equal(r.counters.values[COUNT_ADJACENCIES], 2);
    publish(*state, "10.0.1.8");
    assert_int_equal(info_of(*state), info); /* the same place, which says something else now */
    assert_int_equal(sent_to(&r, by_gateway), 8);
    assert_int_equal(r.counters.values[COUNT_ADJACENCIES], 3);
    down(&r);
}

static void an_adjacency_goes_when_a_neighbour_moves(void **state)
{
    struct router r;
    up(&r, *state);
    assert_int_equal(sent_to(&r, by_gateway), 9);
    fifth = 7;
    assert_int_equal(sent_to(&r, by_gateway), 9); /* nobody has told it */
    generation++;
    assert_int_equal(sent_to(&r, by_gateway), 7 << 8 | 9);
    fifth = 0;
    down(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        fixture_test(an_adjacency_is_of_one_version),
        fixture_test(an_adjacency_goes_when_a_neighbour_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
