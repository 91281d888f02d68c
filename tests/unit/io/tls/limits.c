/* SPDX-License-Identifier: MIT
 *
 * How many handshakes a server has under way, and what it does about those that take long.
 */
#include "io/stream/starttls.h"

#include "../../../support/core.h"

#include "ssl.h"

static asyncio_server *server;

ASYNC(echoes, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) arg) {
    char buf[100];
    int n;
    (void)arg;
    while ((n = TRY(AWAIT(asyncio_streamreader_read(reader, buf, sizeof buf)))) > 0) {
        TRY(asyncio_streamwriter_write(writer, buf, (size_t)n));
    }
    asyncio_streamwriter_close(writer);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(writer)));
    RETURN();
}

static void start_server(int connections, int handshakes) {
    make_contexts();
    CHECK_INT(
        AWAIT(asyncio_start_server(echoes, "127.0.0.1", 0, &server, .ssl = for_server,
                                   .max_connections = connections, .max_handshakes = handshakes)),
        0);
}

static void end_server(void) {
    CHECK_INT(AWAIT(asyncio_server_shutdown(server, 10)), 0);
    asyncio_server_unref(server);
    end_contexts();
}

static double now(void) { return asyncio_loop_time(asyncio_get_running_loop()); }

/* A client that connects and says nothing. */
static void connect_silently(struct end *e) {
    CHECK_INT(AWAIT(asyncio_open_connection("127.0.0.1", asyncio_server_port(server), &e->reader,
                                            &e->writer)),
              0);
}

/* One that does as it should. */
ASYNC(says_hello) {
    struct end e;
    TRY(AWAIT(asyncio_open_connection("127.0.0.1", asyncio_server_port(server), &e.reader,
                                      &e.writer, .ssl = for_client)));
    check_arrives(&e, &e, "hello");
    asyncio_streamwriter_close(e.writer);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(e.writer)));
    let_go(&e);
    RETURN();
}

static bool is_dropped(struct end *e) {
    some_turns(5);
    return asyncio_streamreader_at_eof(e->reader);
}

/* Three at most: the fourth waits for five seconds, then the oldest has to go. */
ASYNC(drops_the_oldest, (int) connections, (int) handshakes) {
    struct end silent[3];
    char c;
    start_server(connections, handshakes);
    double begin = now();
    for (int i = 0; i < 3; i++) {
        connect_silently(&silent[i]);
        CHECK_INT(AWAIT(asyncio_sleep(1)), 0);
    }
    CHECK_INT(AWAIT(says_hello()), 0);
    CHECK_NEAR(now() - begin, 5.0, 0.001);
    CHECK_INT(AWAIT(asyncio_streamreader_read(silent[0].reader, &c, 1)), 0);
    CHECK_NEAR(now() - begin, 5.0, 0.001);
    CHECK_INT(AWAIT(says_hello()), 0); /* for whom there is room */
    CHECK_NEAR(now() - begin, 5.0, 0.001);
    CHECK(!is_dropped(&silent[1]));
    CHECK(!is_dropped(&silent[2]));
    for (int i = 0; i < 3; i++) let_go(&silent[i]);
    CHECK_INT(reported.count, asyncio_loop_get_debug(asyncio_get_running_loop()) ? 1 : 0);
    end_server();
    RETURN();
}
TEST(the_oldest_handshake_makes_room_in_time) { run_alone(drops_the_oldest(0, 3)); }
TEST(it_makes_room_for_connections_too) { run_alone(drops_the_oldest(3, 0)); }

/* Those who do as they should wait for each other, and no time passes. */
ASYNC(takes_turns) {
    enum { COUNT = 8 };
    asyncio_task *t[COUNT];
    start_server(0, 1);
    double begin = now();
    for (int i = 0; i < COUNT; i++) t[i] = asyncio_create_task(says_hello());
    for (int i = 0; i < COUNT; i++) check_ended(t[i], 0);
    CHECK_NEAR(now(), begin, 0.001);
    end_server();
    RETURN();
}
TEST(handshakes_take_turns_at_the_limit) { run_alone(takes_turns()); }

/* Whoever has shaken hands counts no more, and is never dropped. */
ASYNC(keeps_the_others) {
    struct end silent;
    start_server(0, 1);
    CHECK_INT(AWAIT(asyncio_open_connection("127.0.0.1", asyncio_server_port(server),
                                            &client.reader, &client.writer, .ssl = for_client)),
              0);
    check_arrives(&client, &client, "first");
    CHECK_INT(AWAIT(asyncio_sleep(100)), 0);
    connect_silently(&silent);
    CHECK_INT(AWAIT(says_hello()), 0);
    check_arrives(&client, &client, "second");
    asyncio_streamwriter_close(client.writer);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(client.writer)), 0);
    let_go(&client);
    let_go(&silent);
    end_server();
    RETURN();
}
TEST(a_finished_handshake_counts_no_more) { run_alone(keeps_the_others()); }

/* Clients that leave in the handshake make room at once. */
ASYNC(leaves_early) {
    struct end silent[2];
    start_server(0, 2);
    double begin = now();
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2; i++) connect_silently(&silent[i]);
        some_turns(5);
        for (int i = 0; i < 2; i++) {
            asyncio_streamwriter_abort(silent[i].writer);
            let_go(&silent[i]);
        }
        CHECK_INT(AWAIT(says_hello()), 0);
    }
    CHECK_NEAR(now(), begin, 0.001);
    end_server();
    RETURN();
}
TEST(a_handshake_that_is_given_up_makes_room) { run_alone(leaves_early()); }

ASYNC(closes_at_the_limit) {
    struct end silent[2];
    start_server(0, 1);
    for (int i = 0; i < 2; i++) connect_silently(&silent[i]);
    CHECK_INT(AWAIT(asyncio_sleep(1)), 0);
    asyncio_server_close(server);
    asyncio_server_abort_clients(server);
    for (int i = 0; i < 2; i++) let_go(&silent[i]);
    end_server();
    RETURN();
}
TEST(a_server_closes_while_handshakes_are_at_the_limit) { run_alone(closes_at_the_limit()); }
