/* SPDX-License-Identifier: MIT
 *
 * io/tls/names.c: the names that the other side's certificate is for (subjectAltName), as data and
 * as a text.
 *
 * Whoever asks an authority for a certificate has a say in what the names contain: commas, NULs,
 * ends of lines. As data they have a length. In the text whatever could be taken for more than a
 * part of one name is escaped.
 */
#include "io/tls/openssl.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

/* ---- one name ---- */

static enum asyncio_ssl_name_type type_of(const GENERAL_NAME *name) {
    switch (name->type) {
    case GEN_EMAIL: return ASYNCIO_SSL_NAME_EMAIL;
    case GEN_DNS: return ASYNCIO_SSL_NAME_DNS;
    case GEN_DIRNAME: return ASYNCIO_SSL_NAME_DIRECTORY;
    case GEN_URI: return ASYNCIO_SSL_NAME_URI;
    case GEN_IPADD: return ASYNCIO_SSL_NAME_IP_ADDRESS;
    case GEN_RID: return ASYNCIO_SSL_NAME_REGISTERED_ID;
    default: return ASYNCIO_SSL_NAME_OTHER;
    }
}

static bool put(BIO *bio, const void *data, size_t n) {
    size_t written;
    return n == 0 || BIO_write_ex(bio, data, n, &written);
}

static bool put_address(BIO *bio, const ASN1_OCTET_STRING *address) {
    const unsigned char *p = ASN1_STRING_get0_data(address);
    int n = ASN1_STRING_length(address);
    if (n == 4) return BIO_printf(bio, "%d.%d.%d.%d", p[0], p[1], p[2], p[3]) > 0;
    if (n != 16) return BIO_puts(bio, "<invalid>") > 0;
    bool ok = true;
    for (int i = 0; ok && i < 16; i += 2) {
        ok = BIO_printf(bio, i ? ":%X" : "%X", p[i] << 8 | p[i + 1]) > 0;
    }
    return ok;
}

static bool put_encoded(BIO *bio, const GENERAL_NAME *name) {
    unsigned char *der = NULL;
    int n = i2d_GENERAL_NAME(name, &der);
    bool ok = n >= 0 && put(bio, der, (size_t)n);
    OPENSSL_free(der);
    return ok;
}

static bool put_value(BIO *bio, const GENERAL_NAME *name) {
    char oid[100];
    switch (type_of(name)) {
    case ASYNCIO_SSL_NAME_EMAIL:
    case ASYNCIO_SSL_NAME_DNS:
    case ASYNCIO_SSL_NAME_URI:
        return put(bio, ASN1_STRING_get0_data(name->d.ia5),
                   (size_t)ASN1_STRING_length(name->d.ia5));
    case ASYNCIO_SSL_NAME_IP_ADDRESS: return put_address(bio, name->d.iPAddress);
    case ASYNCIO_SSL_NAME_DIRECTORY:
        return X509_NAME_print_ex(bio, name->d.directoryName, 0, XN_FLAG_RFC2253) >= 0;
    case ASYNCIO_SSL_NAME_REGISTERED_ID:
        OBJ_obj2txt(oid, sizeof oid, name->d.registeredID, 1);
        return BIO_puts(bio, oid) >= 0;
    case ASYNCIO_SSL_NAME_OTHER: break;
    }
    return put_encoded(bio, name);
}

/* ---- as data ---- */

/* The extension, which is the caller's; NULL: there is none, or (*malformed) it is no good. */
static GENERAL_NAMES *names_of(const X509 *cert, bool *malformed) {
    int critical;
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);
    *malformed = !names && critical != -1;
    return names;
}

/* The values one after the other, each with a NUL behind it. */
static bool put_all(BIO *bio, const GENERAL_NAMES *names, asyncio_ssl_name *list) {
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        size_t before = BIO_pending(bio);
        if (!put_value(bio, name)) return false;
        list[i].type = type_of(name);
        list[i].value.size = BIO_pending(bio) - before;
        if (!put(bio, "", 1)) return false;
    }
    return true;
}

