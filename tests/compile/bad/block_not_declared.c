/* ASYNC_WITH_BLOCK enters what ASYNC_BLOCK has declared. */
/* expect: tm_is_not_declared_by_ASYNC_BLOCK */
#include <asyncio.h>

ASYNC(caller) {
    ASYNC_WITH_BLOCK(tm) { TRY(AWAIT(asyncio_sleep(1))); }
    RETURN();
}

int main(void) { return asyncio_main(caller()); }
