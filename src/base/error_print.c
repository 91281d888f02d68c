/* SPDX-License-Identifier: MIT
 *
 * base/error_print.c: errors as text: repr, frames, tracebacks.
 *
 * A traceback has the shape of Python's. An error's chain is followed over its cause or, if it
 * has none, its context, and printed oldest first. A group is a tree: its lines stand in a
 * margin of "| ", two columns further in for each level, and each member is headed by a rule
 * with its number. Groups deeper than GROUP_DEPTH and members beyond GROUP_WIDTH are only
 * counted, chains beyond CHAIN_SHOWN lose their oldest, so that the text has an end.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/value.h"

#define GROUP_WIDTH 15
#define GROUP_DEPTH 10
#define CHAIN_SHOWN 32
#define REPR_DEPTH 16
#define LINE_MAX_SHOWN 200 /* bytes of a source line */

/* ---- repr ---- */

/* How many reprs of errors enclose this one: an error may be in its own argument. */
static _Thread_local int repr_depth;

static void put_members(struct asyncio__text *text, const asyncio_error *error) {
    asyncio__text_put(text, ", [");
    for (size_t i = 0; i < asyncio_error_count(error); i++) {
        if (i > 0) asyncio__text_put(text, ", ");
        asyncio__error_show(text, asyncio_error_child(error, i));
    }
    asyncio__text_put(text, "]");
}

static void put_error(struct asyncio__text *text, const asyncio_error *error) {
    const char *message = asyncio_error_message(error);
    asyncio_value value = asyncio_error_value(error);
    bool group = asyncio_error_count(error) > 0;
    asyncio__text_printf(text, "%s(", asyncio_err_name(asyncio_error_code(error)));
    if (message || group) {
        asyncio__text_quote(text, message ? message : "");
    } else if (value.type) {
        asyncio__value_show(text, &value);
    }
    if (group) put_members(text, error);
    asyncio__text_put(text, ")");
}

int asyncio_error_repr(const asyncio_error *error, char *buf, size_t n) {
    struct asyncio__text text = asyncio__text_start(buf, n);
    if (!error) {
        asyncio__text_put(&text, "None");
    } else if (repr_depth >= REPR_DEPTH) {
        asyncio__text_put(&text, "...");
    } else {
        repr_depth++;
        put_error(&text, error);
        repr_depth--;
    }
    return asyncio__text_end(&text);
}

void asyncio__error_show(struct asyncio__text *text, const asyncio_error *error) {
    size_t room;
    char *rest = asyncio__text_rest(text, &room);
    asyncio__text_count(text, asyncio_error_repr(error, rest, room));
}

/* ---- lines in a margin ---- */

struct printer {
    FILE *file;
    int depth;       /* of groups around what is printed now */
    bool in_line;    /* something was printed since the last newline */
    bool need_close; /* the last rule of the innermost group is still to come */
};

static void indent(const struct printer *p) { fprintf(p->file, "%*s", 2 * p->depth, ""); }

static void print(struct printer *p, const char *s) {
    while (*s) {
        if (!p->in_line && p->depth > 0) {
            indent(p);
            fputs("| ", p->file);
        }
        size_t n = strcspn(s, "\n");
        p->in_line = s[n] == '\0';
        if (!p->in_line) n++;
        fwrite(s, 1, n, p->file);
        s += n;
    }
}

ASYNCIO_PRINTF(2, 3) static void printf_line(struct printer *p, const char *fmt, ...) {
    char line[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    print(p, line);
    print(p, "\n");
}

/* ---- frames ---- */

/* Prints line number `line` of a file, without the blanks around it; nothing if the file is no
 * regular file that can be read, has no such line, or a blank one. */
static void print_source(struct printer *p, const char *path, long line) {
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode)) return;
    FILE *source = fopen(path, "re");
    if (!source) return;
    char text[LINE_MAX_SHOWN];
    bool found = false;
    while (line > 0 && fgets(text, sizeof text, source)) {
        found = line == 1;
        size_t n = strlen(text);
        if (found || (n > 0 && text[n - 1] == '\n')) line--;
    }
    fclose(source);
    if (!found) return;
    text[strcspn(text, "\r\n")] = '\0';
    size_t end = strlen(text);
    while (end > 0 && strchr(" \t", text[end - 1])) text[--end] = '\0';
    const char *start = text + strspn(text, " \t");
    if (*start) printf_line(p, "    %s", start);
}

static void print_frame(struct printer *p, const struct asyncio__traced *frame) {
    const char *func = frame->func ? frame->func : "?";
    const char *colon = frame->where ? strrchr(frame->where, ':') : NULL;
    char path[256];
    if (!colon || (size_t)(colon - frame->where) >= sizeof path) {
        printf_line(p, "  File \"%s\", in %s", frame->where ? frame->where : "?", func);
        return;
    }
    memcpy(path, frame->where, (size_t)(colon - frame->where));
    path[colon - frame->where] = '\0';
    long line = strtol(colon + 1, NULL, 10);
    printf_line(p, "  File \"%s\", line %ld, in %s", path, line, func);
    print_source(p, path, line);
}

static void print_frames(struct printer *p, const struct asyncio__traced *frames, size_t count) {
    for (size_t i = 0; i < count; i++) print_frame(p, &frames[i]);
}

