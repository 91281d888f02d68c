/* An object holds 64 bytes of arguments. */
/* expect: the arguments of coroutine work exceed 64 bytes: pass a pointer */
#include <asyncio.h>

struct large {
    char bytes[65];
};

ASYNC(work, (struct large) argument) {
    (void)argument;
    RETURN();
}

int main(void) {
    struct large argument = { { 0 } };
    return asyncio_main(work(argument));
}
