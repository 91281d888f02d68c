/* SPDX-License-Identifier: MIT
 *
 * io/process/process.c: child processes: one watch on the pidfd of each; when it fires the child's
 * status is taken and whoever waits is woken.
 *
 * Life: RUNNING (the loop holds a reference) -> ended (`ended`, pidfd closed), or LOST (the loop
 * was closed first: the child was killed, or it could not be killed and is reported).
 */
#include <asyncio/process.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asyncio/wait.h>

#include "base/alloc.h"
#include "base/text.h"
#include "io/fd.h"
#include "io/stream/pipe.h"
#include "io/process/spawn.h"
#include "task/waitqueue.h"
#include "sync/object.h"

struct asyncio_process {
    struct asyncio__fdwatch watch;
    struct asyncio__waitqueue waiters;
    asyncio_loop *loop; /* a reference */
    struct asyncio__stream *streams[3];
    uint32_t refs;
    pid_t pid;
    int pidfd; /* -1 when it has ended */
    int returncode;
    bool ended; /* the returncode is known */
    bool fed;   /* communicate has written the input and closed stdin */
};

/* ---- references ---- */

asyncio_process *asyncio_process_ref(asyncio_process *p) {
    if (p) p->refs++;
    return p;
}

void asyncio_process_unref(asyncio_process *p) {
    if (!p || --p->refs > 0) return;
    for (int i = 0; i < 3; i++) {
        if (p->streams[i]) asyncio__stream_unref(p->streams[i]);
    }
    asyncio_loop *loop = p->loop;
    asyncio__free(p);
    asyncio_loop_unref(loop);
}

/* ---- the end of a child ---- */

static int code_of(const siginfo_t *info) {
    return info->si_code == CLD_EXITED ? info->si_status : -info->si_status;
}

/* The status was taken, or somebody else has it. */
static void note_end(asyncio_process *p, int rc, const siginfo_t *info) {
    p->returncode = rc > 0 ? code_of(info) : 255;
    p->ended = true;
}

/* False if it still runs. */
static bool take_status(asyncio_process *p) {
    siginfo_t info;
    int rc = asyncio__take_status(p->pidfd, &info);
    if (rc == 0) return false;
    note_end(p, rc, &info);
    return true;
}

static void report_survivor(asyncio_loop *loop, pid_t pid, int rc) {
    char message[80];
    snprintf(message, sizeof message, "Child process %d could not be killed and still runs",
             (int)pid);
    asyncio_error *error = asyncio_error_new(rc, "kill: %s", asyncio_strerror(rc));
    asyncio_exception_context context = { .size = sizeof context,
                                          .message = message,
                                          .exception = error };
    asyncio__loop_report(loop, &context);
    asyncio_error_unref(error);
}

/* Ends it; one that cannot be killed is reported, and nobody waits for it any more. */
static void reap(asyncio_process *p) {
    siginfo_t info;
    int rc = asyncio__reap(p->pidfd, &info);
    if (rc > 0 || rc == -ECHILD) note_end(p, rc, &info);
    else report_survivor(p->loop, p->pid, rc);
}

static void end(asyncio_process *p) {
    asyncio__io_close(p->loop, p->pidfd);
    p->pidfd = -1;
    asyncio__waitqueue_wake(&p->waiters, LONG_MAX);
    asyncio_process_unref(p); /* the loop's */
}

static const struct asyncio__fdwatch_ops watch_ops;

static void child_ready(struct asyncio__fdwatch *watch, enum asyncio__direction direction) {
    asyncio_process *p = asyncio__container(watch, asyncio_process, watch);
    (void)direction;
    if (take_status(p)) {
        end(p);
        return;
    }
    /* Not yet, after all. */
    int rc = asyncio__descriptor_watch(p->loop, p->pidfd, ASYNCIO__READING, &p->watch, true);
    if (rc >= 0) return;
    asyncio_ignore(rc);
    reap(p);
    end(p);
}

