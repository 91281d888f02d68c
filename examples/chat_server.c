/* A chat server for anybody with nc or telnet:
 *
 *     chat_server                 serves on 127.0.0.1:8888 until Ctrl-C
 *     chat_server HOST PORT       serves there; port 0: a free one, which it prints
 *
 *     nc 127.0.0.1 8888           the first line is a name, every other one is for all
 *
 * Each member has two tasks: one receives lines and puts them into the queues of all, the other
 * sends what is in the member's own queue. A queue is bounded: whoever does not read is put out
 * before the queue grows, and nobody else waits for it. What members say is text: control
 * characters, which would do something to the terminals of the others, are refused. At Ctrl-C
 * everybody gets what is still in the queues, within some seconds. */
#define _GNU_SOURCE
#include <asyncio.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <wctype.h>
#include <wchar.h>

enum { NAME_MAX_SIZE = 32, LINE_MAX_SIZE = 1024, LINES_MAX = 100 };

struct room {
    struct member *first;
};

struct member {
    struct member *next;
    struct room *room;
    asyncio_streamreader *reader;
    asyncio_streamwriter *writer;
    asyncio_queue *lines;         /* to be sent; strings */
    char name[NAME_MAX_SIZE + 1]; /* "": not known yet */
};

/* ---- the room ---- */

/* Never waits. */
static void tell(struct member *m, const char *text) {
    asyncio_value line = asyncio_own_str(strdup(text));
    if (!line.s) return;
    int rc = asyncio_queue_put_nowait(m->lines, line);
    if (rc >= 0) return;
    asyncio_value_drop(&line);
    if (asyncio_catch(rc, ASYNCIO_QUEUE_FULL)) {
        printf("%s does not read\n", m->name);
        asyncio_streamwriter_abort(m->writer);
    }
    asyncio_ignore(rc);
}

__attribute__((format(printf, 2, 3))) static void tell_all(const struct room *room,
                                                           const char *format, ...) {
    char text[NAME_MAX_SIZE + LINE_MAX_SIZE + 32];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (struct member *m = room->first; m; m = m->next) {
        if (m->name[0]) tell(m, text);
    }
}

/* Whether it is UTF-8 of printable characters, and tabs if those may be. */
static bool is_text(const char *text, size_t n, bool with_tabs) {
    mbstate_t state = { 0 };
    wchar_t c;
    for (size_t size; n > 0; text += size, n -= size) {
        size = mbrtowc(&c, text, n, &state);
        if (size == 0 || size > n) return false;
        if (!iswprint((wint_t)c) && !(with_tabs && c == L'\t')) return false;
    }
    return true;
}

/* Nobody can look like two members, or like the server. */
static bool is_name(const char *text) {
    size_t n = strlen(text);
    return n > 0 && n <= NAME_MAX_SIZE && *text != '*' && *text != ' ' && text[n - 1] != ' ' &&
           !strchr(text, ':') && is_text(text, n, false);
}

static bool is_taken(const struct room *room, const char *name) {
    for (const struct member *m = room->first; m; m = m->next) {
        if (strcmp(m->name, name) == 0) return true;
    }
    return false;
}

static void enter(struct member *m) {
    m->next = m->room->first;
    m->room->first = m;
}

static void leave(struct member *m) {
    struct member **at = &m->room->first;
    while (*at != m) at = &(*at)->next;
    *at = m->next;
    if (!m->name[0]) return;
    printf("%s left\n", m->name);
    tell_all(m->room, "* %s left\n", m->name);
}

/* ---- a member ---- */

/* Without the end of the line, "\n" or "\r\n". */
static size_t line_size(const asyncio_bytes *line) {
    size_t n = line->size;
    if (n > 0 && line->data[n - 1] == '\n') n--;
    if (n > 0 && line->data[n - 1] == '\r') n--;
    return n;
}

