/* SPDX-License-Identifier: MIT */

/* The smallest program: one coroutine, run to its end. */
#include <asyncio.h>
#include <stdio.h>

ASYNC(hello_world) {
    puts("Hello World!");
    RETURN();
}

int main(void) { return asyncio_main(hello_world()); }
