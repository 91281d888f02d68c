/* SPDX-License-Identifier: MIT
 *
 * Reading from a stream: what each kind of read gives, limits, ends, and that a cancelled one
 * loses nothing. Expected values are CPython's.
 */
#include <stdlib.h>

#include "../stream.h"

ASYNC(reads) {
    char buf[100];
    start_stream(0);
    put(peer, "hello world");
    CHECK_INT(AWAIT(asyncio_streamreader_read(reader, buf, 5)), 5);
    CHECK_INT(memcmp(buf, "hello", 5), 0);
    CHECK_INT(AWAIT(asyncio_streamreader_read(reader, buf, 0)), 0);
    CHECK_INT(AWAIT(asyncio_streamreader_read(reader, buf, 100)), 6);
    CHECK_INT(memcmp(buf, " world", 6), 0);
    CHECK(!asyncio_streamreader_at_eof(reader));
    shutdown(peer, SHUT_WR);
    CHECK_INT(AWAIT(asyncio_streamreader_read(reader, buf, 100)), 0);
    CHECK_INT(AWAIT(asyncio_streamreader_read(reader, buf, 100)), 0);
    CHECK(asyncio_streamreader_at_eof(reader));
    end_stream();
    RETURN();
}
TEST(read_gives_what_is_there) { run_alone(reads()); } /* NET-1 */

ASYNC(reads_to_the_end, (asyncio_bytes *) all) {
    TRY(AWAIT(asyncio_streamreader_readall(reader, all)));
    RETURN();
}

ASYNC(fed_eof) {
    asyncio_bytes all = { NULL, 0 };
    char buf[10];
    start_stream(0);
    put(peer, "before");
    asyncio_task *t = start(reads_to_the_end(&all));
    asyncio_streamreader_feed_eof(reader);
    check_ended(t, 0);
    CHECK_BYTES(all, "before");
    put(peer, "after");
    CHECK_INT(AWAIT(asyncio_streamreader_read(reader, buf, sizeof buf)), 0);
    CHECK(asyncio_streamreader_at_eof(reader));
    CHECK_INT(asyncio_streamwriter_write(writer, "still there", 11), 0);
    CHECK_STR(get(peer), "still there");
    asyncio_streamreader_feed_eof(NULL);
    end_stream();
    RETURN();
}
TEST(a_reader_can_be_given_its_end) { run_alone(fed_eof()); }

ASYNC(writes_bytewise, (const char *) text) {
    for (; *text; text++) {
        CHECK_INT(write(peer, text, 1), 1);
        some_turns(2);
    }
    shutdown(peer, SHUT_WR);
    RETURN();
}

ASYNC(lines) {
    asyncio_bytes line;
    start_stream(0);
    put(peer, "one\ntwo\n\nlast");
    CHECK_INT(AWAIT(asyncio_streamreader_readline(reader, &line)), 4);
    CHECK_BYTES(line, "one\n");
    CHECK_INT(AWAIT(asyncio_streamreader_readline(reader, &line)), 4);
    CHECK_BYTES(line, "two\n");
    CHECK_INT(AWAIT(asyncio_streamreader_readline(reader, &line)), 1);
    CHECK_BYTES(line, "\n");
    shutdown(peer, SHUT_WR);
    CHECK_INT(AWAIT(asyncio_streamreader_readline(reader, &line)), 4);
    CHECK_BYTES(line, "last");
    CHECK(asyncio_streamreader_at_eof(reader));
    CHECK_INT(AWAIT(asyncio_streamreader_readline(reader, &line)), 0);
    CHECK_BYTES(line, "");
    end_stream();
    RETURN();
}
TEST(lines_come_one_by_one_and_the_last_may_be_unfinished) { run_alone(lines()); } /* NET-2 */

ASYNC(lines_bytewise) {
    asyncio_bytes line;
    char rest[10] = "";
    start_stream(0);
    asyncio_task *t = asyncio_create_task(writes_bytewise("one\ntwo\nrest"));
    CHECK_INT(AWAIT(asyncio_streamreader_readline(reader, &line)), 4);
    CHECK_BYTES(line, "one\n");
    CHECK_INT(AWAIT(asyncio_streamreader_readline(reader, &line)), 4);
    CHECK_BYTES(line, "two\n");
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(reader, rest, 4)), 4);
    CHECK_STR(rest, "rest");
    check_ended(t, 0);
    end_stream();
    RETURN();
}
TEST(lines_that_come_byte_by_byte_are_put_together) { run_alone(lines_bytewise()); }

