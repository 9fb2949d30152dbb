// SPDX-License-Identifier: MIT
// A central system that breaks every rule, one after another: RPC (the CALLERROR as specified), WebSocket (the close code),
// HTTP (the handshake refused), and links that die without a word. After each the daemon is alive, answers its status page,
// is connected again within its backoff and still answers CALLs. Three daemons at a time, to keep it short.
import {createHash} from 'node:crypto';
import {once} from 'node:events';
import {createServer} from 'node:http';
import {Events, Station, check, equal, load, main, now, sleep} from './lib.mjs';

const {WebSocketServer} = await load('ws');
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const BACKOFF_S = 1.3;    // the first wait, with its jitter
const SLACK_S = 1.5;      // of a loaded machine
const PING_S = 3;
const DEAD_S = 2 * PING_S; // two intervals
const OPEN_S = 15;        // time-out of connection and handshake
const MESSAGE_BYTES = 16384;

const RESULTS = {
    BootNotification: () => ({status: 'Accepted', interval: 300, currentTime: new Date().toISOString()}),
    Heartbeat: () => ({currentTime: new Date().toISOString()}),
    StatusNotification: () => ({}),
    MeterValues: () => ({}),
};

/** Well behaved but for what a case tells it to do. */
class Server {
    links = new Events('server'); // each accepted WebSocket
    frames = new Events('frames'); // each message of the station, parsed
    trick = null; // takes the next upgrade instead: (request, socket) => ...
    #probes = 0;

    async listen() {
        this.http = createServer();
        this.sockets = new WebSocketServer({noServer: true, handleProtocols: () => 'ocpp1.6', autoPong: true});
        this.http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
        this.http.listen(0, '127.0.0.1');
        await once(this.http, 'listening');
        this.url = `ws://127.0.0.1:${this.http.address().port}/ocpp`;
    }

    #upgrade(request, socket, head) {
        socket.on('error', () => {});
        const trick = this.trick;
        this.trick = null;
        if (trick) {
            trick(request, socket);
            return;
        }
        this.sockets.handleUpgrade(request, socket, head, (link) => {
            this.link = link;
            link.on('error', () => {});
            link.on('message', (data) => this.#take(link, JSON.parse(String(data))));
            this.links.put({link, t: now()});
        });
    }

    #take(link, frame) {
        this.frames.put(frame);
        if (frame[0] === 2) {
            link.send(JSON.stringify([3, frame[1], RESULTS[frame[2]]()]));
        }
    }

    /** Answers of the station up to the one to a good CALL: proof that the link lives, and of what came before it. */
    async answersUntilProbe() {
        const id = `probe-${++this.#probes}`;
        this.link.send(JSON.stringify([2, id, 'GetConfiguration', {key: ['HeartbeatInterval']}]));
        const answers = [];
        for (;;) {
            const frame = await this.frames.next((one) => one[0] !== 2, `an answer to ${id}`);
            if (frame[1] === id) {
                check(frame[0] === 3 && frame[2].configurationKey.length === 1, `answer to ${id}: ${JSON.stringify(frame)}`);
                return answers;
            }
            answers.push(frame);
        }
    }

    /** An answered CALL of the station: its backoff begins anew. */
    async letItCall() {
        this.link.send('[2,"trigger","TriggerMessage",{"requestedMessage":"Heartbeat"}]');
        await this.frames.next((frame) => frame[0] === 2 && frame[2] === 'Heartbeat', 'Heartbeat after its trigger');
    }

    close() {
        this.link?.terminate();
        this.http.closeAllConnections();
        this.http.close();
    }
}

async function startPair(id) {
    const server = new Server();
    await server.listen();
    const station = new Station({id, settings: [`WebSocketPingInterval=${PING_S}`]});
    await station.startSim();
    station.startDaemon(server.url);
    await server.links.next(() => true, `connection of ${id}`);
    await server.frames.next((frame) => frame[2] === 'StatusNotification' && frame[3].connectorId === 1, 'StatusNotification');
    return {server, station};
}

