/* SPDX-License-Identifier: MIT
 *
 * tests/property/random_connections.c: random conversations over connections of all kinds, with
 * TLS and without, in the usual order and in others, whole and with cancellations, against a
 * model of the bytes.
 *
 * Each connection has two ends, each with a task that writes and one that reads. What is written
 * is a known sequence of bytes, so whatever is read can be checked at once. Polite connections
 * end by saying so in both directions: everything that was written arrives, then the end, and there
 * is no error. On the others somebody closes, aborts, resets or gives up at any time: what arrives
 * is the beginning of what was written. Calls are cut short by timeouts, and by a task that cancels
 * others; then they are made again. Nobody waits for ever, and nothing is left.
 *
 * The variables are those of random_programs.c.
 */
#include <netdb.h>
#include <stdint.h>

#ifdef TEST_TLS
#include "../unit/io/tls/certificates.h"
#endif
#include "../unit/io/io.h"

#define MOST 3 /* connections */
#ifdef TEST_TLS
#define KINDS 5
#else
#define KINDS 3
#endif

static uint64_t run_seed;
static unsigned run_order;
static long run_cancel;

#define must_hold(holds, what)                                                                     \
    ((holds) ? (void)0                                                                             \
             : FAIL("%s: PROPERTY_SEED=%llu PROPERTY_SHUFFLE=%u PROPERTY_CANCEL=%ld", what,        \
                    (unsigned long long)run_seed, run_order, run_cancel))

/* A run that hangs is told before it is ended. */
static void tell_run(int signal) {
    char text[128];
    int n = snprintf(text, sizeof text,
                     "running: PROPERTY_SEED=%llu PROPERTY_SHUFFLE=%u PROPERTY_CANCEL=%ld\n",
                     (unsigned long long)run_seed, run_order, run_cancel);
    if (write(2, text, (size_t)n) < 0) _exit(1);
    _exit(signal);
}

/* ---- dice ---- */

struct dice {
    uint64_t state;
};

static uint64_t throw_bits(struct dice *d) {
    uint64_t z = d->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static unsigned throw_dice(struct dice *d, unsigned n) { return (unsigned)(throw_bits(d) % n); }

/* ---- the model ---- */

struct connection;

struct end {
    struct connection *connection;
    struct end *other;
    asyncio_streamreader *reader;
    asyncio_streamwriter *writer;
    asyncio_task *reads, *writes; /* while they run */
    struct dice writing, reading;
    size_t high;          /* the writer's mark */
    size_t written, read; /* bytes */
    unsigned salt;
    bool writes_begun, reads_begun;
    bool ended;  /* it said that it writes no more */
    bool at_end; /* it has read everything */
    bool done;
};

struct connection {
    struct end ends[2];
    bool polite;
    size_t limit;
    enum { PAIR, PORT, PATH, TLS_PAIR, TLS_PORT } kind;
    asyncio_server *server;
};

static char byte_at(const struct end *writer, size_t i) {
    return i % 53 == 52 ? '\n' : (char)('A' + (i * 31 + i / 53 + writer->salt) % 50);
}

/* What was read is what the other end wrote. */
static void take(struct end *e, const char *data, size_t n) {
    const struct end *from = e->other;
    must_hold(e->read + n <= from->written, "more was read than was written");
    for (size_t i = 0; i < n; i++) {
        must_hold(data[i] == byte_at(from, e->read + i), "what was read is not what was written");
    }
    e->read += n;
}

/* ---- doing it again ---- */

static bool interrupted(int rc) {
    if (rc == ASYNCIO_CANCELLED_ERROR) {
        asyncio_ignore(rc);
        asyncio_task_uncancel(asyncio_current_task());
        return true;
    }
    return asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR);
}

static double some_time(struct dice *d) { return throw_dice(d, 2) ? 0 : throw_dice(d, 30) / 1e3; }

/* The status of what is awaited, in the end; at first it may have little time. */
#define PERSIST(d, awaitable)                                                                      \
    __extension__({                                                                                \
        int status_;                                                                               \
        do {                                                                                       \
            if (throw_dice((d), 4) == 0) {                                                         \
                status_ = AWAIT(asyncio_wait_for((awaitable), some_time(d)));                      \
            } else {                                                                               \
                status_ = AWAIT(awaitable);                                                        \
            }                                                                                      \
        } while (interrupted(status_));                                                            \
        status_;                                                                                   \
    })

static void rest(struct dice *d) {
    if (throw_dice(d, 3)) return;
    int rc = AWAIT(asyncio_sleep(throw_dice(d, 2) ? 0 : throw_dice(d, 20) / 1e3));
    if (rc < 0) interrupted(rc);
}

