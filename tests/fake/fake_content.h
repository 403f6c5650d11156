/* SPDX-License-Identifier: MIT */
/*
 * fake_content.h - what the API shows of an object, as one number, by public functions alone: parts are read through the
 * snapshot that the object is of, ids and lifetimes that tick do not count. A second opinion about content.h.
 */
#ifndef FAKE_CONTENT_H
#define FAKE_CONTENT_H

#include "netvane/netvane.h"

/* Aborts on an error of the library. */
uint64_t fake_content(const struct netvane_snap *snap, enum netvane_class cls, const void *object);
/* Calls fn for every object of these classes of a State. */
void fake_each(const struct netvane_snap *snap, uint32_t classes,
               void (*fn)(void *arg, enum netvane_class cls, uint64_t content), void *arg);

#endif