/** Alive, and its page answers. */
async function judgeAlive({station}, name) {
    const said = await station.status();
    check(station.daemon.status === null && said.link === 'open' && said.registration === 'accepted',
        `${name}: ended with ${station.daemon.status}, link ${said.link}, registration ${said.registration}`);
}

/** Connected again within the backoff, counted from the end of the connection. */
async function judgeReconnect(pair, name, ended) {
    const {t} = await pair.server.links.next(() => true, `${name}: a new connection`);
    check(t - ended <= BACKOFF_S + SLACK_S, `${name}: connected again after ${(t - ended).toFixed(2)} s`);
    await pair.server.answersUntilProbe();
    await pair.server.letItCall();
    await judgeAlive(pair, name);
}

// ---- RPC: the CALLERROR, or silence when nobody could relate an answer ----

const call = (id, action, payload) => JSON.stringify([2, id, action, payload]);
const LONG_ID = 'x'.repeat(37);
const nested = (depth) => '['.repeat(depth) + ']'.repeat(depth);

const SILENT = ['hello', '', '[]', '[2]', '{}', 'null', '[2,', '[2,7,"ClearCache",{}]', '["2","a","ClearCache",{}]', '[2.5,"a","ClearCache",{}]',
    '[9,"a","ClearCache",{}]', '[-2,"a","ClearCache",{}]', '[3,"stray",{}]', '[4,"stray","GenericError","",{}]', '[3,"stray"]', '[3]', '[4,5]',
    nested(200), `[${'9'.repeat(400)},"a","ClearCache",{}]`, '[1e999,"a","ClearCache",{}]'];

const FORMATION = [['f1', '[2,"f1","ClearCache"'], ['f2', '[2,"f2"]'], ['f3', '[2,"f3","ClearCache",[]]'], ['f4', '[2,"f4","ClearCache",{},1]'],
    ['f5', '[2,"f5",7,{}]'], ['f6', '[2,"f6","ClearCache",{"a":01}]'], ['f7', '[2,"f7","ClearCache",{}] x'],
    ['f8', `[2,"f8","DataTransfer",{"vendorId":"x","data":${nested(60)}}]`], ['f9', '[2,"f9","ClearCache",{"a":"\\ud800"}]'],
    ['f10', '[2,"f10","ClearCache",null]'], ['f11', "[2,\"f11\",'ClearCache',{}]"], [LONG_ID, call(LONG_ID, 'ClearCache', {})]];

const NOT_IMPLEMENTED = [['MakeCoffee', {}], ['clearcache', {}], ['', {}], ['A'.repeat(100), {}]];
const NOT_SUPPORTED = [['Authorize', {}], ['StartTransaction', {}], ['StatusNotification', {}]];
const MISSING = [['ReserveNow', {}], ['SetChargingProfile', {}], ['ChangeAvailability', {}], ['ChangeAvailability', {connectorId: 1}], ['ChangeConfiguration', {key: 'HeartbeatInterval'}],
    ['RemoteStartTransaction', {}], ['RemoteStopTransaction', {}], ['Reset', {}], ['UnlockConnector', {}], ['TriggerMessage', {}],
    ['DataTransfer', {}], ['GetConfiguration', {key: Array.from({length: 300}, (_, i) => `k${i}`)}]];
const WRONG_TYPE = [['ChangeAvailability', {connectorId: '1', type: 'Operative'}], ['ChangeConfiguration', {key: 'HeartbeatInterval', value: 5}],
    ['RemoteStartTransaction', {idTag: 5}], ['RemoteStopTransaction', {transactionId: 'x'}], ['RemoteStopTransaction', {transactionId: 1.5}],
    ['Reset', {type: 1}], ['UnlockConnector', {connectorId: null}], ['TriggerMessage', {requestedMessage: 'Heartbeat', connectorId: true}],
    ['GetConfiguration', {key: 'HeartbeatInterval'}], ['GetConfiguration', {key: [1]}], ['DataTransfer', {vendorId: {}}]];
