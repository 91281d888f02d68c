/* SPDX-License-Identifier: MIT
 *
 * io/tls/context.c: contexts: certificates and settings of many connections, and what a server
 * decides by the name that a client asks for.
 */
#include "io/tls/openssl.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <strings.h>

#define READ_BUFFER 32768

static int no_context(void) { return host->raise(ASYNCIO_TYPE_ERROR, "a context is required"); }

static SSL_CTX *ctx_of(const asyncio_sslcontext *c) { return asyncio__sslcontext_of(c)->ctx; }

/* ---- life ---- */

static void free_context(asyncio_sslcontext *base) {
    struct asyncio__sslcontext *c = asyncio__sslcontext_of(base);
    SSL_CTX_free(c->ctx);
    host->free(c->alpn);
    host->free(c);
}

static void free_session(asyncio_sslsession *base) {
    struct asyncio__sslsession *s = (struct asyncio__sslsession *)base;
    SSL_SESSION_free(s->session);
    host->free(s->name);
    host->free(s);
}

/* Names of hosts are the same in capitals. */
static int check_session(const struct asyncio__tls_request *r) {
    const struct asyncio__sslsession *s = (const struct asyncio__sslsession *)r->session;
    const char *name = r->server_hostname ? r->server_hostname : "";
    if (strcasecmp(s->name ? s->name : "", name) != 0) {
        return host->raise(ASYNCIO_VALUE_ERROR, "Session refers to a different server_hostname.");
    }
    bool verifies = asyncio_sslcontext_verify_mode(r->context) != ASYNCIO_SSL_CERT_NONE;
    if ((verifies && !s->verified) || (r->context->check_hostname && !s->checks_name)) {
        return host->raise(ASYNCIO_VALUE_ERROR, "Session was not verified as SSLContext demands.");
    }
    return 0;
}

const struct asyncio__tls_ops asyncio__ssl_ops = {
    .wrap = asyncio__ssl_wrap,
    .handshake = asyncio__ssl_handshake,
    .check_session = check_session,
    .free_context = free_context,
    .free_session = free_session,
};

/* A session is for one context only, so that a client that was let in by one with loose rules does
 * not get into one with strict rules by what it got there. */
static int mark_sessions(SSL_CTX *ctx) {
    unsigned char id[16];
    return RAND_bytes(id, sizeof id) == 1 && SSL_CTX_set_session_id_context(ctx, id, sizeof id);
}

/* OpenSSL tries to read a whole record, and what comes behind it, at once; buffers of idle
 * connections are freed. */
static bool prepare(struct asyncio__sslcontext *c) {
    SSL_CTX *ctx = c->ctx;
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_default_read_buffer_len(ctx, READ_BUFFER);
    X509_VERIFY_PARAM_set_hostflags(SSL_CTX_get0_param(ctx), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_TRUSTED_FIRST);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) && mark_sessions(ctx);
}

asyncio_sslcontext *asyncio_sslcontext_new(enum asyncio_ssl_protocol protocol) {
    bool server_side = protocol == ASYNCIO_SSL_PROTOCOL_TLS_SERVER;
    if (!server_side && protocol != ASYNCIO_SSL_PROTOCOL_TLS_CLIENT) {
        host->raise(ASYNCIO_VALUE_ERROR, "invalid or unsupported protocol version");
        return NULL;
    }
    struct asyncio__sslcontext *c = host->calloc(1, sizeof *c);
    if (!c) return (void)host->raise(-ENOMEM, NULL), NULL;
    c->base.ops = &asyncio__ssl_ops;
    atomic_init(&c->base.refs, 1);
    c->base.server_side = server_side;
    c->base.check_hostname = !server_side;
    ERR_clear_error();
    c->ctx = SSL_CTX_new(server_side ? TLS_server_method() : TLS_client_method());
    if (!c->ctx || !prepare(c)) {
        asyncio__ssl_raise(NULL);
        free_context(&c->base);
        return NULL;
    }
    if (!server_side) asyncio_sslcontext_set_verify_mode(&c->base, ASYNCIO_SSL_CERT_REQUIRED);
    return &c->base;
}

