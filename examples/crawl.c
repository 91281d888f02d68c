/* Fetches pages, and the pages of the same hosts that they link to.
 *
 *     crawl [OPTIONS] URL...
 *
 * A few workers take pages from a queue; each keeps its connection as long as it can. A page has a
 * time limit; what fails is tried again, after a pause that grows. The run is over when no page is
 * left to do, or at Ctrl-C; the summary is printed in either case. The status is 0 if all pages
 * could be fetched. */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <search.h>
#include <stdlib.h>
#include <strings.h>

#include "http/http.h"
#include "http/url.h"

#define HTML_MAX (4 << 20) /* bytes of a page that are searched for links */

struct page {
    struct url url;
    int depth;
};

/* What a page came to. */
struct result {
    int status; /* of the answer; 0: there was none */
    unsigned long long size;
};

struct worker {
    struct http_connection http;
    bool connected;
    struct url host; /* that it is connected to */
    char *html;      /* the page that is being read */
    size_t html_size;
};

static struct {
    int concurrency, max_depth, retries;
    double timeout, backoff;
    asyncio_sslcontext *tls;
    asyncio_queue *queue; /* pages to do */
    void *seen;           /* the addresses of all pages, as a tree */
    unsigned long pages, failed, retried, connections;
    unsigned long long bytes;
} app = { .concurrency = 10, .max_depth = 3, .retries = 2, .timeout = 10, .backoff = 0.5 };

/* ---- what there is to do ---- */

static int compare(const void *a, const void *b) { return strcmp(a, b); }

static void drop_page(asyncio_value *value) { free(value->p); }

static const asyncio_value_type page_type = { .size = sizeof(asyncio_value_type),
                                              .name = "page",
                                              .drop = drop_page };

/* Puts the page into the queue unless it was there before. */
static int add_page(const struct url *url, int depth) {
    char text[URL_TEXT_MAX];
    if (tfind(url_format(url, text), &app.seen, compare)) return 0;
    char *copy = strdup(text);
    struct page *page = malloc(sizeof *page);
    if (!copy || !page || !tsearch(copy, &app.seen, compare)) return -ENOMEM;
    *page = (struct page){ *url, depth };
    return asyncio_queue_put_nowait(app.queue, asyncio_own(page, &page_type));
}

static int add_link(const struct page *page, const char *link, size_t n, int depth) {
    struct url url;
    if (!url_resolve(&url, &page->url, link, n) || !url_same_host(&url, &page->url)) return 0;
    return add_page(&url, depth);
}

static int add_links(const struct page *page, const char *html, size_t n) {
    const char *at = html, *link;
    size_t size;
    if (n == 0 || page->depth >= app.max_depth) return 0;
    while ((link = html_next_link(&at, html + n, &size))) {
        TRY(add_link(page, link, size, page->depth + 1));
    }
    return 0;
}

/* ---- one request ---- */

static void disconnect(struct worker *w) {
    if (!w->connected) return;
    asyncio_streamwriter_abort(w->http.writer);
    asyncio_streamreader_unref(w->http.reader);
    asyncio_streamwriter_unref(w->http.writer);
    w->connected = false;
}

ASYNC(connect_to, (struct worker *) w, (const struct url *) url) {
    asyncio_streamreader *reader;
    asyncio_streamwriter *writer;
    if (w->connected && url_same_host(&w->host, url)) return 0;
    disconnect(w);
    TRY(AWAIT(asyncio_open_connection(url->host, url->port, &reader, &writer,
                                      .ssl = url->https ? app.tls : NULL)));
    http_connection_init(&w->http, HTTP_RESPONSE, reader, writer);
    w->connected = true;
    w->host = *url;
    app.connections++;
    RETURN();
}