/* What a broken connection says. */
static bool is_broken(struct end *e, int rc) {
    /* The server's handshake was cancelled, which nobody knows of but the server. */
    if (e->connection->kind == TLS_PORT && run_cancel && !e->other->reader) {
        e->connection->polite = false;
    }
    bool tls =
        e->connection->kind >= TLS_PAIR && (rc == ASYNCIO_SSL_ERROR || rc == ASYNCIO_SSL_EOF_ERROR);
    if (!tls && rc != -ECONNRESET && rc != -EPIPE && rc != -ENOTCONN) return false;
    must_hold(!e->connection->polite, "a polite connection broke");
    asyncio_ignore(rc);
    return true;
}

/* ---- rudeness ---- */

static int socket_of(const struct end *e) {
    asyncio_value v;
    int rc = asyncio_streamwriter_get_extra_info(e->writer, "socket", &v);
    return rc == 1 ? (int)v.i : -1;
}

/* Ends the connection without asking. */
static void be_rude(struct end *e, struct dice *d) {
    const struct linger now = { 1, 0 };
    int fd = socket_of(e);
    switch (throw_dice(d, 3)) {
    case 0: asyncio_streamwriter_close(e->writer); return;
    case 1:
        if (fd >= 0) (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        break;
    }
    asyncio_streamwriter_abort(e->writer);
}

/* Waits for the peer to take what was written. Two who close with something left to send, and do
 * not read any more, would wait for each other; so on connections that are not polite the
 * patience has an end. */
static int has_patience(struct end *e, struct dice *d,
                        asyncio_coro (*call)(asyncio_streamwriter *w)) {
    if (e->connection->polite) return PERSIST(d, call(e->writer));
    int rc;
    do rc = AWAIT(asyncio_wait_for(call(e->writer), 1));
    while (rc == ASYNCIO_CANCELLED_ERROR && interrupted(rc));
    if (!asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) return rc;
    asyncio_streamwriter_abort(e->writer);
    return 0;
}

/* ---- writing ---- */

static int writes_some(struct end *e, struct dice *d) {
    static char data[40000];
    size_t n = throw_dice(d, 3) ? throw_dice(d, 200) : throw_dice(d, sizeof data), part = n / 3;
    for (size_t i = 0; i < n; i++) data[i] = byte_at(e, e->written + i);
    const struct iovec parts[] = { { data, part }, { data + part, n - part } };
    int rc = throw_dice(d, 2) ? asyncio_streamwriter_write(e->writer, data, n)
                              : asyncio_streamwriter_writelines(e->writer, parts, 2);
    if (rc >= 0) e->written += n;
    return rc;
}

static int drains(struct end *e, struct dice *d) {
    int rc = has_patience(e, d, asyncio_streamwriter_drain);
    if (rc < 0) return rc;
    must_hold(asyncio_streamwriter_get_write_buffer_size(e->writer) <= e->high,
              "more is kept after a drain than the mark");
    return 0;
}

static void sets_marks(struct end *e, struct dice *d) {
    size_t low = throw_dice(d, 5000);
    e->high = low + throw_dice(d, 20000);
    int rc = asyncio_streamwriter_set_write_buffer_limits(e->writer, e->high, low);
    must_hold(rc == 0, "marks cannot be set");
}

ASYNC(writes, (struct end *) e) {
    struct dice *d = &e->writing;
    int rc = 0;
    e->writes_begun = true;
    for (unsigned steps = throw_dice(d, 12); steps > 0 && rc >= 0; steps--) {
        switch (throw_dice(d, 8)) {
        case 0: rest(d); break;
        case 1: sets_marks(e, d); break;
        case 2:
            if (!e->connection->polite && throw_dice(d, 3) == 0) be_rude(e, d);
            break;
        case 3:
        case 4: rc = drains(e, d); break;
        default: rc = writes_some(e, d); break;
        }
    }
    if (rc >= 0) rc = asyncio_streamwriter_write_eof(e->writer);
    if (rc < 0 && !is_broken(e, rc)) TRY(rc);
    e->ended = true;
    RETURN();
}

/* ---- reading ---- */

/* One read of some kind; 0 or the error. */
static int reads_some(struct end *e, struct dice *d) {
    static const asyncio_bytes any[] = { { "\n", 1 }, { "QR", 2 } };
    char buf[20000];
    asyncio_bytes b = { buf, 0 };
    asyncio_streamreader *r = e->reader;
    size_t n = 1 + (throw_dice(d, 3) ? throw_dice(d, 300) : throw_dice(d, sizeof buf));
    if (n > sizeof buf) n = sizeof buf;
    int rc;
    switch (throw_dice(d, 12)) {
    case 0: rc = PERSIST(d, asyncio_streamreader_readuntil(r, "\n", &b)); break;
    case 1: rc = PERSIST(d, asyncio_streamreader_readuntil_any(r, any, 2, &b)); break;
    case 2:
        if (e->connection->limit) return 0; /* it would drop what is too long */
        rc = PERSIST(d, asyncio_streamreader_readline(r, &b));
        break;
    case 3:
        if (throw_dice(d, 10)) return 0;
        rc = PERSIST(d, asyncio_streamreader_readall(r, &b));
        break;
    case 4:
    case 5:
    case 6: rc = PERSIST(d, asyncio_streamreader_readexactly(r, buf, n)); break;
    default: rc = PERSIST(d, asyncio_streamreader_read(r, buf, n)); break;
    }
    if (asyncio_catch(rc, ASYNCIO_LIMIT_OVERRUN_ERROR)) return 0; /* nothing was taken */
    if (asyncio_catch(rc, ASYNCIO_INCOMPLETE_READ_ERROR)) {
        b = asyncio_streamreader_partial(r);
        rc = (int)b.size;
    }
    if (rc < 0) return rc;
    b.size = (size_t)rc;
    take(e, b.data, b.size);
    return 0;
}

ASYNC(reads, (struct end *) e) {
    struct dice *d = &e->reading;
    int rc = 0;
    e->reads_begun = true;
    while (rc >= 0 && !asyncio_streamreader_at_eof(e->reader)) {
        rest(d);
        if (!e->connection->polite && throw_dice(d, 40) == 0) be_rude(e, d);
        rc = reads_some(e, d);
    }
    if (rc < 0 && !is_broken(e, rc)) TRY(rc);
    if (rc < 0) asyncio_streamwriter_abort(e->writer); /* who does not read must not keep others */
    else e->at_end = true;
    RETURN();
}

/* ---- an end ---- */

/* The task is done and did not fail. (Cancelled: it was, after its last await.) */
static void finish(struct dice *d, asyncio_task **t) {
    asyncio_outcome o;
    must_hold(*t != NULL, "a task cannot be made");
    int rc = PERSIST(d, asyncio_task_join(*t, &o));
    must_hold(rc >= 0, "a task cannot be joined");
    must_hold(o.status >= 0 || o.status == ASYNCIO_CANCELLED_ERROR, "a task failed");
    asyncio_outcome_fini(&o);
    asyncio_task_unref(*t);
    *t = NULL;
}

static void small_buffers(int fd) {
    const int size = 4096;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

#ifdef TEST_TLS
static asyncio_sslcontext *for_client, *for_server;
static struct identity authority, localhost;

static void make_contexts(void) {
    authority = make_identity((struct wish){ .name = "authority", .authority = true });
    localhost = make_identity(
        (struct wish){ .name = "server", .alt = "IP:127.0.0.1", .issuer = &authority });
    for_client = asyncio_ssl_create_default_context(ASYNCIO_SSL_SERVER_AUTH, authority.path);
    for_server = asyncio_ssl_create_default_context(ASYNCIO_SSL_CLIENT_AUTH, NULL);
    CHECK(for_client != NULL && for_server != NULL);
    CHECK_INT(asyncio_sslcontext_load_cert_chain(for_server, localhost.path, NULL, NULL), 0);
}

static void end_contexts(void) {
    asyncio_sslcontext_unref(for_client);
    asyncio_sslcontext_unref(for_server);
    end_identity(&authority);
    end_identity(&localhost);
}

/* A handshake that is cancelled is the end of the connection, for both. */
static bool shakes_hands(struct end *e) {
    bool client = e == &e->connection->ends[0];
    int rc = AWAIT(asyncio_streamwriter_start_tls(e->writer, client ? for_client : for_server,
                                                  .server_hostname = client ? "127.0.0.1" : NULL));
    if (rc >= 0) return true;
    e->connection->polite = false;
    if (!is_broken(e, rc)) must_hold(interrupted(rc), "a handshake failed");
    return false;
}
#else
static asyncio_sslcontext *for_client, *for_server;
static void make_contexts(void) {}
static void end_contexts(void) {}
static bool shakes_hands(struct end *e) { return e != NULL; }
#endif

static void converse(struct end *e) {
    struct dice d = { e->reading.state ^ e->writing.state };
    if (e->connection->kind != PORT && e->connection->kind != TLS_PORT) small_buffers(socket_of(e));
    if (e->connection->kind == TLS_PAIR && !shakes_hands(e)) {
        asyncio_streamwriter_abort(e->writer);
        e->done = true;
        return;
    }
    e->writes = asyncio_create_task(writes(e));
    e->reads = asyncio_create_task(reads(e));
    finish(&d, &e->writes);
    finish(&d, &e->reads);
    if (!e->ended || !e->at_end) asyncio_streamwriter_abort(e->writer);
    asyncio_streamwriter_close(e->writer);
    int rc = has_patience(e, &d, asyncio_streamwriter_wait_closed);
    must_hold(rc >= 0 || is_broken(e, rc), "closing failed");
    e->done = true;
}

/* A connection that is given up while it is made says nothing. */
ASYNC(serves, (asyncio_streamreader *) r, (asyncio_streamwriter *) w, (void *) arg) {
    struct end *e = arg;
    struct dice d = { e->salt };
    char hello;
    int rc = PERSIST(&d, asyncio_streamreader_readexactly(r, &hello, 1));
    if (rc < 0) {
        asyncio_ignore(rc);
        asyncio_streamwriter_close(w);
        RETURN();
    }
    e->reader = r;
    e->writer = w;
    converse(e);
    RETURN();
}

ASYNC(uses, (struct end *) e) {
    converse(e);
    asyncio_streamreader_unref(e->reader);
    asyncio_streamwriter_unref(e->writer);
    e->reader = NULL;
    e->writer = NULL;
    RETURN();
}

/* ---- a program ---- */

static struct connection connections[MOST];
static unsigned count;

static int starts_server(struct connection *c, struct dice *d, const char *path) {
    if (c->kind != PATH) {
        return PERSIST(d, asyncio_start_server(serves, "127.0.0.1", 0, &c->server,
                                               .arg = &c->ends[1], .limit = c->limit,
                                               .ssl = c->kind == TLS_PORT ? for_server : NULL));
    }
    return PERSIST(d, asyncio_start_unix_server(serves, path, &c->server, .arg = &c->ends[1],
                                                .limit = c->limit));
}

static int opens_pair(struct connection *c, struct dice *d) {
    int fd[2], rc = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd);
    must_hold(rc == 0, "no pair of sockets");
    for (int i = 0; i < 2 && rc >= 0; i++) {
        rc = PERSIST(d, asyncio_open_connection(NULL, 0, &c->ends[i].reader, &c->ends[i].writer,
                                                .sock = fd[i], .limit = c->limit));
    }
    return rc;
}

static int opens(struct connection *c, struct dice *d) {
    struct end *e = &c->ends[0];
    char path[64];
    if (c->kind == PAIR || c->kind == TLS_PAIR) return opens_pair(c, d);
    snprintf(path, sizeof path, "/tmp/asyncio-random-%d-%d", (int)getpid(), (int)(c - connections));
    int rc = starts_server(c, d, path);
    if (rc < 0) return rc;
    if (c->kind == PATH) {
        rc = PERSIST(d,
                     asyncio_open_unix_connection(path, &e->reader, &e->writer, .limit = c->limit));
    } else {
        rc = PERSIST(d, asyncio_open_connection("127.0.0.1", asyncio_server_port(c->server),
                                                &e->reader, &e->writer, .limit = c->limit,
                                                .ssl = c->kind == TLS_PORT ? for_client : NULL));
    }
    return rc < 0 ? rc : asyncio_streamwriter_write(e->writer, "H", 1);
}

/* Cancels others now and then. */
ASYNC(meddles, (struct dice) d) {
    for (unsigned times = throw_dice(&d, 20); times > 0; times--) {
        int rc = AWAIT(asyncio_sleep(throw_dice(&d, 4) ? 0 : throw_dice(&d, 10) / 1e3));
        if (rc < 0) interrupted(rc);
        struct end *e = &connections[throw_dice(&d, count)].ends[throw_dice(&d, 2)];
        if (throw_dice(&d, 2)) {
            if (e->writes_begun) asyncio_task_cancel(e->writes, NULL);
        } else if (e->reads_begun) {
            asyncio_task_cancel(e->reads, NULL);
        }
    }
    RETURN();
}

static void wait_a_little(void) {
    int rc = AWAIT(asyncio_sleep(0.001));
    if (rc < 0) interrupted(rc);
}

static void wait_for_flag(const bool *flag) {
    while (!*flag) wait_a_little();
}

static void end_connection(struct connection *c, struct dice *d, asyncio_task *tasks[2]) {
    for (int i = 0; i < 2; i++) {
        if (tasks[i]) finish(d, &tasks[i]);
    }
    if (c->server) {
        bool may_not_come = c->kind == TLS_PORT && run_cancel;
        for (int i = 0; i < 1000 && may_not_come && !c->ends[1].reader; i++) wait_a_little();
        if (!may_not_come || c->ends[1].reader) wait_for_flag(&c->ends[1].done);
        asyncio_server_close(c->server);
        int rc = PERSIST(d, asyncio_server_wait_closed(c->server));
        must_hold(rc >= 0, "a server does not end");
        asyncio_server_unref(c->server);
    }
    for (int i = 0; i < 2 && c->polite; i++) {
        struct end *e = &c->ends[i];
        must_hold(e->ended && e->at_end, "a polite connection broke");
        must_hold(e->read == e->other->written, "bytes were lost");
    }
}

/* A handshake that the client gave up. */
static int see_report(asyncio_loop *l, const asyncio_exception_context *context, void *arg) {
    (void)l, (void)arg;
    must_hold(strstr(context->message, "SSL") != NULL, context->message);
    return 0;
}

ASYNC(program, (uint64_t) seed) {
    struct dice d = { seed };
    asyncio_loop_set_exception_handler(asyncio_get_running_loop(), see_report, NULL);
    asyncio_task *tasks[MOST][2] = { { NULL } };
    count = 1 + throw_dice(&d, MOST);
    memset(connections, 0, sizeof connections);
    for (unsigned i = 0; i < count; i++) {
        struct connection *c = &connections[i];
        c->kind = throw_dice(&d, KINDS);
        c->polite = throw_dice(&d, 2);
        c->limit = throw_dice(&d, 3) ? 0 : 40;
        for (int k = 0; k < 2; k++) {
            c->ends[k] = (struct end){ .connection = c, .other = &c->ends[1 - k], .high = 65536 };
            c->ends[k].salt = throw_dice(&d, 1000);
            c->ends[k].writing.state = throw_bits(&d);
            c->ends[k].reading.state = throw_bits(&d);
        }
    }
    for (unsigned i = 0; i < count; i++) {
        TRY(opens(&connections[i], &d));
        tasks[i][0] = asyncio_create_task(uses(&connections[i].ends[0]));
        if (!connections[i].server)
            tasks[i][1] = asyncio_create_task(uses(&connections[i].ends[1]));
    }
    asyncio_task *meddler = asyncio_create_task(meddles((struct dice){ throw_bits(&d) }));
    for (unsigned i = 0; i < count; i++) end_connection(&connections[i], &d, tasks[i]);
    finish(&d, &meddler);
    RETURN();
}

/* ---- running ---- */

static int count_open(void) {
    int n = 0;
    for (int fd = 0; fd < 100; fd++) n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Returns how many points there were. */
static long run_program(uint64_t seed, unsigned order, long cancel_at) {
    asyncio_testing_result result;
    int before = count_open();
    run_seed = seed;
    run_order = order;
    run_cancel = cancel_at;
    signal(SIGALRM, tell_run);
    alarm(60);
    int rc = asyncio_testing_run(program(seed), &result, .seed = order, .cancel_at = cancel_at);
    must_hold(rc != ASYNCIO_DEADLOCK_ERROR, "somebody waits for ever");
    if (rc < 0) fprintf(stderr, "%s\n", asyncio_err_name(rc));
    must_hold(rc == 0, "the program failed");
    must_hold(result.left == 0, "tasks are left");
    must_hold(result.objects == 0, "objects are left");
    must_hold(count_open() == before, "descriptors are left");
    alarm(0);
    return result.points;
}

static long setting(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text && *text ? atol(text) : otherwise;
}

TEST_TIMEOUT(random_connections, 100000) {
    long usual = test_under_valgrind() || test_under_emulation() ? 20 : 300;
    long seed = setting("PROPERTY_SEED", 1);
    long end = seed + setting("PROPERTY_COUNT", getenv("PROPERTY_SEED") ? 1 : usual);
    make_contexts();
    long order = setting("PROPERTY_SHUFFLE", -1), cancel = setting("PROPERTY_CANCEL", -1);
    for (; seed < end; seed++) {
        struct dice d = { (uint64_t)seed };
        unsigned other = 1 + throw_dice(&d, 1000);
        if (cancel >= 0) {
            run_program((uint64_t)seed, order >= 0 ? (unsigned)order : 0, cancel);
            continue;
        }
        long points = run_program((uint64_t)seed, order >= 0 ? (unsigned)order : 0, 0);
        for (int i = 0; i < 3; i++) {
            unsigned this_order = order >= 0 ? (unsigned)order : i == 0 ? 0 : other;
            run_program((uint64_t)seed, this_order, 1 + throw_dice(&d, (unsigned)points + 1));
        }
    }
    end_contexts();
}