ASYNC(lines_too_long) {
    asyncio_bytes line;
    start_stream(4);
    put(peer, "12345\n1234\n123456789");
    CHECK_ERROR(AWAIT(asyncio_streamreader_readline(reader, &line)), ASYNCIO_VALUE_ERROR,
                "Separator is found, but chunk is longer than limit");
    CHECK_INT(AWAIT(asyncio_streamreader_readline(reader, &line)), 5);
    CHECK_BYTES(line, "1234\n");
    CHECK_ERROR(AWAIT(asyncio_streamreader_readline(reader, &line)), ASYNCIO_VALUE_ERROR,
                "Separator is not found, and chunk exceed the limit");
    put(peer, "x\n");
    CHECK_INT(AWAIT(asyncio_streamreader_readline(reader, &line)), 2);
    CHECK_BYTES(line, "x\n");
    end_stream();
    RETURN();
}
TEST(a_line_over_the_limit_is_dropped_with_an_error) { run_alone(lines_too_long()); }

ASYNC(exactly) {
    char buf[10] = "";
    start_stream(2); /* the limit is no limit here */
    put(peer, "abcdef");
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(reader, buf, 4)), 4);
    CHECK_STR(buf, "abcd");
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(reader, buf, 0)), 0);
    shutdown(peer, SHUT_WR);
    CHECK_INT(asyncio_streamreader_partial(reader).size, 0);
    CHECK_ERROR(AWAIT(asyncio_streamreader_readexactly(reader, buf, 5)),
                ASYNCIO_INCOMPLETE_READ_ERROR, "2 bytes read on a total of 5 expected bytes");
    CHECK_PTR(asyncio_streamreader_partial(reader).data, buf);
    CHECK_INT(asyncio_streamreader_partial(reader).size, 2);
    CHECK_INT(memcmp(buf, "ef", 2), 0);
    CHECK_ERROR(AWAIT(asyncio_streamreader_readexactly(reader, buf, 5)),
                ASYNCIO_INCOMPLETE_READ_ERROR, "0 bytes read on a total of 5 expected bytes");
    end_stream();
    RETURN();
}
TEST(readexactly_gives_all_or_says_what_there_was) { run_alone(exactly()); } /* NET-2 */

ASYNC(until) {
    asyncio_bytes chunk;
    start_stream(0);
    put(peer, "abc::def::rest");
    CHECK_INT(AWAIT(asyncio_streamreader_readuntil(reader, "::", &chunk)), 5);
    CHECK_BYTES(chunk, "abc::");
    CHECK_INT(AWAIT(asyncio_streamreader_readuntil(reader, "::", &chunk)), 5);
    CHECK_BYTES(chunk, "def::");
    shutdown(peer, SHUT_WR);
    CHECK_ERROR(AWAIT(asyncio_streamreader_readuntil(reader, "::", &chunk)),
                ASYNCIO_INCOMPLETE_READ_ERROR,
                "4 bytes read on a total of undefined expected bytes");
    CHECK_BYTES(asyncio_streamreader_partial(reader), "rest");
    CHECK_ERROR(AWAIT(asyncio_streamreader_readuntil(reader, "::", &chunk)),
                ASYNCIO_INCOMPLETE_READ_ERROR,
                "0 bytes read on a total of undefined expected bytes");
    end_stream();
    RETURN();
}
TEST(readuntil_gives_what_ends_with_the_separator) { run_alone(until()); }

ASYNC(until_bytewise) {
    asyncio_bytes chunk;
    start_stream(0);
    asyncio_task *t = asyncio_create_task(writes_bytewise("a:b::c"));
    CHECK_INT(AWAIT(asyncio_streamreader_readuntil(reader, "::", &chunk)), 5);
    CHECK_BYTES(chunk, "a:b::");
    check_ended(t, 0);
    end_stream();
    RETURN();
}
TEST(a_separator_may_come_in_pieces) { run_alone(until_bytewise()); }

