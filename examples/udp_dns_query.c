/* Asks a DNS server for the addresses of a name, over UDP:
 *
 *     udp_dns_query NAME                          the server of /etc/resolv.conf
 *     udp_dns_query -s 127.0.0.1 -p 5353 NAME     another one
 *
 * A and AAAA are asked for side by side. What got lost is asked for again, each time with twice
 * the patience; what is no answer to the question is ignored. libresolv writes and parses the
 * messages: build with -lresolv. Status 0: there are addresses; 1: none, or no answer. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <asyncio.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

struct query {
    const char *name, *server;
    int port, tries;
    double timeout; /* of the first try, in seconds */
    ns_type type;
    int size, answer_size;
    unsigned char message[NS_PACKETSZ], answer[4096];
};

/* ---- messages ---- */

/* Writes the message, with a number that nobody can guess. */
static bool write_query(struct query *q) {
    struct __res_state state = { .options = RES_INIT | RES_RECURSE };
    q->size = res_nmkquery(&state, ns_o_query, q->name, ns_c_in, (int)q->type, NULL, 0, NULL,
                           q->message, sizeof q->message);
    return q->size > 0 && getrandom(q->message, 2, 0) == 2;
}

static bool read_question(ns_msg *m, ns_rr *question, const unsigned char *data, int n) {
    return ns_initparse(data, n, m) >= 0 && ns_msg_count(*m, ns_s_qd) == 1 &&
           ns_parserr(m, ns_s_qd, 0, question) >= 0;
}

/* Whether `answer` has the answer to this query: anybody can send us anything. */
static bool is_answer(const struct query *q) {
    ns_msg sent, got;
    ns_rr asked, answered;
    return read_question(&sent, &asked, q->message, q->size) &&
           read_question(&got, &answered, q->answer, q->answer_size) &&
           ns_msg_id(sent) == ns_msg_id(got) && ns_msg_getflag(got, ns_f_qr) &&
           ns_rr_type(asked) == ns_rr_type(answered) &&
           strcasecmp(ns_rr_name(asked), ns_rr_name(answered)) == 0;
}

/* Prints the addresses; how many there are. */
static int print_answer(const struct query *q) {
    int count = 0, family = q->type == ns_t_a ? AF_INET : AF_INET6;
    ns_msg m;
    ns_rr rr;
    if (ns_initparse(q->answer, q->answer_size, &m) < 0) return 0;
    for (int i = 0; i < ns_msg_count(m, ns_s_an) && ns_parserr(&m, ns_s_an, i, &rr) >= 0; i++) {
        char text[INET6_ADDRSTRLEN];
        if (ns_rr_type(rr) != q->type) continue; /* a CNAME, say */
        if (ns_rr_rdlen(rr) != (family == AF_INET ? 4 : 16)) continue;
        printf("%s %s\n", ns_rr_name(rr), inet_ntop(family, ns_rr_rdata(rr), text, sizeof text));
        count++;
    }
    if (ns_msg_getflag(m, ns_f_tc)) puts("(there are more than fit)");
    return count;
}

/* NULL: none. */
static const char *problem_of(const struct query *q) {
    ns_msg m;
    if (ns_initparse(q->answer, q->answer_size, &m) < 0) return "a broken answer";
    switch (ns_msg_getflag(m, ns_f_rcode)) {
    case ns_r_noerror: return NULL;
    case ns_r_formerr: return "the server does not understand the question";
    case ns_r_servfail: return "the server has failed";
    case ns_r_nxdomain: return "no such name";
    case ns_r_refused: return "the server refuses to answer";
    default: return "an answer that says something else";
    }
}

/* ---- asking ---- */

ASYNC(await_answer, (asyncio_datagram *) socket, (struct query *) q) {
    do {
        q->answer_size = TRY(AWAIT(asyncio_datagram_recv(socket, q->answer, sizeof q->answer)));
    } while (!is_answer(q));
    RETURN();
}

