/* SPDX-License-Identifier: MIT
 *
 * tests/plain/plugin.c: a plugin with a copy of the library in it (see unload.c). Unless it is to
 * be tidy, it leaves in the thread that calls it all that the library lets go of when a thread
 * ends: an error, a context, the thread's loop; in any case a page of posted calls.
 */
#include <asyncio.h>

static int nothing(void *arg) {
    (void)arg;
    return 0;
}

static int set_and_raise(void) {
    asyncio_contextvar *variable = asyncio_contextvar_new("variable", NULL);
    int rc = asyncio_contextvar_set(variable, asyncio_int(1), NULL);
    asyncio_contextvar_unref(variable);
    return rc < 0 ? rc : asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "stays in the slot");
}

/* To be noticed when the thread ends: an error was in the slot. */
static void raise_and_ignore(void) {
    asyncio_ignore(asyncio_raise(ASYNCIO_VALUE_ERROR, NULL, NULL, "does not stay"));
}

int use(bool tidy);
__attribute__((visibility("default"))) int use(bool tidy) {
    asyncio_loop *loop = asyncio_new_event_loop();
    if (!loop) return -1;
    asyncio_set_event_loop(loop);
    int rc = asyncio_loop_call_soon_threadsafe(loop, nothing, NULL);
    if (rc >= 0) rc = asyncio_loop_run_until_complete(loop, asyncio_sleep(0), NULL);
    if (rc >= 0 && !tidy && set_and_raise() != ASYNCIO_VALUE_ERROR) rc = -1;
    raise_and_ignore();
    if (tidy) asyncio_set_event_loop(NULL);
    asyncio_loop_close(loop);
    asyncio_loop_unref(loop);
    return rc;
}
