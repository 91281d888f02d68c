/* SPDX-License-Identifier: MIT
 *
 * The stream reader: an input is a program of sends, reads, cancellations and an end, and every
 * read must do what a simple model says. The first byte is the limit; after that a byte is what
 * to do, and for most another byte how much.
 *
 * The model knows which bytes the reader holds and which are still the kernel's, because what is
 * over the limit depends on that, in asyncio as well.
 */
#include <asyncio.h>
#include <asyncio/testing.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

#define STREAM_MAX 100000
#define BUF_MAX 80000

enum read_kind { READ, READEXACTLY, READLINE, READUNTIL, READUNTIL_ANY, READALL, READ_KINDS };

/* A read, and what it came to. */
struct read {
    enum read_kind kind;
    size_t n;
    const asyncio_bytes *separators;
    size_t count;
    int status;
    const char *data; /* what it gave, or had got before the end */
    size_t size;
};

/* [taken, held) is in the reader, [held, sent) in the kernel. */
static struct model {
    char data[STREAM_MAX];
    size_t taken, held, sent, limit;
    bool eof, done;
} model;

/* ---- the model ---- */

enum { WAITS = 1, ENDED = 2 };

/* Receives as much as the reader does at a time. */
static int model_fill(void) {
    size_t n = model.held - model.taken;
    n = n < 4096 ? 4096 : n > 65536 ? 65536 : n;
    if (n > model.sent - model.held) n = model.sent - model.held;
    model.held += n;
    return n > 0 ? 0 : model.eof ? ENDED : WAITS;
}

/* The first end of a separator in what is held; of several that end there the shortest counts. */
static bool model_find(const struct read *r, size_t *start, size_t *end) {
    const char *data = model.data + model.taken;
    size_t held = model.held - model.taken;
    for (*end = 1; *end <= held; ++*end) {
        size_t best = 0;
        for (size_t i = 0; i < r->count; i++) {
            size_t n = r->separators[i].size;
            if (n > *end || memcmp(data + *end - n, r->separators[i].data, n) != 0) continue;
            if (best == 0 || n < best) best = n;
        }
        *start = *end - best;
        if (best > 0) return true;
    }
    return false;
}

static void model_give(struct read *r, int status, size_t n) {
    r->status = status;
    r->data = model.data + model.taken;
    r->size = n;
    model.taken += n;
    if (model.held < model.taken) model.held = model.taken;
    model.done = true;
}

static void model_search(struct read *r) {
    size_t start, end, longest = 0;
    bool line = r->kind == READLINE;
    for (size_t i = 0; i < r->count; i++) {
        if (r->separators[i].size > longest) longest = r->separators[i].size;
    }
    while (!model_find(r, &start, &end)) {
        size_t held = model.held - model.taken;
        size_t from = held + 1 > longest ? held + 1 - longest : 0;
        if (from > model.limit) {
            model_give(r, line ? ASYNCIO_VALUE_ERROR : ASYNCIO_LIMIT_OVERRUN_ERROR,
                       line ? held : 0);
            r->size = line ? 0 : from; /* what the error says */
            return;
        }
        int rc = model_fill();
        if (rc == WAITS) return;
        if (rc == 0) continue;
        held = model.held - model.taken;
        model_give(r, line ? (int)held : ASYNCIO_INCOMPLETE_READ_ERROR, held);
        return;
    }
    if (start <= model.limit) {
        model_give(r, (int)end, end);
    } else {
        model_give(r, line ? ASYNCIO_VALUE_ERROR : ASYNCIO_LIMIT_OVERRUN_ERROR, line ? end : 0);
        r->size = line ? 0 : start;
    }
}

/* What the read does now; model.done: it has ended. */
static void model_run(struct read *r) {
    size_t held = model.held - model.taken, all = model.sent - model.taken;
    model.done = false;
    switch (r->kind) {
    case READ:
        if (r->n == 0) model_give(r, 0, 0);
        else if (held > 0 || all > 0 || model.eof) {
            size_t most = held > 0 ? held : all;
            size_t n = r->n < most ? r->n : most;
            model_give(r, (int)n, n);
        }
        break;
    case READEXACTLY:
        if (all >= r->n) model_give(r, (int)r->n, r->n);
        else if (model.eof) model_give(r, ASYNCIO_INCOMPLETE_READ_ERROR, all);
        break;
    case READALL:
        if (!model.eof) model.held = model.sent;
        else model_give(r, (int)all, all);
        break;
    default: model_search(r);
    }
}

/* ---- the reader ---- */

static asyncio_streamreader *reader;
static asyncio_streamwriter *writer;
static asyncio_task *task; /* that reads, or NULL */
static struct read expected, actual;
static char buf[BUF_MAX];
static int peer;

ASYNC(do_read, (struct read *) r) {
    asyncio_bytes shown = { buf, 0 };
    int rc = 0;
    switch (r->kind) {
    case READ: rc = AWAIT(asyncio_streamreader_read(reader, buf, r->n)); break;
    case READEXACTLY: rc = AWAIT(asyncio_streamreader_readexactly(reader, buf, r->n)); break;
    case READLINE: rc = AWAIT(asyncio_streamreader_readline(reader, &shown)); break;
    case READUNTIL:
        rc = AWAIT(asyncio_streamreader_readuntil(reader, r->separators[0].data, &shown));
        break;
    case READUNTIL_ANY:
        rc = AWAIT(asyncio_streamreader_readuntil_any(reader, r->separators, r->count, &shown));
        break;
    default: rc = AWAIT(asyncio_streamreader_readall(reader, &shown));
    }
    r->status = rc;
    r->data = shown.data;
    r->size = shown.data == buf && rc > 0 ? (size_t)rc : shown.size;
    if (rc == ASYNCIO_INCOMPLETE_READ_ERROR) {
        asyncio_bytes partial = asyncio_streamreader_partial(reader);
        r->data = partial.data;
        r->size = partial.size;
    }
    asyncio_error *error = asyncio_error_take(rc);
    if (rc == ASYNCIO_LIMIT_OVERRUN_ERROR) r->size = asyncio_error_value(error).u;
    asyncio_error_unref(error);
    return rc == ASYNCIO_CANCELLED_ERROR ? rc : 0;
}