/* One block: the list, then the bytes. */
static asyncio_ssl_name *pack(BIO *bio, const asyncio_ssl_name *list, size_t count) {
    char *data;
    size_t n = (size_t)BIO_get_mem_data(bio, &data);
    asyncio_ssl_name *all = malloc(count * sizeof *all + n + 1);
    if (!all) return NULL;
    char *at = (char *)(all + count);
    if (n) memcpy(at, data, n);
    for (size_t i = 0; i < count; i++) {
        all[i] = list[i];
        all[i].value.data = at;
        at += list[i].value.size + 1;
    }
    return all;
}

static int no_memory(void) {
    ERR_clear_error();
    return host->raise(-ENOMEM, NULL);
}

static int give_names(const GENERAL_NAMES *from, asyncio_ssl_name **names) {
    int count = sk_GENERAL_NAME_num(from);
    asyncio_ssl_name *list = host->calloc((size_t)count + 1, sizeof *list);
    BIO *bio = list ? BIO_new(BIO_s_mem()) : NULL;
    asyncio_ssl_name *all = bio && put_all(bio, from, list) ? pack(bio, list, (size_t)count) : NULL;
    BIO_free(bio);
    host->free(list);
    if (!all) return no_memory();
    *names = all;
    return count;
}

int asyncio_streamwriter_get_peercert_names(const asyncio_streamwriter *writer,
                                            asyncio_ssl_name **names) {
    asyncio_value ssl;
    bool malformed;
    if (!names) return host->raise(ASYNCIO_TYPE_ERROR, "a place is required");
    int rc = asyncio_streamwriter_get_extra_info(writer, "ssl_object", &ssl);
    if (rc < 0) return rc;
    *names = NULL;
    const X509 *cert = rc ? SSL_get0_peer_certificate(ssl.p) : NULL;
    if (!cert) return 0;
    ERR_clear_error();
    GENERAL_NAMES *from = names_of(cert, &malformed);
    if (malformed) return asyncio__ssl_raise(NULL);
    if (!from) return 0;
    rc = give_names(from, names);
    GENERAL_NAMES_free(from);
    return rc;
}

/* ---- as a text ---- */

int asyncio__ssl_put_escaped(BIO *bio, const void *data, size_t n, const char *special) {
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i++) {
        bool plain = p[i] > ' ' && p[i] < 0x7f && p[i] != '\\' && !strchr(special, p[i]);
        if (plain ? !put(bio, p + i, 1) : BIO_printf(bio, "\\x%02x", p[i]) <= 0) return 0;
    }
    return 1;
}

static const char *label(const GENERAL_NAME *name) {
    switch (name->type) {
    case GEN_EMAIL: return "email";
    case GEN_DNS: return "DNS";
    case GEN_DIRNAME: return "DirName";
    case GEN_URI: return "URI";
    case GEN_IPADD: return "IP Address";
    case GEN_RID: return "Registered ID";
    case GEN_X400: return "X400Name";
    case GEN_EDIPARTY: return "EdiPartyName";
    default: return "othername";
    }
}

static bool put_text(BIO *bio, const GENERAL_NAME *name) {
    char *data;
    if (BIO_printf(bio, "%s:", label(name)) <= 0) return false;
    if (type_of(name) == ASYNCIO_SSL_NAME_OTHER) return BIO_puts(bio, "<unsupported>") > 0;
    BIO *value = BIO_new(BIO_s_mem());
    bool ok = value && put_value(value, name);
    size_t n = ok ? (size_t)BIO_get_mem_data(value, &data) : 0;
    ok = ok && asyncio__ssl_put_escaped(bio, data, n, ",");
    BIO_free(value);
    return ok;
}

int asyncio__ssl_print_names(BIO *bio, X509 *cert) {
    bool malformed;
    GENERAL_NAMES *names = names_of(cert, &malformed);
    bool ok = names != NULL;
    for (int i = 0; ok && i < sk_GENERAL_NAME_num(names); i++) {
        ok = (i == 0 || BIO_puts(bio, ", ") > 0) && put_text(bio, sk_GENERAL_NAME_value(names, i));
    }
    GENERAL_NAMES_free(names);
    return ok;
}
