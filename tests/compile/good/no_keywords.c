/* The ASYNCIO_ spellings, in a program that has other uses for the short words. */
#define ASYNCIO_NO_KEYWORDS
#include <asyncio.h>

enum { ASYNC, ASYNC_BLOCK, ASYNC_DECL, ASYNC_WITH, ASYNC_WITH_BLOCK, AWAIT, TRY, RETURN, RAISE };

ASYNCIO_ASYNC_DECL(later, int n);

ASYNCIO_ASYNC(none) { ASYNCIO_RETURN(); }

ASYNCIO_ASYNC(sum, (int) a, (int) b) {
    int rc = 0;
    ASYNCIO_ASYNC_WITH(_, asyncio_block_new(&rc, NULL, NULL)) {
        ASYNCIO_TRY(ASYNCIO_AWAIT(none()));
    }
    ASYNCIO_ASYNC_BLOCK(tm, asyncio_timeout(1, &rc));
    ASYNCIO_ASYNC_WITH_BLOCK(tm) { ASYNCIO_TRY(ASYNCIO_AWAIT(none())); }
    if (asyncio_timeout_expired(tm)) ASYNCIO_RETURN();
    if (rc < 0) ASYNCIO_RAISE(ASYNCIO_VALUE_ERROR, "the block gave %d", rc);
    asyncio_value value;
    ASYNCIO_TRY(ASYNCIO_AWAIT(later(TRY + RETURN), &value));
    ASYNCIO_RETURN(a + b + value.i);
}

ASYNCIO_ASYNC(later, (int) n) { ASYNCIO_RETURN(n); }

int main(void) { return asyncio_main(sum(AWAIT, RAISE)); }
