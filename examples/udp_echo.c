/* The UDP echo server and client of Python's documentation of asyncio, in one program. There is no
 * protocol class: what datagram_received would get is awaited.
 */
#include <asyncio.h>
#include <netinet/in.h>
#include <stdio.h>

ASYNC(echo_server, (asyncio_datagram *) server) {
    char data[1024];
    asyncio_datagram_info from;
    for (;;) {
        int n = TRY(AWAIT(asyncio_datagram_recvfrom(server, data, sizeof data, &from)));
        printf("Received '%.*s'\n", n, data);
        TRY(AWAIT(asyncio_datagram_sendto(server, data, (size_t)n, from.addr, from.addr_size)));
    }
}

ASYNC(echo_client, (const struct sockaddr *) addr, (socklen_t) size, (const char *) message) {
    asyncio_auto_datagram client = NULL;
    char data[1024];
    TRY(AWAIT(
        asyncio_create_datagram_endpoint(&client, .remote_addr = addr, .remote_addr_size = size)));
    printf("Send: '%s'\n", message);
    TRY(AWAIT(asyncio_datagram_send(client, message, strlen(message))));
    int n = TRY(AWAIT(asyncio_wait_for(asyncio_datagram_recv(client, data, sizeof data), 10)));
    printf("Echoed: '%.*s'\n", n, data);
    RETURN();
}

ASYNC(async_main) {
    asyncio_auto_datagram server = NULL;
    asyncio_value fd;
    struct sockaddr_in addr;
    socklen_t size = sizeof addr;
    TRY(AWAIT(asyncio_create_datagram_endpoint(&server, .local_host = "127.0.0.1")));
    TRY(asyncio_datagram_get_extra_info(server, "socket", &fd));
    getsockname((int)fd.i, (struct sockaddr *)&addr, &size); /* which port it got */

    asyncio_auto_task serving = asyncio_create_task(echo_server(server));
    TRY(AWAIT(echo_client((struct sockaddr *)&addr, size, "Hello World!")));
    TRY(AWAIT(echo_client((struct sockaddr *)&addr, size, "Once more")));
    asyncio_task_cancel(serving, NULL);
    RETURN();
}

int main(void) { return asyncio_main(async_main()); }
