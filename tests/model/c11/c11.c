/* SPDX-License-Identifier: MIT */
/*
 * c11.c - a machine of messages and views, and a depth-first walk over all choices that it has.
 *
 * Idea: each word has its stores as messages, in modification order. A thread has a view: for each word the oldest message that it
 * may still load. A load picks any message from there on; a store puts one anywhere behind. A message carries a view, which
 * an acquire load, or a later acquire fence, adds to the loader's own: for a release store all that its thread has seen, for a
 * relaxed one what it had seen at its last release fence. A seq_cst fence exchanges views with one that all such fences share.
 * Walk: threads are coroutines. Which one goes on, and which message it meets, are choices; an execution is run again
 * from its beginning for each way to choose.
 * Keys: places in modification order are numbers with room between them, so that views stay true when a message is put between two.
 */
#include "c11.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define WORDS       16384u /* a power of two: also the size of the hash table */
#define RANGES      16u
#define CHOICES     4096u
#define STACK_BYTES (64u << 10)
#define KEY_STEP    (UINT64_C(1) << 32)

struct view {
    uint64_t time;  /* of one that is shared: later ones of its owner hold all that it holds */
    uint32_t owner; /* number of a thread; 0: of none alone */
    uint32_t count; /* words from here on: 0 */
    uint64_t key[WORDS];
};

struct message {
    uint64_t key, value;
    struct view *view; /* shared; what an acquire gives, but for this message itself */
    bool is_update;    /* of a read-modify-write: nothing goes between it and the message before */
};

struct word {
    void *at;
    size_t bytes;
    struct message *messages;
    uint32_t count, capacity;
    uint32_t base_count; /* of those that c11_run left */
};

struct thread {
    ucontext_t context;
    unsigned char *stack;
    c11_fn *fn;
    void *arg;
    bool done;
    struct view now, acquirable;
    struct view *released;                /* at the last release fence; shared with messages */
    uint64_t joined[C11_THREADS_MAX + 2]; /* the latest view of each owner that acquirable holds */
    uint32_t number;
    const void *stored_last;
};

struct range {
    const unsigned char *from, *to;
};

static struct {
    struct word words[WORDS];
    uint32_t count;       /* of words */
    uint32_t hash[WORDS]; /* word + 1 */
    struct range watched[RANGES], halved[RANGES];
    unsigned watched_count, halved_count;
    struct c11_mutant mutant;
    struct view fences; /* seq_cst */
    /* Views of messages, of this execution those from base_views on. */
    struct view **views;
    uint32_t view_count, view_capacity, base_views;
    bool at_once; /* c11_run */
    struct thread threads[C11_THREADS_MAX];
    unsigned thread_count, ready; /* ready: those that have not ended */
    struct thread *running;
    ucontext_t walker;
    struct {
        uint32_t of, taken;
    } choice[CHOICES];
    uint32_t depth, known;
    char failure[256];
    bool failed;
} c;

static void give_up(const char *why)
{
    (void)fprintf(stderr, "c11: %s\n", why);
    abort();
}

/* ---- words and views ----------------------------------------------------------------------------------------- */

static uint64_t memory_get(const void *p, size_t bytes)
{
    uint32_t half;
    uint64_t whole;
    if (bytes == 4) {
        memcpy(&half, p, 4);
        return half;
    }
    memcpy(&whole, p, 8);
    return whole;
}

static void memory_set(void *p, size_t bytes, uint64_t v)
{
    const uint32_t half = (uint32_t)v;
    if (bytes == 4)
        memcpy(p, &half, 4);
    else
        memcpy(p, &v, 8);
}

static void add_message(struct word *w, uint32_t at, struct message m)
{
    if (w->count == w->capacity) {
        w->capacity = w->capacity * 2 + 2;
        w->messages = realloc(w->messages, w->capacity * sizeof(*w->messages));
        if (!w->messages)
            give_up("no memory");
    }
    memmove(&w->messages[at + 1], &w->messages[at], (w->count - at) * sizeof(m));
    w->messages[at] = m;
    w->count++;
}

/* The word at p; its first message is what memory held. NULL: nobody has stored to it, and make is false. */
static struct word *word_of(const void *p, size_t bytes, bool make)
{
    uint32_t h = (uint32_t)((uintptr_t)p >> 2) * 2654435761u % WORDS;
    for (; c.hash[h]; h = (h + 1) % WORDS) {
        struct word *w = &c.words[c.hash[h] - 1];
        if (w->at != p)
            continue;
        if (w->bytes != bytes)
            give_up("a word is accessed in two sizes");
        return w;
    }
    if (!make)
        return NULL;
    if (c.count == WORDS - 1)
        give_up("too many words");
    struct word *w = &c.words[c.count++];
    c.hash[h] = c.count;
    w->at = (void *)(uintptr_t)p;
    w->bytes = bytes;
    w->count = 0;
    add_message(w, 0, (struct message){.key = 0, .value = memory_get(p, bytes)});
    w->base_count = 1;
    return w;
}

