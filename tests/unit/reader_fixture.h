/* SPDX-License-Identifier: MIT */
/*
 * reader_fixture.h - what the tests of the reader begin with: a fake region, published once, and a handle on it.
 */
#ifndef READER_FIXTURE_H
#define READER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "netvane/netvane.h"
#include "tests/fake/fake_region.h"

struct fixture {
    struct fake_region region;
    struct fake_state state;
    struct netvane *nv;
};

static inline int open_fake(const struct fake_region *r, struct netvane **ret_nv)
{
    struct netvane_open_args args;
    NETVANE_INIT(&args);
    args.dir = r->dir;
    args.name = r->name;
    return netvane_open(&args, ret_nv);
}

static inline int fixture_up(void **test_state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return 1;
    fake_region_make(&f->region, "test");
    fake_example(&f->state);
    fake_publish(&f->region, &f->state, false);
    *test_state = f;
    return open_fake(&f->region, &f->nv);
}

static inline int fixture_down(void **test_state)
{
    struct fixture *f = *test_state;
    netvane_close(f->nv);
    fake_region_free(&f->region);
    fake_state_free(&f->state);
    free(f);
    return 0;
}

#define fixture_test(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

static inline struct netvane_snap begin(const struct fixture *f)
{
    struct netvane_snap snap;
    assert_int_equal(netvane_snap_begin(f->nv, &snap), NETVANE_OK);
    return snap;
}

#endif
