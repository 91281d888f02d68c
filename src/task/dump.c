/* SPDX-License-Identifier: MIT
 *
 * task/dump.c: every task of a loop as text, and the report of a deadlock, which consists of
 * that. It allocates nothing: each line is made in a buffer and written.
 */
#include <asyncio/dump.h>
#include <stdlib.h>

#include "base/clock.h"
#include "task/show.h"

#define FRAMES_SHOWN 64
#define AWAITERS_SHOWN 8

struct line {
    FILE *file;
    char buf[1024];
    struct asyncio__text text;
};

static struct asyncio__text *start_line(struct line *l, const char *beginning) {
    l->text = asyncio__text_start(l->buf, sizeof l->buf);
    asyncio__text_put(&l->text, beginning);
    return &l->text;
}

static void end_line(struct line *l) {
    asyncio__text_end(&l->text);
    fprintf(l->file, "%s\n", l->buf);
}

/* ---- one task ---- */

static bool is_waiting(const struct asyncio_task *t) {
    const struct asyncio_future *f = t->fiber.strand.waiter;
    return f && f->state == ASYNCIO__PENDING;
}

static void put_state(struct asyncio__text *text, struct asyncio_task *t) {
    const struct asyncio__strand *strand = &t->fiber.strand;
    asyncio_loop *loop = t->future.loop;
    if (is_waiting(t)) {
        asyncio__text_put(text, " waiting");
        if (strand->top) {
            int64_t ns = asyncio__loop_now(loop) - strand->top->since;
            asyncio__text_printf(text, " for %.3f s", asyncio__clock_to_seconds(ns > 0 ? ns : 0));
        }
    } else if (asyncio__here.strand == strand) {
        asyncio__text_put(text, " running");
    } else {
        asyncio__text_put(text, strand->flags & ASYNCIO__TASK_STARTED ? " ready" : " not started");
    }
    if (strand->cancels) asyncio__text_printf(text, ", cancelling=%u", (unsigned)strand->cancels);
    if (t->where) asyncio__text_printf(text, ", created at %s", t->where);
}

static void dump_stack(struct line *l, const struct asyncio_task *t) {
    asyncio_frame_info frames[FRAMES_SHOWN];
    size_t count = asyncio_task_get_stack(t, frames, FRAMES_SHOWN);
    if (count == 0) return;
    start_line(l, "  + Call stack:");
    end_line(l);
    for (size_t i = count < FRAMES_SHOWN ? count : FRAMES_SHOWN; i-- > 0;) {
        asyncio__show_frame(start_line(l, "  |   "), &frames[i]);
        end_line(l);
    }
    if (count <= FRAMES_SHOWN) return;
    asyncio__text_printf(start_line(l, "  |   "), "and %zu more", count - FRAMES_SHOWN);
    end_line(l);
}

/* The library's own coroutine on top says best what it is; otherwise the future itself. */
static void dump_waiter(struct line *l, const struct asyncio_task *t) {
    const struct asyncio_future *f = t->fiber.strand.waiter;
    const struct asyncio__frame *top = t->fiber.strand.top;
    if (!is_waiting(t)) return;
    const char *own =
        top && !top->where && top->type && top->type->line == 0 ? top->type->name : NULL;
    bool shown = !(f->flags & ASYNCIO__FUTURE_ON_STACK);
    struct asyncio__text *text = start_line(l, "  + Waits for: ");
    if (own && (!shown || !f->ops->is_task)) asyncio__text_printf(text, "%s()", own);
    else if (shown) asyncio__show_title(text, f);
    else asyncio__text_put(text, "the end of a block");
    end_line(l);
}

struct awaiters {
    struct asyncio__text *text;
    size_t count;
};

static int put_awaiter(struct asyncio_future *awaiter, void *arg) {
    struct awaiters *a = arg;
    if (a->count++ >= AWAITERS_SHOWN) return 0;
    if (a->count > 1) asyncio__text_put(a->text, ", ");
    asyncio__show_title(a->text, awaiter);
    return 0;
}

static void dump_awaiters(struct line *l, struct asyncio_task *t) {
    struct awaiters a = { start_line(l, "  + Awaited by: "), 0 };
    asyncio__show_awaiters(&t->future, put_awaiter, &a);
    if (a.count == 0) return;
    if (a.count > AWAITERS_SHOWN) {
        asyncio__text_printf(a.text, " and %zu more", a.count - AWAITERS_SHOWN);
    }
    end_line(l);
}

static void dump_task(struct line *l, struct asyncio_task *t) {
    struct asyncio__text *text = start_line(l, "* ");
    asyncio__show_title(text, &t->future);
    put_state(text, t);
    end_line(l);
    dump_stack(l, t);
    dump_waiter(l, t);
    dump_awaiters(l, t);
}

/* ---- all tasks ---- */

static size_t count_tasks(const asyncio_loop *loop) {
    size_t count = 0;
    struct asyncio__link *tasks = &asyncio__task_loop(loop)->tasks;
    for (const struct asyncio__link *l = tasks->next; l != tasks; l = l->next) count++;
    return count;
}

static void dump_tasks(asyncio_loop *loop, FILE *file) {
    struct line line = { .file = file };
    struct asyncio__link *tasks = &asyncio__task_loop(loop)->tasks;
    for (struct asyncio__link *l = tasks->next; l != tasks; l = l->next) {
        dump_task(&line, asyncio__container(l, struct asyncio_task, all));
    }
}

int asyncio_loop_dump_tasks(asyncio_loop *loop, FILE *file) {
    if (!loop) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a loop is required");
    if (asyncio__loop_check_thread(loop) < 0) return ASYNCIO_RUNTIME_ERROR;
    if (!file) {
        fflush(stdout);
        file = stderr;
    }
    size_t count = count_tasks(loop);
    flockfile(file);
    fprintf(file, "%zu task%s at loop time %.3f\n", count, count == 1 ? "" : "s",
            asyncio_loop_time(loop));
    dump_tasks(loop, file);
    funlockfile(file);
    return 0;
}

int asyncio_dump_tasks(FILE *file) {
    asyncio_loop *loop = asyncio_get_event_loop();
    return loop ? asyncio_loop_dump_tasks(loop, file) : ASYNCIO_RUNTIME_ERROR;
}

/* ---- deadlock ---- */

/* Without memory for the tasks the first line has to do. */
void asyncio__task_report_deadlock(asyncio_loop *loop) {
    static const char headline[] = "Deadlock: nothing is left that could wake the loop";
    char *text = NULL;
    size_t size = 0;
    FILE *file = asyncio__alloc_check() < 0 ? NULL : open_memstream(&text, &size);
    if (file) {
        fprintf(file, "%s\n", headline);
        dump_tasks(loop, file);
        if (fclose(file) != 0 || size == 0) size = 0;
        else text[size - 1] = '\0'; /* the handler adds a newline */
    }
    asyncio_exception_context context = { .size = sizeof context,
                                          .message = size ? text : headline };
    asyncio__loop_report(loop, &context);
    free(text);
}
