/* SPDX-License-Identifier: MIT
 *
 * io/tls/transport.c: the transport that speaks TLS over another one (io/tls/openssl.h).
 *
 * handshake (not `done`: nothing is written, reading is the handshake's) -> open -> closing: our
 * close_notify is sent, then the other side's is waited for, as long as the limit allows. An end
 * without close_notify is an error of reading, but for one who has said so first. Writing goes on
 * after it: OpenSSL, which would end both directions, is not told that it was the end.
 */
#include "io/tls/openssl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>

#define SHUTDOWN_SECONDS 30.0
#define SEALED_MOST 65536 /* kept before reading stops to make answers */
#define RECORD 16384      /* bytes in a record, at most */
#define RECORD_OVERHEAD 256
#define BATCH 65536          /* records are sent together up to that */
#define GATHERED 4096        /* small pieces are put together up to that */
#define DISCARD_MOST 1048576 /* how much of what comes after closing is waited through */

/* ---- the inner transport, for OpenSSL ---- */

/* Nothing can be sent any more; the error is in the slot. */
static void break_off(struct asyncio__ssltransport *t, int code) {
    host->kept_take(&t->broken, code);
    host->buffer_free(&t->sealed);
}

/* How many bytes the inner one takes now. */
static size_t send_now(struct asyncio__ssltransport *t, const char *data, size_t n) {
    struct iovec part = { (void *)(uintptr_t)data, n };
    unsigned interest;
    ssize_t sent = t->inner->ops->write(t->inner, &part, 1, &interest);
    if (sent >= 0) return (size_t)sent;
    if (sent != -EAGAIN) break_off(t, (int)sent);
    return 0;
}

/* OpenSSL hears of no failure: it could not read any more. Writing tells. */
static int bio_write(BIO *bio, const char *data, size_t n, size_t *written) {
    struct asyncio__ssltransport *t = BIO_get_data(bio);
    *written = n;
    if (t->broken.code || t->dead) return 1;
    size_t sent = t->sealed.size || t->gathering ? 0 : send_now(t, data, n);
    if (sent == n || t->broken.code) return 1;
    if (host->buffer_append(&t->sealed, data + sent, n - sent) < 0) {
        break_off(t, host->raise(-ENOMEM, NULL));
    }
    return 1;
}

static size_t read_ahead(struct asyncio__ssltransport *t, char *data, size_t n) {
    if (n > t->ahead.size) n = t->ahead.size;
    memcpy(data, asyncio__buffer_start(&t->ahead), n);
    host->buffer_consume(&t->ahead, n);
    if (t->ahead.size == 0) host->buffer_free(&t->ahead);
    return n;
}

static int bio_read(BIO *bio, char *data, size_t n, size_t *got) {
    struct asyncio__ssltransport *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *got = t->ahead.size ? read_ahead(t, data, n) : 0;
    if (*got) return 1;
    if (t->eof || t->raised || t->dead) return 0;
    ssize_t rc = t->inner->ops->read(t->inner, data, n, &t->interest);
    if (rc == ASYNCIO_SSL_EOF_ERROR) asyncio_ignore((int)rc); /* raised again by cut_off */
    if (rc > 0) *got = (size_t)rc;
    else if (rc == 0 || rc == ASYNCIO_SSL_EOF_ERROR) t->eof = true;
    else if (rc == -EAGAIN) BIO_set_retry_read(bio);
    else t->raised = (int)rc;
    return rc > 0;
}

/* Not BIO_CTRL_EOF: after it OpenSSL would not write any more. */
static long bio_ctrl(BIO *bio, int what, long number, void *p) {
    (void)bio, (void)number, (void)p;
    return what == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method;

static void make_method(void) {
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "asyncio");
    if (!m) return;
    BIO_meth_set_write_ex(m, bio_write);
    BIO_meth_set_read_ex(m, bio_read);
    BIO_meth_set_ctrl(m, bio_ctrl);
    bio_method = m;
}

/* ---- sending what is sealed ---- */

