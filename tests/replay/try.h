/* SPDX-License-Identifier: MIT
 *
 * try.h: the parts of a try form, as the checker takes it apart once.
 */
#ifndef REPLAY_TRY_H
#define REPLAY_TRY_H

#include "reader.h"

struct try_parts {
    struct node **body;
    size_t nbody;
    struct node **clauses; /* (except T x BODY...) or (except* T x BODY...) */
    size_t nclauses;
    const struct node *orelse; /* (else BODY...), or NULL */
    const struct node *final;  /* (finally BODY...), or NULL */
    bool star;                 /* the clauses are except* */
};

#endif
