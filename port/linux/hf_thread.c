// SPDX-License-Identifier: MIT
// Stacks by mmap(): nothing of the heap, and under a lock of all memory exactly what the table says.
#include "hf_thread.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifdef HAS_SANITIZER // frames several times as large, and 0.9 MB of thread-local memory
#define ROOM_OF(bytes) ((bytes)*4u + 2u * 1024u * 1024u)
#else
#define ROOM_OF(bytes) (bytes)
#endif

static size_t room_of(const hf_thread_place_t *place)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t bytes = ROOM_OF((size_t)place->tasks->task[place->task].info.stack_bytes);
    return (bytes + page - 1u) / page * page;
}

static bool has_row(const hf_thread_place_t *place)
{
    return place != NULL && place->tasks != NULL && place->task < place->tasks->count;
}

// Without telemetry nobody looks at it, and it is not painted; in memory it is all the same.
static int place_stack(const hf_thread_place_t *place, uint8_t *stack, uint32_t stack_bytes)
{
#if CONFIG_HF_TELEMETRY
    return hf_task_place(place->tasks, place->task, stack, stack_bytes);
#else
    hf_task_t *task = &place->tasks->task[place->task];
    task->info.stack = stack;
    task->info.stack_bytes = stack_bytes;
    atomic_store(&task->has_stack, 1u);
    return HF_OK;
#endif
}

static int make_stack(const hf_thread_place_t *place)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t bytes = room_of(place);
    uint8_t *memory = mmap(NULL, bytes + page, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) {
        return errno;
    }
    if (mprotect(memory, page, PROT_NONE) != 0 ||
        place_stack(place, memory + page, (uint32_t)bytes) != HF_OK) {
        (void)munmap(memory, bytes + page);
        return EINVAL;
    }
    return 0;
}

static int set_stack(pthread_attr_t *attributes, const hf_thread_place_t *place)
{
    const hf_task_t *task = &place->tasks->task[place->task];
    int error = atomic_load(&task->has_stack) == 0 ? make_stack(place) : 0;
    return error == 0 ? pthread_attr_setstack(attributes, task->info.stack, task->info.stack_bytes)
                      : error;
}

int hf_thread_adopt_main(const hf_thread_place_t *place)
{
#if CONFIG_HF_TELEMETRY
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    const uintptr_t top = (frame + page) & ~(page - 1u);
    const size_t bytes = room_of(place);
    struct rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur / 2u < bytes) {
        return HF_E_UNSUPPORTED;
    }
    // The environment and the arguments above are none of its use.
    return hf_task_adopt(place->tasks, place->task, (uint8_t *)(top - bytes), (uint32_t)bytes);
#else
    (void)place;
    return HF_E_UNSUPPORTED;
#endif
}

static int start(pthread_t *thread, const hf_thread_place_t *place, pthread_attr_t *attributes,
                 void *(*run)(void *), void *ctx)
{
    const bool is_placed = place != NULL && place->tasks != NULL;
    int error = !is_placed ? 0 : has_row(place) ? set_stack(attributes, place) : EINVAL;
    if (error == 0) {
        error = pthread_create(thread, attributes, run, ctx);
    }
    if (error == 0 && is_placed) {
        (void)pthread_setname_np(*thread, place->tasks->task[place->task].info.name);
    }
    (void)pthread_attr_destroy(attributes);
    return error;
}

int hf_thread_start(pthread_t *thread, const hf_thread_place_t *place, void *(*run)(void *),
                    void *ctx)
{
    pthread_attr_t attributes;
    (void)pthread_attr_init(&attributes);
    return start(thread, place, &attributes, run, ctx);
}

int hf_thread_start_fifo(pthread_t *thread, const hf_thread_place_t *place, void *(*run)(void *),
                         void *ctx)
{
    if (!has_row(place)) {
        return EINVAL;
    }
    pthread_attr_t attributes;
    const struct sched_param parameter = {.sched_priority =
                                              (int)place->tasks->task[place->task].info.priority};
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    (void)pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
    (void)pthread_attr_setschedparam(&attributes, &parameter);
    return start(thread, place, &attributes, run, ctx);
}
