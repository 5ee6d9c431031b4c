/* msrploop: MSRP load for loopback, with the SIP that sets its sessions up.
 *   msrploop custody HOST SIPPORT MESSAGES BYTES CHUNK WINDOW SESSIONS USER SECS
 *       In each of SESSIONS sessions at once, one for userUSER, userUSER+1, ... of HOST: INVITE of a large message over UDP, MESSAGES
 *       messages of BYTES octets in chunks of CHUNK, WINDOW chunks unanswered at most, BYE. Ends when every chunk was answered.
 *   msrploop relay HOST PORT MESSAGES BYTES CHUNK WINDOW SESSIONS SECS
 *       The same through a relay (first in To-Path) to a receiver of its own in another process, which answers every chunk and forgets
 *       it. No SIP. Ends when the receiver has everything. PORT 0: no relay, straight to the receiver.
 *   msrploop push HOST SIPPORT USER SECS
 *       REGISTERs as userUSER, takes the session that is offered then, answers every chunk, ends with the BYE.
 *   msrploop raw BYTES WRITE
 *       Octets per second of a socket alone, in writes of WRITE.
 * One line of JSON. MB are 10^6 octets of body. Bounded by SECS.
 * cc -O2 -o msrploop msrploop.c */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IN_BYTES (4 << 20)
#define SESSIONS_MAX 64

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}
static void die(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  exit(1);
}
static int by_value(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return x < y ? -1 : x > y;
}
static double deadline;

/* ---- sockets */

static struct sockaddr_in loopback(const char *host, int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, host, &a.sin_addr) != 1 || ntohl(a.sin_addr.s_addr) >> 24 != 127) die("loopback only, not %s", host);
  return a;
}
static int bound(int type, int *port) {
  struct sockaddr_in a = loopback("127.0.0.1", 0);
  socklen_t size = sizeof a;
  int fd = socket(AF_INET, type, 0);
  if (bind(fd, (void *)&a, size) || getsockname(fd, (void *)&a, &size)) die("bind: %s", strerror(errno));
  if (type == SOCK_STREAM && listen(fd, SESSIONS_MAX)) die("listen: %s", strerror(errno));
  *port = ntohs(a.sin_port);
  return fd;
}
static void no_delay(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(fd, F_SETFL, O_NONBLOCK);
}
static int connected(const char *host, int port) {
  struct sockaddr_in a = loopback(host, port);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (void *)&a, sizeof a)) die("connect to %s:%d: %s", host, port, strerror(errno));
  no_delay(fd);
  return fd;
}

/* ---- octets that wait to be written */

typedef struct { char *data; size_t at, end, room; } outgoing;
static char *space(outgoing *o, size_t bytes) {
  if (o->at == o->end) o->at = o->end = 0;
  if (o->end + bytes > o->room) o->data = realloc(o->data, o->room = (o->end + bytes) * 2);
  return o->data + o->end;
}
static void put(outgoing *o, const char *format, ...) {
  va_list args;
  va_start(args, format);
  o->end += vsnprintf(space(o, 2048), 2048, format, args);
  va_end(args);
}
static void flush_out(int fd, outgoing *o) {
  while (o->at < o->end) {
    ssize_t n = write(fd, o->data + o->at, o->end - o->at);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) die("write: %s", strerror(errno));
    o->at += n;
  }
}

/* ---- MSRP frames out of a stream */

typedef struct {
  char *data;
  size_t begin, end, scanned; /* scanned: how far the end-line was looked for, from begin */
} incoming;
typedef struct {
  char id[33];
  int status; /* of a response; 0 for a request */
  int is_send;
  char *head, *body; /* after the first line; body = NULL where there is none */
  size_t head_bytes, body_bytes;
  char flag;
} frame;

