/* The same for one of the library's own. */
/* expect: unused-result */
#include <asyncio.h>

ASYNC(caller) {
    asyncio_sleep(1);
    RETURN();
}

int main(void) { return asyncio_main(caller()); }
