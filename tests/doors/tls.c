/* A program that needs the library's TLS. */
#include <asyncio.h>
#include <stdio.h>

ASYNC(use_tls) {
    asyncio_auto_sslcontext context = asyncio_sslcontext_new(ASYNCIO_SSL_PROTOCOL_TLS_CLIENT);
    puts(asyncio_sslcontext_check_hostname(context) ? "tls" : "no tls");
    RETURN();
}

int main(void) { return asyncio_main(use_tls()); }