static int next_frame(incoming *in, frame *f) {
  char *p = in->data + in->begin, *end = in->data + in->end, *eol = memmem(p, end - p, "\r\n", 2);
  char line[48], what[16];
  if (!eol) return 0;
  *eol = 0;
  if (sscanf(p, "MSRP %32s %15s", f->id, what) != 2) die("not MSRP: %.80s", p);
  *eol = '\r';
  size_t line_bytes = sprintf(line, "-------%s", f->id), from = in->scanned > (size_t)(eol - p) ? in->scanned : (size_t)(eol - p);
  char *stop = memmem(p + from, end - p - from, line, line_bytes);
  if (!stop || stop + line_bytes + 3 > end) {
    in->scanned = stop ? (size_t)(stop - p) : (size_t)(end - p) > line_bytes ? end - p - line_bytes : 0;
    return 0;
  }
  f->status = what[0] >= '0' && what[0] <= '9' ? atoi(what) : 0;
  f->is_send = !strcmp(what, "SEND");
  f->head = eol + 2;
  char *blank = memmem(eol, stop - eol, "\r\n\r\n", 4);
  f->head_bytes = (blank ? blank + 2 : stop) - f->head;
  f->body = blank ? blank + 4 : NULL;
  f->body_bytes = blank ? stop - 2 - f->body : 0;
  f->flag = stop[line_bytes];
  in->begin = stop + line_bytes + 3 - in->data;
  in->scanned = 0;
  return 1;
}
static int fill(int fd, incoming *in) { /* 0: the peer is gone */
  if (!in->data) in->data = malloc(IN_BYTES);
  if (in->begin) {
    memmove(in->data, in->data + in->begin, in->end - in->begin);
    in->end -= in->begin;
    in->begin = 0;
  }
  if (in->end == IN_BYTES) die("a frame of more than %d octets", IN_BYTES);
  ssize_t n = read(fd, in->data + in->end, IN_BYTES - in->end);
  if (n > 0) in->end += n;
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}
/* The URIs of a path header: the first of it, or all. */
static int path_of(const frame *f, const char *name, int is_all, char *to, size_t room) {
  for (char *p = f->head, *end = f->head + f->head_bytes; p < end;) {
    char *eol = memmem(p, end - p, "\r\n", 2);
    if (!eol) eol = end;
    size_t n = strlen(name);
    if (!strncasecmp(p, name, n) && p[n] == ':') {
      for (p += n + 1; *p == ' '; p++) {}
      char *stop = is_all ? NULL : memchr(p, ' ', eol - p);
      snprintf(to, room, "%.*s", (int)((stop ? stop : eol) - p), p);
      return 1;
    }
    p = eol + 2;
  }
  return 0;
}
static void answer_200(outgoing *o, const frame *f) {
  char to[512] = "", from[512] = "";
  path_of(f, "From-Path", 0, to, sizeof to);
  path_of(f, "To-Path", 0, from, sizeof from);
  put(o, "MSRP %s 200 OK\r\nTo-Path: %s\r\nFrom-Path: %s\r\n-------%s$\r\n", f->id, to, from, f->id);
}

/* ---- sending */

typedef struct {
  int fd, index;
  char to[512], from[128];
  outgoing out;
  incoming in;
  long sent, answered, bad, reports, chunks;
  double *sent_at;
} stream;
static long messages, message_bytes, chunk_bytes, window, per_message;
static float *latency;
static long latencies, latencies_max;
static char *payload;

