/* SPDX-License-Identifier: MIT */

/* Three tasks at the same time. They take turns while they sleep, and each task's
 * value is what its coroutine returned.
 */
#include <asyncio.h>
#include <stdio.h>

ASYNC(factorial, (const char *) name, (long) number) {
    long f = 1;
    for (long i = 2; i <= number; i++) {
        printf("Task %s: Compute factorial(%ld), currently i=%ld...\n", name, number, i);
        TRY(AWAIT(asyncio_sleep(1)));
        f *= i;
    }
    printf("Task %s: factorial(%ld) = %ld\n", name, number, f);
    RETURN(f);
}

ASYNC(async_main) {
    asyncio_auto_task a = asyncio_create_task(factorial("A", 2));
    asyncio_auto_task b = asyncio_create_task(factorial("B", 3));
    asyncio_auto_task c = asyncio_create_task(factorial("C", 4));

    asyncio_value l[3];
    TRY(AWAIT(a, &l[0]));
    TRY(AWAIT(b, &l[1]));
    TRY(AWAIT(c, &l[2]));
    printf("[%lld, %lld, %lld]\n", l[0].i, l[1].i, l[2].i);
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
