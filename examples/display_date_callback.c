/* SPDX-License-Identifier: MIT */

/* The date once a second for five seconds, as a callback that schedules itself.
 * No coroutine is needed for this, and display_date.c shows why one is nicer.
 */
#include <asyncio.h>
#include <stdio.h>
#include <time.h>

struct display {
    asyncio_loop *loop;
    double end_time;
};

static void print_date(void) {
    struct timespec now;
    char text[32];
    timespec_get(&now, TIME_UTC);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", localtime(&now.tv_sec));
    printf("%s.%06ld\n", text, now.tv_nsec / 1000);
}

static int display_date(void *arg) {
    struct display *display = arg;
    print_date();
    if (asyncio_loop_time(display->loop) + 1.0 < display->end_time)
        return asyncio_loop_call_later(display->loop, 1, display_date, display);
    asyncio_loop_stop(display->loop);
    return 0;
}

int main(void) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    struct display display = { loop, asyncio_loop_time(loop) + 5.0 };
    int rc = asyncio_loop_call_soon(loop, display_date, &display);
    if (rc == 0) rc = asyncio_loop_run_forever(loop);
    asyncio_loop_close(loop);
    return rc < 0;
}
