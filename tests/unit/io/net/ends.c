/* SPDX-License-Identifier: MIT
 *
 * The addresses of both ends, as access logs want them: also of a connection that was closed or
 * reset before anybody asked.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/un.h>

#include "../stream.h"

static const char *name_of(const asyncio_streamwriter *w, const char *name) {
    static char text[2][200];
    static int i;
    asyncio_value value;
    char *p = text[i++ % 2];
    int rc = asyncio_streamwriter_get_extra_info(w, name, &value);
    CHECK(rc == 0 || rc == 1);
    snprintf(p, sizeof text[0], "%s", rc == 1 ? value.s : "None");
    asyncio_value_drop(&value);
    return p;
}

static int port_of(int fd, bool own) {
    struct sockaddr_in in;
    socklen_t size = sizeof in;
    int rc = own ? getsockname(fd, (struct sockaddr *)&in, &size)
                 : getpeername(fd, (struct sockaddr *)&in, &size);
    CHECK_INT(rc, 0);
    return ntohs(in.sin_port);
}

/* Both, as the kernel's answers for the test's end say. */
static void check_names(int own_port, int peer_port) {
    char text[64];
    snprintf(text, sizeof text, "127.0.0.1:%d", own_port);
    CHECK_STR(name_of(writer, "sockname"), text);
    snprintf(text, sizeof text, "127.0.0.1:%d", peer_port);
    CHECK_STR(name_of(writer, "peername"), text);
}

enum end { CLOSE, ABORT, RESET };

ASYNC(ends_so, (enum end) end) {
    char buf[10];
    start_tcp_stream(0);
    int own = port_of(peer, false), other = port_of(peer, true);
    check_names(own, other);
    if (end == CLOSE) asyncio_streamwriter_close(writer);
    if (end == ABORT) asyncio_streamwriter_abort(writer);
    if (end == RESET) {
        reset_connection(peer);
        peer = dup(0);
        CHECK_INT(AWAIT(asyncio_streamreader_read(reader, buf, sizeof buf)), -ECONNRESET);
        asyncio_ignore(-ECONNRESET);
        check_names(own, other); /* the kernel says ENOTCONN */
        asyncio_streamwriter_close(writer);
    }
    int rc = AWAIT(asyncio_streamwriter_wait_closed(writer));
    asyncio_ignore(rc);
    check_names(own, other);
    CHECK_STR(name_of(writer, "socket"), "None"); /* the number may be somebody else's */
    end_stream();
    RETURN();
}
TEST(a_closed_connection_knows_its_ends) { run_alone(ends_so(CLOSE)); }
TEST(an_aborted_connection_knows_its_ends) { run_alone(ends_so(ABORT)); }
TEST(a_connection_that_was_reset_knows_its_ends) { run_alone(ends_so(RESET)); }

/* ---- servers ---- */

static asyncio_server *server;

ASYNC(logs, (asyncio_streamreader *) r, (asyncio_streamwriter *) w, (void *) arg) {
    (void)r;
    (void)arg;
    note("<%s>", name_of(w, "peername"));
    asyncio_streamwriter_abort(w);
    note("<%s>", name_of(w, "peername"));
    RETURN();
}

/* The other side has gone before the connection was even accepted. */
ASYNC(resets_at_once) {
    char text[128];
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    CHECK_INT(AWAIT(asyncio_start_server(logs, "127.0.0.1", 0, &server)), 0);
    to.sin_port = htons((uint16_t)asyncio_server_port(server));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    int port = port_of(fd, true);
    reset_connection(fd);
    some_turns(20);
    snprintf(text, sizeof text, "<127.0.0.1:%d> <127.0.0.1:%d>", port, port);
    CHECK_NOTES(text);
    asyncio_server_close(server);
    asyncio_server_unref(server);
    RETURN();
}
TEST(a_server_knows_a_client_that_left_before_it_was_accepted) { run_alone(resets_at_once()); }

ASYNC(over_unix) {
    char path[] = "/tmp/asyncio-test-XXXXXX";
    CHECK(mkdtemp(path) != NULL);
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    snprintf(un.sun_path, sizeof un.sun_path, "%s/socket", path);
    CHECK_INT(AWAIT(asyncio_start_unix_server(logs, un.sun_path, &server)), 0);
    CHECK_INT(AWAIT(asyncio_open_unix_connection(un.sun_path, &reader, &writer)), 0);
    some_turns(20);
    CHECK_NOTES("<> <>"); /* the client's end has no name */
    asyncio_streamwriter_abort(writer);
    CHECK_STR(name_of(writer, "peername"), un.sun_path);
    CHECK_STR(name_of(writer, "sockname"), "");
    asyncio_streamreader_unref(reader);
    asyncio_streamwriter_unref(writer);
    asyncio_server_close(server);
    asyncio_server_unref(server);
    rmdir(path);
    RETURN();
}
TEST(ends_of_unix_sockets_stay_known) { run_alone(over_unix()); }
