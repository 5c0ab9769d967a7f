/* dhcpload - DHCPv4 load from many simulated clients on one link (no relay), over AF_PACKET.
 *
 *   cc -O2 -o dhcpload dhcpload.c
 *   dhcpload -i IFACE [-n CLIENTS] [-w WINDOW | -r RATE] [-t SECONDS] [-m dora|renew|init] [-B] [-b BASE] [-T MS]
 *
 *   -n  clients (different hardware addresses and client identifiers) to run through   (1000)
 *   -w  closed loop: so many exchanges under way at once                               (64)
 *   -r  open loop: start so many exchanges a second instead
 *   -t  stop after so many seconds; without it every client once
 *   -m  dora:  DISCOVER OFFER REQUEST ACK per exchange
 *       renew: one DORA each first (not counted), then unicast REQUEST/ACK with ciaddr
 *       init:  one DORA each first (not counted), then INIT-REBOOT: broadcast REQUEST/ACK with option 50
 *   -B  set the broadcast flag
 *   -b  number of the first client, so that a second run has new clients               (0)
 *   -T  milliseconds after which an unanswered exchange is lost                        (1000)
 *
 * Answers ARP for the addresses it was given.  Prints one line of JSON: exchanges a second, lost share,
 * NAKs, addresses given to two clients at once (dup), and percentiles of the time of a whole exchange.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum state { IDLE, WAIT_OFFER, WAIT_ACK };
enum mode { DORA, RENEW, INIT_REBOOT };
enum { DISCOVER = 1, OFFER = 2, REQUEST = 3, ACK = 5, NAK = 6 };

struct client {
    enum state state;
    int bound;
    uint32_t address, server, xid;
    double started;
};

#define BATCH 64              /* frames sent or received by one system call */
#define RING (1u << 22)       /* exchanges under way or not yet seen to be over */
#define OWNERS (1u << 22)     /* slots of the table address -> client */
#define MAX_SAMPLES 20000000  /* latencies kept */

static struct client *clients;
static uint32_t client_count = 1000, first_client;
static int packet_socket, broadcast_flag;
static uint8_t server_mac[6];
static int server_known;
static uint32_t window = 64;
static double rate, seconds, lost_after = 1.0;

static uint64_t done, lost, naks, dups, late;
static int counting;
static double *samples;
static size_t sample_count;
static uint32_t *owners; /* client number + 1 */

static uint32_t in_flight;
static struct { uint32_t client, xid; } ring[RING]; /* in order of starting, for timeouts */
static uint64_t ring_head, ring_tail;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void make_mac(uint32_t number, uint8_t *mac)
{
    number += first_client;
    mac[0] = 0x02;
    mac[1] = 0xdd;
    mac[2] = number >> 24;
    mac[3] = number >> 16;
    mac[4] = number >> 8;
    mac[5] = number;
}

static uint16_t checksum(const uint8_t *data, int length)
{
    uint32_t sum = 0;
    for (int i = 0; i < length; i += 2)
        sum += data[i] << 8 | data[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum;
}

/* ---- sending, in batches ---- */

static uint8_t out[BATCH][400];
static struct iovec out_vec[BATCH];
static struct mmsghdr out_msg[BATCH];
static int out_count;

static void flush(void)
{
    int sent = 0;
    while (sent < out_count) {
        int n = sendmmsg(packet_socket, out_msg + sent, out_count - sent, 0);
        if (n > 0) {
            sent += n;
        } else if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR) {
            perror("sendmmsg");
            exit(1);
        }
    }
    out_count = 0;
}

static uint8_t *next_frame(void)
{
    if (out_count == BATCH)
        flush();
    return out[out_count];
}

static void push(int length)
{
    out_vec[out_count].iov_base = out[out_count];
    out_vec[out_count].iov_len = length;
    memset(&out_msg[out_count], 0, sizeof out_msg[0]);
    out_msg[out_count].msg_hdr.msg_iov = &out_vec[out_count];
    out_msg[out_count].msg_hdr.msg_iovlen = 1;
    out_count++;
}

