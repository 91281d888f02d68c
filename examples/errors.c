/* SPDX-License-Identifier: MIT */

/* raise, except, except ... as, raise ... from. */
#include <asyncio.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

ASYNC(parse, (const char *) text) {
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text || *end) RAISE(ASYNCIO_VALUE_ERROR, "not a number: %s", text);
    RETURN(number);
}

ASYNC(number_or_zero, (const char *) text) {
    asyncio_value number;
    int rc = AWAIT(parse(text), &number);
    if (asyncio_catch(rc, ASYNCIO_VALUE_ERROR)) RETURN(0);
    TRY(rc);
    RETURN(number);
}

ASYNC(setting, (const char *) text) {
    asyncio_value number;
    int rc = AWAIT(parse(text), &number);
    if (asyncio_is_exception(rc)) {
        asyncio_auto_error cause = asyncio_error_take(rc);
        asyncio_error *error = asyncio_error_new(ASYNCIO_RUNTIME_ERROR, "bad setting");
        if (!error) return -ENOMEM;
        asyncio_error_set_cause(error, cause);
        return asyncio_reraise(error);
    }
    TRY(rc);
    RETURN(number);
}

ASYNC(async_main) {
    asyncio_value number;
    TRY(AWAIT(number_or_zero("42"), &number));
    printf("42 is %lld\n", number.i);
    TRY(AWAIT(number_or_zero("forty-two"), &number));
    printf("forty-two is %lld\n", number.i);

    int rc = AWAIT(setting("many"), &number);
    if (rc == ASYNCIO_RUNTIME_ERROR) {
        char text[100];
        asyncio_auto_error error = asyncio_error_take(rc);
        asyncio_error_repr(error, text, sizeof text);
        printf("%s\n", text);
        asyncio_error_repr(asyncio_error_cause(error), text, sizeof text);
        printf("because of %s\n", text);
    } else {
        TRY(rc);
    }
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
