// SPDX-License-Identifier: MIT
// The script of `holdfast sim`: lines on stdin. A line that cannot be carried out is answered by an event "error".
#include "holdfast.h"
#include "sim_station.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define WORDS_MAX 4u

typedef struct script_line {
    char *word[WORDS_MAX];
    unsigned words;
    unsigned connector; // from 0, of those commands that name one
} script_line_t;

static void set_fault_all(station_t *station, sim_faults_t fault, bool on)
{
    for (unsigned c = 0; c < station->connectors; c++) {
        sim_outlet_set_fault(&station->outlet[c], fault, on);
    }
}

static int read_switch(const char *text, bool *on)
{
    *on = strcmp(text, "on") == 0;
    return *on || strcmp(text, "off") == 0 ? HF_OK : HF_E_FORMAT;
}

static void plug(station_t *station, unsigned connector, bool plugged)
{
    sim_outlet_plug(&station->outlet[connector], plugged);
    station_event_t event;
    station_event_begin(&event, station, "plugged", (int)connector);
    hf_json_bool_field(&event.json, "plugged", plugged);
    if (plugged) {
        uint32_t permille = sim_outlet_soc_permille(&station->outlet[connector]);
        station->told[connector].soc_percent = permille / 10u;
        hf_json_key(&event.json, "soc");
        hf_json_put_fixed(&event.json, permille, 1);
    }
    station_event_end(&event, station);
}

static const char *run_plug(station_t *station, const script_line_t *line)
{
    plug(station, line->connector, true);
    return NULL;
}

static const char *run_unplug(station_t *station, const script_line_t *line)
{
    plug(station, line->connector, false);
    return NULL;
}

static const char *run_card(station_t *station, const script_line_t *line)
{
    if (strlen(line->word[2]) > STATION_TAG_MAX) {
        return "a tag has at most 20 characters";
    }
    if (!station_io_card(station, line->connector, line->word[2])) {
        return "no charger is connected to read the card";
    }
    station_event_t event;
    station_event_begin(&event, station, "card", (int)line->connector);
    hf_json_string_field(&event.json, "tag", line->word[2]);
    station_event_end(&event, station);
    return NULL;
}

static const char *run_fault(station_t *station, const script_line_t *line)
{
    sim_faults_t fault = sim_fault_find(line->word[2]);
    bool on;
    if (fault == 0) {
        return "there is no fault of that name";
    }
    if (read_switch(line->word[3], &on) != HF_OK) {
        return "on or off is needed";
    }
    sim_outlet_set_fault(&station->outlet[line->connector], fault, on);
    station_tell_flag(station, "fault", (int)line->connector, line->word[2], on);
    return NULL;
}

static const char *run_estop(station_t *station, const script_line_t *line)
{
    bool on;
    if (read_switch(line->word[1], &on) != HF_OK) {
        return "on or off is needed";
    }
    set_fault_all(station, SIM_FAULT_ESTOP, on);
    station_tell_flag(station, "estop", -1, "pressed", on);
    return NULL;
}

static const char *run_reset(station_t *station, const script_line_t *line)
{
    bool on;
    if (read_switch(line->word[1], &on) != HF_OK) {
        return "on or off is needed";
    }
    for (unsigned c = 0; c < station->connectors; c++) {
        sim_outlet_hold_reset(&station->outlet[c], on);
    }
    station_tell_flag(station, "reset", -1, "held", on);
    return NULL;
}

static const char *run_status(station_t *station, const script_line_t *line)
{
    (void)line;
    station_tell_status(station);
    return NULL;
}

static const char *run_quit(station_t *station, const script_line_t *line)
{
    (void)line;
    station->ends = true;
    return NULL;
}

static const struct script_command {
    const char *name;
    unsigned words;
    bool has_connector;
    const char *(*run)(station_t *station, const script_line_t *line); // NULL, or what is wrong
} commands[] = {
    {"plug", 2, true, run_plug},      {"unplug", 2, true, run_unplug},
    {"card", 3, true, run_card},      {"fault", 4, true, run_fault},
    {"estop", 2, false, run_estop},   {"reset", 2, false, run_reset},
    {"status", 1, false, run_status}, {"quit", 1, false, run_quit},
};

static const char *run_command(station_t *station, script_line_t *line,
                               const struct script_command *command)
{
    if (line->words != command->words) {
        return "wrong number of words";
    }
    if (command->has_connector) {
        hf_slice_t slice = {.text = line->word[1], .length = strlen(line->word[1])};
        int64_t number;
        if (hf_slice_to_i64(slice, &number) != HF_OK || number < 1 ||
            number > (int64_t)station->connectors) {
            return "there is no such connector";
        }
        line->connector = (unsigned)number - 1u;
    }
    return command->run(station, line);
}

static const char *run_line(station_t *station, char *text)
{
    script_line_t line = {.words = 0};
    char *rest = NULL;
    for (char *word = strtok_r(text, " \t\r", &rest); word != NULL;
         word = strtok_r(NULL, " \t\r", &rest)) {
        if (line.words == WORDS_MAX) {
            return "too many words";
        }
        line.word[line.words++] = word;
    }
    if (line.words == 0 || line.word[0][0] == '#') {
        return NULL;
    }
    for (size_t i = 0; i < HF_COUNT_OF(commands); i++) {
        if (strcmp(line.word[0], commands[i].name) == 0) {
            return run_command(station, &line, &commands[i]);
        }
    }
    return "there is no such command";
}

static void answer_line(station_t *station, char *text)
{
    char whole[sizeof station->script];
    (void)snprintf(whole, sizeof whole, "%s", text);
    const char *wrong = run_line(station, text);
    if (wrong != NULL) {
        station_event_t event;
        station_event_begin(&event, station, "error", -1);
        hf_json_string_field(&event.json, "line", whole);
        hf_json_string_field(&event.json, "text", wrong);
        station_event_end(&event, station);
    }
}

void station_script_receive(station_t *station)
{
    char *storage = station->script;
    ssize_t length = read(STDIN_FILENO, storage + station->script_length,
                          sizeof station->script - 1 - station->script_length);
    if (length < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (length <= 0) {
        station->script_ended = true;
        (void)epoll_ctl(station->epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
        return;
    }
    station->script_length += (size_t)length;
    storage[station->script_length] = '\0';
    char *begin = storage;
    for (char *end = strchr(begin, '\n'); end != NULL && !station->ends;
         end = strchr(begin, '\n')) {
        *end = '\0';
        answer_line(station, begin);
        begin = end + 1;
    }
    station->script_length -= (size_t)(begin - storage);
    if (station->script_length == sizeof station->script - 1) {
        station->script_length = 0; // a line nobody can mean
    }
    memmove(storage, begin, station->script_length);
}
