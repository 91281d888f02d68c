/* Channels between loops and threads. A plain thread produces numbers, two loops in threads of
 * their own square them, and the main loop adds up what comes back:
 *
 *     thread --numbers--> two loops --squares--> main loop
 *
 * Both channels are short, so whoever is ahead waits: the thread by blocking, tasks by AWAIT. */
#include <asyncio.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>

#define COUNT 1000

static asyncio_channel *numbers, *squares;

static void *produce(void *arg) {
    for (int i = 1; i <= COUNT; i++) {
        int rc = asyncio_channel_put_blocking(numbers, asyncio_int(i), (double)INFINITY);
        if (asyncio_catch(rc, ASYNCIO_QUEUE_SHUT_DOWN)) break; /* nobody wants them any more */
    }
    asyncio_channel_close(numbers); /* what is in it can still be got */
    return arg;
}

ASYNC(square_all) {
    for (;;) {
        asyncio_value n;
        int rc = AWAIT(asyncio_channel_get(numbers), &n);
        if (asyncio_catch(rc, ASYNCIO_QUEUE_SHUT_DOWN)) break;
        TRY(rc);
        TRY(AWAIT(asyncio_channel_put(squares, asyncio_int(n.i * n.i))));
    }
    RETURN();
}

static asyncio_coro square_in_each(unsigned index, void *arg) {
    (void)index, (void)arg;
    return square_all();
}

static void *run_squarers(void *arg) {
    *(int *)arg = asyncio_run_many(2, square_in_each, NULL);
    asyncio_channel_close(squares);
    return NULL;
}

ASYNC(add_up) {
    long long sum = 0;
    for (int i = 0; i < COUNT; i++) {
        asyncio_value square;
        TRY(AWAIT(asyncio_channel_get(squares), &square));
        sum += square.i;
    }
    printf("The sum of the first %d squares is %lld\n", COUNT, sum);
    RETURN();
}

int main(void) {
    pthread_t producer, squarers;
    int rc = 1, status;
    numbers = asyncio_channel_new(4);
    squares = asyncio_channel_new(4);
    if (!numbers || !squares) return 1;
    if (pthread_create(&producer, NULL, produce, NULL) != 0) return 1;
    if (pthread_create(&squarers, NULL, run_squarers, &rc) != 0) return 1;
    status = asyncio_main(add_up());
    asyncio_channel_close(numbers);
    asyncio_channel_close(squares);
    pthread_join(producer, NULL);
    pthread_join(squarers, NULL);
    asyncio_channel_unref(numbers);
    asyncio_channel_unref(squares);
    return status ? status : rc < 0;
}
