/* The message of an error is checked as printf's is. */
/* expect: expects a matching|more .%. conversions than data arguments */
#include <asyncio.h>

ASYNC(caller) { RAISE(ASYNCIO_VALUE_ERROR, "%s"); }

int main(void) { return asyncio_main(caller()); }
