// SPDX-License-Identifier: MIT
// Drop-in for ModESP's memory_diagnostics.h: its names over modesp_memory_pool.hpp; those it declared and never defined
// work. What differs from the original, on purpose: to_json() returns the text, since there is no JSON library here;
// every field is filled; the fragmentation index is that of hf_fragmentation.h (permille / 10; 0 on an untouched set);
// rates are per second over the last eight seconds, as fine as update_rates() is called; alerts and callbacks are edges
// with hysteresis. Vectors and std::function make this header use the heap, as the original did: for diagnosis, not for
// operation.
#ifndef MODESP_MEMORY_DIAGNOSTICS_HPP
#define MODESP_MEMORY_DIAGNOSTICS_HPP

#include "holdfast/compat/modesp_memory_pool.hpp"
#include "holdfast/hf_fragmentation.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace ModESP
{
namespace Memory
{

struct PoolMetrics {
    const char *name;
    size_t block_size;
    uint16_t total_blocks;
    uint16_t used_blocks;
    uint16_t peak_blocks;
    uint32_t allocation_rate;
    uint32_t deallocation_rate;
    uint32_t avg_hold_time_ms;
    uint8_t utilization_percent;
    uint32_t allocation_failures;
};

namespace detail
{

/// A JSON object, member by member. Names and texts of this header need no escapes.
class Json
{
  public:
    Json &number(const char *name, uint64_t value)
    {
        return raw(name, std::to_string(value));
    }
    Json &text(const char *name, const char *value)
    {
        return raw(name, "\"" + std::string(value) + "\"");
    }
    Json &flag(const char *name, bool value)
    {
        return raw(name, value ? "true" : "false");
    }
    Json &raw(const char *name, const std::string &value)
    {
        text_ += std::string(text_.empty() ? "{" : ",") + "\"" + name + "\":" + value;
        return *this;
    }
    std::string str() const
    {
        return text_ + "}";
    }

  private:
    std::string text_;
};

inline uint64_t steady_ns()
{
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                     std::chrono::steady_clock::now().time_since_epoch())
                                     .count());
}

} // namespace detail

struct SystemDiagnostics {
    size_t total_capacity;
    size_t total_allocated;
    size_t peak_allocated;
    uint8_t overall_utilization;
    uint8_t fragmentation_index;
    size_t largest_free_block;
    uint32_t total_allocations;
    uint32_t total_deallocations;
    uint32_t allocation_failures;
    uint64_t total_bytes_served;
    std::vector<PoolMetrics> pools;
    bool low_memory_warning;
    bool critical_memory_alert;
    bool fragmentation_warning; // index above 50
    uint64_t uptime_seconds;
    uint64_t last_reset_timestamp; // seconds of uptime

    std::string to_json() const
    {
        std::string list;
        for (const PoolMetrics &pool : pools) {
            list += (list.empty() ? "" : ",") +
                    detail::Json()
                        .text("name", pool.name)
                        .number("block_size", pool.block_size)
                        .number("total_blocks", pool.total_blocks)
                        .number("used_blocks", pool.used_blocks)
                        .number("peak_blocks", pool.peak_blocks)
                        .number("allocation_rate", pool.allocation_rate)
                        .number("deallocation_rate", pool.deallocation_rate)
                        .number("avg_hold_time_ms", pool.avg_hold_time_ms)
                        .number("utilization_percent", pool.utilization_percent)
                        .number("allocation_failures", pool.allocation_failures)
                        .str();
        }
        const std::string alerts = detail::Json()
                                       .flag("low_memory", low_memory_warning)
                                       .flag("critical_memory", critical_memory_alert)
                                       .flag("fragmentation", fragmentation_warning)
                                       .str();
        return detail::Json()
            .number("total_capacity", total_capacity)
            .number("total_allocated", total_allocated)
            .number("peak_allocated", peak_allocated)
            .number("overall_utilization", overall_utilization)
            .number("fragmentation_index", fragmentation_index)
            .number("largest_free_block", largest_free_block)
            .number("total_allocations", total_allocations)
            .number("total_deallocations", total_deallocations)
            .number("allocation_failures", allocation_failures)
            .number("total_bytes_served", total_bytes_served)
            .raw("pools", "[" + list + "]")
            .raw("alerts", alerts)
            .number("uptime_seconds", uptime_seconds)
            .number("last_reset_timestamp", last_reset_timestamp)
            .str();
    }
};

struct AllocationTrace {
    void *address;
    size_t size;
    uint32_t timestamp; // milliseconds of uptime
    const char *module;
    uint32_t line;
    bool is_freed;
    uint32_t hold_time_ms;
};

