/* SPDX-License-Identifier: MIT
 *
 * A call that blocks, run in a thread, while the event loop goes on.
 */
#include <asyncio.h>
#include <time.h>
#include <unistd.h>

static const char *now(char text[16]) {
    time_t t = time(NULL);
    struct tm tm;
    strftime(text, 16, "%H:%M:%S", localtime_r(&t, &tm));
    return text;
}

BLOCKING(blocking_io) {
    char text[16];
    printf("start blocking_io at %s\n", now(text));
    /* sleep() can be replaced with any blocking operation, such as reading a file. */
    sleep(1);
    printf("blocking_io complete at %s\n", now(text));
    RETURN();
}

ASYNC(main_coro) {
    char text[16];
    printf("started main at %s\n", now(text));
    TRY(AWAIT(asyncio_gather(NULL, asyncio_to_thread(blocking_io()), asyncio_sleep(1))));
    printf("finished main at %s\n", now(text));
    RETURN();
}

int main(void) { return asyncio_main(main_coro()); }
