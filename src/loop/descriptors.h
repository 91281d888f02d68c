/* SPDX-License-Identifier: MIT
 *
 * loop/descriptors.h: which descriptors a loop watches, and for whom.
 *
 * A table indexed by descriptor number. An entry has at most one watch for each direction.
 * The poller is asked once, for changes of both directions; `ready` remembers what it told,
 * so that a system call is tried only where it may succeed. `sticky`: the end or an error was
 * reported; there will be no further event for it, so it is always worth a try.
 *
 * Whoever closes a descriptor need not tell: before a watch is set, the poller is asked
 * again, which also finds out that the number has a new owner. What was watched of the former one
 * is told then that its descriptor is closed. An *adopted* descriptor is only ever closed by way
 * of asyncio__descriptor_forget, and that question is saved.
 *
 * A watch is taken out by whoever set it, never by number: nobody's late removal hits another's.
 *
 * While a level watch is set (add_reader), the poller reports states, and only of the
 * directions that are watched.
 */
#ifndef ASYNCIO_LOOP_DESCRIPTORS_H
#define ASYNCIO_LOOP_DESCRIPTORS_H

#include <asyncio/base.h>

#include "base/list.h"
#include "loop/poller.h"

struct asyncio__fdwatch;

enum asyncio__direction { ASYNCIO__READING, ASYNCIO__WRITING };

enum asyncio__watch_kind {
    ASYNCIO__WATCH_ONCE,
    ASYNCIO__WATCH_LASTING, /* told of changes until it is taken out; its owner counts `waiting` */
    ASYNCIO__WATCH_LEVEL,   /* told of states until it is taken out */
};

struct asyncio__fdwatch_ops {
    /* The direction is ready. A watch of kind ONCE has been taken out. */
    void (*ready)(struct asyncio__fdwatch *watch, enum asyncio__direction direction);
    /* It has been taken out for good: -EBADF: the descriptor is closed; 0: the loop is. */
    void (*closed)(struct asyncio__fdwatch *watch, int status);
    /* Whether nobody waits for it any more, so that another one may take its place; or NULL. */
    bool (*is_over)(const struct asyncio__fdwatch *watch, enum asyncio__direction direction);
    enum asyncio__watch_kind kind;
};

struct asyncio__fdwatch {
    const struct asyncio__fdwatch_ops *ops;
};

struct asyncio__descriptor {
    struct asyncio__fdwatch *watch[2]; /* one for each direction, or NULL */
    uint32_t generation;               /* of its registration with the poller */
    uint8_t asked;                     /* what the poller was asked for; 0: it is not registered */
    uint8_t ready;                     /* POLL_READ, POLL_WRITE: a try may succeed */
    uint8_t sticky;                    /* the same, for good */
    bool adopted;                      /* closed only by way of asyncio__descriptor_forget */
    bool short_is_empty;               /* a short read means that nothing is left */
    bool transport;                    /* a stream's */
};

struct asyncio__descriptors {
    struct asyncio__descriptor *at;
    size_t count;
    size_t waiting;      /* for how many watches somebody waits */
    uint32_t generation; /* the last one given */
};

/* The entry of a descriptor; good until the next call. NULL: no memory, or there is no such
 * descriptor (raised). */
struct asyncio__descriptor *asyncio__descriptor_get(asyncio_loop *loop, int fd);

/* Sets a watch. 0, or raised: ASYNCIO_RUNTIME_ERROR if there is one, what the poller says.
 * fresh: have it fire also if nothing changes but all is ready already. */
int asyncio__descriptor_watch(asyncio_loop *loop, int fd, enum asyncio__direction direction,
                              struct asyncio__fdwatch *watch, bool fresh);

/* To be asked where somebody begins to wait for a lasting watch that is set: 0, or raised if it is
 * found out (in debug mode) that the descriptor was closed by close(). */
int asyncio__descriptor_check(asyncio_loop *loop, int fd);

/* Whether the number has a new owner, or none, though something was watched: that is told then that
 * its descriptor is closed. */
bool asyncio__descriptor_reused(asyncio_loop *loop, int fd);

/* Takes the watch out if it is there. */
void asyncio__descriptor_unwatch(asyncio_loop *loop, int fd, enum asyncio__direction direction,
                                 const struct asyncio__fdwatch *watch);

/* The descriptor is about to be closed: whoever watches it is told. */
void asyncio__descriptor_forget(asyncio_loop *loop, int fd);

/* From now on it is closed only by way of forget. What was known of the number is forgotten. 0 or
 * raised. */
int asyncio__descriptor_adopt(asyncio_loop *loop, int fd, bool short_is_empty);

/* An event; arg is the loop. */
asyncio__poller_report asyncio__descriptors_report;

/* The loop closes: all watches are told, and the table goes. */
void asyncio__descriptors_close(asyncio_loop *loop);

/* Whether a system call is worth a try. */
static inline bool asyncio__descriptor_may_try(const struct asyncio__descriptor *d,
                                               enum asyncio__direction direction) {
    return ASYNCIO__LIKELY(((d->ready | d->sticky) >> direction) & 1);
}

/* A try found nothing: the next one waits for an event first. */
static inline void asyncio__descriptor_blocked(struct asyncio__descriptor *d,
                                               enum asyncio__direction direction) {
    d->ready &= (uint8_t) ~(1u << direction);
}

/* A read filled less than was asked for. (Not adopted: asking the poller again will tell.) */
static inline void asyncio__descriptor_short_read(struct asyncio__descriptor *d) {
    if (d->short_is_empty || !d->adopted) asyncio__descriptor_blocked(d, ASYNCIO__READING);
}

#endif
