/* SPDX-License-Identifier: MIT
 *
 * asyncio/streams.h: connections: a reader and a writer over a socket.
 *
 *     asyncio_streamreader *reader;
 *     asyncio_streamwriter *writer;
 *     TRY(AWAIT(asyncio_open_connection("127.0.0.1", 8888, &reader, &writer)));
 *
 * Reader and writer are two faces of one connection and have references of their own. When the
 * last reference to either goes, the connection is closed. One task reads at a time, and
 * any number may write. Cancelling a read loses no byte: what was received stays in the reader.
 *
 * What the reader shows (asyncio_bytes) lies in its buffer, is followed by a NUL that does not
 * count, and is good until the next call on that reader.
 *
 * Part: io.
 */
#ifndef ASYNCIO_STREAMS_H
#define ASYNCIO_STREAMS_H

#include <asyncio/coro.h>
#include <sys/socket.h>
#include <sys/uio.h>

ASYNCIO_BEGIN_DECLS

typedef struct asyncio_streamreader asyncio_streamreader;
typedef struct asyncio_streamwriter asyncio_streamwriter;
typedef struct asyncio_sslcontext asyncio_sslcontext; /* asyncio/ssl.h */
typedef struct asyncio_sslsession asyncio_sslsession;

/* Bytes that belong to somebody else. */
typedef struct asyncio_bytes {
    const char *data;
    size_t size;
} asyncio_bytes;

/* ---- connecting ---- */

typedef struct asyncio_connection_options {
    size_t size;                  /* sizeof(asyncio_connection_options) */
    size_t limit;                 /* of the reader; 0: 64 KiB */
    int family;                   /* AF_INET, AF_INET6; 0: any */
    int proto;                    /* for getaddrinfo and the socket; 0: any */
    int flags;                    /* for getaddrinfo: AI_... */
    const char *local_host;       /* where to connect from; NULL: anywhere */
    int local_port;               /* 0: any */
    double happy_eyeballs_delay;  /* seconds between attempts; < 0: none; 0: no attempts at once */
    int interleave;               /* how many of the first family before the others get their turn;
                                    < 0: the order found; 0: 1 with a delay, else that order */
    bool all_errors;              /* all fail: with an ExceptionGroup of what each met */
    int sock;                     /* > 0: a connected socket, taken over on success */
    const char *service;          /* instead of the port (0): its name, such as "https" */
    const struct sockaddr *addr;  /* instead of host and port; NULL: none */
    socklen_t addr_size;          /* of addr */
    asyncio_sslcontext *ssl;      /* TLS by this context; NULL: none. The rest is for TLS only: */
    const char *server_hostname;  /* who the server must be; NULL: host */
    double ssl_handshake_timeout; /* seconds; 0: 60 */
    double ssl_shutdown_timeout;  /* seconds that closing may take; 0: 30 */
    asyncio_sslsession *ssl_session; /* of an earlier connection, to be resumed; or NULL */
} asyncio_connection_options;

/* Connects to host (a name or an address; NULL beside a port: the loopback) and port (or .service,
 * by name) or to the path of a unix socket, and makes a reader and a writer. A name may stand for
 * several addresses. They are tried one after the other; with .happy_eyeballs_delay the next is
 * tried beside those before it when they have not connected in that time (0.25 is usual), or as
 * soon as the last one has failed, and the first that connects is taken. In C the macros of the
 * same names without _with take options:
 *     asyncio_open_connection(host, port, &reader, &writer, .limit = 1 << 20)
 * Errors, when awaited: the system's, if one address or all in the same way failed, otherwise
 * ASYNCIO_OS_ERROR ("Multiple exceptions: ..."), which is also an unknown name and no local address
 * of the family; ASYNCIO_EXCEPTION_GROUP instead with .all_errors; ASYNCIO_VALUE_ERROR
 * for neither or more than one of host, .addr and .sock, a port beside .service, a NaN, a socket
 * that is no stream socket or, for the unix one, a socket or an address that is not of AF_UNIX, or
 * a .service; with .ssl those of asyncio_streamwriter_start_tls, after which .sock is closed, too;
 * ASYNCIO_TYPE_ERROR for NULL; ASYNCIO_CANCELLED_ERROR; -ENOMEM.
 * Suspends: yes (when awaited). Thread: loop. Owner: *reader and *writer are yours. Since: 0.1.
 * Python: asyncio.open_connection, asyncio.open_unix_connection. */
ASYNCIO_API asyncio_coro asyncio_open_connection_with(const char *host, int port,
                                                      asyncio_streamreader **reader,
                                                      asyncio_streamwriter **writer,
                                                      const asyncio_connection_options *options)
    ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_coro asyncio_open_unix_connection_with(
    const char *path, asyncio_streamreader **reader, asyncio_streamwriter **writer,
    const asyncio_connection_options *options) ASYNCIO_MUST_USE;

