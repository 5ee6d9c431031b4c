/*
 * What Node has no call for: a datagram to the service manager (sd_notify(3)), the ioctls of a watchdog device, a terminal for
 * one program alone, what the C library does with memory that was given back to it, and the end of a process whose event loop stands.
 * Node-API 10. Every function but textInPlace returns an integer: 0 or more is the result, below 0 an errno, negated. None
 * blocks for longer than the device or, where the service manager's queue is full, SEND_WAIT_US.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/watchdog.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define NAPI_VERSION 10
#include <node_api.h>

/* The event loop stands meanwhile: the caller tries again later. */
#define SEND_WAIT_US 200000

/* More than a STATUS= line is ever cut to; systemd takes 4096 octets. */
#define TEXT_BYTES_MAX 4096

static napi_value result_of(napi_env env, int value) {
  napi_value result = NULL;
  if (napi_create_int32(env, value, &result) != napi_ok) return NULL;
  return result;
}

static int wrong_arguments(void) { return -EINVAL; }

static int has_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values) {
  size_t given = count;
  return napi_get_cb_info(env, info, &given, values, NULL, NULL) == napi_ok && given == count;
}

/* Without its NUL; -1 where it is no string, is empty or does not fit. */
static ptrdiff_t text_of(napi_env env, napi_value value, char *text, size_t bytes) {
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) return -1;
  if (length == 0 || length >= bytes) return -1;
  if (napi_get_value_string_utf8(env, value, text, bytes, &length) != napi_ok) return -1;
  return (ptrdiff_t)length;
}

/* A path, or a name of the abstract namespace with @ in place of its NUL. */
static int address_of(const char *name, size_t length, struct sockaddr_un *address, socklen_t *size) {
  if (name[0] != '/' && name[0] != '@') return -EAFNOSUPPORT;
  if (length >= sizeof address->sun_path) return -ENAMETOOLONG;
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path, name, length);
  const size_t before = offsetof(struct sockaddr_un, sun_path);
  const int is_abstract = name[0] == '@';
  if (is_abstract) address->sun_path[0] = '\0';
  *size = (socklen_t)(before + length + (is_abstract ? 0 : 1));
  return 0;
}

static int send_text(const struct sockaddr_un *address, socklen_t size, const char *text, size_t length) {
  const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -errno;
  const struct timeval wait = {.tv_sec = 0, .tv_usec = SEND_WAIT_US};
  int outcome = 0;
  if (setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0) outcome = -errno;
  if (outcome == 0) {
    const ssize_t sent = sendto(descriptor, text, length, MSG_NOSIGNAL, (const struct sockaddr *)address, size);
    if (sent < 0) outcome = -errno;
  }
  close(descriptor);
  return outcome;
}

/* notify(socket, text): the datagram carries this process's own id, as NotifyAccess=main wants it. */
static napi_value notify(napi_env env, napi_callback_info info) {
  napi_value values[2];
  char name[sizeof(struct sockaddr_un)];
  char text[TEXT_BYTES_MAX + 1];
  if (!has_arguments(env, info, 2, values)) return result_of(env, wrong_arguments());
  const ptrdiff_t name_bytes = text_of(env, values[0], name, sizeof name);
  const ptrdiff_t text_bytes = text_of(env, values[1], text, sizeof text);
  if (name_bytes < 0 || text_bytes < 0) return result_of(env, wrong_arguments());
  struct sockaddr_un address;
  socklen_t size = 0;
  const int wrong = address_of(name, (size_t)name_bytes, &address, &size);
  if (wrong != 0) return result_of(env, wrong);
  return result_of(env, send_text(&address, size, text, (size_t)text_bytes));
}

static int control(int descriptor, unsigned long request, int *value) {
  return ioctl(descriptor, request, value) == 0 ? 0 : -errno;
}

