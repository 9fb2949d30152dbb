// SPDX-License-Identifier: MIT
// The console's line editor and its table of commands. What the commands print: evse_console_commands.c.
#include "evse_console_private.h"

#define BACKSPACE 0x08
#define DELETE    0x7f
#define ESCAPE    0x1b
#define CTRL_C    0x03
#define CTRL_U    0x15

static void help(evse_console_t *console, uint64_t now_us, int64_t connector);

static const struct {
    const char *name, *argument, *help;
    void (*run)(evse_console_t *console, uint64_t now_us, int64_t connector); // 0: none named
    bool takes_connector;
} commands[] = {
    {"help", "", "this list", help, false},
    {"status", "[N]", "station and connectors, why there is no power", evse_console_status, true},
    {"mem", "", "pools: use, peak, capacity", evse_console_mem, false},
    {"tasks", "", "control ticks and check-ins", evse_console_tasks, false},
    {"faults", "", "faults now, and the last ones", evse_console_faults, false},
    {"selftest", "", "what can be tested without power", evse_console_selftest, false},
    {"stop", "[N]", "end the session on connector N, or all", evse_console_stop, true},
    {"commission", "N", "prove the module's profile in the next session", evse_console_commission,
     true},
};

void evse_console_write(const evse_console_t *console, const char *text)
{
    console->source.write(console->source.write_ctx, text, strlen(text));
}

