/* The same with a place for the value. */
/* expect: unused-result */
#include <asyncio.h>

ASYNC(caller) {
    asyncio_value value;
    AWAIT(asyncio_sleep(1), &value);
    RETURN(value);
}

int main(void) { return asyncio_main(caller()); }
