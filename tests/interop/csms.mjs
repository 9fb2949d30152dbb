// SPDX-License-Identifier: MIT
// `holdfast csms` against npm clients: a strict ocpp-rpc charge point finds every answer of it valid, its script lines become
// valid CALLs, its ledger counts once; a raw WebSocket finds its limits; a shell finds its exit codes.
import {spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {join} from 'node:path';
import {BIN, LIMIT_MS, Program, check, equal, load, main, sleep, until} from './lib.mjs';

const {RPCClient} = (await load('ocpp-rpc')).default;
const {WebSocket} = await load('ws');
const MESSAGE_BYTES = 65536;
const KEEP_MS = 300;

async function startCsms(...args) {
    const csms = new Program('holdfast', ['csms', '--port', '0', ...args]);
    const {port} = await csms.wait('listening');
    return {csms, port, url: `ws://127.0.0.1:${port}/any/path`};
}

/** A charge point by others, strict in both directions. */
async function connectStation(url, identity, answers = {}) {
    const client = new RPCClient({endpoint: url, identity, protocols: ['ocpp1.6'], strictMode: true, reconnect: false, callTimeoutMs: 5000});
    client.invalid = [];
    client.on('strictValidationFailure', ({method, error}) => client.invalid.push(`${method}: ${error.message}`));
    client.on('badMessage', ({error}) => client.invalid.push(error.message));
    client.calls = [];
    client.handle(({method, params}) => {
        client.calls.push([method, params]);
        return answers[method] ?? {status: 'Accepted'};
    });
    await client.connect();
    return client;
}

const timestamp = '2026-01-02T03:04:05.678Z';

async function session(client, csms) {
    const boot = await client.call('BootNotification', {chargePointVendor: 'V', chargePointModel: 'M', firmwareVersion: '1'});
    equal([boot.status, boot.interval], ['Accepted', 300], 'boot');
    check(Math.abs(Date.parse(boot.currentTime) - Date.now()) < 5000, `the time it tells: ${boot.currentTime}`);
    const status = {connectorId: 1, errorCode: 'NoError', status: 'Available', info: 'i', timestamp, vendorId: 'v', vendorErrorCode: '0'};
    equal(await client.call('StatusNotification', status), {}, 'status');
    check(Date.parse((await client.call('Heartbeat', {})).currentTime) > 0, 'heartbeat');
    equal((await client.call('Authorize', {idTag: 'TAG'})).idTagInfo.status, 'Accepted', 'authorize');
    equal(await client.call('DataTransfer', {vendorId: 'v', messageId: 'm', data: 'd'}), {status: 'Accepted'}, 'data transfer');
    const {transactionId} = await client.call('StartTransaction', {connectorId: 1, idTag: 'TAG', meterStart: 100, timestamp});
    const sampledValue = [{value: '123', context: 'Sample.Periodic', format: 'Raw', measurand: 'Energy.Active.Import.Register',
        location: 'Outlet', unit: 'Wh'}, {value: '45.6', measurand: 'SoC', unit: 'Percent', location: 'EV'}];
    equal(await client.call('MeterValues', {connectorId: 1, transactionId, meterValue: [{timestamp, sampledValue}]}), {}, 'meter values');
    await client.call('StopTransaction', {transactionId, meterStop: 130, timestamp, idTag: 'TAG', reason: 'Remote',
        transactionData: [{timestamp, sampledValue}]});
    const told = await csms.wait('stop');
    equal([told.station, told.transactionId, told.meter_Wh, told.reason, told.idTag, told.duplicate],
        ['CP1', transactionId, 130, 'Remote', 'TAG', false], 'what it tells of the stop');
    const refused = await client.call('FirmwareStatusNotification', {status: 'Idle'}).catch((error) => error);
    equal(refused.rpcErrorCode, 'NotImplemented', 'an action it does not take');
    await csms.wait('invalid', {station: 'CP1'});
}

const LINES = [
    ['remote-start CP1 1 TAG', ['RemoteStartTransaction', {idTag: 'TAG', connectorId: 1}]],
    ['remote-stop CP1 7', ['RemoteStopTransaction', {transactionId: 7}]],
    ['trigger CP1 StatusNotification 1', ['TriggerMessage', {requestedMessage: 'StatusNotification', connectorId: 1}]],
    ['reset CP1 Hard', ['Reset', {type: 'Hard'}]],
    ['availability CP1 0 Operative', ['ChangeAvailability', {type: 'Operative', connectorId: 0}]],
    ['unlock CP1 1', ['UnlockConnector', {connectorId: 1}]],
    ['get-config CP1 HeartbeatInterval', ['GetConfiguration', {key: ['HeartbeatInterval']}]],
    ['set-config CP1 MeterValuesSampledData SoC,Voltage', ['ChangeConfiguration', {key: 'MeterValuesSampledData', value: 'SoC,Voltage'}]],
    ['clear-cache CP1', ['ClearCache', {}]],
    ['call CP1 GetLocalListVersion {}', ['GetLocalListVersion', {}]],
];
const ANSWERS = {UnlockConnector: {status: 'Unlocked'}, GetLocalListVersion: {listVersion: 0},
    GetConfiguration: {configurationKey: [{key: 'HeartbeatInterval', readonly: false, value: 'x'.repeat(450)}]}};

/** Several at once: it sends one at a time, in order. */
async function script(client, csms) {
    for (const lines of [LINES.slice(0, 8), LINES.slice(8)]) {
        lines.forEach(([line]) => csms.tell(line));
        for (const [line, [action]] of lines) {
            const answer = await csms.wait('answer', {station: 'CP1', action});
            equal(answer.payload, ANSWERS[action] ?? {status: 'Accepted'}, `the answer told after '${line}'`);
        }
    }
    equal(client.calls, LINES.map(([, call]) => call), 'CALLs of the script');
    csms.tell('dance CP1');
    csms.tell('reset NOBODY Soft');
    await until(() => /'dance CP1': .+\n.*'reset NOBODY Soft': .+\n/.test(csms.stderr), 'two sentences on stderr');
}

const open = (url, options = {}, protocols = ['ocpp1.6']) => {
    const socket = new WebSocket(url, protocols, options);
    socket.texts = [];
    socket.on('message', (data) => socket.texts.push(String(data)));
    return new Promise((done) => socket.on('open', () => done(socket)).on('error', () => done(null)));
};

async function resend(url, csms) {
    const text = JSON.stringify([2, 'same-id', 'StartTransaction', {connectorId: 1, idTag: 'T', meterStart: 5, timestamp}]);
    const answers = [];
    for (let i = 0; i < 2; i++) {
        const socket = await open(`${url}/CP2`);
        socket.send(text);
        answers.push(await until(() => socket.texts[0], 'an answer'));
        equal((await csms.wait('start', {id: 'same-id'})).duplicate, i > 0, 'duplicate');
        socket.close();
        await csms.wait('disconnected', {station: 'CP2'});
    }
    equal(answers[1], answers[0], 'the answer to a resend');
    csms.tell('ledger');
    const ledger = await csms.wait('ledger', {station: 'CP2'});
    equal([ledger.starts, ledger.stops, ledger.conflicts, ledger.lost], [1, 0, 0, 0], 'ledger of CP2');
    const entries = csms.events.all.filter((event) => event.event === 'entry' && event.station === 'CP1').map((event) => event.kind);
    equal(entries, ['start', 'meter', 'stop'], 'entries of CP1');
}

async function limits(url, csms) {
    equal(await open(`${url}/CP3`, {}, ['ocpp2.0.1']), null, 'a subprotocol it does not speak');
    equal(await open(`${url}/CP3`, {}, []), null, 'no subprotocol');
    equal(await open(`${url}/`), null, 'no station id');
    equal(await open(`${url}/${'x'.repeat(60)}`), null, 'a station id too long');
    const socket = await open(`${url}/CP3`);
    const padded = (bytes) => {
        const call = '[2,"big","Heartbeat",{}';
        return call + ' '.repeat(bytes - call.length - 1) + ']';
    };
    const whole = padded(MESSAGE_BYTES);
    socket.send(whole);
    await until(() => socket.texts.length === 1, 'an answer to 64 KB in one frame');
    for (let at = 0; at < whole.length; at += 5000) {
        socket.send(whole.slice(at, at + 5000), {fin: at + 5000 >= whole.length});
    }
    await until(() => socket.texts.length === 2, 'an answer to 64 KB in fragments');
    const [closed] = [once(socket, 'close'), socket.send(padded(MESSAGE_BYTES + 1))];
    await closed;
    equal(socket.texts.length, 2, 'answers, none to a message too long');
    const other = await open(`${url}/CP3`);
    const binary = once(other, 'close');
    other.send(Buffer.from('[2,"b","Heartbeat",{}]'));
    await binary;
    equal(other.texts, [], 'answers to a binary frame');
    const [first, second] = [await open(`${url}/CP4`), await open(`${url}/CP4`)];
    await until(() => first.readyState === WebSocket.CLOSED, 'the older of two connections is closed');
    second.send('[2,"x","Heartbeat",{}]');
    await until(() => second.texts.length === 1, 'the newer one is served');
    csms.tell('disconnect CP4');
    await until(() => second.readyState === WebSocket.CLOSED, 'disconnect');
}

async function exits(port) {
    const runs = [[['csms', '--port', String(port)], 3, /in use/], [['csms', '--port', '70000'], 2, /--port/], [['csms', '--nonsense'], 2, /--nonsense/],
        [['csms', '--help'], 0, /^$/], [['csms', '--port'], 2, /--port/], 
        [['csms', '--port', '0', '--host', '192.0.2.1'], 3, /192\.0\.2\.1/], [['csms', '--host', 'nonsense'], 2, /IPv4/]];
    for (const [args, status, said] of runs) {
        const ran = spawnSync(join(BIN, 'holdfast'), args, {encoding: 'utf8', timeout: LIMIT_MS});
        equal(ran.status, status, `exit of holdfast ${args.join(' ')}`);
        check(said.test(ran.stderr), `holdfast ${args.join(' ')} says: ${ran.stderr}`);
    }
    for (const signal of ['SIGINT', 'SIGTERM']) {
        await (await startCsms()).csms.end(signal);
    }
    const {csms} = await startCsms();
    csms.tell('wait 1');
    csms.tell('quit');
    await sleep(KEEP_MS);
    equal(csms.status, null, 'still waiting');
    await csms.ended;
    equal(csms.status, 0, 'exit after quit');
    const closed = await startCsms();
    closed.csms.child.stdin.end();
    await sleep(KEEP_MS);
    equal(closed.csms.status, null, 'the end of its script is no end of the server');
    await closed.csms.end();
}

await main('csms', async () => {
    const {csms, port, url} = await startCsms();
    const client = await connectStation(url, 'CP1', ANSWERS);
    await session(client, csms);
    await script(client, csms);
    equal(client.invalid, [], 'invalid frames');
    await client.close();
    await resend(url, csms);
    await limits(url, csms);
    await exits(port);
    await csms.end();
});
