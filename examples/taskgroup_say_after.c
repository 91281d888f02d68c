/* SPDX-License-Identifier: MIT */

/* Two tasks of a group: two seconds. The block ends when both have. */
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
    int rc;
    ASYNC_WITH(tg, asyncio_taskgroup(&rc)) {
        TRY(asyncio_taskgroup_spawn(tg, say_after(1, "hello")));
        TRY(asyncio_taskgroup_spawn(tg, say_after(2, "world")));

        printf("started at %s\n", clock_time());
    }
    TRY(rc);

    printf("finished at %s\n", clock_time());
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