const WRONG_VALUE = [['ChangeAvailability', {connectorId: -1, type: 'Operative'}], ['ChangeAvailability', {connectorId: 1, type: 'Maybe'}],
    ['ChangeConfiguration', {key: 'k'.repeat(51), value: '1'}], ['ChangeConfiguration', {key: 'k', value: 'v'.repeat(501)}],
    ['RemoteStartTransaction', {idTag: 't'.repeat(21)}], ['RemoteStartTransaction', {idTag: 'a\0b'}],
    ['RemoteStartTransaction', {idTag: 'T', connectorId: 0}], ['RemoteStopTransaction', {transactionId: 99999999999}],
    ['RemoteStopTransaction', {transactionId: 1e20}], ['Reset', {type: 'Warm'}],
    ['DataTransfer', {vendorId: 'v'.repeat(256)}], ['GetConfiguration', {key: ['k'.repeat(51)]}]];

async function rpcCases(pair) {
    const cases = [...SILENT.map((text) => ({text})), ...FORMATION.map(([id, text]) => ({id, text, code: 'FormationViolation'}))];
    for (const [code, list] of Object.entries({NotImplemented: NOT_IMPLEMENTED, NotSupported: NOT_SUPPORTED,
        OccurenceConstraintViolation: MISSING, TypeConstraintViolation: WRONG_TYPE, PropertyConstraintViolation: WRONG_VALUE})) {
        cases.push(...list.map(([action, payload], i) => ({id: `${code}-${i}`.slice(-36), code, action, payload})));
    }
    for (const {id, text, code, action, payload} of cases) {
        const sent = text ?? call(id, action, payload).replace('100000000000000000000', '9'.repeat(40));
        pair.server.link.send(sent);
        const answers = await pair.server.answersUntilProbe();
        const wanted = code === undefined ? [] : [[4, id, code]];
        equal(answers.map((frame) => frame.slice(0, 3)), wanted, `RPC: ${sent.slice(0, 120)}`);
        check(answers.every((frame) => frame.length === 5 && typeof frame[3] === 'string' && typeof frame[4] === 'object'), `RPC: form of ${answers}`);
        await judgeAlive(pair, `RPC: ${sent.slice(0, 120)}`);
    }
    console.log(`RPC: ${cases.length} cases`);
}

// ---- WebSocket: the close code ----

function frame(first, payload = Buffer.alloc(0), {form = payload.length > 125 ? 126 : payload.length, mask = 0, claim = payload.length} = {}) {
    const length = Buffer.alloc(form === 126 ? 2 : form === 127 ? 8 : 0);
    if (form === 126) {
        length.writeUInt16BE(claim);
    } else if (form === 127) {
        length.writeBigUInt64BE(BigInt(claim));
    }
    return Buffer.concat([Buffer.from([first, mask | form]), length, payload]);
}

const text = (value) => Buffer.from(value);
const code = (value, reason = Buffer.alloc(0)) => Buffer.concat([Buffer.from([value >> 8, value & 255]), reason]);