/* 0: all is sent; -EAGAIN; or raised. */
static int send_sealed(struct asyncio__ssltransport *t, unsigned *interest) {
    const struct asyncio__transport_ops *inner = t->inner->ops;
    while (t->sealed.size) {
        struct iovec part = { asyncio__buffer_start(&t->sealed), t->sealed.size };
        ssize_t sent = inner->write(t->inner, &part, 1, interest);
        if (sent == -EAGAIN) return -EAGAIN;
        if (sent < 0) break_off(t, (int)sent);
        else host->buffer_consume(&t->sealed, (size_t)sent);
    }
    host->buffer_free(&t->sealed);
    if (t->broken.code) return host->kept_raise(&t->broken);
    return inner->flush ? inner->flush(t->inner, interest) : 0;
}

/* The same on behalf of reading, which does not care how it ends: what else to wait for. */
static unsigned send_answers(struct asyncio__ssltransport *t) {
    unsigned interest = 0;
    if (t->broken.code || !t->sealed.size) return 0;
    int rc = send_sealed(t, &interest);
    if (rc == -EAGAIN) return interest;
    if (rc < 0) asyncio_ignore(rc); /* it is kept */
    return 0;
}

/* ---- what OpenSSL says ---- */

static int cut_off(const struct asyncio__ssltransport *t) {
    if (t->done) {
        return host->raise(ASYNCIO_SSL_EOF_ERROR, "EOF occurred in violation of protocol");
    }
    return host->raise(-ECONNRESET, "the connection was closed during the TLS handshake");
}

/* After a call that did not succeed: 0: the other side has said that it ends; -EAGAIN; raised. */
static int why(struct asyncio__ssltransport *t, unsigned *interest) {
    int error = SSL_get_error(t->ssl, 0);
    if (t->raised) {
        ERR_clear_error();
        return t->raised;
    }
    unsigned also = send_answers(t);
    if (error == SSL_ERROR_WANT_READ) {
        *interest = t->interest | also;
        return -EAGAIN;
    }
    if (error == SSL_ERROR_ZERO_RETURN && t->done) return 0;
    bool ended = error == SSL_ERROR_SYSCALL && t->eof && !t->failed;
    if (ended || error == SSL_ERROR_ZERO_RETURN) return cut_off(t);
    t->failed = true;
    return asyncio__ssl_raise_verify(t->ssl);
}

/* Not while OpenSSL stands on it. */
static void free_ssl(struct asyncio__transport *base) {
    struct asyncio__ssltransport *t = asyncio__ssltransport_of(base);
    host->limit_stop(&t->limit);
    t->dead = t->calling;
    if (t->dead) return;
    SSL_free(t->ssl);
    host->free(t->name);
    host->buffer_free(&t->ahead);
    host->buffer_free(&t->sealed);
    asyncio_error_unref(t->broken.error);
    if (t->inner) t->inner->ops->free(t->inner);
    asyncio_sslcontext_unref(&t->context->base);
    host->free(t);
}

int asyncio__ssl_handshake(struct asyncio__transport *base, unsigned *interest) {
    struct asyncio__ssltransport *t = asyncio__ssltransport_of(base);
    ERR_clear_error();
    t->calling = true;
    t->done = t->done || SSL_do_handshake(t->ssl) == 1;
    t->calling = false;
    if (t->dead) {
        ERR_clear_error();
        free_ssl(base);
        return -EAGAIN;
    }
    return t->done ? send_sealed(t, interest) : why(t, interest);
}

/* ---- reading and writing ---- */

static ssize_t read_ssl(struct asyncio__transport *base, void *buf, size_t n, unsigned *interest) {
    struct asyncio__ssltransport *t = asyncio__ssltransport_of(base);
    size_t got;
    if (t->sealed.size >= SEALED_MOST) {
        *interest = send_answers(t);
        if (*interest) return -EAGAIN;
    }
    ERR_clear_error();
    if (SSL_read_ex(t->ssl, buf, n, &got)) return (ssize_t)got;
    return why(t, interest);
}

struct cursor {
    const struct iovec *parts;
    int count, i;
    size_t at; /* in parts[i] */
};

