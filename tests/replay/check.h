/* SPDX-License-Identifier: MIT
 *
 * check.h: what is known of a scenario before it runs.
 *
 * Takes the definitions, looks up the head of every form, checks how each is written and
 * where it stands, and notes the forms that wait for the library.
 */
#ifndef REPLAY_CHECK_H
#define REPLAY_CHECK_H

#include "interp.h"

/* Checks a read scenario. False: a misuse, see it->problem. */
bool check_program(struct interp *it, const struct node *top);

#endif
