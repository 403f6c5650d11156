/* SPDX-License-Identifier: MIT */
/*
 * netvane.pml - publishing, sleeping, takeover and death, for spin: every interleaving of two writers and a reader.
 *
 * Memory is sequentially consistent here: what weaker orders do is test_protocol.c's business. A writer may die before each of its
 * stores, DEATHS of them at most; the kernel lets go of its locks then. Rings have two slots, so that a third version is
 * written over the first. The kernel's network is a number that only grows.
 *
 * Proven: what a reader accepts is a version as it was published. Versions never go back, over a takeover, too. A reader is not told of
 * news twice. Without a death nobody sleeps through news, and with deaths nobody for more than two slices each: a slice ends
 * only where nothing else can go on (timeout).
 *
 * Each name below that test_spin.py defines makes one thing wrong, which has to be found.
 */
#ifndef DEATHS
#define DEATHS 0
#endif
#define SLOTS    2
#define NOBODY   9
#define VERSIONS 16

typedef region {
    byte head, horizon, any, gen;
    byte slot_version[SLOTS], slot_content[SLOTS], slot_gen[SLOTS], slot_any[SLOTS];
    bool moved;
    bool alive; /* its writer has a lock on it */
}

region r[2];
byte name = NOBODY;   /* the region that the name leads to */
bool locked;          /* the lock file */
byte turn;            /* whose it is to take it */
byte network = 1;     /* of the kernel */
byte truth[VERSIONS]; /* what each version was published with */
byte deaths;
bool asleep;          /* the reader */
byte bed;             /* on a word of this region */

#define MAY_DIE \
    if \
    :: deaths < DEATHS -> deaths++; goto died \
    :: true \
    fi

inline wake(i)
{
    d_step {
        if
        :: asleep && bed == i -> asleep = false
        :: else
        fi
    }
}

inline store_slot(i)
{
    MAY_DIE; r[i].slot_version[v % SLOTS] = v;
    MAY_DIE; r[i].slot_content[v % SLOTS] = c;
    MAY_DIE; d_step { r[i].slot_gen[v % SLOTS] = g; r[i].slot_any[v % SLOTS] = a }
}

inline store_horizon(i)
{
    if
    :: v >= SLOTS && v - SLOTS + 1 > r[i].horizon -> MAY_DIE; r[i].horizon = v - SLOTS + 1
    :: else
    fi
}

/* A version that somebody can see from now on. */
inline reveal()
{
    assert(!truth[v] || truth[v] == c); /* none is published twice */
    truth[v] = c
}

inline store_head(i)
{
    MAY_DIE;
    d_step {
        r[i].head = v;
        if
        :: name == i -> reveal()
        :: else
        fi
    }
}

inline store_name(i)
{
    MAY_DIE;
    d_step { name = i; reveal() }
}

inline store_generations(i)
{
    if
    :: c != shown ->
#ifdef ANY_BEFORE_GENERATIONS
        MAY_DIE; r[i].any = a;
        MAY_DIE; r[i].gen = g
#else
        MAY_DIE; r[i].gen = g;
        MAY_DIE; r[i].any = a
#endif
    :: else
    fi
}

/* writer/publish.c */
inline publish(i)
{
    c = network;
    v++;
    if
    :: c != shown -> g++; a++
    :: else
    fi;
#ifdef HORIZON_BEHIND_THE_SLOT
    store_slot(i);
    store_horizon(i);
#else
    store_horizon(i);
#ifndef HEAD_BEFORE_THE_SLOT
    store_slot(i);
#endif
#endif
#ifdef GENERATIONS_BEFORE_HEAD
    store_generations(i);
#endif
#ifdef WAKE_BEFORE_THE_STORES
    wake(i);
#endif
    store_head(i);
#ifdef HEAD_BEFORE_THE_SLOT
    store_slot(i);
#endif
#ifndef GENERATIONS_BEFORE_HEAD
    store_generations(i);
#endif
    shown = c
}

/* writer/takeover.c */
inline take_over(i)
{
#ifdef MOVED_BEFORE_THE_NAME
    if
    :: old != NOBODY -> MAY_DIE; r[old].moved = true; r[old].any++; wake(old)
    :: else
    fi;
    store_name(i)
#else
    store_name(i);
    if
    :: old != NOBODY ->
        MAY_DIE; r[old].moved = true;
#ifndef ANY_STAYS_AT_A_TAKEOVER
        MAY_DIE; r[old].any++;
#endif
        MAY_DIE;
#ifndef NO_WAKE_AT_A_TAKEOVER
        wake(old)
#endif
    :: else
    fi
#endif
}