/* References. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: none. */
ASYNCIO_API asyncio_streamreader *asyncio_streamreader_ref(asyncio_streamreader *reader);
ASYNCIO_API void asyncio_streamreader_unref(asyncio_streamreader *reader);
ASYNCIO_API asyncio_streamwriter *asyncio_streamwriter_ref(asyncio_streamwriter *writer);
ASYNCIO_API void asyncio_streamwriter_unref(asyncio_streamwriter *writer);

/* ---- reading ---- */

/* All reads fail, when awaited, with the error of the connection, once and for all (-ECONNRESET);
 * ASYNCIO_RUNTIME_ERROR while another task reads; ASYNCIO_TYPE_ERROR for NULL;
 * ASYNCIO_CANCELLED_ERROR, with which nothing is lost; -ENOMEM. After the writer was closed
 * they give what was received, then the end. */

/* Receives up to n bytes, as soon as there are any, straight into buf. The status is how many;
 * 0: the end of the stream (or n is 0).
 * Errors: those above.
 * Suspends: yes (when awaited, if nothing is there). Thread: loop. Since: 0.1.
 * Python: StreamReader.read(n). */
ASYNCIO_API asyncio_coro asyncio_streamreader_read(asyncio_streamreader *reader, void *buf,
                                                   size_t n) ASYNCIO_MUST_USE;

/* Receives everything up to the end of the stream, without a limit, and shows it. The status is
 * its size (at most INT_MAX).
 * Errors: those above.
 * Suspends: yes (when awaited). Thread: loop. Owner: *all is lent. Since: 0.1.
 * Python: StreamReader.read(-1). */
ASYNCIO_API asyncio_coro asyncio_streamreader_readall(asyncio_streamreader *reader,
                                                      asyncio_bytes *all) ASYNCIO_MUST_USE;

/* Receives exactly n bytes, straight into buf; the status is n (at most INT_MAX).
 * Errors: ASYNCIO_INCOMPLETE_READ_ERROR if the stream ends before: buf begins with what came, and
 * asyncio_streamreader_partial says how much that is; those above.
 * Suspends: yes (when awaited, unless that much is there). Thread: loop. Since: 0.1.
 * Python: StreamReader.readexactly. */
ASYNCIO_API asyncio_coro asyncio_streamreader_readexactly(asyncio_streamreader *reader, void *buf,
                                                          size_t n) ASYNCIO_MUST_USE;

/* Shows a line with its '\n'; at the end of the stream what is left, perhaps nothing. The status
 * is its size, 0 at the end.
 * Errors: ASYNCIO_VALUE_ERROR for a line longer than the limit, which is dropped as far as it was
 * received; those above.
 * Suspends: yes (when awaited, unless a line is there). Thread: loop. Owner: *line is lent.
 * Since: 0.1. Python: StreamReader.readline. */
ASYNCIO_API asyncio_coro asyncio_streamreader_readline(asyncio_streamreader *reader,
                                                       asyncio_bytes *line) ASYNCIO_MUST_USE;

/* Shows what comes up to and with the separator, a string, or (any) up to the first end of one of
 * several. Separators must stay where they are until then. The status is the size of it.
 * Errors: ASYNCIO_INCOMPLETE_READ_ERROR if the stream ends before: asyncio_streamreader_partial
 * shows what came; ASYNCIO_LIMIT_OVERRUN_ERROR if it would be longer than the limit: it stays
 * in the reader, and the error's value is how many bytes can be taken before the separator;
 * ASYNCIO_VALUE_ERROR for an empty separator or none; those above.
 * Suspends: yes (when awaited, unless it is there). Thread: loop. Owner: *chunk is lent.
 * Since: 0.1. Python: StreamReader.readuntil. */
ASYNCIO_API asyncio_coro asyncio_streamreader_readuntil(asyncio_streamreader *reader,
                                                        const char *separator, asyncio_bytes *chunk)
    ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_coro asyncio_streamreader_readuntil_any(asyncio_streamreader *reader,
                                                            const asyncio_bytes *separators,
                                                            size_t count, asyncio_bytes *chunk)
    ASYNCIO_MUST_USE;

/* What the last read got before it failed with ASYNCIO_INCOMPLETE_READ_ERROR; nothing otherwise.
 * Errors: none.
 * Suspends: no. Thread: loop. Owner: lent, until the next call on the reader. Since: 0.1.
 * Python: IncompleteReadError.partial. */
ASYNCIO_API asyncio_bytes asyncio_streamreader_partial(const asyncio_streamreader *reader);

