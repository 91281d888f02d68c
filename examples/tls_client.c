/* A client that speaks TLS, for any server that answers and then closes:
 *
 *     tls_client HOST PORT MESSAGE [CAFILE]
 *
 * Sends the message and prints what comes back. The server's certificate has to be for HOST, by
 * an authority that the system trusts, or by one in CAFILE. */
#include <asyncio.h>
#include <stdio.h>
#include <stdlib.h>

static void print_extra(const asyncio_streamwriter *writer, const char *name) {
    asyncio_auto_value value = asyncio_none();
    if (asyncio_streamwriter_get_extra_info(writer, name, &value) > 0) {
        fprintf(stderr, "%s: %s\n", name, value.s);
    }
}

ASYNC(talk, (const char *) host, (int) port, (const char *) message, (const char *) cafile) {
    asyncio_auto_sslcontext context =
        asyncio_ssl_create_default_context(ASYNCIO_SSL_SERVER_AUTH, cafile);
    asyncio_auto_streamreader reader = NULL;
    asyncio_auto_streamwriter writer = NULL;
    char data[4096];
    int n;
    if (!context) RAISE(ASYNCIO_RUNTIME_ERROR, "TLS is not possible"); /* shown with the reason */
    TRY(AWAIT(asyncio_open_connection(host, port, &reader, &writer, .ssl = context)));
    print_extra(writer, "tls_version");
    print_extra(writer, "cipher");
    print_extra(writer, "peercert_subject");

    TRY(asyncio_streamwriter_write(writer, message, strlen(message)));
    TRY(asyncio_streamwriter_write(writer, "\n", 1));
    TRY(AWAIT(asyncio_streamwriter_drain(writer)));
    while ((n = TRY(AWAIT(asyncio_streamreader_read(reader, data, sizeof data)))) > 0) {
        fwrite(data, 1, (size_t)n, stdout);
    }
    asyncio_streamwriter_close(writer);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(writer)));
    RETURN();
}

int main(int argc, char **argv) {
    if (argc < 4 || argc > 5) {
        bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
        fputs("usage: tls_client HOST PORT MESSAGE [CAFILE]\n", help ? stdout : stderr);
        return help ? 0 : 2;
    }
    return asyncio_main(talk(argv[1], atoi(argv[2]), argv[3], argc > 4 ? argv[4] : NULL));
}
