/* SPDX-License-Identifier: MIT */

/* A coroutine that awaits another one and uses what it returns. */
#include <asyncio.h>
#include <stdio.h>

ASYNC(compute, (int) x, (int) y) {
    printf("Compute %d + %d ...\n", x, y);
    TRY(AWAIT(asyncio_sleep(1.0)));
    RETURN(x + y);
}

ASYNC(print_sum, (int) x, (int) y) {
    asyncio_value result;
    TRY(AWAIT(compute(x, y), &result));
    printf("%d + %d = %lld\n", x, y, result.i);
    RETURN();
}

int main(void) {
    asyncio_auto_loop loop = asyncio_new_event_loop();
    int rc = asyncio_loop_run_until_complete(loop, print_sum(1, 2), NULL);
    asyncio_loop_close(loop);
    return rc < 0;
}
