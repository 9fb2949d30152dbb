// SPDX-License-Identifier: MIT
// Logging that never blocks: a line is formatted on the caller's stack and put into the instance's drop-oldest ring;
// somebody else drains it. One instance per loop (one producer, one consumer). Invariant: a full log loses its
// oldest lines, counted, never its newest and never the caller's time.
#ifndef HF_LOG_H
#define HF_LOG_H

#include "holdfast/hf_ring.h"
#include "holdfast/hf_status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hf_log_level {
    HF_LOG_SILENT,
    HF_LOG_ERROR,
    HF_LOG_WARNING,
    HF_LOG_INFO,
    HF_LOG_DEBUG,
    HF_LOG_TRACE,
} hf_log_level_t;

// Tags are a table: the field's subsystem names.
#define HF_LOG_TAG_TABLE(X)                                                                        \
    X(SYS, "sys")                                                                                  \
    X(CAN, "can")                                                                                  \
    X(BMS, "bms")                                                                                  \
    X(MODULE, "module")                                                                            \
    X(IO, "io")                                                                                    \
    X(SAFETY, "safety")                                                                            \
    X(CONNECTOR, "connector")                                                                      \
    X(METER, "meter")                                                                              \
    X(STORE, "store")                                                                              \
    X(NET, "net")                                                                                  \
    X(OCPP, "ocpp")                                                                                \
    X(SESSION, "session")                                                                          \
    X(PORTAL, "portal")                                                                            \
    X(SIM, "sim")                                                                                  \
    X(CSMS, "csms")

typedef enum hf_log_tag {
#define HF_LOG_TAG_ENUM(name, text) HF_TAG_##name,
    HF_LOG_TAG_TABLE(HF_LOG_TAG_ENUM)
#undef HF_LOG_TAG_ENUM
        HF_TAG_COUNT
} hf_log_tag_t;

#define HF_LOG_TEXT_BYTES 148u

typedef struct hf_log_line {
    uint64_t time_us;
    uint32_t suppressed; // lines of this tag that the rate limit held back just before this one
    uint8_t level;
    uint8_t tag;
    uint8_t truncated; // the text did not fit
    uint8_t reserved;
    char text[HF_LOG_TEXT_BYTES]; // NUL-terminated, no line end, control characters replaced by '?'
} hf_log_line_t;

typedef struct hf_log_config {
    void *storage;             // HF_RING_BYTES(sizeof(hf_log_line_t), capacity), aligned to 4
    uint32_t capacity;         // lines, a power of two
    hf_log_level_t level;      // lines above it are not formatted at all
    uint16_t burst_lines;      // per tag: this many at once (1 or more) ...
    uint16_t rate_lines_per_s; // ... then this many a second. ERROR is never limited. 0: no limit
} hf_log_config_t;

typedef struct hf_log {
    hf_ring_t ring;
    hf_log_level_t level;
    uint16_t burst_lines;
    uint16_t rate_lines_per_s;
    struct {
        uint64_t refill_us;
        uint32_t tokens;
        uint32_t suppressed;
    } limit[HF_TAG_COUNT];
    uint32_t suppressed_total;
} hf_log_t;

HF_MUST_CHECK int hf_log_init(hf_log_t *log, const hf_log_config_t *config);

/// Writes one line at `now_us`. A NULL log is silent. The format is that of hf_builder_format().
/// Context: the one producer of this instance. Cost: bounded, about 200 B of stack; never waits.
void hf_log_write(hf_log_t *log, uint64_t now_us, hf_log_level_t level, hf_log_tag_t tag,
                  const char *format, ...) HF_PRINTF(5, 6);

/// Takes the oldest line. HF_E_EMPTY when there is none. Lost lines: hf_ring_lost(&log->ring).
/// Context: the one consumer.
HF_MUST_CHECK int hf_log_take(hf_log_t *log, hf_log_line_t *line);

const char *hf_log_tag_text(unsigned tag);
const char *hf_log_level_text(unsigned level); // "error", "warning", ...
/// HF_E_NOT_FOUND for a name that is no level.
HF_MUST_CHECK int hf_log_level_parse(const char *name, hf_log_level_t *level);

/// HF_LOG_IS_ON(log): would a line go anywhere? For who has to do something for it first. HF_LOG_TEXT(text): a text that is
/// handed on to be logged and for nothing else; NULL where there is no log.
#if CONFIG_HF_LOG
#define HF_LOG_TEXT(text)           (text)
#define HF_LOG_IS_ON(log)           ((log) != NULL)
#define HF_LOGE(log, now, tag, ...) hf_log_write(log, now, HF_LOG_ERROR, HF_TAG_##tag, __VA_ARGS__)
#define HF_LOGW(log, now, tag, ...)                                                                \
    hf_log_write(log, now, HF_LOG_WARNING, HF_TAG_##tag, __VA_ARGS__)
#define HF_LOGI(log, now, tag, ...) hf_log_write(log, now, HF_LOG_INFO, HF_TAG_##tag, __VA_ARGS__)
#define HF_LOGD(log, now, tag, ...) hf_log_write(log, now, HF_LOG_DEBUG, HF_TAG_##tag, __VA_ARGS__)
#else
/// Never defined: its calls stand in sizeof, so that arguments are still checked and count as used, and cost nothing.
int hf_log_discard(const hf_log_t *log, uint64_t now_us, const char *format, ...) HF_PRINTF(3, 4);
#define HF_LOG_TEXT(text)           (false ? (text) : NULL)
#define HF_LOG_IS_ON(log)           (false && (log) != NULL)
#define HF_LOGE(log, now, tag, ...) ((void)sizeof(hf_log_discard(log, now, __VA_ARGS__)))
#define HF_LOGW(log, now, tag, ...) ((void)sizeof(hf_log_discard(log, now, __VA_ARGS__)))
#define HF_LOGI(log, now, tag, ...) ((void)sizeof(hf_log_discard(log, now, __VA_ARGS__)))
#define HF_LOGD(log, now, tag, ...) ((void)sizeof(hf_log_discard(log, now, __VA_ARGS__)))
#endif

#ifdef __cplusplus
}
#endif

#endif
