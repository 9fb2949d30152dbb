// SPDX-License-Identifier: MIT
// Drop-in for ModESP's memory_pool.h: its names in namespace ModESP::Memory over the preset `modesp` of hf_mem. Needs
// CONFIG_HF_MEM and CONFIG_HF_POOL_STATISTICS, the clock hf_port_now_us(), and the two seams modesp_compat_* below.
// Diagnostics are in modesp_memory_diagnostics.hpp, events in modesp_pooled_event.hpp.
// What differs from the original, on purpose: no ABA, double and foreign frees are refused and counted; deallocate()
// finds the pool itself, a wrong size loses nothing; blocks of the heap fallback and of the emergency reserve can be
// given back; a request that can never be served does not wait; the default strategy is that of allocate(size), too;
// hold times are real; alignof is honoured; PooledPtr has no std::function. get_*_pool() return views (the third
// template argument): write `auto &`.
#ifndef MODESP_MEMORY_POOL_HPP
#define MODESP_MEMORY_POOL_HPP

#include "holdfast/hf_clock.h"
#include "holdfast/hf_critical.h"
#include "holdfast/hf_mem_presets.h"
#include "holdfast/hf_rate.h"
#include "holdfast/holdfast.hpp"

#include <cstdlib>
#include <cstring>

#if !CONFIG_HF_MEM || !CONFIG_HF_POOL_STATISTICS
#error "needs CONFIG_HF_MEM and CONFIG_HF_POOL_STATISTICS"
#endif

/// Link-time seams. Where lines go; waiting, as hf_mem_seams_t says it (0: not possible here).
extern "C" void modesp_compat_log(const char *line);
extern "C" uint32_t modesp_compat_wait(uint32_t us);

namespace ModESP
{
namespace Memory
{

enum class PoolSize : uint16_t { TINY = 32, SMALL = 64, MEDIUM = 128, LARGE = 256, XLARGE = 512 };

enum class AllocationStrategy { STRICT_NO_FALLBACK, FALLBACK_TO_HEAP, WAIT_WITH_TIMEOUT };

struct PoolConfig {
    uint16_t tiny_blocks = 128;
    uint16_t small_blocks = 64;
    uint16_t medium_blocks = 32;
    uint16_t large_blocks = 16;
    uint16_t xlarge_blocks = 8;

