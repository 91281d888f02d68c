/* SPDX-License-Identifier: MIT */

/* A task is scheduled when it is made. It can be awaited, or cancelled, later. */
#include <asyncio.h>

ASYNC(nested) { RETURN(42); }

ASYNC(async_main) {
    asyncio_auto_task task = asyncio_create_task(nested());
    TRY(AWAIT(task));
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