/* Whether the end was received and everything before it was taken. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: StreamReader.at_eof. */
ASYNCIO_API bool asyncio_streamreader_at_eof(const asyncio_streamreader *reader);

/* Ends the stream for the reader: reads give what was received before, then the end. What comes
 * later is not received. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: StreamReader.feed_eof. */
ASYNCIO_API void asyncio_streamreader_feed_eof(asyncio_streamreader *reader);

/* ---- writing ---- */

/* Sends what the kernel takes at once and keeps a copy of the rest, which is sent in the
 * background. That has no limit: await drain after writing. After close, or when the
 * connection is broken, what is written is dropped (drain says so).
 * Returns 0; ASYNCIO_RUNTIME_ERROR after write_eof or while a file is sent (asyncio_loop_sendfile);
 * ASYNCIO_TYPE_ERROR for NULL; -ENOMEM
 * (nothing was written, or the connection is broken).
 * Suspends: no. Thread: loop. Since: 0.1. Python: StreamWriter.write, writelines. */
ASYNCIO_API int asyncio_streamwriter_write(asyncio_streamwriter *writer, const void *data,
                                           size_t n);
ASYNCIO_API int asyncio_streamwriter_writelines(asyncio_streamwriter *writer,
                                                const struct iovec *lines, int count);

/* Sends `count` bytes (0: up to the end) of an open file from `offset` on, after what was written
 * before. The value is how many were sent, fewer if the file ends. The file's position is neither
 * used nor moved. The kernel copies where it can; otherwise a buffer does. Reading the file may
 * block. Until it has ended writing fails with ASYNCIO_RUNTIME_ERROR; after an error or a
 * cancellation nobody knows how much was sent. An error of the connection breaks the writer, as in
 * asyncio_streamwriter_write; one of the file does not.
 * Errors, when awaited: ASYNCIO_RUNTIME_ERROR if the writer is closing, after write_eof, while
 * another file is sent, or for another loop; the error of the connection; -ECONNRESET if it is
 * closed meanwhile; the system's for the file; ASYNCIO_VALUE_ERROR for a negative offset;
 * ASYNCIO_TYPE_ERROR for NULL; ASYNCIO_CANCELLED_ERROR; -ENOMEM.
 * Suspends: yes (when awaited, if the connection takes no more). Thread: loop. Since: 0.1.
 * Python: loop.sendfile. */
ASYNCIO_API asyncio_coro asyncio_loop_sendfile(asyncio_loop *loop, asyncio_streamwriter *writer,
                                               int file, off_t offset, size_t count)
    ASYNCIO_MUST_USE;

/* Waits while more is kept than the high-water mark, until it has come down to the low one.
 * Errors, when awaited: the error of the connection, of which ASYNCIO_SSL_EOF_ERROR is none: after
 * it has ended reading, what is written is sent; -ECONNRESET after it was closed;
 * ASYNCIO_TYPE_ERROR for NULL; ASYNCIO_CANCELLED_ERROR.
 * Suspends: yes (when awaited, if too much is kept or the writer is closing). Thread: loop.
 * Since: 0.1. Python: StreamWriter.drain. */
ASYNCIO_API asyncio_coro asyncio_streamwriter_drain(asyncio_streamwriter *writer) ASYNCIO_MUST_USE;

/* close: sends what is kept, in the background, then closes the connection; a task that reads sees
 * the end. A peer that does not read is waited for without a limit, as in Python: put one around
 * wait_closed, then abort. abort: closes now and drops what is kept. Errors: none (wait_closed
 * has them).
 * Suspends: no. Thread: loop. Since: 0.1. Python: StreamWriter.close, transport.abort. */
ASYNCIO_API void asyncio_streamwriter_close(asyncio_streamwriter *writer);
ASYNCIO_API void asyncio_streamwriter_abort(asyncio_streamwriter *writer);

/* Whether close or abort was called, or writing has failed. Errors: none.
 * Suspends: no. Thread: loop. Since: 0.1. Python: StreamWriter.is_closing. */
ASYNCIO_API bool asyncio_streamwriter_is_closing(const asyncio_streamwriter *writer);

/* Waits until the connection is closed; somebody must have called close or abort.
 * Errors, when awaited: the first error the connection had, as drain; ASYNCIO_TYPE_ERROR for NULL;
 * ASYNCIO_CANCELLED_ERROR.
 * Suspends: yes (when awaited, unless it is closed). Thread: loop. Since: 0.1.
 * Python: StreamWriter.wait_closed. */
ASYNCIO_API asyncio_coro asyncio_streamwriter_wait_closed(asyncio_streamwriter *writer)
    ASYNCIO_MUST_USE;