/* f(fd): the driver's answer, which is a number or flags. */
static napi_value asked(napi_env env, napi_callback_info info, unsigned long request) {
  napi_value values[1];
  int32_t descriptor = -1;
  int value = 0;
  if (!has_arguments(env, info, 1, values) || napi_get_value_int32(env, values[0], &descriptor) != napi_ok)
    return result_of(env, wrong_arguments());
  const int outcome = control(descriptor, request, &value);
  return result_of(env, outcome < 0 ? outcome : value);
}

/* watchdogTimeout(fd): seconds. */
static napi_value watchdog_timeout(napi_env env, napi_callback_info info) {
  return asked(env, info, WDIOC_GETTIMEOUT);
}

/* watchdogBootStatus(fd): WDIOF_ flags of the last reset. */
static napi_value watchdog_boot_status(napi_env env, napi_callback_info info) {
  return asked(env, info, WDIOC_GETBOOTSTATUS);
}

/* watchdogOptions(fd): WDIOF_ flags of what the driver can do. */
static napi_value watchdog_options(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int32_t descriptor = -1;
  struct watchdog_info about;
  if (!has_arguments(env, info, 1, values) || napi_get_value_int32(env, values[0], &descriptor) != napi_ok)
    return result_of(env, wrong_arguments());
  memset(&about, 0, sizeof about);
  if (ioctl(descriptor, WDIOC_GETSUPPORT, &about) != 0) return result_of(env, -errno);
  return result_of(env, (int)(about.options & INT32_MAX));
}

/* watchdogSetTimeout(fd, seconds): the seconds that the driver took, which may be others. */
static napi_value watchdog_set_timeout(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int32_t descriptor = -1;
  int32_t seconds = 0;
  if (!has_arguments(env, info, 2, values) || napi_get_value_int32(env, values[0], &descriptor) != napi_ok ||
      napi_get_value_int32(env, values[1], &seconds) != napi_ok || seconds <= 0)
    return result_of(env, wrong_arguments());
  int value = seconds;
  const int outcome = control(descriptor, WDIOC_SETTIMEOUT, &value);
  return result_of(env, outcome < 0 ? outcome : value);
}

/* watchdogKeepAlive(fd) */
static napi_value watchdog_keep_alive(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int32_t descriptor = -1;
  int unused = 0;
  if (!has_arguments(env, info, 1, values) || napi_get_value_int32(env, values[0], &descriptor) != napi_ok)
    return result_of(env, wrong_arguments());
  return result_of(env, control(descriptor, WDIOC_KEEPALIVE, &unused));
}

/* terminalExclusive(fd): from now on nobody else opens it but root, until it is closed (ioctl_tty(2)). */
static napi_value terminal_exclusive(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int32_t descriptor = -1;
  if (!has_arguments(env, info, 1, values) || napi_get_value_int32(env, values[0], &descriptor) != napi_ok)
    return result_of(env, wrong_arguments());
  return result_of(env, control(descriptor, TIOCEXCL, NULL));
}

/* lockFolder(fd): whoever opens the folder anew and asks has EWOULDBLOCK until this descriptor is closed, or its process ends (flock(2)). */
static napi_value lock_folder(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int32_t descriptor = -1;
  if (!has_arguments(env, info, 1, values) || napi_get_value_int32(env, values[0], &descriptor) != napi_ok)
    return result_of(env, wrong_arguments());
  return result_of(env, flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno);
}

/* Above it a piece has pages of its own, which go back to the system when it is freed, and from there on always: by itself the C
 * library raises the threshold to the largest piece that was freed. */
#define OWN_PAGES_BYTES (128 * 1024)

/* memoryFrugal(): one arena for the threads that are to come, and large pieces in pages of their own (mallopt(3)). */
static napi_value memory_frugal(napi_env env, napi_callback_info info) {
  (void)info;
  const int is_done = mallopt(M_ARENA_MAX, 1) && mallopt(M_MMAP_THRESHOLD, OWN_PAGES_BYTES);
  return result_of(env, is_done ? 0 : -EINVAL);
}

