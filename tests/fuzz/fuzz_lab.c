// SPDX-License-Identifier: MIT
// Any bytes on a serial line, in any portions, through the lab: the record they become, its gates, its summary.
// Invariants: names and tags end within their room and hold no control characters; figures are in their range; the same
// bytes in other portions give the same rows; the summary is JSON; an event is an object.
#include "fuzz.h"
#include "lab_gates.h"
#include "lab_json.h"
#include "lab_summary.h"

#include <string.h>

#define NOW 1768000000.0

static void check_text(const char *text, size_t capacity)
{
    size_t length = strlen(text);
    must(length < capacity);
    for (size_t i = 0; i < length; i++) {
        must((unsigned char)text[i] >= 0x20u && text[i] != 0x7F);
    }
}

static void check_rows(const lab_run_t *run)
{
    for (uint32_t i = 0; i < run->mems; i++) {
        check_text(run->mem[i].tag, LAB_NAME_BYTES);
        must(run->mem[i].memory.frag <= 100u || run->mem[i].memory.frag == LAB_UNKNOWN);
        must(run->mem[i].boot <= run->boots);
    }
    for (uint32_t i = 0; i < run->tasks; i++) {
        check_text(run->task[i].name, LAB_NAME_BYTES);
        must(run->task[i].core >= LAB_CORE_ANY || run->task[i].core == LAB_CORE_UNKNOWN);
        must(run->task[i].left != LAB_UNKNOWN);
    }
    for (uint32_t i = 0; i < run->pools; i++) {
        check_text(run->pool[i].name, LAB_NAME_BYTES);
        must(run->pool[i].pool.use <= run->pool[i].pool.cap);
    }
    for (uint32_t i = 0; i < run->trips; i++) {
        check_text(run->trip[i].tag, sizeof run->trip[i].tag);
        must(run->trip[i].worst_count <= sizeof run->trip[i].worst / sizeof run->trip[i].worst[0]);
        for (uint32_t k = 1; k < run->trip[i].worst_count; k++) {
            must(run->trip[i].worst[k - 1u].left <= run->trip[i].worst[k].left);
        }
    }
    for (uint32_t i = 0; i < run->panics; i++) {
        check_text(run->panic[i].line, sizeof run->panic[i].line);
        must(lab_panic_rank(run->panic[i].kind) != lab_panic_rank("no such kind"));
        must(run->panic[i].line_no >= 1 && run->panic[i].line_no <= run->line_no);
    }
    must(run->unexpected_resets <= run->boots && run->boots <= run->resets);
    for (uint32_t i = 0; i < run->events; i++) {
        hf_json_t root;
        lab_text_t text = {0};
        lab_run_event_json(run, i, &text);
        must(hf_json_parse(text.text, text.length, &root) == HF_OK);
        must(root.type == HF_JSON_OBJECT);
        lab_text_free(&text);
    }
}

static void feed(lab_run_t *run, const uint8_t *data, size_t size, size_t portion)
{
    lab_run_init(run);
    for (size_t at = 0; at < size; at += portion) {
        size_t left = size - at < portion ? size - at : portion;
        must(lab_run_feed(run, NOW, (const char *)data + at, left) == 0);
    }
    must(lab_run_flush(run, NOW) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lab_run_t run, again;
    lab_gates_t gates;
    lab_text_t summary = {0}, markdown = {0};
    hf_json_t root;
    if (size == 0) {
        return 0;
    }
    feed(&run, data + 1, size - 1, 1u + data[0]);
    feed(&again, data + 1, size - 1, 1);
    must(run.mems == again.mems && run.tasks == again.tasks && run.events == again.events);
    must(run.line_no == again.line_no && run.boots == again.boots);
    check_rows(&run);
    lab_gates_init(&gates);
    lab_gates_judge(&gates, &run);
    must(run.is_inconclusive || run.mems > 0);
    lab_summary_json(&run, ".", &summary);
    lab_summary_markdown(&run, ".", &markdown);
    must(!summary.failed);
    must(hf_json_parse(summary.text, summary.length, &root) == HF_OK);
    must(lab_json_u32(root, "schema") == 1);
    lab_text_free(&summary);
    lab_text_free(&markdown);
    lab_run_free(&run);
    lab_run_free(&again);
    return 0;
}