/// Context: one owner, except trace_*() and hooks, which are called where memory is used: not from an ISR.
class MemoryDiagnostics
{
  public:
    using AllocationHook = std::function<void(size_t size, bool success)>;
    using MemoryPressureCallback = std::function<void(uint8_t utilization)>;

    static constexpr size_t MAX_TRACES = 1000;
    static constexpr uint64_t RATE_WINDOW_US = 8000000;

    explicit MemoryDiagnostics(MemoryPoolManager &manager) : pool_manager_(manager)
    {
        const uint64_t now_us = hf_port_now_us();
        for (uint32_t i = 0; i < POOLS; i++) {
            const hf_mem_tier_stats_t stats = tier(i);
            const int made =
                hf_rate_init(&allocation_rates_[i], RATE_WINDOW_US, now_us, stats.takes) |
                hf_rate_init(&deallocation_rates_[i], RATE_WINDOW_US, now_us, stats.gives);
            HF_ASSERT(made == HF_OK);
        }
    }
    ~MemoryDiagnostics()
    {
        pool_manager_.remove_observer(this);
    }
    MemoryDiagnostics(const MemoryDiagnostics &) = delete;
    MemoryDiagnostics &operator=(const MemoryDiagnostics &) = delete;

    SystemDiagnostics get_diagnostics()
    {
        const hf_mem_stats_t all = hf_mem_stats(&pool_manager_.mem());
        SystemDiagnostics found{};
        found.total_capacity = all.capacity_bytes;
        found.total_allocated = all.in_use_bytes;
        found.peak_allocated = all.peak_bytes;
        found.overall_utilization = pool_manager_.get_overall_utilization();
        found.fragmentation_index = calculate_fragmentation_index();
        found.largest_free_block = find_largest_free_block();
        found.allocation_failures = all.failures;
        found.total_bytes_served = all.served_total;
        const uint32_t holds[POOLS] = {
            hold(pool_manager_.get_tiny_pool()), hold(pool_manager_.get_small_pool()),
            hold(pool_manager_.get_medium_pool()), hold(pool_manager_.get_large_pool()),
            hold(pool_manager_.get_xlarge_pool())};
        for (uint32_t i = 0; i < POOLS; i++) {
            const hf_mem_tier_stats_t stats = tier(i);
            found.total_allocations += stats.takes;
            found.total_deallocations += stats.gives;
            found.pools.push_back(metrics_of(i, stats, holds[i]));
        }
        found.low_memory_warning = pool_manager_.has_low_memory_alert();
        found.critical_memory_alert = pool_manager_.has_critical_memory_alert();
        found.fragmentation_warning = found.fragmentation_index > 50;
        found.uptime_seconds = hf_port_now_us() / 1000000u;
        found.last_reset_timestamp = reset_us_ / 1000000u;
        return found;
    }

    /// 0: every free byte can serve the largest block, as far as the sizes allow that at all.
    uint8_t calculate_fragmentation_index()
    {
        const hf_pool_t *pools[POOLS];
        for (uint32_t i = 0; i < POOLS; i++) {
            pools[i] = hf_tier_pool(hf_mem_tiers(&pool_manager_.mem()), i);
        }
        return static_cast<uint8_t>(
            hf_fragmentation_permille(pools, POOLS, MemoryPoolManager::LARGEST_BLOCK) / 10u);
    }
    size_t find_largest_free_block()
    {
        for (uint32_t i = POOLS; i > 0; i--) {
            const hf_mem_tier_stats_t stats = tier(i - 1);
            if (stats.in_use < stats.capacity) {
                return stats.block_bytes;
            }
        }
        return 0;
    }
    void update_rates()
    {
        const uint64_t now_us = hf_port_now_us();
        for (uint32_t i = 0; i < POOLS; i++) {
            const hf_mem_tier_stats_t stats = tier(i);
            hf_rate_update(&allocation_rates_[i], now_us, stats.takes);
            hf_rate_update(&deallocation_rates_[i], now_us, stats.gives);
        }
    }
    void reset()
    {
        pool_manager_.reset_stats();
        reset_us_ = hf_port_now_us();
    }

