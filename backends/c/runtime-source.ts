/**
 * The C that runs programs: it executes a list of steps, alone or with the threads of one pool, and contains nothing of
 * any particular program. `orders.ts` writes the lists.
 */

import { MOST_THREADS } from "../options.ts";
import { FLUSH_TO_ZERO } from "./flush-to-zero.ts";

/**
 * Words of a step, and which of them says whether all threads meet before it. Addresses and counts are 64-bit words.
 */
export const STEP_WORDS = 8;
export const MEETING = 7;

/** The values of the first word. */
export const CALL = 0;
export const MOVE = 1;
export const LOOP = 2;
export const END = 3;

/**
 * How often a thread polls for the others before it sleeps: about 40 µs, as long as it takes to wake up if the
 * processor is idle. Polling threads also delay those they wait for if other processes need the processors.
 */
const TURNS = 1000;

/** The maximum nesting of loops. */
export const MOST_DEPTH = 16;

export const RUNTIME_SOURCE = `#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#if defined(__linux__)
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#define EXPORT __attribute__((visibility("default")))
enum { CALL = ${CALL}, MOVE = ${MOVE}, LOOP = ${LOOP}, END = ${END}, MEETING = ${MEETING}, WORDS = ${STEP_WORDS}, DEPTH = ${MOST_DEPTH}, MOST_THREADS = ${MOST_THREADS}, TURNS = ${TURNS} };

typedef void kernel(char *const *buffers, const double *scalars, int64_t thread, int64_t threads);

${FLUSH_TO_ZERO}

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// A word that counts up, and whoever waits for it. Each in cache lines of its own.
typedef struct {
  _Alignas(64) atomic_uint count;
  _Alignas(64) atomic_int sleepers;
} counter;

#if defined(__linux__)
static void sleep_while(counter *of, unsigned count) {
  syscall(SYS_futex, &of->count, FUTEX_WAIT_PRIVATE, count, 0, 0, 0);
}

static void wake(counter *of) { syscall(SYS_futex, &of->count, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0); }
#else
static pthread_mutex_t asleep = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t awake = PTHREAD_COND_INITIALIZER;

static void sleep_while(counter *of, unsigned count) {
  pthread_mutex_lock(&asleep);
  if (atomic_load(&of->count) == count) pthread_cond_wait(&awake, &asleep);
  pthread_mutex_unlock(&asleep);
}

static void wake(counter *of) {
  (void)of;
  pthread_mutex_lock(&asleep);
  pthread_cond_broadcast(&awake);
  pthread_mutex_unlock(&asleep);
}
#endif

// Gives the count that this makes.
static unsigned count_up(counter *of) { return atomic_fetch_add(&of->count, 1) + 1; }

// Whoever sleeps looks at the count again. It was changed before, so that nobody falls asleep over it now.
static void tell(counter *of) {
  if (atomic_load(&of->sleepers) > 0) wake(of);
}

// Looks for the count for a while, and then sleeps until it is there: the processor may be what another thread needs to come.
static void await(counter *of, unsigned target) {
  for (int turns = 0; turns < TURNS; turns++) {
    if ((int)(atomic_load_explicit(&of->count, memory_order_acquire) - target) >= 0) return;
    pause_briefly();
  }
  atomic_fetch_add(&of->sleepers, 1);
  for (;;) {
    const unsigned count = atomic_load(&of->count);
    if ((int)(count - target) >= 0) break;
    sleep_while(of, count);
  }
  atomic_fetch_sub(&of->sleepers, 1);
}

// What threads have arrived at: all of a run have where it counts as many more.
static counter arrivals;

static void arrive(unsigned target) {
  if (count_up(&arrivals) == target) tell(&arrivals);
}

// Every thread goes through all steps; what is not divided among them the first one does.
static void run_steps(const int64_t *steps, int64_t count, const double *scalars, int64_t thread, int64_t threads, unsigned arrived) {
  int64_t place[DEPTH];
  int depth = -1;
  for (int64_t at = 0; at < count; at++) {
    const int64_t *step = steps + at * WORDS;
    if (step[MEETING] && threads > 1) {
      arrived += (unsigned)threads;
      arrive(arrived);
      await(&arrivals, arrived);
    }
    switch (step[0]) {
      case LOOP:
        depth += 1;
        place[depth] = step[1];
        break;
      case END: {
        const int64_t *loop = steps + step[1] * WORDS;
        if (place[depth] == loop[2]) {
          depth -= 1;
        } else {
          place[depth] += loop[2] > loop[1] ? 1 : -1;
          at = step[1];
        }
        break;
      }
      case CALL: {
        kernel *function = (kernel *)(uintptr_t)step[1];
        const int64_t parts = step[3] < threads ? step[3] : threads;
        if (thread < parts) function((char *const *)(uintptr_t)step[2], scalars, thread, parts);
        break;
      }
      case MOVE: {
        const int64_t at_place = depth < 0 ? 0 : place[depth];
        if (thread > 0) break;
        memmove((char *)(uintptr_t)step[2] + at_place * step[5], (const char *)(uintptr_t)step[1] + at_place * step[4], (size_t)step[3]);
        break;
      }
    }
  }
  if (threads == 1) return;
  // Nobody is in this run any more when the first thread leaves it.
  arrived += (unsigned)threads;
  arrive(arrived);
  if (thread == 0) await(&arrivals, arrived);
}

// How often each worker has been started.
static counter starts[MOST_THREADS];

static struct {
  const int64_t *steps;
  int64_t count;
  const double *scalars;
  int64_t threads;
  int flushes;
  // Arrivals before it.
  unsigned arrived;
} job;

static pthread_mutex_t running = PTHREAD_MUTEX_INITIALIZER;
static int64_t workers;

static void *work(void *number) {
  const int64_t thread = (int64_t)(intptr_t)number;
  const uint64_t usual = flush_to_zero();
  for (unsigned start = 1;; start++) {
    await(&starts[thread], start);
    if (job.flushes) flush_to_zero();
    else restore(usual);
    run_steps(job.steps, job.count, job.scalars, thread, job.threads, job.arrived);
  }
  return 0;
}

// Workers for so many threads, the caller among them; gives whether there are.
static int gather(int64_t threads) {
  pthread_attr_t detached;
  if (workers >= threads - 1) return 1;
  if (pthread_attr_init(&detached) != 0) return 0;
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  for (; workers < threads - 1; workers++) {
    pthread_t worker;
    if (pthread_create(&worker, &detached, work, (void *)(intptr_t)(workers + 1)) != 0) break;
  }
  pthread_attr_destroy(&detached);
  return workers >= threads - 1;
}

// Runs the steps: 0 when that is done, -1 where a thread could not be started and nothing was run. The pool serves one run
// at a time; another one meanwhile takes the caller's thread alone, which gives the same bits.
EXPORT int32_t kiln_run(int64_t steps, int64_t count, int64_t scalars, int64_t threads, int64_t flushes) {
  const int is_together = threads > 1 && pthread_mutex_trylock(&running) == 0;
  if (is_together && !gather(threads)) {
    pthread_mutex_unlock(&running);
    return -1;
  }
  const uint64_t before = flushes ? flush_to_zero() : 0;
  const int64_t *list = (const int64_t *)(uintptr_t)steps;
  const double *numbers = (const double *)(uintptr_t)scalars;
  if (is_together) {
    job.steps = list;
    job.count = count;
    job.scalars = numbers;
    job.threads = threads;
    job.flushes = flushes != 0;
    job.arrived = atomic_load(&arrivals.count);
    for (int64_t thread = 1; thread < threads; thread++) {
      count_up(&starts[thread]);
      tell(&starts[thread]);
    }
    run_steps(list, count, numbers, 0, threads, job.arrived);
    pthread_mutex_unlock(&running);
  } else {
    run_steps(list, count, numbers, 0, 1, 0);
  }
  if (flushes) restore(before);
  return 0;
}
`;
