'use strict';
// The pages of the portal over its API. Every text from outside is set as text, never as markup.
const $ = (id) => document.getElementById(id);
const SVG = 'http://www.w3.org/2000/svg';

function make(tag, text, name) {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (name) element.className = name;
    return element;
}

function rows(pairs, list = make('dl')) {
    list.replaceChildren(...pairs.flatMap(([key, value]) => [make('dt', key), make('dd', value)]));
    return list;
}

function card(title, ...parts) {
    const section = make('section', undefined, 'card');
    section.append(make('h2', title), ...parts);
    return section;
}

async function get(path) {
    const answer = await fetch(path, {cache: 'no-store', signal: AbortSignal.timeout(5000)});
    if (!answer.ok) throw new Error(answer.status === 503 ? 'busy' : 'status ' + answer.status);
    return answer.json();
}

const bytes = (value) => value === null || value === undefined ? 'unknown'
    : value >= 1 << 20 ? (value / (1 << 20)).toFixed(1) + ' MiB'
        : value >= 1 << 10 ? (value / (1 << 10)).toFixed(1) + ' KiB' : value + ' B';

function duration(seconds) {
    const days = Math.floor(seconds / 86400), hours = Math.floor(seconds / 3600) % 24, minutes = Math.floor(seconds / 60) % 60;
    return (days ? days + ' d ' : '') + (days || hours ? hours + ' h ' : '') + minutes + ' min ' + Math.floor(seconds % 60) + ' s';
}

function curve(values, label) {
    const known = values.filter((value) => value !== null);
    if (known.length < 2) return make('span', 'not enough samples yet');
    const most = Math.max(...known), least = Math.min(...known), span = most - least || 1;
    const svg = document.createElementNS(SVG, 'svg'), line = document.createElementNS(SVG, 'polyline');
    svg.setAttribute('class', 'curve');
    svg.setAttribute('viewBox', '0 0 100 100');
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
    line.setAttribute('points', known.map((value, i) =>
        (i * 100 / (known.length - 1)).toFixed(2) + ',' + (95 - (value - least) * 90 / span).toFixed(2)).join(' '));
    svg.append(line);
    return svg;
}

function table(heads, lines) {
    const wide = make('div', undefined, 'wide'), whole = make('table'), head = make('thead'), body = make('tbody');
    const row = (cells, tag) => {
        const line = make('tr');
        line.append(...cells.map((cell) => make(tag, cell)));
        return line;
    };
    head.append(row(heads, 'th'));
    body.append(...lines.map((cells) => row(cells, 'td')));
    whole.append(head, body);
    wide.append(whole);
    return wide;
}

function connectorCard(c) {
    const r = [];
    if (c.fault !== 'NONE') r.push(['fault', c.fault]);
    if (c.transaction_id) r.push(['transaction', c.transaction_id]);
    r.push(['power', c.power_W.toFixed(0) + ' W'],
        ['output', c.voltage_V.toFixed(1) + ' V, ' + c.current_A.toFixed(1) + ' A'], ['register', c.register_Wh + ' Wh']);
    if ('soc_percent' in c) r.push(['battery', c.soc_percent + ' %']);
    if ('temperature_C' in c) r.push(['module', c.temperature_C + ' \u00b0C']);
    r.push(['plug', c.plugged ? (c.locked ? 'in, locked' : 'in') : 'out'], ['contactor', c.contactor_closed ? 'closed' : 'open']);
    if (c.reasons.length) r.push(['no power because', c.reasons.join(', ')]);
    const b = c.bus;
    r.push(['bus', b.module + (b.bms !== b.module ? ', BMS ' + b.bms : '') + (b.bus_offs ? ', off ' + b.bus_offs + ' times' : '') +
        (b.overruns ? ', ' + b.overruns + ' frames lost' : '') + (b.ring_percent > 80 ? ', ring ' + b.ring_percent + ' %' : '')]);
    if (c.commissioning !== 'proven or not asked for') r.push(['commissioning', c.commissioning]);
    return card('Connector ' + c.connector, make('div', c.state, 'state ' + c.state), rows(r));
}

