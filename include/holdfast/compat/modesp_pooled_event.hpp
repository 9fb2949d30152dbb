// SPDX-License-Identifier: MIT
// Drop-in for ModESP's pooled_event.h: its names over modesp_memory_pool.hpp. What differs from the original, on
// purpose: type and payload (JSON text; there is no JSON library here) lie in the event's own block, and so does the
// control block of the shared pointer lie in a pool: no heap at all. publish_pooled() hands that one event to the
// handler, and says ESP_ERR_NO_MEM when the pools are exhausted instead of publishing from the heap. For new code:
// hf_event.h.
#ifndef MODESP_POOLED_EVENT_HPP
#define MODESP_POOLED_EVENT_HPP

#include "holdfast/compat/modesp_memory_diagnostics.hpp"

#include <memory>
#include <string_view>

// As esp_err.h has them, which may be included before or after.
#ifndef ESP_OK
typedef int esp_err_t;
#define ESP_OK         0
#define ESP_ERR_NO_MEM 0x101
#endif
#ifndef ESP_ERR_INVALID_STATE
#define ESP_ERR_INVALID_STATE 0x103
#endif

namespace ModESP
{

namespace EventBus
{
#ifndef MODESP_HAS_EVENT_BUS // define it when ModESP's own event_bus.h is here
enum class Priority : uint8_t { LOW, NORMAL, HIGH, CRITICAL };
#endif
} // namespace EventBus

class PooledEvent
{
  public:
    std::string_view type;
    std::string_view data; // JSON text
    EventBus::Priority priority;
    uint64_t timestamp; // microseconds of uptime

    /// nullptr when the pools have no block for it.
    static std::shared_ptr<PooledEvent>
    create(std::string_view type, std::string_view data = "{}",
           EventBus::Priority priority = EventBus::Priority::NORMAL)
    {
        Memory::MemoryPoolManager &manager = Memory::get_pool_manager();
        void *block = manager.allocate(sizeof(PooledEvent) + type.size() + data.size());
        // The control block first: where it cannot be had, the shared pointer would have to throw.
        void *control = block != nullptr ? manager.allocate(CONTROL_BYTES) : nullptr;
        if (control == nullptr) {
            (void)manager.deallocate(block);
            return nullptr;
        }
        char *text = static_cast<char *>(block) + sizeof(PooledEvent);
        std::copy(type.begin(), type.end(), text);
        std::copy(data.begin(), data.end(), text + type.size());
        auto *event = ::new (block) PooledEvent;
        event->type = {text, type.size()};
        event->data = {text + type.size(), data.size()};
        event->priority = priority;
        event->timestamp = hf_port_now_us();
        return std::shared_ptr<PooledEvent>(event, Delete(), Control<PooledEvent>{control});
    }
    static std::shared_ptr<PooledEvent>
    create_from_string(std::string_view type, std::string_view json_data,
                       EventBus::Priority priority = EventBus::Priority::NORMAL)
    {
        return create(type, json_data, priority);
    }

  private:
    static constexpr size_t CONTROL_BYTES = 64; // more than any library's, which is checked

    PooledEvent() = default;

    struct Delete {
        void operator()(PooledEvent *event) const
        {
            event->~PooledEvent();
            (void)Memory::get_pool_manager().deallocate(event);
        }
    };
    /// Gives out the one block that was taken for the control block.
    template <class T> struct Control {
        using value_type = T;
        void *block;

        explicit Control(void *given) : block(given)
        {
        }
        template <class U> Control(const Control<U> &other) : block(other.block)
        {
        }
        T *allocate(size_t count)
        {
            static_assert(sizeof(T) <= CONTROL_BYTES && alignof(T) <= HF_POOL_ALIGN,
                          "fits its block");
            HF_ASSERT(count == 1);
            return static_cast<T *>(block);
        }
        void deallocate(T *given, size_t)
        {
            (void)Memory::get_pool_manager().deallocate(given);
        }
        template <class U> bool operator==(const Control<U> &other) const
        {
            return block == other.block;
        }
        template <class U> bool operator!=(const Control<U> &other) const
        {
            return block != other.block;
        }
    };
};

namespace PooledEventBus
{

using Handler = std::function<esp_err_t(const std::shared_ptr<PooledEvent> &event)>;

namespace detail
{
inline Handler &handler()
{
    static Handler one;
    return one;
}
} // namespace detail

/// Where published events go: in ModESP the event bus. Context: task, before the first publish.
inline void set_publish_handler(Handler handler)
{
    detail::handler() = std::move(handler);
}

/// One event, made once. ESP_ERR_NO_MEM, ESP_ERR_INVALID_STATE without a handler, or what the handler says.
inline esp_err_t publish_pooled(std::string_view type, std::string_view data = "{}",
                                EventBus::Priority priority = EventBus::Priority::NORMAL)
{
    if (!detail::handler()) {
        return ESP_ERR_INVALID_STATE;
    }
    const std::shared_ptr<PooledEvent> event = PooledEvent::create(type, data, priority);
    return event ? detail::handler()(event) : ESP_ERR_NO_MEM;
}

/// Of the pools that events mostly use: SMALL and MEDIUM.
inline Memory::PoolStats get_event_pool_stats()
{
    Memory::MemoryPoolManager &manager = Memory::get_pool_manager();
    const Memory::PoolStats a = manager.get_small_pool().get_stats();
    const Memory::PoolStats b = manager.get_medium_pool().get_stats();
    return {a.allocated_count + b.allocated_count,
            a.peak_usage + b.peak_usage,
            a.total_allocations + b.total_allocations,
            a.allocation_failures + b.allocation_failures,
            std::max(a.average_hold_time_ms, b.average_hold_time_ms),
            a.total_bytes_served + b.total_bytes_served};
}

/// Called when the low or the critical alert of the manager begins or ends.
inline void set_memory_pressure_callback(std::function<void(uint8_t utilization)> callback)
{
    static Memory::MemoryDiagnostics diagnostics(Memory::get_pool_manager());
    diagnostics.register_pressure_callback(std::move(callback));
}

} // namespace PooledEventBus

} // namespace ModESP

#endif
