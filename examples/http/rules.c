/* SPDX-License-Identifier: MIT
 *
 * rules.c: what is refused although llhttp would take it. The reason is always the same: a proxy in
 * front of the server may read it differently, and then the two do not agree on where a request
 * ends, or for whom it is. Numbers of sections are those of RFC 9112.
 *
 * - Lines end with CR and LF, both of them (2.2), and hold no control characters but tabs. A line
 *   of a request does not begin with a space: it would be the rest of the one before (5.2). No line
 *   begins with a colon: a header has a name (5.1). A request's first line is in three parts (3).
 * - The body of a request has one length: one Content-Length of digits, or "chunked" and nothing
 *   else, and that not in HTTP/1.0 (6.1 to 6.3). What is behind chunks does not speak of it (6.5.1
 *   of RFC 9110).
 * - One Host, which is one, and none only in HTTP/1.0 (3.2). Where the target names a host itself,
 *   that one counts and Host is not compared with it (3.2.2).
 *
 * Bytes from 0x80 on are opaque in values (RFC 9110, 5.5) and have no place anywhere else.
 */
#define _GNU_SOURCE
#include "http.h"

#include <ctype.h>
#include <strings.h>

/* ---- lines ---- */

/* Where the line is after this byte; -1: it has no place there. */
static int next_place(const struct http_message *m, unsigned char c) {
    if (m->place == HTTP_LINE_ENDS) return c == '\n' ? HTTP_LINE_BEGINS : -1;
    if (c == '\r') return HTTP_LINE_ENDS;
    if ((c < ' ' && c != '\t') || c == 127) return -1;
    if (m->place == HTTP_IN_LINE) return HTTP_IN_LINE;
    bool folded = (c == ' ' || c == '\t') && m->parser.type == HTTP_REQUEST;
    return c == ':' || folded ? -1 : HTTP_IN_LINE;
}

/* A request's first line has two spaces. false: this is one more. */
static bool check_first_line(struct http_message *m, unsigned char c) {
    if (c == '\r' && m->place == HTTP_IN_LINE) m->first_line_over = true;
    if (c == ' ' && !m->first_line_over) m->spaces++;
    return m->spaces <= 2 || m->parser.type != HTTP_REQUEST;
}

int http_check_lines(struct http_message *m, const char *data, size_t n) {
    m->line_bytes += n;
    if (m->line_bytes > HTTP_LINES_MAX) return http_refuse(m, 431, "the lines are too long");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)data[i];
        int place = next_place(m, c);
        if (place < 0 || !check_first_line(m, c)) return http_refuse(m, 400, "a wrong line");
        m->place = (enum http_place)place;
    }
    return 0;
}

/* ---- hosts and targets ---- */

/* "host", "host:80", "[::1]:80" */
static bool is_host(const char *text, size_t n) {
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "-._~%!$&'()*+,;=";
    size_t i = 0;
    if (n > 0 && text[0] == '[') {
        for (i = 1; i < n && (isxdigit((unsigned char)text[i]) || strchr(":.", text[i]));) i++;
        if (i < 4 || i == n || text[i++] != ']') return false;
    } else {
        while (i < n && strchr(name, text[i])) i++;
        if (i == 0 && n > 0) return false;
    }
    if (i < n && text[i] == ':') i++;
    while (i < n && isdigit((unsigned char)text[i])) i++;
    return i == n;
}

/* The length of "http://" or "https://", or 0. */
static size_t scheme_size(const char *target) {
    if (strncasecmp(target, "http://", 7) == 0) return 7;
    return strncasecmp(target, "https://", 8) == 0 ? 8 : 0;
}

const char *http_target_path(const char *target) {
    size_t scheme = scheme_size(target);
    return scheme ? target + scheme + strcspn(target + scheme, "/?") : target;
}

/* A target is a path, an address, a host for CONNECT, or the "*" of OPTIONS. */
static bool is_target(unsigned method, const char *target) {
    size_t scheme = scheme_size(target);
    if (method == HTTP_CONNECT) return *target && is_host(target, strlen(target));
    if (strchr(target, '#')) return false;
    if (scheme == 0) return *target == '/' || (method == HTTP_OPTIONS && strcmp(target, "*") == 0);
    size_t host = (size_t)(http_target_path(target) - target) - scheme;
    return host > 0 && is_host(target + scheme, host);
}

/* ---- the head of a request ---- */

/* How many headers have that name; *value: the last one's. */
static size_t count_headers(const struct http_message *m, const char *name, const char **value) {
    size_t count = 0;
    for (size_t i = 0; i < m->header_count; i++) {
        if (strcasecmp(m->headers[i].name, name) != 0) continue;
        *value = m->headers[i].value;
        count++;
    }
    return count;
}

static int check_host(struct http_message *m, bool needed) {
    const char *value = "";
    size_t count = count_headers(m, "Host", &value);
    if (count > 1) return http_refuse(m, 400, "more than one Host");
    if (count == 0 && needed) return http_refuse(m, 400, "no Host");
    if (!is_host(value, strlen(value))) return http_refuse(m, 400, "a wrong Host");
    return 0;
}

static int check_length(struct http_message *m, bool may_be_chunked) {
    const char *length = "0", *coding = "chunked";
    size_t lengths = count_headers(m, "Content-Length", &length);
    size_t codings = count_headers(m, "Transfer-Encoding", &coding);
    bool is_number = *length && length[strspn(length, "0123456789")] == '\0';
    if (lengths > 1 || !is_number) return http_refuse(m, 400, "a wrong Content-Length");
    if (codings == 0) return 0;
    if (codings > 1 || strcasecmp(coding, "chunked") != 0 || !(m->parser.flags & F_CHUNKED)) {
        return http_refuse(m, 400, "a wrong Transfer-Encoding");
    }
    if (lengths > 0) return http_refuse(m, 400, "both Content-Length and Transfer-Encoding");
    return may_be_chunked ? 0 : http_refuse(m, 400, "Transfer-Encoding in HTTP/1.0");
}

int http_check_request(struct http_message *m) {
    const llhttp_t *p = &m->parser;
    if (p->http_major != 1) return http_refuse(m, 505, "a version that is not known");
    if (!is_target(p->method, m->target)) return http_refuse(m, 400, "a wrong target");
    bool is_new = p->http_minor > 0;
    int rc = check_host(m, is_new);
    return rc < 0 ? rc : check_length(m, is_new);
}

int http_check_trailers(struct http_message *m) {
    static const char *const wrong[] = { "Content-Length", "Transfer-Encoding", "Host" };
    const struct http_header *trailers = m->headers + m->header_count;
    for (size_t i = 0; i < m->trailer_count; i++) {
        for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
            if (strcasecmp(trailers[i].name, wrong[k]) != 0) continue;
            return http_refuse(m, 400, "what a trailer may not say");
        }
    }
    return 0;
}
