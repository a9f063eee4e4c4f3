// A station of another maker: the npm package ocpp-rpc in strict mode, which checks every
// message of both sides against the standard's schemas. Prints one JSON object at its end.
//
//   node ocpp_rpc_station.js ENDPOINT IDENTITY
const {RPCClient} = require('ocpp-rpc');

const [endpoint, identity] = process.argv.slice(2);
const report = {steps: [], commands: [], failures: []};
const fail = (what, error) => report.failures.push(`${what}: ${error?.message ?? error}`);

const station = new RPCClient({
    endpoint, identity, protocols: ['ocpp1.6'], strictMode: true, reconnect: false,
    callTimeoutMs: 15000, pingIntervalMs: 1000,
});
station.on('strictValidationFailure', ({error, method}) => fail(`strict ${method}`, error));
station.on('badMessage', ({error}) => fail('bad message', error));
station.on('close', ({code}) => report.closeCode = code);

const commanded = new Promise((resolve) => {
    station.handle('GetConfiguration', ({params}) => {
        report.commands.push({action: 'GetConfiguration', params});
        setTimeout(resolve, 100);
        return {configurationKey: [{key: 'HeartbeatInterval', readonly: false, value: '300'}]};
    });
});

async function say(action, payload) {
    try {
        const answer = await station.call(action, payload);
        report.steps.push({action, answer});
        return answer;
    } catch (error) {
        fail(action, error);
        return {};
    }
}

async function main() {
    const {response} = await station.connect();
    report.protocol = station.protocol;
    report.status = response?.statusCode;
    const now = () => new Date().toISOString();
    await say('BootNotification', {
        chargePointVendor: 'ocpp-rpc', chargePointModel: 'strict', firmwareVersion: '2.2.1',
    });
    await say('StatusNotification', {connectorId: 0, errorCode: 'NoError', status: 'Available'});
    await say('StatusNotification',
        {connectorId: 1, errorCode: 'NoError', status: 'Preparing', timestamp: now()});
    await say('Heartbeat', {});
    await say('Authorize', {idTag: 'CARD-1'});
    const started = await say('StartTransaction',
        {connectorId: 1, idTag: 'CARD-1', meterStart: 1000, timestamp: now()});
    const transactionId = started.transactionId;
    await say('MeterValues', {connectorId: 1, transactionId, meterValue: [{
        timestamp: now(),
        sampledValue: [
            {value: '1500', measurand: 'Energy.Active.Import.Register', unit: 'Wh'},
            {value: '11000', measurand: 'Power.Active.Import', unit: 'W'},
        ],
    }]});
    await say('StopTransaction',
        {transactionId, meterStop: 2000, timestamp: now(), reason: 'Local', idTag: 'CARD-1'});
    await say('DataTransfer', {vendorId: 'ocpp-rpc', messageId: 'hello', data: 'world'});
    await say('DiagnosticsStatusNotification', {status: 'Idle'});
    await say('FirmwareStatusNotification', {status: 'Idle'});
    process.stderr.write('said everything\n');
    const patience = new Promise((resolve) => setTimeout(resolve, 30000, 'too late'));
    if (await Promise.race([commanded, patience]) === 'too late') {
        fail('command', 'none came');
    }
    await station.close();
}

main().catch((error) => fail('station', error)).finally(() => {
    process.stdout.write(JSON.stringify(report) + '\n', () => process.exit(0));
});