static uint32_t number_of(const struct word *w)
{
    return (uint32_t)(w - c.words);
}

static bool is_in(const struct range *ranges, unsigned count, const void *p)
{
    const unsigned char *at = p;
    for (unsigned i = 0; i < count; i++)
        if (at >= ranges[i].from && at < ranges[i].to)
            return true;
    return false;
}

static bool is_watched(const void *p)
{
    return !c.watched_count || is_in(c.watched, c.watched_count, p);
}

static bool is_halved(const void *p, size_t bytes)
{
    return bytes == 8 && is_in(c.halved, c.halved_count, p);
}

static void widen(struct view *v, uint32_t count)
{
    for (; v->count < count; v->count++)
        v->key[v->count] = 0;
}

static uint64_t seen(const struct view *v, uint32_t word)
{
    return word < v->count ? v->key[word] : 0;
}

static void raise(struct view *v, uint32_t word, uint64_t key)
{
    widen(v, word + 1);
    if (key > v->key[word])
        v->key[word] = key;
}

static void join(struct view *to, const struct view *from)
{
    if (!from)
        return;
    widen(to, from->count);
    for (uint32_t i = 0; i < from->count; i++)
        if (from->key[i] > to->key[i])
            to->key[i] = from->key[i];
}

static struct view *share(const struct view *v, uint32_t owner)
{
    static uint64_t time;
    if (c.view_count == c.view_capacity) {
        c.view_capacity = c.view_capacity * 2 + 16;
        c.views = realloc(c.views, c.view_capacity * sizeof(struct view *));
        if (!c.views)
            give_up("no memory");
    }
    struct view *copy = malloc(sizeof(*copy)); /* pages that are not written cost nothing */
    if (!copy)
        give_up("no memory");
    memcpy(copy, v, offsetof(struct view, key) + v->count * sizeof(v->key[0]));
    copy->owner = owner;
    copy->time = ++time;
    return c.views[c.view_count++] = copy;
}

static void drop_views(uint32_t from)
{
    while (c.view_count > from)
        free(c.views[--c.view_count]);
}

/* ---- choices --------------------------------------------------------------------------------------------------- */

static uint32_t choose(uint32_t of)
{
    if (of == 1)
        return 0;
    if (c.depth == CHOICES)
        give_up("too many choices in one execution");
    if (c.depth == c.known) {
        c.choice[c.known].of = of;
        c.choice[c.known++].taken = 0;
    }
    if (c.choice[c.depth].of != of)
        give_up("a thread decided by something that is no atomic word");
    return c.choice[c.depth++].taken;
}

/* The next way to choose. False: there is none left. */
static bool turn(void)
{
    while (c.known && c.choice[c.known - 1].taken + 1 == c.choice[c.known - 1].of)
        c.known--;
    if (!c.known)
        return false;
    c.choice[c.known - 1].taken++;
    return true;
}

/* ---- accesses ---------------------------------------------------------------------------------------------------- */

static bool acquires(memory_order order)
{
    return order == memory_order_acquire || order == memory_order_acq_rel;
}

static bool releases(memory_order order)
{
    return order == memory_order_release || order == memory_order_acq_rel;
}

static bool is_mutant(const void *p, enum c11_what what)
{
    return c.mutant.what == what && (!c.mutant.word || c.mutant.word == p);
}

/* Before each access of a thread: any other one may go first. */
static struct thread *step(void)
{
    struct thread *t = c.running;
    if (!c.at_once && c.ready > 1) {
        if (swapcontext(&t->context, &c.walker))
            give_up("no context");
    }
    return t;
}

/* The oldest message that the thread may still load. */
static uint32_t oldest(const struct thread *t, const struct word *w)
{
    uint32_t i = w->count - 1;
    while (w->messages[i].key > seen(&t->now, number_of(w)))
        i--;
    return i;
}

static void see(struct thread *t, struct word *w, const struct message *m, memory_order order)
{
    raise(&t->now, number_of(w), m->key);
    raise(&t->acquirable, number_of(w), m->key);
    if (m->view && (!m->view->owner || m->view->time > t->joined[m->view->owner])) {
        join(&t->acquirable, m->view);
        t->joined[m->view->owner] = m->view->time;
    }
    if (acquires(order))
        join(&t->now, m->view);
}