/* The next piece of what is to be written: a part, or several small ones put together in buf.
 * The cursor goes on behind it. */
static size_t next_piece(struct cursor *c, char *buf, const char **piece) {
    size_t size = 0;
    while (c->i < c->count) {
        const char *data = (const char *)c->parts[c->i].iov_base + c->at;
        size_t left = c->parts[c->i].iov_len - c->at;
        if (size == 0 && (left >= GATHERED || c->i + 1 == c->count)) {
            *piece = data;
            size = left;
            c->i++;
            c->at = 0;
            if (size > 0) return size;
            continue;
        }
        size_t n = left < GATHERED - size ? left : GATHERED - size;
        if (n > 0) memcpy(buf + size, data, n);
        size += n;
        c->at += n;
        if (c->at < c->parts[c->i].iov_len) break;
        c->i++;
        c->at = 0;
    }
    *piece = buf;
    return size;
}

/* Seals a piece as far as the inner one takes it, several records at a time: how much; -EAGAIN; or
 * raised. */
static ssize_t write_piece(struct asyncio__ssltransport *t, const char *data, size_t n,
                           unsigned *interest) {
    size_t sum = 0, put;
    int rc = 0;
    while (rc == 0 && sum < n) {
        t->gathering = n - sum > RECORD;
        ERR_clear_error();
        bool ok = SSL_write_ex(t->ssl, data + sum, n - sum, &put);
        if (ok) sum += put;
        else rc = why(t, interest);
        if (ok && sum < n && t->sealed.size + RECORD + RECORD_OVERHEAD <= BATCH) continue;
        if (ok) rc = send_sealed(t, interest);
        else if (rc == 0) rc = host->raise(-EPIPE, "the connection is closed for writing");
    }
    t->gathering = false;
    return rc < 0 && (rc != -EAGAIN || sum == 0) ? rc : (ssize_t)sum;
}

static ssize_t write_ssl(struct asyncio__transport *base, const struct iovec *parts, int count,
                         unsigned *interest) {
    struct asyncio__ssltransport *t = asyncio__ssltransport_of(base);
    struct cursor cursor = { parts, count, 0, 0 };
    char buf[GATHERED];
    const char *piece;
    ssize_t sum = 0;
    *interest = 0;
    if (!t->done) return -EAGAIN; /* the handshake goes on with what is kept */
    int rc = send_sealed(t, interest);
    if (rc < 0) return rc;
    while (!t->sealed.size) {
        size_t size = next_piece(&cursor, buf, &piece);
        if (size == 0) break;
        ssize_t n = write_piece(t, piece, size, interest);
        if (n < 0) return n == -EAGAIN && sum > 0 ? sum : n;
        sum += n;
        if ((size_t)n < size) break;
    }
    return sum;
}

static int flush_ssl(struct asyncio__transport *base, unsigned *interest) {
    return send_sealed(asyncio__ssltransport_of(base), interest);
}

/* ---- the end ---- */

/* Our close_notify, once. */
static int say_end(struct asyncio__ssltransport *t, unsigned *interest) {
    *interest = 0;
    if (!t->done) return -EAGAIN;
    ERR_clear_error();
    if (!(SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN) && SSL_shutdown(t->ssl) < 0) {
        ERR_clear_error(); /* after an error nothing can be said any more */
    }
    return send_sealed(t, interest);
}

static int shutdown_ssl(struct asyncio__transport *base, unsigned *interest) {
    return say_end(asyncio__ssltransport_of(base), interest);
}

/* Whether the other side has nothing more to say, or has said too much. */
static int hear_end(struct asyncio__ssltransport *t, unsigned *interest) {
    char scratch[4096];
    size_t got;
    while (!t->eof && !(SSL_get_shutdown(t->ssl) & SSL_RECEIVED_SHUTDOWN)) {
        ERR_clear_error();
        if (SSL_read_ex(t->ssl, scratch, sizeof scratch, &got)) {
            t->discarded += got;
            if (t->discarded > DISCARD_MOST) break;
        } else if (!t->eof) {
            return why(t, interest);
        }
    }
    return 0;
}

