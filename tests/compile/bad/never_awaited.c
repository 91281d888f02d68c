/* TASK-23: a coroutine object that is dropped: nothing would run. */
/* expect: unused-result */
#include <asyncio.h>

ASYNC(work, (int) n) { RETURN(n); }

ASYNC(caller) {
    work(1);
    RETURN();
}

int main(void) { return asyncio_main(caller()); }
