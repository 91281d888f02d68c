/* SPDX-License-Identifier: MIT
 *
 * Writing to a stream: at once or in the background, marks, ends, and broken connections.
 */
#include <stdlib.h>

#include "../stream.h"

static char big[4 << 20];

ASYNC(writes) {
    start_stream(0);
    CHECK_INT(asyncio_streamwriter_write(writer, "hello", 5), 0);
    CHECK_INT(AWAIT(asyncio_streamwriter_drain(writer)), 0);
    CHECK_STR(get(peer), "hello");
    const struct iovec lines[] = { { (char[]){ "one " }, 4 },
                                   { NULL, 0 },
                                   { (char[]){ "two" }, 3 } };
    CHECK_INT(asyncio_streamwriter_writelines(writer, lines, 3), 0);
    CHECK_INT(asyncio_streamwriter_write(writer, NULL, 0), 0);
    CHECK_STR(get(peer), "one two");
    CHECK_INT(asyncio_streamwriter_get_write_buffer_size(writer), 0);
    end_stream();
    RETURN();
}
TEST(what_is_written_goes_out_at_once) { run_alone(writes()); }

/* Receives until the end; checks that it is `big`. */
ASYNC(receives_all, (size_t) expected) {
    static char got[sizeof big + 1];
    size_t sum = 0;
    int n;
    while ((n = TRY(AWAIT(asyncio_loop_sock_recv(loop, peer, got + sum, sizeof got - sum)))) > 0) {
        sum += (size_t)n;
    }
    CHECK_INT(sum, expected);
    CHECK_INT(memcmp(got, big, sum), 0);
    RETURN();
}

static void fill_big(void) {
    for (size_t i = 0; i < sizeof big; i++) big[i] = (char)(i * 7 + i / 251);
}

ASYNC(writes_in_background) {
    start_stream(0);
    fill_big();
    CHECK_INT(asyncio_streamwriter_write(writer, big, sizeof big / 2), 0);
    CHECK(asyncio_streamwriter_get_write_buffer_size(writer) > 65536);
    struct iovec rest = { big + sizeof big / 2, sizeof big / 2 };
    CHECK_INT(asyncio_streamwriter_writelines(writer, &rest, 1), 0);
    asyncio_task *drain = start(asyncio_streamwriter_drain(writer));
    CHECK(!asyncio_task_done(drain));
    asyncio_task *t = start(receives_all(sizeof big));
    check_ended(drain, 0);
    CHECK(asyncio_streamwriter_get_write_buffer_size(writer) <= 16384);
    asyncio_streamwriter_close(writer);
    CHECK(asyncio_streamwriter_is_closing(writer));
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(writer)), 0);
    check_ended(t, 0);
    end_stream();
    RETURN();
}
TEST(what_the_kernel_does_not_take_is_sent_in_the_background) { run_alone(writes_in_background()); }

ASYNC(forgotten) {
    start_stream(0);
    fill_big();
    CHECK_INT(asyncio_streamwriter_write(writer, big, sizeof big), 0);
    asyncio_streamwriter_unref(writer); /* nobody holds it any more, but it has to be sent */
    asyncio_streamreader_unref(reader);
    CHECK_INT(AWAIT(receives_all(sizeof big)), 0);
    close(peer);
    RETURN();
}
TEST(a_writer_that_nobody_holds_sends_what_it_has_and_closes) { run_alone(forgotten()); }

TEST(a_loop_that_closes_takes_streams_along) {
    start_loop();
    CHECK_INT(run(open_stream(0)), 0);
    CHECK_INT(asyncio_streamwriter_write(writer, big, sizeof big), 0);
    asyncio_streamwriter_unref(writer);
    asyncio_streamreader_unref(reader);
    end_loop();
    close(peer);
}

TEST(a_stream_may_outlive_its_loop) {
    start_loop();
    CHECK_INT(run(open_stream(0)), 0);
    CHECK_INT(asyncio_loop_close(loop), 0);
    CHECK_INT(asyncio_streamwriter_write(writer, "x", 1), 0);
    CHECK_INT(asyncio_streamwriter_write_eof(writer), 0);
    asyncio_streamwriter_close(writer);
    CHECK(asyncio_streamwriter_is_closing(writer));
    end_stream();
    end_loop();
}

