/* SPDX-License-Identifier: MIT */
/*
 * faults.c - the losses that a kernel may cause, injected between the writer and the real kernel.
 *
 * Owns:      recvmsg and clock_gettime of netvaned_faulty (the linker's --wrap), and the control file that
 *            NETVANE_FAULTS names: tests/netns/faults.py makes it, and knows the same names.
 * Assumes:   a socket is read by one thread at a time; descriptors below SOCKETS_MAX. A request socket is one with strict
 *            checking, an event socket one without; which is which is asked once in the life of each.
 * Promises:  nothing is injected without the environment variable, and each fault just as often as the
 *            test allowed; `injected` counts what really happened. What is dropped was taken from the kernel.
 * Leaves:    what has to follow to the tests.
 */
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS_MAX    256
#define DATAGRAM_MAX   131072
#define SLOTS_MAX      64
#define CLOCKS         3
#define SECOND_NS      INT64_C(1000000000)
#define UNKNOWN_TYPE   0x3ff0 /* no message of rtnetlink */
#define UNKNOWN_ATTR   0x3ff0 /* nor attribute */
#define HOLD_NS        1000000
#define RTNL_GROUP_MAX 64

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

/* "remaining" is how often it may still happen; dump_hold and the clocks are states, not counts. */
#define FAULTS(X)                                                                                  \
    X(EVENT_OVERRUN, "event_overrun")     /* drops all until the queue is empty, one ENOBUFS */    \
    X(EVENT_TRUNCATED, "event_truncated") /* half a datagram, MSG_TRUNC */                         \
    X(EVENT_GARBAGE, "event_garbage")     /* a datagram that is no message */                      \
    X(EVENT_BAD_ATTR, "event_bad_attr")   /* a message whose attributes are none */                \
    X(EVENT_UNKNOWN_ATTR, "event_unknown_attr") /* one more attribute in each message */           \
    X(EVENT_UNKNOWN_TYPE, "event_unknown_type") /* one more message in the datagram */             \
    X(EVENT_SILENT, "event_silent")             /* swallows all until the socket is a new one */   \
    X(EVENT_GROUPS, "event_groups")             /* the socket leaves all its groups */             \
    X(EVENT_NO_REPORT, "event_no_report")       /* the kernel drops, and does not report it */     \
    X(EVENT_EINTR, "event_eintr")                                                                  \
    X(EVENT_ENOMEM, "event_enomem")                                                                \
    X(DUMP_TRUNCATED, "dump_truncated")       /* half a datagram, MSG_TRUNC */                     \
    X(DUMP_GARBAGE, "dump_garbage")           /* a datagram that is no message */                  \
    X(DUMP_UNKNOWN_ATTR, "dump_unknown_attr") /* one more attribute in each message */             \
    X(DUMP_UNKNOWN_TYPE, "dump_unknown_type") /* one more message in the datagram */               \
    X(DUMP_STRAYS, "dump_strays")             /* ends of dumps of another sequence number, port */ \
    X(DUMP_INTERRUPTED, "dump_interrupted")   /* a dump with NLM_F_DUMP_INTR */                    \
    X(DUMP_BUSY, "dump_busy")                 /* EBUSY instead of a dump */                        \
    X(DUMP_ERROR, "dump_error")               /* half a datagram, then NLMSG_ERROR */              \
    X(DUMP_DONE_ERROR, "dump_done_error")     /* half a datagram, then NLMSG_DONE with a code */   \
    X(DUMP_SILENT, "dump_silent")             /* half a datagram, then nothing any more */         \
    X(DUMP_EINTR, "dump_eintr")                                                                    \
    X(DUMP_ENOMEM, "dump_enomem")                                                                  \
    X(DUMP_HOLD, "dump_hold") /* no dump goes on while it is not 0; argument: datagrams before */

enum fault {
#define FAULT_ENUM(ID, name) ID,
    FAULTS(FAULT_ENUM)
#undef FAULT_ENUM
        FAULT_COUNT
};