/* The next line without its end, or the end of the stream. */
ASYNC(receive_line, (struct member *) m, (char *) line, (bool *) end) {
    asyncio_bytes bytes;
    size_t size = 0;
    int n;
    for (;;) {
        n = AWAIT(asyncio_streamreader_readline(m->reader, &bytes));
        if (asyncio_catch(n, ASYNCIO_VALUE_ERROR)) {
            tell(m, "* that line is too long\n");
            continue;
        }
        if (n <= 0 || is_text(bytes.data, size = line_size(&bytes), true)) break;
        tell(m, "* that line has more than text in it\n");
    }
    *end = n == 0 || asyncio_is_connection_error(n);
    if (*end) asyncio_ignore(n);
    if (*end) RETURN();
    TRY(n);
    snprintf(line, LINE_MAX_SIZE + 1, "%.*s", (int)size, bytes.data);
    RETURN();
}

ASYNC(receive_lines, (struct member *) m) {
    char line[LINE_MAX_SIZE + 1];
    bool end;
    tell(m, "Your name?\n");
    for (;;) {
        TRY(AWAIT(receive_line(m, line, &end)));
        if (end) RETURN();
        if (is_name(line) && !is_taken(m->room, line)) break;
        tell(m, "* not that one; your name?\n");
    }
    snprintf(m->name, sizeof m->name, "%s", line);
    printf("%s joined\n", m->name);
    tell_all(m->room, "* %s joined\n", m->name);
    for (;;) {
        TRY(AWAIT(receive_line(m, line, &end)));
        if (end) RETURN();
        tell_all(m->room, "%s: %s\n", m->name, line);
    }
}

/* Until the queue is shut down and empty, or the connection is lost. */
ASYNC(send_lines, (struct member *) m) {
    for (;;) {
        asyncio_auto_value line = asyncio_none();
        int rc = AWAIT(asyncio_queue_get(m->lines), &line);
        if (asyncio_catch(rc, ASYNCIO_QUEUE_SHUT_DOWN)) break;
        TRY(rc);
        TRY(asyncio_streamwriter_write(m->writer, line.s, strlen(line.s)));
        rc = AWAIT(asyncio_streamwriter_drain(m->writer));
        if (asyncio_is_connection_error(rc)) {
            asyncio_ignore(rc);
            break;
        }
        TRY(rc);
    }
    asyncio_streamwriter_close(m->writer); /* which ends receive_lines, too */
    RETURN();
}

ASYNC(take_part, (struct member *) m) {
    int rc;
    ASYNC_WITH(group, asyncio_taskgroup(&rc)) {
        TRY(asyncio_taskgroup_spawn(group, send_lines(m)));
        TRY(AWAIT(receive_lines(m)));
        asyncio_queue_shutdown(m->lines, false);
    }
    TRY(rc);
    RETURN();
}

ASYNC(handle, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) room) {
    struct member m = { .room = room, .reader = reader, .writer = writer };
    m.lines = asyncio_queue_new(LINES_MAX);
    enter(&m);
    int rc = AWAIT(take_part(&m));
    leave(&m);
    asyncio_queue_unref(m.lines);
    TRY(rc);
    RETURN();
}

/* ---- the server ---- */

ASYNC(serve, (const char *) host, (int) port) {
    static struct room room; /* tasks of members may end after this one */
    asyncio_auto_server server = NULL;
    asyncio_auto_signals stop = asyncio_signals_new(2, (int[]){ SIGINT, SIGTERM });
    TRY(AWAIT(
        asyncio_start_server(handle, host, port, &server, .arg = &room, .limit = LINE_MAX_SIZE)));
    printf("Serving on %s:%d\n", host, asyncio_server_port(server));
    TRY(AWAIT(asyncio_signals_next(stop)));
    puts("Stopping");
    tell_all(&room, "* the server stops\n");
    for (struct member *m = room.first; m; m = m->next) asyncio_queue_shutdown(m->lines, false);
    int aborted = TRY(AWAIT(asyncio_server_shutdown(server, 3)));
    if (aborted) printf("%d did not read to the end\n", aborted);
    RETURN();
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    setlocale(LC_CTYPE, "C.UTF-8"); /* without it, names and lines are of ASCII */
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        puts("usage: chat_server [HOST PORT]    (127.0.0.1 8888)");
        return 0;
    }
    if (argc != 1 && argc != 3) {
        fputs("usage: chat_server [HOST PORT]\n", stderr);
        return 2;
    }
    return asyncio_main(argc == 3 ? serve(argv[1], atoi(argv[2])) : serve("127.0.0.1", 8888));
}
