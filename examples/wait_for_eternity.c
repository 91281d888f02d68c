/* SPDX-License-Identifier: MIT */

/* Wait for at most one second. */
#include <asyncio.h>
#include <stdio.h>

ASYNC(eternity) {
    /* Sleep for one hour */
    TRY(AWAIT(asyncio_sleep(3600)));
    puts("yay!");
    RETURN();
}

ASYNC(async_main) {
    int rc = AWAIT(asyncio_wait_for(eternity(), 1.0));
    if (asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) puts("timeout!");
    else TRY(rc);
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
