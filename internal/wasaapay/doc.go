// Package wasaapay speaks to WasaaPay: M-Pesa deposits over REST, their state
// over polling and over the Socket.IO stream, and the webhooks that WasaaPay
// sends, with their signatures. The wire facts are reference/wasaapay.md's; its
// section numbers stand beside the code that rests on them.
//
// The signature of a webhook covers not the bytes that arrive but what
// JavaScript makes of them: JSON.stringify of the parsed body without its
// top-level signature. This package therefore carries a JavaScript-exact JSON
// canonicaliser in two forms that agree: a strict pass that proves a body to be
// canonical already, so that its own bytes can be hashed in place without an
// allocation, and an emitter that rewrites any other body.
//
// It leaves HTTP itself to apiclient, the Socket.IO protocol to socketio,
// storing and merging to store and payment, and words for people to cli.
package wasaapay
