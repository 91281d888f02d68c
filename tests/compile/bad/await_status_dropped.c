/* AWAIT without a look at its status would swallow a cancellation. */
/* expect: unused-result */
#include <asyncio.h>

ASYNC(caller) {
    AWAIT(asyncio_sleep(1));
    RETURN();
}

int main(void) { return asyncio_main(caller()); }
