/* SPDX-License-Identifier: MIT */
/*
 * options.h - netvaned's command line.
 */
#ifndef NV_OPTIONS_H
#define NV_OPTIONS_H

#include "writer.h"

enum { NV_OPTIONS_ANSWERED = 1, NV_OPTIONS_WRONG = 2 };

/* 0: *ret_options is set; ANSWERED: it was a question such as --help; WRONG: stderr says why. */
int nv_options_parse(int argc, char **argv, struct nv_writer_options *ret_options);

#endif
