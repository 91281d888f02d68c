/* SPDX-License-Identifier: MIT
 *
 * task/mutex.c: mutexes that tasks have locked, noted for each thread while its loop is in debug
 * mode. The loop looks at the end of every step then (hooks->holding).
 */
#include <asyncio/mutex.h>

#include "task/task.h"

#define NOTES_MAX 16

struct note {
    const pthread_mutex_t *mutex;
    const struct asyncio__strand *strand; /* whoever locked it; only compared: it may be gone */
    const char *where;
    char name[64]; /* the task's */
    bool reported;
};

/* Those in use come first; asyncio__here.holding says how many. Room for NOTES_MAX while there are
 * any, else NULL: what each thread has anyway must be small, so that the library can be loaded
 * while a program runs. */
static _Thread_local struct note *notes;

/* ---- noting ---- */

static int no_mutex(void) { return asyncio__raise(ASYNCIO_TYPE_ERROR, "a mutex is required"); }

static void note_lock(const pthread_mutex_t *mutex, const char *where) {
    const asyncio_loop *loop = asyncio__here.running;
    const struct asyncio_task *t = asyncio__task_current();
    if (!t || !loop || !loop->debug || asyncio__here.holding == NOTES_MAX) return;
    if (!notes) notes = asyncio__malloc(NOTES_MAX * sizeof *notes);
    if (!notes) return; /* it is not noted */
    struct note *n = &notes[asyncio__here.holding++];
    *n = (struct note){ .mutex = mutex, .strand = &t->fiber.strand, .where = where ? where : "?" };
    snprintf(n->name, sizeof n->name, "%s", asyncio_task_get_name(t));
}

static void forget_lock(const pthread_mutex_t *mutex) {
    for (unsigned i = asyncio__here.holding; i-- > 0;) {
        if (notes[i].mutex != mutex) continue;
        notes[i] = notes[--asyncio__here.holding];
        break;
    }
}

static void free_notes(void) {
    if (asyncio__here.holding > 0) return;
    asyncio__free(notes);
    notes = NULL;
}

int asyncio_debug_mutex_lock_at(pthread_mutex_t *mutex, const char *where) {
    int rc = mutex ? -pthread_mutex_lock(mutex) : no_mutex();
    if (rc == 0) note_lock(mutex, where);
    return rc;
}

int asyncio_debug_mutex_trylock_at(pthread_mutex_t *mutex, const char *where) {
    int rc = mutex ? -pthread_mutex_trylock(mutex) : no_mutex();
    if (rc == 0) note_lock(mutex, where);
    return rc;
}

int asyncio_debug_mutex_unlock(pthread_mutex_t *mutex) {
    if (!mutex) return no_mutex();
    if (asyncio__here.holding > 0) {
        forget_lock(mutex);
        free_notes();
    }
    return -pthread_mutex_unlock(mutex);
}

/* ---- reporting ---- */

/* The task, if it is still there. */
static struct asyncio_task *find_task(const asyncio_loop *loop,
                                      const struct asyncio__strand *strand) {
    const struct asyncio__link *tasks = &asyncio__task_loop(loop)->tasks;
    for (const struct asyncio__link *l = tasks->next; l != tasks; l = l->next) {
        struct asyncio_task *t = asyncio__container(l, struct asyncio_task, all);
        if (&t->fiber.strand == strand) return t;
    }
    return NULL;
}

/* The newest place that a frame of the program's own is at. */
static const char *place_of(const struct asyncio_task *t) {
    const struct asyncio__frame *f = t->fiber.strand.top;
    while (f && !f->where) f = f->up;
    return f ? f->where : "?";
}

static void report_note(asyncio_loop *loop, const struct note *n) {
    struct asyncio_task *t = find_task(loop, n->strand);
    char text[640];
    if (t) {
        snprintf(text, sizeof text,
                 "Task '%s' waits at %s with a mutex locked, which it locked at %s", n->name,
                 place_of(t), n->where);
    } else {
        snprintf(text, sizeof text, "Task '%s' ended with a mutex locked, which it locked at %s",
                 n->name, n->where);
    }
    asyncio_exception_context context = { .size = sizeof context,
                                          .message = text,
                                          .task = asyncio_task_ref(t) };
    asyncio__loop_report(loop, &context);
    asyncio_task_unref(t);
}

void asyncio__task_report_holding(asyncio_loop *loop) {
    for (unsigned i = 0; notes && i < asyncio__here.holding; i++) {
        if (notes[i].reported) continue;
        notes[i].reported = true;
        struct note copy = notes[i]; /* the handler may lock and unlock */
        report_note(loop, &copy);
    }
}