/* memoryTrim(): free pages of the C library's heap go back to the system; 1 where there were any. Some milliseconds. */
static napi_value memory_trim(napi_env env, napi_callback_info info) {
  (void)info;
  return result_of(env, malloc_trim(0));
}

/* textInPlace(bytes): the ASCII text that they are, not copied: they must stay as they are for as long as the process lives. */
static napi_value text_in_place(napi_env env, napi_callback_info info) {
  napi_value given = NULL;
  napi_value text = NULL;
  void *bytes = NULL;
  size_t length = 0;
  if (!has_arguments(env, info, 1, &given) || napi_get_buffer_info(env, given, &bytes, &length) != napi_ok) {
    napi_throw_type_error(env, NULL, "textInPlace takes a Buffer");
    return NULL;
  }
  /* Node may copy all the same; what was passed is not freed by anyone here either way. */
  if (node_api_create_external_string_latin1(env, bytes, length, NULL, NULL, &text, NULL) != napi_ok) return NULL;
  return text;
}

/*
 * The dead man's switch: two threads that share nothing with the event loop but a number of ticks, which the loop renews and the first
 * thread counts down. Each wake-up is one tick, however long it was away: a process that was stopped (SIGSTOP, a debugger) or slept with
 * the machine has lost one by it. At none it ends the process. Nothing here takes a lock or memory that the loop may hold.
 */
#define LAST_WORDS_MAX 512
/* A disk or a pipe that hangs is not waited for. */
#define LAST_WORDS_LOOKS 40
#define LAST_WORDS_LOOK_MS 50
#define DEADMAN_STACK_BYTES ((size_t)128 * 1024)

static struct {
  int is_running;
  /* 0: nobody is watched. */
  atomic_uint ticks_left;
  struct timespec tick;
  int code;
  /* Written to stderr, and into a file for the next run. */
  char line[LAST_WORDS_MAX];
  char path[PATH_MAX];
  char mark[LAST_WORDS_MAX];
  sem_t has_lapsed;
  sem_t has_spoken;
} deadman;

static struct timespec milliseconds(uint32_t ms) {
  return (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
}

/* As much as goes at once; what is left of it is lost. */
static void put(int descriptor, const char *text) {
  const ssize_t written = write(descriptor, text, strlen(text));
  (void)written;
}

/* Has a thread of its own from the start: what it writes to may hang, and the end does not wait for that. */
static void *speak_last(void *unused) {
  (void)unused;
  while (sem_wait(&deadman.has_lapsed) != 0) continue;
  struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) != 0) put(STDERR_FILENO, deadman.line);
  const int file = open(deadman.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file >= 0) put(file, deadman.mark);
  if (file >= 0) close(file);
  sem_post(&deadman.has_spoken);
  return NULL;
}

static void *count_down(void *unused) {
  (void)unused;
  for (;;) {
    clock_nanosleep(CLOCK_MONOTONIC, 0, &deadman.tick, NULL);
    unsigned int left = atomic_load(&deadman.ticks_left);
    if (left == 0 || !atomic_compare_exchange_strong(&deadman.ticks_left, &left, left - 1) || left > 1) continue;
    sem_post(&deadman.has_lapsed);
    const struct timespec look = milliseconds(LAST_WORDS_LOOK_MS);
    for (int looks = 0; looks < LAST_WORDS_LOOKS && sem_trywait(&deadman.has_spoken) != 0; looks++)
      clock_nanosleep(CLOCK_MONOTONIC, 0, &look, NULL);
    _exit(deadman.code);
  }
}

/* A thread that no signal is handled by. */
static int begin_thread(void *(*run)(void *)) {
  pthread_attr_t attributes;
  pthread_t thread;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  int wrong = pthread_attr_init(&attributes);
  if (wrong != 0) return -wrong;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, DEADMAN_STACK_BYTES);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  wrong = pthread_create(&thread, &attributes, run, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  if (wrong == 0) pthread_setname_np(thread, "deadman");
  return -wrong;
}

