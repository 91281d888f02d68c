/* SPDX-License-Identifier: MIT */

/* The date once a second for five seconds, as a coroutine. Compare
 * display_date_callback.c.
 */
#include <asyncio.h>
#include <stdio.h>
#include <time.h>

static void print_date(void) {
    struct timespec now;
    char text[32];
    timespec_get(&now, TIME_UTC);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", localtime(&now.tv_sec));
    printf("%s.%06ld\n", text, now.tv_nsec / 1000);
}

ASYNC(display_date) {
    asyncio_loop *loop = asyncio_get_running_loop();
    double end_time = asyncio_loop_time(loop) + 5.0;
    for (;;) {
        print_date();
        if (asyncio_loop_time(loop) + 1.0 >= end_time) break;
        TRY(AWAIT(asyncio_sleep(1)));
    }
    RETURN();
}

int main(void) { return asyncio_main(display_date()); }