asyncio_sslcontext *asyncio_ssl_create_default_context(enum asyncio_ssl_purpose purpose,
                                                       const char *cafile) {
    bool server_side = purpose == ASYNCIO_SSL_CLIENT_AUTH;
    if (!server_side && purpose != ASYNCIO_SSL_SERVER_AUTH) {
        host->raise(ASYNCIO_VALUE_ERROR, "invalid purpose");
        return NULL;
    }
    asyncio_sslcontext *c = asyncio_sslcontext_new(server_side ? ASYNCIO_SSL_PROTOCOL_TLS_SERVER
                                                               : ASYNCIO_SSL_PROTOCOL_TLS_CLIENT);
    if (!c) return NULL;
    int rc = asyncio_sslcontext_set_verify_flags(c, ASYNCIO_SSL_VERIFY_X509_TRUSTED_FIRST |
                                                        ASYNCIO_SSL_VERIFY_X509_PARTIAL_CHAIN |
                                                        ASYNCIO_SSL_VERIFY_X509_STRICT);
    if (rc >= 0 && cafile) rc = asyncio_sslcontext_load_verify_locations(c, cafile, NULL, NULL);
    else if (rc >= 0 && !server_side) rc = asyncio_sslcontext_load_default_certs(c);
    if (rc >= 0) return c;
    asyncio_sslcontext_unref(c);
    return NULL;
}

/* ---- certificates ---- */

struct password {
    const char *text; /* NULL: none */
    bool missed;
};

/* OpenSSL would ask on the terminal if there were no callback. */
static int give_password(char *buf, int size, int writing, void *arg) {
    struct password *password = arg;
    size_t n = password && password->text ? strlen(password->text) : 0;
    (void)writing;
    if (!password) return -1;
    password->missed = !password->text;
    if (password->missed || n > (size_t)size) return -1;
    memcpy(buf, password->text, n);
    return (int)n;
}

static int load_key(SSL_CTX *ctx, const char *certfile, const char *keyfile,
                    const struct password *password) {
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ctx, certfile) != 1) return asyncio__ssl_raise(certfile);
    if (SSL_CTX_use_PrivateKey_file(ctx, keyfile, SSL_FILETYPE_PEM) != 1) {
        if (!password->missed) return asyncio__ssl_raise(keyfile);
        ERR_clear_error();
        return asyncio_raise(ASYNCIO_SSL_ERROR, NULL, NULL,
                             "%s: the key is encrypted, and there is no password", keyfile);
    }
    return SSL_CTX_check_private_key(ctx) == 1 ? 0 : asyncio__ssl_raise(keyfile);
}

int asyncio_sslcontext_load_cert_chain(asyncio_sslcontext *c, const char *certfile,
                                       const char *keyfile, const char *password) {
    struct password p = { password, false };
    if (!c) return no_context();
    if (!certfile) return host->raise(ASYNCIO_TYPE_ERROR, "certfile is required");
    SSL_CTX *ctx = ctx_of(c);
    SSL_CTX_set_default_passwd_cb(ctx, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, &p);
    int rc = load_key(ctx, certfile, keyfile ? keyfile : certfile, &p);
    SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
    return rc;
}