    size_t get_total_memory() const
    {
        return tiny_blocks * size_t{32} + small_blocks * size_t{64} + medium_blocks * size_t{128} +
               large_blocks * size_t{256} + xlarge_blocks * size_t{512};
    }
};

struct PoolStats {
    uint32_t allocated_count;
    uint32_t peak_usage;
    uint32_t total_allocations;
    uint32_t allocation_failures;
    uint32_t average_hold_time_ms; // of blocks that were given back
    uint64_t total_bytes_served;
};

static constexpr uint16_t INVALID_INDEX = 0xFFFF;

namespace detail
{

struct Counts {
    uint32_t in_use, peak, takes, gives, failures;
};

/// A pool with storage of its own.
template <size_t BlockSize, size_t BlockCount> class OwnPool
{
  public:
    OwnPool() : pool_("modesp")
    {
    }
    void *take()
    {
        return hf_pool_take(pool_.get(), HF_TAG_NONE);
    }
    bool give(void *block)
    {
        const int given = hf_pool_give(pool_.get(), block);
        return given == HF_OK || given == HF_E_OVERRUN;
    }
    Counts counts() const
    {
        const hf_pool_stats_t stats = pool_.stats();
        return {stats.in_use, stats.peak, stats.takes, stats.gives, stats.exhausted};
    }
    void reset()
    {
        hf_pool_reset_stats(pool_.get());
    }

  private:
    holdfast::static_pool<BlockSize, BlockCount> pool_;
};

/// One tier of the manager's instance.
template <size_t BlockSize> class TierPool
{
  public:
    TierPool(hf_mem_t &mem, uint32_t tier) : mem_(mem), tier_(tier)
    {
    }
    void *take()
    {
        return hf_mem_take(&mem_, BlockSize); // strict, so of this tier
    }
    bool give(void *block)
    {
        if (hf_tier_of_address(hf_mem_tiers(&mem_), block) != static_cast<int>(tier_)) {
            return false;
        }
        const int given = hf_mem_give(&mem_, block);
        return given == HF_OK || given == HF_E_OVERRUN;
    }
    Counts counts() const
    {
        hf_mem_tier_stats_t stats{};
        const int found = hf_mem_tier_stats(&mem_, tier_, &stats);
        (void)found; // the preset has five
        return {stats.in_use, stats.peak, stats.takes, stats.gives,
                stats.failed + stats.wait_timeouts + stats.wait_refused};
    }
    /// Of the whole instance: hf_mem counts as one.
    void reset()
    {
        hf_mem_reset_stats(&mem_);
    }

  private:
    hf_mem_t &mem_;
    uint32_t tier_;
};

/// Mean hold time from counters alone: the time integral of "in use", divided by gives. Exact once all blocks are given.
class HoldTime
{
  public:
    /// Before each change of what is in use.
    void note(uint32_t in_use)
    {
        const uint64_t now_us = hf_port_now_us();
        const uint32_t was = hf_critical_enter();
        if (now_us > last_us_) {
            held_us_ += (now_us - last_us_) * in_use;
            last_us_ = now_us;
        }
        hf_critical_exit(was);
    }
    uint32_t mean_ms(uint32_t gives) const
    {
        const uint32_t was = hf_critical_enter();
        const uint64_t held_us = held_us_;
        hf_critical_exit(was);
        return gives == 0 ? 0 : static_cast<uint32_t>(held_us / gives / 1000u);
    }

  private:
    uint64_t last_us_ = hf_port_now_us();
    uint64_t held_us_ = 0;
};

} // namespace detail

/// `Source` is left to its default but by the manager.
template <size_t BlockSize, size_t BlockCount,
          class Source = detail::OwnPool<BlockSize, BlockCount>>
class StaticMemoryPool
{
    static_assert(BlockSize >= 8, "at least 8 bytes");
    static_assert(BlockCount > 0 && BlockCount < INVALID_INDEX, "1 to 65534 blocks");

  public:
    template <class... Args> explicit StaticMemoryPool(Args &...args) : source_(args...)
    {
    }
    StaticMemoryPool(const StaticMemoryPool &) = delete;
    StaticMemoryPool &operator=(const StaticMemoryPool &) = delete;

    void *allocate()
    {
        hold_.note(source_.counts().in_use);
        return source_.take();
    }
    bool deallocate(void *ptr)
    {
        hold_.note(source_.counts().in_use);
        return ptr != nullptr && source_.give(ptr);
    }
    PoolStats get_stats() const
    {
        const detail::Counts counts = source_.counts();
        const uint32_t takes = counts.takes - takes_at_reset_;
        return {counts.in_use,
                counts.peak,
                takes,
                counts.failures,
                hold_.mean_ms(counts.gives),
                uint64_t{takes} * BlockSize};
    }
    uint16_t get_free_blocks() const
    {
        return static_cast<uint16_t>(BlockCount - source_.counts().in_use);
    }
    uint8_t get_utilization_percent() const
    {
        return static_cast<uint8_t>(source_.counts().in_use * 100u / BlockCount);
    }
    bool is_exhausted() const
    {
        return source_.counts().in_use == BlockCount;
    }
    void reset_stats()
    {
        source_.reset();
        takes_at_reset_ = source_.counts().takes;
        hold_ = detail::HoldTime();
    }
    /// For the manager, which takes and gives beside this view.
    void note_change()
    {
        hold_.note(source_.counts().in_use);
    }
    uint32_t total_deallocations() const
    {
        return source_.counts().gives;
    }