static void check_order(memory_order order)
{
    if (order == memory_order_seq_cst)
        give_up("seq_cst accesses are not known");
}

uint64_t c11_load(const void *p, size_t bytes, memory_order order)
{
    check_order(order);
    if (is_halved(p, bytes)) {
        const uint64_t low = c11_load(p, 4, order);
        return low | c11_load((const char *)p + 4, 4, order) << 32;
    }
    struct thread *t = step();
    struct word *w = word_of(p, bytes, false);
    if (!t || !w)
        return memory_get(p, bytes);
    if (is_mutant(p, C11_LOAD_RELAXED))
        order = memory_order_relaxed;
    /* The newest first: what is right is read better, and what goes wrong is found by the others. */
    const uint32_t last = w->count - 1;
    const struct message m = w->messages[c.at_once ? last : last - choose(w->count - oldest(t, w))];
    see(t, w, &m, order);
    return m.value;
}

/* Where a store may go: before which message of its word, the last place first. */
static uint32_t choose_place(const struct thread *t, const struct word *w)
{
    uint32_t places = 0, place[CHOICES];
    for (uint32_t at = w->count; at > oldest(t, w) && places < CHOICES; at--)
        if (at == w->count || !w->messages[at].is_update)
            place[places++] = at;
    return place[c.at_once ? 0 : choose(places)];
}

/* Puts a message in its place. update: the view of the message that it updates, if it does. */
static void put(struct thread *t, struct word *w, uint32_t at, uint64_t v, memory_order order,
                bool is_update, const struct view *updated)
{
    const uint64_t before = w->messages[at - 1].key;
    struct message m = {.value = v, .is_update = is_update, .view = t->released};
    m.key = at < w->count ? before + (w->messages[at].key - before) / 2 : before + KEY_STEP;
    if (m.key == before)
        give_up("too many stores between two others");
    raise(&t->now, number_of(w), m.key);
    raise(&t->acquirable, number_of(w), m.key);
    if (releases(order))
        m.view = share(&t->now, t->number);
    if (updated) {
        static const struct view none;
        m.view = share(m.view ? m.view : &none, 0);
        join(m.view, updated);
    }
    add_message(w, at, m);
    t->stored_last = w->at;
    memory_set(w->at, w->bytes, w->messages[w->count - 1].value);
}

void c11_store(void *p, size_t bytes, uint64_t v, memory_order order)
{
    check_order(order);
    if (is_halved(p, bytes)) {
        c11_store(p, 4, (uint32_t)v, order);
        c11_store((char *)p + 4, 4, v >> 32, order);
        return;
    }
    struct thread *t = step();
    if (!t || !is_watched(p)) {
        memory_set(p, bytes, v);
        return;
    }
    if (is_mutant(p, C11_STORE_RELAXED))
        order = memory_order_relaxed;
    struct word *w = word_of(p, bytes, true);
    put(t, w, choose_place(t, w), v, order, false, NULL);
}

uint64_t c11_add(void *p, size_t bytes, uint64_t v, memory_order order)
{
    check_order(order);
    struct thread *t = step();
    if (!t || is_halved(p, bytes))
        give_up("an update of what cannot be updated");
    struct word *w = word_of(p, bytes, true);
    const uint32_t at = choose_place(t, w);
    const struct message m = w->messages[at - 1];
    see(t, w, &m, order);
    put(t, w, at, m.value + v, order, true, m.view);
    return m.value;
}

void c11_fence(memory_order order)
{
    struct thread *t = step();
    if (!t)
        return;
    if (order == memory_order_seq_cst) {
        join(&t->now, &t->acquirable);
        join(&t->now, &c.fences);
        join(&c.fences, &t->now);
    }
    /* Which word an acquire fence is for is not known yet: mutants of it name none. */
    if (acquires(order) && !is_mutant(NULL, C11_NO_ACQUIRE_FENCE))
        join(&t->now, &t->acquirable);
    if ((releases(order) && !is_mutant(t->stored_last, C11_NO_RELEASE_FENCE)) ||
        order == memory_order_seq_cst)
        t->released = share(&t->now, t->number);
    join(&t->acquirable, &t->now);
}

/* ---- runs ----------------------------------------------------------------------------------------------------------- */

void c11_reset(void)
{
    for (uint32_t i = 0; i < c.count; i++)
        c.words[i].count = 0;
    c.count = 0;
    memset(c.hash, 0, sizeof(c.hash));
    c.fences.count = 0;
    c.watched_count = c.halved_count = 0;
    c.mutant.what = C11_NOTHING;
    drop_views(0);
    c.base_views = 0;
    c.failed = false;
}