/* The loop closes, or somebody closes our descriptor. */
static void child_closed(struct asyncio__fdwatch *watch, int status) {
    asyncio_process *p = asyncio__container(watch, asyncio_process, watch);
    if (status == 0) {
        reap(p);
        close(p->pidfd);
    }
    p->pidfd = -1;
    asyncio__waitqueue_wake(&p->waiters, LONG_MAX);
    asyncio_process_unref(p);
}

static const struct asyncio__fdwatch_ops watch_ops = {
    .ready = child_ready,
    .closed = child_closed,
    .kind = ASYNCIO__WATCH_ONCE,
};

/* ---- making one ---- */

static asyncio_process *new_process(asyncio_loop *loop) {
    asyncio_process *p = asyncio__calloc(1, sizeof *p);
    if (!p) return (void)asyncio__raise(-ENOMEM, NULL), NULL;
    p->watch.ops = &watch_ops;
    asyncio__waitqueue_init(&p->waiters);
    p->loop = asyncio_loop_ref(loop);
    p->refs = 1;
    p->pidfd = -1;
    return p;
}

static int watch_child(asyncio_process *p, int pidfd) {
    if (pidfd < 0) {
        p->returncode = 255;
        p->ended = true;
        return 0;
    }
    asyncio__descriptor_forget(p->loop, pidfd); /* what is known is of another one */
    int rc = asyncio__descriptor_adopt(p->loop, pidfd, false);
    if (rc >= 0) {
        rc = asyncio__descriptor_watch(p->loop, pidfd, ASYNCIO__READING, &p->watch, true);
    }
    if (rc < 0) return rc;
    p->pidfd = pidfd;
    asyncio_process_ref(p);
    return 0;
}

static int make_streams(asyncio_process *p, struct asyncio__spawned *s, size_t limit) {
    for (int i = 0; i < 3; i++) {
        if (s->ends[i] < 0) continue;
        asyncio__descriptor_forget(p->loop, s->ends[i]);
        p->streams[i] = asyncio__pipe_stream(p->loop, s->ends[i], limit);
        if (!p->streams[i]) return asyncio__slot_status();
        s->ends[i] = -1;
    }
    return 0;
}

/* What was started cannot be had: it must not go on unseen. */
static void undo(asyncio_loop *loop, struct asyncio__spawned *s, bool watched) {
    for (int i = 0; i < 3; i++) {
        if (s->ends[i] >= 0) close(s->ends[i]);
    }
    if (s->pidfd < 0) return;
    if (watched) { /* the loop reaps it */
        syscall(SYS_pidfd_send_signal, s->pidfd, SIGKILL, NULL, 0);
        return;
    }
    siginfo_t info;
    int rc = asyncio__reap(s->pidfd, &info);
    if (rc <= 0 && rc != -ECHILD) report_survivor(loop, s->pid, rc);
    close(s->pidfd);
}

struct create_args {
    asyncio_process **process;
    const asyncio_subprocess_options *options;
    void *copy; /* of the options, or NULL */
};

static int create(const struct create_args *a, const char *const *argv) {
    struct asyncio__spawned s;
    asyncio_process *p = new_process(asyncio__task_current()->future.loop);
    if (!p) return -ENOMEM;
    int rc = asyncio__spawn(a->options, argv, &s);
    if (rc >= 0) {
        p->pid = s.pid;
        rc = watch_child(p, s.pidfd);
        bool watched = rc >= 0;
        if (rc >= 0) rc = make_streams(p, &s, a->options->limit);
        if (rc < 0) undo(p->loop, &s, watched);
    }
    if (rc >= 0) *a->process = p;
    else asyncio_process_unref(p);
    return rc;
}

static int run_exec(const void *args, asyncio_value *result) {
    const struct create_args *a = args;
    (void)result;
    if (!a->process || !a->options || !a->options->argv || !a->options->argv[0]) {
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a program and a place for it are required");
    }
    return create(a, a->options->argv);
}

