/* SPDX-License-Identifier: MIT
 *
 * registry.h: every reference to an object of the library that a scenario holds.
 *
 * Futures and tasks are entries, found by their address, in the order in which their
 * making began: that is the order of the reports at the end and the second key when
 * results are sorted. A task gets its place before it is made, because an eager one
 * already runs meanwhile. Errors and other objects are only kept until the end.
 */
#ifndef REPLAY_REGISTRY_H
#define REPLAY_REGISTRY_H

#include "value.h"

struct entry {
    asyncio_future *future; /* a reference until it is let go, then only an address */
    asyncio_task *task;     /* the same as a task, or NULL */
    struct value name;      /* of a future; a task knows its own */
    size_t number;          /* its place in the order of making */
    bool released;          /* the reference is gone */
    bool quiet;             /* a task that is not reported when it is left pending */
    bool destroyed;         /* the library says so: while it was pending */
    bool pending;           /* the state at the end, once that is frozen */
    struct list *list;      /* the result of a gather, once it was asked for; NULL before */
    struct entry *inner;    /* of a shield: the future it follows, or NULL */
    const char *sort_name;  /* while a result of wait is sorted */
    const char *shown;      /* how it is shown from then on; NULL before */
    asyncio_error *lost;    /* its error, if nobody has looked at it */
    const char *report;     /* what the library says of that */
    struct entry *next;     /* in its bucket */
};

struct registry {
    struct entry **buckets; /* of a table by address; their number is a power of two */
    size_t nbuckets, nentries;
    struct entry **places; /* in order of making; NULL: reserved or forgotten */
    size_t n, size;
    asyncio_error **errors;
    size_t nerrors, errors_size;
    struct object *objects; /* the newest first */
};

/* A place in the order of making for something that is about to be made. */
size_t registry_reserve(struct interp *it);

/* The entry of a future or task, made now (without a place) if there is none yet. Takes a
 * reference of its own. */
struct entry *registry_entry(struct interp *it, asyncio_future *future);

/* The same for a new one, with a place: the one reserved for it, or the next. */
struct entry *registry_enter(struct interp *it, asyncio_future *future, size_t place);
struct entry *registry_enter_next(struct interp *it, asyncio_future *future);

/* The entry of that address, or NULL. */
struct entry *registry_find(struct interp *it, const asyncio_future *future);

struct value registry_value(struct interp *it, asyncio_future *future);

/* Takes over the reference and lends it back; NULL ends the program (no memory). */
asyncio_error *registry_keep_error(struct interp *it, asyncio_error *error);
struct value registry_keep_object(struct interp *it, const struct object_class *class, void *p);

/* Its name as shown, and the entry as shown: <NAME STATE>. */
struct value entry_name(struct interp *it, const struct entry *entry);
void entry_show(struct interp *it, struct text *text, const struct entry *entry);

/* Its result, as the library gave it: a list is the same one each time. */
struct value entry_result(struct interp *it, struct entry *entry, asyncio_value result);

/* Fixes the states of all entries: from now on they are shown as they are now. */
void registry_freeze(struct interp *it);

/* Lets go of all objects, some of which hold tasks, and of all futures and tasks, in order; then
 * of everything else. */
void registry_release(struct interp *it);
void registry_fini(struct interp *it);

#endif