static const char *const names[FAULT_COUNT] = {
#define FAULT_NAME(ID, name) name,
    FAULTS(FAULT_NAME)
#undef FAULT_NAME
};

struct slot {
    char name[24];
    uint32_t remaining, injected, argument, reserved;
};

struct control {
    int64_t clock_ns[CLOCKS]; /* added to boottime, monotonic, realtime */
    int64_t reserved;
    struct slot slot[SLOTS_MAX];
};

static struct control *control; /* NULL: nothing is injected */
static struct slot *slots[FAULT_COUNT];

ssize_t __real_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags);
int __real_clock_gettime(clockid_t id, struct timespec *ret_ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ret_ts);

static void die(const char *what)
{
    (void)fprintf(stderr, "netvaned_faulty: %s\n", what);
    abort();
}

__attribute__((constructor)) static void attach(void)
{
    const char *path = getenv("NETVANE_FAULTS");
    if (!path)
        return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED
                       : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        die("cannot map the file that NETVANE_FAULTS names");
    (void)close(fd);
    struct control *c = map;
    for (unsigned f = 0; f < FAULT_COUNT; f++) {
        for (unsigned i = 0; i < SLOTS_MAX && !slots[f]; i++)
            if (!strncmp(c->slot[i].name, names[f], sizeof c->slot[i].name))
                slots[f] = &c->slot[i];
        if (!slots[f])
            die(names[f]); /* the test does not know it */
    }
    control = c;
}

static void count(enum fault f)
{
    (void)__atomic_add_fetch(&slots[f]->injected, 1, __ATOMIC_RELAXED);
}

static bool take(enum fault f)
{
    uint32_t n = __atomic_load_n(&slots[f]->remaining, __ATOMIC_ACQUIRE);
    while (n)
        if (__atomic_compare_exchange_n(&slots[f]->remaining, &n, n - 1, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE)) {
            count(f);
            return true;
        }
    return false;
}

/* ---- sockets ------------------------------------------------------------------------------------------- */

enum kind { OTHER, EVENTS, REQUESTS };

struct watched {
    ino_t ino; /* of this life of the descriptor */
    enum kind kind;
    bool congested;    /* events: what comes is dropped until the queue is empty */
    bool silent;       /* nothing comes any more */
    bool interrupted;  /* the dump that runs */
    uint32_t dump_seq; /* of the last datagram of a dump */
    uint32_t passed;   /* datagrams since the hold began */
    size_t next_len;   /* a datagram that comes next */
    union {
        struct nlmsghdr head;
        uint8_t bytes[64];
    } next;
};

static struct watched sockets[SOCKETS_MAX];
static _Thread_local _Alignas(8) uint8_t scratch[DATAGRAM_MAX];

static enum kind kind_of(int fd)
{
    int value = 0;
    socklen_t len = sizeof value;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &value, &len) || value != AF_NETLINK)
        return OTHER;
    len = sizeof value;
    if (!getsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &value, &len) && value)
        return REQUESTS;
    return EVENTS;
}

static struct watched *watch(int fd)
{
    struct stat st;
    if (fd < 0 || fd >= SOCKETS_MAX || fstat(fd, &st))
        return NULL;
    struct watched *w = &sockets[fd];
    if (w->ino != st.st_ino)
        *w = (struct watched){.ino = st.st_ino, .kind = kind_of(fd)};
    return w;
}

static ssize_t fails(int error)
{
    errno = error;
    return -1;
}

/* Takes what is there from the kernel and forgets it. */
static void swallow(int fd)
{
    ssize_t n;
    do {
        struct iovec iov = {.iov_base = scratch, .iov_len = sizeof scratch};
        struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
        n = __real_recvmsg(fd, &msg, MSG_DONTWAIT);
    } while (n >= 0 || errno == EINTR);
}

/* ---- datagrams ----------------------------------------------------------------------------------------- */

static struct nlmsghdr *head_of(struct msghdr *msg)
{
    return msg->msg_iov[0].iov_base;
}

