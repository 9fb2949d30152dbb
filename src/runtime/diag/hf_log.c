// SPDX-License-Identifier: MIT
// Log lines into a drop-oldest ring, with a token bucket per tag. Owns nothing but its instance.
#include "holdfast/hf_log.h"

#include "holdfast/hf_clock.h"
#include "holdfast/hf_text.h"

#include <string.h>

static const char *const tag_texts[] = {
#define TAG_TEXT(name, text) text,
    HF_LOG_TAG_TABLE(TAG_TEXT)
#undef TAG_TEXT
};

static const char *const level_texts[] = {"silent", "error", "warning", "info", "debug", "trace"};

int hf_log_init(hf_log_t *log, const hf_log_config_t *config)
{
    if (log == NULL || config == NULL || config->level > HF_LOG_TRACE ||
        (config->rate_lines_per_s != 0 && config->burst_lines == 0)) {
        return HF_E_ARGUMENT;
    }
    memset(log, 0, sizeof *log);
    log->level = config->level;
    log->burst_lines = config->burst_lines;
    log->rate_lines_per_s = config->rate_lines_per_s;
    for (unsigned i = 0; i < HF_TAG_COUNT; i++) {
        log->limit[i].tokens = config->burst_lines;
    }
    return hf_ring_init(&log->ring, config->storage, sizeof(hf_log_line_t), config->capacity);
}

/// True when a line of this tag may pass now.
static bool admit(hf_log_t *log, hf_log_tag_t tag, uint64_t now_us)
{
    if (log->rate_lines_per_s == 0) {
        return true;
    }
    uint64_t us_per_line = HF_US_PER_S / log->rate_lines_per_s;
    uint64_t earned = (now_us - log->limit[tag].refill_us) / us_per_line;
    if (earned != 0) {
        uint64_t tokens = log->limit[tag].tokens + earned;
        log->limit[tag].tokens = tokens > log->burst_lines ? log->burst_lines : (uint32_t)tokens;
        log->limit[tag].refill_us += earned * us_per_line;
    }
    if (log->limit[tag].tokens == 0) {
        log->limit[tag].suppressed++;
        log->suppressed_total++;
        return false;
    }
    log->limit[tag].tokens--;
    return true;
}

static void replace_controls(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F) {
            *text = '?';
        }
    }
}

void hf_log_write(hf_log_t *log, uint64_t now_us, hf_log_level_t level, hf_log_tag_t tag,
                  const char *format, ...)
{
    if (log == NULL || level > log->level || level == HF_LOG_SILENT || tag >= HF_TAG_COUNT ||
        (level != HF_LOG_ERROR && !admit(log, tag, now_us))) {
        return;
    }
    hf_log_line_t line;
    memset(&line, 0, sizeof line); // the ring carries every byte of it
    line.time_us = now_us;
    line.suppressed = log->limit[tag].suppressed;
    line.level = (uint8_t)level;
    line.tag = (uint8_t)tag;
    log->limit[tag].suppressed = 0;
    hf_builder_t out;
    hf_builder_init(&out, line.text, sizeof line.text);
    va_list args;
    va_start(args, format);
    hf_builder_vformat(&out, format, args);
    va_end(args);
    line.truncated = out.overflow ? 1 : 0;
    replace_controls(line.text);
    hf_ring_put(&log->ring, &line);
}

int hf_log_take(hf_log_t *log, hf_log_line_t *line)
{
    return hf_ring_get(&log->ring, line);
}

const char *hf_log_tag_text(unsigned tag)
{
    return tag < HF_COUNT_OF(tag_texts) ? tag_texts[tag] : "unknown";
}

const char *hf_log_level_text(unsigned level)
{
    return level < HF_COUNT_OF(level_texts) ? level_texts[level] : "unknown";
}

int hf_log_level_parse(const char *name, hf_log_level_t *level)
{
    for (unsigned i = 0; i < HF_COUNT_OF(level_texts); i++) {
        if (strcmp(name, level_texts[i]) == 0) {
            *level = (hf_log_level_t)i;
            return HF_OK;
        }
    }
    return HF_E_NOT_FOUND;
}
