/* SPDX-License-Identifier: MIT
 *
 * Connections of a server that end while their task is made: what makes it is the program's, a
 * callback, a task factory, an eager first step, and may end any connection.
 */
#include "../io.h"

static asyncio_server *server;

ASYNC(aborts_at_once, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer,
      (void *) arg) {
    (void)reader;
    note("%s", (const char *)arg);
    asyncio_streamwriter_abort(writer);
    RETURN();
}

/* The callback itself, before there is a task. */
static asyncio_coro abort_all(asyncio_streamreader *reader, asyncio_streamwriter *writer,
                              void *arg) {
    asyncio_server_abort_clients(server);
    return aborts_at_once(reader, writer, arg);
}

static asyncio_task *abort_and_make(asyncio_loop *l, const asyncio_task_options *options,
                                    void *arg) {
    (void)arg;
    asyncio_server_abort_clients(server);
    return asyncio_eager_task_factory(l, options, NULL);
}

static asyncio_task *abort_and_refuse(asyncio_loop *l, const asyncio_task_options *options,
                                      void *arg) {
    (void)l, (void)options, (void)arg;
    asyncio_server_abort_clients(server);
    asyncio_raise(ASYNCIO_KEY_ERROR, NULL, NULL, "no task");
    return NULL;
}

/* Two clients at once; both are hung up on. */
ASYNC(ends_while_it_starts, (asyncio_client_connected_cb *) callback,
      (asyncio_task_factory *) factory, (const char *) expected, (int) reports) {
    asyncio_loop *l = asyncio_get_running_loop();
    struct {
        asyncio_streamreader *reader;
        asyncio_streamwriter *writer;
    } clients[2];
    char c;
    CHECK_INT(AWAIT(asyncio_start_server(callback, "127.0.0.1", 0, &server, .arg = TEXT("called"))),
              0);
    asyncio_loop_set_task_factory(l, factory, NULL);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(AWAIT(asyncio_open_connection("127.0.0.1", asyncio_server_port(server),
                                                &clients[i].reader, &clients[i].writer)),
                  0);
    }
    for (int i = 0; i < 2; i++) {
        CHECK_INT(AWAIT(asyncio_streamreader_read(clients[i].reader, &c, 1)), 0);
        asyncio_streamreader_unref(clients[i].reader);
        asyncio_streamwriter_unref(clients[i].writer);
    }
    asyncio_loop_set_task_factory(l, NULL, NULL);
    some_turns(3);
    CHECK_NOTES(expected);
    CHECK_INT(reported.count, reports);
    CHECK_INT(AWAIT(asyncio_server_shutdown(server, 1)), 0);
    asyncio_server_unref(server);
    RETURN();
}
TEST(a_connection_ends_in_its_first_eager_step) {
    run_alone(ends_while_it_starts(aborts_at_once, asyncio_eager_task_factory, "called called", 0));
}
TEST(connections_end_in_the_callback_of_one) {
    run_alone(ends_while_it_starts(abort_all, NULL, "called called", 0));
}
TEST(connections_end_in_the_task_factory) {
    run_alone(ends_while_it_starts(aborts_at_once, abort_and_make, "called called", 0));
}
TEST(connections_end_in_a_task_factory_that_fails) {
    run_alone(ends_while_it_starts(aborts_at_once, abort_and_refuse, "", 2));
}
