/* At most eight arguments. */
/* expect: coroutine work has more than 8 arguments: pass a pointer */
#include <asyncio.h>

ASYNC(work, (int) a, (int) b, (int) c, (int) d, (int) e, (int) f, (int) g, (int) h, (int) i) {
    RETURN(a + b + c + d + e + f + g + h + i);
}

int main(void) { return 0; }
