/* SPDX-License-Identifier: MIT */

/* A block of your own: `async with connected(...)`. Entering and leaving it may wait, and
 * it is left on every way out: here by RETURN and by RAISE.
 */
#include <asyncio.h>
#include <stdio.h>
#include <string.h>

struct connection {
    const char *host;
    int requests;
};

static int connection_enter(asyncio_block *block) {
    struct connection *c = block->object;
    printf("connecting to %s\n", c->host);
    return AWAIT(asyncio_sleep(1));
}

static int connection_exit(asyncio_block *block, int status) {
    struct connection *c = block->object;
    printf("leaving %s after %d request: %s\n", c->host, c->requests,
           status < 0 ? asyncio_err_name(status) : "all is well");
    int rc = AWAIT(asyncio_sleep(1));
    return rc < 0 ? rc : status;
}

static const asyncio_block_ops connection_ops = { .size = sizeof connection_ops,
                                                  .name = "connected",
                                                  .enter = connection_enter,
                                                  .exit = connection_exit };

/* What the constructor returns: a block whose name is a struct connection *. */
ASYNCIO_BLOCK_TYPE(connected_with, struct connection);

static connected_with connected(struct connection *c, int *rc) {
    return (connected_with){ .block = asyncio_block_new(rc, &connection_ops, c) };
}

ASYNC(fetch, (const char *) page) {
    struct connection localhost = { .host = "localhost" };
    int rc;
    ASYNC_WITH(connection, connected(&localhost, &rc)) {
        printf("asking %s for %s\n", connection->host, page);
        connection->requests++;
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
