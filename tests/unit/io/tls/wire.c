/* SPDX-License-Identifier: MIT
 *
 * TLS over a wire with a will of its own: it brings single bytes, breaks, and lies.
 */
#include "io/stream/starttls.h"

#include "../../../support/core.h"

#include <openssl/ssl.h>

#include "ssl.h"

static int wire[2]; /* the middle's ends: of the client, of the server */

ASYNC(connects_by_wire, (bool *) done) {
    int to_client[2], to_server[2];
    make_pair(to_client);
    make_pair(to_server);
    wire[0] = to_client[1];
    wire[1] = to_server[1];
    asyncio_task *task =
        asyncio_create_task(secure(&server_end, to_server[0], for_server, NULL, NULL));
    int rc = AWAIT(secure(&client, to_client[0], for_client, "localhost", NULL));
    asyncio_outcome o;
    CHECK_INT(AWAIT(asyncio_task_join(task, &o)), 0);
    asyncio_outcome_fini(&o);
    asyncio_task_unref(task);
    *done = true;
    TRY(rc);
    RETURN();
}

/* Moves up to n bytes each way: how many. */
static int move(size_t n) {
    char buf[4096];
    int sum = 0;
    for (int i = 0; i < 2; i++) {
        ssize_t got = recv(wire[i], buf, n, MSG_DONTWAIT);
        if (got <= 0) continue;
        CHECK_INT(send(wire[!i], buf, (size_t)got, MSG_NOSIGNAL), got);
        sum += (int)got;
    }
    return sum;
}

ASYNC(moves, (size_t) n, (const bool *) done) {
    while (!*done) {
        move(n);
        TRY(AWAIT(asyncio_sleep(0)));
    }
    RETURN();
}

static void end_conversation(void) {
    asyncio_streamwriter_abort(client.writer);
    asyncio_streamwriter_abort(server_end.writer);
    let_go(&client);
    let_go(&server_end);
    close_pair(wire);
    end_contexts();
}

ASYNC(drop_by_drop) {
    bool done = false;
    char buf[6] = "";
    make_contexts();
    asyncio_task *mover = asyncio_create_task(moves(1, &done));
    CHECK_INT(AWAIT(connects_by_wire(&done)), 0);
    check_ended(mover, 0);
    CHECK_INT(asyncio_streamwriter_write(client.writer, "hello", 5), 0);
    asyncio_task *t = start(asyncio_streamreader_readexactly(server_end.reader, buf, 5));
    while (!asyncio_task_done(t)) {
        move(1);
        some_turns(1);
    }
    check_ended(t, 5);
    CHECK_STR(buf, "hello");
    end_conversation();
    RETURN();
}
TEST(everything_comes_byte_by_byte) { run_alone(drop_by_drop()); }

/* A read that is cancelled in the middle of a record loses nothing. */
ASYNC(is_cancelled_in_a_record) {
    bool done = false;
    char buf[6] = "";
    make_contexts();
    asyncio_task *mover = asyncio_create_task(moves(100, &done));
    CHECK_INT(AWAIT(connects_by_wire(&done)), 0);
    check_ended(mover, 0);
    while (move(100)) some_turns(3); /* tickets */
    CHECK_INT(asyncio_streamwriter_write(client.writer, "hello", 5), 0);
    bool read = false;
    for (int i = 0; !read && i < 100; i++) {
        asyncio_task *t = start(asyncio_streamreader_readexactly(server_end.reader, buf, 5));
        move(1);
        some_turns(2);
        read = asyncio_task_done(t);
        asyncio_task_cancel(t, NULL);
        check_ended(t, read ? 5 : ASYNCIO_CANCELLED_ERROR);
    }
    CHECK_STR(buf, "hello");
    end_conversation();
    RETURN();
}
TEST(a_read_cancelled_in_the_middle_of_a_record) { run_alone(is_cancelled_in_a_record()); }

/* ---- a wire that breaks or lies ---- */

static struct {
    int from;    /* which end's bytes it harms */
    long at;     /* which byte; -1: none */
    bool breaks; /* there; otherwise it changes the byte */
    long moved;  /* so far, of that end's */
    bool over;
} harm;

/* Moves what is there, with the harm. */
static void move_harmfully(void) {
    char buf[4096];
    for (int i = 0; i < 2; i++) {
        ssize_t got = harm.over ? 0 : recv(wire[i], buf, sizeof buf, MSG_DONTWAIT);
        if (got <= 0) continue;
        long at = i == harm.from ? harm.at - harm.moved : -1;
        if (at >= 0 && at < got) {
            if (harm.breaks) got = at;
            else buf[at] ^= 0x55;
            harm.over = harm.breaks;
        }
        if (i == harm.from) harm.moved += got;
        if (got > 0) send(wire[!i], buf, (size_t)got, MSG_NOSIGNAL);
        if (harm.over) {
            shutdown(wire[0], SHUT_RDWR);
            shutdown(wire[1], SHUT_RDWR);
        }
    }
}