  private:
    Source source_;
    detail::HoldTime hold_;
    uint32_t takes_at_reset_ = 0;
};

/// Owns an object; move-only. The deleter gets the block.
template <typename T> class PooledPtr
{
  public:
    using Deleter = void (*)(void *block);
    using OwnedDeleter = void (*)(void *owner, void *block);

    PooledPtr() = default;
    PooledPtr(T *ptr, Deleter deleter) : ptr_(ptr), block_(ptr), deleter_(deleter)
    {
    }
    PooledPtr(T *ptr, void *block, void *owner, OwnedDeleter deleter)
        : ptr_(ptr), block_(block), owner_(owner), owned_deleter_(deleter)
    {
    }
    ~PooledPtr()
    {
        reset();
    }
    PooledPtr(PooledPtr &&other) noexcept
    {
        take_from(other);
    }
    PooledPtr &operator=(PooledPtr &&other) noexcept
    {
        if (this != &other) {
            reset();
            take_from(other);
        }
        return *this;
    }
    PooledPtr(const PooledPtr &) = delete;
    PooledPtr &operator=(const PooledPtr &) = delete;

    T *operator->()
    {
        return ptr_;
    }
    const T *operator->() const
    {
        return ptr_;
    }
    T &operator*()
    {
        return *ptr_;
    }
    const T &operator*() const
    {
        return *ptr_;
    }
    T *get()
    {
        return ptr_;
    }
    const T *get() const
    {
        return ptr_;
    }
    explicit operator bool() const
    {
        return ptr_ != nullptr;
    }
    T *release()
    {
        return std::exchange(ptr_, nullptr);
    }

  private:
    void take_from(PooledPtr &other)
    {
        ptr_ = std::exchange(other.ptr_, nullptr);
        block_ = other.block_;
        owner_ = other.owner_;
        deleter_ = other.deleter_;
        owned_deleter_ = other.owned_deleter_;
    }
    void reset()
    {
        T *object = std::exchange(ptr_, nullptr);
        if (object == nullptr || (deleter_ == nullptr && owned_deleter_ == nullptr)) {
            return;
        }
        object->~T();
        if (owned_deleter_ != nullptr) {
            owned_deleter_(owner_, block_);
        } else {
            deleter_(block_);
        }
    }

    T *ptr_ = nullptr;
    void *block_ = nullptr;
    void *owner_ = nullptr;
    Deleter deleter_ = nullptr;
    OwnedDeleter owned_deleter_ = nullptr;
};

class MemoryPoolManager
{
  public:
    using TinyPool = StaticMemoryPool<32, 128, detail::TierPool<32>>;
    using SmallPool = StaticMemoryPool<64, 64, detail::TierPool<64>>;
    using MediumPool = StaticMemoryPool<128, 32, detail::TierPool<128>>;
    using LargePool = StaticMemoryPool<256, 16, detail::TierPool<256>>;
    using XLargePool = StaticMemoryPool<512, 8, detail::TierPool<512>>;
    using Observer = void (*)(void *ctx, size_t size, bool success);

    static constexpr size_t LARGEST_BLOCK = 512;

    MemoryPoolManager()
    {
        hf_mem_config_t config = hf_mem_modesp(&storage_);
#ifdef CONFIG_MEMORY_POOL_ALERT_THRESHOLD
        config.low_percent = CONFIG_MEMORY_POOL_ALERT_THRESHOLD;
#endif
#ifdef CONFIG_MEMORY_POOL_CRITICAL_THRESHOLD
        config.critical_percent = CONFIG_MEMORY_POOL_CRITICAL_THRESHOLD;
#endif
        config.seams.wait = [](void *, uint32_t us) { return modesp_compat_wait(us); };
        const int made = hf_mem_init(&mem_, &config);
        HF_ASSERT(made == HF_OK);
    }
    MemoryPoolManager(const MemoryPoolManager &) = delete;
    MemoryPoolManager &operator=(const MemoryPoolManager &) = delete;

    static MemoryPoolManager &instance()
    {
        static MemoryPoolManager manager;
        return manager;
    }