/* Whether OpenSSL stopped because the text or file has no more certificates. */
static bool at_end(void) {
    unsigned long error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static int add_certificates(X509_STORE *store, const char *text) {
    BIO *bio = BIO_new_mem_buf(text, -1);
    int count = 0, rc = 0;
    if (!bio) return host->raise(-ENOMEM, NULL);
    while (rc >= 0) {
        X509 *x = PEM_read_bio_X509(bio, NULL, give_password, NULL);
        if (!x) break;
        if (X509_STORE_add_cert(store, x) == 1) count++;
        else rc = asyncio__ssl_raise("cadata");
        X509_free(x);
    }
    BIO_free(bio);
    if (rc >= 0 && !(count > 0 && at_end())) rc = asyncio__ssl_raise("cadata");
    ERR_clear_error();
    return rc;
}

int asyncio_sslcontext_load_verify_locations(asyncio_sslcontext *c, const char *cafile,
                                             const char *capath, const char *cadata) {
    if (!c) return no_context();
    if (!cafile && !capath && !cadata) {
        return host->raise(ASYNCIO_TYPE_ERROR, "cafile, capath and cadata cannot be all omitted");
    }
    SSL_CTX *ctx = ctx_of(c);
    ERR_clear_error();
    if (cadata) {
        int rc = add_certificates(SSL_CTX_get_cert_store(ctx), cadata);
        if (rc < 0) return rc;
    }
    if (cafile && SSL_CTX_load_verify_file(ctx, cafile) != 1) return asyncio__ssl_raise(cafile);
    if (capath && SSL_CTX_load_verify_dir(ctx, capath) != 1) return asyncio__ssl_raise(capath);
    return 0;
}

int asyncio_sslcontext_load_default_certs(asyncio_sslcontext *c) {
    if (!c) return no_context();
    ERR_clear_error();
    if (SSL_CTX_set_default_verify_paths(ctx_of(c)) != 1) return asyncio__ssl_raise(NULL);
    ERR_clear_error(); /* places where there is nothing */
    return 0;
}

/* ---- verification ---- */

int asyncio_sslcontext_set_verify_mode(asyncio_sslcontext *c, enum asyncio_ssl_verify_mode mode) {
    static const int modes[] = { SSL_VERIFY_NONE, SSL_VERIFY_PEER,
                                 SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT };
    if (!c) return no_context();
    if ((unsigned)mode > ASYNCIO_SSL_CERT_REQUIRED) {
        return host->raise(ASYNCIO_VALUE_ERROR, "invalid value for verify_mode");
    }
    if (mode == ASYNCIO_SSL_CERT_NONE && c->check_hostname) {
        return host->raise(ASYNCIO_VALUE_ERROR,
                           "Cannot set verify_mode to CERT_NONE when check_hostname is enabled.");
    }
    SSL_CTX_set_verify(ctx_of(c), modes[mode], NULL);
    return 0;
}

int asyncio_sslcontext_set_check_hostname(asyncio_sslcontext *c, bool on) {
    if (!c) return no_context();
    if (on && c->server_side) {
        return host->raise(ASYNCIO_VALUE_ERROR, "a server has no name to check");
    }
    if (on && asyncio_sslcontext_verify_mode(c) == ASYNCIO_SSL_CERT_NONE) {
        asyncio_sslcontext_set_verify_mode(c, ASYNCIO_SSL_CERT_REQUIRED);
    }
    c->check_hostname = on;
    return 0;
}

enum asyncio_ssl_verify_mode asyncio_sslcontext_verify_mode(const asyncio_sslcontext *c) {
    int mode = c ? SSL_CTX_get_verify_mode(ctx_of(c)) : SSL_VERIFY_NONE;
    if (!(mode & SSL_VERIFY_PEER)) return ASYNCIO_SSL_CERT_NONE;
    if (mode & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) return ASYNCIO_SSL_CERT_REQUIRED;
    return ASYNCIO_SSL_CERT_OPTIONAL;
}

bool asyncio_sslcontext_check_hostname(const asyncio_sslcontext *c) {
    return c && c->check_hostname;
}

int asyncio_sslcontext_set_verify_flags(asyncio_sslcontext *c, unsigned long flags) {
    if (!c) return no_context();
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx_of(c));
    X509_VERIFY_PARAM_clear_flags(param, X509_VERIFY_PARAM_get_flags(param));
    X509_VERIFY_PARAM_set_flags(param, flags);
    return 0;
}

unsigned long asyncio_sslcontext_verify_flags(const asyncio_sslcontext *c) {
    return c ? X509_VERIFY_PARAM_get_flags(SSL_CTX_get0_param(ctx_of(c))) : 0;
}

