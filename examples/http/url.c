/* SPDX-License-Identifier: MIT
 *
 * url.c: addresses of pages. What is not understood is no address; what comes out of here can be
 * put into a request as it is: bytes that have no place in a target are written as %XX.
 */
#define _GNU_SOURCE
#include "url.h"

#include <ctype.h>
#include <http_parser.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- putting paths together ---- */

/* Appends to a path; false: it is too long. */
static bool append(struct url *u, const char *text, size_t n) {
    size_t at = strlen(u->path);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = c > ' ' && c < 127 && c != '"' && c != '<' && c != '>';
        if (at + (plain ? 1 : 3) >= sizeof u->path) return false;
        at += (size_t)sprintf(u->path + at, plain ? "%c" : "%%%02X", c);
    }
    return true;
}

/* Takes "." and ".." out of the path, up to the query, and a "?" without a query. */
static void remove_dots(char *path) {
    char *end = path + strcspn(path, "?"), *to = path;
    if (strcmp(end, "?") == 0) *end = '\0';
    for (char *from = path; from < end;) {
        size_t n = 1 + strcspn(from + 1, "/?"); /* "/name" */
        bool here = n == 2 && from[1] == '.';
        bool up = n == 3 && from[1] == '.' && from[2] == '.';
        if (up) {
            while (to > path && *--to != '/') continue;
        } else if (!here) {
            memmove(to, from, n);
            to += n;
        }
        from += n;
        if ((here || up) && from == end) *to++ = '/';
    }
    if (to == path) *to++ = '/';
    memmove(to, end, strlen(end) + 1);
}

/* ---- addresses ---- */

bool url_parse(struct url *u, const char *text, size_t n) {
    struct http_parser_url p;
    http_parser_url_init(&p);
    n = strnlen(text, n);
    const char *end = memchr(text, '#', n);
    if (end) n = (size_t)(end - text);
    if (n >= URL_TEXT_MAX || http_parser_parse_url(text, n, 0, &p) != 0) return false;
    if (!(p.field_set & 1 << UF_HOST) || p.field_set & 1 << UF_USERINFO) return false;

    u->https = p.field_data[UF_SCHEMA].len == 5;
    if (strncasecmp(text, u->https ? "https" : "http", u->https ? 5 : 4) != 0) return false;
    if (!u->https && p.field_data[UF_SCHEMA].len != 4) return false;
    if (p.field_data[UF_HOST].len >= sizeof u->host) return false;
    snprintf(u->host, sizeof u->host, "%.*s", p.field_data[UF_HOST].len,
             text + p.field_data[UF_HOST].off);
    for (char *c = u->host; *c; c++) *c = (char)tolower((unsigned char)*c);
    u->port = p.field_set & 1 << UF_PORT ? p.port : u->https ? 443 : 80;

    u->path[0] = '\0';
    bool fits = p.field_set & 1 << UF_PATH
                    ? append(u, text + p.field_data[UF_PATH].off, p.field_data[UF_PATH].len)
                    : append(u, "/", 1);
    if (p.field_set & 1 << UF_QUERY) {
        fits = fits && append(u, "?", 1) &&
               append(u, text + p.field_data[UF_QUERY].off, p.field_data[UF_QUERY].len);
    }
    remove_dots(u->path);
    return fits && u->port > 0;
}

/* Whether it begins with "word:". */
static bool has_scheme(const char *link, size_t n) {
    size_t i = 0;
    while (i < n && (isalnum((unsigned char)link[i]) || strchr("+-.", link[i]))) i++;
    return i > 0 && i < n && link[i] == ':';
}

bool url_resolve(struct url *u, const struct url *base, const char *link, size_t n) {
    char text[URL_TEXT_MAX];
    while (n > 0 && isspace((unsigned char)*link)) link++, n--;
    while (n > 0 && isspace((unsigned char)link[n - 1])) n--;
    const char *end = memchr(link, '#', n);
    if (end) n = (size_t)(end - link);
    if (n == 0 || n >= sizeof text - 8) return false;
    if (has_scheme(link, n)) return url_parse(u, link, n);
    if (n > 1 && link[0] == '/' && link[1] == '/') {
        int size =
            snprintf(text, sizeof text, "%s:%.*s", base->https ? "https" : "http", (int)n, link);
        return url_parse(u, text, (size_t)size);
    }
    *u = *base;
    u->path[strcspn(u->path, "?")] = '\0';
    if (*link == '/') u->path[0] = '\0';
    else if (*link != '?') strrchr(u->path, '/')[1] = '\0';
    bool fits = append(u, link, n);
    remove_dots(u->path);
    return fits;
}

const char *url_host(const struct url *u, char *buf) {
    bool is_ipv6 = strchr(u->host, ':') != NULL;
    int n = snprintf(buf, URL_TEXT_MAX, is_ipv6 ? "[%s]" : "%s", u->host);
    if (u->port != (u->https ? 443 : 80))
        snprintf(buf + n, URL_TEXT_MAX - (size_t)n, ":%d", u->port);
    return buf;
}

const char *url_format(const struct url *u, char *buf) {
    char host[URL_TEXT_MAX];
    snprintf(buf, URL_TEXT_MAX, "%s://%.300s%s", u->https ? "https" : "http", url_host(u, host),
             u->path);
    return buf;
}

bool url_same_host(const struct url *a, const struct url *b) {
    return a->https == b->https && a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* ---- links ---- */

const char *html_next_link(const char **at, const char *end, size_t *n) {
    for (const char *p = *at; end - p > 5; p++) {
        if (strncasecmp(p, "href", 4) != 0 || !(p > *at && isspace((unsigned char)p[-1]))) continue;
        for (p += 4; p < end && isspace((unsigned char)*p);) p++;
        if (p == end || *p++ != '=') continue;
        while (p < end && isspace((unsigned char)*p)) p++;
        char quote = p < end && (*p == '"' || *p == '\'') ? *p++ : '\0';
        const char *start = p;
        while (p < end && (quote ? *p != quote : !isspace((unsigned char)*p) && *p != '>')) p++;
        if (p == end) break;
        *at = p;
        *n = (size_t)(p - start);
        return start;
    }
    *at = end;
    return NULL;
}
