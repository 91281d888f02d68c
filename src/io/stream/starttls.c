/* SPDX-License-Identifier: MIT
 *
 * io/stream/starttls.c: how a stream goes over to TLS: checks, the handshake with its time limit,
 * start_tls. Whoever does the cryptography is behind the operations of the context.
 */
#include "io/stream/starttls.h"

#include <asyncio/timeout.h>
#include <errno.h>
#include <math.h>

#include "base/alloc.h"
#include "task/method.h"

#define HANDSHAKE_SECONDS 60.0

/* ---- contexts and sessions ---- */

asyncio_sslcontext *asyncio_sslcontext_ref(asyncio_sslcontext *c) {
    if (c) atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void asyncio_sslcontext_unref(asyncio_sslcontext *c) {
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) > 1) return;
    c->ops->free_context(c);
}

asyncio_sslsession *asyncio_sslsession_ref(asyncio_sslsession *s) {
    if (s) atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void asyncio_sslsession_unref(asyncio_sslsession *s) {
    if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1) return;
    asyncio_sslcontext *context = s->context;
    context->ops->free_session(s);
    asyncio_sslcontext_unref(context);
}

/* The transport knows; one that is none of TLS has none. */
asyncio_sslsession *asyncio_streamwriter_get_ssl_session(const asyncio_streamwriter *w) {
    const struct asyncio__transport *t = w ? asyncio__stream_of_writer(w)->transport : NULL;
    return t && t->ops->session ? t->ops->session(t) : NULL;
}

/* ---- checks ---- */

static int check_timeout(const char *name, double timeout) {
    if (timeout >= 0) return 0;
    return asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "%s should be a positive number, got %g",
                         name, timeout);
}

static int only_with_ssl(const char *name) {
    return asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "%s is only meaningful with ssl", name);
}

static int check_absent(const struct asyncio__tls_request *r) {
    if (r->server_hostname) return only_with_ssl("server_hostname");
    if (r->session) return only_with_ssl("ssl_session");
    if (r->handshake_timeout != 0) return only_with_ssl("ssl_handshake_timeout");
    if (r->shutdown_timeout != 0) return only_with_ssl("ssl_shutdown_timeout");
    return 0;
}

static int check_client(const struct asyncio__tls_request *r) {
    if (r->context->check_hostname && (!r->server_hostname || !*r->server_hostname)) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, "check_hostname requires server_hostname");
    }
    if (r->server_hostname && *r->server_hostname == '.') { /* would stand for all below it */
        return asyncio__raise(ASYNCIO_VALUE_ERROR,
                              "server_hostname cannot be an empty string or start with a leading "
                              "dot.");
    }
    if (!r->session) return 0;
    if (r->session->context == r->context) return r->context->ops->check_session(r);
    return asyncio__raise(ASYNCIO_VALUE_ERROR, "Session refers to a different SSLContext.");
}

int asyncio__tls_check(const struct asyncio__tls_request *r, bool server_side) {
    if (!r->context) return check_absent(r);
    if (r->context->server_side != server_side) {
        return asyncio__raise(ASYNCIO_VALUE_ERROR, server_side
                                                       ? "a server needs a context for servers"
                                                       : "a client needs a context for clients");
    }
    int rc = check_timeout("ssl_handshake_timeout", r->handshake_timeout);
    if (rc >= 0) rc = check_timeout("ssl_shutdown_timeout", r->shutdown_timeout);
    return rc < 0 || server_side ? rc : check_client(r);
}

/* ---- the handshake ---- */

/* Somebody closed the stream while the handshake was going on. */
static int closed_meanwhile(const struct asyncio__stream *s) {
    if (s->error.code) return asyncio__kept_raise(&s->error);
    return asyncio__raise(-ECONNABORTED, "the connection was closed during the TLS handshake");
}

static int shake_hands(struct asyncio__stream *s, const struct asyncio__tls_request *r) {
    struct asyncio_task *task = asyncio__task_current();
    int rc = 0;
    while (rc >= 0 && s->state == ASYNCIO__STREAM_OPEN) {
        unsigned interest = 0;
        rc = r->context->ops->handshake(s->transport, &interest);
        if (rc != -EAGAIN) return rc;
        rc = s->state == ASYNCIO__STREAM_OPEN ? asyncio__stream_wait(s, task, interest) : 0;
    }
    return rc < 0 ? rc : closed_meanwhile(s);
}

static int too_late(double timeout) {
    asyncio_error_unref(asyncio_error_take(ASYNCIO_TIMEOUT_ERROR));
    return asyncio_raise(-ECONNABORTED, NULL, NULL,
                         "SSL handshake is taking longer than %g seconds: aborting the connection",
                         timeout);
}