ASYNC(marks) {
    start_stream(0);
    CHECK_ERROR(asyncio_streamwriter_set_write_buffer_limits(writer, 1, 2), ASYNCIO_VALUE_ERROR,
                "high (1) must be >= low (2) must be >= 0");
    CHECK_INT(asyncio_streamwriter_set_write_buffer_limits(writer, 0, 0), 0);
    CHECK_INT(asyncio_streamwriter_write(writer, "x", 1), 0);
    CHECK_INT(AWAIT(asyncio_streamwriter_drain(writer)), 0); /* it all went out */
    CHECK_INT(asyncio_streamwriter_write(writer, big, sizeof big), 0);
    asyncio_task *a = start(asyncio_streamwriter_drain(writer));
    asyncio_task *b = start(asyncio_streamwriter_drain(writer));
    asyncio_task *c = start(asyncio_streamwriter_drain(writer));
    asyncio_task_cancel(b, NULL);
    check_ended(b, ASYNCIO_CANCELLED_ERROR);
    asyncio_task *t = start(receives_all(sizeof big + 1));
    (void)t;
    check_ended(a, 0);
    check_ended(c, 0);
    CHECK_INT(asyncio_streamwriter_get_write_buffer_size(writer), 0);
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    end_stream();
    RETURN();
}
TEST(several_tasks_drain_and_one_is_cancelled) { run_alone(marks()); } /* NET-5 */

/* A peer that reads slowly: what is kept stays below the mark plus one write. */
ASYNC(slow_reader) {
    static char piece[10000];
    size_t most = 0, sent = 0, received = 0;
    start_stream(0);
    asyncio_task *t = NULL;
    while (sent < (4u << 20)) {
        CHECK_INT(asyncio_streamwriter_write(writer, piece, sizeof piece), 0);
        sent += sizeof piece;
        size_t kept = asyncio_streamwriter_get_write_buffer_size(writer);
        if (kept > most) most = kept;
        t = asyncio_create_task(asyncio_streamwriter_drain(writer));
        while (!asyncio_task_done(t)) {
            some_turns(1);
            ssize_t n = recv(peer, big, 1000, MSG_DONTWAIT);
            if (n > 0) received += (size_t)n;
        }
        asyncio_task_unref(t);
    }
    CHECK(received > 0);
    CHECK(most > 65536);
    CHECK(most <= 65536 + sizeof piece);
    asyncio_streamwriter_abort(writer);
    end_stream();
    RETURN();
}
TEST(against_a_slow_reader_memory_stays_bounded) { run_alone(slow_reader()); } /* NET-5 */

ASYNC(ends_writing) {
    char buf[10] = "";
    start_stream(0);
    fill_big();
    CHECK(asyncio_streamwriter_can_write_eof(writer));
    CHECK_INT(asyncio_streamwriter_write(writer, big, sizeof big), 0);
    CHECK_INT(asyncio_streamwriter_write_eof(writer), 0);
    CHECK_INT(asyncio_streamwriter_write_eof(writer), 0);
    CHECK_ERROR(asyncio_streamwriter_write(writer, "x", 1), ASYNCIO_RUNTIME_ERROR,
                "Cannot call write() after write_eof()");
    CHECK(!asyncio_streamwriter_is_closing(writer));
    CHECK_INT(AWAIT(receives_all(sizeof big)), 0);
    put(peer, "answer");
    CHECK_INT(AWAIT(asyncio_streamreader_read(reader, buf, sizeof buf)), 6);
    CHECK_STR(buf, "answer");
    end_stream();
    RETURN();
}
TEST(after_write_eof_the_peer_sees_the_end_and_can_answer) { run_alone(ends_writing()); }

