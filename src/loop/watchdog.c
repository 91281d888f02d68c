/* SPDX-License-Identifier: MIT
 *
 * loop/watchdog.c: the thread that watches, and its reports.
 */
#include "loop/watchdog.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/futex.h"
#include "base/thread.h"
#include "loop/deadlock.h"
#include "loop/inbox.h"

#define PERIOD_MIN_NS 1000000 /* also: while a report waits for the end of its step */
#define READS_MAX 4

/* ---- what the loop is at ---- */

static bool is_at(const struct asyncio__watchdog *w, uint64_t step) {
    return atomic_load(&w->step) == step;
}

static void read_blocked(struct asyncio__watchdog *w, struct asyncio__watched *watched,
                         struct asyncio__blocked *b) {
    struct asyncio__text text = asyncio__text_start(b->text, sizeof b->text);
    b->task[0] = '\0';
    if (!asyncio__peek_read(&watched->peek, &w->runnable, &watched->runnable,
                            sizeof watched->runnable)) {
        asyncio__text_put(&text, "a step that cannot be looked at");
    } else {
        w->loop->hooks->describe_step(watched, b->task, sizeof b->task, &text);
        char place[256];
        struct asyncio__text at = asyncio__text_start(place, sizeof place);
        asyncio__peek_place(w->thread_id, &at);
        if (asyncio__text_end(&at) > 0) asyncio__text_printf(&text, "\n  + Now %s", place);
    }
    asyncio__text_end(&text);
}

/* Until two readings are the same: then nothing changed between them. */
static void look_closely(struct asyncio__watchdog *w) {
    struct asyncio__watched watched = { .here = w->here };
    if (!asyncio__peek_open(&watched.peek)) {
        w->now.task[0] = '\0';
        snprintf(w->now.text, sizeof w->now.text, "a step that cannot be looked at");
        return;
    }
    read_blocked(w, &watched, &w->now);
    for (int i = 1; i < READS_MAX; i++) {
        read_blocked(w, &watched, &w->again);
        if (strcmp(w->now.text, w->again.text) == 0) break;
        w->now = w->again;
    }
    asyncio__peek_close(&watched.peek);
}

/* ---- reports ---- */

#define TEXT_MAX (sizeof((struct asyncio__blocked *)NULL)->text + 80)

static void tell_beginning(struct asyncio__watchdog *w, int64_t now) {
    asyncio_loop *loop = w->loop;
    char text[TEXT_MAX];
    double seconds = asyncio__clock_to_seconds(now - w->since);
    snprintf(text, sizeof text, "The event loop has been blocked for %.3f s by %s", seconds,
             w->now.text);
    asyncio_watchdog_report report = { .size = sizeof report,
                                       .seconds = seconds,
                                       .task = w->now.task[0] ? w->now.task : NULL,
                                       .text = text };
    if (loop->watchdog_fn) loop->watchdog_fn(loop, &report, loop->watchdog_arg);
    else fprintf(stderr, "%s\n", text);
}

/* On its way to the loop. */
struct end {
    struct asyncio__runnable runnable;
    asyncio_loop *loop;
    char text[TEXT_MAX];
};

static void report_end(asyncio_loop *loop, const char *text) {
    asyncio_exception_context context = { .size = sizeof context, .message = text };
    asyncio__loop_report(loop, &context);
}

static struct end *end_of(struct asyncio__runnable *runnable) {
    return asyncio__container(runnable, struct end, runnable);
}

static void run_end(struct asyncio__runnable *runnable) {
    struct end *e = end_of(runnable);
    report_end(e->loop, e->text);
    asyncio__free(e);
}

static void discard_end(struct asyncio__runnable *runnable) { asyncio__free(end_of(runnable)); }

static int describe_end(struct asyncio__runnable *runnable, char *buf, size_t n) {
    (void)runnable;
    return snprintf(buf, n, "the report of a watchdog");
}

static const struct asyncio__runnable_ops end_ops = {
    .run = run_end,
    .discard = discard_end,
    .describe = describe_end,
};

static void write_end(const struct asyncio__watchdog *w, int64_t now, char *text) {
    snprintf(text, TEXT_MAX, "The event loop was blocked for %.3f s by %s",
             asyncio__clock_to_seconds(now - w->since), w->now.text);
}

static void post_end(struct asyncio__watchdog *w, int64_t now) {
    struct end *e = asyncio__malloc(sizeof *e);
    if (!e) return; /* the beginning was told */
    e->runnable.ops = &end_ops;
    e->loop = w->loop;
    write_end(w, now, e->text);
    asyncio__inbox_post(w->loop, &e->runnable); /* not closed: it runs */
}

/* ---- watching ---- */