/* deadmanArm(tickMs, ticks, code, line, path, mark): once in a process. */
static napi_value deadman_arm(napi_env env, napi_callback_info info) {
  napi_value values[6];
  uint32_t tick_ms = 0;
  uint32_t ticks = 0;
  int32_t code = 0;
  if (deadman.is_running) return result_of(env, -EBUSY);
  if (!has_arguments(env, info, 6, values) || napi_get_value_uint32(env, values[0], &tick_ms) != napi_ok ||
      napi_get_value_uint32(env, values[1], &ticks) != napi_ok || tick_ms == 0 || ticks == 0 ||
      napi_get_value_int32(env, values[2], &code) != napi_ok ||
      text_of(env, values[3], deadman.line, sizeof deadman.line) < 0 ||
      text_of(env, values[4], deadman.path, sizeof deadman.path) < 0 ||
      text_of(env, values[5], deadman.mark, sizeof deadman.mark) < 0)
    return result_of(env, wrong_arguments());
  deadman.tick = milliseconds(tick_ms);
  deadman.code = code;
  atomic_store(&deadman.ticks_left, ticks);
  if (sem_init(&deadman.has_lapsed, 0, 0) != 0 || sem_init(&deadman.has_spoken, 0, 0) != 0)
    return result_of(env, -errno);
  int outcome = begin_thread(speak_last);
  if (outcome == 0) outcome = begin_thread(count_down);
  deadman.is_running = outcome == 0;
  return result_of(env, outcome);
}

/* deadmanFeed(ticks): so many from now; 0: it watches no more, until it is fed again. */
static napi_value deadman_feed(napi_env env, napi_callback_info info) {
  napi_value values[1];
  uint32_t ticks = 0;
  if (!has_arguments(env, info, 1, values) || napi_get_value_uint32(env, values[0], &ticks) != napi_ok)
    return result_of(env, wrong_arguments());
  if (!deadman.is_running) return result_of(env, -ESRCH);
  atomic_store(&deadman.ticks_left, ticks);
  return result_of(env, 0);
}

/* exitNow(code): at once, whatever other threads wait for. */
static napi_value exit_now(napi_env env, napi_callback_info info) {
  napi_value values[1];
  int32_t code = 0;
  if (!has_arguments(env, info, 1, values) || napi_get_value_int32(env, values[0], &code) != napi_ok)
    return result_of(env, wrong_arguments());
  _exit(code);
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"deadmanArm", NULL, deadman_arm, NULL, NULL, NULL, napi_enumerable, NULL},
      {"deadmanFeed", NULL, deadman_feed, NULL, NULL, NULL, napi_enumerable, NULL},
      {"exitNow", NULL, exit_now, NULL, NULL, NULL, napi_enumerable, NULL},
      {"notify", NULL, notify, NULL, NULL, NULL, napi_enumerable, NULL},
      {"watchdogSetTimeout", NULL, watchdog_set_timeout, NULL, NULL, NULL, napi_enumerable, NULL},
      {"watchdogTimeout", NULL, watchdog_timeout, NULL, NULL, NULL, napi_enumerable, NULL},
      {"watchdogBootStatus", NULL, watchdog_boot_status, NULL, NULL, NULL, napi_enumerable, NULL},
      {"watchdogOptions", NULL, watchdog_options, NULL, NULL, NULL, napi_enumerable, NULL},
      {"watchdogKeepAlive", NULL, watchdog_keep_alive, NULL, NULL, NULL, napi_enumerable, NULL},
      {"terminalExclusive", NULL, terminal_exclusive, NULL, NULL, NULL, napi_enumerable, NULL},
      {"lockFolder", NULL, lock_folder, NULL, NULL, NULL, napi_enumerable, NULL},
      {"memoryFrugal", NULL, memory_frugal, NULL, NULL, NULL, napi_enumerable, NULL},
      {"memoryTrim", NULL, memory_trim, NULL, NULL, NULL, napi_enumerable, NULL},
      {"textInPlace", NULL, text_in_place, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  if (napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions) != napi_ok) return NULL;
  return exports;
}
