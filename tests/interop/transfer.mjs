// SPDX-License-Identifier: MIT
// UpdateFirmware and GetDiagnostics of the shipped daemon, for real: HTTP, HTTPS with a CA of the test's own, FTP; servers
// that answer late, wrongly, partly, endlessly or not at all; a certificate nobody vouches for. Judged by the files that
// arrive, the statuses told (strict schemas) and by the session that goes on meanwhile.
import {execFileSync, spawn} from 'node:child_process';
import {createHash, randomBytes} from 'node:crypto';
import {existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {createServer as createSecureServer} from 'node:https';
import {dirname, join} from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';

import {Central, Station, check, equal, main, now, sleep, until} from './lib.mjs';

const STALL_S = 2;
const LIMIT_MIB = 64; // HOLDFASTD_DOWNLOAD_MB
const PAST = '2026-01-01T00:00:00Z';
const IMAGE = randomBytes(300000);
const SHA256 = createHash('sha256').update(IMAGE).digest('hex');
const PASSWORD = 'pass-4711-word';
const DONE = ['Downloading', 'Downloaded', 'Installing', 'InstallationFailed'];
const FAILED = ['Downloading', 'DownloadFailed'];

// ---- servers ----

/** A CA, a server certificate for 127.0.0.1, one for another host, and one of a CA that nobody knows. */
function certificates(folder) {
    const openssl = (...args) => execFileSync('openssl', args, {cwd: folder, stdio: 'pipe'});
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    for (const ca of ['ca', 'stranger']) {
        openssl('req', '-x509', ...key, '-keyout', `${ca}.key`, '-out', `${ca}.pem`, '-days', '30', '-subj', `/CN=${ca}`);
    }
    const sign = (name, ca, san) => {
        openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
        writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${san}\n`);
        openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial',
            '-days', '30', '-extfile', `${name}.ext`, '-out', `${name}.pem`);
        return {key: readFileSync(join(folder, `${name}.key`)), cert: readFileSync(join(folder, `${name}.pem`))};
    };
    return {good: sign('good', 'ca', 'IP:127.0.0.1'), other: sign('other', 'ca', 'DNS:elsewhere.example'),
        unknown: sign('unknown', 'stranger', 'IP:127.0.0.1')};
}

class Server {
    requests = []; // {method, url, headers, body}
    tries = new Map();
    #server;

    constructor(tls) {
        const serve = (request, response) => this.#serve(request, response);
        this.#server = tls ? createSecureServer(tls, serve) : createServer(serve);
        this.scheme = tls ? 'https' : 'http';
    }

    async listen() {
        await new Promise((done) => this.#server.listen(0, '127.0.0.1', done));
        this.port = this.#server.address().port;
        this.url = `${this.scheme}://127.0.0.1:${this.port}`;
        return this;
    }

    #serve(request, response) {
        const pieces = [];
        request.on('error', () => {});
        response.on('error', () => {});
        request.on('data', (piece) => pieces.push(piece));
        request.on('end', () => {
            const {method, url, headers} = request;
            this.requests.push({method, url, headers, body: Buffer.concat(pieces)});
            this.tries.set(url, (this.tries.get(url) ?? 0) + 1);
            const path = new URL(url, this.url).pathname;
            (this[`on${method}`][path] ?? this[`on${method}`].default)(response, this.tries.get(url), url);
        });
    }

    onGET = {
        default: (response) => response.writeHead(404).end('no such file'),
        '/image': (response) => response.writeHead(200, {'content-length': IMAGE.length}).end(IMAGE),
        '/moved': (response) => response.writeHead(302, {location: '/image'}).end(),
        '/loop': (response) => response.writeHead(302, {location: '/loop'}).end(),
        '/toFtp': (response) => response.writeHead(302, {location: 'ftp://127.0.0.1:1/x'}).end(),
        '/toFile': (response) => response.writeHead(302, {location: 'file:///etc/passwd'}).end(),
        '/toPlain': (response) => response.writeHead(302, {location: this.plainUrl}).end(),
        '/empty': (response) => response.writeHead(200, {'content-length': 0}).end(),
        '/silent': () => {}, // never answers
        '/stuck': (response) => response.writeHead(200, {'content-length': IMAGE.length}).write(IMAGE.subarray(0, 1000)),
        '/cutOnce': (response, count) => {
            if (count > 1) {
                response.writeHead(200, {'content-length': IMAGE.length}).end(IMAGE);
                return;
            }
            response.writeHead(200, {'content-length': IMAGE.length});
            response.write(IMAGE.subarray(0, 100000), () => response.destroy());
        },
        '/slow': async (response) => {
            response.writeHead(200, {'content-length': IMAGE.length});
            for (let at = 0; at < IMAGE.length; at += 30000) {
                response.write(IMAGE.subarray(at, at + 30000));
                await sleep(400);
            }
            response.end();
        },
        '/endless': (response) => {
            response.writeHead(200); // chunked: nobody knows its length
            const piece = Buffer.alloc(1 << 20);
            const more = () => response.destroyed || (response.write(piece) ? setImmediate(more) : response.once('drain', more));
            more();
        },
        '/huge': (response) => response.writeHead(200, {'content-length': (LIMIT_MIB + 1) << 20}).write(IMAGE),
    };

    onPUT = {
        default: (response) => response.writeHead(201).end(),
        '/form': (response) => response.writeHead(405).end(),
        '/refuse/x': (response) => response.writeHead(507).end(),
        '/silent': () => {},
    };

    onPOST = {default: (response) => response.writeHead(200).end('thank you')};

    close() {
        this.#server.closeAllConnections();
        this.#server.close();
    }
}

