/* SPDX-License-Identifier: MIT
 *
 * io/stream/stream.h: a connection: one transport with a reader and a writer on top, which are two
 * faces of one object. For the files of this layer that make streams (client, server,
 * pipes, processes) and that change their transport (TLS).
 *
 * Reading happens on demand, in the task that reads; what the kernel holds back is the limit.
 * Writing is tried at once; what is left goes to `out` and is flushed from the loop's polls, no
 * task being involved. `paused` is what drain waits for: set above `high`, cleared at `low`.
 *
 * Life: OPEN -> CLOSING (close: what is in `out` is flushed, the transport says goodbye) ->
 * CLOSED (descriptor closed, transport gone); abort goes straight to the end. An error of
 * writing drops `out` and leaves the reader alone: what the other side sent can still be read.
 * An error that ends the direction of reading alone (TLS that ends without close_notify, bytes
 * lost for want of memory) leaves the writer alone. Any other one of reading is the connection's:
 * drain and wait_closed give it, too, and writing fails when it is tried.
 * Users' references keep the memory; a stream that nobody holds closes itself, and holds itself
 * until that is done.
 *
 * Two watches of the loop serve whoever needs a direction: the reading task (`read_interest`) or
 * the flush (`write_interest`); with TLS each may need the other's.
 */
#ifndef ASYNCIO_IO_STREAM_STREAM_H
#define ASYNCIO_IO_STREAM_STREAM_H

#include <asyncio/streams.h>

#include "io/stream/transport.h"
#include "task/task.h"
#include "task/waitqueue.h"

/* Bytes at data[at] .. data[at + size]. */
struct asyncio__buffer {
    char *data;
    size_t at, size, capacity;
};

/* The bytes in it; where `room` more can be put after them (NULL: no memory); takes n away. */
static inline char *asyncio__buffer_start(const struct asyncio__buffer *b) {
    return b->data + b->at;
}
char *asyncio__buffer_reserve(struct asyncio__buffer *b, size_t room);
int asyncio__buffer_append(struct asyncio__buffer *b, const void *data, size_t n);
void asyncio__buffer_consume(struct asyncio__buffer *b, size_t n);
void asyncio__buffer_free(struct asyncio__buffer *b);

enum asyncio__stream_state {
    ASYNCIO__STREAM_OPEN,
    ASYNCIO__STREAM_CLOSING,
    ASYNCIO__STREAM_CLOSED,
};

/* An error that is raised again each time. */
struct asyncio__kept {
    int code;             /* 0: none */
    asyncio_error *error; /* a reference, or NULL: without an object */
};

/* What each message touches comes first. */
struct asyncio_streamreader {
    bool waiting; /* a task waits for more, on `more` */
    bool eof;
    uint8_t streak; /* reads that did not suspend */
    char hidden;    /* what was where the NUL after `lent` is */
    struct asyncio_future more;
    struct asyncio__buffer in;  /* received and not yet taken */
    struct asyncio__kept error; /* why reading failed */
    size_t lent;                /* how much of `in` was shown to the caller and goes next time */
    asyncio_bytes partial;      /* of the last IncompleteReadError */
    size_t limit;
};

struct asyncio_streamwriter {
    bool paused;
    bool eof; /* write_eof was called */
    bool eof_sent;
    bool failed;  /* writing failed: what is written is dropped */
    bool sending; /* a task sends a file: nobody else writes */
    struct asyncio__buffer out;
    size_t high, low;
    struct asyncio__link drains;    /* tasks in drain */
    struct asyncio__link closers;   /* tasks in wait_closed */
    struct asyncio__waiter *sender; /* the task that sends, while it waits until it can send more */
};

struct asyncio__stream {
    struct asyncio__fdwatch watch[2];
    struct asyncio__transport *transport; /* NULL when it is closed */
    asyncio_loop *loop;
    uint32_t refs;
    uint8_t state;   /* enum asyncio__stream_state */
    uint8_t watched; /* directions whose watch is set */
    uint8_t read_interest, write_interest;
    struct asyncio_streamreader reader;
    struct asyncio_streamwriter writer;
    struct asyncio__kept error;                                /* the first one of the connection */
    void (*closed)(struct asyncio__stream *stream, void *arg); /* told when CLOSED; or NULL */
    void *closed_arg;
    struct asyncio__ends *ends;       /* of a connection by socket; NULL: it is none */
    struct asyncio__transport socket; /* the innermost transport of a connection by socket */
};

