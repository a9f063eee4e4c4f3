/* A disk whose every fsync takes longer: loaded before the C library (LD_PRELOAD).
 *
 * BENCH_FSYNC_US    microseconds added to each fsync and fdatasync
 * BENCH_FSYNC_FILE  where to count them: two 64-bit numbers, those that held up the process's
 *                   first thread and those of other threads; each process adds to its own file,
 *                   this path followed by a dot and its id
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile uint64_t *counts;
static long added_us;

__attribute__((constructor)) static void prepare(void) {
    const char *wanted = getenv("BENCH_FSYNC_US"), *path = getenv("BENCH_FSYNC_FILE");
    char own[4096];
    if (wanted) added_us = atol(wanted);
    if (!path || snprintf(own, sizeof own, "%s.%d", path, (int)getpid()) >= (int)sizeof own)
        return;
    int file = open(own, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return;
    if (ftruncate(file, 16) == 0) {
        void *at = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (at != MAP_FAILED) counts = at;
    }
    close(file);
}

static void wait_longer(void) {
    struct timespec left = {added_us / 1000000, added_us % 1000000 * 1000};
    if (counts) {
        int is_beside = syscall(SYS_gettid) != getpid();
        __atomic_fetch_add(&counts[is_beside], 1, __ATOMIC_RELAXED);
    }
    while (nanosleep(&left, &left) != 0) {
    }
}

static int (*next(const char *name))(int) {
    return (int (*)(int))dlsym(RTLD_NEXT, name);
}

int fsync(int file) {
    wait_longer();
    return next("fsync")(file);
}

int fdatasync(int file) {
    wait_longer();
    return next("fdatasync")(file);
}