ASYNC(peer_gone) {
    char buf[10] = "";
    start_stream(0);
    put(peer, "last");
    close(peer);
    CHECK_INT(asyncio_streamwriter_write(writer, "x", 1), 0);
    CHECK_ERROR(AWAIT(asyncio_streamwriter_drain(writer)), -EPIPE, "send: Broken pipe");
    CHECK(asyncio_streamwriter_is_closing(writer));
    CHECK_INT(asyncio_streamwriter_write(writer, "y", 1), 0);
    CHECK_INT(AWAIT(asyncio_streamreader_read(reader, buf, sizeof buf)), 4); /* still there */
    CHECK_STR(buf, "last");
    asyncio_streamwriter_close(writer);
    CHECK_ERROR(AWAIT(asyncio_streamwriter_wait_closed(writer)), -EPIPE, "send: Broken pipe");
    peer = dup(0);
    end_stream();
    RETURN();
}
TEST(a_broken_connection_fails_drain_and_not_write) { run_alone(peer_gone()); } /* NET-5, NET-6 */

ASYNC(peer_gone_while_draining) {
    start_stream(0);
    CHECK_INT(asyncio_streamwriter_write(writer, big, sizeof big), 0);
    asyncio_task *t = start(asyncio_streamwriter_drain(writer));
    close(peer);
    check_ended(t, -EPIPE);
    CHECK_INT(asyncio_streamwriter_get_write_buffer_size(writer), 0);
    peer = dup(0);
    end_stream();
    RETURN();
}
TEST(a_connection_that_breaks_wakes_who_drains) { run_alone(peer_gone_while_draining()); }

ASYNC(aborted) {
    start_stream(0);
    CHECK_INT(asyncio_streamwriter_write(writer, big, sizeof big), 0);
    asyncio_task *drain = start(asyncio_streamwriter_drain(writer));
    asyncio_streamwriter_close(writer); /* cannot go on: nobody reads */
    asyncio_task *t = start(asyncio_streamwriter_wait_closed(writer));
    CHECK(!asyncio_task_done(t));
    asyncio_task *other = start(asyncio_streamwriter_wait_closed(writer));
    asyncio_task_cancel(other, NULL);
    check_ended(other, ASYNCIO_CANCELLED_ERROR);
    asyncio_streamwriter_abort(writer);
    check_ended(t, 0);
    CHECK_ERROR(AWAIT(drain), -ECONNRESET, "Connection lost");
    asyncio_task_unref(drain);
    CHECK_ERROR(AWAIT(asyncio_streamwriter_drain(writer)), -ECONNRESET, "Connection lost");
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(writer)), 0);
    asyncio_streamwriter_abort(writer);
    asyncio_streamwriter_close(writer);
    CHECK(!asyncio_streamwriter_can_write_eof(writer));
    end_stream();
    RETURN();
}
TEST(abort_does_not_wait_for_the_peer) { run_alone(aborted()); } /* NET-6 */

ASYNC(information) {
    asyncio_value v;
    start_stream(0);
    CHECK_INT(asyncio_streamwriter_get_extra_info(writer, "socket", &v), 1);
    CHECK(v.i > 2);
    CHECK_ERROR(asyncio_loop_add_reader(loop, (int)v.i, note_arg, NULL), ASYNCIO_RUNTIME_ERROR,
                (snprintf(notes, sizeof notes, "File descriptor %d is used by transport", (int)v.i),
                 notes));
    CHECK_INT(asyncio_streamwriter_get_extra_info(writer, "peername", &v), 1);
    CHECK_STR(v.s, "");
    asyncio_value_drop(&v);
    CHECK_INT(asyncio_streamwriter_get_extra_info(writer, "color", &v), 0);
    CHECK_PTR(v.type, NULL);
    CHECK_ERROR(asyncio_streamwriter_get_extra_info(writer, NULL, &v), ASYNCIO_TYPE_ERROR,
                "a writer, a name and a place are required");
    asyncio_streamwriter_close(writer);
    CHECK_INT(asyncio_streamwriter_get_extra_info(writer, "socket", &v), 0);
    end_stream();
    RETURN();
}
TEST(a_writer_tells_what_it_writes_to) { run_alone(information()); } /* LOOP-30 */

