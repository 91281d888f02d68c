/* A lock is no block: Python's `async with lock` makes one out of it. */
/* expect: this is no block: a constructor makes one, such as asyncio_lock_block\(lock, &rc\) */
#include <asyncio.h>

ASYNC(caller, (asyncio_lock *) lock) {
    ASYNC_WITH(held, lock) { TRY(AWAIT(asyncio_sleep(1))); }
    RETURN();
}

int main(void) { return asyncio_main(caller(asyncio_lock_new())); }
