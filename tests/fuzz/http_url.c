/* SPDX-License-Identifier: MIT
 *
 * Links on a page (examples/http/url.c): whatever a page says, an address that comes out of it can
 * be put into a request, and its text is that address again.
 */
#include "fuzz.h"
#include "url.h"

/* The path begins with '/', goes nowhere up, and has only bytes that have a place in a request. */
static void check_path(const char *path) {
    FUZZ_CHECK(*path == '/');
    size_t end = strcspn(path, "?");
    for (const char *p = path; *p; p++) {
        FUZZ_CHECK(*p > ' ' && *p < 127);
        if (*p != '/' || (size_t)(p - path) >= end) continue;
        size_t n = strcspn(p + 1, "/?");
        FUZZ_CHECK(!(n == 1 && p[1] == '.') && !(n == 2 && p[1] == '.' && p[2] == '.'));
    }
}

static void check_url(const struct url *u) {
    char text[URL_TEXT_MAX], again[URL_TEXT_MAX], host[URL_TEXT_MAX];
    struct url copy;
    check_path(u->path);
    FUZZ_CHECK(u->port > 0 && u->port < 65536);
    FUZZ_CHECK(strpbrk(url_host(u, host), " \r\n\t/") == NULL);
    url_format(u, text);
    FUZZ_CHECK(url_parse(&copy, text, strlen(text)));
    FUZZ_CHECK(strcmp(url_format(&copy, again), text) == 0);
    FUZZ_CHECK(url_same_host(u, &copy));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct url base, url;
    size_t n;
    char *page = malloc(size + 1); /* of that size, so that sanitizers see its end */
    memcpy(page, data, size);
    const char *at = page, *link;
    FUZZ_CHECK(url_parse(&base, "http://host/folder/page?query", URL_TEXT_MAX));
    while ((link = html_next_link(&at, page + size, &n))) {
        FUZZ_CHECK(link >= page && link + n <= at && at <= page + size);
        if (url_resolve(&url, &base, link, n)) check_url(&url);
    }
    if (url_resolve(&url, &base, page, size)) check_url(&url);
    free(page);
    return 0;
}
