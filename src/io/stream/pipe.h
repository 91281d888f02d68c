/* SPDX-License-Identifier: MIT
 *
 * io/stream/pipe.h: streams over pipes, for processes.
 */
#ifndef ASYNCIO_IO_STREAM_PIPE_H
#define ASYNCIO_IO_STREAM_PIPE_H

#include "io/stream/stream.h"

/* A stream over a pipe, a character device or a file, which is taken over on success, with one
 * reference. limit 0: 64 KiB. NULL: raised. */
struct asyncio__stream *asyncio__pipe_stream(asyncio_loop *loop, int fd, size_t limit);

#endif
