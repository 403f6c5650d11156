/* SPDX-License-Identifier: MIT */
/*
 * urcu-bp.h - the header of that name for code that c11.c runs: nothing is ever freed there, so that a grace period is nothing.
 */
#ifndef NV_MODEL_URCU_BP_H
#define NV_MODEL_URCU_BP_H

static inline void urcu_bp_read_lock(void) {}

static inline void urcu_bp_read_unlock(void) {}

#endif
