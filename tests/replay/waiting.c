/* SPDX-License-Identifier: MIT
 *
 * waiting.c: the forms whose library calls are not there yet. The checker knows how they
 * are written; a scenario that uses one is reported as waiting for it. A row moves to the
 * file of its concern when its function is written.
 */
#include "forms.h"

const struct form combination_forms[] = {
    { "gather", 0, ANY, NULL, NULL, { "return-exceptions" } },
    { "wait", 1, 1, NULL, NULL, { "timeout", "when" } },
    { "wait-for", 2, 2, NULL, NULL, { NULL } },
    { "as-completed", 1, 1, NULL, NULL, { "timeout" } },
    { "shield", 1, 1, NULL, NULL, { NULL } },
    { NULL, 0, 0, NULL, NULL, { NULL } },
};

const struct form block_forms[] = {
    { "with", 3, ANY, NULL, NULL, { NULL } },
    { "timeout", 1, 1, NULL, NULL, { NULL } },
    { "timeout-at", 1, 1, NULL, NULL, { NULL } },
    { "reschedule", 2, 2, NULL, NULL, { NULL } },
    { "when", 1, 1, NULL, NULL, { NULL } },
    { "expired", 1, 1, NULL, NULL, { NULL } },
    { "group", 0, 0, NULL, NULL, { NULL } },
    { "spawn", 2, 2, NULL, NULL, { "name", "context", "eager" } },
    { NULL, 0, 0, NULL, NULL, { NULL } },
};

const struct form sync_forms[] = {
    { "lock", 0, 0, NULL, NULL, { NULL } },
    { "event", 0, 0, NULL, NULL, { NULL } },
    { "condition", 0, 1, NULL, NULL, { NULL } },
    { "semaphore", 1, 1, NULL, NULL, { NULL } },
    { "bounded-semaphore", 1, 1, NULL, NULL, { NULL } },
    { "barrier", 1, 1, NULL, NULL, { NULL } },
    { "acquire", 1, 1, NULL, NULL, { NULL } },
    { "release", 1, 1, NULL, NULL, { NULL } },
    { "locked", 1, 1, NULL, NULL, { NULL } },
    { "event-set", 1, 1, NULL, NULL, { NULL } },
    { "event-clear", 1, 1, NULL, NULL, { NULL } },
    { "is-set", 1, 1, NULL, NULL, { NULL } },
    { "wait-on", 1, 1, NULL, NULL, { NULL } },
    { "wait-until", 2, 2, NULL, NULL, { NULL } },
    { "notify", 1, 2, NULL, NULL, { NULL } },
    { "notify-all", 1, 1, NULL, NULL, { NULL } },
    { "barrier-reset", 1, 1, NULL, NULL, { NULL } },
    { "barrier-abort", 1, 1, NULL, NULL, { NULL } },
    { "parties", 1, 1, NULL, NULL, { NULL } },
    { "n-waiting", 1, 1, NULL, NULL, { NULL } },
    { "broken", 1, 1, NULL, NULL, { NULL } },
    { "queue", 0, 1, NULL, NULL, { NULL } },
    { "lifo-queue", 0, 1, NULL, NULL, { NULL } },
    { "priority-queue", 0, 1, NULL, NULL, { NULL } },
    { "put", 2, 2, NULL, NULL, { NULL } },
    { "get", 1, 1, NULL, NULL, { NULL } },
    { "join", 1, 1, NULL, NULL, { NULL } },
    { "put-nowait", 2, 2, NULL, NULL, { NULL } },
    { "get-nowait", 1, 1, NULL, NULL, { NULL } },
    { "task-done", 1, 1, NULL, NULL, { NULL } },
    { "shutdown", 1, 2, NULL, NULL, { NULL } },
    { "qsize", 1, 1, NULL, NULL, { NULL } },
    { "empty", 1, 1, NULL, NULL, { NULL } },
    { "full", 1, 1, NULL, NULL, { NULL } },
    { NULL, 0, 0, NULL, NULL, { NULL } },
};

/* "gen" is the definition; the checker looks it up as if it were a form. */
const struct form generator_forms[] = {
    { "gen", 0, 0, NULL, NULL, { NULL } },    { "yield", 0, 1, NULL, NULL, { NULL } },
    { "afor", 2, ANY, NULL, NULL, { NULL } }, { "anext", 1, 1, NULL, NULL, { NULL } },
    { "asend", 2, 2, NULL, NULL, { NULL } },  { "athrow", 2, 2, NULL, NULL, { NULL } },
    { "aclose", 1, 1, NULL, NULL, { NULL } }, { NULL, 0, 0, NULL, NULL, { NULL } },
};
