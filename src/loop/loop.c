/* SPDX-License-Identifier: MIT
 *
 * loop/loop.c: a loop's life and its turn.
 *
 * Lifetime: the user's references (refs), the objects that point at the loop (live) and what
 * other threads hold keep its memory; its queues, descriptors and stacks go at close. A forked
 * child may only close and free what it inherited: a page that the kernel wipes on fork tells
 * it apart.
 */
#include "loop/loop.h"

#include <asyncio/testing.h>
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/contextvar.h"
#include "base/error.h"
#include "context/cxx.h"
#include "context/overflow.h"
#include "loop/deadlock.h"
#include "loop/handle.h"
#include "loop/inbox.h"
#include "loop/post.h"
#include "loop/watchdog.h"

#define POLL_INTERVAL_NS 50000
#define CALIBRATION_NS 1000000   /* how long the counter is measured against the clock */
#define COUNTER_LAG (1.0 / 1024) /* more than that measurement can be wrong */
#define DAY_NS (86400 * INT64_C(1000000000))

/* ---- making and freeing ---- */

static _Atomic(unsigned *) mark;

/* Where the kernel does not wipe the page. (Where it does, also children of clone() see it.) */
static void wipe_mark(void) {
    unsigned *m = atomic_load(&mark);
    if (m) *m = 0;
}

static pthread_once_t wipe_once = PTHREAD_ONCE_INIT;
static void wipe_in_children(void) { (void)pthread_atfork(NULL, NULL, wipe_mark); }

const unsigned *asyncio__fork_mark(void) {
    unsigned *m = atomic_load(&mark);
    if (m && *m) return m;
    pthread_once(&wipe_once, wipe_in_children);
    m = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED) return NULL;
    (void)madvise(m, (size_t)sysconf(_SC_PAGESIZE), MADV_WIPEONFORK);
    *m = 1;
    atomic_store(&mark, m);
    return m;
}

static void init_slabs(asyncio_loop *loop) {
    asyncio__slab_init(&loop->handles_slab, sizeof(struct asyncio_handle), 16);
    asyncio__slab_init(&loop->cells_slab, 96, 16);
}

static void init_fields(asyncio_loop *loop, const struct asyncio__loop_hooks *hooks) {
    asyncio__link_init(&loop->batch);
    asyncio__link_init(&loop->ready);
    asyncio__link_init(&loop->ties);
    asyncio__timers_init(&loop->timers);
    atomic_init(&loop->refs, 1);
    atomic_init(&loop->holds, 2);
    loop->hooks = hooks;
    loop->slow_callback_duration = 0.1;
    loop->sample_interval = 1;
    loop->poll_interval = 125000; /* a guess, calibrated by the first polls */
    loop->now = asyncio__clock_now();
    const char *debug = getenv("ASYNCIO_DEBUG");
    if (debug && *debug) asyncio_loop_set_debug(loop, true);
    const char *clock = getenv("ASYNCIO_CLOCK");
    loop->virtual_clock = clock && strcmp(clock, "virtual") == 0;
    if (loop->virtual_clock) loop->now = 0;
    const char *shuffle = getenv("ASYNCIO_SHUFFLE");
    if (shuffle) asyncio_testing_shuffle(loop, strtoull(shuffle, NULL, 10));
    const char *watchdog = getenv("ASYNCIO_WATCHDOG");
    double limit = watchdog ? strtod(watchdog, NULL) : 0;
    if (limit > 0) loop->watchdog_limit = asyncio__clock_from_seconds(limit);
}

asyncio_loop *asyncio__loop_new(const struct asyncio__loop_hooks *hooks) {
    asyncio_loop *loop = asyncio__calloc(1, sizeof *loop);
    if (!loop) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    init_fields(loop, hooks);
    int rc = asyncio__poller_init(&loop->poller);
    if (rc == 0) {
        loop->fork_mark = asyncio__fork_mark();
        rc = loop->fork_mark ? asyncio__stackpool_init(&loop->stacks) : -ENOMEM;
        if (rc < 0) asyncio__poller_fini(&loop->poller);
    }
    if (rc < 0) {
        asyncio__free(loop);
        asyncio__raise(rc, "cannot make an event loop");
        return NULL;
    }
    init_slabs(loop);
    hooks->init(loop);
    return loop;
}