void evse_console_print(const evse_console_t *console, const char *format, ...)
{
    char text[EVSE_CONSOLE_OUTPUT_BYTES];
    hf_builder_t out;
    va_list args;
    hf_builder_init(&out, text, sizeof text - 2u); // room for the line end, always
    va_start(args, format);
    hf_builder_vformat(&out, format, args);
    va_end(args);
    for (size_t i = 0; i < out.length; i++) {
        text[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    }
    memcpy(text + out.length, "\r\n", 3u);
    evse_console_write(console, text);
}

static void help(evse_console_t *console, uint64_t now_us, int64_t connector)
{
    (void)now_us;
    (void)connector;
    for (size_t i = 0; i < HF_COUNT_OF(commands); i++) {
        char left[24];
        hf_builder_t out;
        hf_builder_init(&out, left, sizeof left);
        hf_builder_format(&out, "%s %s", commands[i].name, commands[i].argument);
        while (out.length < 14u && !out.overflow) {
            hf_builder_char(&out, ' ');
        }
        evse_console_print(console, "%s %s", left, commands[i].help);
    }
    evse_console_print(console,
                       "Nothing here starts a session: card, button or central system do.");
}

// ---- one line -------------------------------------------------------------------------------------

static hf_slice_t next_word(hf_slice_t *rest)
{
    while (rest->length > 0 && rest->text[0] == ' ') {
        rest->text++;
        rest->length--;
    }
    hf_slice_t word = {.text = rest->text};
    while (word.length < rest->length && rest->text[word.length] != ' ') {
        word.length++;
    }
    rest->text += word.length;
    rest->length -= word.length;
    return word;
}

static bool read_connector(evse_console_t *console, hf_slice_t word, int64_t *connector)
{
    *connector = 0;
    if (word.length == 0) {
        return true;
    }
    bool good = hf_slice_to_i64(word, connector) == HF_OK && *connector >= 1 &&
                *connector <= (int64_t)console->snapshot.connectors;
    if (!good) {
        evse_console_print(console, "there is no connector %.*s", (int)word.length, word.text);
    }
    return good;
}

static void look(evse_console_t *console)
{
    const evse_console_source_t *source = &console->source;
    console->has_snapshot = hf_snapshot_read(source->control, &console->snapshot) == HF_OK;
    console->has_comms = hf_snapshot_read(source->comms, &console->comms) == HF_OK;
    if (!console->has_snapshot) {
        console->snapshot = (evse_snapshot_t){.connectors = 0};
    }
    if (!console->has_comms) {
        console->comms = (evse_comms_view_t){.now_us = 0};
    }
}

static void refuse(evse_console_t *console, hf_slice_t word)
{
    console->refused++;
    evse_console_print(console, "no such command: %.*s (try help)", (int)word.length, word.text);
}

static void run(evse_console_t *console, hf_slice_t line, uint64_t now_us)
{
    hf_slice_t rest = line;
    hf_slice_t word = next_word(&rest), argument = next_word(&rest), more = next_word(&rest);
    int64_t connector = 0;
    size_t i = 0;
    if (word.length == 0) {
        return;
    }
    while (i < HF_COUNT_OF(commands) && !hf_slice_is_nocase(word, commands[i].name)) {
        i++;
    }
    if (i == HF_COUNT_OF(commands)) {
        refuse(console, word);
        return;
    }
    if (more.length != 0 || (argument.length != 0 && !commands[i].takes_connector)) {
        console->refused++;
        evse_console_print(console, "too many words for %s", commands[i].name);
        return;
    }
    look(console);
    if (!read_connector(console, argument, &connector)) {
        console->refused++;
        return;
    }
    console->lines++;
    commands[i].run(console, now_us, connector);
}

static void end_line(evse_console_t *console, uint64_t now_us)
{
    evse_console_write(console, "\r\n");
    if (console->is_too_long) {
        console->refused++;
        evse_console_print(console, "line too long, not carried out");
    } else {
        run(console, (hf_slice_t){console->line, console->length}, now_us);
    }
    console->length = 0;
    console->is_too_long = false;
    evse_console_write(console, EVSE_CONSOLE_PROMPT);
}

// ---- one byte -------------------------------------------------------------------------------------

static void drop_line(evse_console_t *console)
{
    console->length = 0;
    console->is_too_long = false;
    evse_console_write(console, "\r\n" EVSE_CONSOLE_PROMPT);
}

static void take_back(evse_console_t *console)
{
    if (console->is_too_long) { // what was cut off cannot be taken back byte by byte
        drop_line(console);
    } else if (console->length > 0) {
        console->length--;
        evse_console_write(console, "\b \b");
    }
}

static void take_text(evse_console_t *console, char c)
{
    if (console->length >= EVSE_CONSOLE_LINE_BYTES - 1u) {
        console->is_too_long = true;
        return;
    }
    console->line[console->length++] = c;
    console->source.write(console->source.write_ctx, &c, 1);
}

// Arrow keys and the like are no text.
static bool take_escape(evse_console_t *console, unsigned char c)
{
    switch (console->escape) {
    case EVSE_CONSOLE_ESCAPE:
        console->escape = c == '[' || c == 'O' ? EVSE_CONSOLE_SEQUENCE : EVSE_CONSOLE_PLAIN;
        return c >= ' ' && c < DELETE;
    case EVSE_CONSOLE_SEQUENCE:
        if (c < ' ' || c >= '@') { // its final byte, or something else altogether
            console->escape = EVSE_CONSOLE_PLAIN;
        }
        return c >= ' ' && c < DELETE;
    case EVSE_CONSOLE_PLAIN:
    default:
        return false;
    }
}

static void take(evse_console_t *console, unsigned char c, uint64_t now_us)
{
    bool after_cr = console->after_cr;
    console->after_cr = c == '\r';
    if (take_escape(console, c) || (c == '\n' && after_cr)) {
        return;
    }
    if (c == '\r' || c == '\n') {
        end_line(console, now_us);
    } else if (c == BACKSPACE || c == DELETE) {
        take_back(console);
    } else if (c == CTRL_C || c == CTRL_U) {
        drop_line(console);
    } else if (c == ESCAPE) {
        console->escape = EVSE_CONSOLE_ESCAPE;
    } else if (c >= ' ' && c < DELETE) {
        take_text(console, (char)c);
    }
}

void evse_console_feed(evse_console_t *console, const char *bytes, size_t length, uint64_t now_us)
{
    for (size_t i = 0; i < length; i++) {
        take(console, (unsigned char)bytes[i], now_us);
    }
}

void evse_console_greet(evse_console_t *console)
{
    evse_console_write(console, "\r\nHoldfast console, try help\r\n" EVSE_CONSOLE_PROMPT);
}

int evse_console_init(evse_console_t *console, const evse_console_source_t *source)
{
    if (source->control == NULL || source->comms == NULL || source->write == NULL) {
        return HF_E_ARGUMENT;
    }
    *console = (evse_console_t){.source = *source};
    return HF_OK;
}