static void send_chunk(stream *s) {
  long message = s->sent / per_message, offset = s->sent % per_message * chunk_bytes;
  long end = offset + chunk_bytes < message_bytes ? offset + chunk_bytes : message_bytes;
  char id[24];
  sprintf(id, "b%xx%lx", s->index, s->sent);
  /* RFC 4975 5.1: the end of a chunk of more than 2048 octets is open. */
  char until[24] = "*";
  if (chunk_bytes <= 2048) sprintf(until, "%ld", end);
  put(&s->out, "MSRP %s SEND\r\nTo-Path: %s\r\nFrom-Path: %s\r\nMessage-ID: m%d.%d.%ld\r\nByte-Range: %ld-%s/%ld\r\nContent-Type: text/plain\r\n\r\n",
      id, s->to, s->from, (int)getpid(), s->index, message, offset + 1, until, message_bytes);
  memcpy(space(&s->out, end - offset), payload, end - offset);
  s->out.end += end - offset;
  put(&s->out, "\r\n-------%s%c\r\n", id, end == message_bytes ? '$' : '+');
  s->sent_at[s->sent++] = now();
}
static void pump(stream *s) {
  while (s->sent < s->chunks && s->sent - s->answered < window && !s->bad) send_chunk(s);
  flush_out(s->fd, &s->out);
}
static void hear(stream *s) {
  frame f;
  if (!fill(s->fd, &s->in)) die("session %d: connection closed after %ld of %ld answers", s->index, s->answered, s->chunks);
  double t = now();
  while (next_frame(&s->in, &f)) {
    if (!f.status) { s->reports++; continue; }
    long index = strtol(strchr(f.id, 'x') + 1, NULL, 16);
    if (f.status != 200) s->bad++;
    else if (index < s->chunks && latencies < latencies_max) latency[latencies++] = (t - s->sent_at[index]) * 1e3;
    s->answered++;
  }
}
static int is_done(const stream *s) { return s->answered == s->chunks || (s->bad && s->answered == s->sent); }

static void sip_events(int is_waiting);
static int sip = -1;
static void transfer(stream *streams, int count) {
  for (int i = 0; i < count; i++) pump(&streams[i]);
  for (;;) {
    struct pollfd p[SESSIONS_MAX + 1];
    int left = 0;
    for (int i = 0; i < count; i++) {
      int is_open = !is_done(&streams[i]);
      left += is_open;
      p[i] = (struct pollfd){is_open ? streams[i].fd : -1, POLLIN | (streams[i].out.at < streams[i].out.end ? POLLOUT : 0), 0};
    }
    p[count] = (struct pollfd){sip, POLLIN, 0};
    if (!left) return;
    if (now() > deadline) die("not done in time: %ld of %ld chunks answered in the first session", streams[0].answered, streams[0].chunks);
    poll(p, count + 1, 100);
    for (int i = 0; i < count; i++) {
      if (p[i].revents & (POLLIN | POLLHUP | POLLERR)) hear(&streams[i]);
      if (p[i].revents) pump(&streams[i]);
    }
    if (p[count].revents) sip_events(0);
  }
}
static stream *streams_for(int count) {
  stream *s = calloc(count, sizeof *s);
  if (count < 1 || count > SESSIONS_MAX) die("1 to %d sessions", SESSIONS_MAX);
  per_message = (message_bytes + chunk_bytes - 1) / chunk_bytes;
  payload = malloc(chunk_bytes);
  for (long i = 0; i < chunk_bytes; i++) payload[i] = 'a' + i % 26;
  latencies_max = per_message * messages * count;
  latency = malloc(sizeof *latency * latencies_max);
  for (int i = 0; i < count; i++) {
    s[i].index = i;
    s[i].chunks = messages * per_message;
    s[i].sent_at = malloc(sizeof(double) * s[i].chunks);
  }
  return s;
}
static void report(const char *mode, const stream *s, int count, double seconds) {
  long answered = 0, bad = 0, reports = 0;
  for (int i = 0; i < count; i++) answered += s[i].answered, bad += s[i].bad, reports += s[i].reports;
  double ok = answered - bad, n = latencies;
  qsort(latency, latencies, sizeof *latency, by_value);
  printf("{\"mode\":\"%s\",\"ok\":%.0f,\"bad\":%ld,\"reports\":%ld,\"secs\":%.3f,\"mbs\":%.1f,\"chunks\":%.0f,\"rate\":%.0f,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}\n", mode,
         ok / per_message, bad, reports, seconds, ok / per_message * message_bytes / 1e6 / seconds, ok / seconds, ok / per_message / seconds,
         n ? latency[(long)(n / 2)] : 0, n ? latency[(long)(n * .99)] : 0, n ? latency[(long)n - 1] : 0);
}

/* ---- a receiver that answers and forgets */