    void *allocate(size_t size)
    {
        return allocate(size, default_strategy_);
    }
    void *allocate(size_t size, AllocationStrategy strategy, uint32_t timeout_ms = 100)
    {
        note_change();
        hf_mem_policy_t policy{};
        policy.spill = HF_MEM_STRICT;
        policy.wait_us = strategy == AllocationStrategy::WAIT_WITH_TIMEOUT ? timeout_ms * 1000u : 0;
        hf_mem_request_t request{};
        request.bytes = size;
        request.policy = &policy;
        void *block = nullptr;
        const int status = hf_mem_request(&mem_, &request, &block);
        if (status != HF_OK && size != 0 && strategy == AllocationStrategy::FALLBACK_TO_HEAP) {
            block = take_from_heap(size);
        }
        tell(size, block != nullptr);
        return block;
    }
    bool deallocate(void *ptr)
    {
        if (ptr == nullptr) {
            return false;
        }
        note_change();
        bool is_given = false;
        if (give_to_heap(ptr)) {
            is_given = true;
#ifdef CONFIG_MEMORY_POOL_EMERGENCY_RESERVE
        } else if (hf_pool_owns(emergency_.get(), ptr)) {
            is_given = hf_pool_give(emergency_.get(), ptr) == HF_OK;
#endif
        } else {
            const int given = hf_mem_give(&mem_, ptr);
            is_given = given == HF_OK || given == HF_E_OVERRUN;
        }
        tell(0, true);
        return is_given;
    }
    /// The size is not needed.
    bool deallocate(void *ptr, size_t)
    {
        return deallocate(ptr);
    }

    template <typename T, typename... Args> PooledPtr<T> allocate_object(Args &&...args)
    {
        void *block = allocate(holdfast::block_bytes<T>, default_strategy_);
        if (block == nullptr) {
            return PooledPtr<T>();
        }
        Pending pending{*this, block};
        T *object =
            ::new (holdfast::detail::align_up(block, alignof(T))) T(std::forward<Args>(args)...);
        pending.block = nullptr;
        return PooledPtr<T>(object, block, this, [](void *owner, void *given) {
            (void)static_cast<MemoryPoolManager *>(owner)->deallocate(given);
        });
    }

    uint8_t get_overall_utilization() const
    {
        return static_cast<uint8_t>(hf_mem_stats(&mem_).use_permille / 10u);
    }
    size_t get_total_capacity() const
    {
        return PoolConfig().get_total_memory();
    }
#ifdef CONFIG_MEMORY_POOL_EMERGENCY_RESERVE
    static constexpr size_t EMERGENCY_RESERVE_SIZE = 2048;
    /// One owner at a time; given back by deallocate().
    void *emergency_allocate(size_t size)
    {
        return size <= EMERGENCY_RESERVE_SIZE ? hf_pool_take(emergency_.get(), HF_TAG_NONE)
                                              : nullptr;
    }
#endif
    void set_default_strategy(AllocationStrategy strategy)
    {
        default_strategy_ = strategy;
    }
    bool has_low_memory_alert() const
    {
        return hf_mem_is_low(&mem_, HF_MEM_TIER_ALL);
    }
    bool has_critical_memory_alert() const
    {
        return hf_mem_is_critical(&mem_, HF_MEM_TIER_ALL);
    }

    TinyPool &get_tiny_pool()
    {
        return tiny_;
    }
    SmallPool &get_small_pool()
    {
        return small_;
    }
    MediumPool &get_medium_pool()
    {
        return medium_;
    }
    LargePool &get_large_pool()
    {
        return large_;
    }
    XLargePool &get_xlarge_pool()
    {
        return xlarge_;
    }