ASYNC(limits) {
    size_t low, high;
    start_stream(0);
    asyncio_streamwriter_get_write_buffer_limits(writer, &low, &high);
    CHECK_INT(low, 16384);
    CHECK_INT(high, 65536);
    CHECK_INT(asyncio_streamwriter_set_write_buffer_limits(writer, 100, 7), 0);
    asyncio_streamwriter_get_write_buffer_limits(writer, &low, NULL);
    asyncio_streamwriter_get_write_buffer_limits(writer, NULL, &high);
    CHECK_INT(low, 7);
    CHECK_INT(high, 100);
    end_stream();
    RETURN();
}
TEST(the_marks_can_be_asked_for) { run_alone(limits()); }

ASYNC(never_read) {
    start_stream(0);
    CHECK_INT(asyncio_streamwriter_write(writer, big, sizeof big), 0);
    asyncio_streamwriter_close(writer);
    int rc = AWAIT(asyncio_wait_for(asyncio_streamwriter_wait_closed(writer), 1000));
    CHECK(asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR));
    asyncio_streamwriter_abort(writer);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(writer)), 0);
    end_stream();
    RETURN();
}
TEST(a_close_waits_for_a_peer_that_does_not_read_until_it_is_aborted) { run_alone(never_read()); }

ASYNC(misuse) {
    const char *why = "a writer is required";
    CHECK_ERROR(asyncio_streamwriter_write(NULL, "x", 1), ASYNCIO_TYPE_ERROR, why);
    CHECK_ERROR(asyncio_streamwriter_writelines(NULL, NULL, 0), ASYNCIO_TYPE_ERROR, why);
    CHECK_ERROR(asyncio_streamwriter_write_eof(NULL), ASYNCIO_TYPE_ERROR, why);
    CHECK_ERROR(asyncio_streamwriter_set_write_buffer_limits(NULL, 1, 1), ASYNCIO_TYPE_ERROR, why);
    CHECK_ERROR(AWAIT(asyncio_streamwriter_drain(NULL)), ASYNCIO_TYPE_ERROR, why);
    CHECK_ERROR(AWAIT(asyncio_streamwriter_wait_closed(NULL)), ASYNCIO_TYPE_ERROR, why);
    CHECK(!asyncio_streamwriter_is_closing(NULL));
    CHECK(!asyncio_streamwriter_can_write_eof(NULL));
    CHECK_INT(asyncio_streamwriter_get_write_buffer_size(NULL), 0);
    size_t low = 1, high = 1;
    asyncio_streamwriter_get_write_buffer_limits(NULL, &low, &high);
    CHECK_INT(low + high, 0);
    CHECK_PTR(asyncio_streamwriter_ref(NULL), NULL);
    asyncio_streamwriter_unref(NULL);
    asyncio_streamwriter_close(NULL);
    asyncio_streamwriter_abort(NULL);
    RETURN();
}
TEST(wrong_arguments_are_refused) { run_alone(misuse()); }

ASYNC(without_memory) {
    start_stream(0);
    fill(peer); /* not the direction that is written to */
    if (asyncio_testing_fail_allocation(1) < 0) SKIP("needs -Dfault_injection=true");
    CHECK_INT(asyncio_streamwriter_write(writer, big, sizeof big), -ENOMEM); /* half was sent */
    asyncio_testing_fail_allocation(0);
    CHECK_INT(AWAIT(asyncio_streamwriter_drain(writer)), -ENOMEM);
    asyncio_ignore(-ENOMEM);
    end_stream();

    start_stream(0);
    CHECK_INT(asyncio_streamwriter_write(writer, big, sizeof big), 0);
    size_t kept = asyncio_streamwriter_get_write_buffer_size(writer);
    asyncio_testing_fail_allocation(1);
    CHECK_INT(asyncio_streamwriter_write(writer, big, sizeof big), -ENOMEM);
    asyncio_testing_fail_allocation(0);
    asyncio_ignore(-ENOMEM);
    CHECK_INT(asyncio_streamwriter_get_write_buffer_size(writer), kept);
    CHECK(!asyncio_streamwriter_is_closing(writer));
    end_stream();
    RETURN();
}
TEST(without_memory_nothing_is_written_or_the_connection_is_broken) { run_alone(without_memory()); }
