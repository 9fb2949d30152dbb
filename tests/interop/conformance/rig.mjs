// SPDX-License-Identifier: MIT
// One charge point under test: the shipped holdfastd, `holdfast sim` as its vehicle, modules, lock and card reader, and npm ocpp-rpc
// in strictMode as its central system, all of its own. A case says what is done and what has to come, in which order; every
// wait has a limit. When it is over every frame of it is judged.
import {spawn} from 'node:child_process';
import {join} from 'node:path';
import {Central, Program, Station, now, sleep, until} from '../lib.mjs';

export const LIMIT_MS = 30000; // many stations share a machine
export const QUIET_MS = 2500;  // in which what must not come would have come

const CONNECTED = '[0,""]'; // a mark between the frames

export class Failed extends Error {}

export function expect(good, what) {
    if (!good) {
        throw new Failed(what);
    }
    return good;
}

export function same(found, expected, what) {
    const [f, e] = [JSON.stringify(found), JSON.stringify(expected)];
    expect(f === e, `${what}: ${f}, expected ${e}`);
}

// ---- what is waited for ----

const fields = (payload, wanted) => Object.entries(wanted).every(([key, value]) => value instanceof RegExp ?
    value.test(String(payload[key])) : value === undefined ? !(key in payload) : payload[key] === value);

/** A CALL of the station with these members; a RegExp judges the text, undefined wants the member absent. */
export const message = (action, wanted = {}) => ({action, wanted,
    fits: (call) => call.action === action && fields(call.payload, wanted)});
export const status = (name, connectorId = 1, more = {}) => message('StatusNotification', {connectorId, status: name, ...more});
export const authorize = (idTag) => message('Authorize', {idTag});
export const start = (wanted = {}) => message('StartTransaction', wanted);
export const stop = (reason, wanted = {}) => message('StopTransaction', {...(reason ? {reason} : {}), ...wanted});

const text = (want) => `${want.action} ${JSON.stringify(want.wanted, (_, value) => value instanceof RegExp ? String(value) : value)}`;

/** A simulator and a daemon with some connectors. */
class Outlets extends Station {
    constructor(id, connectors, settings) {
        super({id, settings});
        this.connectors = connectors;
        this.more = []; // arguments of the daemon
    }

    buses() {
        return Array.from({length: this.connectors}, (_, i) => join(this.folder, `can${i + 1}`));
    }

    async startSim() {
        this.sim = new Program('holdfast', ['sim', ...this.buses().flatMap((bus) => ['--can', bus]), '--io', join(this.folder, 'io')]);
        await this.sim.wait('ready');
    }

    startDaemon(csmsUrl) {
        this.daemon = new Program('holdfastd', ['--csms', csmsUrl, '--id', this.id, '--http', 'none',
            '--state', join(this.folder, 'state'), ...this.buses().flatMap((bus) => ['--can', `virtual:${bus}`]), '--io', `socket:${join(this.folder, 'io')}`,
            ...this.settings.flatMap((setting) => ['--set', setting]), ...this.more]);
    }
}

const READER = `import os, sys, tty
master, slave = os.openpty()
tty.setraw(slave)
print(os.ttyname(slave), flush=True)
for line in sys.stdin:
    os.write(master, line.strip().encode() + b'\\r\\n')`;

/** A card reader on a serial line: a pseudo terminal, which node alone cannot open. Ends with its stdin. */
export async function serialReader() {
    const child = spawn('/usr/bin/python3', ['-c', READER], {stdio: ['pipe', 'pipe', 'inherit']});
    const path = await new Promise((done, fail) => {
        child.stdout.once('data', (line) => done(String(line).trim())).once('end', () => fail(new Failed('no pty')));
    });
    return {path, present: (idTag) => child.stdin.write(`${idTag}\n`), end: () => child.stdin.end()};
}

export class Rig {
    tags = {};  // idTag -> idTagInfo; one that is not named is accepted
    away = false;
    connections = 0;
    at = 0;     // of calls: what comes before is of no interest any more
    starts = new Map(); // message id -> transactionId
    rawIds = [];        // of CALLs that the strict server does not let out

