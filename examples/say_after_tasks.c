/* SPDX-License-Identifier: MIT */

/* Two coroutines made tasks run at the same time: two seconds, not three. */
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
    asyncio_auto_task task1 = asyncio_create_task(say_after(1, "hello"));
    asyncio_auto_task task2 = asyncio_create_task(say_after(2, "world"));

    printf("started at %s\n", clock_time());

    TRY(AWAIT(task1));
    TRY(AWAIT(task2));

    printf("finished at %s\n", clock_time());
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
