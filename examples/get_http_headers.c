/* Gets the HTTP headers of an address on the command line, as in Python's documentation of asyncio:
 *
 *     get_http_headers http://127.0.0.1:8000/path
 *     get_http_headers https://example.com
 *
 * Where a name has several addresses they are tried side by side. */
#include <asyncio.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

struct url {
    char scheme[6], host[256];
    const char *path;
    int port;
};

static bool split_url(const char *text, struct url *url) {
    int at = 0;
    url->port = 0;
    if (sscanf(text, "%5[a-z]://%255[^:/]%n:%d%n", url->scheme, url->host, &at, &url->port, &at) <
        2)
        return false;
    if (strcmp(url->scheme, "http") != 0 && strcmp(url->scheme, "https") != 0) return false;
    if (url->port == 0) url->port = strcmp(url->scheme, "https") == 0 ? 443 : 80;
    url->path = text[at] ? text + at : "/";
    return *url->path == '/';
}

/* What a server sends does nothing to the terminal. */
static void print_text(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) putchar(isprint((unsigned char)text[i]) ? text[i] : '?');
}

ASYNC(print_http_headers, (const struct url *) url) {
    asyncio_auto_streamreader reader = NULL;
    asyncio_auto_streamwriter writer = NULL;
    asyncio_auto_sslcontext ssl = NULL;
    asyncio_bytes line;
    char query[1024];
    if (strcmp(url->scheme, "https") == 0) {
        ssl = asyncio_ssl_create_default_context(ASYNCIO_SSL_SERVER_AUTH, NULL);
        if (!ssl) RAISE(ASYNCIO_SSL_ERROR, "no TLS");
    }
    TRY(AWAIT(asyncio_open_connection(url->host, url->port, &reader, &writer, .ssl = ssl,
                                      .happy_eyeballs_delay = 0.25)));

    snprintf(query, sizeof query, "HEAD %s HTTP/1.0\r\nHost: %s\r\n\r\n", url->path, url->host);
    TRY(asyncio_streamwriter_write(writer, query, strlen(query)));
    while (TRY(AWAIT(asyncio_streamreader_readline(reader, &line))) > 0) {
        while (line.size > 0 && isspace((unsigned char)line.data[line.size - 1])) line.size--;
        if (line.size == 0) break;
        fputs("HTTP header> ", stdout);
        print_text(line.data, line.size);
        puts("");
    }

    asyncio_streamwriter_close(writer);
    TRY(AWAIT(asyncio_streamwriter_wait_closed(writer)));
    RETURN();
}

int main(int argc, char **argv) {
    struct url url;
    bool help = argc == 2 && strcmp(argv[1], "--help") == 0;
    if (help || argc != 2 || !split_url(argv[1], &url)) {
        fputs("usage: get_http_headers http[s]://HOST[:PORT][/PATH]\n", help ? stdout : stderr);
        return help ? 0 : 2;
    }
    return asyncio_main(print_http_headers(&url));
}