function healthCard(s) {
    const t = s.ticks_lateness, r = s.reasons.map((reason) => ['because', reason]);
    r.push(['control ticks', 'latest ' + t.max_us + ' \u00b5s late, ' + t.over_limit + ' of ' + t.count + ' over ' + t.limit_us + ' \u00b5s'],
        ['real time', s.realtime.fifo ? 'granted' : 'no: ' + s.realtime.fifo_refused],
        ['memory', s.realtime.locked ? 'locked' : 'not locked: ' + s.realtime.locked_refused]);
    for (const f of s.faults.queue.slice(-8).reverse()) {
        r.push(['fault', f.fault + (f.connector ? ', connector ' + f.connector : '') + ', ' + (f.uptime_ms / 1000).toFixed(1) + ' s after start']);
    }
    return card('Health', make('div', s.health, 'state ' + s.health), rows(r));
}

function memoryCard(h, history) {
    const r = [['up', duration(h.uptime_seconds)], ['last reset', h.reset_reason]];
    if (h.heap_internal_free !== null) {
        r.push(['internal heap', bytes(h.heap_internal_free) + ' free, least ' + bytes(h.heap_internal_min) + ', largest block ' +
            bytes(h.heap_internal_largest)], ['fragmentation', h.heap_fragmentation + ' %']);
        if (h.psram_free) r.push(['external memory', bytes(h.psram_free) + ' free, least ' + bytes(h.psram_min)]);
    }
    const parts = [rows(r)];
    if (h.heap_internal_free !== null && history.available) parts.push(curve(history.heap_internal_free, 'free internal heap, last minutes'));
    if (h.pools.length) {
        parts.push(table(['pool', 'size', 'cap', 'use', 'peak', 'refused'],
            h.pools.map((p) => [p.pool, p.block_bytes, p.capacity, p.in_use, p.peak, p.exhausted])));
    }
    if (h.tasks.length) parts.push(table(['task', 'stack margin'], h.tasks.map((t) => [t.task, bytes(t.stack_free_bytes)])));
    return card('Memory', ...parts);
}

function showHead(s) {
    $('id').textContent = s.id;
    $('link').textContent = 'central system ' + s.csms + ': link ' + s.link + ', registration ' + s.registration +
        (s.link !== 'open' && s.link_error ? ' (' + s.link_error + ')' : '') + (s.queue ? ', ' + s.queue + ' messages waiting' : '') +
        (s.net ? ', network ' + s.net + (s.net_rssi_dBm ? ' ' + s.net_rssi_dBm + ' dBm' : '') + (s.net_error ? ' (' + s.net_error + ')' : '') : '');
    $('gone').textContent = s.estop_latched ? 'emergency stop is latched' : '';
}

let memory = null, asked = 0;
async function showStatus() {
    const s = await get('/api/status');
    showHead(s);
    if (Date.now() - asked >= 5000) { // a window of the device
        asked = Date.now();
        memory = await Promise.all([get('/api/health'), get('/api/health/history')]).catch(() => null);
    }
    const sessions = card('Sessions', rows([['ended', s.sessions_ended],
        ...(s.last_session ? [['last', s.last_session.energy_Wh + ' Wh, ' + s.last_session.reason]] : []),
        ['boot', 'number ' + s.boot], ['version', s.version]]));
    $('main').replaceChildren(...s.connectors.map(connectorCard), ...(s.health ? [healthCard(s)] : []),
        ...(memory ? [memoryCard(...memory)] : []), sessions);
}

async function showNetwork() {
    const s = await get('/api/status');
    showHead(s);
    rows([['station', s.id], ['central system', s.csms], ['link', s.link], ['registration', s.registration],
        ['network', s.net ? s.net + (s.net_rssi_dBm ? ', ' + s.net_rssi_dBm + ' dBm' : '') : 'not watched'],
        ['messages waiting', s.queue]], $('net'));
}

async function fillConfig() {
    const [config, mode] = [await get('/api/config'), await get('/api/mode')];
    const form = $('config'), may = mode.writes !== 'closed', lines = [];
    for (const [readonly, list] of [[false, config.config], [true, config.readonly]]) {
        for (const [key, value] of Object.entries(list)) {
            const label = make('label'), input = make('input');
            input.name = key;
            input.value = input.defaultValue = value;
            input.disabled = readonly || !may;
            label.append(make('span', key), input, make('span'));
            lines.push(label);
        }
    }
    const button = make('button', 'Save what was changed');
    button.disabled = !may;
    form.replaceChildren(...lines, button, make('p', may ? '' : mode.writes_reason));
    form.lastChild.setAttribute('role', 'status');
    form.onsubmit = (event) => {
        event.preventDefault();
        saveConfig(form);
    };
}

