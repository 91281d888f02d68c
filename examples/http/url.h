/* SPDX-License-Identifier: MIT
 *
 * url.h: addresses of pages, and the links in a page, for crawl.c.
 */
#ifndef URL_H
#define URL_H

#include <stdbool.h>
#include <stddef.h>

#define URL_TEXT_MAX 2048

struct url {
    bool https;
    int port;
    char host[256];
    char path[1024]; /* with the query; safe to be sent */
};

/* An address that stands for itself: "http://host:port/path?query". false: none, or too long. */
bool url_parse(struct url *u, const char *text, size_t n);

/* What a link on the page `base` leads to. false: nowhere (it is no address of http or https). */
bool url_resolve(struct url *u, const struct url *base, const char *link, size_t n);

/* The address as text, without a fragment; host and port as in the header Host. buf has room for
 * URL_TEXT_MAX bytes. */
const char *url_format(const struct url *u, char *buf);
const char *url_host(const struct url *u, char *buf);

bool url_same_host(const struct url *a, const struct url *b);

/* The next link (href="...") in a piece of HTML from *at on; *at moves behind it. NULL: no more. */
const char *html_next_link(const char **at, const char *end, size_t *n);

#endif
