/* A server for HTTP/1.1: files, and an echo of what is sent to it.
 *
 *     http_server [OPTIONS] FOLDER     until Ctrl-C
 *
 * GET and HEAD give the files of the folder (http/site.c has the rules). POST and PUT to /echo
 * give back the body as it comes, however long it is: when the client reads slowly, the server
 * does, too. Connections are kept, requests may be sent without waiting for answers.
 *
 * A coroutine serves a connection; it reads like the conversation. Every wait in it has a time
 * limit, and a body has to come at a minimum rate. Clients can break off or be too slow as often as
 * they like, so that is counted, and told in a line now and then. Ctrl-C: nobody is accepted any
 * more, whoever waits for a request is let go, requests under way get their answers, for a while.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "http/http.h"
#include "http/site.h"

#define FILE_PIECE (1 << 20) /* of a large file, sent within one time limit */
#define SKIP_MAX (64 << 10)  /* of a body that nobody wants, to keep the connection */
#define PIECES_MAX 64        /* of a body, written together */
#define TELL_SECONDS 10      /* between two lines about lost connections */

struct link {
    struct link *next, *previous;
};

struct client {
    struct link idle; /* first; among those that are idle, the one that is it longest in front */
    double since;     /* when it became idle, by the loop's clock */
    bool last;        /* the connection ends with this answer */
    bool expects;     /* the client waits for "100 Continue" before it sends the body */
    double waited;    /* seconds, for bytes of this request's body */
    double received;  /* of it, bytes */
    struct http_connection http;
};

static struct {
    const char *host, *cert, *key;
    int port;
    double idle, limit, grace, keep; /* seconds */
    double min_rate;                 /* of bodies, in bytes a second; 0: none */
    unsigned long long max_body;     /* bytes */
    int max_connections;
    struct site site;
    struct link idle_list;
    int connections;
    unsigned long lost; /* connections that were not told yet */
    double told;        /* when that was, by the loop's clock */
    bool stopping;
} app = {
    .host = "127.0.0.1",
    .port = 8080,
    .idle = 60,
    .limit = 30,
    .grace = 10,
    .keep = 1,
    .min_rate = 500,
    .max_body = 1ull << 30,
    .max_connections = 10000,
    .site.root = -1,
};

/* ---- answers ---- */

static const char *reason_of(int status) {
    switch (status) {
    case 200: return "OK";
    case 301: return "Moved Permanently";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 417: return "Expectation Failed";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Internal Server Error";
    }
}

/* The header with the time, made anew each second. */
static const char *date_header(void) {
    static char text[64];
    static time_t made;
    time_t now = time(NULL);
    if (now != made) {
        struct tm tm;
        gmtime_r(&now, &tm);
        strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
        made = now;
    }
    return text;
}

static const char *connection_header(const struct client *c) {
    if (c->last) return "Connection: close\r\n\r\n";
    return c->http.message.parser.http_minor == 0 ? "Connection: keep-alive\r\n\r\n" : "\r\n";
}

static struct iovec part(const char *text) {
    return (struct iovec){ (void *)(uintptr_t)text, strlen(text) };
}

/* Begins an answer; what `headers` say depends on the status. */
static int write_head(struct client *c, int status, struct iovec headers, struct iovec body) {
    char line[64];
    snprintf(line, sizeof line, "HTTP/1.1 %d %s\r\n", status, reason_of(status));
    struct iovec parts[] = { part(line), part(date_header()), headers, part(connection_header(c)),
                             body };
    return asyncio_streamwriter_writelines(c->http.writer, parts, 5);
}

/* A whole answer that says no more than its status; headers: more of them, or "". */
static int write_status(struct client *c, int status, const char *headers) {
    char text[512], body[64];
    int size = snprintf(body, sizeof body, "%d %s\n", status, reason_of(status));
    snprintf(text, sizeof text, "Content-Type: text/plain\r\nContent-Length: %d\r\n%s", size,
             headers);
    bool head = c->http.message.parser.method == HTTP_HEAD;
    return write_head(c, status, part(text), part(head ? "" : body));
}

/* Waits until the client has taken most of what was written. */
ASYNC(drain, (struct client *) c) {
    int rc;
    if (asyncio_streamwriter_get_write_buffer_size(c->http.writer) == 0) return 0;
    ASYNC_WITH(_, asyncio_timeout(app.limit, &rc)) {
        rc = AWAIT(asyncio_streamwriter_drain(c->http.writer));
    }
    return rc;
}

