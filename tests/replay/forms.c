/* SPDX-License-Identifier: MIT
 *
 * forms.c: the list of all tables, and what every function form needs: its arguments.
 */
#include "forms.h"

#include "errors.h"

static const struct form_table TABLES[] = {
    { "Control", control_forms },
    { "Values", value_forms },
    { "try and raise", try_forms },
    { "Exceptions", exception_forms },
    { "Time, callbacks", time_forms },
    { "Tasks and futures", task_forms },
    { "Context variables", context_forms },
    { "Combinations", combination_forms },
    { "Blocks", block_forms },
    { "Locks", sync_lock_forms },
    { "Events, barriers", sync_wait_forms },
    { "Queues", sync_queue_forms },
    { "Asynchronous generators", generator_forms },
};
enum { NTABLES = sizeof TABLES / sizeof *TABLES };

const struct form *form_find(const char *name) {
    for (size_t i = 0; i < NTABLES; i++) {
        for (const struct form *f = TABLES[i].forms; f->name; f++) {
            if (strcmp(f->name, name) == 0) return f;
        }
    }
    return NULL;
}

bool form_waits(const struct form *form) { return !form->special && !form->function; }

static void print_rows(const struct form *forms, bool waiting) {
    const char *title = waiting ? "  waiting:  " : "  available:";
    bool any = false;
    for (const struct form *f = forms; f->name; f++) {
        if (form_waits(f) != waiting) continue;
        if (!any) fputs(title, stdout);
        any = true;
        printf(" %s", f->name);
    }
    if (any) putchar('\n');
}

void forms_print(void) {
    for (size_t i = 0; i < NTABLES; i++) {
        printf("%s\n", TABLES[i].category);
        print_rows(TABLES[i].forms, false);
        print_rows(TABLES[i].forms, true);
    }
}

/* ---- arguments ---- */

static int wrong(const struct call *c, const char *what) {
    return interp_misuse(c->it, c->node, "%s: an argument is not %s", c->node->form->name, what);
}

int want_int(const struct call *c, size_t i, int64_t *out) {
    if (c->args[i].kind != VALUE_INT) return wrong(c, "an integer");
    *out = c->args[i].i;
    return ST_OK;
}

int want_list(const struct call *c, size_t i, struct list **out) {
    if (c->args[i].kind != VALUE_LIST) return wrong(c, "a list");
    *out = c->args[i].list;
    return ST_OK;
}

int want_fn(const struct call *c, size_t i, struct fn **out) {
    if (c->args[i].kind != VALUE_FN) return wrong(c, "an fn");
    *out = c->args[i].fn;
    return ST_OK;
}

int want_future(const struct call *c, size_t i, struct entry **out) {
    if (c->args[i].kind != VALUE_FUTURE) return wrong(c, "a future or task");
    *out = c->args[i].entry;
    return ST_OK;
}

int want_task(const struct call *c, size_t i, struct entry **out) {
    int rc = want_future(c, i, out);
    if (rc == ST_OK && !(*out)->task) rc = wrong(c, "a task");
    return rc;
}

int want_coro(const struct call *c, size_t i, struct coro **out) {
    if (c->args[i].kind != VALUE_COROUTINE) return wrong(c, "a coroutine object");
    *out = c->args[i].coro;
    return ST_OK;
}

int want_error(const struct call *c, size_t i, asyncio_error **out) {
    if (c->args[i].kind != VALUE_EXCEPTION) return wrong(c, "an exception");
    *out = c->args[i].error;
    return ST_OK;
}

int want_type(const struct call *c, size_t i, const struct exc_type **out) {
    if (c->args[i].kind != VALUE_TYPE) return wrong(c, "an exception type");
    *out = c->args[i].type;
    return ST_OK;
}

int want_object(const struct call *c, struct value v, const struct object_class *class,
                void **out) {
    if (v.kind != VALUE_OBJECT || v.object->class != class) return wrong(c, class->name);
    *out = v.object->p;
    return ST_OK;
}