static int run_shell(const void *args, asyncio_value *result) {
    const struct create_args *a = args;
    (void)result;
    if (!a->process || !a->options || !a->options->command) {
        return asyncio__raise(ASYNCIO_TYPE_ERROR, "a command and a place for it are required");
    }
    const char *shell = a->options->executable ? a->options->executable : "/bin/sh";
    return create(a, (const char *const[]){ shell, "-c", a->options->command, NULL });
}

/* ---- keeping the options ---- */

/* Everything the options point at, in one piece of memory. Called twice: without memory it only
 * counts. */
struct copier {
    char *at; /* NULL: counting */
    size_t size;
};

static void *put(struct copier *c, const void *data, size_t n) {
    void *to = c->at ? c->at + c->size : NULL;
    if (to && n) memcpy(to, data, n);
    c->size += (n + 15) & ~(size_t)15;
    return to;
}

static const char *put_text(struct copier *c, const char *text) {
    return text ? put(c, text, strlen(text) + 1) : NULL;
}

static const char *const *put_list(struct copier *c, const char *const *list) {
    size_t n = 0;
    if (!list) return NULL;
    while (list[n]) n++;
    const char **to = put(c, list, (n + 1) * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        const char *text = put_text(c, list[i]);
        if (to) to[i] = text;
    }
    return to;
}

static void put_options(struct copier *c, const asyncio_subprocess_options *o) {
    asyncio_subprocess_options *to = put(c, o, sizeof *o);
    asyncio_subprocess_options copy = *o;
    copy.argv = put_list(c, o->argv);
    copy.command = put_text(c, o->command);
    copy.executable = put_text(c, o->executable);
    copy.cwd = put_text(c, o->cwd);
    copy.env = put_list(c, o->env);
    copy.pass_fds = put(c, o->pass_fds, o->pass_count * sizeof *o->pass_fds);
    copy.extra_groups = put(c, o->extra_groups, o->extra_group_count * sizeof *o->extra_groups);
    if (to) *to = copy;
}

static int capture_create(void *args) {
    struct create_args *a = args;
    struct copier c = { NULL, 0 };
    if (!a->options) return 0;
    put_options(&c, a->options);
    c.at = asyncio__malloc(c.size);
    if (!c.at) return -ENOMEM;
    c.size = 0;
    put_options(&c, a->options);
    a->copy = c.at;
    a->options = a->copy;
    return 0;
}

static void release_create(void *args) { asyncio__free(((struct create_args *)args)->copy); }

ASYNCIO__COROUTINE(asyncio_create_subprocess_exec, struct create_args, .run = run_exec,
                   .capture = capture_create, .release = release_create);

ASYNCIO__COROUTINE(asyncio_create_subprocess_shell, struct create_args, .run = run_shell,
                   .capture = capture_create, .release = release_create);

asyncio_coro asyncio_create_subprocess_exec_with(asyncio_process **process,
                                                 const asyncio_subprocess_options *options) {
    return ASYNCIO__CORO(asyncio_create_subprocess_exec, process, options, NULL);
}

asyncio_coro asyncio_create_subprocess_shell_with(asyncio_process **process,
                                                  const asyncio_subprocess_options *options) {
    return ASYNCIO__CORO(asyncio_create_subprocess_shell, process, options, NULL);
}

/* ---- wait ---- */

static int wait_in_line(asyncio_process *p, struct asyncio_task *task) {
    struct asyncio__waiter w;
    int rc = 0;
    asyncio__waiter_init(&w, p->loop);
    if (!p->ended && p->pidfd >= 0) rc = asyncio__waitqueue_wait(&p->waiters, &w, task);
    if (rc < 0 || p->ended) return rc;
    return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "the loop of the process was closed");
}

static int check_process(asyncio_process *p, struct asyncio_task *task) {
    if (!p) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a process is required");
    return asyncio__object_bind(&p->loop, task, "process");
}