const WEBSOCKET = [
    ['masked frame', 1002, Buffer.concat([frame(0x81, Buffer.alloc(0), {mask: 0x80, form: 2}), Buffer.from([0, 0, 0, 0, 0x5b, 0x5d])])],
    ['reserved bit', 1002, frame(0xc1, text('[]'))],
    ['opcode 3', 1002, frame(0x83, text('[]'))],
    ['opcode 11', 1002, frame(0x8b)],
    ['continuation of nothing', 1002, frame(0x80, text('[]'))],
    ['text within a fragmented text', 1002, Buffer.concat([frame(0x01, text('[2,')), frame(0x81, text('[]'))])],
    ['fragmented ping', 1002, frame(0x09)],
    ['ping of 126 bytes', 1002, frame(0x89, Buffer.alloc(126))],
    ['16-bit length of 5', 1002, frame(0x81, text('hello'), {form: 126})],
    ['64-bit length of 126', 1002, frame(0x81, Buffer.alloc(126, 0x20), {form: 127})],
    ['length above 2^63', 1002, frame(0x81, Buffer.alloc(0), {form: 127, claim: 2n ** 63n + 5n})],
    ['close with one byte', 1002, frame(0x88, Buffer.from([3]))],
    ['close code 1005', 1002, frame(0x88, code(1005))],
    ['close code 999', 1002, frame(0x88, code(999))],
    ['binary frame', 1003, frame(0x82, text('[]'))],
    ['text that is not UTF-8', 1007, frame(0x81, Buffer.from([0x5b, 0xff, 0x5d]))],
    ['surrogate in UTF-8, in fragments', 1007, Buffer.concat([frame(0x01, Buffer.from([0xed])), frame(0x80, Buffer.from([0xa0, 0x80]))])],
    ['close reason that is not UTF-8', 1007, frame(0x88, code(1000, Buffer.from([0xc0])))],
    ['message too long', 1009, frame(0x81, Buffer.alloc(MESSAGE_BYTES + 1, 0x20))],
    ['fragments too long together', 1009, Buffer.concat([frame(0x01, Buffer.alloc(MESSAGE_BYTES, 0x20)), frame(0x80, text(' '))])],
    ['announcing 2^62 bytes', 1009, frame(0x81, Buffer.alloc(0), {form: 127, claim: 2n ** 62n})],
    ['close 1001, as it should be', 1001, frame(0x88, code(1001))],
    ['close without a code', 1005, frame(0x88)],
    ['the connection cut', 1006, null],
];

async function webSocketCases(pair) {
    await pair.server.letItCall();
    for (const [name, wanted, bytes] of WEBSOCKET) {
        const {link} = pair.server;
        const closed = once(link, 'close');
        if (bytes === null) {
            link.terminate();
        } else {
            link._socket.write(bytes);
        }
        const late = sleep(5000).then(() => ['nothing']);
        const [found] = await Promise.race([closed, late]);
        equal(found, wanted, `WebSocket: ${name}, close code`);
        await judgeReconnect(pair, `WebSocket: ${name}`, now());
    }
    console.log(`WebSocket: ${WEBSOCKET.length} cases`);
}

// ---- HTTP: the handshake refused, the connection closed by the daemon ----

function accept(request) {
    return createHash('sha1').update(request.headers['sec-websocket-key'] + GUID).digest('base64');
}