static inline struct asyncio__stream *asyncio__stream_of_reader(const asyncio_streamreader *r) {
    return asyncio__container((uintptr_t)r, struct asyncio__stream, reader);
}

static inline struct asyncio__stream *asyncio__stream_of_writer(const asyncio_streamwriter *w) {
    return asyncio__container((uintptr_t)w, struct asyncio__stream, writer);
}

/* A stream over a transport, which it takes over, with one reference. NULL: raised (the
 * transport stays the caller's). */
struct asyncio__stream *asyncio__stream_new(struct asyncio__transport *transport, size_t limit);
/* A stream over a connected non-blocking socket, which is taken over on success. peer: its other
 * end, if accept has said so, otherwise NULL. */
struct asyncio__stream *asyncio__stream_over_socket(asyncio_loop *loop, int fd, size_t limit,
                                                    const struct sockaddr *peer,
                                                    socklen_t peer_size);
struct asyncio__stream *asyncio__stream_ref(struct asyncio__stream *stream);
void asyncio__stream_unref(struct asyncio__stream *stream);

/* The stream goes on over another transport that was made around the present one and has its
 * descriptor. Only with nothing in `out` and nobody reading; what was received is dropped by
 * the caller first, or given to the new transport. */
void asyncio__stream_swap(struct asyncio__stream *stream, struct asyncio__transport *transport);

/* Waits, as its reader, until one of `interest` is ready. 0, or raised; also 0 if the stream is
 * closed meanwhile. For handshakes: try, on -EAGAIN wait for its interest, try again. */
int asyncio__stream_wait(struct asyncio__stream *stream, struct asyncio_task *task,
                         unsigned interest);

/* Tries to receive: > 0 bytes in buf; 0: the end; -EAGAIN: wait for *interest; or raised. Lets
 * others have a turn first when it never had to wait for long. */
ssize_t asyncio__stream_try(struct asyncio__stream *stream, struct asyncio_task *task, void *buf,
                            size_t n, unsigned *interest);

/* The same, waiting as long as it takes. Takes nothing if it is cancelled. */
ssize_t asyncio__stream_receive(struct asyncio__stream *stream, struct asyncio_task *task,
                                void *buf, size_t n);

/* What was shown to the caller is taken now. */
void asyncio__streamreader_take_lent(asyncio_streamreader *reader);

/* Waits, as the one who sends a file with nothing in `out`, until one of `interest` is ready, or
 * the stream is broken or closed. 0, or raised if it is cancelled. */
int asyncio__stream_wait_writable(struct asyncio__stream *stream, struct asyncio_task *task,
                                  unsigned interest);

/* What drain does; the caller has a reference. Whether something may be written: 0 or raised. */
int asyncio__stream_drain(struct asyncio__stream *stream);
int asyncio__writer_check(const asyncio_streamwriter *writer);
/* What was shown to the caller is not taken after all: the next read gets it again. */
void asyncio__streamreader_take_back(asyncio_streamreader *reader);

/* The reader sees the end after what it has. */
void asyncio__stream_end_reading(struct asyncio__stream *stream);

/* Waits until everything that was written has gone out. */
int asyncio__stream_flush_all(struct asyncio__stream *stream);

/* Writes what it can; what to do next depends on the state. */
void asyncio__stream_flush(struct asyncio__stream *stream);

/* Begins to close; closes at once. */
void asyncio__stream_close(struct asyncio__stream *stream);
void asyncio__stream_abort(struct asyncio__stream *stream);

/* Reading, writing failed with that status, whose error is in the slot. The first is the reader's
 * error alone. */
void asyncio__stream_read_failed(struct asyncio__stream *stream, int code);
void asyncio__stream_write_failed(struct asyncio__stream *stream, int code);

/* Keeps the error of that status, which is in the slot; raises one that was kept once more. */
void asyncio__kept_take(struct asyncio__kept *kept, int code);
int asyncio__kept_raise(const struct asyncio__kept *kept);

#endif
