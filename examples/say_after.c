/* SPDX-License-Identifier: MIT */

/* Two coroutines awaited one after the other: three seconds. Compare
 * say_after_tasks.c.
 */
#include <asyncio.h>
#include <stdio.h>
#include <time.h>

static const char *clock_time(void) {
    static char text[32];
    time_t now = time(NULL);
    strftime(text, sizeof text, "%X", localtime(&now));
    return text;
}

ASYNC(say_after, (double) delay, (const char *) what) {
    TRY(AWAIT(asyncio_sleep(delay)));
    puts(what);
    RETURN();
}

ASYNC(async_main) {
    printf("started at %s\n", clock_time());

    TRY(AWAIT(say_after(1, "hello")));
    TRY(AWAIT(say_after(2, "world")));

    printf("finished at %s\n", clock_time());
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
