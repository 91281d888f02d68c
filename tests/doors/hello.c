/* What ./dev run and an installed library are tried with. */
#include <asyncio.h>

#include <stdio.h>
#include <stdlib.h>

ASYNC(greet, (const char *) who) {
    TRY(AWAIT(asyncio_sleep(0)));
    printf("hello %s\n", who);
    RETURN();
}

int main(int argc, char **argv) {
    int rc = asyncio_main(greet(argc > 1 ? argv[1] : "nobody"));
    return rc != 0 ? rc : argc > 2 ? atoi(argv[2]) : 0;
}