static int run_wait(const void *args, asyncio_value *result) {
    asyncio_process *p = asyncio__object_of(args);
    struct asyncio_task *task = asyncio__task_current();
    int rc = check_process(p, task);
    if (rc < 0) return rc;
    asyncio_process_ref(p);
    rc = wait_in_line(p, task);
    if (rc >= 0) *result = asyncio_int(p->returncode);
    asyncio_process_unref(p);
    return rc;
}

ASYNCIO__HOLD(process, asyncio_process_ref, asyncio_process_unref);

ASYNCIO__METHOD(asyncio_process_wait, process, asyncio_process *, .run = run_wait);

asyncio_coro asyncio_process_wait(asyncio_process *p) {
    return ASYNCIO__CORO(asyncio_process_wait, p);
}

/* ---- communicate ---- */

struct communicate_args {
    asyncio_process *process;
    const void *input;
    size_t n;
    asyncio_bytes *out, *err;
    void *copy; /* of the input, or NULL */
};

/* Everything is handed to the stream, which sends it while the others are read. A child that
 * does not want it is no error. */
static int feed(asyncio_process *p, const void *input, size_t n) {
    if (p->fed || !p->streams[0]) return 0;
    asyncio_streamwriter *w = &p->streams[0]->writer;
    int rc = input && n ? asyncio_streamwriter_write(w, input, n) : 0;
    if (rc == -ENOMEM) return rc;
    if (rc < 0) asyncio_ignore(rc);
    p->fed = true;
    asyncio_streamwriter_close(w);
    return 0;
}

/* The task ends, cancelled if it has not ended yet; what it failed with is nobody's concern. */
static int stop_reading(struct asyncio_task *self, struct asyncio_task *t, int rc) {
    while (t->future.state == ASYNCIO__PENDING) {
        int interrupted = asyncio__wait_done(self, &t->future, true);
        if (interrupted == ASYNCIO_GENERATOR_EXIT) return interrupted;
        if (interrupted < 0 && rc >= 0) rc = interrupted;
        else if (interrupted < 0) asyncio_ignore(interrupted);
    }
    asyncio_outcome end;
    asyncio__outcome_read(&t->future, &end);
    asyncio_outcome_fini(&end);
    return rc;
}

/* Both are read to the end, or nobody reads any more, when this returns: they write to our frame.
 * When one fails the other must not go on: the child may wait for the one that is not read. */
static int read_both(asyncio_streamreader *o, asyncio_bytes *out, asyncio_streamreader *e,
                     asyncio_bytes *err) {
    struct asyncio_task *self = asyncio__task_current();
    asyncio_task *t[2] = { asyncio_create_task(asyncio_streamreader_readall(o, out)), NULL };
    if (t[0]) t[1] = asyncio_create_task(asyncio_streamreader_readall(e, err));
    int rc = t[1] ? 0 : asyncio__slot_status();
    for (int i = 0; i < 2 && rc >= 0; i++) { /* the first to end is put first */
        rc = ASYNCIO_AWAIT(
            asyncio_wait(t + i, 2 - (size_t)i, .return_when = ASYNCIO_FIRST_COMPLETED));
        if (rc >= 0) rc = asyncio_task_result(t[i], NULL);
    }
    for (int i = 0; i < 2; i++) {
        bool closes = self->fiber.strand.flags & ASYNCIO__TASK_UNWINDING;
        if (t[i] && rc < 0 && !closes) rc = stop_reading(self, t[i], rc);
        asyncio_task_unref(t[i]);
    }
    return rc;
}

static int read_all(asyncio_process *p, asyncio_bytes *out, asyncio_bytes *err) {
    asyncio_streamreader *o = asyncio_process_stdout(p), *e = asyncio_process_stderr(p);
    if (o && e) return read_both(o, out, e, err);
    if (o) return ASYNCIO_AWAIT(asyncio_streamreader_readall(o, out));
    if (e) return ASYNCIO_AWAIT(asyncio_streamreader_readall(e, err));
    return 0;
}