/* ---- versions, ciphers, protocols ---- */

static int bad_version(enum asyncio_ssl_version version) {
    return asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "Unsupported TLS/SSL version 0x%x",
                         (unsigned)version);
}

static bool is_version(enum asyncio_ssl_version version) {
    return version == ASYNCIO_SSL_TLSV1_2 || version == ASYNCIO_SSL_TLSV1_3;
}

int asyncio_sslcontext_set_minimum_version(asyncio_sslcontext *c,
                                           enum asyncio_ssl_version version) {
    if (!c) return no_context();
    if (!is_version(version)) return bad_version(version);
    return SSL_CTX_set_min_proto_version(ctx_of(c), version) ? 0 : asyncio__ssl_raise(NULL);
}

int asyncio_sslcontext_set_maximum_version(asyncio_sslcontext *c,
                                           enum asyncio_ssl_version version) {
    if (!c) return no_context();
    bool any = version == ASYNCIO_SSL_MAXIMUM_SUPPORTED;
    if (!any && !is_version(version)) return bad_version(version);
    return SSL_CTX_set_max_proto_version(ctx_of(c), any ? 0 : version) ? 0
                                                                       : asyncio__ssl_raise(NULL);
}

int asyncio_sslcontext_set_ciphers(asyncio_sslcontext *c, const char *ciphers) {
    if (!c) return no_context();
    if (!ciphers) return host->raise(ASYNCIO_TYPE_ERROR, "a list of ciphers is required");
    ERR_clear_error();
    if (SSL_CTX_set_cipher_list(ctx_of(c), ciphers)) return 0;
    ERR_clear_error();
    return host->raise(ASYNCIO_SSL_ERROR, "No cipher can be selected.");
}

/* A server's choice: the first of its own that the client has, or none. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *size,
                           const unsigned char *theirs, unsigned theirs_size, void *context) {
    const struct asyncio__sslcontext *c = context;
    unsigned char *found;
    (void)ssl;
    if (SSL_select_next_proto(&found, size, c->alpn, c->alpn_size, theirs, theirs_size) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_NOACK;
    }
    *out = found;
    return SSL_TLSEXT_ERR_OK;
}

/* As they are sent: each after a byte with its length. 0 or raised. */
static int encode_protocols(const char *const *protocols, size_t count, unsigned char **wire,
                            size_t *size) {
    *size = 0;
    for (size_t i = 0; i < count; i++) {
        size_t n = protocols[i] ? strlen(protocols[i]) : 0;
        if (n == 0 || n > 255) {
            return host->raise(ASYNCIO_VALUE_ERROR, "ALPN protocols must be 1 to 255 bytes long");
        }
        *size += n + 1;
    }
    unsigned char *to = *wire = host->malloc(*size + 1);
    if (!to) return host->raise(-ENOMEM, NULL);
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(protocols[i]);
        *to++ = (unsigned char)n;
        memcpy(to, protocols[i], n);
        to += n;
    }
    return 0;
}

int asyncio_sslcontext_set_alpn_protocols(asyncio_sslcontext *base, const char *const *protocols,
                                          size_t count) {
    size_t size;
    if (!base) return no_context();
    if (!protocols && count > 0) return host->raise(ASYNCIO_TYPE_ERROR, "names are required");
    struct asyncio__sslcontext *c = asyncio__sslcontext_of(base);
    unsigned char *wire = NULL;
    int rc = encode_protocols(protocols, count, &wire, &size);
    if (!wire) return rc;
    if (base->server_side) {
        host->free(c->alpn);
        c->alpn = wire;
        c->alpn_size = (unsigned)size;
        SSL_CTX_set_alpn_select_cb(c->ctx, size ? choose_protocol : NULL, c);
        return 0;
    }
    int failed = SSL_CTX_set_alpn_protos(c->ctx, wire, (unsigned)size);
    host->free(wire);
    return failed ? asyncio__ssl_raise(NULL) : 0;
}

/* ---- the name a client asks for ---- */