    constructor(id, {connectors = 1, settings = []} = {}) {
        this.id = id;
        this.connectors = connectors;
        this.station = new Outlets(id.replace(/\W/g, '-'), connectors, settings);
        this.central = new Central();
        const info = (idTag) => this.tags[idTag] ?? {status: 'Accepted'};
        Object.assign(this.central.answers, {
            Authorize: (call) => ({idTagInfo: info(call.payload.idTag)}),
            StartTransaction: (call) => ({transactionId: this.transactionOf(call), idTagInfo: info(call.payload.idTag)}),
            FirmwareStatusNotification: () => ({}),
            DiagnosticsStatusNotification: () => ({}),
        });
    }

    get calls() {
        return this.central.calls.all;
    }

    get sim() {
        return this.station.sim;
    }

    transactionOf(call) {
        if (!this.starts.has(call.id)) {
            this.starts.set(call.id, 1000 + this.starts.size);
        }
        return this.starts.get(call.id);
    }

    // ---- begin and end ----

    async listen() {
        await this.central.listen();
        this.central.server.auth((accept, reject) => (this.away ? reject(503) : accept()));
        this.central.server.on('client', () => {
            this.connections++;
            this.central.frames.push({outbound: true, text: CONNECTED});
        });
        await this.station.startSim();
    }

    powerUp() {
        this.station.startDaemon(this.central.url);
    }

    /** Up, registered, every connector told. */
    async begin() {
        await this.listen();
        this.powerUp();
        await this.next(message('BootNotification'));
        await this.allAvailable();
        return this;
    }

    async allAvailable() {
        await this.any(...Array.from({length: this.connectors + 1}, (_, i) => status('Available', i)));
    }

    /** The mains fail; what journal there is, is there. Nobody says good-bye. */
    async powerCut() {
        this.station.daemon.signal('SIGKILL');
        await this.station.daemon.ended;
        this.mark();
    }

    kill() {
        for (const program of [this.station.daemon, this.station.sim]) {
            program?.signal('SIGKILL');
        }
        return this.central.http ? this.central.close().catch(() => {}) : undefined;
    }

    async end() {
        this.judgeFrames();
        for (const program of [this.station.daemon, this.station.sim]) {
            program.signal('SIGTERM');
            await Promise.race([program.ended, sleep(LIMIT_MS)]);
            expect(program.status === 0, `${program.name} ended with ${program.status}\n${program.stderr.slice(-2000)}`);
        }
        await this.central.close();
    }

    // ---- what comes ----

    mark() {
        this.at = this.calls.length;
    }

    /** All of these, in any order, from the mark on; the mark goes behind the last. In the order asked for. */
    async any(...wants) {
        const found = new Map();
        let at = this.at;
        const look = () => {
            for (; at < this.calls.length && found.size < wants.length; at++) {
                const call = this.calls[at];
                const want = wants.find((each) => !found.has(each) && each.fits(call));
                if (want) {
                    found.set(want, call);
                }
            }
            return found.size === wants.length;
        };
        await until(look, 'something', wants.limit_ms ?? LIMIT_MS).catch(() => {
            const missing = wants.filter((want) => !found.has(want)).map(text).join(', ');
            const seen = this.calls.slice(this.at).slice(-8).map((call) => `${call.action} ${JSON.stringify(call.payload)}`.slice(0, 160));
            throw new Failed(`missing: ${missing}; seen: ${seen.join(' | ') || 'nothing'}`);
        });
        this.at = at;
        return wants.map((want) => found.get(want));
    }

    /** The next that fits; those before it are passed over. */
    async next(want, limit_ms = LIMIT_MS) {
        const wants = [want];
        wants.limit_ms = limit_ms;
        return (await this.any(...wants.splice(0, 1)))[0];
    }

    /** These, one after the other. */
    async sequence(...wants) {
        const found = [];
        for (const want of wants) {
            found.push(await this.next(want));
        }
        return found;
    }

    /** None of these comes from the mark on, nor in the time that follows. */
    async never(...wants) {
        const from = this.at;
        await sleep(QUIET_MS);
        const bad = this.calls.slice(from).find((call) => wants.some((want) => want.fits(call)));
        expect(!bad, `came, and must not: ${bad?.action} ${JSON.stringify(bad?.payload)}`);
    }

    /** The last status told of a connector is this one: a level, whatever messages came between. */
    async level(name, connectorId = 1) {
        const told = message('StatusNotification', {connectorId});
        const last = () => this.calls.findLast(told.fits)?.payload.status;
        await until(() => last() === name, name, LIMIT_MS).catch(() => expect(false, `status ${last()}, expected ${name}`));
    }