/* As CPython's test_readuntil_multi_separator: the match that ends first wins. */
ASYNC(until_any) {
    const asyncio_bytes separators[] = { { "MMM", 3 }, { "X", 1 }, { "M", 1 } };
    asyncio_bytes chunk;
    start_stream(0);
    put(peer, "AAAXBBBMMMCCC");
    CHECK_INT(AWAIT(asyncio_streamreader_readuntil_any(reader, separators, 2, &chunk)), 4);
    CHECK_BYTES(chunk, "AAAX");
    CHECK_INT(AWAIT(asyncio_streamreader_readuntil_any(reader, separators, 2, &chunk)), 6);
    CHECK_BYTES(chunk, "BBBMMM");
    put(peer, "MMM");
    CHECK_INT(AWAIT(asyncio_streamreader_readuntil_any(reader, separators, 3, &chunk)), 4);
    CHECK_BYTES(chunk, "CCCM");
    end_stream();
    RETURN();
}
/* NET-2, V13-11 */
TEST(of_several_separators_the_one_that_ends_first_counts) { run_alone(until_any()); }

ASYNC(until_any_over_limit) {
    asyncio_bytes chunk;
    const asyncio_bytes separators[] = { { "ab", 2 }, { "b", 1 } };
    start_stream(2);
    put(peer, "xxab");
    int rc = AWAIT(asyncio_streamreader_readuntil_any(reader, separators, 2, &chunk));
    asyncio_error *error = asyncio_error_take(rc);
    CHECK_INT(rc, ASYNCIO_LIMIT_OVERRUN_ERROR);
    CHECK_INT(asyncio_error_value(error).u, 3);
    asyncio_error_unref(error);
    end_stream();
    RETURN();
}
TEST(of_separators_that_end_together_the_shortest_counts) { run_alone(until_any_over_limit()); }

ASYNC(until_too_long) {
    asyncio_bytes chunk;
    char buf[20] = "";
    start_stream(5);
    put(peer, "123456789");
    int rc = AWAIT(asyncio_streamreader_readuntil(reader, "ab", &chunk));
    CHECK_INT(rc, ASYNCIO_LIMIT_OVERRUN_ERROR);
    asyncio_error *e = asyncio_error_take(rc);
    CHECK_STR(asyncio_error_message(e), "Separator is not found, and chunk exceed the limit");
    CHECK_INT(asyncio_error_value(e).i, 8);
    asyncio_error_unref(e);
    put(peer, "ab");
    rc = AWAIT(asyncio_streamreader_readuntil(reader, "ab", &chunk));
    CHECK_INT(rc, ASYNCIO_LIMIT_OVERRUN_ERROR);
    e = asyncio_error_take(rc);
    CHECK_STR(asyncio_error_message(e), "Separator is not found, and chunk exceed the limit");
    asyncio_error_unref(e);
    CHECK_INT(AWAIT(asyncio_streamreader_read(reader, buf, 4)), 4); /* nothing was lost */
    CHECK_STR(buf, "1234");
    CHECK_INT(AWAIT(asyncio_streamreader_readuntil(reader, "ab", &chunk)), 7);
    CHECK_BYTES(chunk, "56789ab");
    put(peer, "123456ab");
    CHECK_INT(AWAIT(asyncio_streamreader_readuntil(reader, "12", &chunk)), 2);
    rc = AWAIT(asyncio_streamreader_readuntil(reader, "b", &chunk));
    CHECK_INT(rc, 6);
    end_stream();
    RETURN();
}
TEST(a_chunk_over_the_limit_stays_where_it_is) { run_alone(until_too_long()); } /* NET-2 */

ASYNC(all_of_it) {
    static char big[300000];
    asyncio_bytes all;
    start_stream(0);
    for (size_t i = 0; i < sizeof big; i++) big[i] = (char)(i * 7 + i / 251);
    asyncio_task *t = start(asyncio_loop_sock_sendall(loop, peer, big, sizeof big));
    char first[3];
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(reader, first, 3)), 3);
    asyncio_task *all_task = start(asyncio_streamreader_readall(reader, &all));
    check_ended(t, 0);
    shutdown(peer, SHUT_WR);
    check_ended(all_task, 0);
    CHECK_INT(all.size, sizeof big - 3);
    CHECK_INT(memcmp(all.data, big + 3, sizeof big - 3), 0);
    CHECK_INT(all.data[all.size], 0);
    CHECK(asyncio_streamreader_at_eof(reader));
    CHECK_INT(AWAIT(asyncio_streamreader_readall(reader, &all)), 0);
    CHECK_BYTES(all, "");
    end_stream();
    RETURN();
}
TEST(readall_gathers_everything_up_to_the_end) { run_alone(all_of_it()); } /* NET-1 */