/* The name in the extension: a list with one entry, of type 0. false: malformed. */
static bool parse_name(const unsigned char *p, size_t n, char name[256]) {
    if (n < 5 || p[2] != 0) return false;
    size_t size = (size_t)p[3] << 8 | p[4];
    if (size > n - 5 || size == 0 || size > 255 || memchr(p + 5, 0, size)) return false;
    memcpy(name, p + 5, size);
    name[size] = '\0';
    return true;
}

/* SSL_set_SSL_CTX takes the certificates and what belongs to sessions; the rest is ours to take. */
static bool switch_context(SSL *ssl, struct asyncio__sslcontext *to) {
    struct asyncio__ssltransport *t = SSL_get_app_data(ssl);
    if (to == t->context) return true;
    if (!SSL_set_SSL_CTX(ssl, to->ctx)) return false;
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(to->ctx), NULL);
    if (!X509_VERIFY_PARAM_set1(SSL_get0_param(ssl), SSL_CTX_get0_param(to->ctx))) return false;
    SSL_set_min_proto_version(ssl, SSL_CTX_get_min_proto_version(to->ctx));
    SSL_set_max_proto_version(ssl, SSL_CTX_get_max_proto_version(to->ctx));
    asyncio_sslcontext_ref(&to->base);
    asyncio_sslcontext_unref(&t->context->base);
    t->context = to;
    return true;
}

struct question {
    struct asyncio__sslcontext *asked;
    const char *name; /* NULL: none */
    asyncio_sslcontext *chosen;
    int alert; /* 0: none */
};

/* What fails with an error is told as Python tells it, as nobody awaits it. */
static void ask(void *arg) {
    struct question *q = arg;
    int rc = q->asked->sni(q->name, &q->chosen, q->asked->sni_arg);
    q->alert = rc >= 0 && rc < 256 ? rc : SSL_AD_INTERNAL_ERROR;
    if (rc >= 0) return;
    asyncio_exception_context context = { .size = sizeof context,
                                          .message = "Exception in the SNI callback",
                                          .exception = asyncio_error_take(rc) };
    rc = asyncio_loop_call_exception_handler(asyncio_get_running_loop(), &context);
    if (rc < 0) asyncio_ignore(rc);
    asyncio_error_unref(context.exception);
}

/* Comes before anything of the client's message is acted upon, so that a session is looked up with
 * the rules of the context that was chosen. */
static int choose_context(SSL *ssl, int *alert, void *arg) {
    struct asyncio__ssltransport *t = SSL_get_app_data(ssl);
    struct question q = { .asked = arg, .chosen = arg };
    const unsigned char *p;
    size_t n;
    char name[256];
    bool named = SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &p, &n) == 1;
    *alert = SSL_AD_DECODE_ERROR;
    if (named && !parse_name(p, n, name)) return SSL_CLIENT_HELLO_ERROR;
    q.name = named ? name : NULL;
    host->call_program(t->stream, ask, &q);
    *alert = q.alert ? q.alert : SSL_AD_INTERNAL_ERROR;
    if (q.alert || t->dead || !q.chosen || !q.chosen->server_side) return SSL_CLIENT_HELLO_ERROR;
    return switch_context(ssl, asyncio__sslcontext_of(q.chosen)) ? SSL_CLIENT_HELLO_SUCCESS
                                                                 : SSL_CLIENT_HELLO_ERROR;
}

int asyncio_sslcontext_set_sni_callback(asyncio_sslcontext *base, asyncio_ssl_sni_cb *callback,
                                        void *arg) {
    if (!base) return no_context();
    if (!base->server_side) {
        return host->raise(ASYNCIO_VALUE_ERROR, "sni_callback cannot be set on TLS_CLIENT context");
    }
    struct asyncio__sslcontext *c = asyncio__sslcontext_of(base);
    c->sni = callback;
    c->sni_arg = arg;
    SSL_CTX_set_client_hello_cb(c->ctx, callback ? choose_context : NULL, c);
    return 0;
}
