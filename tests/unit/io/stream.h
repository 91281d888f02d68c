/* SPDX-License-Identifier: MIT
 *
 * tests/unit/io/stream.h: a stream on one end of a socket pair, the test on the other.
 */
#ifndef TEST_STREAM_H
#define TEST_STREAM_H

#include "io.h"

static asyncio_streamreader *reader TEST_UNUSED;
static asyncio_streamwriter *writer TEST_UNUSED;
static int peer TEST_UNUSED; /* the other end */

ASYNC(open_stream, (size_t) limit) {
    int fd[2];
    make_pair(fd);
    peer = fd[1];
    TRY(AWAIT(asyncio_open_connection(NULL, 0, &reader, &writer, .sock = fd[0], .limit = limit)));
    RETURN();
}

/* The same over TCP. */
ASYNC(open_tcp_stream, (size_t) limit) {
    int fd[2];
    make_tcp_pair(fd);
    peer = fd[1];
    TRY(AWAIT(asyncio_open_connection(NULL, 0, &reader, &writer, .sock = fd[0], .limit = limit)));
    RETURN();
}

TEST_UNUSED static void start_tcp_stream(size_t limit) {
    CHECK_INT(AWAIT(open_tcp_stream(limit)), 0);
}

TEST_UNUSED static void start_stream(size_t limit) { CHECK_INT(AWAIT(open_stream(limit)), 0); }

/* Lets go of both faces; the connection closes. */
TEST_UNUSED static void end_stream(void) {
    asyncio_streamreader_unref(reader);
    asyncio_streamwriter_unref(writer);
    close(peer);
}

#define CHECK_BYTES(bytes, text)                                                                   \
    do {                                                                                           \
        asyncio_bytes b_ = (bytes);                                                                \
        CHECK_INT(b_.size, strlen(text));                                                          \
        CHECK_STR(b_.data, text);                                                                  \
    } while (0)

#endif