    /// The oldest traces of freed blocks make room; when all are in use the new one is counted as lost.
    void trace_allocation(void *ptr, size_t size, const char *module, uint32_t line)
    {
        if (traces_.size() >= MAX_TRACES) {
            const auto freed =
                std::find_if(traces_.begin(), traces_.end(),
                             [](const AllocationTrace &trace) { return trace.is_freed; });
            if (freed == traces_.end()) {
                lost_traces_++;
                return;
            }
            traces_.erase(freed);
        }
        traces_.push_back({ptr, size, now_ms(), module, line, false, 0});
    }
    void trace_deallocation(void *ptr)
    {
        for (AllocationTrace &trace : traces_) {
            if (trace.address == ptr && !trace.is_freed) {
                trace.is_freed = true;
                trace.hold_time_ms = now_ms() - trace.timestamp;
                return;
            }
        }
    }
    std::vector<AllocationTrace> get_active_allocations()
    {
        return older_than(0);
    }
    void clear_traces()
    {
        traces_.clear();
        lost_traces_ = 0;
    }
    uint32_t lost_traces() const
    {
        return lost_traces_;
    }
    /// Of what trace_allocation() was told: in use for at least so long.
    std::vector<AllocationTrace> detect_potential_leaks(uint32_t threshold_ms = 60000)
    {
        return older_than(threshold_ms);
    }

    void register_allocation_hook(AllocationHook hook)
    {
        allocation_hooks_.push_back(std::move(hook));
        observe();
    }
    /// Called when the low or the critical alert begins or ends.
    void register_pressure_callback(MemoryPressureCallback callback)
    {
        pressure_callbacks_.push_back(std::move(callback));
        observe();
    }

    std::string generate_report()
    {
        const SystemDiagnostics now = get_diagnostics();
        std::string text = "=== Memory Pool Diagnostics Report ===\n";
        text += "Uptime: " + std::to_string(now.uptime_seconds) + " s\n";
        text += "Utilization: " + std::to_string(now.overall_utilization) + "%\n";
        text += "Capacity: " + std::to_string(now.total_capacity) + " bytes\n";
        text += "Allocated: " + std::to_string(now.total_allocated) + " bytes (peak " +
                std::to_string(now.peak_allocated) + ")\n";
        text += "Fragmentation index: " + std::to_string(now.fragmentation_index) + "%\n";
        text += "Largest free block: " + std::to_string(now.largest_free_block) + " bytes\n";
        for (const PoolMetrics &pool : now.pools) {
            text += std::string(pool.name) + ": " + std::to_string(pool.used_blocks) + "/" +
                    std::to_string(pool.total_blocks) + " blocks (" +
                    std::to_string(pool.utilization_percent) +
                    "%), Failures: " + std::to_string(pool.allocation_failures) +
                    ", Rate: " + std::to_string(pool.allocation_rate) + " alloc/s\n";
        }
        text += now.low_memory_warning ? "ALERT: low memory\n" : "";
        text += now.critical_memory_alert ? "ALERT: critical memory\n" : "";
        text += now.fragmentation_warning ? "ALERT: fragmentation\n" : "";
        return text;
    }
    void log_stats(const char *tag = "MemDiag")
    {
        const std::string report = generate_report();
        for (size_t from = 0; from < report.size();) {
            const size_t end = report.find('\n', from);
            modesp_compat_log((std::string(tag) + ": " + report.substr(from, end - from)).c_str());
            from = end + 1;
        }
    }

  private:
    static constexpr uint32_t POOLS = 5;

