/* SPDX-License-Identifier: MIT */
/*
 * log.h - one structured line on stderr for each noteworthy event; nothing per change.
 */
#ifndef NV_LOG_H
#define NV_LOG_H

enum nv_log_level { NV_LOG_ERROR, NV_LOG_WARNING, NV_LOG_INFO, NV_LOG_DEBUG };

/* Lines above this level are dropped. */
void nv_log_set_level(enum nv_log_level level);
/* "error", ...; returns 0 or -1 if there is no such level. */
int nv_log_parse_level(const char *text, enum nv_log_level *ret_level);

/* Prints `netvaned: TIME level=L event=EVENT key=value ...`; format gives the keys and values. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
void nv_log(enum nv_log_level level, const char *event, const char *format, ...);

#endif
