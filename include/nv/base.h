/* SPDX-License-Identifier: MIT */
/*
 * base.h - arithmetic that every stage shares.
 *
 * Owns: the hash, saturating and ordering helpers, and the words for a family. Pure; no state, no OS.
 */
#ifndef NV_BASE_H
#define NV_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SANITIZE_THREAD__)
#define NV_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NV_TSAN 1
#endif
#endif

#define NV_NS_PER_S  UINT64_C(1000000000)
#define NV_NS_PER_MS UINT64_C(1000000)
#define NV_FOREVER   UINT64_MAX

#define NV_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define nv_likely(x)   __builtin_expect(!!(x), 1)
#define nv_unlikely(x) __builtin_expect(!!(x), 0)
/* Keeps a condition about x one of its own: compilers make one of several, which takes longer than branches not taken. */
#define nv_apart(x) __asm__("" : "+r"(x))

/* A function that is compiled anew wherever it is called, for the constants that it is called with there. */
#define NV_SPECIALIZED __attribute__((always_inline))

/* Address families as the State writes them, on every OS. */
enum { NV_AF_NONE = 0, NV_AF_4 = 4, NV_AF_6 = 6 };

static inline size_t nv_af_bytes(unsigned family)
{
    return family == NV_AF_4 ? 4u : family == NV_AF_6 ? 16u : 0u;
}

static inline uint64_t nv_min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t nv_max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline uint64_t nv_add_sat(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static inline uint32_t nv_load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

/* The same, in the upper half of a word. */
static inline uint64_t nv_load_be32_on_top(const uint8_t *p)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint32_t w;
    memcpy(&w, p, sizeof(w));
    return __builtin_bswap64(w); /* one step less than a swap and a shift */
#else
    return (uint64_t)nv_load_be32(p) << 32;
#endif
}

static inline uint64_t nv_load_be64(const uint8_t *p)
{
    return (uint64_t)nv_load_be32(p) << 32 | nv_load_be32(p + 4);
}

static inline void nv_store_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static inline void nv_store_be64(uint8_t *p, uint64_t v)
{
    nv_store_be32(p, (uint32_t)(v >> 32));
    nv_store_be32(p + 4, (uint32_t)v);
}

/* One mixing round (the finaliser of splitmix64, Steele, Lea and Flood, OOPSLA 2014). */
static inline uint64_t nv_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* The word whose bytes in memory are those of two halves, one behind the other. */
static inline uint64_t nv_pair32(uint32_t first, uint32_t second)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (uint64_t)second << 32 | first;
#else
    return (uint64_t)first << 32 | second;
#endif
}

/*
 * The netvane hash: words of 8 bytes, native order, zero-padded at the end, each mixed into the state by a
 * multiply of the xor and a rotation; the length goes in first. Where there are 32 bytes and more, blocks of four words go
 * into four states, which a processor multiplies side by side; these are mixed into one before the rest. It finds damage and
 * spreads keys; it is no defence against an adversary. region(5) prints the same definition.
 */
static inline uint64_t nv_hash_begin(size_t len)
{
    return UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)len;
}

static inline uint64_t nv_hash_word(uint64_t h, uint64_t w)
{
    h = (h ^ w) * UINT64_C(0xff51afd7ed558ccd);
    return h << 29 | h >> 35;
}

static inline uint64_t nv_hash_load(const unsigned char *p)
{
    uint64_t w;
    memcpy(&w, p, 8);
    return w;
}

/* The words of len bytes, into a hash that began with the length of all. */
static inline uint64_t nv_hash_words(uint64_t h, const void *data, size_t len)
{
    const unsigned char *p = data;
    if (len >= 32) {
        uint64_t a = h, b = h + 1, c = h + 2, d = h + 3;
        for (; len >= 32; p += 32, len -= 32) {
            a = nv_hash_word(a, nv_hash_load(p));
            b = nv_hash_word(b, nv_hash_load(p + 8));
            c = nv_hash_word(c, nv_hash_load(p + 16));
            d = nv_hash_word(d, nv_hash_load(p + 24));
        }
        h = nv_hash_word(nv_hash_word(nv_hash_word(a, b), c), d);
    }
    for (; len >= 8; p += 8, len -= 8)
        h = nv_hash_word(h, nv_hash_load(p));
    if (len) {
        uint64_t w = 0;
        memcpy(&w, p, len);
        h = nv_hash_word(h, w);
    }
    return h;
}

static inline uint64_t nv_hash(const void *data, size_t len)
{
    return nv_mix(nv_hash_words(nv_hash_begin(len), data, len));
}

#endif