    hf_mem_tier_stats_t tier(uint32_t number) const
    {
        hf_mem_tier_stats_t stats{};
        const int found = hf_mem_tier_stats(&pool_manager_.mem(), number, &stats);
        HF_ASSERT(found == HF_OK); // the preset has five
        return stats;
    }
    template <class Pool> static uint32_t hold(const Pool &pool)
    {
        return pool.get_stats().average_hold_time_ms;
    }
    PoolMetrics metrics_of(uint32_t number, const hf_mem_tier_stats_t &stats,
                           uint32_t hold_ms) const
    {
        static constexpr const char *names[POOLS] = {"TINY", "SMALL", "MEDIUM", "LARGE", "XLARGE"};
        return {names[number],
                stats.block_bytes,
                static_cast<uint16_t>(stats.capacity),
                static_cast<uint16_t>(stats.in_use),
                static_cast<uint16_t>(stats.peak),
                hf_rate_per_ks(&allocation_rates_[number]) / 1000u,
                hf_rate_per_ks(&deallocation_rates_[number]) / 1000u,
                hold_ms,
                static_cast<uint8_t>(stats.in_use * 100u / stats.capacity),
                stats.failed + stats.wait_timeouts + stats.wait_refused};
    }
    static uint32_t now_ms()
    {
        return static_cast<uint32_t>(hf_port_now_us() / 1000u);
    }
    std::vector<AllocationTrace> older_than(uint32_t threshold_ms) const
    {
        std::vector<AllocationTrace> found;
        const uint32_t now = now_ms();
        for (const AllocationTrace &trace : traces_) {
            if (!trace.is_freed && now - trace.timestamp >= threshold_ms) {
                found.push_back(trace);
            }
        }
        return found;
    }
    void observe()
    {
        if (is_observing_) {
            return;
        }
        is_observing_ = pool_manager_.add_observer(
            [](void *ctx, size_t size, bool success) {
                static_cast<MemoryDiagnostics *>(ctx)->on_change(size, success);
            },
            this);
        HF_ASSERT(is_observing_); // more than four diagnostics with hooks
    }
    void on_change(size_t size, bool success)
    {
        if (is_within_) {
            return; // a hook that allocates
        }
        is_within_ = true;
        if (size != 0) {
            for (const AllocationHook &hook : allocation_hooks_) {
                hook(size, success);
            }
        }
        check_memory_pressure(pool_manager_.get_overall_utilization());
        is_within_ = false;
    }
    void check_memory_pressure(uint8_t current_utilization)
    {
        const uint8_t level = pool_manager_.has_critical_memory_alert() ? 2
                              : pool_manager_.has_low_memory_alert()    ? 1
                                                                        : 0;
        if (level == last_pressure_level_) {
            return;
        }
        last_pressure_level_ = level;
        for (const MemoryPressureCallback &callback : pressure_callbacks_) {
            callback(current_utilization);
        }
    }

    MemoryPoolManager &pool_manager_;
    hf_rate_t allocation_rates_[POOLS];
    hf_rate_t deallocation_rates_[POOLS];
    std::vector<AllocationTrace> traces_;
    std::vector<AllocationHook> allocation_hooks_;
    std::vector<MemoryPressureCallback> pressure_callbacks_;
    uint64_t reset_us_ = 0;
    uint32_t lost_traces_ = 0;
    uint8_t last_pressure_level_ = 0;
    bool is_observing_ = false;
    bool is_within_ = false;
};

/// Times by std::chrono::steady_clock. A refused take is a failure of the result, and no time.
class MemoryPoolBenchmark
{
  public:
    struct BenchmarkResult {
        const char *test_name;
        uint32_t iterations;
        uint64_t total_time_us;
        uint64_t avg_time_ns;
        uint64_t min_time_ns;
        uint64_t max_time_ns;
        uint32_t failures;

        std::string to_json() const
        {
            return detail::Json()
                .text("test_name", test_name)
                .number("iterations", iterations)
                .number("total_time_us", total_time_us)
                .number("avg_time_ns", avg_time_ns)
                .number("min_time_ns", min_time_ns)
                .number("max_time_ns", max_time_ns)
                .number("failures", failures)
                .str();
        }
    };

    /// Take and give in turn, so that no pool runs out.
    static BenchmarkResult benchmark_allocation(size_t size, uint32_t iterations)
    {
        Tally tally;
        for (uint32_t i = 0; i < iterations; i++) {
            tally.one(size);
        }
        return tally.result("allocation");
    }
    /// Holds up to 16 blocks of mixed sizes, gives every other one first.
    static BenchmarkResult benchmark_fragmentation(uint32_t duration_ms)
    {
        static constexpr size_t sizes[] = {32, 64, 128, 256, 512};
        Tally tally;
        const uint64_t end_ns = detail::steady_ns() + uint64_t{duration_ms} * 1000000u;
        do {
            void *held[16];
            for (uint32_t i = 0; i < 16; i++) {
                held[i] = tally.take(sizes[i % 5u]);
            }
            for (uint32_t i = 0; i < 32; i++) {
                if ((i < 16) == (i % 2u == 0)) {
                    (void)get_pool_manager().deallocate(held[i % 16u]);
                }
            }
        } while (detail::steady_ns() < end_ns);
        return tally.result("fragmentation");
    }
    static BenchmarkResult benchmark_multithreaded(uint32_t num_threads, uint32_t duration_ms)
    {
        std::vector<Tally> tallies(num_threads);
        std::vector<std::thread> threads;
        for (Tally &tally : tallies) {
            threads.emplace_back([&tally, duration_ms] { run_for(tally, duration_ms); });
        }
        Tally sum;
        for (uint32_t i = 0; i < num_threads; i++) {
            threads[i].join();
            sum.add(tallies[i]);
        }
        return sum.result("multithreaded");
    }
    static BenchmarkResult benchmark_stress_test(uint32_t duration_ms)
    {
        Tally tally;
        run_for(tally, duration_ms);
        return tally.result("stress");
    }
    static std::vector<BenchmarkResult> run_all_benchmarks()
    {
        return {benchmark_allocation(32, 10000), benchmark_allocation(128, 5000),
                benchmark_allocation(512, 1000), benchmark_fragmentation(5000),
                benchmark_multithreaded(4, 3000)};
    }
    static std::string generate_benchmark_report(const std::vector<BenchmarkResult> &results)
    {
        std::string text = "=== Memory Pool Benchmark Report ===\n";
        for (const BenchmarkResult &result : results) {
            text += std::string(result.test_name) + ": " + std::to_string(result.iterations) +
                    " iterations, " + std::to_string(result.avg_time_ns) + " ns mean (" +
                    std::to_string(result.min_time_ns) + " to " +
                    std::to_string(result.max_time_ns) + "), failures " +
                    std::to_string(result.failures) + "\n";
        }
        return text;
    }