ASYNC(moves_harmfully, (const bool *) done) {
    while (!*done) {
        move_harmfully();
        TRY(AWAIT(asyncio_sleep(0)));
    }
    RETURN();
}

/* What the client got, or the status of why it did not. */
ASYNC(asks, (char *) got) {
    bool connected = false;
    TRY(AWAIT(connects_by_wire(&connected)));
    TRY(server_end.rc < 0 ? -ECONNRESET : 0);
    TRY(asyncio_streamwriter_write(client.writer, "ask", 3));
    TRY(AWAIT(asyncio_streamreader_readexactly(server_end.reader, got, 3)));
    CHECK(memcmp(got, "ask", 3) == 0);
    TRY(asyncio_streamwriter_write(server_end.writer, "an answer", 9));
    asyncio_streamwriter_close(server_end.writer);
    int n = 0, rc;
    while ((rc = TRY(AWAIT(asyncio_streamreader_read(client.reader, got + n, 20)))) > 0) n += rc;
    got[n] = '\0';
    asyncio_streamwriter_close(client.writer);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(client.writer)));
    RETURN(n);
}

/* One conversation: whether the whole answer came. Nothing but that may come. */
ASYNC(asks_in_harm) {
    char got[100] = "";
    bool done = false;
    asyncio_task *mover = asyncio_create_task(moves_harmfully(&done));
    int rc = AWAIT(asks(got));
    done = true;
    check_ended(mover, 0);
    if (rc >= 0) CHECK_STR(got, "an answer");
    asyncio_ignore(rc);
    asyncio_streamwriter_abort(client.writer);
    asyncio_streamwriter_abort(server_end.writer);
    let_go(&client);
    let_go(&server_end);
    close_pair(wire);
    RETURN(rc >= 0);
}

/* At every so many bytes, until the conversation is over before. */
static void harm_everywhere(int from, bool breaks, long step) {
    asyncio_value whole;
    long at = 0, failed = 0;
    make_contexts();
    for (; at <= 10000; at += step) {
        memset(&harm, 0, sizeof harm);
        memset(&client, 0, sizeof client);
        memset(&server_end, 0, sizeof server_end);
        harm.from = from;
        harm.at = at;
        harm.breaks = breaks;
        start_loop();
        CHECK_INT(asyncio_loop_run_until_complete(loop, asks_in_harm(), &whole), 0);
        end_loop();
        failed += whole.i == 0;
        if (harm.moved < at) break;
    }
    CHECK(at < 10000);
    CHECK(failed >= at / step - 2); /* but for the last words */
    end_contexts();
}

TEST_TIMEOUT(the_client_is_cut_off_anywhere, 60) { harm_everywhere(0, true, 13); }
TEST_TIMEOUT(the_server_is_cut_off_anywhere, 60) { harm_everywhere(1, true, 13); }
TEST_TIMEOUT(a_byte_of_the_client_is_changed_anywhere, 60) { harm_everywhere(0, false, 17); }
TEST_TIMEOUT(a_byte_of_the_server_is_changed_anywhere, 60) { harm_everywhere(1, false, 17); }

/* ---- answers that cannot be sent ---- */

static int taken;

ASYNC(takes) {
    char c;
    for (taken = 0; TRY(AWAIT(asyncio_streamreader_read(server_end.reader, &c, 1))) > 0; taken++) {
        CHECK_INT(c, 'x');
    }
    RETURN();
}

/* The client asks for new keys again and again and does not read the answers: the server stops to
 * read before it keeps too many of them, and goes on when they have been sent. */
ASYNC(asks_for_keys) {
    enum { SIZE = 1000000 };
    char *data = calloc(1, SIZE);
    asyncio_value v;
    int asked = 0;
    make_contexts();
    CHECK_INT(AWAIT(connect_both("localhost", NULL)), 0);
    CHECK_INT(asyncio_streamwriter_get_extra_info(client.writer, "ssl_object", &v), 1);
    CHECK_INT(asyncio_streamwriter_write(server_end.writer, data, SIZE), 0);
    asyncio_task *t = start(takes());
    for (; asked < 100000 && SSL_key_update(v.p, SSL_KEY_UPDATE_REQUESTED); asked++) {
        CHECK_INT(asyncio_streamwriter_write(client.writer, "x", 1), 0);
        if (asked % 10 == 0) some_turns(1);
    }
    CHECK(asked < 100000); /* the last ones wait to be sent */
    some_turns(1000);
    CHECK(taken > 1000 && taken < asked);
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(client.reader, data, SIZE)), SIZE);
    CHECK_INT(asyncio_streamwriter_write_eof(client.writer), 0);
    asyncio_task *reads = start(asyncio_streamreader_read(client.reader, data, 1));
    check_ended(t, 0);
    CHECK_INT(taken, asked);
    CHECK_INT(asyncio_streamwriter_write(server_end.writer, "y", 1), 0);
    check_ended(reads, 1);
    close_both();
    free(data);
    end_contexts();
    RETURN();
}
TEST(answers_are_not_kept_without_limit) { run_alone(asks_for_keys()); }
