/* SPDX-License-Identifier: MIT
 *
 * tests/unit/io/interrupted.h: what tests share that cancel a program at every point: trying again
 * what was cancelled, and a handler to talk to.
 */
#ifndef TEST_IO_INTERRUPTED_H
#define TEST_IO_INTERRUPTED_H

#include "../../support/core.h"

/* Whether it was only the injected cancellation, and is to be done again. */
static bool was_cancelled(int rc) {
    if (rc != ASYNCIO_CANCELLED_ERROR) return false;
    asyncio_ignore(rc);
    asyncio_task_uncancel(asyncio_current_task());
    return true;
}

/* Every line comes back. */
ASYNC(echoes, (asyncio_streamreader *) r, (asyncio_streamwriter *) w, (void *) arg) {
    asyncio_bytes line;
    (void)arg;
    while (TRY(AWAIT(asyncio_streamreader_readline(r, &line))) > 0) {
        TRY(asyncio_streamwriter_write(w, line.data, line.size));
        TRY(AWAIT(asyncio_streamwriter_drain(w)));
    }
    RETURN();
}

#endif