static int shake_hands_in_time(struct asyncio__stream *s, const struct asyncio__tls_request *r) {
    double timeout = r->handshake_timeout > 0 ? r->handshake_timeout : HANDSHAKE_SECONDS;
    asyncio_timeout_with tm = asyncio_timeout(timeout, NULL);
    int rc = asyncio_block_enter(&tm.block);
    if (rc < 0) return rc;
    rc = asyncio_block_exit(&tm.block, shake_hands(s, r));
    return rc == ASYNCIO_TIMEOUT_ERROR ? too_late(timeout) : rc;
}

int asyncio__tls_start(struct asyncio__stream *s, const struct asyncio__tls_request *r) {
    asyncio__stream_ref(s);
    asyncio__streamreader_take_lent(&s->reader);
    struct asyncio__transport *t = r->context->ops->wrap(s, r);
    int rc = t ? 0 : asyncio__slot_status();
    if (t) {
        asyncio__stream_swap(s, t);
        rc = shake_hands_in_time(s, r);
    }
    if (rc < 0) asyncio__stream_abort(s);
    else if (s->transport) asyncio__stream_flush(s); /* what others wrote meanwhile */
    asyncio__stream_unref(s);
    return rc;
}

/* ---- start_tls ---- */

struct start_args {
    asyncio_streamwriter *writer;
    asyncio_sslcontext *context;
    const asyncio_start_tls_options *options; /* NULL: none */
    void *copies;                             /* what the options were copied to, or NULL */
};

struct copies {
    asyncio_start_tls_options options;
    char *server_hostname;
};

static int capture_start(void *args) {
    struct start_args *a = args;
    if (a->options) {
        struct copies *c = asyncio__calloc(1, sizeof *c);
        if (!c) return -ENOMEM;
        c->options = *a->options;
        if (c->options.server_hostname) {
            c->server_hostname = asyncio__strdup(c->options.server_hostname);
            if (!c->server_hostname) {
                asyncio__free(c);
                return -ENOMEM;
            }
        }
        c->options.server_hostname = c->server_hostname;
        asyncio_sslsession_ref(c->options.ssl_session);
        a->copies = c;
        a->options = &c->options;
    }
    asyncio_streamwriter_ref(a->writer);
    asyncio_sslcontext_ref(a->context);
    return 0;
}

static void release_start(void *args) {
    struct start_args *a = args;
    struct copies *c = a->copies;
    if (c) {
        asyncio_sslsession_unref(c->options.ssl_session);
        asyncio__free(c->server_hostname);
        asyncio__free(c);
    }
    asyncio_streamwriter_unref(a->writer);
    asyncio_sslcontext_unref(a->context);
}

static int check_stream(const struct asyncio__stream *s) {
    if (s->state != ASYNCIO__STREAM_OPEN || s->writer.eof) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR, "the connection is closing");
    }
    if (!s->transport->ops->shutdown) {
        return asyncio_raise(ASYNCIO_TYPE_ERROR, NULL, NULL, "a %s is not supported by start_tls()",
                             s->transport->ops->name);
    }
    if (s->reader.waiting) {
        return asyncio__raise(ASYNCIO_RUNTIME_ERROR,
                              "start_tls() called while another coroutine is already waiting for "
                              "incoming data");
    }
    return asyncio__writer_check(&s->writer);
}

static int run_start_tls(const void *args, asyncio_value *result) {
    const struct start_args *a = args;
    static const asyncio_start_tls_options none = { .size = sizeof none };
    const asyncio_start_tls_options *o = a->options ? a->options : &none;
    struct asyncio__tls_request r = { a->context, o->server_hostname, o->ssl_session,
                                      o->ssl_handshake_timeout, o->ssl_shutdown_timeout };
    (void)result;
    if (!a->writer) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a writer is required");
    if (!a->context) return asyncio__raise(ASYNCIO_TYPE_ERROR, "a context is required");
    struct asyncio__stream *s = asyncio__stream_of_writer(a->writer);
    asyncio__stream_ref(s);
    int rc = asyncio__tls_check(&r, a->context->server_side);
    if (rc >= 0) rc = check_stream(s);
    if (rc >= 0) rc = asyncio__stream_flush_all(s);
    if (rc >= 0) rc = check_stream(s);
    if (rc >= 0) rc = asyncio__tls_start(s, &r);
    asyncio__stream_unref(s);
    return rc;
}

ASYNCIO__COROUTINE(asyncio_streamwriter_start_tls, struct start_args, .run = run_start_tls,
                   .capture = capture_start, .release = release_start);

asyncio_coro asyncio_streamwriter_start_tls_with(asyncio_streamwriter *writer,
                                                 asyncio_sslcontext *context,
                                                 const asyncio_start_tls_options *options) {
    return ASYNCIO__CORO(asyncio_streamwriter_start_tls, writer, context, options, NULL);
}
