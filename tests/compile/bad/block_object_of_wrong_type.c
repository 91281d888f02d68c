/* The name of a block has the type of its object. */
/* expect: incompatible[- ]pointer[- ]type */
#include <asyncio.h>

ASYNC(caller) {
    int rc;
    ASYNC_WITH(tm, asyncio_timeout(1, &rc)) {
        asyncio_cancelscope_cancel(tm, "enough");
        rc = AWAIT(asyncio_sleep(1));
    }
    TRY(rc);
    RETURN();
}

int main(void) { return asyncio_main(caller()); }
