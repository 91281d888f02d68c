/* Every keyword in every common form, as C and as C++. */
#include <asyncio.h>

ASYNC_DECL(declared, int n, const char *text);
ASYNC_DECL(declared_without, void);

ASYNC(none) { RETURN(); }

static ASYNC(hidden, (long) n) { RETURN(n); }

ASYNC(one, (int) n) { RETURN(n + 1); }

ASYNC(eight, (char) a, (short) b, (int) c, (long) d, (double) e, (const char *) f, (void *) g,
      (unsigned) h) {
    (void)f;
    (void)g;
    if (e > 1.5) RETURN(e);
    RETURN(a + b + c + d + (long)h);
}

ASYNC(of_each_type, (int) which) {
    static int object;
    switch (which) {
    case 0: RETURN(true);
    case 1: RETURN(1u);
    case 2: RETURN(-1L);
    case 3: RETURN(1.5);
    case 4: RETURN("text");
    case 5: RETURN(&object);
    case 6: RETURN(asyncio_int(7));
    default: RETURN();
    }
}

ASYNC(awaits, (asyncio_task *) task, (asyncio_future *) future) {
    asyncio_value value = asyncio_none();
    int status = AWAIT(one(1), &value);
    if (status < 0) return status;
    TRY(AWAIT(hidden(value.i)));
    TRY(AWAIT(eight('a', 1, 2, 3, 4.5, "f", &value, 8), &value));
    TRY(AWAIT(task));
    TRY(AWAIT(future, &value));
    TRY(AWAIT(declared(1, "text")));
    TRY(AWAIT(declared_without()));
    while (TRY(AWAIT(none())) > 0) asyncio_ignore(AWAIT(asyncio_sleep(0)));
    RETURN(value);
}

ASYNC(raises, (int) n) {
    if (n > 2) RAISE(ASYNCIO_VALUE_ERROR, "%d is more than %d", n, 2);
    if (n > 1) RAISE(ASYNCIO_RUNTIME_ERROR, "more than one");
    int rc = AWAIT(one(n));
    if (asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) RETURN("late");
    TRY(rc);
    RETURN();
}

ASYNC(declared, (int) n, (const char *) text) {
    (void)text;
    RETURN(n);
}

ASYNC(declared_without) { RETURN(); }

ASYNC(blocks, (const asyncio_block_ops *) ops) {
    int rc = 0;
    ASYNC_WITH(outer, asyncio_block_new(&rc, ops, NULL)) {
        ASYNC_WITH(inner, asyncio_block_new(NULL, ops, NULL)) {
            if (rc == 1) RETURN(1);
            if (rc == 2) RAISE(ASYNCIO_VALUE_ERROR, "in a block");
            if (rc == 3) break;
            TRY(AWAIT(none()));
        }
    }
    TRY(rc);
    RETURN();
}

ASYNC(tasks) {
    asyncio_auto_task a = asyncio_create_task(one(1));
    if (!a) RAISE(ASYNCIO_RUNTIME_ERROR, "no task");
    asyncio_auto_future b = asyncio_ensure_future(ASYNCIO_CORO(a));
    asyncio_auto_future c = asyncio_ensure_future(ASYNCIO_CORO(raises(1)));
    asyncio_auto_value value = asyncio_none();
    TRY(AWAIT(a, &value));
    TRY(AWAIT(b));
    TRY(AWAIT(c));
    TRY(asyncio_spawn(of_each_type(1)));
    TRY(AWAIT(awaits(a, b)));
    TRY(AWAIT(blocks(NULL)));
    RETURN();
}

int main(void) {
    asyncio_value value;
    int rc = asyncio_run(tasks(), &value);
    return rc < 0 ? 1 : asyncio_main(tasks());
}