  private:
    struct Tally {
        uint32_t iterations = 0, failures = 0;
        uint64_t total_ns = 0, min_ns = UINT64_MAX, max_ns = 0;

        void *take(size_t size)
        {
            const uint64_t from_ns = detail::steady_ns();
            void *block = get_pool_manager().allocate(size, AllocationStrategy::STRICT_NO_FALLBACK);
            const uint64_t took_ns = detail::steady_ns() - from_ns;
            iterations++;
            if (block == nullptr) {
                failures++;
                return nullptr;
            }
            total_ns += took_ns;
            min_ns = std::min(min_ns, took_ns);
            max_ns = std::max(max_ns, took_ns);
            return block;
        }
        void one(size_t size)
        {
            (void)get_pool_manager().deallocate(take(size));
        }
        void add(const Tally &other)
        {
            iterations += other.iterations;
            failures += other.failures;
            total_ns += other.total_ns;
            min_ns = std::min(min_ns, other.min_ns);
            max_ns = std::max(max_ns, other.max_ns);
        }
        BenchmarkResult result(const char *name) const
        {
            const uint32_t served = iterations - failures;
            return {name,
                    iterations,
                    total_ns / 1000u,
                    served == 0 ? 0 : total_ns / served,
                    served == 0 ? 0 : min_ns,
                    max_ns,
                    failures};
        }
    };

    static void run_for(Tally &tally, uint32_t duration_ms)
    {
        const uint64_t end_ns = detail::steady_ns() + uint64_t{duration_ms} * 1000000u;
        uint32_t random = 1;
        do {
            random = random * 1664525u + 1013904223u;
            tally.one(1u + (random >> 16) % 512u);
        } while (detail::steady_ns() < end_ns);
    }
};

/// Logs what an operation did to the pools, in bytes too: percents hide what is small.
class MemoryUsageTracker
{
  public:
    explicit MemoryUsageTracker(const char *operation)
        : operation_(operation), before_(hf_mem_stats(&get_pool_manager().mem())),
          from_us_(hf_port_now_us())
    {
    }
    ~MemoryUsageTracker()
    {
        const hf_mem_stats_t after = hf_mem_stats(&get_pool_manager().mem());
        const int before_percent = static_cast<int>(before_.use_permille / 10u);
        const int after_percent = static_cast<int>(after.use_permille / 10u);
        const long long bytes = static_cast<long long>(after.in_use_bytes) -
                                static_cast<long long>(before_.in_use_bytes);
        const int delta = after_percent - before_percent;
        const std::string text =
            "[" + std::string(operation_) + "] Memory: " + std::to_string(before_percent) +
            "% -> " + std::to_string(after_percent) + "% (delta: " + (delta >= 0 ? "+" : "") +
            std::to_string(delta) + "%, " + (bytes >= 0 ? "+" : "") + std::to_string(bytes) +
            " bytes), Time: " + std::to_string((hf_port_now_us() - from_us_) / 1000u) + " ms";
        modesp_compat_log(text.c_str());
    }
    MemoryUsageTracker(const MemoryUsageTracker &) = delete;
    MemoryUsageTracker &operator=(const MemoryUsageTracker &) = delete;

  private:
    const char *operation_;
    hf_mem_stats_t before_;
    uint64_t from_us_;
};

#define TRACK_MEMORY_USAGE(operation)                                                              \
    ModESP::Memory::MemoryUsageTracker hf_memory_tracker(operation)

} // namespace Memory
} // namespace ModESP

#endif