asyncio_loop *asyncio_loop_ref(asyncio_loop *loop) {
    if (loop) atomic_fetch_add(&loop->refs, 1);
    return loop;
}

static void free_loop(asyncio_loop *loop) {
    loop->hooks->fini(loop);
    asyncio__slab_fini(&loop->handles_slab);
    asyncio__slab_fini(&loop->cells_slab);
    asyncio__free(loop);
}

void asyncio__loop_hold(asyncio_loop *loop) {
    atomic_fetch_add_explicit(&loop->holds, 1, memory_order_relaxed);
}

void asyncio__loop_release(asyncio_loop *loop) {
    if (atomic_fetch_sub_explicit(&loop->holds, 1, memory_order_acq_rel) == 1) free_loop(loop);
}

void asyncio_loop_unref(asyncio_loop *loop) {
    if (!loop || atomic_fetch_sub(&loop->refs, 1) != 1) return;
    if (!loop->closed) {
        atomic_store(&loop->refs, 1);
        fprintf(stderr, "asyncio: an event loop was freed without being closed\n");
        asyncio_loop_close(loop);
        atomic_store(&loop->refs, 0);
    }
    asyncio__loop_release(loop);
}

/* Takes what is queued out of a list, one by one, without running it. */
static void discard_list(struct asyncio__link *list) {
    while (!asyncio__list_empty(list)) {
        struct asyncio__runnable *runnable = asyncio__runnable_of(list->next);
        asyncio__link_unlink(&runnable->link);
        runnable->ops->discard(runnable);
    }
}

static void close_ties(asyncio_loop *loop) {
    while (!asyncio__list_empty(&loop->ties)) {
        struct asyncio__tie *tie = asyncio__container(loop->ties.next, struct asyncio__tie, link);
        asyncio__link_take(&tie->link);
        tie->close(tie);
    }
}

int asyncio_loop_close(asyncio_loop *loop) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    if (loop->running)
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "Cannot close a running event loop");
    if (loop->closed) return 0;
    if (loop->debug) atomic_fetch_sub(&asyncio__debug_loops, 1);
    loop->closed = true;
    loop->cxx = asyncio__cxx_words();
    loop->slow |= ASYNCIO__SLOW_CLOSE;
    loop->slow &= ~(uint32_t)ASYNCIO__SLOW_POINTS;
    loop->live++; /* the loop outlives its last object until the end of this function */
    loop->hooks->destroy_pending(loop);
    close_ties(loop);
    asyncio__inbox_close(loop);
    discard_list(&loop->batch);
    discard_list(&loop->ready);
    struct asyncio__timer *timer;
    while ((timer = asyncio__timers_pop(&loop->timers)) != NULL)
        timer->runnable.ops->discard(&timer->runnable);
    asyncio__timers_fini(&loop->timers);
    asyncio__posts_close(loop);
    asyncio__descriptors_close(loop);
    asyncio__poller_fini(&loop->poller);
    asyncio__stackpool_fini(&loop->stacks);
    asyncio_error_unref(loop->exit_error);
    loop->exit_error = NULL;
    if (asyncio__here.set == loop) asyncio_set_event_loop(NULL);
    asyncio__loop_object_gone(loop);
    return 0;
}

/* ---- time ---- */

double asyncio_loop_time(asyncio_loop *loop) {
    return loop ? asyncio__clock_to_seconds(asyncio__loop_now(loop)) : (double)NAN;
}

/* The counter's rate, measured against the clock. */
static void calibrate(asyncio_loop *loop, int64_t now, uint64_t counter) {
    double counts = (double)(counter - loop->counter_then), ns = (double)(now - loop->counter_time);
    if (loop->counter_time && counts > 0) {
        loop->poll_interval = (uint64_t)(counts / ns * POLL_INTERVAL_NS);
        loop->ns_per_count = (uint64_t)(ns / counts * 4294967296.0 * (1 - COUNTER_LAG));
    }
    loop->counter_time = now;
    loop->counter_then = counter;
}