    /// The instance underneath: every other counter, tags, quotas.
    hf_mem_t &mem()
    {
        return mem_;
    }
    /// Told of each allocate (its size) and deallocate (size 0), where it happens: with observers, one task at a time.
    /// Returns false when there are four already. Context: nobody else in the manager.
    bool add_observer(Observer observer, void *ctx)
    {
        for (Watcher &watcher : watchers_) {
            if (watcher.observer == nullptr) {
                watcher = {observer, ctx};
                return true;
            }
        }
        return false;
    }
    void remove_observer(void *ctx)
    {
        for (Watcher &watcher : watchers_) {
            if (watcher.ctx == ctx) {
                watcher = {nullptr, nullptr};
            }
        }
    }
    /// Blocks of the heap fallback in use.
    uint32_t heap_blocks() const
    {
        return heap_count_;
    }
    void reset_stats()
    {
        tiny_.reset_stats();
        small_.reset_stats();
        medium_.reset_stats();
        large_.reset_stats();
        xlarge_.reset_stats();
    }

  private:
    struct Pending {
        MemoryPoolManager &manager;
        void *block;
        ~Pending()
        {
            if (block != nullptr) {
                (void)manager.deallocate(block);
            }
        }
    };
    struct Watcher {
        Observer observer;
        void *ctx;
    };
    /// Head of a block of the heap fallback: a chain, so that a give knows its own.
    struct alignas(std::max_align_t) HeapBlock {
        HeapBlock *next;
    };

    void *take_from_heap(size_t size)
    {
#ifdef CONFIG_MEMORY_POOL_ALLOW_HEAP_FALLBACK
        if (size > SIZE_MAX - sizeof(HeapBlock)) {
            return nullptr;
        }
        auto *head = static_cast<HeapBlock *>(std::malloc(sizeof(HeapBlock) + size));
        if (head == nullptr) {
            return nullptr;
        }
        const uint32_t was = hf_critical_enter();
        head->next = heap_;
        heap_ = head;
        heap_count_++;
        hf_critical_exit(was);
        return head + 1;
#else
        (void)size;
        return nullptr;
#endif
    }
    bool give_to_heap(void *ptr)
    {
        const uint32_t was = hf_critical_enter();
        HeapBlock **link = &heap_;
        while (*link != nullptr && static_cast<void *>(*link + 1) != ptr) {
            link = &(*link)->next;
        }
        HeapBlock *found = *link;
        if (found != nullptr) {
            *link = found->next;
            heap_count_--;
        }
        hf_critical_exit(was);
        std::free(found);
        return found != nullptr;
    }
    void note_change()
    {
        tiny_.note_change();
        small_.note_change();
        medium_.note_change();
        large_.note_change();
        xlarge_.note_change();
    }
    void tell(size_t size, bool success)
    {
        for (const Watcher &watcher : watchers_) {
            if (watcher.observer != nullptr) {
                watcher.observer(watcher.ctx, size, success);
            }
        }
    }

    hf_mem_modesp_t storage_{};
    hf_mem_t mem_{};
    TinyPool tiny_{mem_, tier_[0]};
    SmallPool small_{mem_, tier_[1]};
    MediumPool medium_{mem_, tier_[2]};
    LargePool large_{mem_, tier_[3]};
    XLargePool xlarge_{mem_, tier_[4]};
    static constexpr uint32_t tier_[5] = {0, 1, 2, 3, 4};
#ifdef CONFIG_MEMORY_POOL_EMERGENCY_RESERVE
    holdfast::static_pool<EMERGENCY_RESERVE_SIZE, 1> emergency_{"emergency"};
#endif
    HeapBlock *heap_ = nullptr;
    uint32_t heap_count_ = 0;
    AllocationStrategy default_strategy_ = AllocationStrategy::STRICT_NO_FALLBACK;
    Watcher watchers_[4] = {};
};

inline MemoryPoolManager &get_pool_manager()
{
    return MemoryPoolManager::instance();
}

template <typename T, typename... Args> inline PooledPtr<T> make_pooled(Args &&...args)
{
    return get_pool_manager().allocate_object<T>(std::forward<Args>(args)...);
}

} // namespace Memory

using Memory::make_pooled; // where the original's documents look for it

} // namespace ModESP

#endif
