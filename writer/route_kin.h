/* SPDX-License-Identifier: MIT */
/*
 * route_kin.h - the records of routes that differ in nothing but their destination are made once a dump.
 */
#ifndef NV_ROUTE_KIN_H
#define NV_ROUTE_KIN_H

#include "route.h"

/* The kept record of the fact's kin with this fact's destination and references of its own; false: there is none. */
bool nv_route_kin_find(struct nv_mirror *m, const struct nv_route *f, struct nv_route_rec *ret_r);
/* Keeps a record of the fact, with references of its own, until the dump has ended. */
void nv_route_kin_keep(struct nv_mirror *m, const struct nv_route *f, const struct nv_route_rec *r);

#endif