/* Until nothing happens any more: only then the virtual clock goes on. */
static int settle(void) { return AWAIT(asyncio_sleep(1)); }

static asyncio_loop *virtual_loop(void *arg) {
    (void)arg;
    return asyncio_testing_new_event_loop(0);
}

/* Lets the read go on, and compares with the model what it has come to. */
ASYNC(compare) {
    if (!task) RETURN();
    model_run(&expected);
    TRY(settle());
    FUZZ_CHECK(asyncio_task_done(task) == model.done);
    if (!model.done) RETURN();
    FUZZ_CHECK(actual.status == expected.status);
    FUZZ_CHECK(actual.size == expected.size);
    bool bytes = actual.status != ASYNCIO_LIMIT_OVERRUN_ERROR && actual.size > 0;
    if (bytes) FUZZ_CHECK(memcmp(actual.data, expected.data, actual.size) == 0);
    FUZZ_CHECK(asyncio_streamreader_at_eof(reader) <= (model.eof && model.taken == model.sent));
    asyncio_task_unref(task);
    task = NULL;
    RETURN();
}

/* ---- what an input does ---- */

struct input {
    const uint8_t *data;
    size_t size;
};

static uint8_t next(struct input *in) {
    if (in->size == 0) return 0;
    in->size--;
    return *in->data++;
}

static const asyncio_bytes separators[] = { { "\n", 1 }, { "b\n", 2 }, { "\n", 1 },
                                            { "ab", 2 }, { "aba", 3 }, { "\r\n\r\n", 4 },
                                            { "c", 1 } };

ASYNC(begin_read, (struct input *) in, (unsigned) kind) {
    unsigned how = next(in);
    size_t n = how < 128 ? how : how * 300u;
    if (task) RETURN(); /* one at a time */
    actual = (struct read){ .kind = (enum read_kind)kind, .n = n };
    actual.separators = kind == READLINE ? separators : separators + how % 6;
    actual.count = kind == READUNTIL_ANY ? 2 : 1;
    expected = actual;
    task = asyncio_create_task(do_read(&actual));
    return AWAIT(compare());
}

/* From a small alphabet, so that separators come about. */
static void send_bytes(struct input *in) {
    static const char letters[] = "ab\nc\r\nax";
    unsigned n = next(in);
    size_t repeat = n >= 240 ? 5000 : 1;
    n %= 16;
    char piece[16];
    for (unsigned i = 0; i < n; i++) piece[i] = letters[next(in) % 8];
    for (; repeat > 0 && !model.eof; repeat--) {
        if (model.sent + n > STREAM_MAX || model.sent - model.held + n > 60000) return;
        memcpy(model.data + model.sent, piece, n);
        model.sent += n;
        if (repeat == 1 || model.sent - model.held + 2 * n > 60000) break;
    }
}

static void send_to_peer(size_t from) {
    for (size_t at = from; at < model.sent;) {
        ssize_t put = send(peer, model.data + at, model.sent - at, MSG_NOSIGNAL);
        FUZZ_CHECK(put > 0);
        at += (size_t)put;
    }
}

ASYNC(cancel) {
    if (!task) RETURN();
    asyncio_task_cancel(task, NULL);
    TRY(settle());
    FUZZ_CHECK(asyncio_task_cancelled(task));
    if (expected.kind == READEXACTLY) model.held = model.sent; /* it had them, and gave them back */
    asyncio_task_unref(task);
    task = NULL;
    RETURN();
}

ASYNC(step, (struct input *) in) {
    unsigned what = next(in) % 16;
    size_t sent = model.sent;
    if (what < READ_KINDS) return AWAIT(begin_read(in, what));
    if (what == 6) return AWAIT(cancel());
    if (what == 7 && !model.eof) {
        model.eof = true;
        shutdown(peer, SHUT_WR);
    }
    if (what > 7 && !model.eof) send_bytes(in);
    send_to_peer(sent);
    return AWAIT(compare());
}

ASYNC(run, (struct input *) in) {
    int fd[2];
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
    peer = fd[1];
    model.taken = model.held = model.sent = 0;
    model.eof = false;
    model.limit = 1 + next(in) % 64u;
    if (model.limit > 60) model.limit = 65536;
    TRY(AWAIT(
        asyncio_open_connection(NULL, 0, &reader, &writer, .sock = fd[0], .limit = model.limit)));
    while (in->size > 0) TRY(AWAIT(step(in)));
    TRY(AWAIT(cancel()));
    asyncio_streamreader_unref(reader);
    asyncio_streamwriter_unref(writer);
    close(peer);
    RETURN();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input in = { data, size < 600 ? size : 600 };
    FUZZ_CHECK(asyncio_run(run(&in), NULL, .loop_factory = virtual_loop) == 0);
    return 0;
}
