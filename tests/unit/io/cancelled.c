/* SPDX-License-Identifier: MIT
 *
 * A cancellation at every point of a run, in many orders: no byte is lost, nothing is left open,
 * nobody waits for ever.
 */
#include "interrupted.h"
#include "stream.h"

#define LINES 12

static char sent[1000], got[1000];
static size_t received;

static void keep(const char *data, size_t n) {
    CHECK(received + n < sizeof got);
    memcpy(got + received, data, n);
    received += n;
}

/* Writes all of it in small pieces. */
ASYNC(feeds) {
    for (size_t at = 0; sent[at]; at++) {
        CHECK_INT(write(peer, sent + at, 1), 1);
        while (at % 5 == 0 && was_cancelled(AWAIT(asyncio_sleep(0)))) continue;
    }
    shutdown(peer, SHUT_WR);
    RETURN();
}

/* One read of some kind, which may be cancelled. */
ASYNC(reads_some, (int) kind) {
    char buf[3];
    asyncio_bytes b = { buf, 0 };
    int rc;
    if (kind % 4 == 0) rc = AWAIT(asyncio_streamreader_readline(reader, &b));
    else if (kind % 4 == 1) rc = AWAIT(asyncio_streamreader_readexactly(reader, buf, 3));
    else if (kind % 4 == 2) rc = AWAIT(asyncio_streamreader_read(reader, buf, 2));
    else rc = AWAIT(asyncio_streamreader_readuntil(reader, "::", &b));
    if (asyncio_catch(rc, ASYNCIO_INCOMPLETE_READ_ERROR)) {
        b = asyncio_streamreader_partial(reader);
        rc = (int)b.size;
    }
    TRY(rc);
    keep(b.data, (size_t)rc);
    RETURN(rc);
}

ASYNC(reads_and_feeds) {
    CHECK_INT(AWAIT(open_stream(0)), 0);
    asyncio_auto_task feeder = asyncio_create_task(feeds());
    for (int kind = 0; !asyncio_streamreader_at_eof(reader); kind++) {
        int rc;
        while (was_cancelled(rc = AWAIT(reads_some(kind)))) continue;
        CHECK(rc >= 0);
    }
    asyncio_outcome outcome;
    while (was_cancelled(AWAIT(asyncio_task_join(feeder, &outcome)))) continue;
    asyncio_outcome_fini(&outcome);
    end_stream();
    RETURN();
}

TEST_TIMEOUT(whatever_read_is_cancelled_no_byte_is_lost, 60) {
    for (int i = 0; i < LINES; i++) {
        snprintf(sent + strlen(sent), 100, "line %d of::%d\n%.*s", i, i * i, i, "0123456789abcdef");
    }
    for (unsigned long long seed = 0; seed < 4; seed++) {
        asyncio_testing_result result;
        long at = 0;
        do {
            received = 0;
            memset(got, 0, sizeof got);
            CHECK_INT(
                asyncio_testing_run(reads_and_feeds(), &result, .seed = seed, .cancel_at = ++at),
                0);
            CHECK_STR(got, sent);
            CHECK_INT(result.left, 0);
            CHECK_INT(result.objects, 0);
        } while (at <= result.points);
        CHECK(at > 20);
    }
}

ASYNC(talks, (int) port) {
    asyncio_auto_streamreader r = NULL;
    asyncio_auto_streamwriter w = NULL;
    asyncio_bytes line;
    TRY(AWAIT(asyncio_open_connection("127.0.0.1", port, &r, &w)));
    for (int i = 0; i < 2; i++) {
        TRY(asyncio_streamwriter_write(w, "hello\n", 6));
        TRY(AWAIT(asyncio_streamwriter_drain(w)));
        int n = TRY(AWAIT(asyncio_streamreader_readline(r, &line)));
        CHECK(n == 6 || n == 0); /* the handler may have been cancelled */
    }
    asyncio_streamwriter_close(w);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(w)));
    RETURN();
}

ASYNC(serves_and_talks) {
    asyncio_auto_server server = NULL;
    TRY(AWAIT(asyncio_start_server(echoes, "127.0.0.1", 0, &server)));
    int rc = AWAIT(talks(asyncio_server_port(server)));
    if (rc >= 0) rc = AWAIT(talks(asyncio_server_port(server)));
    int closed = AWAIT(asyncio_server_shutdown(server, 1));
    TRY(rc < 0 ? rc : closed);
    RETURN();
}

static int ignore_report(asyncio_loop *l, const asyncio_exception_context *context, void *arg) {
    (void)l, (void)context, (void)arg;
    return 0;
}

ASYNC(quietly) {
    asyncio_loop_set_exception_handler(asyncio_get_running_loop(), ignore_report, NULL);
    TRY(AWAIT(serves_and_talks()));
    RETURN();
}

TEST_TIMEOUT(whatever_is_cancelled_nothing_is_left_of_a_conversation, 60) {
    for (unsigned long long seed = 0; seed < 4; seed++) {
        asyncio_testing_result result;
        long at = 0;
        do {
            int rc = asyncio_testing_run(quietly(), &result, .seed = seed, .cancel_at = ++at);
            CHECK(rc >= 0 || rc == ASYNCIO_CANCELLED_ERROR || rc == -ECONNRESET || rc == -EPIPE);
            asyncio_ignore(rc);
            CHECK_INT(result.objects, 0);
        } while (at <= result.points);
        CHECK(at > 20);
    }
}
