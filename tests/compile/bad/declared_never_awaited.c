/* The same for a coroutine that is only declared here. */
/* expect: unused-result */
#include <asyncio.h>

ASYNC_DECL(work, int n);

ASYNC(caller) {
    work(1);
    RETURN();
}

int main(void) { return asyncio_main(caller()); }