/* Each read is cancelled while it waits with a part of what it needs. */
ASYNC(cancelled_reads) {
    asyncio_bytes chunk;
    static char buf[20];
    start_stream(0);
    asyncio_task *t = start(asyncio_streamreader_read(reader, buf, 10));
    put(peer, "ab");
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);

    t = start(asyncio_streamreader_readexactly(reader, buf, 4));
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    put(peer, "c");

    t = start(asyncio_streamreader_readline(reader, &chunk));
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    put(peer, "d");

    t = start(asyncio_streamreader_readexactly(reader, buf, 10));
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);
    memset(buf, 0, sizeof buf); /* that memory was the caller's */

    t = start(asyncio_streamreader_readall(reader, &chunk));
    asyncio_task_cancel(t, NULL);
    check_ended(t, ASYNCIO_CANCELLED_ERROR);

    put(peer, "e\nrest");
    CHECK_INT(AWAIT(asyncio_streamreader_readline(reader, &chunk)), 6);
    CHECK_BYTES(chunk, "abcde\n");
    CHECK_INT(AWAIT(asyncio_streamreader_read(reader, buf, 10)), 4);
    CHECK_STR(buf, "rest");
    end_stream();
    RETURN();
}
TEST(a_cancelled_read_of_any_kind_loses_nothing) { run_alone(cancelled_reads()); }

ASYNC(timed_out_read) {
    asyncio_bytes line;
    start_stream(0);
    put(peer, "half");
    CHECK_ERROR(AWAIT(asyncio_wait_for(asyncio_streamreader_readline(reader, &line), 1)),
                ASYNCIO_TIMEOUT_ERROR, NULL);
    put(peer, " and half\n");
    CHECK_INT(AWAIT(asyncio_streamreader_readline(reader, &line)), 14);
    CHECK_BYTES(line, "half and half\n");
    end_stream();
    RETURN();
}
TEST(after_a_timeout_the_reader_goes_on) { run_alone(timed_out_read()); }

ASYNC(two_readers) {
    char buf[4] = "", other[4];
    asyncio_bytes line;
    start_stream(0);
    asyncio_task *t = start(asyncio_streamreader_read(reader, buf, 3));
    CHECK_ERROR(AWAIT(asyncio_streamreader_read(reader, other, 3)), ASYNCIO_RUNTIME_ERROR,
                "read() called while another coroutine is already waiting for incoming data");
    CHECK_ERROR(AWAIT(asyncio_streamreader_readexactly(reader, other, 3)), ASYNCIO_RUNTIME_ERROR,
                "readexactly() called while another coroutine is already waiting for incoming "
                "data");
    CHECK_ERROR(AWAIT(asyncio_streamreader_readline(reader, &line)), ASYNCIO_RUNTIME_ERROR,
                "readuntil() called while another coroutine is already waiting for incoming data");
    put(peer, "abc");
    check_ended(t, 0);
    CHECK_STR(buf, "abc");
    end_stream();
    RETURN();
}
TEST(a_second_reader_is_refused) { run_alone(two_readers()); } /* NET-3 */

ASYNC(closed_while_reading) {
    char buf[4];
    start_stream(0);
    asyncio_task *t = start(asyncio_streamreader_read(reader, buf, 3));
    asyncio_streamwriter_close(writer);
    CHECK_INT(AWAIT(t), 0); /* the end, as in CPython */
    asyncio_task_unref(t);
    CHECK(asyncio_streamreader_at_eof(reader));
    end_stream();
    RETURN();
}
TEST(closing_the_writer_ends_a_read) { run_alone(closed_while_reading()); }

ASYNC(closed_with_something_left) {
    asyncio_bytes line;
    start_stream(0);
    put(peer, "one\ntwo\n");
    CHECK_INT(AWAIT(asyncio_streamreader_readline(reader, &line)), 4);
    asyncio_streamwriter_close(writer);
    CHECK_INT(AWAIT(asyncio_streamreader_readline(reader, &line)), 4);
    CHECK_BYTES(line, "two\n");
    CHECK_INT(AWAIT(asyncio_streamreader_readline(reader, &line)), 0);
    end_stream();
    RETURN();
}
TEST(what_was_received_can_be_read_after_a_close) { run_alone(closed_with_something_left()); }