async function saveConfig(form) {
    const changed = [...form.elements].filter((e) => e.name && e.value !== e.defaultValue), note = form.lastChild;
    if (!changed.length) {
        note.textContent = 'nothing was changed';
        return;
    }
    try {
        const answer = await fetch('/api/config?no_reboot=1', {method: 'POST', headers: {'Content-Type': 'application/json'},
            body: JSON.stringify(Object.fromEntries(changed.map((e) => [e.name, e.value])))});
        const result = await answer.json();
        note.textContent = answer.ok ? result.accepted + ' changed' + (result.reboot_required ? '; a restart is needed' : '') : result.error;
        for (const input of answer.ok ? changed : []) {
            const verdict = result.results[input.name];
            input.nextSibling.textContent = verdict;
            input.nextSibling.className = verdict;
            if (verdict === 'Accepted' || verdict === 'RebootRequired') input.defaultValue = input.value;
        }
    } catch (error) {
        note.textContent = 'no answer from the charge point';
    }
}

async function showFirmware() {
    const [s, info] = [await get('/api/status'), await get('/api/info')];
    showHead(s);
    rows([['version', info.version], ['product', info.product], ['station', info.id], ['module profile', info.profile],
        ['vehicle profile', info.vehicle], ['up', duration(info.uptime_seconds)],
        ['largest image', bytes(info.limits.firmware_bytes)]], $('info'));
}

const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');

async function upload(form) {
    const file = form.file.files[0], result = $('result'), bar = form.querySelector('progress'), button = form.querySelector('button');
    let digest = form.digest.value.toLowerCase();
    if (!digest && crypto.subtle) digest = hex(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
    if (!digest) {
        result.textContent = 'this browser computes no digest here: fill it in';
        return;
    }
    const request = new XMLHttpRequest();
    request.open('POST', '/api/firmware');
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.setRequestHeader('X-Digest-SHA256', digest);
    request.upload.onprogress = (event) => { bar.value = event.loaded / event.total; };
    request.onloadend = () => {
        let answer = {};
        try { answer = JSON.parse(request.responseText); } catch (error) { /* none */ }
        bar.hidden = true;
        button.disabled = false;
        result.className = answer.verified ? 'ok' : 'bad';
        result.textContent = answer.error ?? (request.status === 0 ? 'the upload was broken off'
            : answer.bytes + ' bytes, ' + (answer.verified ? 'verified' : 'the digest is another: ' + answer.sha256) + '; nothing was installed');
    };
    bar.value = 0;
    bar.hidden = false;
    button.disabled = true;
    result.textContent = '';
    request.send(file);
}

async function reboot() {
    const note = $('restarted');
    try {
        const answer = await fetch('/api/reboot', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'});
        const result = await answer.json();
        note.textContent = !answer.ok ? result.error : result.after_sessions ? 'restarts when the session has ended' : 'restarting';
    } catch (error) {
        note.textContent = 'no answer from the charge point';
    }
}

const pages = {status: [showStatus, 1000], network: [showNetwork, 5000], firmware: [showFirmware, 5000]};
const [show, period] = pages[document.body.dataset.page];

async function tick() {
    try {
        await show();
    } catch (error) {
        $('gone').textContent = error.message === 'busy' ? 'the charge point is busy or starting' : 'no answer from the charge point';
    }
    setTimeout(tick, period);
}

for (const link of document.querySelectorAll('nav a')) {
    if (link.pathname === location.pathname) link.setAttribute('aria-current', 'page');
}
if ($('config')) fillConfig().catch(() => { $('config').textContent = 'the configuration cannot be read now; reload the page'; });
if ($('upload')) {
    $('upload').onsubmit = (event) => {
        event.preventDefault();
        upload($('upload'));
    };
    $('reboot').onsubmit = (event) => {
        event.preventDefault();
        reboot();
    };
}
tick();