/* If something came between the clock and the counter, the two do not tell the same moment. */
int64_t asyncio__loop_read_clock(asyncio_loop *loop) {
    uint64_t before = asyncio__clock_counter();
    int64_t now = asyncio__clock_now();
    uint64_t after = asyncio__clock_counter();
    bool together = after - before <= loop->poll_interval / 50;
    if (together && now - loop->counter_time >= CALIBRATION_NS) calibrate(loop, now, after);
    loop->read_time = now;
    loop->read_counter = after;
    loop->trusted = together && loop->ns_per_count ? 4 * loop->poll_interval : 0;
    return now;
}

static void read_clock(asyncio_loop *loop) {
    if (!loop->virtual_clock) loop->now = asyncio__loop_read_clock(loop);
}

/* Adapts how often it is asked to how long the turns take: never more than a quarter of the
 * poll interval apart while turns are even, at most 16 turns. */
bool asyncio__loop_sample(asyncio_loop *loop) {
    if (loop->virtual_clock) {
        bool io = loop->descriptors.waiting > 0; /* look every turn, which is exact */
        loop->next_sample = io ? 0 : UINT64_MAX;
        return io;
    }
    uint64_t counter = asyncio__clock_counter(), since = counter - loop->sampled;
    loop->sampled = counter;
    if (since > loop->poll_interval / 4) loop->sample_interval = 1;
    else if (loop->sample_interval < 16) loop->sample_interval *= 2;
    loop->next_sample = loop->turns + 1 + loop->sample_interval;
    return counter - loop->polled > loop->poll_interval;
}

/* ---- one turn ---- */

/* How long the poller may sleep: to the next timer, a day at most, and not longer than idle
 * stacks want to be looked after. */
static int64_t poll_timeout(asyncio_loop *loop) {
    int64_t next = asyncio__timers_next(&loop->timers), now = asyncio__clock_now();
    if (next <= now) return 0;
    int64_t timeout = next == ASYNCIO__NEVER ? ASYNCIO__NEVER
                      : next - now < DAY_NS  ? next - now
                                             : DAY_NS;
    int trim_ms = asyncio__stackpool_trim(&loop->stacks);
    if (trim_ms >= 0 && timeout > trim_ms * INT64_C(1000000)) timeout = trim_ms * INT64_C(1000000);
    int64_t trim = asyncio__posts_trim(now);
    return trim < timeout ? trim : timeout;
}

/* Anything that came ends the suspicion that nothing ever will. */
static int end_sleep(asyncio_loop *loop, int64_t timeout) {
    if (ASYNCIO__UNLIKELY(loop->watchdog != NULL)) asyncio__watchdog_sleep(loop->watchdog);
    int rc = 0;
    if (!asyncio__inbox_wait(loop, timeout))
        rc = asyncio__poller_wait(&loop->poller, timeout, asyncio__descriptors_report, loop);
    if (rc > 0) rc = 0;
    asyncio__inbox_awake(loop);
    if (!asyncio__list_empty(&loop->ready) || atomic_load(&loop->inbox)) loop->deadlock_look = 0;
    return rc;
}

static int sleep_in_poller(asyncio_loop *loop) {
    int64_t timeout = asyncio__inbox_sleep(loop) ? poll_timeout(loop) : 0;
    if (ASYNCIO__UNLIKELY(timeout != 0 && asyncio__deadlock_suspected(loop)) &&
        asyncio__timers_next(&loop->timers) == ASYNCIO__NEVER) {
        int rc = asyncio__deadlock_check(loop, &timeout);
        if (rc < 0) {
            asyncio__inbox_awake(loop);
            return rc;
        }
    }
    return end_sleep(loop, timeout);
}

/* Other threads have no virtual clock: while something is expected from them, time goes by as
 * the real clock's does. */
static int wait_for_others(asyncio_loop *loop, int64_t next) {
    int64_t timeout = next == ASYNCIO__NEVER ? next : next > loop->now ? next - loop->now : 0;
    int64_t start = asyncio__clock_now();
    int rc = end_sleep(loop, asyncio__inbox_sleep(loop) ? timeout : 0);
    int64_t now = loop->now + (asyncio__clock_now() - start);
    loop->now = now < next || next <= loop->now ? now : next;
    return rc;
}

/* With a virtual clock time is not waited for: it jumps to the next timer. Descriptors are, if
 * there is nothing else: what they wait for does not happen in virtual time. */