static void add_range(struct range *ranges, unsigned *count, const void *p, size_t bytes)
{
    if (*count == RANGES)
        give_up("too many ranges");
    ranges[(*count)++] = (struct range){.from = p, .to = (const unsigned char *)p + bytes};
}

void c11_watch(const void *p, size_t bytes)
{
    add_range(c.watched, &c.watched_count, p, bytes);
}

void c11_halve(const void *p, size_t bytes)
{
    add_range(c.halved, &c.halved_count, p, bytes);
}

void c11_mutate(struct c11_mutant mutant)
{
    c.mutant = mutant;
}

void c11_run(c11_fn *fn, void *arg)
{
    static struct thread runner;
    runner.now.count = runner.acquirable.count = 0;
    runner.released = NULL;
    memset(runner.joined, 0, sizeof(runner.joined));
    runner.number = C11_THREADS_MAX + 1;
    runner.stored_last = NULL;
    c.at_once = true;
    c.running = &runner;
    fn(arg);
    c.running = NULL;
    c.at_once = false;
    for (uint32_t i = 0; i < c.count; i++)
        c.words[i].base_count = c.words[i].count;
    c.base_views = c.view_count;
}

static void enter(void)
{
    struct thread *t = c.running;
    t->fn(t->arg);
    t->done = true;
    (void)setcontext(&c.walker);
    give_up("no context");
}

static void start(struct thread *t, c11_fn *fn, void *arg)
{
    unsigned char *stack = t->stack ? t->stack : malloc(STACK_BYTES);
    if (!stack || getcontext(&t->context))
        give_up("no context");
    t->now.count = t->acquirable.count = 0;
    t->released = NULL;
    memset(t->joined, 0, sizeof(t->joined));
    t->number = (uint32_t)(t - c.threads) + 1;
    t->stored_last = NULL;
    t->stack = stack;
    t->fn = fn;
    t->arg = arg;
    t->done = false;
    t->context.uc_stack.ss_sp = stack;
    t->context.uc_stack.ss_size = STACK_BYTES;
    t->context.uc_link = NULL;
    makecontext(&t->context, enter, 0);
}

/* As c11_run left it. */
static void restore(void)
{
    for (uint32_t i = 0; i < c.count; i++) {
        struct word *w = &c.words[i];
        if (w->count == w->base_count)
            continue;
        uint32_t kept = 0;
        for (uint32_t k = 0; k < w->count; k++) /* base messages have whole keys */
            if (w->messages[k].key % KEY_STEP == 0 && w->messages[k].key / KEY_STEP < w->base_count)
                w->messages[kept++] = w->messages[k];
        w->count = kept;
        memory_set(w->at, w->bytes, w->messages[kept - 1].value);
    }
    c.fences.count = 0;
    drop_views(c.base_views);
}

/* One execution. */
static void execute(const struct c11_program *program)
{
    c.depth = 0;
    if (program->begin)
        program->begin(program->arg);
    for (unsigned i = 0; i < c.thread_count; i++)
        start(&c.threads[i], program->threads[i], program->arg);
    for (;;) {
        struct thread *ready[C11_THREADS_MAX];
        uint32_t n = 0;
        for (unsigned i = 0; i < c.thread_count; i++)
            if (!c.threads[i].done)
                ready[n++] = &c.threads[i];
        c.ready = n;
        if (!n || c.failed)
            break;
        c.running = ready[choose(n)];
        if (swapcontext(&c.walker, &c.running->context))
            give_up("no context");
    }
    c.running = NULL;
    if (program->end && !c.failed)
        program->end(program->arg);
}

bool c11_explore(const struct c11_program *program, uint64_t limit, uint64_t *ret_executions)
{
    uint64_t executions = 0;
    c.thread_count = 0;
    while (c.thread_count < C11_THREADS_MAX && program->threads[c.thread_count])
        c.thread_count++;
    c.known = 0;
    c.failed = false;
    do {
        execute(program);
        executions++;
        restore();
    } while (!c.failed && executions != limit && turn());
    for (unsigned i = 0; i < c.thread_count; i++) {
        free(c.threads[i].stack);
        c.threads[i].stack = NULL;
    }
    if (ret_executions)
        *ret_executions = executions;
    return !c.failed;
}

void c11_fail(const char *sentence)
{
    if (!c.failed)
        (void)snprintf(c.failure, sizeof(c.failure), "%s", sentence);
    c.failed = true;
}

const char *c11_failure(void)
{
    return c.failed ? c.failure : NULL;
}