static ssize_t cut(struct msghdr *msg, ssize_t n)
{
    msg->msg_flags |= MSG_TRUNC;
    return n / 2;
}

static ssize_t spoil(struct msghdr *msg, ssize_t n)
{
    memset(msg->msg_iov[0].iov_base, 0xa5, (size_t)n); /* a length of 2,779,096,485 */
    return n;
}

/* The second half of each message becomes attributes that are longer than it. */
static ssize_t spoil_attributes(struct msghdr *msg, ssize_t n)
{
    int left = (int)n;
    for (struct nlmsghdr *h = head_of(msg); mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
        size_t from = NLMSG_LENGTH(sizeof(struct ifinfomsg)); /* the longest fixed header */
        if (h->nlmsg_len > from)
            memset((char *)h + from, 0xee, h->nlmsg_len - from);
    }
    return n;
}

static bool is_end(const struct nlmsghdr *h)
{
    return h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR;
}

static ssize_t give(struct msghdr *msg, size_t len)
{
    if (len > msg->msg_iov[0].iov_len || len > sizeof scratch)
        die("a datagram grew beyond the reader's buffer");
    memcpy(msg->msg_iov[0].iov_base, scratch, len);
    return (ssize_t)len;
}

static ssize_t add_attributes(struct msghdr *msg, ssize_t n)
{
    size_t len = 0;
    int left = (int)n;
    for (struct nlmsghdr *h = head_of(msg); mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
        struct rtattr attr = {.rta_len = RTA_LENGTH(4), .rta_type = UNKNOWN_ATTR};
        struct nlmsghdr *copy = (void *)(scratch + len);
        if (len + NLMSG_ALIGN(h->nlmsg_len) + RTA_SPACE(4) > sizeof scratch)
            die("no space");
        memset(copy, 0, NLMSG_ALIGN(h->nlmsg_len) + RTA_SPACE(4));
        memcpy(copy, h, h->nlmsg_len);
        if (!is_end(h)) {
            memcpy((char *)copy + NLMSG_ALIGN(h->nlmsg_len), &attr, sizeof attr);
            copy->nlmsg_len = (uint32_t)(NLMSG_ALIGN(h->nlmsg_len) + RTA_SPACE(4));
        }
        len += NLMSG_ALIGN(copy->nlmsg_len);
    }
    return give(msg, len);
}

/* One more message in front, with a payload of 16 zeros. */
static ssize_t add_message(struct msghdr *msg, ssize_t n, uint16_t type, uint32_t seq, uint32_t pid)
{
    const struct nlmsghdr *first = head_of(msg);
    const struct nlmsghdr more = {.nlmsg_len = NLMSG_LENGTH(16),
                                  .nlmsg_type = type,
                                  .nlmsg_flags = first->nlmsg_flags,
                                  .nlmsg_seq = seq,
                                  .nlmsg_pid = pid};
    memset(scratch, 0, NLMSG_SPACE(16));
    memcpy(scratch, &more, sizeof more);
    memcpy(scratch + NLMSG_SPACE(16), first, (size_t)n);
    return give(msg, NLMSG_SPACE(16) + (size_t)n);
}

/* The first half of the messages, at least one where there are two. */
static ssize_t first_half(struct msghdr *msg, ssize_t n)
{
    int left = (int)n;
    ssize_t kept = 0;
    for (const struct nlmsghdr *h = head_of(msg); mnl_nlmsg_ok(h, left);
         h = mnl_nlmsg_next(h, &left)) {
        ssize_t len = (ssize_t)NLMSG_ALIGN(h->nlmsg_len);
        if (is_end(h) || (kept && kept + len > n / 2))
            break;
        kept += len;
    }
    return kept;
}

static size_t make_end(void *ret, const struct nlmsghdr *of, uint16_t type, int32_t code)
{
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
    } end = {.head = {.nlmsg_type = type, .nlmsg_seq = of->nlmsg_seq, .nlmsg_pid = of->nlmsg_pid},
             .error = {.error = code}};
    size_t len = type == NLMSG_ERROR ? sizeof end : NLMSG_LENGTH(sizeof code);
    end.head.nlmsg_len = (uint32_t)len;
    end.head.nlmsg_flags = type == NLMSG_DONE ? NLM_F_MULTI : 0;
    memcpy(ret, &end, len);
    return len;
}