static int communicate(asyncio_process *p, const struct communicate_args *a) {
    asyncio_bytes out = { "", 0 }, err = { "", 0 };
    int rc = feed(p, a->input, a->n);
    if (rc >= 0) rc = read_all(p, &out, &err);
    if (rc >= 0) rc = wait_in_line(p, asyncio__task_current());
    if (rc < 0) { /* whoever communicates again gets everything */
        if (asyncio_process_stdout(p)) asyncio__streamreader_take_back(asyncio_process_stdout(p));
        if (asyncio_process_stderr(p)) asyncio__streamreader_take_back(asyncio_process_stderr(p));
        return rc;
    }
    if (a->out) *a->out = out;
    if (a->err) *a->err = err;
    return 0;
}

static int run_communicate(const void *args, asyncio_value *result) {
    const struct communicate_args *a = args;
    asyncio_process *p = a->process;
    (void)result;
    int rc = check_process(p, asyncio__task_current());
    if (rc < 0) return rc;
    asyncio_process_ref(p);
    rc = communicate(p, a);
    asyncio_process_unref(p);
    return rc;
}

static int capture_communicate(void *args) {
    struct communicate_args *a = args;
    if (a->input && a->n) {
        a->copy = asyncio__malloc(a->n);
        if (!a->copy) return -ENOMEM;
        memcpy(a->copy, a->input, a->n);
        a->input = a->copy;
    }
    asyncio_process_ref(a->process);
    return 0;
}

static void release_communicate(void *args) {
    struct communicate_args *a = args;
    asyncio__free(a->copy);
    asyncio_process_unref(a->process);
}

ASYNCIO__COROUTINE(asyncio_process_communicate, struct communicate_args, .run = run_communicate,
                   .capture = capture_communicate, .release = release_communicate);

asyncio_coro asyncio_process_communicate(asyncio_process *p, const void *input, size_t n,
                                         asyncio_bytes *out, asyncio_bytes *err) {
    return ASYNCIO__CORO(asyncio_process_communicate, p, input, n, out, err, NULL);
}

/* ---- signals ---- */

int asyncio_process_send_signal(asyncio_process *p, int signum) {
    if (!p) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a process is required");
    if (p->pidfd < 0) return asyncio__io_raise(ESRCH, "send_signal");
    if (syscall(SYS_pidfd_send_signal, p->pidfd, signum, NULL, 0) < 0) {
        return asyncio__io_raise(errno, "send_signal");
    }
    return 0;
}

int asyncio_process_terminate(asyncio_process *p) {
    return asyncio_process_send_signal(p, SIGTERM);
}

int asyncio_process_kill(asyncio_process *p) { return asyncio_process_send_signal(p, SIGKILL); }

/* ---- asking ---- */

bool asyncio_process_returncode(const asyncio_process *p, int *returncode) {
    if (!p || !p->ended) return false;
    if (returncode) *returncode = p->returncode;
    return true;
}

pid_t asyncio_process_pid(const asyncio_process *p) { return p ? p->pid : -1; }

asyncio_streamwriter *asyncio_process_stdin(const asyncio_process *p) {
    return p && p->streams[0] ? &p->streams[0]->writer : NULL;
}

asyncio_streamreader *asyncio_process_stdout(const asyncio_process *p) {
    return p && p->streams[1] ? &p->streams[1]->reader : NULL;
}

asyncio_streamreader *asyncio_process_stderr(const asyncio_process *p) {
    return p && p->streams[2] ? &p->streams[2]->reader : NULL;
}

int asyncio_process_repr(const asyncio_process *p, char *buf, size_t n) {
    struct asyncio__text text = asyncio__text_start(buf, n);
    if (p) asyncio__text_printf(&text, "<Process %d>", (int)p->pid);
    else asyncio__text_put(&text, "None");
    return asyncio__text_end(&text);
}
