// Package provider is the one table of providers: what each is, as data, and what
// each can do, made from the settings of a profile.
//
// # Add a provider
//
//  1. Name it: a ProviderID in internal/payment/deposit.go.
//  2. Write its adapter, internal/NAME: Depositor, Streamer, Receiver, as far as it goes
//     (payment/ports.go). It imports the ground and apiclient, no other adapter.
//  3. Draw its wall: a row in internal/layers_test.go.
//  4. Give it settings: a struct in internal/config (settings.go, variables.go).
//  5. Write its row here, NAME.go after the model of wasaapay.go, and list it in Builtin:
//     routes, what it sends once, schedule and budget key, proof, receiver, samples,
//     explanations, the pages of its documentation.
//  6. Teach the emulator its side, internal/emulator/NAME, from the reference alone.
//  7. Write testdata/script/NAME.txtar, run "make completions", name it in README.md.
//
// No other package branches on a provider's id. TestFourthProvider of internal/cli adds
// one in a test file alone and walks every verb that knows providers with it.
package provider