/* ---- the event socket ------------------------------------------------------------------------------------ */

static void leave_groups(int fd)
{
    for (unsigned group = 1; group < RTNL_GROUP_MAX; group++)
        (void)setsockopt(fd, SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, &group, sizeof group);
}

static void stop_reports(int fd)
{
    int on = 1, least = 1;
    (void)setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
}

static ssize_t change_event(struct msghdr *msg, ssize_t n)
{
    if (take(EVENT_TRUNCATED))
        return cut(msg, n);
    if (take(EVENT_GARBAGE))
        return spoil(msg, n);
    if (take(EVENT_BAD_ATTR))
        return spoil_attributes(msg, n);
    if (take(EVENT_UNKNOWN_ATTR))
        return add_attributes(msg, n);
    if (take(EVENT_UNKNOWN_TYPE))
        return add_message(msg, n, UNKNOWN_TYPE, 0, 0);
    return n;
}

static ssize_t receive_event(struct watched *w, int fd, struct msghdr *msg, int flags)
{
    if (w->silent || w->congested) {
        swallow(fd);
        w->congested = false; /* the queue is empty */
        return fails(EAGAIN);
    }
    if (take(EVENT_EINTR))
        return fails(EINTR);
    if (take(EVENT_ENOMEM))
        return fails(ENOMEM);
    if (take(EVENT_GROUPS))
        leave_groups(fd);
    if (take(EVENT_NO_REPORT))
        stop_reports(fd);
    ssize_t n = __real_recvmsg(fd, msg, flags);
    if (n < 0)
        return n;
    if (take(EVENT_OVERRUN)) {
        w->congested = true;
        return fails(ENOBUFS);
    }
    if (take(EVENT_SILENT)) {
        w->silent = true;
        return fails(EAGAIN);
    }
    return change_event(msg, n);
}

/* ---- request sockets --------------------------------------------------------------------------------------- */

static void wait_a_little(void)
{
    const struct timespec ts = {.tv_nsec = HOLD_NS};
    (void)nanosleep(&ts, NULL);
}

static bool is_held(struct watched *w)
{
    if (!__atomic_load_n(&slots[DUMP_HOLD]->remaining, __ATOMIC_ACQUIRE)) {
        w->passed = 0;
        return false;
    }
    if (w->passed < __atomic_load_n(&slots[DUMP_HOLD]->argument, __ATOMIC_RELAXED))
        return false;
    count(DUMP_HOLD);
    wait_a_little(); /* the socket stays readable: the reader's loop does not sleep */
    return true;
}

static ssize_t end_half_way(struct watched *w, int fd, struct msghdr *msg, ssize_t n, uint16_t type,
                            int32_t code)
{
    w->next_len = make_end(w->next.bytes, head_of(msg), type, code);
    ssize_t kept = first_half(msg, n);
    swallow(fd);
    if (kept)
        return kept;
    size_t len = w->next_len;
    w->next_len = 0;
    memcpy(msg->msg_iov[0].iov_base, w->next.bytes, len);
    return (ssize_t)len;
}

static ssize_t begin_dump(struct watched *w, int fd, struct msghdr *msg, ssize_t n)
{
    w->interrupted = take(DUMP_INTERRUPTED);
    if (take(DUMP_BUSY)) {
        swallow(fd); /* else the kernel would really be busy with it when the next request comes */
        return (ssize_t)make_end(msg->msg_iov[0].iov_base, head_of(msg), NLMSG_ERROR, -EBUSY);
    }
    if (take(DUMP_ERROR))
        return end_half_way(w, fd, msg, n, NLMSG_ERROR, -EIO);
    if (take(DUMP_DONE_ERROR))
        return end_half_way(w, fd, msg, n, NLMSG_DONE, -EIO);
    if (take(DUMP_SILENT)) {
        w->silent = true;
        ssize_t kept = first_half(msg, n);
        return kept ? kept : fails(EAGAIN);
    }
    return n;
}

