/* SPDX-License-Identifier: MIT
 *
 * A library without TLS: everything is there and says so.
 */
#include "../../../support/core.h"

#ifdef ASYNCIO_TLS
TEST(without_tls) { SKIP("the library was built with TLS"); }
#else

#define NOT_BUILT "this library was built without TLS"
#define REFUSED(call) CHECK_ERROR((call), ASYNCIO_NOT_IMPLEMENTED_ERROR, NOT_BUILT)

TEST(no_context_can_be_made) {
    CHECK_NULL_ERROR(asyncio_sslcontext_new(ASYNCIO_SSL_PROTOCOL_TLS_CLIENT),
                     ASYNCIO_NOT_IMPLEMENTED_ERROR, NOT_BUILT);
    CHECK_NULL_ERROR(asyncio_ssl_create_default_context(ASYNCIO_SSL_SERVER_AUTH, NULL),
                     ASYNCIO_NOT_IMPLEMENTED_ERROR, NOT_BUILT);
    REFUSED(asyncio_sslcontext_load_cert_chain(NULL, "x", NULL, NULL));
    REFUSED(asyncio_sslcontext_load_verify_locations(NULL, "x", NULL, NULL));
    REFUSED(asyncio_sslcontext_load_default_certs(NULL));
    REFUSED(asyncio_sslcontext_set_verify_mode(NULL, ASYNCIO_SSL_CERT_NONE));
    REFUSED(asyncio_sslcontext_set_check_hostname(NULL, false));
    REFUSED(asyncio_sslcontext_set_verify_flags(NULL, 0));
    REFUSED(asyncio_sslcontext_set_minimum_version(NULL, ASYNCIO_SSL_TLSV1_3));
    REFUSED(asyncio_sslcontext_set_maximum_version(NULL, ASYNCIO_SSL_TLSV1_3));
    REFUSED(asyncio_sslcontext_set_ciphers(NULL, "ALL"));
    REFUSED(asyncio_sslcontext_set_alpn_protocols(NULL, NULL, 0));
    REFUSED(asyncio_sslcontext_set_sni_callback(NULL, NULL, NULL));
    CHECK_INT(asyncio_sslcontext_verify_mode(NULL), ASYNCIO_SSL_CERT_NONE);
    CHECK(!asyncio_sslcontext_check_hostname(NULL));
    CHECK_INT(asyncio_sslcontext_verify_flags(NULL), 0);
    CHECK_PTR(asyncio_streamwriter_get_ssl_session(NULL), NULL);
    CHECK_PTR(asyncio_sslcontext_ref(NULL), NULL);
    asyncio_sslcontext_unref(NULL);
    asyncio_sslsession_unref(NULL);
}

#endif
