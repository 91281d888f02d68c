/* SPDX-License-Identifier: MIT
 *
 * forms.h: the forms of the language, as tables.
 *
 * A row says how a form is written and which C function is its meaning. A special form
 * gets its node and evaluates what it wants; a function gets its arguments evaluated. A row
 * with neither is known but waits for library calls: a scenario that uses it is not run.
 * To add a form, write its function and put it into its row.
 */
#ifndef REPLAY_FORMS_H
#define REPLAY_FORMS_H

#include "interp.h"

enum { MAX_KEYWORDS = 3, ANY = -1 };

/* The call of a function form. */
struct call {
    struct interp *it;
    struct env *env;
    const struct node *node;
    struct value *args; /* by position */
    size_t n;
    struct value keywords[MAX_KEYWORDS]; /* none where not given */
    bool given[MAX_KEYWORDS];
};

typedef int special_form(struct interp *it, struct env *env, const struct node *x,
                         struct value *out);
typedef int function_form(struct call *call, struct value *out); /* *out is none before */

struct form {
    const char *name;
    int lo, hi; /* how many arguments by position; ANY: no limit */
    special_form *special;
    function_form *function;
    const char *keywords[MAX_KEYWORDS];
};

struct form_table {
    const char *category;
    const struct form *forms; /* ended by a row without a name */
};

/* The form of that name, or NULL. */
const struct form *form_find(const char *name);
bool form_waits(const struct form *form);

/* Prints which forms are there and which wait, by category. */
void forms_print(void);

extern const struct form control_forms[], value_forms[], try_forms[], exception_forms[],
    time_forms[], task_forms[], context_forms[], sync_lock_forms[], sync_wait_forms[],
    sync_queue_forms[];
extern const struct form combination_forms[], block_forms[], generator_forms[];

/* Arguments of function forms; a wrong one is a misuse. Status. */
int want_int(const struct call *c, size_t i, int64_t *out);
int want_list(const struct call *c, size_t i, struct list **out);
int want_fn(const struct call *c, size_t i, struct fn **out);
int want_future(const struct call *c, size_t i, struct entry **out);
int want_task(const struct call *c, size_t i, struct entry **out);
int want_coro(const struct call *c, size_t i, struct coro **out);
int want_error(const struct call *c, size_t i, asyncio_error **out);
int want_type(const struct call *c, size_t i, const struct exc_type **out);
int want_object(const struct call *c, struct value v, const struct object_class *class, void **out);

#endif
