/* SPDX-License-Identifier: MIT
 *
 * sync.c: locks, events, conditions, semaphores, barriers, queues. Those that `with` can enter
 * have a block in their class. Rows without a function wait for it.
 */
#include "eval.h"

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
