// SPDX-License-Identifier: MIT
// Two stacks and a way from one to the other: by hand on x86-64 (a switch costs a few instructions), ucontext
// elsewhere. By hand, all a thread knows lies between its stack pointer and the top of its stack, so that it can be
// compared and copied; not so under AddressSanitizer, which keeps a shadow of each stack.
#ifndef MODEL_CONTEXT_H
#define MODEL_CONTEXT_H

#include <stdint.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MODEL_HAS_SHADOW 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define MODEL_HAS_SHADOW 1
#endif

#ifdef MODEL_HAS_SHADOW
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(address, size) ((void)0)
#endif

#if defined(__x86_64__)

#ifdef MODEL_HAS_SHADOW
#define MODEL_CONTEXT_IS_PLAIN 0
#else
#define MODEL_CONTEXT_IS_PLAIN 1
#endif

typedef struct model_context {
    void *stack_pointer;
} model_context_t;

/// Saves the callee's registers on the running stack, notes it in `from`, goes on where `to` was left.
void model_context_switch(model_context_t *from, model_context_t *to);

__asm__(".text\n"
        ".type model_context_switch, @function\n"
        "model_context_switch:\n"
        "    pushq %rbp\n    pushq %rbx\n    pushq %r12\n    pushq %r13\n    pushq %r14\n    pushq "
        "%r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq (%rsi), %rsp\n"
        "    popq %r15\n    popq %r14\n    popq %r13\n    popq %r12\n    popq %rbx\n    popq %rbp\n"
        "    retq\n"
        ".size model_context_switch, .-model_context_switch\n");

/// `entry` must never return.
static inline void model_context_make(model_context_t *context, void *stack, uint32_t stack_bytes,
                                      void (*entry)(void))
{
    ASAN_UNPOISON_MEMORY_REGION(stack,
                                stack_bytes); // what ran there before may have been left for good
    uintptr_t top = ((uintptr_t)stack + stack_bytes) & ~(uintptr_t)15u;
    uintptr_t *frame = (uintptr_t *)(void *)top;
    *--frame = 0; // where entry would return to; keeps the alignment the ABI asks for
    *--frame = (uintptr_t)entry;
    for (unsigned i = 0; i < 6; i++) {
        *--frame = 0;
    }
    context->stack_pointer = frame;
}

#else

#define MODEL_CONTEXT_IS_PLAIN 0

#include <stdlib.h>
#include <ucontext.h>

typedef struct model_context {
    ucontext_t context;
} model_context_t;

static inline void model_context_switch(model_context_t *from, model_context_t *to)
{
    if (swapcontext(&from->context, &to->context) != 0) {
        abort();
    }
}

static inline void model_context_make(model_context_t *context, void *stack, uint32_t stack_bytes,
                                      void (*entry)(void))
{
    if (getcontext(&context->context) != 0) {
        abort();
    }
    context->context.uc_stack.ss_sp = stack;
    context->context.uc_stack.ss_size = stack_bytes;
    context->context.uc_link = NULL;
    makecontext(&context->context, entry, 0);
}

#endif

#endif