void asyncio__error_print_frames(const struct asyncio__traced *frames, size_t count, FILE *file) {
    struct printer p = { .file = file ? file : stderr };
    print_frames(&p, frames, count);
}

/* ---- one error ---- */

/* Without memory for a long one it is cut short. */
static void print_value(struct printer *p, const asyncio_value *value) {
    char buf[256];
    int n = asyncio_value_repr(value, buf, sizeof buf);
    char *whole = n >= (int)sizeof buf ? asyncio__malloc((size_t)n + 1) : NULL;
    if (whole) asyncio_value_repr(value, whole, (size_t)n + 1);
    print(p, whole ? whole : buf);
    asyncio__free(whole);
}

/* What stands after the name: the text itself, where repr would quote it. */
static void print_argument(struct printer *p, const asyncio_error *error) {
    const char *message = asyncio_error_message(error);
    asyncio_value value = asyncio_error_value(error);
    bool quoted = asyncio_error_code(error) == ASYNCIO_KEY_ERROR; /* as Python does there */
    bool text = value.type == &asyncio_value_str || value.type == &asyncio_value_own_str;
    if (!message && text) message = value.s;
    if (message && !quoted) {
        if (*message) print(p, ": ");
        print(p, message);
        return;
    }
    if (!message && !value.type) return;
    if (message) value = asyncio_str(message);
    print(p, ": ");
    print_value(p, &value);
}

static void print_error_line(struct printer *p, const asyncio_error *error) {
    size_t count = asyncio_error_count(error);
    print(p, asyncio_err_name(asyncio_error_code(error)));
    if (count == 0) {
        print_argument(p, error);
    } else {
        char members[64];
        const char *message = asyncio_error_message(error);
        snprintf(members, sizeof members, " (%zu sub-exception%s)", count, count > 1 ? "s" : "");
        print(p, ": ");
        print(p, message ? message : "");
        print(p, members);
    }
    print(p, "\n");
    for (size_t i = 0; asyncio_error_note(error, i); i++) {
        print(p, asyncio_error_note(error, i));
        print(p, "\n");
    }
}

/* ---- groups and chains ---- */

static void print_chain(struct printer *p, const asyncio_error *error);

static void print_member(struct printer *p, const asyncio_error *group, size_t i) {
    size_t count = asyncio_error_count(group);
    bool last = i + 1 == count || i == GROUP_WIDTH;
    char title[24] = "...";
    if (i < GROUP_WIDTH) snprintf(title, sizeof title, "%zu", i + 1);
    p->need_close = last;
    indent(p);
    fprintf(p->file, "%s+---------------- %s ----------------\n", i == 0 ? "+-" : "  ", title);
    p->depth++;
    if (i < GROUP_WIDTH) {
        print_chain(p, asyncio_error_child(group, i));
    } else {
        size_t more = count - GROUP_WIDTH;
        printf_line(p, "and %zu more exception%s", more, more > 1 ? "s" : "");
    }
    /* A group that is the last member has drawn the rule for both. */
    if (last && p->need_close) {
        indent(p);
        fputs("+------------------------------------\n", p->file);
        p->need_close = false;
    }
    p->depth--;
}

static void print_group(struct printer *p, const asyncio_error *error) {
    if (p->depth > GROUP_DEPTH) {
        printf_line(p, "... (max_group_depth is %d)", GROUP_DEPTH);
        return;
    }
    bool outermost = p->depth == 0;
    if (outermost) p->depth = 1;
    const struct asyncio__traced *frames;
    size_t traced = asyncio__error_frames(error, &frames);
    if (traced) {
        indent(p);
        fprintf(p->file, "%c Exception Group Traceback (most recent call last):\n",
                outermost ? '+' : '|');
        print_frames(p, frames, traced);
    }
    print_error_line(p, error);
    for (size_t i = 0; i < asyncio_error_count(error) && i <= GROUP_WIDTH; i++) {
        print_member(p, error, i);
    }
    if (outermost) p->depth = 0;
}

static void print_error(struct printer *p, const asyncio_error *error) {
    if (asyncio_error_count(error) > 0) {
        print_group(p, error);
        return;
    }
    const struct asyncio__traced *frames;
    size_t traced = asyncio__error_frames(error, &frames);
    if (traced) print(p, "Traceback (most recent call last):\n");
    print_frames(p, frames, traced);
    print_error_line(p, error);
}

static const asyncio_error *error_before(const asyncio_error *error) {
    const asyncio_error *cause = asyncio_error_cause(error);
    return cause ? cause : asyncio_error_context(error);
}

static void print_chain(struct printer *p, const asyncio_error *error) {
    int links = 0;
    for (const asyncio_error *e = error; e && links < CHAIN_SHOWN; e = error_before(e)) links++;
    while (links-- > 0) {
        const asyncio_error *e = error;
        for (int i = 0; i < links; i++) e = error_before(e);
        print_error(p, e);
        if (links == 0) return;
        e = error;
        for (int i = 1; i < links; i++) e = error_before(e);
        print(p, asyncio_error_cause(e)
                     ? "\nThe above exception was the direct cause of the following exception:\n\n"
                     : "\nDuring handling of the above exception, another exception occurred:\n\n");
    }
}

void asyncio_error_print(const asyncio_error *error, FILE *file) {
    if (!error) return;
    struct printer p = { .file = file ? file : stderr };
    flockfile(p.file);
    print_chain(&p, error);
    funlockfile(p.file);
}
