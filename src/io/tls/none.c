/* SPDX-License-Identifier: MIT
 *
 * io/tls/none.c: the functions of asyncio/ssl.h in a library without TLS. No context can be made;
 * empty otherwise.
 */
#include "io/stream/starttls.h"

#ifndef ASYNCIO_TLS

static int not_built(void) {
    return asyncio__raise(ASYNCIO_NOT_IMPLEMENTED_ERROR, "this library was built without TLS");
}

asyncio_sslcontext *asyncio_sslcontext_new(enum asyncio_ssl_protocol protocol) {
    (void)protocol;
    not_built();
    return NULL;
}

asyncio_sslcontext *asyncio_ssl_create_default_context(enum asyncio_ssl_purpose purpose,
                                                       const char *cafile) {
    (void)purpose, (void)cafile;
    not_built();
    return NULL;
}

int asyncio_sslcontext_load_cert_chain(asyncio_sslcontext *c, const char *certfile,
                                       const char *keyfile, const char *password) {
    (void)c, (void)certfile, (void)keyfile, (void)password;
    return not_built();
}

int asyncio_sslcontext_load_verify_locations(asyncio_sslcontext *c, const char *cafile,
                                             const char *capath, const char *cadata) {
    (void)c, (void)cafile, (void)capath, (void)cadata;
    return not_built();
}

int asyncio_sslcontext_load_default_certs(asyncio_sslcontext *c) {
    (void)c;
    return not_built();
}

int asyncio_sslcontext_set_verify_mode(asyncio_sslcontext *c, enum asyncio_ssl_verify_mode mode) {
    (void)c, (void)mode;
    return not_built();
}

int asyncio_sslcontext_set_check_hostname(asyncio_sslcontext *c, bool on) {
    (void)c, (void)on;
    return not_built();
}

enum asyncio_ssl_verify_mode asyncio_sslcontext_verify_mode(const asyncio_sslcontext *c) {
    (void)c;
    return ASYNCIO_SSL_CERT_NONE;
}

bool asyncio_sslcontext_check_hostname(const asyncio_sslcontext *c) {
    (void)c;
    return false;
}

int asyncio_sslcontext_set_verify_flags(asyncio_sslcontext *c, unsigned long flags) {
    (void)c, (void)flags;
    return not_built();
}

unsigned long asyncio_sslcontext_verify_flags(const asyncio_sslcontext *c) {
    (void)c;
    return 0;
}

int asyncio_sslcontext_set_minimum_version(asyncio_sslcontext *c,
                                           enum asyncio_ssl_version version) {
    (void)c, (void)version;
    return not_built();
}

int asyncio_sslcontext_set_maximum_version(asyncio_sslcontext *c,
                                           enum asyncio_ssl_version version) {
    (void)c, (void)version;
    return not_built();
}

int asyncio_sslcontext_set_ciphers(asyncio_sslcontext *c, const char *ciphers) {
    (void)c, (void)ciphers;
    return not_built();
}

int asyncio_sslcontext_set_alpn_protocols(asyncio_sslcontext *c, const char *const *protocols,
                                          size_t count) {
    (void)c, (void)protocols, (void)count;
    return not_built();
}

int asyncio_sslcontext_set_sni_callback(asyncio_sslcontext *c, asyncio_ssl_sni_cb *callback,
                                        void *arg) {
    (void)c, (void)callback, (void)arg;
    return not_built();
}

asyncio_sslsession *asyncio_streamwriter_get_ssl_session(const asyncio_streamwriter *w) {
    (void)w;
    return NULL;
}

#endif