ASYNC(descriptor_closed) {
    char buf[4];
    asyncio_value fd;
    start_stream(0);
    CHECK_INT(asyncio_streamwriter_get_extra_info(writer, "socket", &fd), 1);
    asyncio_task *t = start(asyncio_streamreader_read(reader, buf, 3));
    CHECK_INT(asyncio_fd_close((int)fd.i), 0);
    check_ended(t, -EBADF);
    CHECK_INT(AWAIT(asyncio_streamreader_read(reader, buf, 3)), -EBADF);
    asyncio_ignore(-EBADF);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(writer)), -EBADF);
    asyncio_ignore(-EBADF);
    end_stream();
    RETURN();
}
TEST(closing_the_descriptor_itself_fails_the_read_with_ebadf) { run_alone(descriptor_closed()); }

ASYNC(fair_read, (int *) turns_taken) {
    char c;
    for (int i = 0; i < 1000; i++) {
        CHECK_INT(AWAIT(asyncio_streamreader_readexactly(reader, &c, 1)), 1);
    }
    *turns_taken = (int)turns();
    RETURN();
}

ASYNC(others_get_a_turn) {
    static char data[1000];
    int begun = 0, ended = 0;
    start_stream(0);
    CHECK_INT(write(peer, data, sizeof data), (int)sizeof data);
    begun = (int)turns();
    CHECK_INT(AWAIT(fair_read(&ended)), 0);
    CHECK(ended - begun >= 10);
    end_stream();
    RETURN();
}
TEST(a_reader_that_never_has_to_wait_lets_others_run) { run_alone(others_get_a_turn()); }

ASYNC(misuse) {
    char buf[4];
    asyncio_bytes b;
    start_stream(0);
    CHECK_ERROR(AWAIT(asyncio_streamreader_read(NULL, buf, 3)), ASYNCIO_TYPE_ERROR,
                "a reader is required");
    CHECK_ERROR(AWAIT(asyncio_streamreader_readline(NULL, &b)), ASYNCIO_TYPE_ERROR,
                "a reader is required");
    CHECK_ERROR(AWAIT(asyncio_streamreader_readuntil(reader, "", &b)), ASYNCIO_VALUE_ERROR,
                "Separator should be at least one-byte string");
    CHECK_ERROR(AWAIT(asyncio_streamreader_readuntil(reader, NULL, &b)), ASYNCIO_VALUE_ERROR,
                "Separator should be at least one-byte string");
    CHECK_ERROR(AWAIT(asyncio_streamreader_readuntil_any(reader, NULL, 0, &b)), ASYNCIO_VALUE_ERROR,
                "Separator should contain at least one element");
    CHECK(!asyncio_streamreader_at_eof(NULL));
    CHECK_INT(asyncio_streamreader_partial(NULL).size, 0);
    CHECK_PTR(asyncio_streamreader_ref(NULL), NULL);
    asyncio_streamreader_unref(NULL);
    end_stream();
    RETURN();
}
TEST(wrong_arguments_are_refused) { run_alone(misuse()); }

ASYNC(reads_line) {
    asyncio_bytes line;
    int n = TRY(AWAIT(asyncio_streamreader_readline(reader, &line)));
    CHECK_BYTES(line, "a line\n");
    RETURN(n);
}

ASYNC(without_memory) {
    start_stream(0);
    put(peer, "a line\n");
    int rc, failures = 0;
    do {
        if (asyncio_testing_fail_allocation(1) < 0) SKIP("needs -Dfault_injection=true");
        rc = AWAIT(reads_line());
        if (rc >= 0) break;
        asyncio_testing_fail_allocation(0);
        CHECK_INT(rc, -ENOMEM);
        asyncio_ignore(rc);
        failures++;
        rc = AWAIT(reads_line());
    } while (rc < 0);
    asyncio_testing_fail_allocation(0);
    CHECK_INT(failures, 1);
    end_stream();
    RETURN();
}
TEST(a_line_that_finds_no_memory_can_be_read_later) { run_alone(without_memory()); }
