// SPDX-License-Identifier: MIT
// A session against a real SteVe: the shipped daemon, the simulated vehicle, and between daemon and SteVe a wire that notes every
// frame and judges it by the strict schemas. Without an address it is skipped, loudly.
//   HOLDFAST_STEVE_URL     ws://HOST:8180/steve/websocket/CentralSystemService (the station's id is appended)
//   HOLDFAST_STEVE_ID      the charge point as it is registered there (HOLDFAST1)
//   HOLDFAST_STEVE_TAG     an idTag that SteVe accepts (TAG1)
//   HOLDFAST_STEVE_API     http://HOST:8180/steve, with HOLDFAST_STEVE_USER (NAME:PASSWORD): remote start and stop by its REST API
import {createRequire} from 'node:module';
import {Events, Station, check, equal, load, main, sleep, until} from '../lib.mjs';

const URL = process.env.HOLDFAST_STEVE_URL;
if (!URL) {
    console.log('SKIPPED: no SteVe was tried: HOLDFAST_STEVE_URL is not set (docs/INTEROP.md)');
    process.exit(77);
}
const ID = process.env.HOLDFAST_STEVE_ID ?? 'HOLDFAST1';
const TAG = process.env.HOLDFAST_STEVE_TAG ?? 'TAG1';
const API = process.env.HOLDFAST_STEVE_API;
const SESSION_MS = 4000;

const {WebSocket, WebSocketServer} = await load('ws');
await load('ocpp-rpc');
const [schemas] = createRequire(import.meta.url)('ocpp-rpc/lib/standard-validators.js');

/** Takes the station's connection and passes everything on to the central system and back. */
class Wire {
    events = new Events('the wire'); // {from, type, id, action, payload}
    #asked = new Map(); // id -> action, of both sides

    async open() {
        this.server = new WebSocketServer({port: 0, host: '127.0.0.1', handleProtocols: (offered) => offered.has('ocpp1.6') && 'ocpp1.6'});
        await new Promise((done) => this.server.on('listening', done));
        this.url = `ws://127.0.0.1:${this.server.address().port}`;
        this.server.on('connection', (station) => this.#join(station));
    }

    #join(station) {
        const central = new WebSocket(`${URL.replace(/\/$/, '')}/${ID}`, ['ocpp1.6']);
        const waiting = [];
        station.on('message', (data) => {
            this.#note('station', String(data));
            central.readyState === WebSocket.OPEN ? central.send(String(data)) : waiting.push(String(data));
        });
        central.on('open', () => waiting.splice(0).forEach((text) => central.send(text)));
        central.on('message', (data) => {
            this.#note('central system', String(data));
            station.send(String(data));
        });
        central.on('error', (error) => this.events.put({from: 'wire', action: 'error', payload: error.message}));
        central.on('close', () => station.close());
        station.on('close', () => central.close());
    }

    #note(from, text) {
        const [type, id, third, fourth] = JSON.parse(text);
        const call = type === 2;
        if (call) {
            this.#asked.set(id, third);
        }
        const event = {from, type, id, action: call ? third : this.#asked.get(id), payload: call ? fourth : third};
        if (type !== 4) {
            try {
                schemas.validate(`urn:${event.action}.${call ? 'req' : 'conf'}`, event.payload);
            } catch (error) {
                check(from !== 'station', `the station sends what is invalid: ${text}: ${error.message}`);
                console.log(`NOTE the ${from} sends what the schemas do not allow: ${text}: ${error.message}`);
            }
        }
        this.events.put(event);
    }

    wait(action, fits = () => true) {
        return this.events.next((e) => e.from === 'station' && e.type === 2 && e.action === action && fits(e.payload), `${action} ${fits}`, 30000);
    }

    /** The answer to a CALL of the station. */
    async answer(call) {
        const answer = () => this.events.all.find((e) => e.from !== 'station' && e.type === 3 && e.id === call.id);
        return (await until(answer, `an answer to ${call.action}`)).payload;
    }

    waitStatus(status) {
        return this.wait('StatusNotification', (p) => p.connectorId === 1 && p.status === status);
    }

    untilStatus(status) {
        const last = () => this.events.all.findLast((e) => e.from === 'station' && e.action === 'StatusNotification' && e.type === 2 &&
            e.payload.connectorId === 1)?.payload.status;
        return until(() => last() === status, `status ${status}, not ${last()}`);
    }
}

async function boot(wire) {
    const call = await wire.wait('BootNotification');
    equal((await wire.answer(call)).status, 'Accepted', `BootNotification: is '${ID}' registered in SteVe?`);
    await wire.waitStatus('Available');
}

async function localSession(wire, station) {
    station.sim.tell('plug 1');
    await wire.waitStatus('Preparing');
    station.sim.tell(`card 1 ${TAG}`);
    const asked = await wire.wait('Authorize');
    equal((await wire.answer(asked)).idTagInfo.status, 'Accepted', `Authorize: is '${TAG}' known to SteVe?`);
    const start = await wire.wait('StartTransaction');
    const {transactionId, idTagInfo} = await wire.answer(start);
    equal(idTagInfo.status, 'Accepted', 'StartTransaction');
    await station.waitPower();
    await wire.wait('MeterValues', (p) => p.transactionId === transactionId);
    await sleep(SESSION_MS);
    station.sim.tell(`card 1 ${TAG}`);
    const stop = await wire.wait('StopTransaction', (p) => p.transactionId === transactionId);
    await wire.answer(stop);
    check(stop.payload.meterStop >= start.payload.meterStart, 'meterStop is below meterStart');
    await wire.untilStatus('Finishing');
    station.sim.tell('unplug 1');
    await wire.untilStatus('Available');
    console.log(`transaction ${transactionId}: ${stop.payload.meterStop - start.payload.meterStart} Wh`);
}

function api(operation, body) {
    const credentials = Buffer.from(process.env.HOLDFAST_STEVE_USER ?? '').toString('base64');
    return fetch(`${API.replace(/\/$/, '')}/api/v1/operations/${operation}`, {method: 'POST',
        body: JSON.stringify({chargeBoxIdList: [ID], ...body}),
        headers: {'content-type': 'application/json', authorization: `Basic ${credentials}`}});
}

async function remoteSession(wire, station) {
    station.sim.tell('plug 1');
    await wire.untilStatus('Preparing');
    const asked = api('RemoteStartTransaction', {connectorId: 1, idTag: TAG});
    const start = await wire.wait('StartTransaction', (p) => p.idTag === TAG);
    const {transactionId} = await wire.answer(start);
    check((await asked).ok, `SteVe's API answers ${(await asked).status}`);
    await wire.wait('MeterValues', (p) => p.transactionId === transactionId);
    check((await api('RemoteStopTransaction', {transactionId})).ok, 'remote stop');
    equal((await wire.wait('StopTransaction')).payload.reason, 'Remote', 'reason');
    station.sim.tell('unplug 1');
    await wire.untilStatus('Available');
}

await main('steve', async () => {
    const wire = new Wire();
    await wire.open();
    const station = new Station({id: ID, settings: ['MeterValueSampleInterval=1']});
    await station.startSim();
    station.startDaemon(wire.url);
    await boot(wire);
    await localSession(wire, station);
    if (API) {
        await remoteSession(wire, station);
    } else {
        console.log('remote start by SteVe was not tried: HOLDFAST_STEVE_API is not set');
    }
    await station.end();
    wire.server.close();
});
