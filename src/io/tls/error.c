/* SPDX-License-Identifier: MIT
 *
 * io/tls/error.c: OpenSSL's errors as errors of the library, in the words of Python's ssl:
 * "[SSL: REASON] reason".
 */
#include "io/tls/openssl.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

static const char *library_name(unsigned long error) {
    switch (ERR_GET_LIB(error)) {
    case ERR_LIB_SSL: return "SSL";
    case ERR_LIB_PEM: return "PEM";
    case ERR_LIB_X509: return "X509";
    case ERR_LIB_PROV: return "PROV";
    case ERR_LIB_EVP: return "EVP";
    case ERR_LIB_ASN1: return "ASN1";
    default: return "crypto";
    }
}

/* "[SSL: WRONG_VERSION_NUMBER] wrong version number" */
static void describe(unsigned long error, char *buf, size_t n) {
    const char *reason = ERR_reason_error_string(error);
    char name[128];
    size_t i = 0;
    if (!reason) reason = "unknown error";
    for (; reason[i] && i + 1 < sizeof name; i++) {
        name[i] = isalnum((unsigned char)reason[i]) ? (char)toupper((unsigned char)reason[i]) : '_';
    }
    name[i] = '\0';
    snprintf(buf, n, "[%s: %s] %s", library_name(error), name, reason);
}

static bool is_no_memory(unsigned long error) {
    return ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
}

int asyncio__ssl_raise(const char *file) {
    unsigned long first = ERR_peek_error(), last = ERR_peek_last_error();
    char text[256] = "A failure in the SSL library occurred";
    if (ERR_GET_REASON(last) == ERR_R_PEM_LIB) last = first; /* which says what it met */
    if (last) describe(last, text, sizeof text);
    ERR_clear_error();
    if (is_no_memory(first) || is_no_memory(last)) return host->raise(-ENOMEM, NULL);
    if (!file) return host->raise(ASYNCIO_SSL_ERROR, text);
    if (first && ERR_SYSTEM_ERROR(first)) {
        int error = ERR_GET_REASON(first);
        return asyncio_raise(-error, NULL, NULL, "%s: %s", file, asyncio_strerror(-error));
    }
    return asyncio_raise(ASYNCIO_SSL_ERROR, NULL, NULL, "%s: %s", file, text);
}

static const char *verify_text(const SSL *ssl, long code, char *buf, size_t n) {
    X509_VERIFY_PARAM *param = SSL_get0_param((SSL *)(uintptr_t)ssl);
    if (code == X509_V_ERR_HOSTNAME_MISMATCH) {
        const char *name = X509_VERIFY_PARAM_get0_host(param, 0);
        snprintf(buf, n, "Hostname mismatch, certificate is not valid for '%s'.", name ? name : "");
        return buf;
    }
    if (code == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        char *ip = X509_VERIFY_PARAM_get1_ip_asc(param);
        snprintf(buf, n, "IP address mismatch, certificate is not valid for '%s'.", ip ? ip : "");
        OPENSSL_free(ip);
        return buf;
    }
    return X509_verify_cert_error_string(code);
}

int asyncio__ssl_raise_verify(const SSL *ssl) {
    long code = SSL_get_verify_result(ssl);
    unsigned long error = ERR_peek_last_error();
    char text[256], why[512];
    if (ERR_GET_LIB(error) != ERR_LIB_SSL ||
        ERR_GET_REASON(error) != SSL_R_CERTIFICATE_VERIFY_FAILED) {
        return asyncio__ssl_raise(NULL);
    }
    describe(error, text, sizeof text);
    ERR_clear_error();
    asyncio_error *e = asyncio_error_new(ASYNCIO_SSL_CERT_VERIFICATION_ERROR, "%s: %s", text,
                                         verify_text(ssl, code, why, sizeof why));
    if (!e) return host->raise(ASYNCIO_SSL_CERT_VERIFICATION_ERROR, NULL);
    asyncio_error_set_value(e, asyncio_int(code));
    return asyncio_reraise(e);
}
