/* SEEDX-3: wait takes tasks and futures, no coroutine objects. */
/* expect: not compatible with any (generic )?association */
#include <asyncio.h>

ASYNC(caller) {
    asyncio_coro sleeps[] = { asyncio_sleep(1), asyncio_sleep(2) };
    TRY(AWAIT(asyncio_wait(sleeps, 2)));
    RETURN();
}

int main(void) { return asyncio_main(caller()); }
