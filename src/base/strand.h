/* SPDX-License-Identifier: MIT
 *
 * base/strand.h: what a thread of control carries with it, and which one runs now.
 *
 * A strand is a task's (embedded in its fiber), or the thread's own: what runs outside
 * of tasks (main, callbacks, other threads). asyncio__here.strand is the strand of the
 * task that runs in this thread, NULL outside tasks. The fields up to `cancels` lie in
 * the one cache line that a switch touches.
 *
 * Frames (await records): one for each coroutine that runs, innermost first, on the
 * coroutine's own stack. An AWAIT stores its place into the top frame.
 */
#ifndef ASYNCIO_BASE_STRAND_H
#define ASYNCIO_BASE_STRAND_H

#include <asyncio/coro.h>
#include <asyncio/block.h>

/* A context: 0 empty; object | 0 an asyncio_context; vars | 1 a shared snapshot. */
typedef uintptr_t asyncio__context_ref;

struct asyncio__frame {
    struct asyncio__frame *up;     /* the frame that awaits this one, or NULL */
    const asyncio_coro_type *type; /* what runs in it */
    const char *where;             /* the place of its current await; NULL: not yet */
    const char *func;              /* the C function of that place */
    int64_t since;                 /* the loop's clock when the task last began to wait here */
    asyncio_block *open;           /* innermost block that is open, or NULL */
    int leaving;                   /* status it is about to return with (asyncio_leave) */
    int override;                  /* status a block's exit put in its place */
    asyncio_value result;          /* type is asyncio__unset until RETURN */
};

/* The one bit of a strand's flags that is not the task's: an await has put the slot's error
 * aside. What fails meanwhile without an error object could be taken for that one. */
#define ASYNCIO__STRAND_HIDES 16u
/* In flags: cancellations of this strand are told apart by their origin, so each that it sees has
 * an object. */
#define ASYNCIO__STRAND_SCOPED 1024u

struct asyncio__strand {
    struct asyncio__frame *top;    /* innermost frame; NULL outside coroutines */
    asyncio_error *error;          /* the error slot: a reference or NULL */
    struct asyncio_future *waiter; /* what the task waits for, or NULL */
    uint32_t flags;                /* HIDES, the task's (task/task.h), and the class of stack */
    uint32_t cancels;              /* requests to cancel it, not taken back */
    asyncio__context_ref context;  /* what it runs in; a reference */
};

/* What a thread's own strand may hold when the thread ends, and how it is let go of. */
enum asyncio__strand_part { ASYNCIO__STRAND_ERROR, ASYNCIO__STRAND_CONTEXT, ASYNCIO__STRAND_PARTS };
typedef void asyncio__strand_emptier(struct asyncio__strand *own);

/* A context that is entered below the current one: by context_run or by an eager start. */
struct asyncio__entered {
    struct asyncio__entered *outer;
    asyncio__context_ref context; /* borrowed */
};

struct asyncio__thread {
    struct asyncio__strand *strand;   /* of the task that runs, NULL outside tasks */
    struct asyncio_loop *running;     /* the loop that runs in this thread, or NULL */
    struct asyncio_loop *set;         /* asyncio_set_event_loop; a reference */
    struct asyncio__entered *entered; /* contexts entered below the current one */
    struct asyncio__strand own;       /* of what runs outside tasks */
    asyncio__strand_emptier *empty[ASYNCIO__STRAND_PARTS]; /* of own; NULL: nothing was put there */
    unsigned holding; /* mutexes locked by tasks in debug mode (task/mutex.c) */
};

extern _Thread_local struct asyncio__thread asyncio__here
    __attribute__((tls_model("initial-exec")));

/* The type of a result nobody has set. */
extern const asyncio_value_type asyncio__unset;

static inline struct asyncio__strand *asyncio__strand_current(void) {
    return asyncio__here.strand ? asyncio__here.strand : &asyncio__here.own;
}

/* Call it when something is put into that part of the current strand: a thread that ends calls
 * `empty` with its own, to let go of what is there. */
void asyncio__strand_keep_slow(enum asyncio__strand_part part, asyncio__strand_emptier *empty)
    __attribute__((cold));
static inline void asyncio__strand_keep(enum asyncio__strand_part part,
                                        asyncio__strand_emptier *empty) {
    if (__builtin_expect(!asyncio__here.empty[part], 0)) asyncio__strand_keep_slow(part, empty);
}

#endif