static int jump_clock(asyncio_loop *loop) {
    int64_t next = asyncio__timers_next(&loop->timers);
    if (loop->external > 0) return wait_for_others(loop, next);
    if (next == ASYNCIO__NEVER) {
        if (atomic_load(&loop->inbox)) return 0;
        if (loop->descriptors.waiting > 0 || atomic_load(&loop->expected) > 0) {
            return sleep_in_poller(loop);
        }
        return asyncio__deadlock_fail(loop);
    }
    if (next > loop->now) loop->now = next;
    return 0;
}

/* How many events there were, or raised. */
static int look_at_poller(asyncio_loop *loop) {
    if (loop->descriptors.waiting == 0) return 0;
    return asyncio__poller_wait(&loop->poller, 0, asyncio__descriptors_report, loop);
}

static bool is_idle(const asyncio_loop *loop) {
    return asyncio__list_empty(&loop->ready) && !(loop->slow & ASYNCIO__SLOW_STOP);
}

/* Looks until there are no more events: what is flushed while they are reported is an event for the
 * other end, though it makes nothing ready here. */
static int wait_virtually(asyncio_loop *loop) {
    int rc;
    do rc = look_at_poller(loop);
    while (rc > 0 && is_idle(loop));
    return rc >= 0 && is_idle(loop) ? jump_clock(loop) : rc;
}

static int wait_for_events(asyncio_loop *loop) {
    if (ASYNCIO__UNLIKELY(!*loop->fork_mark)) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR,
                              "the event loop belongs to the parent process");
    }
    if (ASYNCIO__UNLIKELY(loop->wants_idle) && is_idle(loop)) {
        loop->hooks->idle(loop);
        if (loop->slow & ASYNCIO__SLOW_EXIT) return loop->exit_status;
    }
    int rc = loop->virtual_clock ? wait_virtually(loop)
             : is_idle(loop)     ? sleep_in_poller(loop)
                                 : look_at_poller(loop);
    return rc < 0 ? rc : 0;
}

/* A timer that may be due is a reason to look at the clock, not at the poller. */
static int poll_if_due(asyncio_loop *loop) {
    uint32_t why = loop->slow & (ASYNCIO__SLOW_TIMER | ASYNCIO__SLOW_POLL);
    bool poll = (why & ASYNCIO__SLOW_POLL) || asyncio__list_empty(&loop->ready) ||
                (loop->turns + 1 >= loop->next_sample && asyncio__loop_sample(loop));
    if (!poll && !why) return 0;
    loop->slow &= ~why;
    int rc = 0;
    if (poll) {
        rc = wait_for_events(loop);
        asyncio__inbox_take(loop); /* before the timers: what woke us was there first */
        loop->polled = asyncio__clock_counter();
    }
    read_clock(loop);
    asyncio__timers_expire(&loop->timers, loop->now, &loop->ready);
    return rc;
}

/* Reports a step that took too long. */
static void report_slow(asyncio_loop *loop, int64_t ns, const char *what) {
    if (asyncio__clock_to_seconds(ns) < loop->slow_callback_duration) return;
    char message[640];
    snprintf(message, sizeof message, "Executing %s took %.3f seconds", what,
             asyncio__clock_to_seconds(ns));
    asyncio_exception_context context = { .size = sizeof context, .message = message };
    asyncio__loop_report(loop, &context);
}

static void run_timed(asyncio_loop *loop, struct asyncio__runnable *runnable) {
    char what[512] = "?";
    runnable->ops->describe(runnable, what, sizeof what); /* before: it may be gone afterwards */
    int64_t start = asyncio__loop_now(loop);
    runnable->ops->run(runnable);
    report_slow(loop, asyncio__loop_now(loop) - start, what);
    if (asyncio__here.holding > 0) loop->hooks->holding(loop);
}

static void run_runnable(asyncio_loop *loop, struct asyncio__runnable *runnable) {
    uint32_t looked_at = loop->slow & (ASYNCIO__SLOW_DEBUG | ASYNCIO__SLOW_WATCHDOG);
    if (looked_at & ASYNCIO__SLOW_WATCHDOG) asyncio__watchdog_step(loop->watchdog, runnable);
    if (ASYNCIO__LIKELY(!(looked_at & ASYNCIO__SLOW_DEBUG))) runnable->ops->run(runnable);
    else run_timed(loop, runnable);
}