/** An answer of 101 with these fields changed; undefined leaves one out. */
function switching(request, changes = {}, line = 'HTTP/1.1 101 Switching Protocols') {
    const fields = {Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Accept': accept(request), 'Sec-WebSocket-Protocol': 'ocpp1.6', ...changes};
    const lines = Object.entries(fields).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}`);
    return [line, ...lines, '', ''].join('\r\n');
}

function writeForEver(socket) {
    socket.write('HTTP/1.1 101 Switching Protocols\r\n');
    const timer = setInterval(() => socket.write(`X-Filler: ${'y'.repeat(900)}\r\n`), 5);
    socket.on('close', () => clearInterval(timer));
}

const plain = (line) => () => `HTTP/1.1 ${line}\r\nContent-Length: 0\r\n\r\n`;
const HTTP = [
    ['401', plain('401 Unauthorized')],
    ['404', plain('404 Not Found')],
    ['500', plain('500 Internal Server Error')],
    ['200', plain('200 OK')],
    ['301', () => 'HTTP/1.1 301 Moved Permanently\r\nLocation: ws://127.0.0.1:1/\r\n\r\n'],
    ['garbage', () => Buffer.from(Array.from({length: 600}, (_, i) => (i * 37 + 128) & 255)).toString('latin1') + '\r\n\r\n'],
    ['wrong Sec-WebSocket-Accept', (request) => switching(request, {'Sec-WebSocket-Accept': 'AAAAAAAAAAAAAAAAAAAAAAAAAAA='})],
    ['no Sec-WebSocket-Accept', (request) => switching(request, {'Sec-WebSocket-Accept': undefined})],
    ['no subprotocol', (request) => switching(request, {'Sec-WebSocket-Protocol': undefined})],
    ['another subprotocol', (request) => switching(request, {'Sec-WebSocket-Protocol': 'ocpp2.0.1'})],
    ['an extension not offered', (request) => switching(request, {'Sec-WebSocket-Extensions': 'permessage-deflate'})],
    ['no Upgrade', (request) => switching(request, {Upgrade: undefined})],
    ['another Upgrade', (request) => switching(request, {Upgrade: 'h2c'})],
    ['HTTP/1.0', (request) => switching(request, {}, 'HTTP/1.0 101 Switching Protocols')],
    ['endless header', (request, socket) => writeForEver(socket)],
    ['half an answer, then the end', (request, socket) => socket.end('HTTP/1.1 101 Swi')],
    ['nothing, then a reset', (request, socket) => socket.resetAndDestroy()],
];

async function httpCases(pair) {
    await pair.server.letItCall();
    for (const [name, answer] of HTTP) {
        await playTrick(pair, `HTTP: ${name}`, SLACK_S, (request, socket) => {
            const bytes = answer(request, socket);
            if (typeof bytes === 'string') {
                socket.write(bytes, 'latin1');
            }
        });
    }
    const log = pair.station.daemon.stderr;
    for (const said of ['HTTP status 401', 'HTTP status 404', 'wrong headers or subprotocol']) {
        check(log.includes(said), `the log says nothing of: ${said}`);
    }
    console.log(`HTTP: ${HTTP.length} cases`);
}

/** The next connection meets a trick; the daemon ends it within limit_s and comes back. Returns how long it kept it. */
async function playTrick(pair, name, limit_s, trick) {
    const tricked = new Promise((done) => {
        pair.server.trick = (request, socket) => {
            const began = now();
            socket.on('close', () => done(now() - began)).on('end', () => socket.end()).resume();
            trick(request, socket);
        };
    });
    pair.server.link.terminate();
    const late = sleep((BACKOFF_S + SLACK_S + limit_s) * 1000).then(() => Infinity);
    const took = await Promise.race([tricked, late]);
    check(took <= limit_s, `${name}: the daemon kept the connection for ${took} s`);
    await judgeReconnect(pair, name, now());
    return took;
}

// ---- links that die without a word ----

async function deadLinks(pair) {
    await pair.server.letItCall();
    let bytes = 0;
    const half = await playTrick(pair, 'half-open link', DEAD_S + SLACK_S, (request, socket) => {
        socket.write(switching(request));
        socket.on('data', (data) => (bytes += data.length));
    });
    check(half >= DEAD_S - SLACK_S && bytes >= 6, `half-open link: ended after ${half} s and ${bytes} bytes, too early or without pings`);
    const silent = await playTrick(pair, 'silent handshake', OPEN_S + SLACK_S, () => {});
    check(silent >= OPEN_S - SLACK_S, `silent handshake: given up after ${silent} s`);
    console.log(`dead links: found after ${half.toFixed(1)} s (no pong) and ${silent.toFixed(1)} s (no answer)`);
}

await main('malformed', async () => {
    const pairs = await Promise.all(['RPC', 'HTTP', 'DEAD'].map(startPair));
    const [first, second, third] = pairs;
    await Promise.all([rpcCases(first).then(() => webSocketCases(first)), httpCases(second), deadLinks(third)]);
    for (const {server, station} of pairs) {
        await station.end();
        server.close();
    }
});
