/* SPDX-License-Identifier: MIT */

/* Calling a coroutine function makes a coroutine object; awaiting the object runs it. */
#include <asyncio.h>
#include <stdio.h>

ASYNC(nested) { RETURN(42); }

ASYNC(async_main) {
    /* This object is never awaited, so nested() does not run. A bare `nested();` would
     * be a compiler warning for that very reason. */
    asyncio_coro coro = nested();
    (void)coro;

    asyncio_value result;
    TRY(AWAIT(nested(), &result));
    printf("%lld\n", result.i);
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
