/* SPDX-License-Identifier: MIT */
/*
 * fuzz_replay.c - any bytes as a recording, replayed into the sync machine, whose mirror is then checked.
 *
 * The loop is the writer's, with a clock that stands still between the source's turns. Whatever comes: the file gives
 * a recording or an error with words; the replay ends; the machine settles; the mirror's trees are sound. Where a record
 * is at fault, what stands before it is played, too. Seeds: the recordings of tests/data/recordings.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "platform/linux/rtnl_replay.h"
#include "tests/fake/fake_writer.h"
#include "writer/log.h"
#include "writer/sync.h"

#define REGION_BYTES (UINT64_C(16) << 20)
#define TURNS_MAX    1000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the clock: held by the replay, then by nobody; it goes on by what the loop would sleep ------------------ */

static uint64_t boottime_ns, monotonic_ns;
static bool held;

uint64_t nv_clock_boottime_ns(void)
{
    return boottime_ns;
}

uint64_t nv_clock_monotonic_ns(void)
{
    return monotonic_ns;
}

uint64_t nv_clock_realtime_ns(void)
{
    return boottime_ns;
}

uint64_t nv_clock_unheld_ns(void)
{
    return boottime_ns;
}

void nv_clock_hold(uint64_t boottime, uint64_t monotonic)
{
    if ((held && boottime < boottime_ns) || monotonic > boottime || !monotonic)
        abort(); /* it begins in the past, and never goes back from there */
    held = true;
    boottime_ns = boottime;
    monotonic_ns = monotonic;
}

void nv_clock_release(void)
{
    held = false;
}

/* ---- the writer ------------------------------------------------------------------------------------------- */

static struct nv_mirror mirror;
static struct nv_sync machine;
static uint64_t counter[NETVANE_RC_COUNT];
static void *base;

static int grow(void *arg, uint64_t size_bytes)
{
    (void)arg;
    return size_bytes > REGION_BYTES ? -1 : 0;
}

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool settled(void)
{
    return !nv_sync_resyncing(&machine) && nv_sync_settled(&machine, NV_LANE_SMALL) &&
           nv_sync_settled(&machine, NV_LANE_ROUTES);
}

static void run(struct nv_source *source)
{
    const uint8_t probe[2][16] = {{198, 41, 0, 4}, {0x20, 0x01, 0x05, 0x03, 0xba, 0x3e}};
    struct nv_source_stats s = {.events = 0};
    uint64_t due = 0;
    for (unsigned turn = 0; !s.replay.ended || !settled(); turn++) {
        require(turn < TURNS_MAX);
        uint64_t sleep = nv_source_rest(source, due);
        require(sleep < UINT64_MAX / 4); /* it would never wake up */
        boottime_ns += s.replay.ended ? sleep : 0;
        monotonic_ns += s.replay.ended ? sleep : 0;
        require(nv_sync_pump(&machine) >= 0);
        nv_source_stats(source, &s);
        due = nv_sync_step(&machine, boottime_ns);
        if (settled() && turn % 4 < 2)
            (void)nv_source_query(source, turn + 1, turn % 4 ? NV_AF_6 : NV_AF_4, probe[turn % 4]);
    }
}

/* The recording owns its bytes: a copy, exactly so long. False: a fault. */
static bool replay(const uint8_t *data, size_t size)
{
    struct nv_recording recording;
    struct nv_source *source;
    char why[256] = "";
    uint8_t *bytes = malloc(size ? size : 1);
    require(bytes != NULL);
    if (size)
        memcpy(bytes, data, size);
    if (nv_recording_parse(&recording, bytes, size, why, sizeof why)) {
        require(strlen(why) > 10);
        return false;
    }
    boottime_ns = monotonic_ns = UINT64_C(1) << 40;
    memset(counter, 0, sizeof counter);
    (void)madvise(base, REGION_BYTES, MADV_REMOVE);
    require(!nv_mirror_init(&mirror, base, REGION_BYTES, grow, NULL, 1));
    struct nv_replay_args args = {.sink = nv_sync_event, .sink_arg = &machine};
    require(!nv_replay_open(&args, &recording, &source));
    nv_sync_init(&machine, &mirror, counter, 0);
    machine.source = source;
    run(source);
    const char *fault = fake_mirror_fault(&mirror);
    if (fault)
        (void)fprintf(stderr, "%s\n", fault);
    require(!fault);
    nv_source_close(source);
    nv_sync_destroy(&machine);
    nv_mirror_destroy(&mirror);
    return true;
}

/* Where the first record at fault begins. */
static size_t sound_part(const uint8_t *data, size_t size)
{
    struct nv_pcap_reader r;
    struct nv_pcap_record rec;
    enum nv_pcap_verdict v = nv_pcap_open(&r, data, size);
    if (v != NV_PCAP_OK)
        return 0;
    while (v == NV_PCAP_OK)
        v = nv_pcap_next(&r, &rec);
    return r.at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!base)
        base = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    require(base != MAP_FAILED);
    nv_log_set_level(NV_LOG_ERROR);
    if (!replay(data, size) && sound_part(data, size))
        (void)replay(data, sound_part(data, size));
    return 0;
}
