/* SPDX-License-Identifier: MIT
 *
 * reader.c: see reader.h. One pass over the text; the forms that are still open are a list
 * through their parents.
 */
#include "reader.h"

#include <errno.h>
#include <stdlib.h>

#include "errors.h"

struct open_form {
    struct node *node;
    struct open_form *outer;
    size_t size; /* items there is room for */
};

struct cursor {
    struct reader *reader;
    const char *at;
    const char *end;
    int line;
    struct open_form *open; /* the innermost; the last one is the whole text */
};

static bool fail(struct cursor *c, const char *what) {
    snprintf(c->reader->problem, sizeof c->reader->problem, "line %d: %s", c->line, what);
    return false;
}

struct symbol *reader_symbol(struct reader *reader, const char *name, size_t length) {
    struct symbol *s = reader->symbols;
    for (; s; s = s->next) {
        if (strncmp(s->name, name, length) == 0 && s->name[length] == '\0') return s;
    }
    s = arena_alloc(reader->arena, sizeof *s);
    s->name = arena_copy(reader->arena, name, length);
    s->type = exc_type_find(s->name);
    s->next = reader->symbols;
    reader->symbols = s;
    return s;
}

static struct node *new_node(struct cursor *c, enum node_kind kind) {
    struct node *node = arena_alloc(c->reader->arena, sizeof *node);
    node->kind = kind;
    node->line = c->line;
    return node;
}

static void add_item(struct cursor *c, struct node *item) {
    struct node *form = c->open->node;
    if (form->n == c->open->size) {
        c->open->size = c->open->size ? c->open->size * 2 : 4;
        struct node **items = arena_alloc(c->reader->arena, c->open->size * sizeof(void *));
        for (size_t i = 0; i < form->n; i++) items[i] = form->items[i];
        form->items = items;
    }
    form->items[form->n++] = item;
}

static void open_form(struct cursor *c, struct node *node) {
    struct open_form *open = arena_alloc(c->reader->arena, sizeof *open);
    open->node = node;
    open->outer = c->open;
    c->open = open;
}

static bool close_form(struct cursor *c) {
    if (!c->open->outer) return fail(c, "stray )");
    struct node *node = c->open->node;
    c->open = c->open->outer;
    add_item(c, node);
    return true;
}

static bool add_atom(struct cursor *c, struct node *atom) {
    if (!c->open->outer) return fail(c, "atom at top level");
    add_item(c, atom);
    return true;
}

/* The length of the string's text, escapes not yet taken out. */
static size_t string_extent(const struct cursor *c) {
    const char *p = c->at;
    while (p < c->end && *p != '"') p += *p == '\\' && p + 1 < c->end ? 2 : 1;
    return (size_t)(p - c->at);
}

static bool read_string(struct cursor *c) {
    c->at++;
    char *s = arena_alloc(c->reader->arena, string_extent(c) + 1);
    size_t n = 0;
    for (; c->at < c->end && *c->at != '"'; c->at++) {
        char ch = *c->at;
        if (ch == '\n' || ch == '\r' || ch == '\0') return fail(c, "newline in string");
        if (ch == '\\') {
            c->at++;
            ch = c->at < c->end ? *c->at : '\0';
            if (ch == 'n') ch = '\n';
            else if (ch != '"' && ch != '\\') return fail(c, "unknown escape");
        }
        s[n++] = ch;
    }
    if (c->at == c->end) return fail(c, "string without end");
    c->at++;
    struct node *atom = new_node(c, NODE_LITERAL);
    atom->literal = value_string(s);
    return add_atom(c, atom);
}

static bool is_delimiter(char ch) { return ch == '\0' || strchr(" \t\r\n();\"", ch) != NULL; }

static bool is_integer(const char *s, size_t n) {
    if (n > 0 && *s == '-') s++, n--;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return false;
    }
    return n > 0;
}

static bool is_word(const char *s, size_t n, const char *word) {
    return strlen(word) == n && memcmp(s, word, n) == 0;
}

static bool read_integer(struct cursor *c, const char *s, size_t n, struct node *atom) {
    char digits[32];
    if (n >= sizeof digits) return fail(c, "integer out of range");
    memcpy(digits, s, n);
    digits[n] = '\0';
    errno = 0;
    atom->literal = value_int(strtoll(digits, NULL, 10));
    return errno ? fail(c, "integer out of range") : add_atom(c, atom);
}

static bool read_word(struct cursor *c) {
    const char *s = c->at;
    while (c->at < c->end && !is_delimiter(*c->at)) c->at++;
    size_t n = (size_t)(c->at - s);
    if (n == 0) return fail(c, "stray character");
    struct node *atom = new_node(c, NODE_LITERAL);
    if (is_integer(s, n)) return read_integer(c, s, n, atom);
    if (is_word(s, n, "none")) atom->literal = value_none();
    else if (is_word(s, n, "true")) atom->literal = value_bool(true);
    else if (is_word(s, n, "false")) atom->literal = value_bool(false);
    else if (*s == ':') {
        atom->kind = NODE_KEYWORD;
        atom->name = reader_symbol(c->reader, s + 1, n - 1);
    } else {
        atom->kind = NODE_NAME;
        atom->name = reader_symbol(c->reader, s, n);
    }
    return add_atom(c, atom);
}

static bool read_one(struct cursor *c) {
    switch (*c->at) {
    case '\n': c->line++; /* fall through */
    case ' ':
    case '\t':
    case '\r': c->at++; return true;
    case ';':
        while (c->at < c->end && *c->at != '\n' && *c->at != '\r') c->at++;
        return true;
    case '(':
        open_form(c, new_node(c, NODE_FORM));
        c->at++;
        return true;
    case ')': c->at++; return close_form(c);
    case '"': return read_string(c);
    default: return read_word(c);
    }
}

bool reader_parse(struct reader *reader, const char *text, size_t length, struct node *top) {
    struct cursor c = { .reader = reader, .at = text, .end = text + length, .line = 1 };
    *top = (struct node){ .kind = NODE_FORM };
    open_form(&c, top);
    while (c.at < c.end) {
        if (!read_one(&c)) return false;
    }
    c.line = c.open->node->line;
    return c.open->outer ? fail(&c, "unclosed (") : true;
}

bool node_is(const struct node *x, const char *head) {
    return x->kind == NODE_FORM && x->n > 0 && x->items[0]->kind == NODE_NAME &&
           strcmp(x->items[0]->name->name, head) == 0;
}