static ssize_t change_dump(const struct watched *w, struct msghdr *msg, ssize_t n)
{
    const struct nlmsghdr *first = head_of(msg);
    if (w->interrupted) {
        int left = (int)n;
        for (struct nlmsghdr *h = head_of(msg); mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left))
            h->nlmsg_flags |= NLM_F_DUMP_INTR;
    }
    if (take(DUMP_TRUNCATED))
        return cut(msg, n);
    if (take(DUMP_GARBAGE))
        return spoil(msg, n);
    if (take(DUMP_UNKNOWN_ATTR))
        n = add_attributes(msg, n);
    if (take(DUMP_UNKNOWN_TYPE))
        n = add_message(msg, n, UNKNOWN_TYPE, first->nlmsg_seq, first->nlmsg_pid);
    if (take(DUMP_STRAYS)) { /* whoever believes one ends the dump with nothing */
        uint32_t seq = first->nlmsg_seq, pid = first->nlmsg_pid;
        n = add_message(msg, n, NLMSG_DONE, seq - 1, pid);
        n = add_message(msg, n, NLMSG_DONE, seq, pid + 1);
    }
    return n;
}

static ssize_t receive_reply(struct watched *w, int fd, struct msghdr *msg, int flags)
{
    if (is_held(w))
        return fails(EAGAIN);
    if (w->silent) {
        swallow(fd);
        return fails(EAGAIN);
    }
    if (take(DUMP_EINTR))
        return fails(EINTR);
    if (take(DUMP_ENOMEM))
        return fails(ENOMEM);
    ssize_t n = __real_recvmsg(fd, msg, flags); /* what comes next keeps its sender */
    if (w->next_len) {
        n = (ssize_t)w->next_len;
        w->next_len = 0;
        memcpy(msg->msg_iov[0].iov_base, w->next.bytes, (size_t)n);
        struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
        memcpy(msg->msg_name, &kernel, sizeof kernel);
        msg->msg_namelen = sizeof kernel;
        return n;
    }
    const struct nlmsghdr *first = head_of(msg);
    if (n < (ssize_t)sizeof *first || !(first->nlmsg_flags & NLM_F_MULTI))
        return n; /* an answer, or a barrier's reply */
    w->passed++;
    bool begins = first->nlmsg_seq != w->dump_seq;
    w->dump_seq = first->nlmsg_seq;
    if (begins) {
        n = begin_dump(w, fd, msg, n);
        if (n < 0 || w->silent || w->next_len || is_end(first))
            return n;
    }
    return change_dump(w, msg, n);
}

/* ---- what is wrapped ------------------------------------------------------------------------------------------ */

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags)
{
    struct watched *w = control && msg->msg_iovlen == 1 ? watch(fd) : NULL;
    if (w && w->kind == EVENTS)
        return receive_event(w, fd, msg, flags);
    if (w && w->kind == REQUESTS)
        return receive_reply(w, fd, msg, flags);
    return __real_recvmsg(fd, msg, flags);
}

int __wrap_clock_gettime(clockid_t id, struct timespec *ret_ts)
{
    int r = __real_clock_gettime(id, ret_ts);
    int clock = id == CLOCK_BOOTTIME    ? 0
                : id == CLOCK_MONOTONIC ? 1
                : id == CLOCK_REALTIME  ? 2
                                        : -1;
    if (r || !control || clock < 0)
        return r;
    int64_t ns = (int64_t)ret_ts->tv_sec * SECOND_NS + ret_ts->tv_nsec +
                 __atomic_load_n(&control->clock_ns[clock], __ATOMIC_ACQUIRE);
    ret_ts->tv_sec = ns / SECOND_NS;
    ret_ts->tv_nsec = ns % SECOND_NS;
    return 0;
}
