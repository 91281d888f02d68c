/* SPDX-License-Identifier: MIT */

/* An asynchronous generator: values that come one by one, with waits in between. */
#include <asyncio.h>
#include <stdio.h>

ASYNC_GEN(ticker, (double)delay, (int)to) {
    for (int i = 0; i < to; i++) {
        int rc = YIELD(i);
        if (rc == ASYNCIO_GENERATOR_EXIT) puts("closed");
        TRY(rc);
        TRY(AWAIT(asyncio_sleep(delay)));
    }
    RETURN();
}

ASYNC(async_main) {
    asyncio_value v;
    int rc;
    asyncio_auto_gen all = ticker(1.0, 3);
    ASYNC_FOR(v, all, rc) printf("tick %lld\n", v.i);
    TRY(rc);

    asyncio_auto_gen some = ticker(1.0, 1000);
    ASYNC_FOR(v, some, rc) {
        printf("tock %lld\n", v.i);
        if (v.i == 1) break;
    }
    TRY(rc);
    TRY(AWAIT(asyncio_gen_aclose(some)));
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