/* How long the client may be silent. Each byte of a body earns some time beside the limit, and all
 * waiting uses it up: a byte now and then is not enough. */
static double patience(const struct client *c) {
    if (app.min_rate <= 0) return app.limit;
    double left = app.limit + c->received / app.min_rate - c->waited;
    return left < app.limit ? left : app.limit;
}

/* Waits for the next piece of the request. */
ASYNC(await_piece, (struct client *) c) {
    asyncio_loop *loop = asyncio_get_running_loop();
    double start = asyncio_loop_time(loop);
    int rc;
    ASYNC_WITH(_, asyncio_timeout(patience(c), &rc)) { rc = AWAIT(http_next(&c->http)); }
    c->waited += asyncio_loop_time(loop) - start;
    return rc;
}

/* The next piece of the request, if it comes in time. */
ASYNC(next_piece, (struct client *) c) {
    int rc = (int)http_next_nowait(&c->http);
    if (rc == HTTP_MORE) rc = AWAIT(await_piece(c));
    if (rc == HTTP_GOT_HEAD) c->waited = c->received = 0;
    if (rc == HTTP_GOT_BODY) c->received += (double)c->http.message.body_size;
    return rc;
}

/* ---- GET, HEAD ---- */

ASYNC(send_large, (struct client *) c, (const struct site_file *) f) {
    size_t at = 0;
    while (at < f->size) {
        int rc;
        asyncio_value sent;
        size_t n = f->size - at < FILE_PIECE ? f->size - at : FILE_PIECE;
        ASYNC_WITH(_, asyncio_timeout(app.limit, &rc)) {
            rc = AWAIT(asyncio_loop_sendfile(asyncio_get_running_loop(), c->http.writer, f->fd,
                                             (off_t)at, n),
                       &sent);
        }
        TRY(rc);
        if (sent.i == 0) RAISE(-EPIPE, "the file has become shorter");
        at += (size_t)sent.i;
    }
    RETURN();
}

/* Where a folder is asked for without a slash: the same, with one. */
static int write_redirect(struct client *c) {
    char text[HTTP_HEAD_MAX + 64];
    const char *target = http_target_path(c->http.message.target);
    int size = (int)strcspn(target, "?");
    int name = size;
    while (name > 0 && target[name - 1] != '/') name--;
    int n = snprintf(text, sizeof text, "Location: ./%.*s/\r\nContent-Length: 0\r\n", size - name,
                     target + name);
    return write_head(c, 301, (struct iovec){ text, (size_t)n }, part(""));
}

ASYNC(get, (struct client *) c) {
    asyncio_auto_value found = asyncio_none();
    int rc = AWAIT(site_find(&app.site, c->http.message.target), &found);
    if (asyncio_catch(rc, ASYNCIO_VALUE_ERROR)) return write_status(c, 400, "");
    TRY(rc);

    struct site_file *f = found.p;
    if (f->status == 301) return write_redirect(c);
    if (f->status != 200) return write_status(c, f->status, "");
    const char *since = http_header(&c->http.message, "If-Modified-Since");
    if (since && strcmp(since, f->modified) == 0) return write_head(c, 304, part(""), part(""));
    bool wanted = c->http.message.parser.method == HTTP_GET;
    struct iovec parts[] = { { f->head, (size_t)f->head_size },
                             part(date_header()),
                             part(connection_header(c)),
                             { f->data, f->data && wanted ? f->size : 0 } };
    TRY(asyncio_streamwriter_writelines(c->http.writer, parts, 4));
    return wanted && !f->data ? AWAIT(send_large(c, f)) : 0;
}

/* ---- POST, PUT ---- */

/* Pieces of the body that came together; they stay in the buffer until more is read. */
struct pieces {
    int count;
    size_t size;
    struct iovec parts[PIECES_MAX + 2]; /* the first and the last frame a chunk */
};

/* Waits for the first and takes what is there behind it. Gives what comes next: HTTP_GOT_BODY or
 * HTTP_MORE if there may be more. */
ASYNC(collect, (struct client *) c, (struct pieces *) p) {
    const struct http_message *m = &c->http.message;
    p->count = 0;
    p->size = 0;
    int event = TRY(AWAIT(next_piece(c)));
    while (event == HTTP_GOT_BODY) {
        p->parts[++p->count] = (struct iovec){ (void *)(uintptr_t)m->body, m->body_size };
        p->size += m->body_size;
        if (p->count == PIECES_MAX) break;
        event = (int)http_next_nowait(&c->http);
        if (event == HTTP_GOT_BODY) c->received += (double)m->body_size;
    }
    return event;
}