async function startFtp(folder) {
    const script = join(dirname(fileURLToPath(import.meta.url)), 'ftp_server.py');
    const child = spawn('/usr/bin/python3', ['-B', script, folder, 'charger', PASSWORD], {stdio: ['pipe', 'pipe', 'inherit']});
    const line = await new Promise((done) => createInterface({input: child.stdout}).once('line', done));
    const event = JSON.parse(line);
    return {missing: event.event === 'missing', url: `ftp://charger:${PASSWORD}@127.0.0.1:${event.port}`,
        end: () => child.stdin.end()};
}

// ---- what is asked and judged ----

function statuses(central, action) {
    const from = central.calls.all.length;
    return () => central.calls.all.slice(from).filter((call) => call.action === action).map((call) => call.payload.status);
}

async function update(central, location, expected, {retries = 0, limit_ms = 20000} = {}) {
    const told = statuses(central, 'FirmwareStatusNotification');
    const from = now();
    const request = {location, retrieveDate: PAST, retries, retryInterval: 1};
    equal(await central.call('UpdateFirmware', request), {}, `UpdateFirmware ${location}`);
    await until(() => told().includes(expected.at(-1)), `${expected.at(-1)} of ${location}, told ${told()}`, limit_ms);
    const got = told()[0] === 'Downloading' ? told() : ['Downloading', ...told()]; // one that fails at once may leave it out
    equal(got, expected, `statuses of ${location}`);
    return now() - from;
}

const downloaded = (station) => join(station.folder, 'state', 'firmware.bin');

function judgeNoFile(station, what) {
    const left = readdirSync(join(station.folder, 'state')).filter((name) => name.startsWith('firmware'));
    equal(left, [], `files left by ${what}`);
}

async function good(central, station, url, what, options) {
    await update(central, url, DONE, options);
    check(existsSync(downloaded(station)) && readFileSync(downloaded(station)).equals(IMAGE), `${what}: not what was sent`);
    await until(() => station.daemon.stderr.includes(SHA256), `${what}: the SHA-256 in the log`);
    equal(statSync(downloaded(station)).mode & 0o777, 0o600, `${what}: mode`);
}

async function bad(central, station, url, what, options) {
    const took_s = await update(central, url, FAILED, options);
    judgeNoFile(station, what);
    return took_s;
}

async function downloads(central, station, http) {
    await good(central, station, `${http.url}/image`, 'download');
    await until(() => /not verified and not installed/.test(station.daemon.stderr), 'that nothing is installed, in the log');
    const {transfers} = await station.status();
    equal([transfers.downloads, transfers.failures, transfers.installs_firmware], [1, 0, false], 'transfers on the status page');
    await good(central, station, `${http.url}/moved`, 'one redirect');
    await bad(central, station, `${http.url}/nothing`, 'a 404');
    await bad(central, station, `${http.url}/empty`, 'an empty file');
    await bad(central, station, `${http.url}/loop`, 'endless redirects');
    check(http.tries.get('/loop') <= 6, `${http.tries.get('/loop')} redirects were followed`);
    await bad(central, station, `${http.url}/toFtp`, 'a redirect to FTP');
    await bad(central, station, `${http.url}/toFile`, 'a redirect to a file');
    for (const url of ['file:///etc/passwd', 'sftp://127.0.0.1/x', 'scp://h/x', 'http:///etc']) {
        await bad(central, station, url, url);
    }
    await bad(central, station, 'http://127.0.0.1:1/x', 'a closed port');
    await good(central, station, `${http.url}/cutOnce`, 'cut and tried again', {retries: 1});
    equal(http.tries.get('/cutOnce'), 2, 'tries of what was cut');
}

