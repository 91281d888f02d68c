/* A group comes by the name of its block, not by a parameter of the constructor. */
/* expect: too many arguments to function */
#include <asyncio.h>

ASYNC(caller) {
    asyncio_taskgroup *tg;
    int rc;
    ASYNC_WITH(block, asyncio_taskgroup_block(&tg, &rc)) { TRY(AWAIT(asyncio_sleep(1))); }
    TRY(rc);
    RETURN();
}

int main(void) { return asyncio_main(caller()); }
