/* SPDX-License-Identifier: MIT
 *
 * url.c: addresses of pages. What is not understood is no address; what comes out of here can be
 * put into a request as it is: bytes that have no place in a target are written as %XX.
 */
#define _GNU_SOURCE
#include "url.h"

#include <ctype.h>
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

/* The length of "name", "192.0.2.1" or "[2001:db8::1%eth0]" at the beginning, or 0. */
static size_t host_size(const char *text, size_t n) {
    size_t i = 0;
    if (n > 0 && text[0] == '[') {
        for (i = 1; i < n && (isxdigit((unsigned char)text[i]) || strchr(":.", text[i]));) i++;
        if (i == 1) return 0;
        if (i < n && text[i] == '%') i++;
        while (i < n && (isalnum((unsigned char)text[i]) || strchr("-._~", text[i]))) i++;
        return i < n && text[i] == ']' ? i + 1 : 0;
    }
    while (i < n && (isalnum((unsigned char)text[i]) || strchr("-._", text[i]))) i++;
    return i;
}

/* "host:port", the port perhaps left out. */
static bool parse_authority(struct url *u, const char *text, size_t n) {
    size_t size = host_size(text, n), brackets = size > 0 && text[0] == '[';
    if (size == 0 || size - 2 * brackets >= sizeof u->host) return false;
    snprintf(u->host, sizeof u->host, "%.*s", (int)(size - 2 * brackets), text + brackets);
    for (char *c = u->host; *c; c++) *c = (char)tolower((unsigned char)*c);
    u->port = u->https ? 443 : 80;
    if (size == n) return true;
    if (text[size++] != ':' || n == size || n - size > 5) return false;
    for (u->port = 0; size < n; size++) {
        if (!isdigit((unsigned char)text[size])) return false;
        u->port = u->port * 10 + text[size] - '0';
    }
    return u->port > 0 && u->port <= 65535;
}

/* How far it is to one of those bytes, or to the end. */
static size_t span_to(const char *text, size_t n, const char *stop) {
    size_t i = 0;
    while (i < n && !strchr(stop, text[i])) i++;
    return i;
}

bool url_parse(struct url *u, const char *text, size_t n) {
    n = span_to(text, strnlen(text, n), "#");
    if (n >= URL_TEXT_MAX) return false;
    u->https = n > 8 && strncasecmp(text, "https://", 8) == 0;
    if (!u->https && (n <= 7 || strncasecmp(text, "http://", 7) != 0)) return false;
    text += u->https ? 8 : 7;
    n -= u->https ? 8 : 7;
    size_t authority = span_to(text, n, "/?");
    if (!parse_authority(u, text, authority)) return false;

    u->path[0] = '\0';
    bool fits = (authority < n && text[authority] == '/') || append(u, "/", 1);
    fits = fits && append(u, text + authority, n - authority);
    remove_dots(u->path);
    return fits;
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
