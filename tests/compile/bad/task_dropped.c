/* A task that nobody keeps is made with asyncio_spawn. */
/* expect: unused-result */
#include <asyncio.h>

ASYNC(caller) {
    asyncio_create_task(asyncio_sleep(1));
    RETURN();
}

int main(void) { return asyncio_main(caller()); }
