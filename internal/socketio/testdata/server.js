// A real npm socket.io server for the tests. It takes its options as JSON in
// the first argument, prints one JSON object a line about what it sees, and
// obeys one word a line on standard input.
'use strict';
const http = require('http');
const readline = require('readline');
const { Server } = require('socket.io');
const { WebSocketServer } = require('ws');

const options = JSON.parse(process.argv[2]);
const tell = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const fault = { portal: false, hang: false, mute: false };
const tcp = new Set();
const mutes = new WebSocketServer({ noServer: true });
let httpServer;
let io;

function intercept(event, handler) {
  const inner = httpServer.listeners(event).slice();
  httpServer.removeAllListeners(event);
  httpServer.on(event, (...args) => {
    if (!handler(...args)) inner.forEach((f) => f.apply(httpServer, args));
  });
}

function start(port) {
  httpServer = http.createServer();
  httpServer.on('connection', (c) => {
    tcp.add(c);
    c.on('close', () => tcp.delete(c));
  });
  io = new Server(httpServer, { path: '/partner/socket', ...options });
  io.use((socket, next) => {
    if (socket.handshake.auth.apiKey === options.key) return next();
    const err = new Error('Invalid API key');
    err.data = { code: 'UNAUTHORIZED' };
    next(err);
  });
  io.on('connection', (socket) => {
    tell({ saw: 'connection', transport: socket.conn.transport.name });
    socket.conn.on('upgrade', (t) => tell({ saw: 'upgrade', transport: t.name }));
    socket.on('disconnect', (reason) => tell({ saw: 'disconnect', reason }));
    socket.emit('authenticated', { partnerName: 'Duka', environment: 'sandbox' });
    socket.on('echo', (...args) => socket.emit('echoed', ...args));
    socket.on('ask', (q, answer) => answer({ q }, 42));
    socket.on('askme', () => socket.emit('question', 'who', (...got) => socket.emit('heard', got)));
    socket.on('count', (n) => {
      let i = 0;
      const timer = setInterval(() => (i < n ? socket.emit('n', i++) : clearInterval(timer)), 2);
    });
    socket.on('big', (n) => socket.emit('blob', '€'.repeat(n)));
    socket.on('binary', () => socket.emit('bytes', Buffer.from([0, 1, 30, 255]), 'after', { in: Buffer.from('x') }));
  });
  intercept('request', (req, res) => {
    if (!fault.portal) return false;
    res.writeHead(200, { 'content-type': 'text/html' });
    res.end('<!DOCTYPE html><html><body>Log in to the WiFi</body></html>');
    return true;
  });
  intercept('upgrade', (req, socket, head) => {
    if (fault.portal) socket.end('HTTP/1.1 302 Found\r\nLocation: http://portal.invalid/\r\nContent-Length: 0\r\n\r\n');
    else if (fault.mute) mutes.handleUpgrade(req, socket, head, () => {});
    return fault.portal || fault.mute || fault.hang;
  });
  httpServer.listen(port, '127.0.0.1', () => tell({ saw: 'ready', port: httpServer.address().port }));
}

const commands = {
  // Between two polls nobody would notice: a polling client is waited for.
  kill: () => {
    const held = (c) => c.transport.name !== 'polling' || c.transport.writable;
    if (Object.values(io.engine.clients).every(held)) tcp.forEach((c) => c.destroy());
    else setTimeout(commands.kill, 1);
  },
  kick: () => io.disconnectSockets(),
  kickhard: () => io.disconnectSockets(true),
  garbage: () => io.sockets.sockets.forEach((s) => s.conn.write('9nonsense')),
  badevent: () => io.sockets.sockets.forEach((s) => s.conn.write('2{"not":"an array"}')),
  restart: () => {
    const { port } = httpServer.address();
    io.close();
    tcp.forEach((c) => c.destroy());
    setTimeout(() => start(port), 100);
  },
  portal: () => { fault.portal = true; tcp.forEach((c) => c.destroy()); },
  noportal: () => { fault.portal = false; },
  hang: () => { fault.hang = true; },
  mute: () => { fault.mute = true; },
  event: () => io.emit('late', 'news'),
};

readline.createInterface({ input: process.stdin })
  .on('line', (line) => { commands[line](); tell({ saw: 'did', what: line }); })
  .on('close', () => process.exit(0));
start(options.port || 0);