/* Each try has a new socket, and so a new port. */
ASYNC(try_once, (struct query *) q, (double) timeout) {
    asyncio_auto_datagram socket = NULL;
    if (!write_query(q)) RAISE(ASYNCIO_VALUE_ERROR, "'%s' cannot be a name", q->name);
    TRY(AWAIT(asyncio_create_datagram_endpoint(&socket, .remote_host = q->server,
                                               .remote_port = q->port)));
    TRY(AWAIT(asyncio_datagram_send(socket, q->message, (size_t)q->size)));
    TRY(AWAIT(asyncio_wait_for(await_answer(socket, q), timeout)));
    RETURN();
}

ASYNC(ask, (struct query *) q) {
    double timeout = q->timeout;
    for (int i = 0; i < q->tries; i++, timeout *= 2) {
        int rc = AWAIT(try_once(q, timeout));
        if (asyncio_catch(rc, ASYNCIO_TIMEOUT_ERROR)) continue;
        TRY(rc);
        if (problem_of(q)) RAISE(ASYNCIO_LOOKUP_ERROR, "%s", problem_of(q));
        RETURN();
    }
    RAISE(ASYNCIO_TIMEOUT_ERROR, "no answer from %s, port %d", q->server, q->port);
}

ASYNC(ask_both, (const struct query *) q) {
    struct query queries[] = { *q, *q };
    asyncio_outcome outcomes[2];
    int count = 0;
    queries[0].type = ns_t_a;
    queries[1].type = ns_t_aaaa;
    TRY(AWAIT(asyncio_gather_outcomes(outcomes, ask(&queries[0]), ask(&queries[1]))));
    for (int i = 0; i < 2; i++) {
        if (outcomes[i].status >= 0) count += print_answer(&queries[i]);
        else fprintf(stderr, "%s: %s\n", q->name, asyncio_error_message(outcomes[i].error));
        asyncio_outcome_fini(&outcomes[i]);
    }
    RETURN(count > 0);
}

/* ---- the command line ---- */

/* The first server of /etc/resolv.conf that has an IPv4 address. */
static const char *usual_server(void) {
    static char text[INET_ADDRSTRLEN] = "127.0.0.1";
    struct __res_state state = { .options = 0 };
    if (res_ninit(&state) < 0) return text;
    if (state.nscount > 0 && state.nsaddr_list[0].sin_family == AF_INET) {
        inet_ntop(AF_INET, &state.nsaddr_list[0].sin_addr, text, sizeof text);
    }
    res_nclose(&state);
    return text;
}

static int usage(FILE *out, int status) {
    fputs("usage: udp_dns_query [-s SERVER] [-p PORT] [-t SECONDS] [-n TRIES] NAME\n"
          "  -s SERVER    an address (the first one of /etc/resolv.conf)\n"
          "  -p PORT      (53)\n"
          "  -t SECONDS   to wait for the first answer; each time twice as long (2)\n"
          "  -n TRIES     (3)\n",
          out);
    return status;
}

int main(int argc, char **argv) {
    struct query q = { .port = 53, .timeout = 2, .tries = 3 };
    asyncio_value found;
    int option;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) return usage(stdout, 0);
    while ((option = getopt(argc, argv, "s:p:t:n:")) != -1) {
        if (option == 's') q.server = optarg;
        else if (option == 'p') q.port = atoi(optarg);
        else if (option == 't') q.timeout = atof(optarg);
        else if (option == 'n') q.tries = atoi(optarg);
        else return usage(stderr, 2);
    }
    if (argc != optind + 1) return usage(stderr, 2);
    q.name = argv[optind];
    if (!q.server) q.server = usual_server();
    int rc = asyncio_run(ask_both(&q), &found);
    if (rc >= 0) return found.i ? 0 : 1;
    asyncio_auto_error error = asyncio_error_take(rc);
    asyncio_error_print(error, stderr);
    return rc == ASYNCIO_KEYBOARD_INTERRUPT ? 130 : 1;
}
