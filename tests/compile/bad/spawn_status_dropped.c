/* asyncio_spawn can fail. */
/* expect: unused-result */
#include <asyncio.h>

ASYNC(caller) {
    asyncio_spawn(asyncio_sleep(1));
    RETURN();
}

int main(void) { return asyncio_main(caller()); }