static uint8_t *add_option(uint8_t *at, int code, int length, const void *value)
{
    *at++ = code;
    *at++ = length;
    memcpy(at, value, length);
    return at + length;
}

static uint8_t *add_options(uint8_t *at, const struct client *c, const uint8_t *mac, int type, int unicast, int reboot)
{
    static const uint8_t wanted[] = {1, 3, 6, 15, 51, 28};
    uint8_t kind = type, client_id[7] = {1};
    memcpy(client_id + 1, mac, 6);
    at = add_option(at, 53, 1, &kind);
    at = add_option(at, 61, 7, client_id);
    if (type == REQUEST && !unicast) {
        at = add_option(at, 50, 4, &c->address);
        if (!reboot)
            at = add_option(at, 54, 4, &c->server);
    }
    at = add_option(at, 55, sizeof wanted, wanted);
    *at++ = 255;
    return at;
}

static void send_message(uint32_t number, int type, int unicast, int reboot)
{
    struct client *c = &clients[number];
    uint8_t *frame = next_frame(), *ip = frame + 14, *udp = frame + 34, *dhcp = frame + 42, mac[6];
    make_mac(number, mac);
    memset(frame, 0, sizeof out[0]);
    if (unicast && server_known)
        memcpy(frame, server_mac, 6);
    else
        memset(frame, 255, 6);
    memcpy(frame + 6, mac, 6);
    frame[12] = 8;

    dhcp[0] = dhcp[1] = 1;
    dhcp[2] = 6;
    uint32_t xid = htonl(c->xid);
    memcpy(dhcp + 4, &xid, 4);
    if (broadcast_flag && !unicast)
        dhcp[10] = 0x80;
    if (unicast)
        memcpy(dhcp + 12, &c->address, 4);
    memcpy(dhcp + 28, mac, 6);
    memcpy(dhcp + 236, "\x63\x82\x53\x63", 4);
    uint8_t *end = add_options(dhcp + 240, c, mac, type, unicast, reboot);

    int udp_length = 8 + (end - dhcp);
    if (udp_length < 308) /* 300 bytes of BOOTP, RFC 1542 */
        udp_length = 308;
    int ip_length = 20 + udp_length;
    ip[0] = 0x45;
    ip[2] = ip_length >> 8;
    ip[3] = ip_length;
    ip[8] = 64;
    ip[9] = 17;
    if (unicast) {
        memcpy(ip + 12, &c->address, 4);
        memcpy(ip + 16, &c->server, 4);
    } else {
        memset(ip + 16, 255, 4);
    }
    uint16_t sum = checksum(ip, 20);
    ip[10] = sum >> 8;
    ip[11] = sum;
    udp[1] = 68;
    udp[3] = 67;
    udp[4] = udp_length >> 8;
    udp[5] = udp_length;
    push(14 + ip_length);
}

static void start(uint32_t number, enum mode what)
{
    struct client *c = &clients[number];
    c->xid += 0x01000000; /* the low 24 bits are the client's number */
    c->started = now();
    in_flight++;
    ring[ring_head % RING].client = number;
    ring[ring_head++ % RING].xid = c->xid;
    c->state = what == DORA ? WAIT_OFFER : WAIT_ACK;
    send_message(number, what == DORA ? DISCOVER : REQUEST, what == RENEW, what == INIT_REBOOT);
}

/* ---- receiving ---- */

static uint32_t *owner_of(uint32_t address)
{
    return &owners[(ntohl(address) * 2654435761u) & (OWNERS - 1)];
}

