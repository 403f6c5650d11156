/* SPDX-License-Identifier: MIT */
/*
 * platform.c - what the writer's files ask of the platform, as far as a model needs it: nothing sleeps, nothing is random.
 */
#include <string.h>

#include "nv/plat.h"
#include "writer/publish.h"

uint64_t nv_clock_boottime_ns(void)
{
    return NV_NS_PER_S;
}

uint32_t nv_proc_pid(void)
{
    return 1;
}

int nv_proc_random(void *buf, size_t len)
{
    memset(buf, 0x5a, len);
    return 0;
}

int nv_proc_boot_id(uint8_t ret_id[16])
{
    memset(ret_id, 0, 16);
    return 0;
}

int nv_futex_wake(const uint32_t *word, uint32_t bits, int at_most)
{
    (void)word;
    (void)bits;
    (void)at_most;
    return 0;
}

void nv_shm_ring(struct nv_shm *shm, uint64_t offset)
{
    (void)shm;
    (void)offset;
}

int nv_notifier_new(unsigned char *base, struct nv_notifier **ret_notifier)
{
    (void)base;
    (void)ret_notifier;
    return -1;
}

void nv_notifier_post(struct nv_notifier *n, uint32_t topics)
{
    (void)n;
    (void)topics;
}

void nv_notifier_free(struct nv_notifier *n)
{
    (void)n;
}
