// SPDX-License-Identifier: MIT
// Stands before the compiler's <stdatomic.h> in the model tests: every atomic operation of the real sources becomes a
// yield point of the scheduler in ../model.h. All objects are 32 bits wide; anything else does not compile.
#ifndef MODEL_STDATOMIC_H
#define MODEL_STDATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#define _Atomic // plain objects: only one thread of a model runs at a time

typedef enum memory_order {
    memory_order_relaxed,
    memory_order_consume,
    memory_order_acquire,
    memory_order_release,
    memory_order_acq_rel,
    memory_order_seq_cst
} memory_order;

typedef enum model_rmw {
    MODEL_ADD,
    MODEL_SUB,
    MODEL_OR,
    MODEL_AND,
    MODEL_XOR,
    MODEL_SET
} model_rmw_t;

uint32_t model_load(const volatile uint32_t *object);
void model_store(volatile uint32_t *object, uint32_t value);
uint32_t model_modify(volatile uint32_t *object, model_rmw_t how, uint32_t operand);
bool model_compare_exchange(volatile uint32_t *object, uint32_t *expected, uint32_t desired,
                            bool is_weak);

#define ATOMIC_VAR_INIT(value)                  (value)
#define atomic_init(object, value)              ((void)(*(object) = (value)))
#define atomic_thread_fence(order)              ((void)(order))
#define atomic_signal_fence(order)              ((void)(order))
#define atomic_load_explicit(object, order)     model_load(object)
#define atomic_store_explicit(object, v, order) model_store(object, v)
#define atomic_fetch_add_explicit(object, v, o) model_modify(object, MODEL_ADD, v)
#define atomic_fetch_sub_explicit(object, v, o) model_modify(object, MODEL_SUB, v)
#define atomic_fetch_or_explicit(object, v, o)  model_modify(object, MODEL_OR, v)
#define atomic_fetch_and_explicit(object, v, o) model_modify(object, MODEL_AND, v)
#define atomic_fetch_xor_explicit(object, v, o) model_modify(object, MODEL_XOR, v)
#define atomic_exchange_explicit(object, v, o)  model_modify(object, MODEL_SET, v)
#define atomic_compare_exchange_weak_explicit(object, expected, desired, success, failure)         \
    model_compare_exchange(object, expected, desired, true)
#define atomic_compare_exchange_strong_explicit(object, expected, desired, success, failure)       \
    model_compare_exchange(object, expected, desired, false)

#define atomic_load(object)         model_load(object)
#define atomic_store(object, v)     model_store(object, v)
#define atomic_fetch_add(object, v) model_modify(object, MODEL_ADD, v)
#define atomic_fetch_sub(object, v) model_modify(object, MODEL_SUB, v)
#define atomic_fetch_or(object, v)  model_modify(object, MODEL_OR, v)
#define atomic_fetch_and(object, v) model_modify(object, MODEL_AND, v)
#define atomic_exchange(object, v)  model_modify(object, MODEL_SET, v)
#define atomic_compare_exchange_weak(object, expected, desired)                                    \
    model_compare_exchange(object, expected, desired, true)
#define atomic_compare_exchange_strong(object, expected, desired)                                  \
    model_compare_exchange(object, expected, desired, false)

#endif