proctype writer(byte i)
{
    byte v, c, g, a, shown, old, n;
#ifndef NO_LOCK
    atomic { !locked && i == turn -> locked = true }; /* the other order is the same */
#endif
    old = name;
    if
    :: old != NOBODY && r[old].head ->
        d_step {
            v = r[old].head;
            g = r[old].slot_gen[v % SLOTS];
            a = r[old].slot_any[v % SLOTS];
            shown = r[old].slot_content[v % SLOTS];
#ifdef GENERATIONS_FROM_THE_WORDS
            g = r[old].gen;
#endif
#ifdef GENERATIONS_BEGIN_ANEW
            g = 0;
#endif
#ifdef VERSIONS_BEGIN_ANEW
            v = 0;
#endif
        }
    :: else
    fi;
    d_step { r[i].horizon = v + 1; r[i].gen = g; r[i].any = a; r[i].alive = true };
    do
    :: n < 3 - i -> /* three are written over the first */
        n++;
        if
        :: network++
        :: true
        fi;
        publish(i);
        if
        :: n == 1 -> take_over(i)
        :: else
        fi;
        MAY_DIE;
#if !defined(WAKE_BEFORE_THE_STORES) && !defined(NO_WAKE)
        wake(i)
#endif
    :: n >= 1 -> break
    od;
died:
    atomic { r[i].alive = false; locked = false; turn = 1 }
}

/* Has the reader all news? m: its region, seen: what it took last. */
#define HAS_ALL (m == name && r[m].slot_content[r[m].head % SLOTS] == seen)

/* reader/wait.c, in a loop: since what it took last, until there is news. */
proctype reader()
{
    byte m, v, g, a, since, last, seen, from, slices, ver, con, gen;
    bool gone;
end_none:
    name != NOBODY;
    m = name;
    from = NOBODY; /* no version yet */
    goto take;
look:
#ifdef MOVED_LOADED_BEFORE_ANY
    if
    :: r[m].moved -> m = name; gone = false
    :: else
    fi;
    a = r[m].any;
#else
#ifdef GENERATIONS_LOADED_BEFORE_ANY
    g = r[m].gen;
#endif
    a = r[m].any;
    if
    :: r[m].moved && m != name -> m = name; gone = false; goto look
    :: else
    fi;
#endif
#ifndef GENERATIONS_LOADED_BEFORE_ANY
    g = r[m].gen;
#endif
#ifndef WORDS_OF_THE_DEAD
    if
    :: gone -> d_step { g = r[m].slot_gen[r[m].head % SLOTS] } /* nobody writes there any more */
    :: else
    fi;
#endif
#ifdef BEHIND_IS_NEWS
    if
    :: g != since -> goto take
#else
    if
    :: g != since && (from != m || g > since) -> goto take
#endif
    :: else
    fi;
    atomic {
        if
#ifndef SLEEP_WITHOUT_COMPARING
        :: r[m].any != a -> goto look
#endif
        :: else -> asleep = true; bed = m
        fi
    };
    do
    :: !asleep -> break
    :: timeout -> /* the slice runs out */
        asleep = false;
        if
        :: HAS_ALL -> goto end
        :: else
        fi;
        slices++;
        assert(slices <= 2 * deaths);
        gone = !r[m].alive;
#ifndef NO_LOOK_AT_THE_NAME
        if
        :: gone && name != m -> m = name; gone = false
        :: else
        fi;
#endif
        break
    od;
    goto look;
take: /* reader/snap.c */
    v = r[m].head;
    ver = r[m].slot_version[v % SLOTS];
    con = r[m].slot_content[v % SLOTS];
    gen = r[m].slot_gen[v % SLOTS];
#ifndef NO_CHECK
    if
    :: r[m].horizon > v -> goto take
    :: else
    fi;
#endif
    assert(ver == v && con == truth[v]);
    assert(v >= last);
    assert(v > last || from != m); /* news */
    last = v;
    seen = con;
    since = gen;
    from = m;
    goto look;
end:
    skip
}

init
{
    atomic { run writer(0); run writer(1); run reader() }
}
