/* RETURN ends a coroutine, not a function. */
/* expect: RETURN_outside_an_ASYNC_function */
#include <asyncio.h>

int helper(void) { RETURN(1); }

int main(void) { return helper(); }