async function hostile(central, station, http) {
    for (const path of ['/silent', '/stuck']) {
        const took_s = await bad(central, station, `${http.url}${path}`, path);
        check(took_s >= STALL_S && took_s < STALL_S + 10, `${path} was given up after ${took_s} s`);
    }
    await good(central, station, `${http.url}/image`, 'what comes after'); // and the breaker is as new
    await bad(central, station, `${http.url}/huge`, 'a length above the bound');
    await bad(central, station, `${http.url}/endless`, 'an endless body', {limit_ms: 150000});
    check(station.daemon.status === null, 'the daemon ended');
}

async function certificatesAreChecked(central, station, servers) {
    await good(central, station, `${servers.good.url}/image`, 'HTTPS');
    await bad(central, station, `${servers.unknown.url}/image`, 'a certificate of an unknown CA');
    await bad(central, station, `${servers.other.url}/image`, 'a certificate of another host');
    await good(central, station, `${servers.good.url}/image`, 'HTTPS again');
    await bad(central, station, `${servers.good.url}/toPlain`, 'HTTPS that leads to HTTP');
    equal([servers.unknown.requests.length, servers.other.requests.length], [0, 0], 'requests to servers without a good certificate');
}

/** The file that GetDiagnostics led to; `find` looks for it. */
async function diagnose(central, location, find, more = {}) {
    const told = statuses(central, 'DiagnosticsStatusNotification');
    const {fileName} = await central.call('GetDiagnostics', {location, retries: 0, ...more});
    check(/^diagnostics-S_1-\d{8}T\d{6}Z\.txt$/.test(fileName), `file name ${fileName}`);
    await until(() => /Upload(ed|Failed)/.test(told().at(-1)), `the end of the upload to ${location}`);
    equal(told(), ['Uploading', 'Uploaded'], `statuses of the upload to ${location}`);
    return find(fileName);
}

function judgeDiagnostics(text, what) {
    for (const line of [/^Holdfast diagnostics, made 20/, /^station: Holdfast Holdfast DC, serial S\/1, version /m,
        /^link: open, registration accepted/m, /^journal: good/m, /^\[connector 1\]$/m, /^pool messages: /m,
        /^HeartbeatInterval = \d+$/m, /^LocalStartTag = \(not shown\)$/m, /^real-time priority: /m, /^task comms: alive/m,
        /^\[log\]$/m, /connected to central system$/m]) {
        check(line.test(text), `${what}: no line ${line}`);
    }
    check(!text.includes('SESAME'), `${what} shows the start button's tag`);
    check(!text.includes(PASSWORD), `${what} shows a password`);
}

