/*
 * Loaded before the C library (LD_PRELOAD): below FAULT_DIR whatever changes the disk fails with the errno that stands as the first int
 * of the file FAULT_SWITCH; 0: all is well; below 0 a flush alone does not return until that changes. With ENOSPC nothing is free either.
 * Reads go on. For tests.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

static volatile int *fault;
static const char *dir;

__attribute__((constructor)) static void start(void) {
  const char *name = getenv("FAULT_SWITCH");
  dir = getenv("FAULT_DIR");
  if (!name || !dir) return;
  int file = open(name, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  void *at = mmap(NULL, sizeof(int), PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (at != MAP_FAILED) fault = at;
}

static int is_below(const char *path) { return path && strncmp(path, dir, strlen(dir)) == 0; }

static int fails_at(const char *path) {
  if (!fault || !*fault || !is_below(path)) return 0;
  if (*fault < 0) return 0;
  errno = *fault;
  return 1;
}

static int path_of(int file, char *path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, size - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return 1;
}

static int fails_on(int file) {
  char path[4096];
  return fault && *fault && path_of(file, path, sizeof path) && fails_at(path);
}

static int hangs_on(int file) {
  char path[4096];
  return fault && *fault < 0 && path_of(file, path, sizeof path) && is_below(path);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define ON_FILE(type, name, arguments, values) \
  type name arguments { return fails_on(file) ? -1 : NEXT(name) values; }
#define ON_PATH(name, arguments, values) \
  int name arguments { return fails_at(path) ? -1 : NEXT(name) values; }

ON_FILE(ssize_t, write, (int file, const void *bytes, size_t count), (file, bytes, count))
ON_FILE(ssize_t, writev, (int file, const struct iovec *parts, int count), (file, parts, count))
ON_FILE(ssize_t, pwrite, (int file, const void *bytes, size_t count, off_t at), (file, bytes, count, at))
ON_FILE(ssize_t, pwrite64, (int file, const void *bytes, size_t count, off64_t at), (file, bytes, count, at))
ON_FILE(ssize_t, pwritev, (int file, const struct iovec *parts, int count, off_t at), (file, parts, count, at))
ON_FILE(ssize_t, pwritev64, (int file, const struct iovec *parts, int count, off64_t at), (file, parts, count, at))
ON_FILE(int, ftruncate, (int file, off_t size), (file, size))
ON_FILE(int, ftruncate64, (int file, off64_t size), (file, size))
#define FLUSH(name) \
  int name(int file) { \
    while (hangs_on(file)) usleep(10000); \
    return fails_on(file) ? -1 : NEXT(name)(file); \
  }
FLUSH(fsync)
FLUSH(fdatasync)
ON_FILE(int, fchmod, (int file, mode_t mode), (file, mode))
ON_PATH(mkdir, (const char *path, mode_t mode), (path, mode))
ON_PATH(chmod, (const char *path, mode_t mode), (path, mode))
ON_PATH(unlink, (const char *path), (path))
ON_PATH(rmdir, (const char *path), (path))
ON_PATH(rename, (const char *path, const char *to), (path, to))

#define CHANGES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)
#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0; \
    va_end(rest); \
    return ((flags & CHANGES) && fails_at(path)) ? -1 : NEXT(name)(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

static void emptied(const char *path, struct statfs *status) {
  if (fails_at(path) && *fault == ENOSPC) status->f_bavail = status->f_bfree = 0;
}

int statfs(const char *path, struct statfs *status) {
  int result = NEXT(statfs)(path, status);
  if (result == 0) emptied(path, status);
  return result;
}

int statfs64(const char *path, struct statfs64 *status) {
  int result = NEXT(statfs64)(path, status);
  if (result == 0) emptied(path, (struct statfs *)status);
  return result;
}
