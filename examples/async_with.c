/* SPDX-License-Identifier: MIT */

/* A block of your own: `async with connected(...)`. Entering and leaving it may wait, and
 * it is left on every way out: here by RETURN and by RAISE.
 */
#include <asyncio.h>
#include <stdio.h>
#include <string.h>

static int connection_enter(asyncio_block *scope) {
    const char *host = scope->object;
    printf("connecting to %s\n", host);
    return AWAIT(asyncio_sleep(1));
}

static int connection_exit(asyncio_block *scope, int status) {
    const char *host = scope->object;
    printf("leaving %s: %s\n", host, status < 0 ? asyncio_err_name(status) : "all is well");
    int rc = AWAIT(asyncio_sleep(1));
    return rc < 0 ? rc : status;
}

static asyncio_block connected(char *host, int *rc) {
    static const asyncio_block_ops ops = { sizeof ops, "connected", connection_enter,
                                           connection_exit };
    return asyncio_block_new(rc, &ops, host);
}

ASYNC(fetch, (const char *) page) {
    char host[] = "localhost";
    int rc;
    ASYNC_WITH(connection, connected(host, &rc)) {
        printf("asking for %s\n", page);
        if (strcmp(page, "index") != 0) RAISE(ASYNCIO_LOOKUP_ERROR, "no page %s", page);
        RETURN(200);
    }
    TRY(rc);
    RETURN();
}

ASYNC(async_main) {
    asyncio_value result;
    TRY(AWAIT(fetch("index"), &result));
    printf("result: %lld\n", result.i);

    int rc = AWAIT(fetch("moon"));
    if (asyncio_catch(rc, ASYNCIO_LOOKUP_ERROR)) {
        puts("no such page");
    } else {
        TRY(rc);
    }
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
