/* SPDX-License-Identifier: MIT
 *
 * tests/cxx/io.cc: connections, servers, datagrams and processes in a C++17 program. Prints one
 * line for each thing it did, then "done".
 */
#include <asyncio.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

static void expect(bool good, const char *what) {
    std::printf("%s %s\n", good ? "ok  " : "FAIL", what);
    std::fflush(stdout);
    if (!good) std::exit(1);
}

ASYNC(echo, (asyncio_streamreader *) reader, (asyncio_streamwriter *) writer, (void *) arg) {
    asyncio_bytes line;
    (void)arg;
    TRY(AWAIT(asyncio_streamreader_readline(reader, &line)));
    TRY(asyncio_streamwriter_write(writer, line.data, line.size));
    asyncio_streamwriter_close(writer);
    RETURN();
}

ASYNC(streams) {
    asyncio_auto_server server = nullptr;
    asyncio_auto_streamreader reader = nullptr;
    asyncio_auto_streamwriter writer = nullptr;
    asyncio_bytes line;
    asyncio_server_options some = {};
    asyncio_connection_options more = {};
    int rc;
    some.size = sizeof some;
    some.backlog = 5;
    more.size = sizeof more;
    more.happy_eyeballs_delay = 0.25;
    TRY(AWAIT(asyncio_start_server(echo, "127.0.0.1", 0, &server, &some)));
    ASYNC_WITH(open, asyncio_server_block(server, &rc)) {
        TRY(AWAIT(
            asyncio_open_connection("127.0.0.1", asyncio_server_port(open), &reader, &writer)));
        TRY(asyncio_streamwriter_write(writer, "hello\n", 6));
        TRY(AWAIT(asyncio_streamreader_readline(reader, &line)));
        expect(std::string(line.data, line.size) == "hello\n", "an echo over a stream");
        asyncio_streamwriter_close(writer);
    }
    TRY(rc);
    RETURN();
}

ASYNC(datagrams) {
    asyncio_auto_datagram one = nullptr;
    asyncio_auto_datagram two = nullptr;
    asyncio_datagram_options options = {};
    asyncio_auto_value name = asyncio_none();
    char data[10];
    options.size = sizeof options;
    options.local_host = "127.0.0.1";
    TRY(AWAIT(asyncio_create_datagram_endpoint(&one, &options)));
    TRY(asyncio_datagram_get_extra_info(one, "sockname", &name));
    options.local_host = nullptr;
    options.remote_port = std::atoi(std::strchr(name.s, ':') + 1);
    options.remote_host = "127.0.0.1";
    TRY(AWAIT(asyncio_create_datagram_endpoint(&two, &options)));
    TRY(AWAIT(asyncio_datagram_send(two, "datagram", 8)));
    int n = TRY(AWAIT(asyncio_datagram_recv(one, data, sizeof data)));
    expect(std::string(data, static_cast<size_t>(n)) == "datagram", "a datagram");
    RETURN();
}

ASYNC(processes) {
    asyncio_auto_process p = nullptr;
    asyncio_subprocess_options options = {};
    const char *argv[] = { "echo", "out", nullptr };
    asyncio_bytes out;
    options.size = sizeof options;
    options.argv = argv;
    options.stdout_fd = ASYNCIO_PIPE;
    int rc = AWAIT(asyncio_create_subprocess_exec(&p, &options));
    if (asyncio_catch(rc, -ENOSYS)) RETURN(); // no pidfd under valgrind
    TRY(rc);
    TRY(AWAIT(asyncio_process_communicate(p, nullptr, 0, &out, nullptr)));
    expect(std::string(out.data, out.size) == "out\n", "what a program says");
    asyncio_process_unref(p);
    p = nullptr;
    options.argv = nullptr;
    options.command = "exit 3";
    TRY(AWAIT(asyncio_create_subprocess_shell(&p, &options)));
    asyncio_value code;
    TRY(AWAIT(asyncio_process_wait(p), &code));
    expect(code.i == 3, "a returncode of the shell");
    RETURN();
}

static int handle(void *arg) {
    asyncio_future_set_result(static_cast<asyncio_future *>(arg), asyncio_int(1));
    return 0;
}

ASYNC(signals) {
    asyncio_loop *loop = asyncio_get_running_loop();
    asyncio_auto_future f = asyncio_loop_create_future(loop);
    TRY(asyncio_loop_add_signal_handler(loop, SIGUSR1, handle, f));
    std::raise(SIGUSR1);
    TRY(AWAIT(f));
    expect(asyncio_loop_remove_signal_handler(loop, SIGUSR1) == 1, "a signal handler");
    RETURN();
}

ASYNC(body) {
    TRY(AWAIT(signals()));
    TRY(AWAIT(streams()));
    TRY(AWAIT(datagrams()));
    TRY(AWAIT(processes()));
    RETURN();
}

int main() {
    int rc = asyncio_run(body(), nullptr);
    expect(rc == 0, "all of it ends well");
    std::puts("done");
    return 0;
}
