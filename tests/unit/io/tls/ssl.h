/* SPDX-License-Identifier: MIT
 *
 * tests/unit/io/tls/ssl.h: both ends of a connection over TLS in one loop.
 */
#ifndef TEST_SSL_H
#define TEST_SSL_H

#include "io/stream/starttls.h"

#include "certificates.h"

static struct identity authority TEST_UNUSED, localhost TEST_UNUSED;
static asyncio_sslcontext *for_client TEST_UNUSED, *for_server TEST_UNUSED;

struct end {
    asyncio_streamreader *reader;
    asyncio_streamwriter *writer;
    int rc; /* how its handshake ended */
    char text[256];
};
static struct end client TEST_UNUSED, server_end TEST_UNUSED;

/* An authority, a server's certificate by it for localhost, and the contexts for them. */
TEST_UNUSED static void make_contexts(void) {
    authority = make_identity((struct wish){ .name = "authority", .authority = true });
    localhost = make_identity((struct wish){
        .name = "server", .alt = "DNS:localhost,IP:127.0.0.1", .issuer = &authority });
    for_client = asyncio_ssl_create_default_context(ASYNCIO_SSL_SERVER_AUTH, authority.path);
    for_server = asyncio_ssl_create_default_context(ASYNCIO_SSL_CLIENT_AUTH, NULL);
    CHECK(for_client != NULL && for_server != NULL);
    CHECK_INT(asyncio_sslcontext_load_cert_chain(for_server, localhost.path, NULL, NULL), 0);
}

TEST_UNUSED static void release_contexts(void) {
    asyncio_sslcontext_unref(for_client);
    asyncio_sslcontext_unref(for_server);
    end_identity(&authority);
    end_identity(&localhost);
}

/* The same where whatever used them has let go of them. */
TEST_UNUSED static void end_contexts(void) {
    CHECK_INT(for_client->refs, 1);
    CHECK_INT(for_server->refs, 1);
    release_contexts();
}

/* Opens a stream over the socket, and then TLS. */
TEST_UNUSED ASYNC(secure, (struct end *) e, (int) fd, (asyncio_sslcontext *) context,
                  (const char *) name, (asyncio_sslsession *) session) {
    e->reader = NULL;
    e->writer = NULL;
    TRY(AWAIT(asyncio_open_connection(NULL, 0, &e->reader, &e->writer, .sock = fd)));
    e->rc = AWAIT(asyncio_streamwriter_start_tls(e->writer, context, .server_hostname = name,
                                                 .ssl_session = session));
    e->text[0] = '\0';
    if (e->rc < 0) {
        asyncio_error *error = asyncio_error_take(e->rc);
        snprintf(e->text, sizeof e->text, "%s", asyncio_error_message(error));
        TRY(asyncio_reraise(error));
    }
    RETURN();
}

/* Both ends shake hands: client and server_end. The status is the client's. */
TEST_UNUSED ASYNC(connect_both, (const char *) name, (asyncio_sslsession *) session) {
    int fd[2];
    make_pair(fd);
    asyncio_task *task = asyncio_create_task(secure(&server_end, fd[1], for_server, NULL, NULL));
    int rc = AWAIT(secure(&client, fd[0], for_client, name, session));
    asyncio_outcome o;
    CHECK_INT(AWAIT(asyncio_task_join(task, &o)), 0);
    asyncio_outcome_fini(&o);
    asyncio_task_unref(task);
    TRY(rc);
    RETURN();
}

TEST_UNUSED static void let_go(struct end *e) {
    asyncio_streamreader_unref(e->reader);
    asyncio_streamwriter_unref(e->writer);
    e->reader = NULL;
    e->writer = NULL;
}

/* Both ends close; neither has seen an error. */
TEST_UNUSED static void close_both(void) {
    asyncio_streamwriter_close(client.writer);
    asyncio_streamwriter_close(server_end.writer);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(client.writer)), 0);
    CHECK_INT(AWAIT(asyncio_streamwriter_wait_closed(server_end.writer)), 0);
    let_go(&client);
    let_go(&server_end);
}

/* What is written at one end arrives at the other. */
TEST_UNUSED static void check_arrives(struct end *from, struct end *to, const char *text) {
    char buf[100] = "";
    CHECK_INT(asyncio_streamwriter_write(from->writer, text, strlen(text)), 0);
    CHECK_INT(AWAIT(asyncio_streamreader_readexactly(to->reader, buf, strlen(text))), strlen(text));
    CHECK_STR(buf, text);
}

#define CHECK_EXTRA(end, name, text)                                                               \
    do {                                                                                           \
        asyncio_value v_;                                                                          \
        CHECK_INT(asyncio_streamwriter_get_extra_info((end).writer, name, &v_), 1);                \
        CHECK_STR(v_.s, text);                                                                     \
        asyncio_value_drop(&v_);                                                                   \
    } while (0)

#endif