static int run_turn(asyncio_loop *loop) {
    asyncio__inbox_take(loop);
    int rc = poll_if_due(loop);
    if (rc < 0) return rc;
    asyncio__inbox_take(loop);
    loop->turns++;
    asyncio__list_splice(&loop->batch, &loop->ready);
    if (ASYNCIO__UNLIKELY(loop->slow & ASYNCIO__SLOW_SHUFFLE)) {
        asyncio__loop_shuffle(loop, &loop->batch);
    }
    while (!asyncio__list_empty(&loop->batch)) {
        struct asyncio__runnable *runnable = asyncio__runnable_of(loop->batch.next);
        asyncio__link_unlink(&runnable->link);
        run_runnable(loop, runnable);
        if (ASYNCIO__UNLIKELY(loop->slow & ASYNCIO__SLOW_EXIT)) return loop->exit_status;
    }
    return 0;
}

/* ---- running ---- */

static int check_can_run(asyncio_loop *loop) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    const char *why = NULL;
    if (loop->closed) why = "Event loop is closed";
    else if (loop->running) why = "This event loop is already running";
    else if (asyncio__here.running) why = "Cannot run the event loop while another loop is running";
    else if (!*loop->fork_mark) why = "the event loop belongs to the parent process";
    return why ? asyncio__raise(ASYNCIO_RUNTIME_ERROR, why) : 0;
}

/* The kernel delays timers by 50 us by default; ours are good to the microsecond. */
static int tighten_timers(void) {
    int slack = prctl(PR_GET_TIMERSLACK);
    if (slack > 1000) prctl(PR_SET_TIMERSLACK, 1000UL);
    return slack;
}

/* What was ready when an exit cut the turn short stays ready, in its place. */
static int leave_run(asyncio_loop *loop, int rc, asyncio_error *saved) {
    struct asyncio__strand *strand = asyncio__strand_current();
    loop->slow &= ~(uint32_t)ASYNCIO__SLOW_STOP;
    if (loop->slow & ASYNCIO__SLOW_EXIT) {
        loop->slow &= ~(uint32_t)ASYNCIO__SLOW_EXIT;
        asyncio__list_splice_front(&loop->ready, &loop->batch);
        if (loop->exit_error) asyncio__error_put(strand, loop->exit_error);
        loop->exit_error = NULL;
        rc = loop->exit_status;
    }
    asyncio__error_after(strand, saved, rc);
    return rc;
}

int asyncio_loop_run_forever(asyncio_loop *loop) {
    int rc = check_can_run(loop);
    if (rc < 0) return rc;
    asyncio_error *saved = asyncio__here.own.error;
    asyncio__here.own.error = NULL;
    loop->running = true;
    asyncio__here.running = loop;
    loop->cxx = asyncio__cxx_words();
    int slack = tighten_timers();
    bool alternate = asyncio__overflow_thread_start() == 0; /* without it: no report, no harm */
    loop->next_sample = loop->turns;
    if (loop->watchdog_limit > 0) asyncio__watchdog_start(loop);
    do {
        rc = run_turn(loop);
    } while (rc >= 0 && !(loop->slow & ASYNCIO__SLOW_STOP));
    asyncio__watchdog_stop(loop);
    if (alternate) asyncio__overflow_thread_stop();
    if (slack > 1000) prctl(PR_SET_TIMERSLACK, (unsigned long)slack);
    asyncio__here.running = NULL;
    loop->running = false;
    return leave_run(loop, rc, saved);
}

void asyncio_loop_stop(asyncio_loop *loop) {
    if (loop && !asyncio__loop_wrong_thread(loop, "asyncio_loop_stop"))
        loop->slow |= ASYNCIO__SLOW_STOP;
}

void asyncio__loop_exit(asyncio_loop *loop, int status, asyncio_error *error) {
    asyncio_error_unref(loop->exit_error);
    loop->exit_status = status;
    loop->exit_error = error;
    loop->slow |= ASYNCIO__SLOW_EXIT;
}

/* ---- which loop ---- */

