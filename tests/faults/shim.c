/* Loaded before libc (LD_PRELOAD): makes the wall clock, the disk and the resolver of one process misbehave. The file
 * $FAULT_SHIM says how; it is mapped into memory, so that changes take effect at once. $FAULT_BOOT_ID names a file with
 * the id of another boot of the machine. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* The file's layout: eight bytes each, in this order; shim.mjs has the same list. */
struct orders {
    long long wall_ms;                      /* the offset of the wall clock */
    long long write, sync, read;            /* fails with EIO under a folder "accounts" */
    long long dns;                          /* a getaddrinfo error code, or 0 */
    long long met;                          /* written by the shim: how many calls it made fail */
};

static struct orders calm;
static volatile struct orders *orders = (volatile struct orders *)&calm;

__attribute__((constructor)) static void begin(void)
{
    const char *name = getenv("FAULT_SHIM");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *mapped = mmap(NULL, sizeof calm, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED) orders = mapped;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int clock_gettime(clockid_t clock, struct timespec *t)
{
    static __typeof__(&clock_gettime) real;
    if (!real) real = REAL(clock_gettime);
    int result = real(clock, t);
    if (result == 0 && clock == CLOCK_REALTIME) {
        long long ms = orders->wall_ms, ns = t->tv_nsec + ms % 1000 * 1000000;
        t->tv_sec += ms / 1000;
        if (ns < 0) t->tv_sec -= 1, ns += 1000000000;
        if (ns >= 1000000000) t->tv_sec += 1, ns -= 1000000000;
        t->tv_nsec = ns;
    }
    return result;
}

time_t time(time_t *out)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (out) *out = t.tv_sec;
    return t.tv_sec;
}

int open64(const char *path, int flags, ...)
{
    static __typeof__(&open64) real;
    if (!real) real = REAL(open64);
    const char *boot = getenv("FAULT_BOOT_ID");
    if (boot && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0) path = boot;
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return real(path, flags, mode);
}

static int fails(int fd, long long ordered)
{
    char link[64], path[4096];
    if (!ordered) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (!strstr(path, "/accounts")) return 0;
    __sync_fetch_and_add(&orders->met, 1);
    errno = EIO;
    return 1;
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    static __typeof__(&write) real;
    if (!real) real = REAL(write);
    return fails(fd, orders->write) ? -1 : real(fd, bytes, count);
}

ssize_t read(int fd, void *bytes, size_t count)
{
    static __typeof__(&read) real;
    if (!real) real = REAL(read);
    return fails(fd, orders->read) ? -1 : real(fd, bytes, count);
}

int fsync(int fd)
{
    static __typeof__(&fsync) real;
    if (!real) real = REAL(fsync);
    return fails(fd, orders->sync) ? -1 : real(fd);
}

/* Every name under provider.test resolves to this machine. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    static __typeof__(&getaddrinfo) real;
    if (!real) real = REAL(getaddrinfo);
    size_t length = node ? strlen(node) : 0;
    if (length < 13 || strcmp(node + length - 13, "provider.test") != 0) return real(node, service, hints, found);
    if (orders->dns) {
        __sync_fetch_and_add(&orders->met, 1);
        return (int)orders->dns;
    }
    return real("127.0.0.1", service, hints, found);
}
