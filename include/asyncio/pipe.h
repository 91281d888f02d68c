/* SPDX-License-Identifier: MIT
 *
 * asyncio/pipe.h: streams over pipes and terminals, and over standard input.
 *
 *     asyncio_streamreader *in;
 *     asyncio_bytes line;
 *     TRY(AWAIT(asyncio_open_stdin(&in, 0)));
 *     while (TRY(AWAIT(asyncio_streamreader_readline(in, &line))) > 0) use(line);
 *
 * Part: io.
 */
#ifndef ASYNCIO_PIPE_H
#define ASYNCIO_PIPE_H

#include <asyncio/streams.h>

ASYNCIO_BEGIN_DECLS

/* Makes a stream over one end of a pipe, a socket or a character device. It becomes non-blocking
 * for everybody who has it open. limit: of the reader, in bytes; 0: 64 KiB. A writer finds out
 * by an error of writing (-EPIPE; no signal) that nobody reads any more.
 * Errors, when awaited: ASYNCIO_VALUE_ERROR for a regular file or a directory; the system's
 * (-EBADF); ASYNCIO_RUNTIME_ERROR if somebody waits for the descriptor; ASYNCIO_TYPE_ERROR for
 * NULL; -ENOMEM. On failure the descriptor stays yours.
 * Suspends: no (though it is awaited). Thread: loop. Owner: takes fd; the stream is yours.
 * Since: 0.1. Python: loop.connect_read_pipe, loop.connect_write_pipe. */
ASYNCIO_API asyncio_coro asyncio_connect_read_pipe(int fd, asyncio_streamreader **reader,
                                                   size_t limit) ASYNCIO_MUST_USE;
ASYNCIO_API asyncio_coro asyncio_connect_write_pipe(int fd, asyncio_streamwriter **writer)
    ASYNCIO_MUST_USE;

/* Makes a reader over standard input, whatever that is: a terminal, a pipe, a file (which is read
 * without waiting). Terminals and pipes are opened anew for it and stay blocking for
 * everybody else; where that cannot be done (a socket) they become non-blocking. Use
 * nothing else to read standard input meanwhile.
 * Errors, when awaited: the system's (-EBADF: it is closed); ASYNCIO_TYPE_ERROR for NULL; -ENOMEM.
 * Suspends: no (though it is awaited). Thread: loop. Owner: the caller. Since: 0.1.
 * Python: loop.connect_read_pipe(..., sys.stdin). */
ASYNCIO_API asyncio_coro asyncio_open_stdin(asyncio_streamreader **reader, size_t limit)
    ASYNCIO_MUST_USE;

ASYNCIO_END_DECLS

#endif
