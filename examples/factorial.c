/* SPDX-License-Identifier: MIT */

/* Three coroutines at the same time: gather makes tasks of them and gives their values in the
 * order of the arguments.
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
    asyncio_value l[3];
    TRY(AWAIT(asyncio_gather(l, factorial("A", 2), factorial("B", 3), factorial("C", 4))));
    printf("[%lld, %lld, %lld]\n", l[0].i, l[1].i, l[2].i);
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
