/* SPDX-License-Identifier: MIT */

/* Runs shell commands at the same time and shows how each has ended and what it said, as in
 * Python's documentation of asyncio. run_commands.c is a tool made of this.
 */
#include <asyncio.h>
#include <stdio.h>

ASYNC(run, (const char *) cmd) {
    asyncio_auto_process proc = NULL;
    asyncio_bytes out, err;
    int returncode;
    TRY(AWAIT(asyncio_create_subprocess_shell(&proc, cmd, .stdout_fd = ASYNCIO_PIPE,
                                              .stderr_fd = ASYNCIO_PIPE)));

    TRY(AWAIT(asyncio_process_communicate(proc, NULL, 0, &out, &err)));

    asyncio_process_returncode(proc, &returncode);
    printf("['%s' exited with %d]\n", cmd, returncode);
    if (out.size) printf("[stdout]\n%.*s", (int)out.size, out.data);
    if (err.size) printf("[stderr]\n%.*s", (int)err.size, err.data);
    RETURN();
}

ASYNC(async_main) {
    TRY(AWAIT(run("cd /zzz 2>/dev/null; echo hello; echo oops >&2; exit 2")));

    /* Two that need each other's time. */
    TRY(AWAIT(asyncio_gather(NULL, run("sleep 1; echo world"), run("echo hello"))));
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