static void answer_arp(const uint8_t *frame)
{
    uint32_t address;
    memcpy(&address, frame + 38, 4);
    uint32_t owner = *owner_of(address);
    if (!owner || clients[owner - 1].address != address)
        return;
    uint8_t *reply = next_frame(), mac[6];
    make_mac(owner - 1, mac);
    memset(reply, 0, 60);
    memcpy(reply, frame + 6, 6);
    memcpy(reply + 6, mac, 6);
    memcpy(reply + 12, frame + 12, 8);
    reply[21] = 2;
    memcpy(reply + 22, mac, 6);
    memcpy(reply + 28, &address, 4);
    memcpy(reply + 32, frame + 22, 6);
    memcpy(reply + 38, frame + 28, 4);
    push(60);
}

static void bound(uint32_t number, uint32_t address)
{
    struct client *c = &clients[number];
    uint32_t *owner = owner_of(address);
    if (*owner && *owner != number + 1 && clients[*owner - 1].address == address && clients[*owner - 1].bound)
        dups++;
    *owner = number + 1;
    c->address = address;
    c->bound = 1;
    c->state = IDLE;
    in_flight--;
    if (counting) {
        done++;
        if (sample_count < MAX_SAMPLES)
            samples[sample_count++] = now() - c->started;
    }
}

static void receive_frame(const uint8_t *frame, int length)
{
    if (frame[12] == 8 && frame[13] == 6 && length >= 42 && frame[21] == 1) {
        answer_arp(frame);
        return;
    }
    if (length < 282 || frame[12] != 8 || frame[13] || frame[23] != 17)
        return;
    const uint8_t *udp = frame + 14 + (frame[14] & 15) * 4, *dhcp = udp + 8, *end = frame + length;
    if (udp[3] != 68 || dhcp + 240 > end || dhcp[0] != 2)
        return;
    uint32_t xid, address, server = 0;
    memcpy(&xid, dhcp + 4, 4);
    memcpy(&address, dhcp + 16, 4);
    xid = ntohl(xid);
    uint32_t number = xid & 0xffffff;
    if (number >= client_count)
        return;
    struct client *c = &clients[number];
    if (c->xid != xid) {
        late++;
        return;
    }
    int type = 0;
    for (const uint8_t *at = dhcp + 240; at + 1 < end && *at != 255;) {
        if (!*at) {
            at++;
            continue;
        }
        if (at + 2 + at[1] > end)
            return;
        if (*at == 53)
            type = at[2];
        else if (*at == 54)
            memcpy(&server, at + 2, 4);
        at += 2 + at[1];
    }
    if (type == OFFER && c->state == WAIT_OFFER) {
        c->address = address;
        c->server = server;
        c->state = WAIT_ACK;
        memcpy(server_mac, frame + 6, 6);
        server_known = 1;
        send_message(number, REQUEST, 0, 0);
    } else if (type == ACK && c->state == WAIT_ACK) {
        bound(number, address);
    } else if (type == NAK && c->state != IDLE) {
        naks++;
        c->state = IDLE;
        in_flight--;
    }
}

static uint8_t in[BATCH][2048];
static struct iovec in_vec[BATCH];
static struct mmsghdr in_msg[BATCH];
static struct sockaddr_ll in_from[BATCH];

static void pump(void)
{
    struct pollfd readable = {packet_socket, POLLIN, 0};
    flush();
    if (poll(&readable, 1, 1) <= 0)
        return;
    int n = recvmmsg(packet_socket, in_msg, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++)
        if (in_from[i].sll_pkttype != PACKET_OUTGOING)
            receive_frame(in[i], in_msg[i].msg_len);
    flush();
}

static void give_up_old(void)
{
    double t = now();
    for (; ring_tail < ring_head; ring_tail++) {
        struct client *c = &clients[ring[ring_tail % RING].client];
        if (c->state == IDLE || c->xid != ring[ring_tail % RING].xid)
            continue;
        if (t - c->started < lost_after)
            break;
        c->state = IDLE;
        in_flight--;
        if (counting)
            lost++;
    }
}

