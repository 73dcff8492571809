/* Makes short flows, and reads conntrack's events as barely as can be: the measure for leash's own reader.
 *
 *   flows make N RATE FIRST   N UDP flows of one datagram to 45.10.0.0/16, RATE a second, from source port 20000 + FIRST % 16 on
 *   flows house N FIRST       N UDP flows to 16 endpoints, each from a port of its own
 *   flows read                counts NEW and DESTROY events in bulk with naps of 5 ms until SIGTERM, then prints the number
 *
 * Bounds: N <= 1000000, RATE <= 100000, 60 s. Run it inside a network namespace only.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
static volatile sig_atomic_t ended;
static void end(int signal) { (void)signal; ended = 1; }
static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }
static int make(long n, long rate, long first) {
    if (n > 1000000 || rate < 1 || rate > 100000) return 2;
    int s = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;
    setsockopt(s, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(20000 + first % 16)};
    if (bind(s, (void *)&from, sizeof from)) return perror("bind"), 2;
    double begin = now();
    for (long i = 0; i < n && now() < begin + 60; i++) {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9000 + (first + i) / 50000)};
        to.sin_addr.s_addr = htonl(0x2d0a0000 | ((first + i) % 50000 + 256));
        while (sendto(s, "x", 1, 0, (void *)&to, sizeof to) < 0) usleep(100);
        double ahead = (i + 1.0) / rate - (now() - begin);
        if (ahead > 0.001) usleep(ahead * 1e6);
    }
    printf("%.0f\n", n / (now() - begin));
    return 0;
}
static int house(int n, int first) {
    for (int i = 0; i < n && n < 20000; i++) {
        int s = socket(AF_INET, SOCK_DGRAM, 0);
        struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(20000 + i)};
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(443)};
        to.sin_addr.s_addr = htonl(0x2d0a0000 | ((first + i % 16) % 50000 + 256));
        if (bind(s, (void *)&from, sizeof from)) return perror("bind"), 2;
        while (sendto(s, "x", 1, 0, (void *)&to, sizeof to) < 0) usleep(100);
        close(s);
        if (i % 16 == 0) usleep(1000);
    }
    return 0;
}
static int read_events(void) {
    int s = socket(AF_NETLINK, SOCK_RAW, 12), size = 8 << 20, one = 1, groups[2] = {1, 3};
    struct sockaddr_nl own = {.nl_family = AF_NETLINK};
    setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    if (bind(s, (void *)&own, sizeof own)) return perror("bind"), 2;
    for (int i = 0; i < 2; i++) setsockopt(s, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof(int));
    setsockopt(s, SOL_NETLINK, NETLINK_BROADCAST_ERROR, &one, sizeof one);
    struct sigaction action = {.sa_handler = end};
    sigaction(SIGTERM, &action, NULL);
    static char buffer[8192];
    long events = 0, lost = 0;
    while (!ended) {
        ssize_t n;
        while ((n = recv(s, buffer, sizeof buffer, MSG_DONTWAIT)) != -1 || lost < 0)
            for (struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n)) events++;
        usleep(5000);
    }
    printf("%ld\n", events);
    return 0;
}
int main(int c, char **v) {
    if (c == 5 && !strcmp(v[1], "make")) return make(atol(v[2]), atol(v[3]), atol(v[4]));
    if (c == 4 && !strcmp(v[1], "house")) return house(atoi(v[2]), atoi(v[3]));
    if (c == 2 && !strcmp(v[1], "read")) return read_events();
    fprintf(stderr, "usage: flows make N RATE FIRST | flows house N FIRST | flows read\n");
    return 2;
}
