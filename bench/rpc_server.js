// A measure: a central system as the README of the npm package ocpp-rpc builds one, strict: it
// checks every message of both sides against the standard's schemas. It keeps nothing.
//
//   node rpc_server.js
const {RPCServer} = require('ocpp-rpc');

const answers = {
    BootNotification: () => ({
        status: 'Accepted', interval: 300, currentTime: new Date().toISOString(),
    }),
    Heartbeat: () => ({currentTime: new Date().toISOString()}),
    StatusNotification: () => ({}),
    MeterValues: () => ({}),
};

const server = new RPCServer({protocols: ['ocpp1.6'], strictMode: true});
server.auth((accept) => accept());
server.on('client', (client) => {
    for (const [action, answer] of Object.entries(answers)) {
        client.handle(action, answer);
    }
    client.on('strictValidationFailure', ({error}) => console.error(error));
});
server.listen(0, '127.0.0.1').then((http) => {
    console.log(`stations: ws://127.0.0.1:${http.address().port}/ocpp/<id>`);
});
process.on('SIGTERM', () => process.exit(0));