/* Says that nothing more will be written, once what is kept is sent; reading goes on.
 * Of a pipe, which has one direction, this is closing it. Returns 0 (also the second time, and
 * after close); ASYNCIO_NOT_IMPLEMENTED_ERROR if can_write_eof is false; ASYNCIO_RUNTIME_ERROR
 * while a file is sent; ASYNCIO_TYPE_ERROR for NULL.
 * Suspends: no. Thread: loop. Since: 0.1. Python: StreamWriter.write_eof, can_write_eof. */
ASYNCIO_API int asyncio_streamwriter_write_eof(asyncio_streamwriter *writer);
ASYNCIO_API bool asyncio_streamwriter_can_write_eof(const asyncio_streamwriter *writer);

/* Looks up information: "socket" (the descriptor, lent), "peername", "sockname" (addresses as
 * text: "127.0.0.1:8888", "[::1]:8888", a path), and what the connection is made over adds to
 * that. The addresses are those that it began with, and stay known when it is closed; everything
 * else is known while it is open. Returns 1 and *value; 0 and None if it is not known; -ENOMEM;
 * ASYNCIO_TYPE_ERROR.
 * Suspends: no. Thread: loop. Owner: *value is yours. Since: 0.1.
 * Python: StreamWriter.get_extra_info. */
ASYNCIO_API int asyncio_streamwriter_get_extra_info(const asyncio_streamwriter *writer,
                                                    const char *name, asyncio_value *value);

/* The marks, in bytes, 64 KiB and a quarter of that at first. set: low > high is
 * ASYNCIO_VALUE_ERROR, otherwise 0. get (0 for NULL; either pointer may be NULL).
 * get_write_buffer_size: how much is kept.
 * Suspends: no. Thread: loop. Since: 0.1. Python: transport.set_write_buffer_limits,
 * get_write_buffer_limits, get_write_buffer_size. */
ASYNCIO_API int asyncio_streamwriter_set_write_buffer_limits(asyncio_streamwriter *writer,
                                                             size_t high, size_t low);
ASYNCIO_API void asyncio_streamwriter_get_write_buffer_limits(const asyncio_streamwriter *writer,
                                                              size_t *low, size_t *high);
ASYNCIO_API size_t asyncio_streamwriter_get_write_buffer_size(const asyncio_streamwriter *writer);

ASYNCIO_END_DECLS

#ifndef __cplusplus
#define ASYNCIO__CONNECTION_OPTIONS(...)                                                           \
    (&(const asyncio_connection_options){ .size = sizeof(asyncio_connection_options), __VA_ARGS__ })
#define asyncio_open_connection(host, port, reader, ...)                                           \
    ASYNCIO__CAT(ASYNCIO__OPEN_CONNECTION_, ASYNCIO__HASCOMMA(__VA_ARGS__))                        \
    (host, port, reader, __VA_ARGS__)
#define ASYNCIO__OPEN_CONNECTION_0(host, port, reader, writer)                                     \
    asyncio_open_connection_with((host), (port), (reader), (writer), NULL)
#define ASYNCIO__OPEN_CONNECTION_1(host, port, reader, writer, ...)                                \
    asyncio_open_connection_with((host), (port), (reader), (writer),                               \
                                 ASYNCIO__CONNECTION_OPTIONS(__VA_ARGS__))
#define asyncio_open_unix_connection(path, reader, ...)                                            \
    ASYNCIO__CAT(ASYNCIO__OPEN_UNIX_, ASYNCIO__HASCOMMA(__VA_ARGS__))(path, reader, __VA_ARGS__)
#define ASYNCIO__OPEN_UNIX_0(path, reader, writer)                                                 \
    asyncio_open_unix_connection_with((path), (reader), (writer), NULL)
#define ASYNCIO__OPEN_UNIX_1(path, reader, writer, ...)                                            \
    asyncio_open_unix_connection_with((path), (reader), (writer),                                  \
                                      ASYNCIO__CONNECTION_OPTIONS(__VA_ARGS__))
#else
inline asyncio_coro asyncio_open_connection(const char *host, int port,
                                            asyncio_streamreader **reader,
                                            asyncio_streamwriter **writer,
                                            const asyncio_connection_options *options = nullptr) {
    return asyncio_open_connection_with(host, port, reader, writer, options);
}
inline asyncio_coro asyncio_open_unix_connection(
    const char *path, asyncio_streamreader **reader, asyncio_streamwriter **writer,
    const asyncio_connection_options *options = nullptr) {
    return asyncio_open_unix_connection_with(path, reader, writer, options);
}
#endif

ASYNCIO__AUTO_CLASS(streamreader)
#define asyncio_auto_streamreader ASYNCIO__AUTO(streamreader)
ASYNCIO__AUTO_CLASS(streamwriter)
#define asyncio_auto_streamwriter ASYNCIO__AUTO(streamwriter)

#endif