static int send_request(struct worker *w, const struct url *url) {
    char text[2 * URL_TEXT_MAX], host[URL_TEXT_MAX];
    int n = snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: crawl\r\nAccept: */*\r\n\r\n",
                     url->path, url_host(url, host));
    return asyncio_streamwriter_write(w->http.writer, text, (size_t)n);
}

/* The head of the answer, behind those that say that it is coming. */
ASYNC(read_head, (struct worker *) w) {
    struct http_message *m = &w->http.message;
    int event;
    do event = TRY(AWAIT(http_next(&w->http)));
    while (event == HTTP_COMPLETE || (event == HTTP_GOT_HEAD && m->parser.status_code < 200));
    if (event == HTTP_CLOSED) RAISE(-ECONNRESET, "no answer");
    if (event != HTTP_GOT_HEAD) RAISE(-EPROTO, "%s", m->reason ? m->reason : "bad answer");
    RETURN();
}

/* Keeps a piece of a page that may have links. */
static int keep_html(struct worker *w, const char *data, size_t n) {
    if (w->html_size + n > HTML_MAX) return 0;
    char *html = realloc(w->html, w->html_size + n);
    if (!html) return -ENOMEM;
    memcpy(html + w->html_size, data, n);
    w->html = html;
    w->html_size += n;
    return 0;
}

ASYNC(read_body, (struct worker *) w, (struct result *) result) {
    struct http_message *m = &w->http.message;
    const char *type = http_header(m, "Content-Type");
    bool is_html = type && strcasestr(type, "html");
    int event;
    result->size = w->html_size = 0;
    while ((event = TRY(AWAIT(http_next(&w->http)))) == HTTP_GOT_BODY) {
        result->size += m->body_size;
        if (is_html) TRY(keep_html(w, m->body, m->body_size));
    }
    if (event != HTTP_COMPLETE) RAISE(-EPROTO, "the answer is broken: %s", m->reason);
    RETURN();
}

ASYNC(request, (struct worker *) w, (const struct page *) page, (struct result *) result) {
    TRY(AWAIT(connect_to(w, &page->url)));
    TRY(send_request(w, &page->url));
    TRY(AWAIT(read_head(w)));
    const struct http_message *m = &w->http.message;
    result->status = (int)m->parser.status_code;
    const char *location = http_header(m, "Location");
    if (location) TRY(add_link(page, location, strlen(location), page->depth));
    bool keep = m->keep_alive;
    TRY(AWAIT(read_body(w, result)));
    if (!keep) disconnect(w);
    if (result->status == 200) TRY(add_links(page, w->html, w->html_size));
    RETURN();
}

/* One attempt. A connection that was kept may have been closed by the server meanwhile; that says
 * nothing about the page. */
ASYNC(attempt, (struct worker *) w, (const struct page *) page, (struct result *) result) {
    int rc;
    bool kept = w->connected;
    result->status = 0;
    ASYNC_WITH(_, asyncio_timeout(app.timeout, &rc)) {
        rc = AWAIT(request(w, page, result));
        if (kept && (rc == -ECONNRESET || rc == -EPIPE) && result->status == 0) {
            asyncio_ignore(rc);
            disconnect(w);
            rc = AWAIT(request(w, page, result));
        }
    }
    if (rc < 0) disconnect(w);
    return rc;
}

/* ---- workers ---- */

static void report(const struct page *page, const struct result *result, asyncio_error *error) {
    char text[URL_TEXT_MAX];
    url_format(&page->url, text);
    app.pages++;
    if (error || result->status >= 400) app.failed++;
    if (error) {
        const char *message = asyncio_error_message(error);
        printf("---          - %s (%s)\n", text,
               message ? message : asyncio_strerror(asyncio_error_code(error)));
    } else {
        printf("%d %10llu %s\n", result->status, result->size, text);
        app.bytes += result->size;
    }
    fflush(stdout);
}

ASYNC(visit, (struct worker *) w, (const struct page *) page) {
    struct result result;
    for (int i = 0;; i++) {
        int rc = AWAIT(attempt(w, page, &result));
        if (rc < 0 && !asyncio_is_exception(rc)) return rc; /* cancelled */
        asyncio_auto_error error = asyncio_error_take(rc);
        bool again = rc < 0 || result.status >= 500 || result.status == 429;
        if (!again || i == app.retries) {
            report(page, &result, error);
            RETURN();
        }
        app.retried++;
        TRY(AWAIT(asyncio_sleep(app.backoff * (double)(1 << i))));
    }
}

ASYNC(take_pages, (struct worker *) w) {
    for (;;) {
        asyncio_auto_value item = asyncio_none();
        TRY(AWAIT(asyncio_queue_get(app.queue), &item));
        TRY(AWAIT(visit(w, item.p)));
        TRY(asyncio_queue_task_done(app.queue));
    }
}

ASYNC(work) {
    struct worker w;
    w.connected = false;
    w.html = NULL;
    int rc = AWAIT(take_pages(&w));
    disconnect(&w);
    free(w.html);
    return rc;
}

static void print_summary(double seconds) {
    printf("%lu pages, %llu bytes, %lu failed, %lu retries, %lu connections, %.2f s\n", app.pages,
           app.bytes, app.failed, app.retried, app.connections, seconds);
}

ASYNC(crawl, (char **) urls) {
    int rc;
    double start = asyncio_loop_time(asyncio_get_running_loop());
    app.queue = asyncio_queue_new(0);
    for (; *urls; urls++) {
        struct url url;
        if (!url_parse(&url, *urls, strlen(*urls))) {
            RAISE(ASYNCIO_VALUE_ERROR, "not an address of http or https: %s", *urls);
        }
        TRY(add_page(&url, 0));
    }
    ASYNC_WITH(group, asyncio_taskgroup(&rc)) {
        for (int i = 0; i < app.concurrency && rc >= 0; i++) {
            rc = asyncio_taskgroup_spawn(group, work());
        }
        if (rc >= 0) rc = AWAIT(asyncio_queue_join(app.queue));
        asyncio_taskgroup_cancel(group);
    }
    print_summary(asyncio_loop_time(asyncio_get_running_loop()) - start);
    return rc;
}

/* ---- the program ---- */

static const char usage[] =
    "usage: crawl [OPTIONS] URL...\n"
    "  --concurrency N      pages at a time (10)\n"
    "  --depth N            how many links to go from the first pages (3)\n"
    "  --timeout SECONDS    for a page (10)\n"
    "  --retries N          after no answer, or 429 or 5xx (2)\n"
    "  --backoff SECONDS    before the first of them; then twice as long each time (0.5)\n"
    "  --cafile FILE        whom to trust with https (those the system trusts)\n";

static double number(const char *text, double least, double most) {
    char *end;
    double value = strtod(text, &end);
    if (end != text && !*end && value >= least && value <= most) return value;
    fprintf(stderr, "crawl: not a number from %g to %g: %s\n", least, most, text);
    exit(2);
}

static const char *read_options(int argc, char **argv) {
    enum { HELP, CONCURRENCY, DEPTH, TIMEOUT, RETRIES, BACKOFF, CAFILE };
    static const struct option options[] = {
        { "help", no_argument, NULL, HELP },
        { "concurrency", required_argument, NULL, CONCURRENCY },
        { "depth", required_argument, NULL, DEPTH },
        { "timeout", required_argument, NULL, TIMEOUT },
        { "retries", required_argument, NULL, RETRIES },
        { "backoff", required_argument, NULL, BACKOFF },
        { "cafile", required_argument, NULL, CAFILE },
        { NULL, 0, NULL, 0 },
    };
    const char *cafile = NULL;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
        switch (option) {
        case HELP: fputs(usage, stdout), exit(0);
        case CONCURRENCY: app.concurrency = (int)number(optarg, 1, 10000); break;
        case DEPTH: app.max_depth = (int)number(optarg, 0, 1000); break;
        case TIMEOUT: app.timeout = number(optarg, 0, 1e6); break;
        case RETRIES: app.retries = (int)number(optarg, 0, 20); break;
        case BACKOFF: app.backoff = number(optarg, 0, 1e6); break;
        case CAFILE: cafile = optarg; break;
        default: fputs(usage, stderr), exit(2);
        }
    }
    if (optind < argc) return cafile;
    fputs(usage, stderr);
    exit(2);
}

int main(int argc, char **argv) {
    const char *cafile = read_options(argc, argv);
    app.tls = asyncio_ssl_create_default_context(ASYNCIO_SSL_SERVER_AUTH, cafile);
    int status = asyncio_main(crawl(argv + optind));
    tdestroy(app.seen, free);
    asyncio_queue_unref(app.queue);
    asyncio_sslcontext_unref(app.tls);
    return status ? status : app.failed > 0;
}