static int write_pieces(struct client *c, struct pieces *p, bool chunked) {
    char size[32];
    if (p->count == 0) return 0;
    if (!chunked) return asyncio_streamwriter_writelines(c->http.writer, p->parts + 1, p->count);
    snprintf(size, sizeof size, "%zx\r\n", p->size);
    p->parts[0] = part(size);
    p->parts[p->count + 1] = part("\r\n");
    return asyncio_streamwriter_writelines(c->http.writer, p->parts, p->count + 2);
}

static int write_echo_head(struct client *c, bool chunked, unsigned long long length) {
    char headers[128] = "Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n";
    if (!chunked) {
        snprintf(headers, sizeof headers,
                 "Content-Type: application/octet-stream\r\nContent-Length: %llu\r\n", length);
    }
    return write_head(c, 200, part(headers), part(""));
}

static int refuse(struct client *c, int status, const char *headers) {
    c->last = true;
    return write_status(c, status, headers);
}

/* The body, as it comes. What is wrong with what came first is answered; later on there is only the
 * end of the connection. */
ASYNC(echo_body, (struct client *) c, (bool) chunked, (unsigned long long) length) {
    struct pieces pieces;
    unsigned long long size = 0;
    int event = HTTP_MORE;
    for (bool begun = false; event != HTTP_COMPLETE; begun = true) {
        event = AWAIT(collect(c, &pieces));
        if (!begun && asyncio_catch(event, ASYNCIO_TIMEOUT_ERROR)) return refuse(c, 408, "");
        TRY(event);
        size += pieces.size;
        bool too_long = size > app.max_body;
        bool broken = event == HTTP_BAD || event == HTTP_CLOSED;
        if (!begun && (broken || too_long)) return refuse(c, too_long ? 413 : 400, "");
        if (!begun) TRY(write_echo_head(c, chunked, length));
        if (too_long) RAISE(-EMSGSIZE, "the body is too long");
        TRY(write_pieces(c, &pieces, chunked));
        TRY(AWAIT(drain(c)));
        if (broken) RAISE(-EPROTO, "the body is broken");
    }
    return chunked ? asyncio_streamwriter_write(c->http.writer, "0\r\n\r\n", 5) : 0;
}

ASYNC(echo, (struct client *) c) {
    const llhttp_t *p = &c->http.message.parser;
    bool chunked = p->flags & F_CHUNKED;
    unsigned long long length = p->flags & F_CONTENT_LENGTH ? p->content_length : 0;
    if (length > app.max_body) return refuse(c, 413, "");
    if (c->expects)
        TRY(asyncio_streamwriter_write(c->http.writer, "HTTP/1.1 100 Continue\r\n\r\n", 25));
    c->expects = false;
    return AWAIT(echo_body(c, chunked, length));
}

/* ---- a connection ---- */

/* An answer that is no more than a status, to a request that may have a body. */
static int answer_without(struct client *c, int status, const char *headers) {
    if (c->expects) c->last = true; /* the client may send its body or not: nobody knows */
    return write_status(c, status, headers);
}

ASYNC(answer, (struct client *) c) {
    const struct http_message *m = &c->http.message;
    const char *expect = http_header(m, "Expect");
    bool is_echo = strcmp(m->target, "/echo") == 0;
    c->last = !m->keep_alive || app.stopping;
    c->expects = expect != NULL;
    if (expect && strcasecmp(expect, "100-continue") != 0) return answer_without(c, 417, "");
    switch (m->parser.method) {
    case HTTP_GET:
    case HTTP_HEAD:
        if (is_echo) return answer_without(c, 405, "Allow: POST, PUT\r\n");
        if (c->expects) c->last = true;
        return AWAIT(get(c));
    case HTTP_POST:
    case HTTP_PUT:
        if (is_echo) return AWAIT(echo(c));
        return answer_without(c, 405, "Allow: GET, HEAD\r\n");
    case HTTP_CONNECT: c->last = true; break; /* what follows may be no HTTP */
    default: break;
    }
    return answer_without(c, 405, is_echo ? "Allow: POST, PUT\r\n" : "Allow: GET, HEAD\r\n");
}

/* Reads the rest of a request that was answered without it; too much of it is the end. */
ASYNC(skip_rest, (struct client *) c) {
    struct http_message *m = &c->http.message;
    size_t skipped = 0;
    while (m->event != HTTP_COMPLETE && !c->last) {
        int event = TRY(AWAIT(next_piece(c)));
        if (event == HTTP_GOT_BODY) skipped += m->body_size;
        c->last = (event != HTTP_GOT_BODY && event != HTTP_COMPLETE) || skipped > SKIP_MAX;
    }
    RETURN();
}

