/**
 * The C that runs programs: it goes through a list of steps, alone or with the threads of one pool, and has nothing of any
 * program in it. `orders.ts` writes the lists.
 */

/** Words of a step, and what its first one says. Addresses and counts are 64-bit words. */
export const STEP_WORDS = 8;
export const CALL = 0;
export const MOVE = 1;
export const LOOP = 2;
export const END = 3;

/** Loops that may lie within one another. */
export const MOST_DEPTH = 16;

export const RUNTIME_SOURCE = `#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
enum { CALL = ${CALL}, MOVE = ${MOVE}, LOOP = ${LOOP}, END = ${END}, WORDS = ${STEP_WORDS}, DEPTH = ${MOST_DEPTH}, MOST_THREADS = 64 };

typedef void kernel(char *const *buffers, const double *scalars, int64_t thread, int64_t threads);

// Results too small for a normal float are 0 from now on: a hundred times faster. Gives what was set before.
static uint64_t flush_to_zero(void) {
#if defined(__x86_64__) || defined(__i386__)
  const unsigned before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before | 0x8040);
  return before;
#elif defined(__aarch64__)
  uint64_t before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  __asm__ volatile("msr fpcr, %0" : : "r"(before | (1u << 24)));
  return before;
#else
  return 0;
#endif
}

static void restore(uint64_t before) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_ldmxcsr((unsigned)before);
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
  (void)before;
#endif
}

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Where the threads of a run meet: the last one lets the others go on.
static _Alignas(64) atomic_int arrived;
static _Alignas(64) atomic_uint meetings;

static void meet(int64_t threads) {
  const unsigned meeting = atomic_load(&meetings);
  if (atomic_fetch_add(&arrived, 1) == (int)threads - 1) {
    atomic_store(&arrived, 0);
    atomic_store(&meetings, meeting + 1);
    return;
  }
  for (int turns = 0; atomic_load_explicit(&meetings, memory_order_acquire) == meeting; turns++) {
    if (turns < 4000) pause_briefly();
    else sched_yield();
  }
}

// Every thread goes through all steps; what is not divided among them the first one does.
static void run_steps(const int64_t *steps, int64_t count, const double *scalars, int64_t thread, int64_t threads) {
  int64_t done[DEPTH], place[DEPTH];
  int depth = -1;
  int was_divided = 0;
  for (int64_t at = 0; at < count; at++) {
    const int64_t *step = steps + at * WORDS;
    if (step[0] == LOOP) {
      depth += 1;
      done[depth] = 0;
      place[depth] = step[2] ? step[1] - 1 : 0;
      continue;
    }
    if (step[0] == END) {
      const int64_t *loop = steps + step[1] * WORDS;
      done[depth] += 1;
      place[depth] += loop[2] ? -1 : 1;
      if (done[depth] < loop[1]) at = step[1];
      else depth -= 1;
      continue;
    }
    const int is_divided = step[0] == CALL && step[3] && threads > 1;
    if (is_divided || was_divided) meet(threads);
    was_divided = is_divided;
    if (!is_divided && thread > 0) continue;
    if (step[0] == CALL) {
      kernel *function = (kernel *)(uintptr_t)step[1];
      function((char *const *)(uintptr_t)step[2], scalars, is_divided ? thread : 0, is_divided ? threads : 1);
    } else {
      const int64_t at_place = step[6] ? place[depth] : 0;
      memmove((char *)(uintptr_t)step[2] + at_place * step[5], (const char *)(uintptr_t)step[1] + at_place * step[4], (size_t)step[3]);
    }
  }
  // Nobody is in this run any more when the first thread leaves it.
  if (threads > 1) meet(threads);
}

// What a worker looks at: how often it has been started. Each in a cache line of its own.
static struct {
  _Alignas(64) atomic_uint starts;
} tickets[MOST_THREADS];

static struct {
  const int64_t *steps;
  int64_t count;
  const double *scalars;
  int64_t threads;
  int flushes;
} job;

static pthread_mutex_t running = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t sleep = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static atomic_int sleepers;
static int64_t workers;

static void await_start(int64_t thread, unsigned seen) {
  for (int turns = 0; turns < 20000; turns++) {
    if (atomic_load_explicit(&tickets[thread].starts, memory_order_acquire) != seen) return;
    pause_briefly();
  }
  pthread_mutex_lock(&sleep);
  atomic_fetch_add(&sleepers, 1);
  while (atomic_load(&tickets[thread].starts) == seen) pthread_cond_wait(&wake, &sleep);
  atomic_fetch_sub(&sleepers, 1);
  pthread_mutex_unlock(&sleep);
}

static void *work(void *number) {
  const int64_t thread = (int64_t)(intptr_t)number;
  const uint64_t usual = flush_to_zero();
  for (unsigned seen = 0;; seen++) {
    await_start(thread, seen);
    if (job.flushes) flush_to_zero();
    else restore(usual);
    run_steps(job.steps, job.count, job.scalars, thread, job.threads);
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
    for (int64_t thread = 1; thread < threads; thread++) atomic_fetch_add(&tickets[thread].starts, 1);
    if (atomic_load(&sleepers) > 0) {
      pthread_mutex_lock(&sleep);
      pthread_cond_broadcast(&wake);
      pthread_mutex_unlock(&sleep);
    }
    run_steps(list, count, numbers, 0, threads);
    pthread_mutex_unlock(&running);
  } else {
    run_steps(list, count, numbers, 0, 1);
  }
  if (flushes) restore(before);
  return 0;
}
`;
