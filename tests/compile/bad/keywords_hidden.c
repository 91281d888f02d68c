/* ASYNCIO_NO_KEYWORDS leaves the short words to the program. */
/* expect: (implicit declaration of function|undeclared).*AWAIT */
#define ASYNCIO_NO_KEYWORDS
#include <asyncio.h>

ASYNCIO_ASYNC(caller) {
    ASYNCIO_TRY(AWAIT(asyncio_sleep(1)));
    ASYNCIO_RETURN();
}

int main(void) { return asyncio_main(caller()); }
