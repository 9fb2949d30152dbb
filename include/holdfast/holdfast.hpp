// SPDX-License-Identifier: MIT
// C++17 over the C library, header only: pools with their storage, a move-only owner of one object, std::pmr resources.
// Works without exceptions and RTTI, but for what std::pmr itself does. Invariants: an object is destroyed and its block
// given exactly once; an owner never holds a block without a live object; alignment beyond HF_POOL_ALIGN is honoured at
// the price of a larger block. Context and cost as the calls of hf_pool.h and hf_mem.h underneath.
#ifndef HOLDFAST_HPP
#define HOLDFAST_HPP

#include "holdfast/hf_pool.h"
#if CONFIG_HF_MEM
#include "holdfast/hf_mem.h"
#endif

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>
#if __has_include(<memory_resource>)
#include <memory_resource>
#endif

namespace holdfast
{

/// A pool of `Count` blocks and the memory for them. Neither copied nor moved: others know its address.
template <std::size_t BlockBytes, std::uint32_t Count> class static_pool
{
  public:
    static_assert(Count >= 1 && Count <= HF_POOL_COUNT_MAX, "1 to HF_POOL_COUNT_MAX blocks");

    /// `options` as hf_pool_config_t. is_ready() says whether hf_pool_init() took them.
    explicit static_pool(const char *name, std::uint32_t options = 0) noexcept
    {
        hf_pool_config_t config{};
        config.name = name;
        config.blocks = storage_.blocks;
        config.meta = storage_.meta;
        config.block_bytes = BlockBytes;
        config.count = Count;
        config.options = options;
        is_ready_ = hf_pool_init(&pool_, &config) == HF_OK;
    }
    static_pool(const static_pool &) = delete;
    static_pool &operator=(const static_pool &) = delete;

    bool is_ready() const noexcept
    {
        return is_ready_;
    }
    hf_pool_t *get() noexcept
    {
        return &pool_;
    }
    operator hf_pool_t &() noexcept
    {
        return pool_;
    }
    hf_pool_stats_t stats() const noexcept
    {
        return hf_pool_stats(&pool_);
    }

  private:
    HF_POOL_STORAGE_BYTES(BlockBytes, Count) storage_;
    hf_pool_t pool_{};
    bool is_ready_;
};

namespace detail
{

inline void *take(hf_pool_t &pool, std::size_t bytes) noexcept
{
    return bytes <= hf_pool_stats(&pool).block_bytes ? hf_pool_take(&pool, HF_TAG_NONE) : nullptr;
}

inline void give(hf_pool_t &pool, void *block) noexcept
{
    const int given = hf_pool_give(&pool, block);
    (void)given; // counted by the pool
}

#if CONFIG_HF_MEM
inline void *take(hf_mem_t &mem, std::size_t bytes) noexcept
{
    return hf_mem_take(&mem, bytes);
}

inline void give(hf_mem_t &mem, void *block) noexcept
{
    const int given = hf_mem_give(&mem, block);
    (void)given; // counted by the instance
}
#endif

/// What a block needs beyond the object, so that the object can be aligned within it.
constexpr std::size_t slack(std::size_t alignment) noexcept
{
    return alignment > HF_POOL_ALIGN ? alignment - HF_POOL_ALIGN : 0;
}

inline void *align_up(void *block, std::size_t alignment) noexcept
{
    const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(block);
    const std::uintptr_t aligned = (address + alignment - 1u) & ~(std::uintptr_t{alignment} - 1u);
    return static_cast<unsigned char *>(block) + (aligned - address);
}

/// Gives its block unless told otherwise: for a constructor that throws.
template <class Source> struct pending {
    Source &source;
    void *block;
    ~pending()
    {
        if (block != nullptr) {
            give(source, block);
        }
    }
};

} // namespace detail

/// Bytes of a pool block that holds a T.
template <class T> constexpr std::size_t block_bytes = sizeof(T) + detail::slack(alignof(T));

/// Owns one object in a block of `Source` (hf_pool_t or hf_mem_t). Move-only; converts to an owner of a base class that
/// has a virtual destructor.
template <class T, class Source = hf_pool_t> class pooled
{
  public:
    using element_type = T;

    pooled() noexcept = default;
    pooled(std::nullptr_t) noexcept
    {
    }
    pooled(const pooled &) = delete;
    pooled &operator=(const pooled &) = delete;
    pooled(pooled &&other) noexcept
        : object_(std::exchange(other.object_, nullptr)),
          block_(std::exchange(other.block_, nullptr)), source_(other.source_)
    {
    }
    template <class U, class = std::enable_if_t<!std::is_same<U, T>::value &&
                                                std::is_convertible<U *, T *>::value &&
                                                std::has_virtual_destructor<T>::value>>
    pooled(pooled<U, Source> &&other) noexcept
        : object_(std::exchange(other.object_, nullptr)),
          block_(std::exchange(other.block_, nullptr)), source_(other.source_)
    {
    }
    pooled &operator=(pooled &&other) noexcept
    {
        if (this != &other) {
            reset();
            object_ = std::exchange(other.object_, nullptr);
            block_ = std::exchange(other.block_, nullptr);
            source_ = other.source_;
        }
        return *this;
    }
    ~pooled()
    {
        reset();
    }

    /// Destroys the object and gives its block.
    void reset() noexcept
    {
        T *object = std::exchange(object_, nullptr);
        void *block = std::exchange(block_, nullptr);
        if (object != nullptr) {
            object->~T();
            detail::give(*source_, block);
        }
    }
    /// The object, now the caller's to destroy and adopt() or give. Not for over-aligned types, whose block begins
    /// elsewhere.
    T *release() noexcept
    {
        static_assert(alignof(T) <= HF_POOL_ALIGN, "the block of this type begins elsewhere");
        block_ = nullptr;
        return std::exchange(object_, nullptr);
    }
    /// Owns again what release() let go.
    static pooled adopt(Source &source, T *object) noexcept
    {
        static_assert(alignof(T) <= HF_POOL_ALIGN, "the block of this type begins elsewhere");
        return pooled(source, object, object);
    }

    T *get() const noexcept
    {
        return object_;
    }
    T *operator->() const noexcept
    {
        return object_;
    }
    T &operator*() const noexcept
    {
        return *object_;
    }
    explicit operator bool() const noexcept
    {
        return object_ != nullptr;
    }

  private:
    template <class U, class S> friend class pooled;
    template <class U, class S, class... Args> friend pooled<U, S> make_from(S &, Args &&...);

    pooled(Source &source, T *object, void *block) noexcept
        : object_(object), block_(block), source_(&source)
    {
    }

    T *object_ = nullptr;
    void *block_ = nullptr;
    Source *source_ = nullptr;
};

/// As make_pooled(), for any source.
template <class T, class Source, class... Args>
pooled<T, Source> make_from(Source &source, Args &&...args)
{
    void *block = detail::take(source, block_bytes<T>);
    if (block == nullptr) {
        return nullptr;
    }
    detail::pending<Source> pending{source, block};
    T *object = ::new (detail::align_up(block, alignof(T))) T(std::forward<Args>(args)...);
    pending.block = nullptr;
    return pooled<T, Source>(source, object, block);
}

/// Makes a T in a block of the pool. Empty when the pool has none (counted there) or its blocks are too small for a T.
template <class T, class... Args> pooled<T> make_pooled(hf_pool_t &pool, Args &&...args)
{
    return make_from<T, hf_pool_t>(pool, std::forward<Args>(args)...);
}

#if CONFIG_HF_MEM
/// Makes a T in a block of the instance, by its policy, for the running task. Empty when it gets none (counted there).
template <class T, class... Args> pooled<T, hf_mem_t> make_pooled(hf_mem_t &mem, Args &&...args)
{
    return make_from<T, hf_mem_t>(mem, std::forward<Args>(args)...);
}
#endif

#if __has_include(<memory_resource>)

namespace detail
{

inline bool owns(const hf_pool_t &pool, const void *block) noexcept
{
    return hf_pool_owns(&pool, block);
}

#if CONFIG_HF_MEM
inline bool owns(const hf_mem_t &mem, const void *block) noexcept
{
    return hf_mem_owns(&mem, block);
}
#endif

} // namespace detail

/// std::pmr over a pool or an instance. What that cannot serve goes to `upstream`: by default nobody, which throws
/// std::bad_alloc. A block aligned beyond HF_POOL_ALIGN costs so many bytes more, and the size of a pointer.
template <class Source> class memory_resource final : public std::pmr::memory_resource
{
  public:
    explicit memory_resource(Source &source, std::pmr::memory_resource *upstream =
                                                 std::pmr::null_memory_resource()) noexcept
        : source_(source), upstream_(upstream)
    {
    }

  private:
    static constexpr std::size_t extra(std::size_t alignment) noexcept
    {
        return alignment > HF_POOL_ALIGN ? alignment + sizeof(void *) : 0;
    }

    void *do_allocate(std::size_t bytes, std::size_t alignment) override
    {
        const std::size_t more = extra(alignment);
        if (bytes > SIZE_MAX - more) {
            return std::pmr::null_memory_resource()->allocate(bytes, alignment); // throws
        }
        const std::size_t whole =
            bytes + more > 0 ? bytes + more : 1; // nothing has an address, too
        void *block = detail::take(source_, whole);
        if (block == nullptr) {
            block = upstream_->allocate(whole, HF_POOL_ALIGN);
        }
        if (more == 0) {
            return block;
        }
        void **aligned = static_cast<void **>(
            detail::align_up(static_cast<unsigned char *>(block) + sizeof(void *), alignment));
        aligned[-1] = block;
        return aligned;
    }

    void do_deallocate(void *address, std::size_t bytes, std::size_t alignment) override
    {
        const std::size_t more = extra(alignment);
        void *block = more == 0 ? address : static_cast<void **>(address)[-1];
        if (detail::owns(source_, block)) {
            detail::give(source_, block);
        } else {
            upstream_->deallocate(block, bytes + more > 0 ? bytes + more : 1, HF_POOL_ALIGN);
        }
    }

    bool do_is_equal(const std::pmr::memory_resource &other) const noexcept override
    {
        return this == &other;
    }

    Source &source_;
    std::pmr::memory_resource *upstream_;
};

using pool_resource = memory_resource<hf_pool_t>;
#if CONFIG_HF_MEM
using mem_resource = memory_resource<hf_mem_t>;
#endif

#endif // <memory_resource>

} // namespace holdfast

#endif