/* Nothing is left to be said where the handshake was not finished or the connection is broken. */
static int goodbye_ssl(struct asyncio__transport *base, unsigned *interest) {
    struct asyncio__ssltransport *t = asyncio__ssltransport_of(base);
    if (!t->done || t->failed || t->raised) return 0;
    int rc = say_end(t, interest);
    if (rc >= 0) rc = hear_end(t, interest);
    if (rc < 0 || !t->inner->ops->goodbye) return rc;
    return t->inner->ops->goodbye(t->inner, interest);
}

static void closing_ssl(struct asyncio__transport *base) {
    struct asyncio__ssltransport *t = asyncio__ssltransport_of(base);
    if (t->done) host->limit_start(&t->limit, t->shutdown_timeout);
}

static const struct asyncio__transport_ops ssl_ops = {
    .name = "TLS connection",
    .read = read_ssl,
    .write = write_ssl,
    .flush = flush_ssl,
    .shutdown = shutdown_ssl,
    .closing = closing_ssl,
    .goodbye = goodbye_ssl,
    .free = free_ssl,
    .extra = asyncio__ssl_extra,
    .session = asyncio__ssl_session,
};

/* ---- making one ---- */

/* SSL_ERROR says no more than that it did not work. */
static int set_name(struct asyncio__ssltransport *t, const char *name) {
    X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
    t->name = asyncio__ssl_strdup(name);
    if (!t->name) return -ENOMEM;
    unsigned char address[sizeof(struct in6_addr)];
    bool is_ip = inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
    if (!is_ip && !SSL_set_tlsext_host_name(t->ssl, name)) return asyncio__ssl_raise(NULL);
    t->checks_name = t->context->base.check_hostname;
    if (!t->checks_name) return 0;
    int ok = is_ip ? X509_VERIFY_PARAM_set1_ip_asc(param, name)
                   : X509_VERIFY_PARAM_set1_host(param, name, 0);
    return ok ? 0 : asyncio__ssl_raise(NULL);
}

static int set_side(struct asyncio__ssltransport *t, const struct asyncio__tls_request *r) {
    if (t->context->base.server_side) {
        SSL_set_accept_state(t->ssl);
        return 0;
    }
    SSL_set_connect_state(t->ssl);
    if (r->session) {
        struct asyncio__sslsession *session = (struct asyncio__sslsession *)r->session;
        if (!SSL_set_session(t->ssl, session->session)) return asyncio__ssl_raise(NULL);
    }
    return r->server_hostname && *r->server_hostname ? set_name(t, r->server_hostname) : 0;
}

static int set_up(struct asyncio__ssltransport *t, const struct asyncio__tls_request *r) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_method);
    ERR_clear_error();
    t->ssl = SSL_new(t->context->ctx);
    BIO *bio = t->ssl && bio_method ? BIO_new(bio_method) : NULL;
    if (!bio) return asyncio__ssl_raise(NULL);
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_app_data(t->ssl, t);
    return set_side(t, r);
}

struct asyncio__transport *asyncio__ssl_wrap(struct asyncio__stream *s,
                                             const struct asyncio__tls_request *r) {
    struct asyncio__ssltransport *t = host->calloc(1, sizeof *t);
    if (!t) return (void)host->raise(-ENOMEM, NULL), NULL;
    t->base = (struct asyncio__transport){ &ssl_ops, s->loop, s->transport->fd };
    t->context = asyncio__sslcontext_of(asyncio_sslcontext_ref(r->context));
    t->stream = s;
    t->shutdown_timeout = r->shutdown_timeout > 0 ? r->shutdown_timeout : SHUTDOWN_SECONDS;
    host->limit_init(&t->limit, s);
    if (set_up(t, r) < 0) {
        free_ssl(&t->base);
        return NULL;
    }
    t->inner = s->transport;
    t->ahead = s->reader.in;
    s->reader.in = (struct asyncio__buffer){ .data = NULL };
    return &t->base;
}
