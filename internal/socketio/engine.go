package socketio

import (
	"encoding/json"
	"fmt"
	"math"
	"time"
	"unicode/utf8"
)

// engineType is the first character of an Engine.IO packet.
type engineType byte

const (
	engineOpen    engineType = '0'
	engineClose   engineType = '1'
	enginePing    engineType = '2'
	enginePong    engineType = '3'
	engineMessage engineType = '4'
	engineUpgrade engineType = '5'
	engineNoop    engineType = '6'
)

// probeText is what the pings of a transport upgrade carry.
const probeText = "probe"

// enginePacket is one Engine.IO packet. A binary one is always a message and
// carries an attachment of the Socket.IO packet before it.
type enginePacket struct {
	kind   engineType
	data   []byte
	binary bool
}

// parseEnginePacket reads a packet in its text form; data aliases text.
func parseEnginePacket(text []byte) (enginePacket, error) {
	if len(text) == 0 {
		return enginePacket{}, fmt.Errorf("%w: empty", ErrMalformed)
	}
	if text[0] < byte(engineOpen) || text[0] > byte(engineNoop) {
		return enginePacket{}, fmt.Errorf("%w: unknown engine.io type %q", ErrMalformed, text[0])
	}
	if !utf8.Valid(text) {
		return enginePacket{}, fmt.Errorf("%w: not utf-8", ErrMalformed)
	}
	return enginePacket{kind: engineType(text[0]), data: text[1:]}, nil
}

// text gives the packet in its text form.
func (p enginePacket) text() []byte {
	return append([]byte{byte(p.kind)}, p.data...)
}

// isProbe tells the ping or pong of an upgrade from a heartbeat.
func (p enginePacket) isProbe(kind engineType) bool {
	return p.kind == kind && !p.binary && string(p.data) == probeText
}

// handshake is what the server announces in its open packet.
type handshake struct {
	sid          string
	upgrades     []string
	pingInterval time.Duration
	pingTimeout  time.Duration
	// maxPayload is the largest message the server takes, in bytes.
	maxPayload int64
}

// silence is how long the server may be quiet before it counts as dead.
func (h handshake) silence() time.Duration { return h.pingInterval + h.pingTimeout }

// handshakeJSON is the open packet's body; times are in milliseconds.
type handshakeJSON struct {
	SID          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval float64  `json:"pingInterval"`
	PingTimeout  float64  `json:"pingTimeout"`
	MaxPayload   *float64 `json:"maxPayload,omitempty"`
}

// parseHandshake reads an open packet's body and refuses values that would
// leave the client waiting for ever or spinning (reference/socketio.md,
// client 6). A missing maxPayload, as older servers have it, means the npm
// default of 1 MB.
func parseHandshake(data []byte) (handshake, error) {
	var raw handshakeJSON
	if err := json.Unmarshal(data, &raw); err != nil {
		return handshake{}, fmt.Errorf("%w: handshake is not json", ErrMalformed)
	}
	h := handshake{sid: raw.SID, upgrades: raw.Upgrades, maxPayload: defaultServerPayload}
	if !validSID(h.sid) {
		return handshake{}, fmt.Errorf("%w: handshake without a usable sid", ErrMalformed)
	}
	var ok bool
	if h.pingInterval, ok = milliseconds(raw.PingInterval); !ok {
		return handshake{}, fmt.Errorf("%w: handshake pingInterval %v ms is absurd", ErrMalformed, raw.PingInterval)
	}
	if h.pingTimeout, ok = milliseconds(raw.PingTimeout); !ok {
		return handshake{}, fmt.Errorf("%w: handshake pingTimeout %v ms is absurd", ErrMalformed, raw.PingTimeout)
	}
	if raw.MaxPayload != nil {
		if *raw.MaxPayload < 1 || *raw.MaxPayload > math.MaxInt32 {
			return handshake{}, fmt.Errorf("%w: handshake maxPayload %v is absurd", ErrMalformed, *raw.MaxPayload)
		}
		h.maxPayload = int64(*raw.MaxPayload)
	}
	return h, nil
}

// text is the open packet in its text form. upgrades is always an
// array, even when empty: the npm client reads its length.
func (h handshake) text() ([]byte, error) {
	limit := float64(h.maxPayload)
	raw := handshakeJSON{
		SID: h.sid, Upgrades: h.upgrades,
		PingInterval: float64(h.pingInterval.Milliseconds()),
		PingTimeout:  float64(h.pingTimeout.Milliseconds()),
		MaxPayload:   &limit,
	}
	if raw.Upgrades == nil {
		raw.Upgrades = []string{}
	}
	body, err := json.Marshal(raw)
	if err != nil {
		return nil, fmt.Errorf("encode handshake: %w", err)
	}
	return enginePacket{kind: engineOpen, data: body}.text(), nil
}

func milliseconds(ms float64) (time.Duration, bool) {
	if !(ms >= 1) || ms > float64(maxHandshakeTime.Milliseconds()) {
		return 0, false
	}
	return time.Duration(ms * float64(time.Millisecond)), true
}

// validSID accepts what can stand in a query and is not a memory hog.
func validSID(sid string) bool {
	if sid == "" || len(sid) > 256 {
		return false
	}
	for i := range len(sid) {
		if sid[i] <= ' ' || sid[i] >= 0x7f {
			return false
		}
	}
	return true
}