    since(index, action) {
        return this.calls.slice(index).filter((call) => call.action === action);
    }

    // ---- what is asked ----

    call(action, payload = {}) {
        return this.central.call(action, payload);
    }

    async ask(action, payload, wanted, what = `${action} ${JSON.stringify(payload)}`) {
        const answer = await this.call(action, payload).catch((error) => ({error: error.rpcErrorCode ?? error.message}));
        const good = typeof wanted === 'function' ? wanted(answer) : JSON.stringify(answer) === JSON.stringify(wanted);
        expect(good, `${what}: answered ${JSON.stringify(answer)}, expected ${JSON.stringify(wanted) ?? String(wanted)}`);
        return answer;
    }

    accepted(action, payload = {}) {
        return this.ask(action, payload, {status: 'Accepted'});
    }

    rejected(action, payload = {}) {
        return this.ask(action, payload, {status: 'Rejected'});
    }

    async configure(values) {
        for (const [key, value] of Object.entries(values)) {
            await this.accepted('ChangeConfiguration', {key, value: String(value)});
        }
    }

    /** The value of a key; undefined where it is not known. */
    async key(name) {
        return (await this.call('GetConfiguration', {key: [name]})).configurationKey?.find((each) => each.key === name)?.value;
    }

    // ---- what is done ----

    tell(line) {
        this.sim.tell(line);
    }

    plug(connector = 1) {
        this.tell(`plug ${connector}`);
    }

    unplug(connector = 1) {
        this.tell(`unplug ${connector}`);
    }

    card(idTag, connector = 1) {
        this.tell(`card ${connector} ${idTag}`);
    }

    async fault(name, on = true, connector = 1) {
        this.tell(on ? `fault ${connector} ${name}` : `clear ${connector} ${name}`);
        await this.sim.wait('fault', {[name]: on});
    }

    /** Plugged in, remotely started, power flows. The StartTransaction and its id. */
    async charge(idTag = 'TAG', more = {}) {
        this.plug();
        await this.next(status('Preparing'));
        await this.accepted('RemoteStartTransaction', {connectorId: 1, idTag, ...more});
        return this.charging({idTag});
    }

    async charging(wanted = {}) {
        const [call] = await this.any(start({connectorId: 1, ...wanted}), status('Charging'));
        return {call, transactionId: this.starts.get(call.id)};
    }

    /** No way to each other; what the station does meanwhile is its own affair. */
    async disconnect() {
        this.away = true;
        await this.central.client.close({code: 1001, reason: '', force: true});
        this.mark();
    }

    async reconnect() {
        const before = this.connections;
        this.away = false;
        await until(() => this.connections > before, 'the station connects again', LIMIT_MS);
    }

    // ---- judgement ----

    /** Strict schemas in both directions, what they let through, one CALL at a time, a transaction's end once. */
    judgeFrames() {
        const invalid = this.central.invalid.filter((line) => !this.rawIds.some((id) => line.includes(id)));
        same(invalid, [], 'invalid frames');
        for (const {payload} of this.calls) {
            for (const list of [payload.meterValue, payload.transactionData].filter((each) => each !== undefined)) {
                const good = list.length > 0 && list.every((each) => each.sampledValue.length > 0);
                expect(good, `readings without a value: ${JSON.stringify(payload)}`);
            }
        }
        let open = null;
        for (const frame of this.central.frames) {
            const [type, id] = JSON.parse(frame.text);
            if (!frame.outbound && type === 2) {
                expect(open === null, `a second CALL (${id}) while ${open} was not answered`);
                open = id;
            } else if (frame.text === CONNECTED || (frame.outbound && id === open)) {
                open = null;
            }
        }
        for (const action of ['StartTransaction', 'StopTransaction', 'MeterValues']) {
            const texts = new Map();
            for (const call of this.calls.filter((each) => each.action === action)) {
                expect((texts.get(call.id) ?? call.text) === call.text, `resent differently: ${call.text}`);
                texts.set(call.id, call.text);
            }
        }
        const ends = this.central.unique('StopTransaction').map((call) => call.payload.transactionId);
        same(ends.length, new Set(ends).size, 'ends of transactions');
    }
}

export {now, sleep, until};