/* 1: a request begins; 0: none does, or not here, because the server or its patience is at its end
 * (let_go). */
ASYNC(wait_for_request, (struct client *) c) {
    if (c->http.at < c->http.size) return 1;
    if (app.stopping) return 0;
    c->since = asyncio_loop_time(asyncio_get_running_loop());
    c->idle = (struct link){ &app.idle_list, app.idle_list.previous };
    c->idle.previous->next = app.idle_list.previous = &c->idle;
    int rc = AWAIT(http_wait(&c->http));
    c->idle.previous->next = c->idle.next;
    c->idle.next->previous = c->idle.previous;
    return rc;
}

/* Closes connections that are idle since then or longer; their tasks see the end of the stream. */
static void let_go(double since) {
    for (struct link *l = app.idle_list.next; l != &app.idle_list; l = l->next) {
        struct client *c = (struct client *)l;
        if (c->since > since) break;
        asyncio_streamwriter_close(c->http.writer);
    }
}

static void tell_lost(void) {
    app.told = asyncio_loop_time(asyncio_get_running_loop());
    if (app.lost == 0) return;
    fprintf(stderr, "http_server: %lu connections were broken off or too slow\n", app.lost);
    app.lost = 0;
}

/* One look now and then is cheaper than a timer for each of them. */
ASYNC(look_now_and_then) {
    asyncio_loop *loop = asyncio_get_running_loop();
    for (;;) {
        TRY(AWAIT(asyncio_sleep(app.idle < 4 ? 0.01 + app.idle / 4 : 1)));
        let_go(asyncio_loop_time(loop) - app.idle);
        if (asyncio_loop_time(loop) - app.told >= TELL_SECONDS) tell_lost();
    }
}

/* Whether that is what clients can do to their connections. */
static bool is_lost(int rc) {
    return asyncio_is_connection_error(rc) || rc == ASYNCIO_TIMEOUT_ERROR || rc == -EMSGSIZE;
}

/* Says that this was all, and waits for the client to say so. Closing before that could make the
 * system drop the answer that the client has not read yet. */
ASYNC(say_goodbye, (struct client *) c) {
    int rc;
    TRY(asyncio_streamwriter_set_write_buffer_limits(c->http.writer, 0, 0));
    TRY(AWAIT(drain(c)));
    if (asyncio_streamwriter_can_write_eof(c->http.writer)) {
        TRY(asyncio_streamwriter_write_eof(c->http.writer));
    }
    ASYNC_WITH(_, asyncio_timeout(2, &rc)) {
        do rc = AWAIT(asyncio_streamreader_read(c->http.reader, c->http.in, sizeof c->http.in));
        while (rc > 0);
    }
    if (!is_lost(rc)) return rc;
    asyncio_ignore(rc); /* it had its answer */
    asyncio_streamwriter_abort(c->http.writer);
    RETURN();
}

ASYNC(converse, (struct client *) c) {
    if (app.connections > app.max_connections) {
        c->last = true;
        TRY(write_status(c, 503, ""));
    }
    while (!c->last && TRY(AWAIT(wait_for_request(c)))) {
        c->waited = c->received = 0;
        int event = AWAIT(next_piece(c));
        bool late = asyncio_catch(event, ASYNCIO_TIMEOUT_ERROR);
        if (!late && TRY(event) == HTTP_CLOSED) return 0;
        if (event == HTTP_GOT_HEAD) {
            TRY(AWAIT(answer(c)));
        } else {
            c->last = true;
            TRY(write_status(c, late ? 408 : c->http.message.status, ""));
        }
        TRY(AWAIT(drain(c)));
        TRY(AWAIT(skip_rest(c)));
    }
    return c->last ? AWAIT(say_goodbye(c)) : 0;
}

ASYNC(serve_client, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer,
      (void *) arg) {
    struct client c;
    (void)arg;
    c.last = c.expects = false;
    http_connection_init(&c.http, HTTP_REQUEST, reader, writer);
    app.connections++;
    int rc = AWAIT(converse(&c));
    app.connections--;
    if (rc < 0) asyncio_streamwriter_abort(writer);
    if (!is_lost(rc)) return rc;
    asyncio_ignore(rc);
    app.lost++;
    RETURN();
}

/* ---- the server ---- */

