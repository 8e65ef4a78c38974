// Package webhook is the bench for webhook payloads: it checks archives of any
// size on all cores in constant memory, explains why a signature does not fit,
// makes payloads and mistakes on purpose, and hammers an endpoint with them.
// What a provider's payload is and how it is signed stays in the adapters;
// sending stored deliveries again is replay's work.
package webhook
