/* SPDX-License-Identifier: MIT
 *
 * interp.h: the state of one scenario while it is read, checked and run.
 *
 * Statuses. Everything that evaluates returns an int: a negative code is an exception,
 * with its error in the library's slot; the ST_ values are ways of leaving a form that are no
 * exceptions and never reach the library. ST_ABORT ends the whole scenario: it->fatal
 * says why. Where the library stands between, an abort travels as SystemExit, and
 * whoever called the library looks at it->fatal first (interp_after).
 *
 * Once the trace has ended the interpreter is muted: what is left is unwound without
 * running anything of the scenario.
 */
#ifndef REPLAY_INTERP_H
#define REPLAY_INTERP_H

#include "reader.h"
#include "registry.h"

enum {
    ST_OK = 0,
    ST_BREAK = 1,
    ST_CONTINUE = 2,
    ST_RETURN = 3, /* the value is in *out */
    ST_ABORT = 4,
};

enum fatal { FATAL_NONE, FATAL_MISUSE, FATAL_STEP_LIMIT };

enum {
    MAX_TURNS = 100000,
    MAX_EVALS = 5000000,
    MAX_STARTING = 1000,         /* tasks within the first step of one another */
    MAX_DEPTH = 1000,            /* of nested forms on one stack */
    STACK_SIZE = 2 * 1024 * 1024 /* enough for that many, with sanitizers too */
};

/* A coro, gen or main. */
struct definition {
    const struct symbol *name; /* NULL for main */
    struct node *const *params;
    size_t nparams;
    struct node *const *body;
    size_t nbody;
    bool generator;
    struct definition *next;
};

/* The frame of a call. */
struct env {
    struct variable {
        const struct symbol *name;
        struct value value;
    } * variables;
    size_t n, size;
    struct env *parent;      /* of an fn: the frame it was made in */
    asyncio_error *handling; /* the exception whose handler runs in it, or NULL */
    asyncio_gen *gen;        /* of a gen: whose body runs in it */
    unsigned depth;          /* forms that are open on this stack */
};

struct waiting {
    const char *form; /* a form of the scenario that is not there yet */
    struct waiting *next;
};

struct interp {
    struct arena arena;
    struct reader reader;
    struct definition *definitions;
    struct definition *main;
    struct waiting *waits; /* in the order in which they stand in the scenario */
    asyncio_loop *loop;
    struct registry registry;
    struct text trace;
    struct list *messages; /* cancel messages that are no strings */
    enum fatal fatal;
    char problem[200]; /* of a misuse */
    unsigned long evals;
    unsigned task_count; /* of default names */
    unsigned starting;   /* tasks that are being made, one by the other */
    int escaped;         /* what the last coroutine ended with that left the loop */
    bool eager;          /* tasks start eagerly */
    bool quiet;          /* the tasks being made now are not reported when left pending */
    bool muted;          /* the trace has ended */
    bool releasing;      /* the last references go: note what was never retrieved */
};

void interp_init(struct interp *it);
void interp_fini(struct interp *it);

/* The scenario is wrong: says so and gives ST_ABORT. x: where; may be NULL. */
int interp_misuse(struct interp *it, const struct node *x, const char *fmt, ...)
    ASYNCIO_PRINTF(3, 4);
int interp_step_limit(struct interp *it);

/* What a status means that came out of the library, where success may be any number. */
static inline int interp_after(const struct interp *it, int rc) {
    if (it->fatal != FATAL_NONE) return ST_ABORT;
    return rc < 0 ? rc : ST_OK;
}

/* What a status is for the library. */
static inline int interp_to_library(int rc) { return rc == ST_ABORT ? ASYNCIO_SYSTEM_EXIT : rc; }

/* The error of a NULL where a task should be. */
int interp_no_task(struct interp *it);

/* Writes "! MESSAGE | E" or a line as it is. Nothing once muted. */
void interp_report(struct interp *it, const char *message, const asyncio_error *error);
void interp_line(struct interp *it, const char *line);

int64_t interp_milliseconds(double seconds);

struct env *env_new(struct interp *it, struct env *parent);
void env_bind(struct interp *it, struct env *env, const struct symbol *name, struct value v);
/* The variable in the frame or those around it, or NULL. */
struct variable *env_find(struct env *env, const struct symbol *name);

#endif