ASYNC(start_server, (asyncio_server **) server) {
    asyncio_auto_sslcontext tls = NULL;
    if (app.cert) {
        tls = asyncio_ssl_create_default_context(ASYNCIO_SSL_CLIENT_AUTH, NULL);
        TRY(asyncio_sslcontext_load_cert_chain(tls, app.cert, app.key, NULL));
    }
    return AWAIT(asyncio_start_server(serve_client, app.host, app.port, server, .backlog = 1024,
                                      .ssl = tls));
}

ASYNC(serve, (const char *) folder) {
    asyncio_auto_server server = NULL;
    asyncio_auto_signals signals = asyncio_signals_new(2, (int[]){ SIGINT, SIGTERM });
    TRY(site_open(&app.site, folder, app.keep));
    app.idle_list.next = app.idle_list.previous = &app.idle_list;
    asyncio_auto_task sweeper = asyncio_create_task(look_now_and_then());
    TRY(AWAIT(start_server(&server)));
    printf("Serving %s on http%s://%s:%d/\n", folder, app.cert ? "s" : "", app.host,
           asyncio_server_port(server));
    fflush(stdout);

    TRY(AWAIT(asyncio_signals_next(signals)));
    asyncio_signals_unref(signals); /* a second Ctrl-C is the end at once */
    signals = NULL;
    app.stopping = true;
    let_go(ASYNCIO_FOREVER);
    int cut = TRY(AWAIT(asyncio_server_shutdown(server, app.grace)));
    tell_lost();
    printf("Stopped, %d connections cut off\n", cut);
    RETURN();
}

static const char usage[] =
    "usage: http_server [OPTIONS] FOLDER\n"
    "  --host HOST            where to listen (127.0.0.1)\n"
    "  --port PORT            (8080; 0: a free one, which is printed)\n"
    "  --idle SECONDS         for which a connection may be without a request (60)\n"
    "  --limit SECONDS        for the head of a request, each piece of a body, each answer (30)\n"
    "  --min-rate BYTES       a second of a body, after the first limit; 0: none (500)\n"
    "  --grace SECONDS        for requests under way after Ctrl-C (10)\n"
    "  --keep SECONDS         for which a file is taken to be unchanged (1)\n"
    "  --max-body BYTES       of a request (1073741824)\n"
    "  --max-connections N    at a time (10000)\n"
    "  --cert FILE            https, with this certificate (PEM)\n"
    "  --key FILE             its key, if that is not in the same file\n";

/* A number from 0 on, or the end of the program. */
static double number(const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (end != text && !*end && value >= 0 && value <= 1e15) return value;
    fprintf(stderr, "http_server: not a number: %s\n", text);
    exit(2);
}

static void read_options(int argc, char **argv) {
    enum { HELP, HOST, PORT, IDLE, LIMIT, RATE, GRACE, KEEP, BODY, CONNECTIONS, CERT, KEY };
    static const struct option options[] = {
        { "help", no_argument, NULL, HELP },
        { "host", required_argument, NULL, HOST },
        { "port", required_argument, NULL, PORT },
        { "idle", required_argument, NULL, IDLE },
        { "limit", required_argument, NULL, LIMIT },
        { "min-rate", required_argument, NULL, RATE },
        { "grace", required_argument, NULL, GRACE },
        { "keep", required_argument, NULL, KEEP },
        { "max-body", required_argument, NULL, BODY },
        { "max-connections", required_argument, NULL, CONNECTIONS },
        { "cert", required_argument, NULL, CERT },
        { "key", required_argument, NULL, KEY },
        { NULL, 0, NULL, 0 },
    };
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
        switch (option) {
        case HELP: fputs(usage, stdout), exit(0);
        case HOST: app.host = optarg; break;
        case PORT: app.port = (int)number(optarg); break;
        case IDLE: app.idle = number(optarg); break;
        case LIMIT: app.limit = number(optarg); break;
        case RATE: app.min_rate = number(optarg); break;
        case GRACE: app.grace = number(optarg); break;
        case KEEP: app.keep = number(optarg); break;
        case BODY: app.max_body = (unsigned long long)number(optarg); break;
        case CONNECTIONS: app.max_connections = (int)number(optarg); break;
        case CERT: app.cert = optarg; break;
        case KEY: app.key = optarg; break;
        default: fputs(usage, stderr), exit(2);
        }
    }
    if (optind == argc - 1) return;
    fputs(usage, stderr);
    exit(2);
}

int main(int argc, char **argv) {
    read_options(argc, argv);
    int status = asyncio_main(serve(argv[optind]));
    site_close(&app.site);
    return status;
}
