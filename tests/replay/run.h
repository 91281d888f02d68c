/* SPDX-License-Identifier: MIT
 *
 * run.h: one scenario from its text to its trace.
 */
#ifndef REPLAY_RUN_H
#define REPLAY_RUN_H

#include "interp.h"

enum run_result {
    RUN_DONE,  /* it->trace is the trace */
    RUN_WAITS, /* it->waits: forms that are not there yet; nothing was run */
    RUN_WRONG, /* it->problem says what is wrong with the scenario */
};

/* Reads, checks and runs a scenario in a fresh interpreter. */
enum run_result run_scenario(struct interp *it, const char *text, size_t length);

#endif