typedef struct { volatile long frames, bytes; } received;
static void receive_all(int listener, received *count) {
  struct pollfd p[SESSIONS_MAX + 1] = {{listener, POLLIN, 0}};
  static incoming in[SESSIONS_MAX + 1];
  static outgoing out[SESSIONS_MAX + 1];
  int used = 1;
  while (now() < deadline) {
    poll(p, used, 100);
    for (int i = 1; i < used; i++) {
      if (p[i].fd < 0 || !p[i].revents) continue;
      if ((p[i].revents & ~POLLOUT) && !fill(p[i].fd, &in[i])) { close(p[i].fd); p[i].fd = -1; continue; }
      for (frame f; next_frame(&in[i], &f);)
        if (f.is_send) {
          answer_200(&out[i], &f);
          count->bytes += f.body_bytes;
          count->frames++;
        }
      flush_out(p[i].fd, &out[i]);
      p[i].events = POLLIN | (out[i].at < out[i].end ? POLLOUT : 0);
    }
    if (p[0].revents && used <= SESSIONS_MAX) {
      int fd = accept(listener, NULL, NULL);
      no_delay(fd);
      p[used++] = (struct pollfd){fd, POLLIN, 0};
    }
  }
}
static void through_relay(const char *host, int port, int count) {
  int sink_port, listener = bound(SOCK_STREAM, &sink_port);
  received *got = mmap(NULL, sizeof *got, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  stream *s = streams_for(count);
  pid_t child = fork();
  if (child == 0) { receive_all(listener, got); exit(0); }
  close(listener);
  for (int i = 0; i < count; i++) {
    s[i].fd = connected(host, port ? port : sink_port);
    char relay[128] = "";
    if (port) sprintf(relay, "msrp://%s:%d/relay%d;tcp ", host, port, i);
    sprintf(s[i].to, "%smsrp://127.0.0.1:%d/sink%d;tcp", relay, sink_port, i);
    sprintf(s[i].from, "msrp://127.0.0.1:9/bench%d;tcp", i);
  }
  double start = now();
  transfer(s, count);
  /* A relay answers before it has forwarded. */
  while (got->frames < s[0].chunks * count && now() < deadline) usleep(500);
  double seconds = now() - start;
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  if (got->bytes < messages * message_bytes * count) die("the receiver got %ld of %ld octets", got->bytes, messages * message_bytes * count);
  report(port ? "relay" : "direct", s, count, seconds);
}

/* ---- SIP: one socket, a client and a server of few words */

typedef struct { char target[256], local[256], remote[256], call[64]; int is_ended; } dialog;
static struct sockaddr_in server;
static const char *domain;
static int domain_port, sip_port, calls;
static dialog dialogs[SESSIONS_MAX];
static char datagram[65536];
static char mode_path[256]; /* of the MSRP session that we take */

/* A header's value; long and compact names. */
static char *header(const char *message, const char *name, const char *compact, char *to, size_t room) {
  for (const char *p = strstr(message, "\r\n"); p && strncmp(p, "\r\n\r\n", 4); p = strstr(p + 2, "\r\n")) {
    const char *line = p + 2, *colon = strchr(line, ':');
    size_t n = colon ? colon - line : 0;
    if ((n == strlen(name) && !strncasecmp(line, name, n)) || (n == strlen(compact) && n && !strncasecmp(line, compact, n))) {
      for (colon++; *colon == ' '; colon++) {}
      snprintf(to, room, "%.*s", (int)strcspn(colon, "\r"), colon);
      return to;
    }
  }
  to[0] = 0;
  return NULL;
}
static char *attribute(const char *message, const char *name, char *to, size_t room) {
  const char *body = strstr(message, "\r\n\r\n"), *at = body ? strstr(body, name) : NULL;
  if (!at) return NULL;
  at += strlen(name);
  snprintf(to, room, "%.*s", (int)strcspn(at, "\r\n"), at);
  return to;
}
static void uri_in(const char *value, char *to, size_t room) {
  const char *open = strchr(value, '<');
  snprintf(to, room, "%.*s", (int)strcspn(open ? open + 1 : value, open ? ">" : ";"), open ? open + 1 : value);
}
static void sip_send(const char *message) {
  if (sendto(sip, message, strlen(message), 0, (void *)&server, sizeof server) < 0) die("sendto: %s", strerror(errno));
}
static int sip_read(int ms) {
  struct pollfd p = {sip, POLLIN, 0};
  if (poll(&p, 1, ms) <= 0) return 0;
  ssize_t n = recv(sip, datagram, sizeof datagram - 1, MSG_DONTWAIT);
  if (n <= 0) return 0;
  datagram[n] = 0;
  return 1;
}
/* `extra`: header lines, the body among them. */
static void sip_answer(const char *extra) {
  char out[16384];
  int n = sprintf(out, "SIP/2.0 200 OK\r\n"), has_tag = 0;
  for (char *p = strstr(datagram, "\r\n") + 2; strncmp(p, "\r\n", 2); p = strstr(p, "\r\n") + 2) {
    int length = strstr(p, "\r\n") - p, is_to = !strncasecmp(p, "To:", 3) || !strncasecmp(p, "t:", 2);
    const char *names[] = {"Via:", "v:", "From:", "f:", "To:", "t:", "Call-ID:", "i:", "CSeq:", "Record-Route:"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
      if (!strncasecmp(p, names[i], strlen(names[i]))) {
        if (is_to) has_tag = memmem(p, length, ";tag=", 5) != NULL;
        n += sprintf(out + n, "%.*s%s\r\n", length, p, is_to && !has_tag ? ";tag=bench" : "");
      }
  }
  sprintf(out + n, "%s", extra);
  sip_send(out);
}
#define NO_BODY "Content-Length: 0\r\n\r\n"
/* Requests from the other side; what answers a request of ours is read by `ask`. */
static int ended;
static void serve(void) {
  char call[128], extra[2048], sdp[1024];
  if (!strncmp(datagram, "SIP/2.0", 7) || !strncmp(datagram, "ACK", 3)) return;
  if (!strncmp(datagram, "INVITE", 6) && mode_path[0]) {
    int port = 0;
    sscanf(mode_path, "msrp://127.0.0.1:%d", &port);
    sprintf(sdp, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message %d TCP/MSRP *\r\na=recvonly\r\n"
      "a=accept-types:multipart/mixed\r\na=accept-wrapped-types:*\r\na=setup:passive\r\na=path:%s\r\n", port, mode_path);
    sprintf(extra, "Contact: <sip:bench@127.0.0.1:%d>;+g.oma.sip-im\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", sip_port, (int)strlen(sdp), sdp);
    return sip_answer(extra);
  }
  sip_answer(NO_BODY);
  if (strncmp(datagram, "BYE", 3)) return;
  ended = 1;
  header(datagram, "Call-ID", "i", call, sizeof call);
  for (int i = 0; i < calls; i++) if (!strcmp(dialogs[i].call, call)) dialogs[i].is_ended = 1;
}
static void sip_events(int wait_ms) {
  while (sip_read(wait_ms)) serve();
}
/* RFC 3261 timers A and E; the final response is in `datagram`. */
static int ask(const char *request, const char *call, int cseq) {
  char got[128], number[64];
  double interval = .5, next = now() + interval;
  sip_send(request);
  while (now() < deadline) {
    if (sip_read(20)) {
      if (strncmp(datagram, "SIP/2.0 ", 8)) { serve(); continue; }
      header(datagram, "Call-ID", "i", got, sizeof got);
      header(datagram, "CSeq", "", number, sizeof number);
      if (!strcmp(got, call) && atoi(number) == cseq && atoi(datagram + 8) >= 200) return atoi(datagram + 8);
      if (!strcmp(got, call) && atoi(number) == cseq) next = deadline;
    }
    if (now() > next) { sip_send(request); interval *= 2; next = now() + interval; }
  }
  die("no answer to %.40s", request);
  return 0;
}
#define REQUEST_BYTES 8192
/* The headers of a request of `d`; `rest` begins with more of them. */
static void common(char *out, const char *method, const char *uri, const dialog *d, int cseq, const char *rest) {
  snprintf(out, REQUEST_BYTES, "%s %.400s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%s.%s.%d\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n%s",
          method, uri, sip_port, method, d->call, cseq, d->local, d->remote, d->call, cseq, method, rest);
}
static void sip_start(const char *host, int port) {
  domain = host;
  domain_port = port;
  server = loopback(host, port);
  sip = bound(SOCK_DGRAM, &sip_port);
}
/* An INVITE of large messages: connects where the answer says. */
static void call_store(stream *s, int user) {
  char request[REQUEST_BYTES], sdp[1024], rest[2048], uri[128], contact[256], path[300], host[64];
  dialog *d = &dialogs[calls++];
  int port;
  sprintf(s->from, "msrp://127.0.0.1:%d/bench%d.%d;tcp", sip_port, (int)getpid(), s->index);
  sprintf(uri, "sip:user%d@%s:%d", user, domain, domain_port);
  sprintf(d->local, "<sip:sender%d@%s:%d>;tag=b%d", s->index, domain, domain_port, (int)getpid());
  sprintf(d->remote, "<%s>", uri);
  sprintf(d->call, "m%d.%d@127.0.0.1", (int)getpid(), s->index);
  sprintf(sdp, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message %d TCP/MSRP *\r\na=sendonly\r\na=accept-types:*\r\n"
    "a=setup:active\r\na=path:%s\r\n", sip_port, s->from);
  sprintf(rest, "Contact: <sip:sender%d@127.0.0.1:%d>;+g.oma.sip-im\r\nAccept-Contact: *;+g.oma.sip-im.large-message;require;explicit\r\n"
    "User-Agent: msrploop\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", s->index, sip_port, (int)strlen(sdp), sdp);
  common(request, "INVITE", uri, d, 1, rest);
  int status = ask(request, d->call, 1);
  header(datagram, "To", "t", d->remote, sizeof d->remote);
  if (status != 200) {
    char why[256];
    common(request, "ACK", uri, d, 1, NO_BODY);
    sip_send(request);
    header(datagram, "Warning", "", why, sizeof why);
    die("INVITE answered %d %s", status, why);
  }
  header(datagram, "Contact", "m", contact, sizeof contact);
  uri_in(contact, d->target, sizeof d->target);
  if (!attribute(datagram, "a=path:", path, sizeof path)) die("the answer has no a=path");
  common(request, "ACK", d->target, d, 1, NO_BODY);
  sip_send(request);
  snprintf(s->to, sizeof s->to, "%s", path);
  if (sscanf(path, "msrp://%63[^:]:%d/", host, &port) != 2) die("cannot connect to %s", path);
  s->fd = connected(host, port);
}
static void into_custody(const char *host, int port, int count, int user) {
  char request[REQUEST_BYTES];
  stream *s = streams_for(count);
  sip_start(host, port);
  for (int i = 0; i < count; i++) call_store(&s[i], user + i);
  double start = now();
  transfer(s, count);
  double seconds = now() - start;
  for (int i = 0; i < count; i++) {
    if (dialogs[i].is_ended) continue;
    common(request, "BYE", dialogs[i].target, &dialogs[i], 2, NO_BODY);
    ask(request, dialogs[i].call, 2);
  }
  report("custody", s, count, seconds);
}
static void take_push(const char *host, int port, int user) {
  char request[REQUEST_BYTES], rest[256], uri[128];
  dialog d = {.target = ""};
  int msrp_port, listener = bound(SOCK_STREAM, &msrp_port), fd = -1;
  sprintf(mode_path, "msrp://127.0.0.1:%d/push%d;tcp", msrp_port, (int)getpid());
  sip_start(host, port);
  sprintf(d.local, "<sip:user%d@%s:%d>;tag=r%d", user, domain, domain_port, (int)getpid());
  sprintf(d.remote, "<sip:user%d@%s:%d>", user, domain, domain_port);
  sprintf(d.call, "r%d@127.0.0.1", (int)getpid());
  sprintf(rest, "Contact: <sip:user%d@127.0.0.1:%d>;+g.oma.sip-im\r\nExpires: 600\r\n" NO_BODY, user, sip_port);
  sprintf(uri, "sip:%s:%d", domain, domain_port);
  common(request, "REGISTER", uri, &d, 1, rest);
  double asked = now(), first = 0, last = 0;
  int status = ask(request, d.call, 1);
  if (status != 200) die("REGISTER answered %d", status);
  incoming in = {0};
  outgoing out = {0};
  long bytes = 0, chunks = 0, whole = 0;
  while (!ended && now() < deadline) {
    struct pollfd p[2] = {{sip, POLLIN, 0}, {fd < 0 ? listener : fd, POLLIN | (out.at < out.end ? POLLOUT : 0), 0}};
    poll(p, 2, 100);
    if (p[0].revents) sip_events(0);
    if (!p[1].revents) continue;
    if (fd < 0) { fd = accept(listener, NULL, NULL); no_delay(fd); continue; }
    if (!first) first = now();
    if ((p[1].revents & ~POLLOUT) && !fill(fd, &in)) { sip_events(500); break; }
    for (frame f; next_frame(&in, &f);) {
      if (!f.is_send) continue;
      answer_200(&out, &f);
      chunks++;
      bytes += f.body_bytes;
      if (f.flag == '$' && f.body_bytes) { whole++; last = now(); }
    }
    flush_out(fd, &out);
  }
  printf("{\"mode\":\"push\",\"ok\":%ld,\"bytes\":%ld,\"chunks\":%ld,\"secs\":%.3f,\"mbs\":%.1f,\"first_ms\":%.1f,\"ended\":%d}\n", whole, bytes, chunks,
         last - first, last > first ? bytes / 1e6 / (last - first) : 0, (first - asked) * 1e3, ended);
}

/* ---- a socket alone */

static void raw(long bytes, long size) {
  int port, listener = bound(SOCK_STREAM, &port);
  char *data = calloc(1, size > 1 << 18 ? size : 1 << 18);
  pid_t child = fork();
  if (child == 0) {
    struct sockaddr_in a = loopback("127.0.0.1", port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (void *)&a, sizeof a)) exit(1);
    for (long sent = 0; sent < bytes;) {
      ssize_t n = write(fd, data, bytes - sent < size ? bytes - sent : size);
      if (n < 0) exit(1);
      sent += n;
    }
    exit(0);
  }
  int fd = accept(listener, NULL, NULL);
  double start = now();
  long got = 0;
  for (ssize_t n; got < bytes && (n = read(fd, data, 1 << 18)) > 0;) got += n;
  double seconds = now() - start;
  waitpid(child, NULL, 0);
  printf("{\"mode\":\"raw\",\"secs\":%.3f,\"mbs\":%.1f}\n", seconds, got / 1e6 / seconds);
}

int main(int count, char **v) {
  signal(SIGPIPE, SIG_IGN);
  const char *mode = count > 1 ? v[1] : "";
  int is_custody = !strcmp(mode, "custody") && count == 11, is_relay = !strcmp(mode, "relay") && count == 10;
  deadline = now() + 60;
  if (is_custody || is_relay) {
    messages = atol(v[4]), message_bytes = atol(v[5]), chunk_bytes = atol(v[6]), window = atol(v[7]);
    if (messages < 1 || message_bytes < 1 || chunk_bytes < 1 || window < 1) die("numbers from 1 on");
    deadline = now() + atof(v[count - 1]);
    if (is_custody) into_custody(v[2], atoi(v[3]), atoi(v[8]), atoi(v[9]));
    else through_relay(v[2], atoi(v[3]), atoi(v[8]));
  } else if (!strcmp(mode, "push") && count == 6) {
    deadline = now() + atof(v[5]);
    take_push(v[2], atoi(v[3]), atoi(v[4]));
  } else if (!strcmp(mode, "raw") && count == 4) raw(atol(v[2]), atol(v[3]));
  else die("see the head of msrploop.c");
  return 0;
}
