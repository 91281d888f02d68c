/* SPDX-License-Identifier: MIT
 *
 * reader.h: from the text of a scenario to its forms.
 *
 * Names are symbols, one for each name of the scenario, so that they are compared as
 * pointers; a symbol also holds what is known of the name everywhere: its global value,
 * the exception type and the definition it names.
 */
#ifndef REPLAY_READER_H
#define REPLAY_READER_H

#include "value.h"

struct form;
struct definition;

struct symbol {
    const char *name;
    const struct exc_type *type;         /* the exception type of that name, or NULL */
    const struct definition *definition; /* the coro or gen of that name, or NULL */
    struct value global;                 /* its global value, if bound */
    bool bound;
    struct symbol *next; /* all symbols */
};

enum node_kind { NODE_LITERAL, NODE_NAME, NODE_KEYWORD, NODE_FORM };

struct node {
    enum node_kind kind;
    int line;
    struct value literal;
    struct symbol *name; /* of a name or a keyword (without its colon) */
    struct node **items; /* of a form: its head and the rest */
    size_t n;
    const struct form *form; /* what the head means: set by the checker */
    void *parsed;            /* what the checker made of it, for forms that want that */
};

struct reader {
    struct arena *arena;
    struct symbol *symbols;
    char problem[160]; /* what is wrong with the text */
};

/* Reads a whole text into the top forms of *top. False: see reader->problem. */
bool reader_parse(struct reader *reader, const char *text, size_t length, struct node *top);

struct symbol *reader_symbol(struct reader *reader, const char *name, size_t length);

/* Whether the node is the form or clause (HEAD ...). */
bool node_is(const struct node *x, const char *head);

#endif
