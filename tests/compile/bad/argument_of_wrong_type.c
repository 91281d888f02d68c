/* Arguments are typed as a function's are. */
/* expect: makes integer from pointer|incompatible pointer to integer */
#include <asyncio.h>

ASYNC(work, (int) n) { RETURN(n); }

ASYNC(caller) {
    TRY(AWAIT(work("one")));
    RETURN();
}

int main(void) { return asyncio_main(caller()); }
