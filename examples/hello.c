/* SPDX-License-Identifier: MIT */

/* hello, a second's wait, world. */
#include <asyncio.h>
#include <stdio.h>

ASYNC(async_main) {
    puts("hello");
    TRY(AWAIT(asyncio_sleep(1)));
    puts("world");
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
