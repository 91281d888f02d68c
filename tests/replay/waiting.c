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

/* "gen" is the definition; the checker looks it up as if it were a form. */
const struct form generator_forms[] = {
    { "gen", 0, 0, NULL, NULL, { NULL } },    { "yield", 0, 1, NULL, NULL, { NULL } },
    { "afor", 2, ANY, NULL, NULL, { NULL } }, { "anext", 1, 1, NULL, NULL, { NULL } },
    { "asend", 2, 2, NULL, NULL, { NULL } },  { "athrow", 2, 2, NULL, NULL, { NULL } },
    { "aclose", 1, 1, NULL, NULL, { NULL } }, { NULL, 0, 0, NULL, NULL, { NULL } },
};
