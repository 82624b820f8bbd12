package mcp

// NewEventStore is tested from outside: a client would need hours to fill it.
var NewEventStore = newEventStore