static void look(struct asyncio__watchdog *w) {
    uint64_t step = atomic_load_explicit(&w->step, memory_order_relaxed);
    int64_t now = asyncio__clock_now();
    if (step != w->seen) {
        if (w->told) post_end(w, now);
        w->told = false;
        w->seen = step;
        w->since = now;
    } else if (step != 0 && !w->told && now - w->since >= w->loop->watchdog_limit) {
        look_closely(w);
        if (!is_at(w, step)) return;
        w->told = true;
        tell_beginning(w, now);
    }
}

static int64_t period_of(const struct asyncio__watchdog *w) {
    int64_t period = w->loop->watchdog_limit / 4;
    return w->told || period < PERIOD_MIN_NS ? PERIOD_MIN_NS : period;
}

static void *watch(void *arg) {
    struct asyncio__watchdog *w = arg;
    pthread_setname_np(pthread_self(), "asyncio_watch");
    while (!atomic_load(&w->end) && *w->loop->fork_mark) {
        asyncio__futex_wait(&w->end, 0, asyncio__clock_now() + period_of(w));
        if (!atomic_load(&w->end)) look(w);
    }
    return NULL; /* in a child that it has forked, too */
}

static struct asyncio__watchdog *new_watchdog(asyncio_loop *loop) {
    struct asyncio__watchdog *w = asyncio__calloc(1, sizeof *w);
    if (!w) return NULL;
    w->loop = loop;
    w->here = &asyncio__here;
    w->thread_id = gettid();
    atomic_init(&w->step, 0);
    atomic_init(&w->end, 0);
    return w;
}

static void report_failure(asyncio_loop *loop, int rc) {
    asyncio_error *error = asyncio__error_make(rc, NULL);
    asyncio_exception_context context = { .size = sizeof context,
                                          .message = "The loop's watchdog cannot be started",
                                          .exception = error };
    asyncio__loop_report(loop, &context);
    asyncio_error_unref(error);
}

void asyncio__watchdog_start(asyncio_loop *loop) {
    struct asyncio__watchdog *w = new_watchdog(loop);
    int rc = w ? asyncio__thread_start(&w->thread, NULL, watch, w) : -ENOMEM;
    if (rc < 0) {
        asyncio__free(w);
        report_failure(loop, rc);
        return;
    }
    loop->watchdog = w;
    loop->slow |= ASYNCIO__SLOW_WATCHDOG;
    asyncio__deadlock_own_threads(1);
}

static bool report_one(struct asyncio__link *list) {
    for (struct asyncio__link *l = list->next; l != list; l = l->next) {
        struct asyncio__runnable *runnable = asyncio__runnable_of(l);
        if (runnable->ops != &end_ops) continue;
        asyncio__link_unlink(l);
        run_end(runnable);
        return true; /* the list may have become another one */
    }
    return false;
}

/* Ends that are on their way are reported before the run returns. */
static void report_posted(asyncio_loop *loop) {
    asyncio__inbox_take(loop);
    while (report_one(&loop->batch) || report_one(&loop->ready)) {
    }
}

/* In a forked child the thread is not there. */
void asyncio__watchdog_stop(asyncio_loop *loop) {
    struct asyncio__watchdog *w = loop->watchdog;
    if (!w) return;
    loop->watchdog = NULL;
    loop->slow &= ~(uint32_t)ASYNCIO__SLOW_WATCHDOG;
    if (!*loop->fork_mark) return;
    asyncio__deadlock_own_threads(-1);
    atomic_store(&w->end, 1);
    asyncio__futex_wake(&w->end, 1);
    pthread_join(w->thread, NULL);
    report_posted(loop);
    if (w->told) {
        char text[TEXT_MAX];
        write_end(w, asyncio__clock_now(), text);
        report_end(loop, text);
    }
    asyncio__free(w);
}

/* ---- what the program says ---- */

static int check_arguments(const asyncio_loop *loop, double limit) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    if (loop->closed) return asyncio__raise(ASYNCIO_RUNTIME_ERROR, asyncio__loop_why_closed(loop));
    if (loop->running && asyncio__here.running != loop)
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "the loop runs in another thread");
    if (isnan(limit) || limit < 0)
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "a limit is a number of seconds, or 0");
    return 0;
}

int asyncio_loop_set_watchdog(asyncio_loop *loop, double limit, asyncio_watchdog_function *fn,
                              void *arg) {
    int rc = check_arguments(loop, limit);
    if (rc < 0) return rc;
    asyncio__watchdog_stop(loop);
    loop->watchdog_limit = limit > 0 ? asyncio__clock_from_seconds(limit) : 0;
    if (limit > 0 && loop->watchdog_limit == 0) loop->watchdog_limit = 1;
    loop->watchdog_fn = fn;
    loop->watchdog_arg = arg;
    if (loop->running && loop->watchdog_limit > 0) asyncio__watchdog_start(loop);
    return 0;
}

double asyncio_loop_get_watchdog(const asyncio_loop *loop) {
    return loop ? asyncio__clock_to_seconds(loop->watchdog_limit) : (double)NAN;
}
