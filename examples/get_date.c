/* SPDX-License-Identifier: MIT */

/* Controls a subprocess and reads a line of its output as a stream, as in Python's documentation of
 * asyncio.
 */
#include <asyncio.h>
#include <stdio.h>

ASYNC(get_date) {
    asyncio_auto_process proc = NULL;
    const char *argv[] = { "date", "-u", "-d", "@0", "+%Y-%m-%d", NULL };
    asyncio_bytes line;

    /* Create the subprocess; redirect the standard output into a pipe. */
    TRY(AWAIT(asyncio_create_subprocess_exec(&proc, argv, .stdout_fd = ASYNCIO_PIPE)));

    /* Read one line of output. */
    TRY(AWAIT(asyncio_streamreader_readline(asyncio_process_stdout(proc), &line)));
    printf("The epoch began on %.*s", (int)line.size, line.data);

    /* Wait for the subprocess to exit. */
    TRY(AWAIT(asyncio_process_wait(proc)));
    RETURN();
}

int main(void) { return asyncio_main(get_date()); }