asyncio_loop *asyncio_get_running_loop(void) {
    if (!asyncio__here.running) asyncio__raise(ASYNCIO_RUNTIME_ERROR, "no running event loop");
    return asyncio__here.running;
}

asyncio_loop *asyncio_get_event_loop(void) {
    asyncio_loop *loop = asyncio__here.running ? asyncio__here.running : asyncio__here.set;
    if (!loop)
        asyncio__raise(ASYNCIO_RUNTIME_ERROR, "There is no current event loop in this thread");
    return loop;
}

static pthread_key_t set_key; /* its destructor lets go of the loop when a thread ends */
static pthread_once_t set_key_once = PTHREAD_ONCE_INIT;
static bool set_key_made;

static void forget_loop(void *unused) {
    (void)unused;
    asyncio_set_event_loop(NULL);
}

static void make_set_key(void) { set_key_made = pthread_key_create(&set_key, forget_loop) == 0; }

void asyncio_set_event_loop(asyncio_loop *loop) {
    asyncio_loop *old = asyncio__here.set;
    pthread_once(&set_key_once, make_set_key);
    if (set_key_made) pthread_setspecific(set_key, loop);
    asyncio__here.set = asyncio_loop_ref(loop);
    asyncio_loop_unref(old);
}

/* ---- state ---- */

int asyncio__loop_check_slow(const asyncio_loop *loop) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    if (loop->closed) return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "Event loop is closed");
    return asyncio__loop_check_thread(loop);
}

#define WRONG_THREAD "Non-thread-safe operation invoked on an event loop other than the current one"

static bool is_elsewhere(const asyncio_loop *loop) {
    return loop && loop->debug && loop->running && asyncio__here.running != loop;
}

int asyncio__loop_check_thread_slow(const asyncio_loop *loop) {
    return is_elsewhere(loop) ? asyncio__raise(ASYNCIO_RUNTIME_ERROR, WRONG_THREAD) : 0;
}

/* By the default handler: the program's own belongs to the other thread. */
bool asyncio__loop_wrong_thread_slow(asyncio_loop *loop, const char *function) {
    char message[160];
    if (!is_elsewhere(loop)) return false;
    snprintf(message, sizeof message, "%s(): " WRONG_THREAD, function);
    asyncio_exception_context context = { .size = sizeof context, .message = message };
    loop->hooks->report(loop, &context);
    return true;
}

bool asyncio_loop_is_running(const asyncio_loop *loop) { return loop && loop->running; }
bool asyncio_loop_is_closed(const asyncio_loop *loop) { return loop && loop->closed; }
bool asyncio_loop_get_debug(const asyncio_loop *loop) { return loop && loop->debug; }

atomic_uint asyncio__debug_loops;

/* A loop that is closed counts no more. */
static void count_debug(const asyncio_loop *loop, bool debug) {
    if (debug && !loop->debug) atomic_fetch_add(&asyncio__debug_loops, 1);
    if (!debug && loop->debug) atomic_fetch_sub(&asyncio__debug_loops, 1);
}

void asyncio_loop_set_debug(asyncio_loop *loop, bool debug) {
    if (!loop || asyncio__loop_wrong_thread(loop, "asyncio_loop_set_debug")) return;
    if (!loop->closed) count_debug(loop, debug);
    loop->debug = debug;
    if (debug) loop->slow |= ASYNCIO__SLOW_DEBUG;
    else loop->slow &= ~(uint32_t)ASYNCIO__SLOW_DEBUG;
}

void asyncio_loop_set_slow_callback_duration(asyncio_loop *loop, double seconds) {
    if (!loop || asyncio__loop_wrong_thread(loop, "asyncio_loop_set_slow_callback_duration"))
        return;
    loop->slow_callback_duration = seconds;
}

double asyncio_loop_get_slow_callback_duration(const asyncio_loop *loop) {
    return loop ? loop->slow_callback_duration : (double)NAN;
}

int asyncio_loop_repr(const asyncio_loop *loop, char *buf, size_t n) {
    if (!loop) return snprintf(buf, n, "None");
    return snprintf(buf, n, "<asyncio_loop running=%s closed=%s debug=%s>",
                    loop->running ? "True" : "False", loop->closed ? "True" : "False",
                    loop->debug ? "True" : "False");
}
