/* SPDX-License-Identifier: MIT */
/*
 * rtnl_ahead.h - reading a long dump ahead, by a thread of its own.
 */
#ifndef NV_RTNL_AHEAD_H
#define NV_RTNL_AHEAD_H

#include "nv/event.h"
#include "rtnl_socket.h"

struct nv_rtnl_ahead;

/*
 * From now on the socket is read by the thread, until nv_rtnl_ahead_stop or until there is nothing to read or an
 * error, which the last take tells. Makes *ahead the first time. A negative errno: not started, and nothing is changed.
 */
int nv_rtnl_ahead_start(struct nv_rtnl_ahead **ahead, const struct nv_rtnl_socket *sock);
/* The thread has left the socket alone when this returns; what it read and nobody took is dropped. */
void nv_rtnl_ahead_stop(struct nv_rtnl_ahead *a);
/* Is there something to take, or may there be? */
bool nv_rtnl_ahead_runs(const struct nv_rtnl_ahead *a);
/* The descriptor, for poll, of one that runs. */
int nv_rtnl_ahead_fd(const struct nv_rtnl_ahead *a);
/* As nv_rtnl_receive; 0: nothing yet. *ret_buf is good until the next call for the same thing. */
int nv_rtnl_ahead_take(struct nv_rtnl_ahead *a, const void **ret_buf,
                       struct nv_rtnl_datagram *ret_datagram);
void nv_rtnl_ahead_free(struct nv_rtnl_ahead *a);

#endif