async function uploads(central, http) {
    const last = () => http.requests.at(-1);
    const put = await diagnose(central, `${http.url}/folder/`, (name) => {
        equal([last().method, last().url], ['PUT', `/folder/${name}`], 'upload to a folder');
        return last();
    });
    equal(put.headers['content-length'], String(put.body.length), 'length told before it goes out');
    judgeDiagnostics(put.body.toString(), 'PUT');
    const exact = await diagnose(central, `${http.url}/file?signature=abc`, last);
    equal([exact.method, exact.url], ['PUT', '/file?signature=abc'], 'upload to an exact address');
    const form = await diagnose(central, `${http.url}/form`, last);
    equal([form.method, form.url], ['POST', '/form'], 'a server without PUT');
    check(/^multipart\/form-data/.test(form.headers['content-type']), 'POST is no form');
    check(/name="file"; filename="diagnostics-/.test(form.body), 'the form has no file');
    judgeDiagnostics(form.body.toString().split('\r\n\r\n')[1], 'POST');
}

async function window(central, http) {
    const lines = (text) => text.split('\n[log]\n')[1].split('\n').filter((line) => line !== '');
    const body = () => http.requests.at(-1).body.toString();
    const all = lines(await diagnose(central, `${http.url}/w/`, body));
    const middle = all[Math.floor(all.length / 2)].split(' ')[0];
    const late = lines(await diagnose(central, `${http.url}/w/`, body, {startTime: middle}));
    const early = lines(await diagnose(central, `${http.url}/w/`, body, {stopTime: middle}));
    check(late.length > 0 && late.every((line) => line.split(' ')[0] >= middle), 'lines before startTime');
    check(early.length > 0 && early.every((line) => line.split(' ')[0] <= middle), 'lines after stopTime');
    check(early.length < all.length, 'stopTime leaves nothing out');
    const nothing = await central.call('GetDiagnostics', {location: `${http.url}/w/`, startTime: '2100-01-01T00:00:00Z'});
    equal(nothing, {}, 'a window that is still to come');
}

async function refusedUpload(central, http) {
    const told = statuses(central, 'DiagnosticsStatusNotification');
    await central.call('GetDiagnostics', {location: `${http.url}/refuse/x`, retries: 1, retryInterval: 1});
    await until(() => told().includes('UploadFailed'), 'UploadFailed');
    equal(told(), ['Uploading', 'UploadFailed'], 'statuses of an upload that is refused');
    equal(http.tries.get('/refuse/x'), 2, 'tries of an upload that is refused');
}

async function ftp(central, station) {
    const folder = join(station.folder, 'ftp');
    mkdirSync(join(folder, 'logs'), {recursive: true});
    writeFileSync(join(folder, 'image.bin'), IMAGE);
    const server = await startFtp(folder);
    if (server.missing) {
        console.log('SKIPPED: FTP: the Debian package python3-pyftpdlib is missing');
        return;
    }
    await good(central, station, `${server.url}/image.bin`, 'FTP');
    await bad(central, station, `${server.url}/nothing.bin`, 'FTP without the file');
    await bad(central, station, `${server.url.replace(PASSWORD, 'wrong')}/image.bin`, 'FTP with a wrong password');
    const text = await diagnose(central, `${server.url}/logs`, (name) => readFileSync(join(folder, 'logs', name), 'utf8'));
    judgeDiagnostics(text, 'STOR');
    check(!station.daemon.stderr.includes(PASSWORD), 'a password is in the log');
    server.end();
}

async function sessionGoesOn(central, station, http) {
    station.sim.tell('plug 1');
    await central.waitStatus('Preparing');
    equal(await central.call('RemoteStartTransaction', {connectorId: 1, idTag: 'TAG'}), {status: 'Accepted'}, 'remote start');
    await station.waitPower();
    const from = station.sim.events.all.length;
    await good(central, station, `${http.url}/slow`, 'a slow download in a session');
    const off = station.sim.events.all.slice(from).filter((e) => e.event === 'power' && e.power_mW === 0);
    equal(off, [], 'power went while a download ran');
    equal(central.unique('StopTransaction').length, 0, 'transactions ended');
}

async function killedInDownload(central, station, http) {
    const told = statuses(central, 'FirmwareStatusNotification');
    await central.call('UpdateFirmware', {location: `${http.url}/silent`, retrieveDate: PAST, retries: 0});
    await until(() => told().length > 0, 'Downloading');
    await sleep(200);
    await station.daemon.end('SIGKILL', 'SIGKILL');
    station.startDaemon(central.url);
    await until(() => told().includes('DownloadFailed'), 'the failure told after a restart');
    equal(told(), FAILED, 'statuses over a kill');
    judgeNoFile(station, 'a download that was killed');
}

async function endsInDownload(central, station, http) {
    await central.call('UpdateFirmware', {location: `${http.url}/stuck`, retrieveDate: PAST});
    await until(() => existsSync(join(station.folder, 'state', 'firmware.part')), 'a download');
    const from = now();
    await station.daemon.end();
    check(now() - from < 8, `ending took ${now() - from} s`);
}

await main('transfer', async () => {
    const central = new Central();
    Object.assign(central.answers, {FirmwareStatusNotification: () => ({}), DiagnosticsStatusNotification: () => ({})});
    await central.listen();
    const station = new Station({settings: ['LocalStartTag=SESAME']});
    const pairs = certificates(station.folder);
    station.daemonArguments = ['--ca', join(station.folder, 'ca.pem'), '--stall', String(STALL_S), '--serial', 'S/1'];
    const http = await new Server().listen();
    const tls = {};
    for (const name of Object.keys(pairs)) {
        tls[name] = await new Server(pairs[name]).listen();
        tls[name].plainUrl = `${http.url}/image`;
    }
    await station.startSim();
    station.startDaemon(central.url);
    await central.waitStatus('Available');
    await downloads(central, station, http);
    await certificatesAreChecked(central, station, tls);
    await uploads(central, http);
    await window(central, http);
    await refusedUpload(central, http);
    await ftp(central, station);
    await hostile(central, station, http);
    await sessionGoesOn(central, station, http);
    await killedInDownload(central, station, http);
    await endsInDownload(central, station, http);
    equal(central.invalid, [], 'frames that are not valid');
    [http, ...Object.values(tls)].forEach((server) => server.close());
    await station.sim.end();
    await central.close();
});
