/* A block that needs no name has the name `_`. */
/* expect: ASYNC_WITH_takes_a_name_and_a_constructor */
#include <asyncio.h>

ASYNC(caller) {
    int rc;
    ASYNC_WITH(asyncio_timeout(1, &rc)) { rc = AWAIT(asyncio_sleep(1)); }
    TRY(rc);
    RETURN();
}

int main(void) { return asyncio_main(caller()); }