/* Run exchanges of one kind: for `limit` seconds, or (0) once through all clients.  Returns the time it took. */
static double phase(enum mode what, double limit, double per_second)
{
    double begun = now();
    uint64_t started = 0;
    uint32_t next = 0;
    for (;;) {
        double t = now() - begun;
        int more = limit > 0 ? t < limit : started < client_count;
        if (!more && (!in_flight || (limit > 0 && t > limit + 2 * lost_after)))
            break;
        while (more && (limit > 0 || started < client_count)) {
            if (per_second > 0 ? started >= (uint64_t)(t * per_second) : in_flight >= window)
                break;
            if (in_flight >= client_count)
                break;
            for (uint32_t k = 0; clients[next].state != IDLE && k < client_count; k++)
                next = (next + 1) % client_count;
            start(next, what);
            next = (next + 1) % client_count;
            started++;
        }
        pump();
        give_up_old();
    }
    return limit > 0 ? limit : now() - begun;
}

/* ---- start and report ---- */

static int open_socket(const char *interface)
{
    int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    if (fd < 0) {
        perror("socket");
        exit(1);
    }
    struct sockaddr_ll where = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = if_nametoindex(interface),
    };
    if (!where.sll_ifindex || bind(fd, (void *)&where, sizeof where)) {
        perror(interface);
        exit(1);
    }
    int big = 16 << 20, yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
    setsockopt(fd, SOL_PACKET, 23 /* PACKET_IGNORE_OUTGOING */, &yes, sizeof yes);
    for (int i = 0; i < BATCH; i++) {
        in_vec[i].iov_base = in[i];
        in_vec[i].iov_len = sizeof in[0];
        in_msg[i].msg_hdr.msg_iov = &in_vec[i];
        in_msg[i].msg_hdr.msg_iovlen = 1;
        in_msg[i].msg_hdr.msg_name = &in_from[i];
        in_msg[i].msg_hdr.msg_namelen = sizeof in_from[0];
    }
    return fd;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double percentile(double share)
{
    return sample_count ? samples[(size_t)((sample_count - 1) * share)] * 1e3 : 0;
}

int main(int argc, char **argv)
{
    const char *interface = NULL;
    enum mode mode = DORA;
    for (int o; (o = getopt(argc, argv, "i:n:w:r:t:m:Bb:T:h")) != -1;) {
        switch (o) {
        case 'i': interface = optarg; break;
        case 'n': client_count = atoi(optarg); break;
        case 'w': window = atoi(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 't': seconds = atof(optarg); break;
        case 'm': mode = optarg[0] == 'd' ? DORA : optarg[0] == 'r' ? RENEW : INIT_REBOOT; break;
        case 'B': broadcast_flag = 1; break;
        case 'b': first_client = atoi(optarg); break;
        case 'T': lost_after = atof(optarg) / 1e3; break;
        default: fprintf(stderr, "see the head of dhcpload.c\n"); return 2;
        }
    }
    if (!interface || !client_count || client_count > 0xffffff) {
        fprintf(stderr, "-i IFACE is needed, and 1 to 16777215 clients\n");
        return 2;
    }
    packet_socket = open_socket(interface);
    clients = calloc(client_count, sizeof *clients);
    owners = calloc(OWNERS, sizeof *owners);
    samples = malloc(MAX_SAMPLES * sizeof *samples);
    for (uint32_t i = 0; i < client_count; i++)
        clients[i].xid = i;
    if (mode != DORA) {
        phase(DORA, 0, 0);
        phase(DORA, 0, 0); /* those that lost an exchange */
    }
    counting = 1;
    naks = late = 0;
    double took = phase(mode, seconds, rate);
    qsort(samples, sample_count, sizeof *samples, by_value);
    printf("{\"clients\": %u, \"seconds\": %.2f, \"done\": %lu, \"per_second\": %.0f, \"lost\": %lu, \"lost_percent\": %.2f, "
           "\"naks\": %lu, \"dup\": %lu, \"late\": %lu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
           client_count, took, done, done / took, lost, 100.0 * lost / (done + lost ? done + lost : 1),
           naks, dups, late, percentile(0.5), percentile(0.99), percentile(1.0));
    return 0;
}
