// Package serve opens sockets and serves HTTP on them until a context ends. What is served
// is its users': the emulator, the browser view and the listener.
package serve
