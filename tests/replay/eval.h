/* SPDX-License-Identifier: MIT
 *
 * eval.h: evaluating forms, calling fns, running coroutine objects.
 *
 * A coroutine object runs at most once, inside whichever task awaits it or is made of it. All
 * coroutine objects of a scenario have one coroutine type for the library; what one does is its
 * `run`: the body of a coro, a sleep, and so on.
 */
#ifndef REPLAY_EVAL_H
#define REPLAY_EVAL_H

#include "forms.h"

struct fn {
    struct interp *it;
    const struct node *node; /* (fn (PARAM...) BODY...) */
    struct env *env;         /* the frame it was made in */
};

struct coro {
    struct interp *it;
    int (*run)(struct coro *coro, struct value *out); /* status: ST_OK, ST_ABORT or a code */
    const struct definition *definition;              /* of a call */
    struct value *args;                               /* what it was made with */
    const struct operation *operation;                /* of a generator */
    size_t n;
    unsigned depth; /* forms that are open below it on its stack */
    bool started;   /* it runs, has run, or never will */
};

int eval(struct interp *it, struct env *env, const struct node *x, struct value *out);

/* Evaluates in order; the value of the last, none for nothing. */
int eval_block(struct interp *it, struct env *env, struct node *const *body, size_t n,
               struct value *out);

/* Calls an fn. depth: forms that are open on this stack. Status: ST_OK, ST_ABORT or a code. */
int fn_call(struct fn *fn, size_t n, const struct value *args, unsigned depth, struct value *out);

/* A call of an fn that the library makes later: asyncio_callback with a `struct callback` as
 * its arg. */
struct callback {
    struct fn *fn;
    struct value *args;
    size_t n;
    struct value result;
    unsigned depth;
};
struct callback *callback_new(struct fn *fn, size_t n, const struct value *args);
int callback_run(void *arg);

/* A new coroutine object of that kind with n arguments (copied). */
struct coro *coro_new(struct interp *it, int (*run)(struct coro *, struct value *), size_t n,
                      const struct value *args);
struct value coro_value(struct coro *coro);

/* The same for the library. */
asyncio_coro coro_object(struct coro *coro);

/* A new frame with the parameters of a call; main's or a coro's body in one. */
struct env *env_of_call(const struct coro *call);
int run_definition(struct coro *coro, struct value *out);

/* Awaits a coroutine object or a future inside the current task. */
int await_value(struct interp *it, struct env *env, const struct node *x, struct value v,
                struct value *out);

/* A generator for a call of a gen. */
struct value generator_value(struct coro *call);

/* What as-completed has made, or NULL. The next for `for`, a coroutine object, or false at the
 * end; for `afor`, the future or task, or StopAsyncIteration. */
struct completed *value_completed(struct value v);
bool completed_for(struct interp *it, struct value iterator, struct value *out);
int completed_afor(struct interp *it, struct value iterator, struct value *out);

/* One round of a loop whose body starts at that item; what a loop ends with. */
int loop_round(struct interp *it, struct env *env, const struct node *x, size_t first,
               struct value *out);
int loop_end(int rc, struct value *out);

/* The context of a :context keyword, lent; NULL if it is not given. */
int want_context(const struct call *c, struct value v, asyncio_context **out);

/* The options of a new task; the form's keywords are name, context, eager. */
int want_task_options(const struct call *c, struct coro *coro, asyncio_task_options *o);

static inline double to_seconds(int64_t ms) { return (double)ms / 1000.0; }

/* Binds a context variable as a global; default_value may be NULL. */
void context_define(struct interp *it, struct symbol *name, const struct value *default_value);

#endif
