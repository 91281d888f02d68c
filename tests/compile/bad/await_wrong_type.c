/* Only coroutine objects, tasks and futures are awaitable. */
/* expect: not compatible with any (generic )?association */
#include <asyncio.h>

ASYNC(caller) {
    TRY(AWAIT(42));
    RETURN();
}

int main(void) { return asyncio_main(caller()); }
